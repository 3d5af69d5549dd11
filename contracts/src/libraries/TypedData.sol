// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Leg, Limits, Mandate, OutcomeIntent, Quote} from "../types/Intent.sol";

/// Struct hashes of everything users, makers and agents sign, so that wallets, SDKs and chain
/// agree.
library TypedData {
    string internal constant LEG = "Leg("
        "string kind,address asset,string side,string right,uint256 strikeMin,"
        "uint256 strikeMax,uint64 expiryMin,uint64 expiryMax,uint256 quantityMin,"
        "uint256 quantityMax,uint256 limitPrice,uint256 chainId)";
    string internal constant LIMITS = "Limits("
        "address settlementToken,int256 maxNetCost,uint256 maxFee,uint32 maxSlippageBps,"
        "int256 targetDelta,uint256 deltaTolerance,uint256 maxMarginUsed,uint256 minHealth)";
    string internal constant INTENT = "OutcomeIntent("
        "address owner,uint64 subaccount,address receiver,string outcome,Leg[] legs,"
        "Limits limits,bool partiallyFillable,uint32 validFrom,uint32 validTo,uint256 nonce,"
        "bytes32 appData)";
    string internal constant QUOTE = "Quote("
        "address maker,uint64 subaccount,address solver,uint160 instrument,bool makerSells,"
        "uint256 price,uint256 maxQuantity,uint32 validTo,uint256 nonce)";
    string internal constant MANDATE = "Mandate("
        "address owner,uint64 subaccount,address agent,uint32 validFrom,uint32 validTo,"
        "string[] outcomes,address[] assets,uint256 notionalPerDay,uint256 lossPerDay,"
        "uint32 maxSlippageBps,uint256 maxMarginUsed,uint256 minHealth,uint256 nonce)";

    // keccak256 of the strings above (the intent's is followed by Leg and Limits). As numbers,
    // because the compiler folds the hash of a bare literal only; a test holds them to the strings.
    bytes32 internal constant LEG_TYPEHASH =
        0x72aa29143aa8d8c2beee98fa2918f067402bd5369c61fd4f28f94d59bf3e8e29;
    bytes32 internal constant LIMITS_TYPEHASH =
        0x3dc7358e374cf5da51dd4d828a69c393a1ff0790b8388fcc06f6b201415ef28c;
    bytes32 internal constant INTENT_TYPEHASH =
        0x32e3b91c3b9e9a9ac2a148fb8df397d4153ff09b0c764fe36e60cd9566be12d5;
    bytes32 internal constant QUOTE_TYPEHASH =
        0xcefb5f1a880e7c85498aa3ce64dac24161502dfcb3e155563f7c82ec3ec90608;
    bytes32 internal constant MANDATE_TYPEHASH =
        0x820bc0821d9bbec3f72e3f61a81d23e0e2754f8573f3753679928699ed448359;

    function hash(OutcomeIntent calldata intent) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(
                    INTENT_TYPEHASH,
                    intent.owner,
                    intent.subaccount,
                    intent.receiver,
                    keccak256(bytes(intent.outcome)),
                    hash(intent.legs),
                    keccak256(abi.encode(LIMITS_TYPEHASH, intent.limits))
                ),
                // In two parts, for one abi.encode of twelve values does not fit the stack.
                abi.encode(
                    intent.partiallyFillable,
                    intent.validFrom,
                    intent.validTo,
                    intent.nonce,
                    intent.appData
                )
            )
        );
    }

    function hash(Leg[] calldata legs) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            hashes[i] = hash(legs[i]);
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function hash(Leg calldata leg) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(
                    LEG_TYPEHASH,
                    keccak256(bytes(leg.kind)),
                    leg.asset,
                    keccak256(bytes(leg.side)),
                    keccak256(bytes(leg.right)),
                    leg.strikeMin,
                    leg.strikeMax
                ),
                abi.encode(
                    leg.expiryMin,
                    leg.expiryMax,
                    leg.quantityMin,
                    leg.quantityMax,
                    leg.limitPrice,
                    leg.chainId
                )
            )
        );
    }

    function hash(Quote calldata quote) internal pure returns (bytes32) {
        return keccak256(abi.encode(QUOTE_TYPEHASH, quote));
    }

    function hash(Mandate memory mandate) internal pure returns (bytes32) {
        bytes32[] memory outcomes = new bytes32[](mandate.outcomes.length);
        for (uint256 i; i < outcomes.length; ++i) {
            outcomes[i] = keccak256(bytes(mandate.outcomes[i]));
        }
        return keccak256(
            bytes.concat(
                abi.encode(
                    MANDATE_TYPEHASH,
                    mandate.owner,
                    mandate.subaccount,
                    mandate.agent,
                    mandate.validFrom,
                    mandate.validTo,
                    keccak256(abi.encodePacked(outcomes)),
                    keccak256(abi.encodePacked(mandate.assets))
                ),
                abi.encode(
                    mandate.notionalPerDay,
                    mandate.lossPerDay,
                    mandate.maxSlippageBps,
                    mandate.maxMarginUsed,
                    mandate.minHealth,
                    mandate.nonce
                )
            )
        );
    }
}
