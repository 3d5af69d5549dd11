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

    function pull(
        OutcomeIntent calldata intent,
        ISignatureTransfer.TokenPermissions[] memory permitted,
        ISignatureTransfer.SignatureTransferDetails[] memory requested,
        bytes32 witness,
        bytes calldata signature
    ) internal {
        PERMIT2.permitWitnessTransferFrom(
            ISignatureTransfer.PermitBatchTransferFrom(permitted, intent.nonce, intent.validTo),
            requested,
            intent.owner,
            witness,
            WITNESS,
            signature
        );
    }
}
