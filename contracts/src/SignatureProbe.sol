// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {Signatures} from "./libraries/Signatures.sol";

/// Asks a contract wallet off chain just as it will be asked on chain. It is never deployed: a
/// reader lays this code over the contract that will ask (Settlement, Permit2) for one `eth_call`,
/// so that the wallet sees the same caller and the same gas, and no answer of its size comes back.
contract SignatureProbe {
    /// What a wallet that was refused is given once more, to tell its owner how much it takes.
    uint256 private constant GENEROUS_GAS = 3_000_000;

    /// Returns whether there is code, whether it accepts within the limit of the chain, the gas that
    /// accepting takes (0 when it does not accept with GENEROUS_GAS either), and that limit.
    function ask(address signer, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool hasCode, bool isAccepted, uint256 gasUsed, uint256 gasLimit)
    {
        gasLimit = Signatures.ERC1271_GAS;
        if (signer.code.length == 0) return (false, false, 0, gasLimit);
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        hasCode = true;
        (isAccepted, gasUsed) = _ask(signer, gasLimit, question);
        if (!isAccepted) (, gasUsed) = _ask(signer, GENEROUS_GAS, question);
    }

    /// The answer's first word is all that is copied: a wallet may return megabytes.
    function _ask(address signer, uint256 gasLimit, bytes memory question)
        private
        view
        returns (bool isAccepted, uint256 gasUsed)
    {
        bytes32 accepted = IERC1271.isValidSignature.selector;
        uint256 before = gasleft();
        assembly ("memory-safe") {
            mstore(0, 0)
            let ok := staticcall(gasLimit, signer, add(question, 32), mload(question), 0, 32)
            isAccepted := and(ok, and(gt(returndatasize(), 31), eq(mload(0), accepted)))
        }
        gasUsed = isAccepted ? before - gasleft() : 0;
    }
}
