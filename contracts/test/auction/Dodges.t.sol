// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {KIND_CALL} from "../../src/types/Market.sol";
import {Trade} from "../../src/types/Plan.sol";
import {Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// What an owner may try to keep what he lost, and what strangers may try to get it cheaply.
contract DodgesTest is Hall {
    // ---- the owner

    /// Dust of base changes the positions between the report and every start.
    function test_dust_in_every_block_dodges_no_start() public {
        enterPortfolio();
        setPrice(3700);
        Report memory report = opinion(annId, 0, 26_000e6);
        bytes[] memory signatures = signed(report);
        fundBase(ann, 1);
        hall.start(annId, report, signatures);
        vm.assertFalse(house.isFrozen(annId)); // warned
        wait_(12);
        report = opinion(annId, 0, 26_000e6);
        signatures = signed(report);
        fundBase(ann, 1);
        wait_(12);
        fundBase(ann, 1);
        hall.start(annId, report, signatures);
        vm.assertTrue(house.isFrozen(annId));
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        this.dust();
        bid(annId, ALL, opinion(annId, 0, 26_000e6));
    }

    function dust() external {
        weth.mint(ann, 1);
        vm.startPrank(ann);
        weth.approve(address(house), 1);
        house.deposit(address(weth), 1, 0, ann);
        vm.stopPrank();
    }

    function test_a_report_on_other_positions_that_is_old_starts_nothing() public {
        enterPortfolio();
        setPrice(3700);
        Report memory report = opinion(annId, 0, 26_000e6);
        fundBase(ann, 1);
        wait_(31);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.StateMoved.selector);
        hall.start(annId, report, signatures);
    }

    /// What signers said of a trade that never came is no word about what the account holds.
    function test_StateMoved_a_report_on_a_trade_starts_nothing() public {
        enterPortfolio();
        setPrice(3700);
        Report memory report = opinion(annId, 0, 26_000e6);
        report.accounts[0].positionsAfter = bytes32(uint256(1));
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.StateMoved.selector);
        hall.start(annId, report, signatures);
    }

    /// Whoever repaired his account under SIMPLE is not caught by what was true half a minute ago.
    function test_a_cure_beats_the_reports_of_before() public {
        enterPortfolio();
        setPrice(3700);
        start(annId, opinion(annId, 0, 26_000e6));
        wait_(12);
        Report memory report = opinion(annId, 0, 26_000e6);
        bytes[] memory signatures = signed(report);
        clear(annId, bobId, perp, -200e18, 3700e18);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        hall.start(annId, report, signatures);
    }

    /// A withdrawal asked for in time is not paid while the account is under auction.
    function test_a_pending_withdrawal_waits_for_the_end() public {
        enterPortfolio();
        Report memory report = opinion(annId, 0, 20_000e6);
        bytes[] memory signatures = signed(report);
        vm.prank(ann);
        house.withdraw(address(usdc), 50_000e6, 0, report, signatures);
        wait_(1 hours);
        setPrice(3700);
        start(annId, opinion(annId, 0, 26_000e6));
        wait_(10);
        start(annId, opinion(annId, 0, 26_000e6));
        report = opinion(annId, 0, 0);
        signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        vm.prank(ann);
        house.withdraw(address(usdc), 50_000e6, 0, report, signatures);
    }

    /// He buys his own account back from another one: at the price of that second, and with the fee.
    function test_a_bid_on_ones_own_account_costs_discount_and_fee() public {
        lever();
        setPrice(3200);
        start(annId);
        int256 before = _equity(annId) + _equity(catId) + fundCash();
        int256 fundBefore = fundCash();
        bid(annId, ALL);
        // to an atom of rounding in each account
        vm.assertLe(_equity(annId) + _equity(catId) + fundCash(), before);
        vm.assertGe(_equity(annId) + _equity(catId) + fundCash(), before - 2);
        vm.assertGe(fundCash(), fundBefore + 1);
    }

    // ---- strangers

    /// A crumb would void the report of everybody else's bid, in every block, until the price is low.
    function test_FractionOutOfRange_crumbs_keep_nobody_out() public {
        lever();
        write(10e18);
        setPrice(3200);
        start(annId);
        Report memory report = opinion(annId, -100e6, 0);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.FractionOutOfRange.selector);
        vm.prank(cat);
        hall.bid(annId, 0.01e18 - 1, 0, ANY, report, signatures);
        bid(annId, 0.01e18, report);
    }

    function test_FractionOutOfRange_of_a_bankrupt_too() public {
        lever();
        setPrice(2900);
        start(annId);
        vm.expectPartialRevert(IAuction.FractionOutOfRange.selector);
        bid(annId, 0.01e18 - 1);
    }

    /// Nearly restored, less than a hundredth is left to sell: that much may be asked for.
    function test_what_restores_may_be_a_crumb() public {
        lever();
        setPrice(3200);
        start(annId);
        (, int256 mm, int256 equity) = house.simple(annId);
        uint256 most = hall.sliceOf(hall.bufferOf(equity, mm), equity, 0, 0.98e18);
        bid(annId, most - 0.001e18);
        (uint256 taken,) = bid(annId, 0.005e18);
        vm.assertLe(taken, 0.005e18);
        end(annId);
    }

    /// Nobody ended the auction of an account that recovered: hours later a dip must not give it away.
    function test_an_auction_that_nobody_ended_gives_nothing_away() public {
        lever();
        setPrice(3200);
        start(annId);
        setPrice(3500);
        wait_(5 hours);
        vm.expectPartialRevert(IAuction.Restored.selector);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        setPrice(3230); // maintenance holds, its buffer does not
        vm.expectPartialRevert(IAuction.NotBankrupt.selector);
        bid(annId, ALL);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(10 minutes - 1);
        vm.expectPartialRevert(IAuction.NotBankrupt.selector);
        bid(annId, ALL);
        fund(ann, 5_000e6); // he was told
        end(annId);
        vm.assertGe(_equity(annId), 28_000e6);
    }

    /// SIMPLE says less than an account with options is worth: while the signers are silent the fund does
    /// not pay for that difference at once, and nobody owes it.
    function test_in_silence_the_fund_begins_with_what_is_lost_for_sure() public {
        fund(address(house), 100_000e6);
        _spread();
        wait_(24 hours);
        hall.notice();
        wait_(48 hours);
        setPrice(4500);
        start(annId);
        (, int256 missing, int256 equity) = house.simple(annId);
        (int256 linear,, int256 most,) = house.exposureOf(annId);
        vm.assertLe(equity, int256(-1));
        vm.assertGe(linear + most, int256(1));
        fund(cat, 10_000_000e6);
        (, int256 paid) = bid(annId, 0.1e18);
        vm.assertEq(paid, 0);
        wait_(30 minutes);
        (, paid) = bid(annId, 0.1e18);
        vm.assertGe(paid, missing * 9 / 200 - 1); // a tenth of the nine tenths left, half way up
        vm.assertGe(house.cashOf(annId), int256(0));
    }

    /// Short 600 calls, long 600 that end later: nothing by SIMPLE, fine by the signers.
    function _spread() private {
        fund(bob, 10_000_000e6);
        fund(ann, 400_000e6);
        uint160 later = InstrumentId.encode(ETH, KIND_CALL, EXPIRY + 28 days, 4400e18);
        uint256[] memory slots = new uint256[](2);
        slots[0] = uint256(call44) << 96 | uint96(int96(-600e18));
        slots[1] = uint256(later) << 96 | 600e18;
        Report memory report = newReport(0, 1);
        report.accounts[0] = riskOf(annId, keccak256(abi.encodePacked(slots)), 0, 200_000e6);
        Trade[] memory trades = new Trade[](2);
        trades[0] = trade(annId, bobId, call44, -600e18, 400e18);
        trades[1] = trade(annId, bobId, later, 600e18, 500e18);
        clear(trades, report);
    }

    function _equity(bytes32 who) private view returns (int256 equity) {
        (,, equity) = house.simple(who);
    }
}
