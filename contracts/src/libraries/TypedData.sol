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

    // Fields that need no hash of their own are copied as they stand: a word with dirty bits hashes to
    // what nobody signed, and is refused where it is read.

    function hash(OutcomeIntent calldata intent) internal pure returns (bytes32 digest) {
        bytes32 outcome = hash(intent.outcome);
        bytes32 legs = hash(intent.legs);
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, LIMITS_TYPEHASH)
            calldatacopy(add(words, 32), add(intent, 160), 256)
            let limits := keccak256(words, 288)
            mstore(words, INTENT_TYPEHASH)
            calldatacopy(add(words, 32), intent, 96) // owner, subaccount, receiver
            mstore(add(words, 128), outcome)
            mstore(add(words, 160), legs)
            mstore(add(words, 192), limits)
            calldatacopy(add(words, 224), add(intent, 416), 160) // all behind the limits
            digest := keccak256(words, 384)
        }
    }

    function hash(Leg[] calldata legs) internal pure returns (bytes32 digest) {
        uint256 length = legs.length;
        bytes32[] memory hashes = new bytes32[](length);
        for (uint256 i; i < length; ++i) {
            hashes[i] = hash(legs[i]);
        }
        assembly ("memory-safe") {
            digest := keccak256(add(hashes, 32), mul(length, 32))
        }
    }

    function hash(Leg calldata leg) internal pure returns (bytes32 digest) {
        bytes32 kind = hash(leg.kind);
        bytes32 side = hash(leg.side);
        bytes32 right = hash(leg.right);
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, LEG_TYPEHASH)
            mstore(add(words, 32), kind)
            calldatacopy(add(words, 64), add(leg, 32), 32) // asset
            mstore(add(words, 96), side)
            mstore(add(words, 128), right)
            calldatacopy(add(words, 160), add(leg, 128), 256) // all behind the words
            digest := keccak256(words, 416)
        }
    }

    function hash(Quote calldata quote) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, QUOTE_TYPEHASH)
            calldatacopy(add(words, 32), quote, 288)
            digest := keccak256(words, 320)
        }
    }

    function hash(Mandate calldata mandate) internal pure returns (bytes32 digest) {
        bytes32 outcomes = _hash(mandate.outcomes);
        address[] calldata assets = mandate.assets;
        assembly ("memory-safe") {
            let words := mload(0x40)
            let size := mul(assets.length, 32)
            calldatacopy(words, assets.offset, size)
            let assetsHash := keccak256(words, size)
            mstore(words, MANDATE_TYPEHASH)
            calldatacopy(add(words, 32), mandate, 160) // owner to validTo
            mstore(add(words, 192), outcomes)
            mstore(add(words, 224), assetsHash)
            calldatacopy(add(words, 256), add(mandate, 224), 192) // all behind the lists
            digest := keccak256(words, 448)
        }
    }

    function _hash(string[] calldata list) private pure returns (bytes32 digest) {
        uint256 length = list.length;
        bytes32[] memory hashes = new bytes32[](length);
        for (uint256 i; i < length; ++i) {
            hashes[i] = hash(list[i]);
        }
        assembly ("memory-safe") {
            digest := keccak256(add(hashes, 32), mul(length, 32))
        }
    }

    function hash(string calldata text) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let words := mload(0x40)
            calldatacopy(words, text.offset, text.length)
            digest := keccak256(words, text.length)
        }
    }
}
