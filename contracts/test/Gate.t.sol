// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestation} from "../src/interfaces/IAttestation.sol";
import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {KIND_CALL} from "../src/types/Market.sol";
import {Outcome, Trade} from "../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../src/types/Report.sol";
import {House} from "./support/House.sol";

/// Accounts that signers vouch for: what a report may say, and what it may not.
contract GateTest is House {
    uint256 private constant NONE = type(uint256).max;

    function test_attested_requirement_replaces_simple() public {
        Trade[] memory trades = _shortCalls(100e18);
        _expectRefusal(trades, noReport(), IClearinghouse.MarginBreached.selector);
        Outcome memory outcome = clearAsking(trades, annId, _attest(trades, -15_000e6, 60_000e6));
        // cash 115,000 less 15,000 of options
        vm.assertEq(outcome.equity, 100_000e6);
        vm.assertEq(outcome.requirement, 60_000e6);
        vm.assertTrue(house.hasEnteredPortfolio(annId));
        vm.assertFalse(house.hasEnteredPortfolio(bobId));
    }

    function test_MarginBreached_by_the_attested_requirement() public {
        Trade[] memory trades = _shortCalls(100e18);
        Report memory report = _attest(trades, -15_000e6, 100_000e6 + 1);
        _expectRefusal(trades, report, IClearinghouse.MarginBreached.selector);
        report = _attest(trades, -15_000e6, NONE - 1);
        _expectRefusal(trades, report, IClearinghouse.MarginBreached.selector);
    }

    function test_StateMoved_positions_after_differ() public {
        Trade[] memory trades = _shortCalls(100e18);
        Report memory report = _attest(trades, -15_000e6, 60_000e6);
        trades[0].quantity -= 1;
        _expectRefusal(trades, report, IClearinghouse.StateMoved.selector);
    }

    function test_StateMoved_positions_before_differ() public {
        Trade[] memory trades = _shortCalls(100e18);
        Report memory report = _attest(trades, -15_000e6, 60_000e6);
        report.accounts[0].positionsBefore = bytes32(uint256(1));
        house.observe(annId, report);
        _expectRefusal(trades, report, IClearinghouse.StateMoved.selector);
    }

    function test_StateMoved_observed_without_the_report() public {
        Trade[] memory trades = _shortCalls(100e18);
        house.observe(annId, noReport());
        Report memory report = _attest(trades, -15_000e6, 60_000e6);
        _expectRefusal(trades, report, IClearinghouse.StateMoved.selector);
    }

    function test_cash_does_not_move_the_state() public {
        Trade[] memory trades = _shortCalls(100e18);
        Report memory report = _attest(trades, -15_000e6, 60_000e6);
        fund(ann, 1);
        clear(trades, report);
    }

    function test_equity_is_clamped_to_what_the_feed_allows() public {
        Trade[] memory trades = _shortCalls(10e18);
        Outcome memory outcome = clearAsking(trades, annId, _attest(trades, 1e18, 5000e6));
        vm.assertEq(outcome.equity, 101_500e6); // out of the money: at best worth nothing
        outcome = clearAsking(new Trade[](0), annId, _attest(new Trade[](0), -1e18, 5000e6));
        // at worst intrinsic + the bound of about 630 each
        vm.assertEq(outcome.equity, 101_500e6 - 6_300_914_822);
    }

    function test_requirement_has_a_floor() public {
        Trade[] memory trades = _shortCalls(10e18);
        Outcome memory outcome = clearAsking(trades, annId, _attest(trades, -1500e6, 0));
        vm.assertEq(outcome.requirement, 400e6); // 1 % of 40,000
    }

    function test_delta_only_leaves_the_account_under_simple() public {
        Trade[] memory trades = _shortCalls(10e18);
        Report memory report = _attest(trades, 0, NONE);
        report.accounts[0].mm = NONE;
        report.accounts[0].netDelta = -3e18;
        Outcome memory outcome = clearAsking(trades, annId, report);
        vm.assertTrue(outcome.deltaKnown);
        vm.assertEq(outcome.netDelta, -3e18);
        vm.assertFalse(house.hasEnteredPortfolio(annId));
        (int256 im,, int256 equity) = house.simple(annId);
        vm.assertEq(outcome.equity, equity);
        vm.assertEq(outcome.requirement, equity - im);
    }

    function test_StateMoved_also_for_a_delta() public {
        Trade[] memory trades = _shortCalls(10e18);
        Report memory report = _attest(trades, 0, NONE);
        report.accounts[0].positionsAfter = bytes32(0);
        _expectRefusal(trades, report, IClearinghouse.StateMoved.selector);
    }

    function test_delta_is_unknown_without_attestation() public {
        Outcome memory outcome = clearAsking(_shortCalls(10e18), annId, noReport());
        vm.assertFalse(outcome.deltaKnown);
        Report memory report = _attest(new Trade[](0), 0, NONE);
        report.accounts[0].market = 2; // speaks of another market
        outcome = clearAsking(new Trade[](0), annId, report);
        vm.assertFalse(outcome.deltaKnown);
    }

    function test_an_unsigned_report_says_nothing() public {
        Trade[] memory trades = _shortCalls(100e18);
        Report memory report = _attest(trades, -15_000e6, 1);
        report.validUntil = 0;
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        house.clear(trades, new bytes32[](0), new uint16[](0), report, new bytes[](0));
    }

    function test_BadReport_and_StaleReport_reach_the_clearing() public {
        Trade[] memory trades = _shortCalls(1e18);
        Report memory report = _attest(trades, 0, 0);
        vm.expectPartialRevert(IAttestation.BadReport.selector);
        house.clear(trades, new bytes32[](0), new uint16[](0), report, new bytes[](0));
        vm.warp(START + 61);
        _expectRefusal(trades, report, IAttestation.StaleReport.selector);
    }

    function test_attested_rise_compares_two_attested_requirements() public {
        Trade[] memory trades = _shortCalls(10e18);
        Report memory report = _attest(trades, -1500e6, 5000e6);
        report.accounts[0].imBefore = 1234e6;
        house.observe(annId, report);
        Outcome memory outcome = clearAsking(trades, annId, report);
        vm.assertEq(outcome.marginRise, 3766e6);
    }

    function test_an_attested_breach_passes_when_it_shrinks() public {
        _breach();
        // buying back 10 of 100 calls at the mark: cash 1,500 less, options 1,500 better, requirement down
        Trade[] memory trades = _shortCalls(-10e18);
        Report memory report = _attest(trades, -13_500e6, 108_000e6);
        report.accounts[0].imBefore = 120_000e6;
        report.marks = new Mark[](1);
        report.marks[0] = Mark(call44, 150e18);
        house.observe(annId, report);
        clear(trades, report);
    }

    function test_HealthNotImproved_attested_breach_that_grows() public {
        _breach();
        Trade[] memory trades = _shortCalls(-10e18);
        Report memory report = _attest(trades, -13_500e6, 108_000e6);
        report.accounts[0].imBefore = 107_999e6;
        report.marks = new Mark[](1);
        report.marks[0] = Mark(call44, 150e18);
        house.observe(annId, report);
        _expectRefusal(trades, report, IClearinghouse.HealthNotImproved.selector);
    }

    function test_MarkMissing_of_a_traded_option_in_a_breach() public {
        _breach();
        Trade[] memory trades = _shortCalls(-10e18);
        Report memory report = _attest(trades, -13_500e6, 108_000e6);
        report.accounts[0].imBefore = 120_000e6;
        house.observe(annId, report);
        _expectRefusal(trades, report, IClearinghouse.MarkMissing.selector);
    }

    function test_MarginBreached_attested_breach_that_nobody_observed() public {
        _breach();
        Trade[] memory trades = _shortCalls(-10e18);
        Report memory report = _attest(trades, -13_500e6, 108_000e6);
        _expectRefusal(trades, report, IClearinghouse.MarginBreached.selector);
    }

    function testFuzz_attested_figures_never_leave_the_fence(int256 mtm, uint256 im) public {
        Trade[] memory trades = _shortCalls(10e18);
        Report memory report = _attest(trades, mtm, im % 90_000e6);
        Outcome memory outcome = clearAsking(trades, annId, report);
        vm.assertLe(outcome.equity, 101_500e6);
        vm.assertGe(outcome.equity, 101_500e6 - 6_300_914_822);
        vm.assertGe(outcome.requirement, 400e6);
    }

    function testFuzz_equal_positions_hash_equally(uint96 first, uint96 second) public {
        int96 a = int96(int256(uint256(first) % 4e18 + 2));
        int96 b = int96(int256(uint256(second) % 4e18 + 1));
        clear(annId, bobId, call44, a, 150e18);
        clear(annId, bobId, call44, b, 160e18);
        clear(catId, bobId, call44, a + b, 150e18);
        vm.assertEq(house.positionsHash(annId), house.positionsHash(catId));
        clear(catId, bobId, call44, 1, 150e18);
        vm.assertFalse(house.positionsHash(annId) == house.positionsHash(catId));
    }

    function test_gas_attested_gate_of_20_positions() public {
        Trade[] memory trades = new Trade[](20);
        for (uint256 i; i < 20; ++i) {
            trades[i] = trade(annId, bobId, option(KIND_CALL, 4100e18 + i * 40e18), -1e16, 300e18);
        }
        clear(trades);
        trades = one(trade(annId, bobId, trades[3].instrument, -1e15, 300e18));
        Report memory report = _attest(trades, -1500e6, 5000e6);
        bytes[] memory signatures = signed(report);
        house.clear(trades, new bytes32[](0), new uint16[](0), report, signatures);
        emit log_named_uint("20 positions, one side attested", vm.lastCallGas().gasTotalUsed);
    }

    /// A report for ann's positions as `trades` leave them.
    function _attest(Trade[] memory trades, int256 optionsMtm, uint256 im)
        private
        view
        returns (Report memory report)
    {
        report = newReport(0, 1);
        (,,, bytes32 hash) = house.preview(annId, trades);
        report.accounts[0] = riskOf(annId, hash, optionsMtm, im);
    }

    function _shortCalls(int96 quantity) private view returns (Trade[] memory) {
        return one(trade(annId, bobId, call44, -quantity, 150e18));
    }

    /// Ann is short 100 calls on 100,000 of equity; later reports ask for more than that.
    function _breach() private {
        Trade[] memory trades = _shortCalls(100e18);
        clear(trades, _attest(trades, -15_000e6, 60_000e6));
    }

    function _expectRefusal(Trade[] memory trades, Report memory report, bytes4 reason) private {
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(reason);
        house.clear(trades, new bytes32[](0), new uint16[](0), report, signatures);
    }
}
