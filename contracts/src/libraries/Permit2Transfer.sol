// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OutcomeIntent} from "../types/Intent.sol";

/// The part of Uniswap's Permit2 that one signature needs to fund and authorise an intent at once.
interface ISignatureTransfer {
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    struct PermitBatchTransferFrom {
        TokenPermissions[] permitted;
        uint256 nonce;
        uint256 deadline;
    }

    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    function permitWitnessTransferFrom(
        PermitBatchTransferFrom memory permit,
        SignatureTransferDetails[] calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}

/// What goes to Permit2 for an intent: its nonce and deadline are the intent's, the intent is the
/// witness.
library Permit2Transfer {
    /// Same address on every chain.
    ISignatureTransfer internal constant PERMIT2 =
        ISignatureTransfer(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    /// Follows Permit2's own stub; EIP-712 wants the referenced types in alphabetical order.
    /// Written out again, for a concatenation would run on every call; a test holds it to
    /// TypedData's strings.
    string internal constant WITNESS = "OutcomeIntent witness)Leg("
        "string kind,address asset,string side,string right,uint256 strikeMin,"
        "uint256 strikeMax,uint64 expiryMin,uint64 expiryMax,uint256 quantityMin,"
        "uint256 quantityMax,uint256 limitPrice,uint256 chainId)"
        "Limits(address settlementToken,int256 maxNetCost,uint256 maxFee,"
        "uint32 maxSlippageBps,int256 targetDelta,uint256 deltaTolerance,"
        "uint256 maxMarginUsed,uint256 minHealth)OutcomeIntent(address owner,"
        "uint64 subaccount,address receiver,string outcome,Leg[] legs,Limits limits,"
        "bool partiallyFillable,uint32 validFrom,uint32 validTo,uint256 nonce,"
        "bytes32 appData)TokenPermissions(address token,uint256 amount)";

    error Permit2Missing();

    /// Of every token its address, the most that was signed, where to and how much of it now: four
    /// words each. Written out by hand, for the compiler's encoder costs twice as much.
    function pull(
        OutcomeIntent calldata intent,
        uint256[] memory tokens,
        bytes32 witness,
        bytes calldata signature
    ) internal {
        // Called by hand, an address without code would answer yes.
        address permit2 = address(PERMIT2);
        if (permit2.code.length == 0) revert Permit2Missing();
        (uint256 args, uint256 text) = _head(intent, tokens, witness);
        uint256 end = _tail(args, text, signature);
        assembly ("memory-safe") {
            if iszero(call(gas(), permit2, 0, sub(args, 4), add(sub(end, args), 4), 0, 0)) {
                returndatacopy(args, 0, returndatasize())
                revert(args, returndatasize())
            }
        }
    }

    /// Everything but the type string and the signature, in free memory; returns where the arguments
    /// begin and, relative to that, where the type string goes.
    function _head(OutcomeIntent calldata intent, uint256[] memory tokens, bytes32 witness)
        private
        pure
        returns (uint256 args, uint256 text)
    {
        bytes4 selector = ISignatureTransfer.permitWitnessTransferFrom.selector;
        (address owner, uint256 nonce, uint256 deadline) =
            (intent.owner, intent.nonce, intent.validTo);
        assembly ("memory-safe") {
            let size := mul(shr(2, mload(tokens)), 64)
            args := add(mload(0x40), 4)
            mstore(sub(args, 4), selector)
            mstore(args, 192) // the permit
            mstore(add(args, 32), add(320, size)) // the details
            mstore(add(args, 64), owner)
            mstore(add(args, 96), witness)
            text := add(352, mul(size, 2))
            mstore(add(args, 128), text)
            mstore(add(args, 192), 96) // the permitted, from the permit on
            mstore(add(args, 224), nonce)
            mstore(add(args, 256), deadline)
            mstore(add(args, 288), shr(6, size))
            mstore(add(args, add(320, size)), shr(6, size))
            let from := add(tokens, 32)
            for { let i := 0 } lt(i, size) { i := add(i, 64) } {
                mcopy(add(add(args, 320), i), from, 64)
                mcopy(add(add(args, add(352, size)), i), add(from, 64), 64)
                from := add(from, 128)
            }
        }
    }

    /// The type string and the signature behind it; returns where the arguments end.
    function _tail(uint256 args, uint256 text, bytes calldata signature)
        private
        pure
        returns (uint256 end)
    {
        // The string is laid behind all that is being written.
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
            mstore(0x40, add(args, text))
        }
        bytes memory witnessType = bytes(WITNESS);
        assembly ("memory-safe") {
            end := add(add(witnessType, 32), and(add(mload(witnessType), 31), not(31)))
            mstore(add(args, 160), sub(end, args))
            mstore(end, signature.length)
            let padded := and(add(signature.length, 31), not(31))
            mstore(add(end, padded), 0)
            calldatacopy(add(end, 32), signature.offset, signature.length)
            end := add(add(end, 32), padded)
            mstore(0x40, free)
        }
    }
}
