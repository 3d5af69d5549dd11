// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {POSITIONS_MAX} from "../types/Market.sol";
import {NO_HINT} from "../types/Plan.sol";
import {Ledger} from "./Ledger.sol";
import {PositionSlot} from "./PositionSlot.sol";
import {Pricing} from "./Pricing.sol";
import {Touched} from "./Touched.sol";

/// An account at the table of a clearing: its slots are read once, moved in memory exactly as the
/// stored ledger moves them (same order, swap and pop), and what changed is written once.
library Seats {
    using PositionSlot for uint256;
    using PositionSlot for uint256[];

    struct Seat {
        bytes32 account;
        uint256 entry; // what `Touched` remembered before the clearing; 0 = first met in it
        uint256 word; // cash and flags, as in storage
        uint256 wordBefore;
        uint256[] slots; // positions in use; there is room for all that fit an account
        uint256[] slotsBefore; // as the clearing found them
        int256 equity; // atoms; equity - requirement negative = breached
        int256 requirement;
        int256 risk; // the requirement, haircut of base left out: its rise is `marginRise`
        int256 rise; // of risk since observed; 0 when nobody observed
        uint256 attested; // place in the report plus one; 0 = SIMPLE
        MarginRules.Book book; // the positions priced, once the account was weighed
    }

    /// Seats in the order of touching, around what prices them.
    struct Table {
        Pricing.Desk desk;
        Seat[] seats;
        uint256 length;
    }

    uint256 private constant CASH_BITS = 128;
    uint256 private constant COUNT_ONE = 1 << 128;
    uint256 private constant FROZEN = 1 << 136;
    uint256 private constant PORTFOLIO = 1 << 144;

    /// Room for `most` accounts; those touched before the clearing sit first.
    function set(Ledger.State storage state, Pricing.Desk memory desk, uint256 most)
        internal
        view
        returns (Table memory)
    {
        uint256 count = Touched.length();
        uint256[] memory room = new uint256[](count + most);
        Seat[] memory seats;
        assembly ("memory-safe") {
            seats := room // pointers, none of them followed before it is set
        }
        for (uint256 i; i < count; ++i) {
            bytes32 account = Touched.accountAt(i);
            seats[i] = read(state, account, Touched.entryOf(account));
        }
        return Table(desk, seats, count);
    }

    /// The account's seat, taken when it has none yet.
    function take(Ledger.State storage state, Table memory table, bytes32 account)
        internal
        view
        returns (Seat memory)
    {
        uint256 place = placeOf(table, account);
        if (place != 0) return table.seats[place - 1];
        Seat memory seat = read(state, account, 0);
        table.seats[table.length++] = seat;
        return seat;
    }

    /// Place plus one; 0 = not at the table.
    function placeOf(Table memory table, bytes32 account) internal pure returns (uint256) {
        Seat[] memory seats = table.seats;
        uint256 length = table.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                if (seats[i].account == account) return i + 1;
            }
        }
        return 0;
    }

    function read(Ledger.State storage state, bytes32 account, uint256 entry)
        internal
        view
        returns (Seat memory)
    {
        Ledger.Account storage stored = state.account[account];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(stored.slot)
        }
        uint256[] memory slots = _slots(state, account, uint8(word >> CASH_BITS));
        MarginRules.Book memory none;
        return Seat(account, entry, word, word, slots, copy(slots), 0, 0, 0, 0, 0, none);
    }

    /// Changes go to storage, in one place each.
    function write(Ledger.State storage state, Seat memory seat) internal {
        bytes32 account = seat.account;
        if (seat.word != seat.wordBefore) {
            Ledger.Account storage stored = state.account[account];
            uint256 word = seat.word;
            assembly ("memory-safe") {
                sstore(stored.slot, word)
            }
        }
        uint256[POSITIONS_MAX] storage slots = state.slots[account];
        uint256[] memory now_ = seat.slots;
        uint256[] memory before = seat.slotsBefore;
        uint256 kept = now_.length < before.length ? now_.length : before.length;
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, kept) { i := add(i, 1) } {
                let place := mul(add(i, 1), 32)
                let slot := mload(add(now_, place))
                if iszero(eq(slot, mload(add(before, place)))) {
                    sstore(add(slots.slot, i), slot)
                }
            }
        }
        unchecked {
            for (uint256 i = kept; i < now_.length; ++i) {
                slots[i] = now_[i];
            }
            for (uint256 i = kept; i < before.length; ++i) {
                slots[i] = 0;
            }
        }
    }

    function cashOf(Seat memory seat) internal pure returns (int256) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return int128(uint128(seat.word));
    }

    /// What the account held before the transaction moved anything.
    function cashBefore(Seat memory seat) internal pure returns (int256) {
        uint256 word = seat.entry == 0 ? seat.wordBefore : seat.entry;
        // forge-lint: disable-next-line(unsafe-typecast)
        return int128(uint128(word));
    }

    /// Neither derivatives nor debt: no feed needs to be asked.
    function owesNothing(Seat memory seat) internal pure returns (bool) {
        uint256[] memory slots = seat.slots;
        for (uint256 i; i < slots.length; ++i) {
            if (!slots.slotAt(i).isBase()) return false;
        }
        return cashOf(seat) >= 0;
    }

    function requireThawed(Seat memory seat) internal pure {
        if (seat.word & FROZEN != 0) revert IClearinghouse.AccountFrozen(seat.account);
    }

    function enterPortfolio(Seat memory seat) internal {
        if (seat.word & PORTFOLIO != 0) return;
        seat.word |= PORTFOLIO;
        emit IClearinghouse.PortfolioEntered(seat.account);
    }

    function addCash(Seat memory seat, int256 amount) internal pure {
        int256 cash = cashOf(seat) + amount;
        if (cash > type(int128).max || cash < -type(int128).max) {
            revert IClearinghouse.CashOutOfRange(cash);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        seat.word = (seat.word >> CASH_BITS << CASH_BITS) | uint128(int128(cash));
    }

    /// As `Ledger.movePosition`; returns by how much the account's long side grew.
    function move(Seat memory seat, uint160 instrument, int256 quantity, uint8 hint)
        internal
        pure
        returns (int256)
    {
        uint256[] memory slots = seat.slots;
        uint256 count = slots.length;
        uint256 index = _find(slots, instrument, hint);
        int256 before = index < count ? slots.slotAt(index).quantityOf() : int256(0);
        int256 afterwards = before + quantity;
        if (afterwards == 0) {
            if (index < count) _remove(seat, index);
        } else {
            if (index == count) {
                if (count == POSITIONS_MAX) revert IClearinghouse.TooManyPositions(seat.account);
                _resize(slots, count + 1);
                seat.word += COUNT_ONE;
            }
            slots[index] = PositionSlot.encode(instrument, afterwards);
        }
        return (afterwards > 0 ? afterwards : int256(0)) - (before > 0 ? before : int256(0));
    }

    function copy(uint256[] memory slots) internal pure returns (uint256[] memory copied) {
        assembly ("memory-safe") {
            copied := mload(0x40)
            let size := mul(add(mload(slots), 1), 32)
            mcopy(copied, slots, size)
            mstore(0x40, add(copied, size))
        }
    }

    function _remove(Seat memory seat, uint256 index) private pure {
        uint256[] memory slots = seat.slots;
        uint256 last = slots.length - 1;
        slots[index] = slots[last];
        _resize(slots, last);
        seat.word -= COUNT_ONE;
    }

    /// Positions in memory with room for as many as an account may have.
    function _slots(Ledger.State storage state, bytes32 account, uint256 count)
        private
        view
        returns (uint256[] memory slots)
    {
        slots = new uint256[](POSITIONS_MAX);
        _resize(slots, count);
        uint256[POSITIONS_MAX] storage stored = state.slots[account];
        assembly ("memory-safe") {
            let to := add(slots, 32)
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                mstore(add(to, mul(i, 32)), sload(add(stored.slot, i)))
            }
        }
    }

    /// Within the room that `_slots` made.
    function _resize(uint256[] memory slots, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(slots, length)
        }
    }

    /// Index of the instrument, the length if the account does not hold it. A hint that names
    /// another instrument reverts: it never guesses.
    function _find(uint256[] memory slots, uint160 instrument, uint8 hint)
        private
        pure
        returns (uint256 index)
    {
        uint256 count = slots.length;
        if (hint != NO_HINT) {
            if (hint >= count) revert IClearinghouse.WrongHint(hint, instrument);
            uint160 hinted = slots.slotAt(hint).instrumentOf();
            if (hinted != instrument) revert IClearinghouse.WrongHint(hint, hinted);
            return hint;
        }
        assembly ("memory-safe") {
            let place := add(slots, 32)
            for {} lt(index, count) { index := add(index, 1) } {
                if eq(shr(96, mload(place)), instrument) { break }
                place := add(place, 32)
            }
        }
    }
}
