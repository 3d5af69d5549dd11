// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// A position is one storage word: instrument(160) | quantity int96. Every entry is 32 bytes, which is
/// what makes `abi.encodePacked` of a list of them unambiguous in the positions hash.
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
}
