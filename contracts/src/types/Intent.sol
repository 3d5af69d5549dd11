// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// What a user signs, as EIP-712 structs. Enums are strings and bounds are numbers, so that a wallet
/// shows what is signed and the chain checks it without parsing a word.

/// kind: token | perp | option | collateral | bridge. side: buy | sell | auto | deposit | withdraw.
/// right: call | put | asianCall | asianPut | empty. Token and collateral quantities are atoms of
/// `asset`; perp and option quantities, strikes and prices are 1e18 integers in settlement units.
struct Leg {
    string kind;
    address asset;
    string side;
    string right;
    uint256 strikeMin;
    uint256 strikeMax;
    uint64 expiryMin;
    uint64 expiryMax;
    uint256 quantityMin;
    uint256 quantityMax;
    uint256 limitPrice; // 0 = none
    uint256 chainId; // 0 = the domain's chain
}

/// Money is settlement-token atoms; deltas are 1e18 of the first leg's asset; health is a 1e18 ratio.
struct Limits {
    address settlementToken;
    int256 maxNetCost; // above 0 a debit cap, below 0 a minimum credit; 2^255-1 = none
    uint256 maxFee; // gas included
    uint32 maxSlippageBps; // of the largest leg's notional at the mark; 2^32-1 = none
    int256 targetDelta;
    uint256 deltaTolerance; // 2^256-1 = none
    uint256 maxMarginUsed; // rise of the initial requirement; 0 = reduce only, 2^256-1 = none
    uint256 minHealth; // equity / initial requirement after; 0 = none
}

struct OutcomeIntent {
    address owner;
    uint64 subaccount;
    address receiver; // 0 = the account's collateral
    string outcome;
    Leg[] legs;
    Limits limits;
    bool partiallyFillable;
    uint32 validFrom;
    uint32 validTo;
    uint256 nonce; // epoch(64) | lane(184) | counter(8)
    bytes32 appData;
}

/// A maker's firm quote, filled up to `maxQuantity` within one transaction.
struct Quote {
    address maker;
    uint64 subaccount;
    address solver;
    uint160 instrument;
    bool makerSells;
    uint256 price;
    uint256 maxQuantity;
    uint32 validTo;
    uint256 nonce;
}

/// An owner's grant to an agent's key. A session key is a mandate to one's own key.
struct Mandate {
    address owner;
    uint64 subaccount;
    address agent;
    uint32 validFrom;
    uint32 validTo;
    string[] outcomes;
    address[] assets;
    uint256 notionalPerDay;
    uint256 lossPerDay;
    uint32 maxSlippageBps;
    uint256 maxMarginUsed;
    uint256 minHealth;
    uint256 nonce;
}
