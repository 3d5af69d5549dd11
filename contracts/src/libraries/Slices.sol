// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// The arithmetic of a liquidation, as `IAuction` states it: exact integers, so that an engine elsewhere
/// agrees to the atom. Money fits int128, fractions and prices are wads: no product passes 2^250.
library Slices {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant PAYOUT_TIME = 60 minutes; // in which the fund's offer rises to the full

    uint256 private constant PRICE_FIRST = 0.98e18;
    uint256 private constant PRICE_KNEE = 0.8e18;
    uint256 private constant FAST = 100 seconds; // from the first price to the knee
    uint256 private constant SLOW = 14_400 seconds; // from the knee to 0
    uint256 private constant ROOM_PERCENT = 15; // of the requirement
    uint256 private constant FEE_PERCENT = 2; // of what is paid
    uint256 private constant CRUMB = 1e12; // of a whole, sold more than needed

    function priceAt(uint256 elapsed) internal pure returns (uint256) {
        if (elapsed < FAST) return PRICE_FIRST - (PRICE_FIRST - PRICE_KNEE) / FAST * elapsed;
        uint256 slow = elapsed - FAST;
        return slow >= SLOW ? 0 : PRICE_KNEE * (SLOW - slow) / SLOW;
    }

    function bufferOf(int256 equity, int256 maintenance) internal pure returns (int256) {
        int256 room = (equity - maintenance) * int256(ROOM_PERCENT);
        // the requirement is never negative: up
        return maintenance - (room + 99) / 100;
    }

    function sliceOf(int256 buffer, int256 equity, int256 reserved, uint256 price)
        internal
        pure
        returns (uint256)
    {
        if (buffer >= 0) return 0;
        int256 wad = int256(WAD);
        int256 missing = -buffer * wad;
        int256 net = int256(price * (100 - FEE_PERCENT) / 100);
        int256 whole = missing + net * equity + (wad - net) * reserved;
        if (whole <= missing) return WAD;
        uint256 exact = (uint256(missing) * WAD + uint256(whole) - 1) / uint256(whole);
        return exact + CRUMB < WAD ? exact + CRUMB : WAD;
    }

    function paymentOf(int256 equity, int256 reserved, uint256 fraction, uint256 price)
        internal
        pure
        returns (int256)
    {
        int256 exact = (equity - reserved) * int256(fraction * price);
        int256 unit = int256(WAD * WAD);
        return exact >= 0 ? exact / unit : -((-exact + unit - 1) / unit);
    }

    function feeOf(int256 paid) internal pure returns (uint256) {
        return paid <= 0 ? 0 : (uint256(paid) * FEE_PERCENT + 99) / 100;
    }

    function payoutOf(int256 equity, int256 maintenance, uint256 fraction, uint256 elapsed)
        internal
        pure
        returns (uint256)
    {
        uint256 owed = equity < 0 ? uint256(-equity) : 0;
        uint256 most = maintenance < 0 ? uint256(-maintenance) : 0;
        if (most < owed) most = owed;
        uint256 time = elapsed < PAYOUT_TIME ? elapsed : PAYOUT_TIME;
        return part(owed + (most - owed) * time / PAYOUT_TIME, fraction);
    }

    /// Down.
    function part(uint256 amount, uint256 fraction) internal pure returns (uint256) {
        return amount * fraction / WAD;
    }

    /// Toward zero.
    function share(int256 amount, uint256 fraction) internal pure returns (int256) {
        return amount * int256(fraction) / int256(WAD);
    }
}
