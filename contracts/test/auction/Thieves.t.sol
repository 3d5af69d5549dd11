// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestation} from "../../src/interfaces/IAttestation.sol";
import {IAuction} from "../../src/interfaces/IAuction.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {Slices} from "../../src/libraries/Slices.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// Stolen risk keys at the auction: one moves nothing; enough of them take no more than what the feed
/// leaves open, from nobody who passes SIMPLE, and from no winner without the approver.
/// forge-config: default.fuzz.runs = 64
/// forge-config: night.fuzz.runs = 2000
contract ThievesTest is Hall {
    // ---- one key

    function test_one_signer_moves_nothing() public {
        enterPortfolio();
        setPrice(3700);
        Report memory report = opinion(annId, 0, 100_000e6);
        bytes[] memory once = new bytes[](1);
        once[0] = signature(signerKeys[0], attestation.digest(report));
        _refusesAll(report, once, IAttestation.BadReport.selector);
        _refusesAll(
            report, signedBy(report, signerKeys[0], signerKeys[0]), IAttestation.BadSigner.selector
        );
        _refusesAll(report, signedBy(report, signerKeys[0], 0xbad), IAttestation.BadSigner.selector);
        vm.assertFalse(house.isFrozen(annId));
        vm.assertEq(hall.heard(), START);
    }

    function _refusesAll(Report memory report, bytes[] memory signatures, bytes4 reason) private {
        vm.expectPartialRevert(reason);
        hall.hear(report, signatures);
        vm.expectPartialRevert(reason);
        hall.start(annId, report, signatures);
        vm.expectPartialRevert(reason);
        vm.prank(approver);
        hall.deleverage(1, 1, new bytes32[](1), new uint256[](1), report, signatures);
    }

    /// A bid, an end and a bankruptcy are refused the same: here on an account under auction.
    function test_one_signer_prices_nothing() public {
        lever();
        setPrice(3200);
        start(annId);
        Report memory report = opinion(annId, 0, 0);
        bytes[] memory once = new bytes[](1);
        once[0] = signature(signerKeys[0], attestation.digest(report));
        vm.expectPartialRevert(IAttestation.BadReport.selector);
        vm.prank(cat);
        hall.bid(annId, ALL, 0, ANY, report, once);
        vm.expectPartialRevert(IAttestation.BadReport.selector);
        hall.end(annId, report, once);
        vm.expectPartialRevert(IAttestation.BadReport.selector);
        hall.bankrupt(annId, report, once);
    }

    // ---- enough keys

    /// Whatever they sign of an account that passes SIMPLE, nothing happens to it.
    function testFuzz_nobody_who_passes_SIMPLE_is_liquidated(int256 mtm, uint256 mm) public {
        enterPortfolio();
        fund(ann, 100_000e6);
        Report memory report = newReport(0, 1);
        bytes32 hash = house.positionsHash(annId);
        report.accounts[0] = AccountRisk(annId, hash, hash, mtm, 0, 0, mm, 0, ETH);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        hall.start(annId, report, signatures);
    }

    /// Of perps they can say nothing: the account is sold at the feed, and loses the discount and the fee.
    function testFuzz_a_false_breach_costs_the_discount(uint256 mm, uint256 fraction) public {
        enterPortfolio();
        setPrice(3800); // worth 50,000; honest signers would have held it
        mm = bound(mm, 50_001e6, type(uint128).max);
        _force(annId, 0, mm);
        int256 before = _equity(annId);
        bid(annId, bound(fraction, 0.01e18, ALL), opinion(annId, type(int256).min, mm));
        int256 lost = before - _equity(annId);
        vm.assertLe(lost, before * 4 / 100); // 2 % below worth, 2 % of the price as fee
    }

    /// Of options they can say what the feed cannot exclude: the loss ends at that clamp, and the fund,
    /// which the clamp spares no less, pays nothing for an account that is worth something there.
    function testFuzz_false_marks_cost_no_more_than_the_clamp(int256 mtm, uint256 mm) public {
        lever();
        write(10e18);
        fund(address(house), 50_000e6);
        setPrice(3200);
        start(annId);
        (int256 linear, int256 least, int256 most,) = house.exposureOf(annId);
        Report memory report = opinion(annId, 0, 0);
        report.accounts[0].optionsMtm = mtm;
        report.accounts[0].mm = mm;
        bytes[] memory signatures = signed(report);
        (bool isBankrupt,) =
            address(hall).call(abi.encodeCall(IAuction.bankrupt, (annId, report, signatures)));
        vm.assertTrue(isBankrupt == (linear + least <= 0));
        (uint256 taken, int256 paid) = bid(annId, ALL, report);
        vm.assertGe(paid, Slices.paymentOf(linear + least, 0, taken, 0.98e18));
        vm.assertLe(paid, Slices.paymentOf(linear + most, 0, taken, 0.98e18));
        vm.assertGe(fundCash(), 50_000e6);
    }

    /// Whatever requirement they claim, the fund's offer ends at what SIMPLE misses.
    function testFuzz_the_fund_never_pays_more_than_the_feed_says(uint256 mm) public {
        enterPortfolio();
        fund(address(house), 1_000_000e6);
        setPrice(3500); // worth -25,000
        mm = bound(mm, 0, type(uint128).max);
        _force(annId, 0, mm);
        (, int256 missing,) = house.simple(annId);
        Report memory report = opinion(annId, 0, mm);
        hall.bankrupt(annId, report, signed(report));
        wait_(1 hours);
        fund(cat, 1_000_000e6);
        (, int256 paid) = bid(annId, ALL, opinion(annId, 0, mm));
        vm.assertLe(-paid, -missing);
    }

    function test_no_winner_pays_without_the_approver() public {
        Report memory report = opinion(annId, 0, 0);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.NotApprover.selector);
        hall.deleverage(1, 1, new bytes32[](1), new uint256[](1), report, signatures);
    }

    /// With the approver's key too, there is no deficit to fill where nobody is bankrupt.
    function test_nothing_is_taken_without_a_debt() public {
        enterPortfolio();
        Report memory report = opinion(annId, 0, 0);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAuction.UnknownDeficit.selector);
        vm.prank(approver);
        hall.deleverage(1, 1, new bytes32[](1), new uint256[](1), report, signatures);
    }

    /// False wealth leaves slowly: nothing within the hour, then no more than the cap per hour.
    function test_false_wealth_leaves_within_the_cap() public {
        clear(catId, bobId, perp, 200e18, 4000e18);
        setPrice(3990);
        Report memory report = opinion(catId, 0, 8_000e6);
        report.accounts[0].im = 0;
        bytes[] memory signatures = signed(report);
        int256 before = house.cashOf(catId);
        vm.prank(cat);
        house.withdraw(address(usdc), 60_000e6, 0, report, signatures);
        vm.assertEq(house.cashOf(catId), before);
        wait_(1 hours);
        report = opinion(catId, 0, 8_000e6);
        report.accounts[0].im = 0;
        signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.OutflowCap.selector);
        vm.prank(cat);
        house.withdraw(address(usdc), 60_000e6, 0, report, signatures);
    }

    /// Two reports, ten seconds apart.
    function _force(bytes32 who, int256 mtm, uint256 mm) private {
        start(who, opinion(who, mtm, mm));
        wait_(10);
        start(who, opinion(who, mtm, mm));
        vm.assertTrue(house.isFrozen(who));
    }

    function _equity(bytes32 who) private view returns (int256 equity) {
        (,, equity) = house.simple(who);
    }
}
