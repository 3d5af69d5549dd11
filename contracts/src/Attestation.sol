// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestation} from "./interfaces/IAttestation.sol";
import {IParams} from "./interfaces/IParams.sol";
import {AccountRisk, Mark, Report} from "./types/Report.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// Turns k of n risk signers into one fact. It says only that they signed this, recently, for this chain
/// and this contract; what a report may claim is fenced by the margin rules.
contract Attestation is IAttestation, EIP712 {
    uint256 public constant LIFETIME_MAX = 60 seconds;

    bytes32 private constant MARK_TYPEHASH = keccak256("Mark(uint160 instrument,uint256 price)");
    bytes32 private constant ACCOUNT_RISK_TYPEHASH = keccak256(
        "AccountRisk(bytes32 account,bytes32 positionsBefore,bytes32 positionsAfter,int256 optionsMtm,uint256 imBefore,uint256 im,uint256 mm,int256 netDelta,uint16 market)"
    );
    bytes32 private constant REPORT_TYPEHASH = keccak256(
        "Report(bytes32 snapshotHash,uint40 asOf,uint40 validUntil,Mark[] marks,AccountRisk[] accounts)AccountRisk(bytes32 account,bytes32 positionsBefore,bytes32 positionsAfter,int256 optionsMtm,uint256 imBefore,uint256 im,uint256 mm,int256 netDelta,uint16 market)Mark(uint160 instrument,uint256 price)"
    );

    IParams public immutable params;

    constructor(IParams params_) EIP712("Solvent", "1") {
        params = params_;
    }

    function verify(Report calldata report, bytes[] calldata signatures) external view {
        bool isFresh = report.asOf <= block.timestamp && block.timestamp <= report.validUntil
            && report.validUntil <= report.asOf + LIFETIME_MAX;
        if (!isFresh) revert StaleReport(report.asOf, report.validUntil, block.timestamp);
        uint256 needed = params.threshold();
        if (needed == 0 || signatures.length < needed) revert BadReport(signatures.length, needed);
        bytes32 hash = digest(report);
        address last; // ascending, so that nobody counts twice
        for (uint256 i; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(hash, signatures[i]);
            bool isGood = failure == ECDSA.RecoverError.NoError && signer > last;
            if (!isGood || !params.isSigner(signer)) revert BadSigner(signer);
            last = signer;
        }
    }

    function digest(Report calldata report) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    REPORT_TYPEHASH,
                    report.snapshotHash,
                    report.asOf,
                    report.validUntil,
                    _hashMarks(report.marks),
                    _hashAccounts(report.accounts)
                )
            )
        );
    }

    function _hashMarks(Mark[] calldata marks) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](marks.length);
        for (uint256 i; i < marks.length; ++i) {
            hashes[i] = keccak256(abi.encode(MARK_TYPEHASH, marks[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _hashAccounts(AccountRisk[] calldata accounts) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            hashes[i] = keccak256(abi.encode(ACCOUNT_RISK_TYPEHASH, accounts[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
