// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// One underlying: what secures it, what prices it, what it may cost. Rates are parts per million.
struct Market {
    address base;
    uint8 baseDecimals;
    address feed; // AggregatorV3: latestRoundData, getRoundData, decimals
    uint32 heartbeat; // seconds a feed answer stays good
    uint32 sigmaCapPpm; // upper bound of implied volatility, 1_500_000 = 150 %
    uint32 perpInitialPpm; // 100_000
    uint32 perpMaintenancePpm; // 65_000
    uint32 baseInitialPpm; // 750_000: base counts at this share towards IM
    uint32 baseMaintenancePpm; // 800_000
    uint96 openInterestCap; // 1e18 contracts over perps and options together; 0 = market closed
    bool isReduceOnly;
}

// Packing of ids. Instrument = market(16) | kind(8) | expiry(40) | strike(96, 1e18).
// Account = owner(160) | subaccount(64), so that both can be read from it.
uint8 constant KIND_PERP = 0;
uint8 constant KIND_CALL = 1;
uint8 constant KIND_PUT = 2;
uint8 constant KIND_BASE = 3;
uint8 constant KIND_ASIAN_CALL = 4;
uint8 constant KIND_ASIAN_PUT = 5;

uint8 constant POSITIONS_MAX = 20;

// An Asian option pays on the mean of this many daily fixings, the last one at its expiry.
uint8 constant FIXINGS = 7;
