// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// What k of n risk signers attest, off-chain valuation made checkable on chain.

struct Mark {
    uint160 instrument;
    uint256 price; // 1e18 settlement units per whole unit
}

/// im = mm = 2^256-1 attests `netDelta` only: the account stays under SIMPLE.
struct AccountRisk {
    bytes32 account;
    bytes32 positionsBefore;
    bytes32 positionsAfter;
    int256 optionsMtm; // atoms
    uint256 imBefore; // atoms
    uint256 im; // atoms
    uint256 mm; // atoms
    int256 netDelta; // 1e18 of the market's base
    uint16 market; // the market netDelta speaks of
}

/// validUntil 0 means no report at all.
struct Report {
    bytes32 snapshotHash;
    uint40 asOf;
    uint40 validUntil;
    Mark[] marks;
    AccountRisk[] accounts;
}
