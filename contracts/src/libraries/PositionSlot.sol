// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {KIND_ASIAN_CALL, KIND_BASE, KIND_CALL, KIND_PERP, KIND_PUT} from "../types/Market.sol";

/// A position is one storage word: instrument(160) | quantity int96. Every entry is 32 bytes, which is
/// what makes the packed list of them unambiguous in the positions hash. The parts of the instrument are
/// read from the word where they stand.
library PositionSlot {
    /// `-type(int96).min` does not exist, so the range is symmetric: |quantity| < 2^95.
    int256 internal constant QUANTITY_MAX = type(int96).max;

    error QuantityOutOfRange(int256 quantity);

    function encode(uint160 instrument, int256 quantity) internal pure returns (uint256) {
        if (quantity > QUANTITY_MAX || quantity < -QUANTITY_MAX) {
            revert QuantityOutOfRange(quantity);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        return (uint256(instrument) << 96) | uint96(int96(quantity));
    }

    function instrumentOf(uint256 slot) internal pure returns (uint160) {
        return uint160(slot >> 96);
    }

    function quantityOf(uint256 slot) internal pure returns (int256) {
        return int96(uint96(slot));
    }

    function marketOf(uint256 slot) internal pure returns (uint256) {
        return slot >> 240;
    }

    function kindOf(uint256 slot) internal pure returns (uint256) {
        return slot >> 232 & 0xff;
    }

    function expiryOf(uint256 slot) internal pure returns (uint256) {
        return slot >> 192 & 0xffffffffff;
    }

    function strikeOf(uint256 slot) internal pure returns (uint256) {
        return slot >> 96 & 0xffffffffffffffffffffffff;
    }

    /// Equal to `InstrumentId.seriesKey`.
    function seriesOf(uint256 slot) internal pure returns (uint256) {
        return (slot >> 240 << 40) | (slot >> 192 & 0xffffffffff);
    }

    function isCall(uint256 slot) internal pure returns (bool) {
        return slot >> 232 & 0xff == KIND_CALL;
    }

    /// A European option.
    function isOption(uint256 slot) internal pure returns (bool) {
        uint256 kind = slot >> 232 & 0xff;
        return kind == KIND_CALL || kind == KIND_PUT;
    }

    function isAsian(uint256 slot) internal pure returns (bool) {
        return slot >> 232 & 0xff >= KIND_ASIAN_CALL; // no kind is above those two
    }

    function isPerp(uint256 slot) internal pure returns (bool) {
        return slot >> 232 & 0xff == KIND_PERP;
    }

    function isBase(uint256 slot) internal pure returns (bool) {
        return slot >> 232 & 0xff == KIND_BASE;
    }

    /// Entry of a list whose bounds the caller has proved.
    function slotAt(uint256[] memory slots, uint256 index) internal pure returns (uint256 slot) {
        assembly ("memory-safe") {
            slot := mload(add(slots, mul(add(index, 1), 32)))
        }
    }
}
