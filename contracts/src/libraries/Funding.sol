// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";

/// What one unit of perp has paid since the beginning, so that funding needs no per-account step: a perp
/// is worth quantity x (mark - index). The rate holds for an hour after a report, then it is 0.
library Funding {
    struct State {
        int128 index; // wad settlement units per unit of perp
        int88 perHour; // wad, added to the index each hour
        uint40 updatedAt;
    }

    uint256 private constant RATE_LIFETIME = 1 hours;
    int256 private constant PREMIUM_DIVISOR = 8; // the premium is paid over eight hours
    int256 private constant CLAMP_DIVISOR = 2000; // 0.05 % of the price an hour

    function indexAt(State memory state, uint256 time) internal pure returns (int256) {
        uint256 elapsed = time - state.updatedAt;
        if (elapsed > RATE_LIFETIME) elapsed = RATE_LIFETIME;
        return state.index + state.perHour * int256(elapsed) / int256(RATE_LIFETIME);
    }

    /// hourly = clamp((mark - price) / 8, +-0.05 % of price), in settlement units, truncated. A report
    /// older than the last update says nothing new.
    function update(State storage state, uint256 mark, uint256 price, uint256 asOf)
        internal
        returns (int256 index, int256 perHour)
    {
        State memory old = state;
        if (asOf <= old.updatedAt) revert IClearinghouse.FundingStale(asOf, old.updatedAt);
        index = indexAt(old, block.timestamp);
        if (mark > type(uint96).max) revert IClearinghouse.PriceOutOfRange(mark);
        int256 bound = int256(price) / CLAMP_DIVISOR;
        perHour = (int256(mark) - int256(price)) / PREMIUM_DIVISOR;
        if (perHour > bound) perHour = bound;
        if (perHour < -bound) perHour = -bound;
        // price < 2^96, so perHour < 2^86; the index cannot reach 2^127 in 10^9 years
        // forge-lint: disable-next-line(unsafe-typecast)
        (state.index, state.perHour) = (int128(index), int88(perHour));
        state.updatedAt = uint40(block.timestamp);
    }
}
