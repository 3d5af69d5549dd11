// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {PositionSlot} from "../../src/libraries/PositionSlot.sol";
import {Trade} from "../../src/types/Plan.sol";
import {Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// Who may be liquidated and when, what a bid takes and pays, and where it ends.
contract AuctionTest is Hall {
    // ---- starting

    function test_NotLiquidatable_while_maintenance_holds() public {
        lever();
        setPrice(3300);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        start(annId);
    }

    function test_a_start_freezes_and_says_who_won() public {
        lever();
        setPrice(3200);
        vm.expectEmit(true, true, false, true);
        emit IAuction.AuctionStarted(annId, address(this), ETH, 1, 20_000e6, -800e6, -300_000e6);
        start(annId);
        vm.assertTrue(house.isFrozen(annId));
        vm.expectPartialRevert(IAuction.AuctionRunning.selector);
        start(annId);
    }

    function test_a_frozen_account_can_only_deposit() public {
        lever();
        setPrice(3200);
        start(annId);
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        vm.prank(ann);
        house.withdraw(address(usdc), 1, 0, noReport(), new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        this.tradeOnce();
        weth.mint(ann, 1);
        vm.startPrank(ann);
        weth.approve(address(house), 1);
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector); // it would void reports
        house.deposit(address(weth), 1, 0, ann);
        vm.stopPrank();
        fund(ann, 10_000e6);
        end(annId);
        vm.assertFalse(house.isFrozen(annId));
        this.tradeOnce();
    }

    function tradeOnce() external {
        clear(annId, bobId, perp, -1e18, 3200e18);
    }

    function test_in_portfolio_mode_both_engines_must_say_so_twice() public {
        enterPortfolio();
        setPrice(3700); // worth 25,000, SIMPLE asks for 60,125
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        start(annId);
        Report memory fine = opinion(annId, 0, 25_000e6);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        this.startWith(fine);
        Report memory breach = opinion(annId, 0, 25_001e6);
        start(annId, breach);
        vm.assertFalse(house.isFrozen(annId)); // warned
        wait_(9);
        start(annId, opinion(annId, 0, 25_001e6));
        vm.assertFalse(house.isFrozen(annId));
        wait_(1);
        start(annId, opinion(annId, 0, 25_001e6));
        vm.assertTrue(house.isFrozen(annId));
    }

    function test_a_warning_that_is_old_does_not_count() public {
        enterPortfolio();
        setPrice(3700);
        start(annId, opinion(annId, 0, 30_000e6));
        wait_(10 minutes + 1);
        start(annId, opinion(annId, 0, 30_000e6));
        vm.assertFalse(house.isFrozen(annId));
    }

    function test_whoever_passes_SIMPLE_is_safe_from_any_report() public {
        enterPortfolio();
        fund(ann, 100_000e6);
        Report memory lie = opinion(annId, 0, 1_000_000e6);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        this.startWith(lie);
    }

    function startWith(Report memory report) external {
        start(annId, report);
    }

    // ---- bids

    function test_a_bid_takes_what_restores_and_pays_the_price() public {
        lever();
        setPrice(3200);
        start(annId);
        wait_(30);
        // B = 800 + .15 x 20,800 = 3,920; n = .926 x .98 = .90748
        uint256 fraction = hall.sliceOf(-3_920e6, 20_000e6, 0, 0.926e18);
        vm.assertEq(
            fraction, uint256(3_920e36) / uint256(3_920e18 + 20_000 * 0.90748e18) + 1e12 + 1
        );
        int256 price = hall.paymentOf(20_000e6, 0, fraction, 0.926e18);
        (uint256 taken, int256 paid) = bid(annId, ALL);
        vm.assertEq(taken, fraction);
        vm.assertEq(paid, price);
        vm.assertEq(fundCash(), int256(hall.feeOf(paid)));
        int256 quantity = int256(100e18 * fraction / 1e18);
        vm.assertEq(_held(catId), quantity);
        vm.assertEq(_held(annId), 100e18 - quantity);
        int256 share = -int256(300_000e6 * fraction / 1e18);
        vm.assertEq(house.cashOf(catId), 100_000e6 + share - paid);
        vm.assertEq(house.cashOf(annId), -300_000e6 - share + paid - int256(hall.feeOf(paid)));
        vm.assertEq(hall.saleOf(annId).unsold, -300_000e6 - share);
        end(annId);
        vm.assertFalse(house.isFrozen(annId));
        (, int256 mm, int256 equity) = house.simple(annId);
        vm.assertGe(mm * 100, (equity - mm) * 15);
        vm.assertLe(mm * 100, (equity - mm) * 16);
    }

    function test_slices_by_many_end_where_one_would() public {
        lever();
        setPrice(3200);
        start(annId);
        for (uint256 i; i < 5; ++i) {
            bid(annId, 0.02e18);
            vm.expectPartialRevert(IAuction.StillBreached.selector);
            end(annId);
        }
        bid(annId, ALL);
        vm.expectPartialRevert(IAuction.Restored.selector);
        bid(annId, ALL);
        end(annId);
    }

    function test_a_deposit_during_the_auction_is_not_sold() public {
        lever();
        setPrice(3200);
        start(annId);
        fund(ann, 1_000e6);
        // equity 21,000 of which 1,000 is reserved; B = 2,920 - .15 x ...
        (, int256 mm, int256 equity) = house.simple(annId);
        int256 buffer = hall.bufferOf(equity, mm);
        uint256 fraction = hall.sliceOf(buffer, 21_000e6, 1_000e6, 0.98e18);
        (uint256 taken, int256 paid) = bid(annId, ALL);
        vm.assertEq(taken, fraction);
        vm.assertEq(paid, hall.paymentOf(21_000e6, 1_000e6, fraction, 0.98e18));
        end(annId);
    }

    function test_FractionOutOfRange_and_PayMoreThan_guard_the_bidder() public {
        lever();
        setPrice(3200);
        vm.expectPartialRevert(IAuction.NoAuction.selector);
        bid(annId, ALL);
        start(annId);
        vm.expectPartialRevert(IAuction.FractionOutOfRange.selector);
        bid(annId, 0);
        vm.expectPartialRevert(IAuction.FractionOutOfRange.selector);
        bid(annId, ALL + 1);
        Report memory none = noReport();
        vm.expectPartialRevert(IAuction.PayMoreThan.selector);
        vm.prank(cat);
        hall.bid(annId, ALL, 0, 3_000e6, none, new bytes[](0));
        vm.prank(cat);
        hall.bid(annId, ALL, 0, 4_000e6, none, new bytes[](0));
    }

    function test_the_bidder_must_afford_the_slice() public {
        lever();
        setPrice(3200);
        start(annId);
        Report memory none = noReport();
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        vm.prank(address(0xdead));
        hall.bid(annId, ALL, 0, ANY, none, new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        vm.prank(ann);
        hall.bid(annId, ALL, 0, ANY, none, new bytes[](0));
    }

    function test_a_bidder_may_be_attested_and_enters_portfolio_mode() public {
        lever();
        setPrice(3200);
        start(annId);
        address dee = address(0xdee);
        fund(dee, 5_000e6); // 17 perps: SIMPLE asks for more than 5,400
        uint256 fraction = 0.16e18;
        uint256[] memory slots = new uint256[](1);
        slots[0] = (uint256(perp) << 96) | 16e18;
        Report memory report = newReport(0, 1);
        report.accounts[0] = riskOf(account(dee), keccak256(abi.encodePacked(slots)), 0, 1_000e6);
        bytes[] memory signatures = signed(report);
        vm.prank(dee);
        hall.bid(annId, fraction, 0, ANY, report, signatures);
        vm.assertTrue(house.hasEnteredPortfolio(account(dee)));
    }

    // ---- options

    function test_ReportNeeded_options_sell_at_their_worth_while_signers_speak() public {
        lever();
        write(10e18);
        setPrice(3200);
        start(annId);
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        bid(annId, ALL);
        Report memory report = opinion(annId, -100e6, 0);
        (, int256 paid) = bid(annId, 0.01e18, report);
        vm.assertEq(paid, hall.paymentOf(23_900e6, 0, 0.01e18, 0.98e18));
        wait_(10 minutes);
        (, paid) = bid(annId, 0.01e18); // nobody said anything for ten minutes
        vm.assertGe(paid, 0);
    }

    function test_signers_who_leave_an_account_out_delay_its_sale_by_an_hour() public {
        lever();
        write(10e18);
        setPrice(3200);
        start(annId);
        Report memory report;
        for (uint256 i; i < 6; ++i) {
            wait_(599);
            report = newReport(0, 0); // about others
            hall.hear(report, signed(report));
            vm.expectPartialRevert(IAuction.ReportNeeded.selector);
            bid(annId, ALL);
        }
        wait_(6);
        bid(annId, ALL);
    }

    function test_an_attested_worth_is_clamped_by_the_feed() public {
        lever();
        write(10e18);
        setPrice(3200);
        start(annId);
        (int256 linear, int256 least, int256 most,) = house.exposureOf(annId);
        vm.assertEq(most, 0);
        Report memory low = opinion(annId, type(int256).min, 0);
        (, int256 paid) = bid(annId, 0.01e18, low);
        vm.assertEq(paid, hall.paymentOf(linear + least, 0, 0.01e18, 0.98e18));
    }

    function test_in_portfolio_mode_the_better_buffer_counts() public {
        enterPortfolio();
        setPrice(3700);
        start(annId, opinion(annId, 0, 26_000e6));
        wait_(10);
        start(annId, opinion(annId, 0, 26_000e6));
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        bid(annId, ALL);
        // B = 1,000 + .15 x 26,000
        uint256 fraction = hall.sliceOf(-4_900e6, 25_000e6, 0, 0.98e18);
        (uint256 taken,) = bid(annId, ALL, opinion(annId, 0, 26_000e6));
        vm.assertEq(taken, fraction);
        Report memory report = opinion(annId, 0, 20_000e6);
        hall.end(annId, report, signed(report));
        vm.assertFalse(house.isFrozen(annId));
    }

    // ---- the doors

    function test_only_the_auction_moves_accounts() public {
        Report memory none = noReport();
        vm.expectPartialRevert(IClearinghouse.NotAuction.selector);
        house.seize(annId, bobId, ALL, 0, none, new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.NotAuction.selector);
        house.settleFund(annId, 1);
        vm.expectPartialRevert(IClearinghouse.NotAuction.selector);
        house.setInsolvent(1);
    }

    function test_NotFrozen_even_the_auction_touches_thawed_accounts_only_for_haircuts() public {
        lever();
        Report memory none = noReport();
        vm.startPrank(address(hall));
        vm.expectPartialRevert(IClearinghouse.NotFrozen.selector);
        house.seize(annId, bobId, ALL, 0, none, new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.NotFrozen.selector);
        house.settleFund(annId, 1);
        vm.expectPartialRevert(IClearinghouse.NotFrozen.selector);
        house.settleFund(catId, -1); // no positions
        house.setFrozen(annId, true);
        vm.expectPartialRevert(IClearinghouse.FundEmpty.selector);
        house.settleFund(annId, 1);
        vm.stopPrank();
    }

    function test_no_door_opens_inside_a_settlement() public {
        house.release(catId, address(usdc), 1, cat);
        vm.expectPartialRevert(IClearinghouse.SettlementUnderway.selector);
        vm.prank(address(hall));
        house.setInsolvent(1);
        clear(new Trade[](0));
    }

    function _held(bytes32 who) private view returns (int256) {
        uint256[] memory slots = house.positions(who);
        return slots.length == 0 ? int256(0) : PositionSlot.quantityOf(slots[0]);
    }
}
