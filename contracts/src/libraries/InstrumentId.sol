// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    KIND_ASIAN_CALL,
    KIND_ASIAN_PUT,
    KIND_BASE,
    KIND_CALL,
    KIND_PERP,
    KIND_PUT
} from "../types/Market.sol";

/// One word names an instrument, so that a position fits one slot and an event needs no lookup:
/// market(16) | kind(8) | expiry(40) | strike(96, 1e18).
library InstrumentId {
    error IdOutOfRange(uint256 expiry, uint256 strike);

    /// Options fill every field; perps and base have neither expiry nor strike. Wider inputs revert.
    function encode(uint16 market, uint8 kind, uint256 expiry, uint256 strike)
        internal
        pure
        returns (uint160)
    {
        if (expiry > type(uint40).max || strike > type(uint96).max) {
            revert IdOutOfRange(expiry, strike);
        }
        return uint160((uint256(market) << 144) | (uint256(kind) << 136) | (expiry << 96) | strike);
    }

    function perp(uint16 market) internal pure returns (uint160) {
        return encode(market, KIND_PERP, 0, 0);
    }

    function base(uint16 market) internal pure returns (uint160) {
        return encode(market, KIND_BASE, 0, 0);
    }

    function marketOf(uint160 id) internal pure returns (uint16) {
        return uint16(id >> 144);
    }

    function kindOf(uint160 id) internal pure returns (uint8) {
        return uint8(id >> 136);
    }

    function expiryOf(uint160 id) internal pure returns (uint40) {
        return uint40(id >> 96);
    }

    function strikeOf(uint160 id) internal pure returns (uint256) {
        return uint96(id);
    }

    function isCall(uint160 id) internal pure returns (bool) {
        return kindOf(id) == KIND_CALL;
    }

    function isPut(uint160 id) internal pure returns (bool) {
        return kindOf(id) == KIND_PUT;
    }

    /// European options: the kinds whose payoff hangs on the expiry price alone.
    function isOption(uint160 id) internal pure returns (bool) {
        uint8 kind = kindOf(id);
        return kind == KIND_CALL || kind == KIND_PUT;
    }

    function isAsian(uint160 id) internal pure returns (bool) {
        uint8 kind = kindOf(id);
        return kind == KIND_ASIAN_CALL || kind == KIND_ASIAN_PUT;
    }

    function isPerp(uint160 id) internal pure returns (bool) {
        return kindOf(id) == KIND_PERP;
    }

    function isBase(uint160 id) internal pure returns (bool) {
        return kindOf(id) == KIND_BASE;
    }

    /// Key of everything that two options of one market and expiry share.
    function seriesOf(uint160 id) internal pure returns (uint256) {
        return seriesKey(marketOf(id), expiryOf(id));
    }

    function seriesKey(uint16 market, uint40 expiry) internal pure returns (uint256) {
        return (uint256(market) << 40) | expiry;
    }
}
