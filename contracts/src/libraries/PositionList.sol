// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PositionSlot} from "./PositionSlot.sol";

/// A list of positions in memory that changes exactly as the stored one does (same order, swap and pop),
/// so that a state before or after can be judged and hashed without writing it.
library PositionList {
    using PositionSlot for uint256;

    struct List {
        uint256[] slots;
        uint256 length;
    }

    /// Room for `extra` positions more than there are.
    function from(uint256[] memory slots, uint256 extra) internal pure returns (List memory list) {
        list.length = slots.length;
        list.slots = new uint256[](slots.length + extra);
        for (uint256 i; i < slots.length; ++i) {
            list.slots[i] = slots[i];
        }
    }

    function add(List memory list, uint160 instrument, int256 quantity) internal pure {
        uint256 length = list.length;
        uint256 i;
        while (i < length && list.slots[i].instrumentOf() != instrument) ++i;
        if (i == length) {
            if (quantity == 0) return;
            list.slots[i] = PositionSlot.encode(instrument, quantity);
            list.length = length + 1;
            return;
        }
        int256 sum = list.slots[i].quantityOf() + quantity;
        if (sum != 0) {
            list.slots[i] = PositionSlot.encode(instrument, sum);
            return;
        }
        list.slots[i] = list.slots[length - 1];
        list.length = length - 1;
    }

    function toArray(List memory list) internal pure returns (uint256[] memory slots) {
        slots = new uint256[](list.length);
        for (uint256 i; i < slots.length; ++i) {
            slots[i] = list.slots[i];
        }
    }
}
