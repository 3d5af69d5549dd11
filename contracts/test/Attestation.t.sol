// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../src/Attestation.sol";
import {IAttestation} from "../src/interfaces/IAttestation.sol";
import {AccountRisk, Mark, Report} from "../src/types/Report.sol";
import {House} from "./support/House.sol";

contract AttestationTest is House {
    function test_two_of_three_in_ascending_order_suffice() public view {
        Report memory report = _report();
        attestation.verify(report, signed(report));
        attestation.verify(report, signedBy(report, signerKeys[1], signerKeys[2]));
    }

    function test_BadReport_too_few_signatures() public {
        Report memory report = _report();
        bytes[] memory few = new bytes[](1);
        few[0] = signed(report)[0];
        vm.expectRevert(abi.encodeWithSelector(IAttestation.BadReport.selector, 1, 2));
        attestation.verify(report, few);
    }

    function test_BadSigner_the_same_twice() public {
        Report memory report = _report();
        bytes[] memory twice = signedBy(report, signerKeys[0], signerKeys[0]);
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, twice);
    }

    function test_BadSigner_out_of_order() public {
        Report memory report = _report();
        bytes[] memory reversed = signedBy(report, signerKeys[1], signerKeys[0]);
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, reversed);
    }

    function test_BadSigner_stranger_removed_signer_and_malleable_signature() public {
        Report memory report = _report();
        bytes[] memory good = signed(report);
        bytes[] memory stranger = signedBy(report, 0xbad, 0xbad2);
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, stranger);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKeys[0], attestation.digest(report));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes[] memory high = signed(report);
        high[0] = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, high);
        vm.prank(guardian);
        params.removeSigner(vm.addr(signerKeys[0]));
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, good);
    }

    function test_BadSigner_report_for_another_contract_or_chain() public {
        Report memory report = _report();
        Attestation other = new Attestation(params);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        other.verify(report, signatures);
        vm.chainId(99);
        vm.expectPartialRevert(IAttestation.BadSigner.selector);
        attestation.verify(report, signatures);
    }

    function test_BadSigner_when_any_figure_is_altered() public {
        Report memory report = _report();
        bytes[] memory signatures = signed(report);
        for (uint256 i; i < 12; ++i) {
            Report memory altered = _altered(i);
            vm.expectPartialRevert(IAttestation.BadSigner.selector);
            attestation.verify(altered, signatures);
        }
    }

    function test_StaleReport_early_late_or_too_long() public {
        Report memory report = _report();
        bytes[] memory signatures = signed(report);
        vm.warp(START + 60);
        attestation.verify(report, signatures);
        vm.warp(START + 61);
        vm.expectPartialRevert(IAttestation.StaleReport.selector);
        attestation.verify(report, signatures);
        vm.warp(START - 1);
        vm.expectPartialRevert(IAttestation.StaleReport.selector);
        attestation.verify(report, signatures);
        vm.warp(START);
        report.validUntil = uint40(START + 61);
        signatures = signed(report);
        vm.expectPartialRevert(IAttestation.StaleReport.selector);
        attestation.verify(report, signatures);
    }

    function test_domain_is_published() public view {
        (, string memory name, string memory version, uint256 chainId, address where,,) =
            attestation.eip712Domain();
        vm.assertEq(bytes(name), "Solvent");
        vm.assertEq(bytes(version), "1");
        vm.assertEq(chainId, block.chainid);
        vm.assertEq(where, address(attestation));
    }

    /// The digest against the definition of EIP-712 written out, for one mark and one account.
    function test_digest_is_eip712() public view {
        Report memory report = _report();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Solvent"),
                keccak256("1"),
                block.chainid,
                address(attestation)
            )
        );
        bytes32 markType = keccak256("Mark(uint160 instrument,uint256 price)");
        string memory risk =
            "AccountRisk(bytes32 account,bytes32 positionsBefore,bytes32 positionsAfter,int256 optionsMtm,uint256 imBefore,uint256 im,uint256 mm,int256 netDelta,uint16 market)";
        bytes32 marks =
            keccak256(abi.encode(keccak256(abi.encode(markType, report.marks[0].instrument, 7))));
        bytes32 accounts = keccak256(
            abi.encode(keccak256(abi.encode(keccak256(bytes(risk)), report.accounts[0])))
        );
        bytes32 reportType = keccak256(
            abi.encodePacked(
                "Report(bytes32 snapshotHash,uint40 asOf,uint40 validUntil,Mark[] marks,AccountRisk[] accounts)",
                risk,
                "Mark(uint160 instrument,uint256 price)"
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                reportType, report.snapshotHash, report.asOf, report.validUntil, marks, accounts
            )
        );
        vm.assertEq(
            attestation.digest(report), keccak256(abi.encodePacked(hex"1901", domain, structHash))
        );
    }

    function _report() private view returns (Report memory report) {
        report = newReport(1, 1);
        report.marks[0] = Mark(perp, 7);
        report.accounts[0] = riskOf(annId, bytes32(uint256(1)), -5, 100);
    }

    function _altered(uint256 field) private view returns (Report memory report) {
        report = _report();
        AccountRisk memory risk = report.accounts[0];
        if (field == 0) report.snapshotHash = bytes32(uint256(1));
        if (field == 1) report.asOf -= 1;
        if (field == 2) report.marks[0].price += 1;
        if (field == 3) report.marks[0].instrument += 1;
        if (field == 4) risk.account = bobId;
        if (field == 5) risk.positionsBefore = bytes32(uint256(9));
        if (field == 6) risk.positionsAfter = bytes32(uint256(9));
        if (field == 7) risk.optionsMtm += 1;
        if (field == 8) risk.imBefore += 1;
        if (field == 9) risk.im += 1;
        if (field == 10) risk.netDelta += 1;
        if (field == 11) risk.market += 1;
        if (field == 1) report.validUntil -= 1;
    }
}
