// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// Ann's debt of 10,000 is spread over three who won, and over nobody else, to the atom.
contract DeleveragingTest is Hall {
    uint256 private constant TOTAL = 110_000e6;
    uint256 private constant DEBT = 10_000e6;

    bytes32[3] private winners;
    uint256[3] private gains = [uint256(33_333_333_333), 55_555_555_555, 21_111_111_112];
    uint256[3] private cuts = [uint256(3_030_303_031), 5_050_505_050, 1_919_191_919];

    function setUp() public override {
        super.setUp();
        address[3] memory owners = [address(0xd1), address(0xd2), address(0xd3)];
        int96[3] memory sizes = [int96(30e18), 50e18, 20e18];
        for (uint256 i; i < 3; ++i) {
            winners[i] = account(owners[i]);
            fund(owners[i], 50_000e6);
            clear(annId, winners[i], perp, sizes[i], 4000e18);
        }
        setPrice(2900);
        start(annId);
        bid(annId, ALL);
        hall.absorb(annId);
        wait_(1 hours);
    }

    function test_the_debt_is_raised_exactly_and_pro_rata() public {
        int256 before = _total();
        bytes32 root;
        for (uint256 i; i < 3; ++i) {
            root = keccak256(abi.encode(root, winners[i], gains[i], cuts[i]));
        }
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(0, 3);
        Report memory report = _report(0, 3);
        bytes[] memory signatures = signed(report);
        vm.expectEmit(true, false, false, true);
        emit IAuction.Deleveraged(1, root, 3, DEBT, DEBT);
        vm.prank(approver);
        hall.deleverage(1, TOTAL, accounts, haircuts, report, signatures);
        vm.assertEq(_total(), before);
        vm.assertEq(house.cashOf(annId), 0);
        vm.assertEq(fundCash(), 0);
        vm.assertFalse(house.isFrozen(annId));
        vm.assertEq(hall.insolvent(), 0);
        vm.assertEq(hall.takenOf(1, winners[1]), cuts[1]);
        vm.expectPartialRevert(IAuction.UnknownDeficit.selector); // a replay
        vm.prank(approver);
        hall.deleverage(1, TOTAL, accounts, haircuts, report, signatures);
    }

    function test_pages_add_up() public {
        _deleverage(0, 2, _report(0, 2));
        vm.assertEq(house.cashOf(annId), -int256(cuts[2]));
        vm.expectPartialRevert(IAuction.RoundRunning.selector);
        hall.absorb(annId);
        _refused(IAuction.NotAscending.selector, 1, 2, _report(1, 2));
        _deleverage(2, 3, _report(2, 3));
        vm.assertEq(house.cashOf(annId), 0);
    }

    function test_an_unfinished_round_gives_way_to_one_over_the_rest() public {
        _deleverage(0, 2, _report(0, 2));
        wait_(10 minutes);
        uint256 left = cuts[2];
        bytes32[] memory accounts = new bytes32[](1);
        uint256[] memory haircuts = new uint256[](1);
        (accounts[0], haircuts[0]) = (winners[2], left);
        Report memory report = newReport(0, 1);
        report.accounts[0] = _gain(winners[2], gains[2]);
        report.snapshotHash = hall.purposeOf(1, left, gains[2]);
        bytes[] memory signatures = signed(report);
        vm.prank(approver);
        hall.deleverage(1, gains[2], accounts, haircuts, report, signatures);
        vm.assertEq(house.cashOf(annId), 0);
    }

    function test_the_quarter_counts_over_rounds() public {
        gains[0] = 6_000e6;
        cuts[0] = 1_500e6;
        _pageOfOne(0, 6_000e6);
        wait_(10 minutes);
        // another round, the same account: its quarter is spent
        bytes32[] memory accounts = new bytes32[](1);
        uint256[] memory haircuts = new uint256[](1);
        (accounts[0], haircuts[0]) = (winners[0], 1_275e6);
        Report memory report = newReport(0, 1);
        report.accounts[0] = _gain(winners[0], 6_000e6);
        report.snapshotHash = hall.purposeOf(1, 8_500e6, 40_000e6);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.HaircutTooHigh.selector);
        vm.prank(approver);
        hall.deleverage(1, 40_000e6, accounts, haircuts, report, signatures);
    }

    /// A page of winner `i` alone: 10,000 x 6,000 / 40,000 = 1,500.
    function _pageOfOne(uint256 i, uint256 gain) private {
        bytes32[] memory accounts = new bytes32[](1);
        uint256[] memory haircuts = new uint256[](1);
        (accounts[0], haircuts[0]) = (winners[i], cuts[i]);
        Report memory report = newReport(0, 1);
        report.accounts[0] = _gain(winners[i], gain);
        report.snapshotHash = hall.purposeOf(1, DEBT, 40_000e6);
        bytes[] memory signatures = signed(report);
        vm.prank(approver);
        hall.deleverage(1, 40_000e6, accounts, haircuts, report, signatures);
    }

    function test_a_winner_who_moves_stops_nobody() public {
        Report memory report = _report(0, 3);
        report.accounts[1].positionsAfter = 0; // traded since
        _deleverage(0, 3, report);
        vm.assertEq(house.cashOf(annId), 0);
    }

    function test_a_debt_that_the_owner_paid_is_nobody_elses() public {
        fund(ann, DEBT);
        end(annId);
        vm.assertEq(hall.deficitOf(annId), 0);
        _refused(IAuction.UnknownDeficit.selector, 0, 3, _report(0, 3));
    }

    // ---- who may

    function test_NotApprover_signers_alone_take_nothing() public {
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(0, 3);
        Report memory report = _report(0, 3);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.NotApprover.selector);
        hall.deleverage(1, TOTAL, accounts, haircuts, report, signatures);
    }

    function test_DeficitTooYoung_not_within_the_first_hour() public {
        vm.warp(block.timestamp - 1);
        _refused(IAuction.DeficitTooYoung.selector, 0, 3, _report(0, 3));
    }

    function test_UnknownDeficit() public {
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(0, 3);
        Report memory report = _report(0, 3);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.UnknownDeficit.selector);
        vm.prank(approver);
        hall.deleverage(2, TOTAL, accounts, haircuts, report, signatures);
    }

    function test_PageOutOfRange() public {
        _refused(IAuction.PageOutOfRange.selector, 0, 0, _report(0, 0));
        _refused(IAuction.PageOutOfRange.selector, 0, 3, _report(0, 2));
        bytes32[] memory accounts = new bytes32[](101);
        Report memory report = _report(0, 3);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.PageOutOfRange.selector);
        vm.prank(approver);
        hall.deleverage(1, TOTAL, accounts, new uint256[](101), report, signatures);
    }

    // ---- what signers say

    function test_WrongPurpose_no_other_report_will_do() public {
        Report memory report = _report(0, 3);
        report.snapshotHash = hall.purposeOf(1, DEBT, TOTAL + 1);
        _refused(IAuction.WrongPurpose.selector, 0, 3, report);
        report.snapshotHash = hall.purposeOf(1, DEBT - 1, TOTAL);
        _refused(IAuction.WrongPurpose.selector, 0, 3, report);
        _deleverage(0, 1, _report(0, 1));
        report = _report(1, 3);
        report.snapshotHash = hall.purposeOf(1, DEBT, TOTAL - 1); // not the total of the round
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(1, 3);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.WrongPurpose.selector);
        vm.prank(approver);
        hall.deleverage(1, TOTAL - 1, accounts, haircuts, report, signatures);
    }

    function test_EntryMissing_each_winner_needs_his_own() public {
        Report memory report = _report(0, 3);
        report.accounts[1].account = winners[0];
        _refused(IAuction.EntryMissing.selector, 0, 3, report);
        report = _report(0, 3);
        report.accounts[1].im = 1; // an entry of margin
        _refused(IAuction.EntryMissing.selector, 0, 3, report);
        report = _report(0, 3);
        report.accounts[1].optionsMtm = 0;
        _refused(IAuction.EntryMissing.selector, 0, 3, report);
        report = _report(0, 3);
        report.accounts[1].market = 2;
        _refused(IAuction.EntryMissing.selector, 0, 3, report);
    }

    function test_GainTooHigh_nobody_gained_more_than_he_can_be_worth() public {
        (int256 linear,, int256 most,) = house.exposureOf(winners[0]);
        gains[0] = uint256(linear + most) + 1;
        _refused(IAuction.GainTooHigh.selector, 0, 1, _report(0, 1));
    }

    // ---- how much

    function test_HaircutTooHigh_at_most_a_quarter_of_the_gain() public {
        gains[0] = 12_000e6;
        cuts[0] = 3_000e6 + 1;
        bytes32[] memory accounts = new bytes32[](1);
        uint256[] memory haircuts = new uint256[](1);
        (accounts[0], haircuts[0]) = (winners[0], cuts[0]);
        Report memory report = newReport(0, 1);
        report.accounts[0] = _gain(winners[0], gains[0]);
        uint256 total = 39_999_999_999; // a total that makes a hair more than a quarter pro rata
        report.snapshotHash = hall.purposeOf(1, DEBT, total);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.HaircutTooHigh.selector);
        vm.prank(approver);
        hall.deleverage(1, total, accounts, haircuts, report, signatures);
    }

    function test_NotProRata_beyond_one_atom() public {
        cuts[0] += 1;
        _refused(IAuction.NotProRata.selector, 0, 3, _report(0, 3));
        cuts[0] -= 3;
        _refused(IAuction.NotProRata.selector, 0, 3, _report(0, 3));
        cuts[0] = type(uint256).max;
        _refused(IAuction.NotProRata.selector, 0, 3, _report(0, 3));
    }

    function test_NotExactly_the_sum_is_the_debt() public {
        cuts[0] -= 1; // pro rata still
        _refused(IAuction.NotExactly.selector, 0, 3, _report(0, 3));
        cuts[0] += 1;
        gains[2] += 1;
        _refused(IAuction.NotExactly.selector, 0, 3, _report(0, 3));
    }

    // ---- from whom

    function test_NotEntitled_neither_without_positions_nor_on_the_same_side_nor_frozen() public {
        winners[0] = bobId; // cash only
        _refused(IAuction.NotEntitled.selector, 0, 1, _report(0, 1));
        winners[0] = catId; // long, as ann was
        _refused(IAuction.NotEntitled.selector, 0, 1, _report(0, 1));
        winners[0] = account(address(0xd1));
        vm.prank(address(hall));
        house.setFrozen(winners[0], true);
        _refused(IAuction.NotEntitled.selector, 0, 1, _report(0, 1));
    }

    // ---- inside

    function _gain(bytes32 who, uint256 gain) private view returns (AccountRisk memory) {
        bytes32 hash = house.positionsHash(who);
        uint256 none = type(uint256).max;
        return AccountRisk(who, hash, hash, int256(gain), none, none, none, 0, ETH);
    }

    function _report(uint256 from, uint256 to) private view returns (Report memory report) {
        report = newReport(0, to - from);
        for (uint256 i = from; i < to; ++i) {
            report.accounts[i - from] = _gain(winners[i], gains[i]);
        }
        report.snapshotHash = hall.purposeOf(1, DEBT, TOTAL);
    }

    function _page(uint256 from, uint256 to)
        private
        view
        returns (bytes32[] memory accounts, uint256[] memory haircuts)
    {
        accounts = new bytes32[](to - from);
        haircuts = new uint256[](to - from);
        for (uint256 i = from; i < to; ++i) {
            (accounts[i - from], haircuts[i - from]) = (winners[i], cuts[i]);
        }
    }

    function _deleverage(uint256 from, uint256 to, Report memory report) private {
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(from, to);
        bytes[] memory signatures = signed(report);
        vm.prank(approver);
        hall.deleverage(1, TOTAL, accounts, haircuts, report, signatures);
    }

    function _refused(bytes4 reason, uint256 from, uint256 to, Report memory report) private {
        (bytes32[] memory accounts, uint256[] memory haircuts) = _page(from, to);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(reason);
        vm.prank(approver);
        hall.deleverage(1, TOTAL, accounts, haircuts, report, signatures);
    }

    function _total() private view returns (int256 total) {
        total = fundCash() + house.cashOf(annId) + house.cashOf(bobId) + house.cashOf(catId);
        for (uint256 i; i < 3; ++i) {
            total += house.cashOf(winners[i]);
        }
    }
}
