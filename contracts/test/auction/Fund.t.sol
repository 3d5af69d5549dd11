// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// Accounts that owe more than they have: what the fund pays, for how long it rises, and what is left.
contract FundTest is Hall {
    int256 private constant OWED = 10_000e6; // at 2,900
    int256 private constant MISSING = 28_850e6; // with maintenance

    function setUp() public override {
        super.setUp();
        lever();
    }

    function test_the_fund_pays_from_what_is_owed_to_what_holding_requires() public {
        fund(address(house), 100_000e6);
        setPrice(2900);
        start(annId);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        (, int256 paid) = bid(annId, 0.1e18);
        vm.assertEq(paid, -OWED / 10);
        wait_(30 minutes);
        (, paid) = bid(annId, 0.5e18); // of the nine tenths left
        vm.assertEq(paid, -(OWED + MISSING) / 2 * 9 / 10 / 2);
        wait_(90 minutes);
        (, paid) = bid(annId, ALL);
        vm.assertEq(paid, -MISSING * 45 / 100);
        vm.assertEq(fundCash(), 100_000e6 - (1_000e6 + 8_741_250_000 + 12_982_500_000));
        vm.assertEq(house.cashOf(annId), 0);
        end(annId);
        vm.assertEq(hall.insolvent(), 0);
        vm.assertEq(
            house.cashOf(annId) + house.cashOf(bobId) + house.cashOf(catId) + fundCash(), 400_000e6
        );
    }

    function test_NotBankrupt_while_there_is_worth_and_price() public {
        setPrice(3200);
        start(annId);
        vm.expectPartialRevert(IAuction.NotBankrupt.selector);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(14_499);
        vm.expectPartialRevert(IAuction.NotBankrupt.selector);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(1); // nobody took it at any price
        hall.bankrupt(annId, noReport(), new bytes[](0));
        vm.assertEq(hall.insolvent(), 800e6);
        vm.expectPartialRevert(IAuction.NotBankrupt.selector); // ten minutes in public first
        this.bidAtMost(-1);
        wait_(10 minutes);
        vm.expectPartialRevert(IAuction.PayMoreThan.selector);
        this.bidAtMost(-1);
        fund(address(house), 800e6);
        wait_(1 hours);
        (, int256 paid) = bid(annId, ALL);
        vm.assertEq(paid, -800e6);
        end(annId);
    }

    function bidAtMost(int256 most) external {
        vm.prank(cat);
        hall.bid(annId, ALL, 0, most, noReport(), new bytes[](0));
    }

    function test_a_bankrupt_that_recovers_is_sold_again() public {
        setPrice(2900);
        start(annId);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        vm.assertEq(hall.insolvent(), uint256(MISSING));
        setPrice(3150);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        vm.assertEq(hall.insolvent(), 0);
        vm.assertEq(hall.saleOf(annId).bankruptAt, 0);
        setPrice(2900);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        setPrice(3150);
        (, int256 paid) = bid(annId, ALL); // a bid notices by itself
        vm.assertGe(paid, 1);
        vm.assertEq(hall.insolvent(), 0);
    }

    function test_it_pays_no_reward_it_does_not_have() public {
        fund(address(house), 5_000e6);
        setPrice(2900);
        start(annId);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(1 hours);
        (, int256 paid) = bid(annId, 0.1e18);
        vm.assertEq(paid, -MISSING / 10);
        // nine tenths of 28,850, of which the fund has 2,115 and 9,000 may be owed
        vm.expectPartialRevert(IAuction.PayMoreThan.selector);
        this.bidAtMost(-11_115e6 - 1);
        (, paid) = bid(annId, ALL);
        vm.assertEq(paid, -11_115e6);
        vm.assertEq(fundCash(), 0);
        vm.assertEq(house.cashOf(annId), -9_000e6);
        vm.assertEq(hall.insolvent(), 9_000e6);
    }

    /// An empty fund must not keep an account from ever being sold.
    function test_without_a_fund_a_bankrupt_goes_for_what_it_owes_at_any_time() public {
        setPrice(2900);
        start(annId);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(37 minutes);
        (, int256 paid) = bid(annId, ALL);
        vm.assertEq(paid, -OWED);
        vm.assertEq(house.positions(annId).length, 0);
        hall.absorb(annId);
        vm.assertEq(hall.deficit(1).amount, uint256(OWED));
    }

    function test_what_the_fund_lacks_is_owed_and_absorbed() public {
        fund(address(house), 4_000e6);
        setPrice(2900);
        start(annId);
        vm.expectPartialRevert(IAuction.HasPositions.selector);
        hall.absorb(annId);
        (, int256 paid) = bid(annId, ALL);
        vm.assertEq(paid, -OWED);
        vm.assertEq(fundCash(), 0);
        vm.assertEq(house.cashOf(annId), -6_000e6);
        vm.assertEq(hall.insolvent(), uint256(MISSING - MISSING + 6_000e6));
        vm.expectPartialRevert(IAuction.StillBreached.selector);
        end(annId);
        fund(address(house), 1_000e6);
        vm.expectEmit(true, true, false, true);
        emit IAuction.Absorbed(annId, 1_000e6, 1, 5_000e6);
        uint256 id = hall.absorb(annId);
        vm.assertEq(hall.deficit(id).amount, 5_000e6);
        fund(address(house), 7_000e6);
        hall.absorb(annId);
        vm.assertEq(fundCash(), 2_000e6);
        vm.assertEq(hall.deficitOf(annId), 0);
        vm.assertFalse(house.isFrozen(annId));
        vm.assertEq(hall.insolvent(), 0);
    }

    function test_NoDebt_nothing_is_absorbed_of_who_owes_nothing() public {
        fund(address(house), 100_000e6);
        setPrice(2900);
        start(annId);
        bid(annId, ALL);
        vm.expectPartialRevert(IAuction.NoDebt.selector);
        hall.absorb(annId);
        end(annId);
    }

    function test_a_debt_without_positions_is_auctioned_to_nobody() public {
        setPrice(2900);
        clear(annId, bobId, perp, -100e18, 2900e18); // closing at a loss is always allowed
        vm.assertEq(house.cashOf(annId), -OWED);
        start(annId);
        vm.assertEq(hall.saleOf(annId).market, 0);
        hall.absorb(annId);
        vm.assertEq(hall.deficit(1).amount, uint256(OWED));
    }

    function test_attested_withdrawals_wait_while_more_is_missing_than_the_fund_holds() public {
        clear(catId, bobId, perp, 100e18, 4000e18);
        Report memory report = opinion(catId, 0, 5_000e6);
        bytes[] memory signatures = signed(report);
        vm.prank(cat);
        house.withdraw(address(usdc), 70_000e6, 0, report, signatures);
        setPrice(4001);
        fund(cat, 100_000e6);
        setPrice(2900);
        start(annId);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(1 hours);
        report = opinion(catId, 0, 5_000e6);
        signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.FundShort.selector);
        vm.prank(cat);
        house.withdraw(address(usdc), 70_000e6, 0, report, signatures);
        fund(address(house), uint256(MISSING));
        report = opinion(catId, 0, 5_000e6);
        signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.OutflowCap.selector); // the next fence
        vm.prank(cat);
        house.withdraw(address(usdc), 70_000e6, 0, report, signatures);
    }

    function test_a_bankrupt_with_options_is_paid_for_only_by_report() public {
        clear(annId, bobId, perp, -100e18, 4000e18);
        write(100e18);
        feed.set(6000e8);
        start(annId);
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        hall.bankrupt(annId, noReport(), new bytes[](0));
        wait_(20 minutes);
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        bid(annId, ALL);
        Report memory report = opinion(annId, -170_000e6, 0);
        hall.bankrupt(annId, report, signed(report));
        vm.assertTrue(hall.saleOf(annId).bankruptAt != 0);
    }
}
