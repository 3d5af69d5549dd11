// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {FIXINGS, KIND_ASIAN_CALL} from "../../src/types/Market.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// What may happen in the middle of an auction: series end, feeds fall silent, guardians pause, winners
/// leave. Exits stay open and the books in order.
contract InterruptionsTest is Hall {
    // ---- the world stops

    function test_a_stale_feed_stops_sales_but_no_deposit_nor_the_end_of_who_has_nothing() public {
        lever();
        setPrice(3200);
        start(annId);
        bid(annId, 0.02e18);
        vm.warp(block.timestamp + 2 hours);
        vm.expectPartialRevert(IClearinghouse.FeedStale.selector);
        bid(annId, ALL);
        vm.expectPartialRevert(IClearinghouse.FeedStale.selector);
        end(annId);
        fund(ann, 10_000e6);
        feed.set(3200e8);
        end(annId);
        vm.assertFalse(house.isFrozen(annId));
    }

    function test_a_pause_stops_no_sale() public {
        lever();
        setPrice(3200);
        vm.startPrank(guardian);
        params.pause();
        params.reduceOnly(ETH);
        vm.stopPrank();
        start(annId);
        bid(annId, ALL);
        end(annId);
        fund(bob, 1);
    }

    /// Contracts taken against the bidder's own close; those of the others stay open.
    function test_open_interest_falls_by_what_a_sale_closes() public {
        lever();
        clear(catId, bobId, perp, -30e18, 4000e18);
        vm.assertEq(house.openInterest(ETH), 100e18);
        setPrice(2900);
        start(annId);
        bid(annId, ALL);
        vm.assertEq(house.openInterest(ETH), 70e18);
        vm.assertEq(house.positions(annId).length, 0);
    }

    function test_funding_that_moves_meanwhile_is_in_the_price() public {
        lever();
        setPrice(3200);
        start(annId);
        Report memory report = markReport(perp, 3300e18);
        house.pokeFunding(ETH, report, signed(report));
        wait_(1 hours);
        // .05 % an hour, of 3,200 x 100: what longs paid
        (,, int256 equity) = house.simple(annId);
        vm.assertEq(equity, 20_000e6 - 160e6);
        int256 before = equity + _equity(catId) + _equity(bobId) + fundCash();
        bid(annId, ALL);
        int256 afterwards = _equity(annId) + _equity(catId) + _equity(bobId) + fundCash();
        vm.assertLe(afterwards, before);
        vm.assertGe(afterwards, before - 3);
    }

    // ---- series end

    function test_a_series_that_ends_is_paid_out_and_the_rest_is_sold() public {
        lever();
        write(10e18);
        vm.warp(EXPIRY - 1 hours);
        setPrice(3150);
        start(annId);
        vm.warp(EXPIRY - 10);
        setPrice(2900);
        Report memory report = opinion(annId, 0, 0);
        bytes[] memory signatures = signed(report);
        vm.warp(EXPIRY + 10);
        setPrice(2900);
        house.fixExpiry(ETH, EXPIRY, (1 << 64) + 2);
        house.settleExpired(annId); // by anybody
        house.settleExpired(bobId);
        // positions moved: what was signed of them before does not do, and is not needed any more
        vm.expectPartialRevert(IClearinghouse.StateMoved.selector);
        vm.prank(cat);
        hall.bid(annId, ALL, 0, ANY, report, signatures);
        bid(annId, ALL);
        vm.assertEq(house.positions(annId).length, 0);
        vm.assertEq(house.openInterest(ETH), 100e18);
        hall.absorb(annId);
        vm.assertEq(hall.insolvent(), uint256(hall.deficit(1).amount));
        vm.assertEq(house.cashOf(annId), -int256(uint256(hall.deficit(1).amount)));
    }

    function test_an_Asian_whose_mean_is_fixed_meanwhile_is_paid_out() public {
        uint40 expiry = uint40(START + 6 days + 1 hours);
        uint160 asian = InstrumentId.encode(ETH, KIND_ASIAN_CALL, expiry, 3000e18);
        fund(bob, 1_000_000e6);
        clear(annId, bobId, asian, -80e18, 1000e18);
        vm.warp(expiry - 30 minutes);
        setPrice(9900);
        for (uint256 i; i < FIXINGS - 1; ++i) {
            house.recordFixing(ETH, expiry, (1 << 64) + 1);
        }
        start(annId); // 180,000 of cash, the mean is 4,842.86
        vm.warp(expiry);
        setPrice(9900);
        vm.warp(expiry + 1);
        setPrice(9900);
        house.recordFixing(ETH, expiry, (1 << 64) + 3);
        house.settleExpired(annId);
        house.settleExpired(bobId);
        (uint8 done, uint256 sum) = house.fixings(ETH, expiry);
        vm.assertEq(done, FIXINGS);
        vm.assertEq(sum, 33_900e18);
        vm.assertEq(house.openInterest(ETH), 0);
        vm.assertEq(house.positions(annId).length, 0);
        end(annId); // enough was left
        vm.assertEq(house.cashOf(annId), 180_000e6 - 147_428_571_429);
    }

    // ---- winners leave

    function test_NotEntitled_a_winner_who_left_costs_a_round_and_no_more() public {
        bytes32[2] memory winners = [account(address(0xd1)), account(address(0xd2))];
        fund(address(0xd1), 100_000e6);
        fund(address(0xd2), 100_000e6);
        clear(annId, winners[0], perp, 60e18, 4000e18);
        clear(annId, winners[1], perp, 40e18, 4000e18);
        setPrice(2900);
        start(annId);
        bid(annId, ALL);
        hall.absorb(annId); // 10,000
        wait_(1 hours);
        _page(winners[0], 60_000e6, 6_000e6, 10_000e6, 100_000e6);
        clear(winners[1], bobId, perp, 40e18, 2900e18); // takes his gain and goes
        (Report memory report, bytes32[] memory accounts, uint256[] memory cuts) =
            _round(winners[1], 40_000e6, 4_000e6, 10_000e6, 100_000e6);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.NotEntitled.selector);
        vm.prank(approver);
        hall.deleverage(1, 100_000e6, accounts, cuts, report, signatures);
        vm.assertEq(house.cashOf(annId), -4_000e6);
        wait_(10 minutes);
        _page(winners[0], 60_000e6, 4_000e6, 4_000e6, 60_000e6);
        vm.assertEq(house.cashOf(annId), 0);
        vm.assertFalse(house.isFrozen(annId));
        vm.assertEq(hall.insolvent(), 0);
    }

    function _page(bytes32 who, uint256 gain, uint256 cut, uint256 left, uint256 total) private {
        (Report memory report, bytes32[] memory accounts, uint256[] memory cuts) =
            _round(who, gain, cut, left, total);
        bytes[] memory signatures = signed(report);
        vm.prank(approver);
        hall.deleverage(1, total, accounts, cuts, report, signatures);
    }

    function _round(bytes32 who, uint256 gain, uint256 cut, uint256 left, uint256 total)
        private
        view
        returns (Report memory report, bytes32[] memory accounts, uint256[] memory cuts)
    {
        (accounts, cuts) = (new bytes32[](1), new uint256[](1));
        (accounts[0], cuts[0]) = (who, cut);
        report = newReport(0, 1);
        bytes32 hash = house.positionsHash(who);
        uint256 none = type(uint256).max;
        report.accounts[0] = AccountRisk(who, hash, hash, int256(gain), none, none, none, 0, ETH);
        report.snapshotHash = hall.purposeOf(1, left, total);
    }

    function _equity(bytes32 who) private view returns (int256 equity) {
        (,, equity) = house.simple(who);
    }
}
