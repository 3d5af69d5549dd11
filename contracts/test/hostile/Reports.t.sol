// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../../src/Attestation.sol";
import {IAttestation} from "../../src/interfaces/IAttestation.sol";
import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan, Trade} from "../../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../../src/types/Report.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Reports that fewer than k signers made, that speak of something else, and what k of them cannot
/// make true. An account of 100 USDC sells ten calls; SIMPLE alone would ask for about 6,300.
contract HostileReportsTest is FullWorld {
    using AccountId for address;

    bytes32 private account;

    function setUp() public override {
        super.setUp();
        fund(user, 1, 100e6, 0);
        account = user.encode(1);
    }

    function test_attestedSaleSettles() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        settle(signed(i, p), _report(p));
        vm.assertEq(house.cashOf(account), 1300e6);
    }

    // ---- fewer than k

    function test_hostile_signers_oneSignatureOfTwo_BadReport() public {
        (Item[] memory items, Report memory report) = _good();
        bytes[] memory few = new bytes[](1);
        few[0] = attested(report)[0];
        refuses(items, report, few, IAttestation.BadReport.selector, abi.encode(1, 2));
    }

    function test_hostile_signers_theSameTwice_BadSigner() public {
        (Item[] memory items, Report memory report) = _good();
        bytes[] memory twice = _by(report, signerKeys[0], signerKeys[0]);
        bytes memory figures = abi.encode(vm.addr(signerKeys[0]));
        refuses(items, report, twice, IAttestation.BadSigner.selector, figures);
    }

    function test_hostile_signers_inTheWrongOrder_BadSigner() public {
        (Item[] memory items, Report memory report) = _good();
        bytes[] memory given = attested(report);
        (given[0], given[1]) = (given[1], given[0]);
        refuses(items, report, given, IAttestation.BadSigner.selector, "");
    }

    function test_hostile_stranger_signsAReport_BadSigner() public {
        (Item[] memory items, Report memory report) = _good();
        bytes[] memory given = _by(report, 0xbad, 0xbad2);
        bytes memory figures = abi.encode(vm.addr(0xbad));
        refuses(items, report, given, IAttestation.BadSigner.selector, figures);
    }

    function test_hostile_solver_altersAReport_BadSigner() public {
        for (uint256 n; n < 8; ++n) {
            (Item[] memory items, Report memory report) = _good();
            bytes[] memory given = attested(report);
            AccountRisk memory risk = report.accounts[0];
            if (n == 0) risk.im -= 1;
            if (n == 1) risk.optionsMtm += 1;
            if (n == 2) risk.netDelta += 1;
            if (n == 3) risk.mm -= 1;
            if (n == 4) risk.imBefore += 1;
            if (n == 5) report.marks[0].price += 1;
            if (n == 6) report.snapshotHash = bytes32("other");
            if (n == 7) risk.market = 2;
            refuses(items, report, given, IAttestation.BadSigner.selector, "");
        }
    }

    // ---- of another time, chain, contract or state

    function test_hostile_solver_oldReport_StaleReport() public {
        (Item[] memory items, Report memory report) = _good();
        vm.warp(NOW + 61);
        bytes memory figures = abi.encode(NOW, NOW + 60, NOW + 61);
        refuses(items, report, attested(report), IAttestation.StaleReport.selector, figures);
    }

    function test_hostile_signers_longerThanAMinute_StaleReport() public {
        (Item[] memory items, Report memory report) = _good();
        report.validUntil += 1;
        bytes memory figures = abi.encode(NOW, NOW + 61, NOW);
        refuses(items, report, attested(report), IAttestation.StaleReport.selector, figures);
    }

    function test_hostile_signers_ofTheFuture_StaleReport() public {
        (Item[] memory items, Report memory report) = _good();
        report.asOf += 1;
        bytes memory figures = abi.encode(NOW + 1, NOW + 60, NOW);
        refuses(items, report, attested(report), IAttestation.StaleReport.selector, figures);
    }

    function test_hostile_solver_reportOfAnotherChain_BadSigner() public {
        (Item[] memory items, Report memory report) = _good();
        uint256 here = block.chainid;
        vm.chainId(1);
        bytes[] memory given = attested(report);
        vm.chainId(here);
        refuses(items, report, given, IAttestation.BadSigner.selector, "");
    }

    function test_hostile_solver_reportOfAnotherContract_BadSigner() public {
        (Item[] memory items, Report memory report) = _good();
        Attestation ours = attestation;
        attestation = new Attestation(params);
        bytes[] memory given = attested(report);
        attestation = ours;
        refuses(items, report, given, IAttestation.BadSigner.selector, "");
    }

    function test_hostile_owner_tradesAfterTheAttestation_StateMoved() public {
        (Item[] memory items, Report memory report) = _good();
        bytes32 said = report.accounts[0].positionsAfter;
        (OutcomeIntent memory i, Plan memory p) = perpBuy(2, 4000e18);
        (i.subaccount, p.fills[0].quantity) = (1, 1e15);
        i.legs[0].quantityMin = 1e15;
        settle(signed(i, p));
        Trade[] memory trades = _trades(items[0].plan);
        (,,, bytes32 found) = house.preview(account, trades);
        bytes memory figures = abi.encode(account, said, found);
        refuses(items, report, attested(report), IClearinghouse.StateMoved.selector, figures);
    }

    function test_hostile_signers_forgeTheStateBefore_StateMoved() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        i.limits.maxMarginUsed = 500e6;
        Report memory report = _report(p);
        bytes32 was = house.positionsHash(account);
        report.accounts[0].positionsBefore = bytes32("forged");
        bytes memory figures = abi.encode(account, bytes32("forged"), was);
        refuses(one(signed(i, p)), report, IClearinghouse.StateMoved.selector, figures);
    }

    // ---- k keys, and still not everything

    /// Out of the money a short call is worth nothing at best: 1,300 of cash is 1,300 of equity.
    function test_hostile_signers_inventEquity_MarginBreached() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        Report memory report = _report(p);
        (report.accounts[0].optionsMtm, report.accounts[0].im) = (1e18, 1301e6);
        bytes memory figures = abi.encode(account, -1e6);
        refuses(one(signed(i, p)), report, IClearinghouse.MarginBreached.selector, figures);
    }

    /// One percent of 40,000 is asked for, whatever is attested.
    function test_hostile_signers_askForNothing_MarginBreached() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(1e18);
        Report memory report = _report(p);
        (report.accounts[0].optionsMtm, report.accounts[0].im) = (0, 0);
        bytes memory figures = abi.encode(account, -290e6);
        refuses(one(signed(i, p)), report, IClearinghouse.MarginBreached.selector, figures);
    }

    function test_hostile_signers_inventHealth_HealthTooLow() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        i.limits.minHealth = 3.25e18 + 1;
        Report memory report = _report(p);
        (report.accounts[0].optionsMtm, report.accounts[0].im) = (1e18, 0);
        bytes memory figures = abi.encode(3.25e18, 3.25e18 + 1);
        refuses(one(signed(i, p)), report, ISettlement.HealthTooLow.selector, figures);
    }

    /// The fill is at the attested mark, and both are absurd.
    function test_hostile_signers_absurdMark_PriceBand() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(3000e18);
        i.limits.maxSlippageBps = 10;
        Report memory report = _report(p);
        report.marks[0].price = 3000e18;
        refuses(one(signed(i, p)), report, IClearinghouse.PriceBand.selector);
    }

    function test_hostile_signers_deltaOnlyInsteadOfARequirement_MarginBreached() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        Report memory report = _report(p);
        (report.accounts[0].im, report.accounts[0].mm) = (NONE, NONE);
        refuses(one(signed(i, p)), report, IClearinghouse.MarginBreached.selector);
    }

    function test_hostile_signers_deltaOfAnotherMarket_DeltaUnattested() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        i.limits.deltaTolerance = 1e18;
        Report memory report = _report(p);
        report.accounts[0].market = 2;
        bytes memory figures = abi.encode(account);
        refuses(one(signed(i, p)), report, ISettlement.DeltaUnattested.selector, figures);
    }

    function test_hostile_signers_deltaOutsideTheBound_DeltaOutside() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        i.limits.deltaTolerance = 1e18;
        Report memory report = _report(p);
        bytes memory figures = abi.encode(-3e18, 0, 1e18);
        refuses(one(signed(i, p)), report, ISettlement.DeltaOutside.selector, figures);
    }

    function test_hostile_signers_riseAboveTheBound_MarginUsed() public {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        i.limits.maxMarginUsed = 499e6;
        Report memory report = _report(p);
        report.accounts[0].positionsBefore = house.positionsHash(account);
        bytes memory figures = abi.encode(500e6, 499e6);
        refuses(one(signed(i, p)), report, ISettlement.MarginUsed.selector, figures);
    }

    // ---- what is reported

    function _good() private view returns (Item[] memory, Report memory) {
        (OutcomeIntent memory i, Plan memory p) = _sale(120e18);
        return (one(signed(i, p)), _report(p));
    }

    function _sale(uint256 price) private view returns (OutcomeIntent memory i, Plan memory p) {
        i = intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        i.subaccount = 1;
        p = plan();
        fills(p, 0, call(4400e18), -10e18, price);
    }

    function _report(Plan memory p) private view returns (Report memory) {
        Mark[] memory marks = new Mark[](1);
        marks[0] = Mark(call(4400e18), 121e18);
        AccountRisk[] memory risks = new AccountRisk[](1);
        (,,, bytes32 positions) = house.preview(account, _trades(p));
        risks[0] = AccountRisk(account, "", positions, 0, 0, 500e6, 400e6, -3e18, ETH);
        return reportOf(marks, risks);
    }

    function _trades(Plan memory p) private view returns (Trade[] memory trades) {
        trades = new Trade[](1);
        trades[0] = Trade(
            account,
            solverAccount,
            p.fills[0].instrument,
            p.fills[0].quantity,
            p.fills[0].price,
            255,
            255
        );
    }

    function _by(Report memory report, uint256 a, uint256 b)
        private
        view
        returns (bytes[] memory given)
    {
        bytes32 digest = attestation.digest(report);
        given = new bytes[](2);
        (given[0], given[1]) = (signature(a, digest), signature(b, digest));
    }
}
