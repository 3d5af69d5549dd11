// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {POSITIONS_MAX} from "../types/Market.sol";
import {NO_HINT} from "../types/Plan.sol";
import {Expiries} from "./Expiries.sol";
import {Funding} from "./Funding.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// Who holds what: one slot of cash and flags, one slot per position. The state of the clearinghouse is
/// one struct, so that the linked rules work on the same storage as the contract that owns it.
library Ledger {
    using InstrumentId for uint160;
    using PositionSlot for uint256;

    struct Account {
        int128 cash; // atoms of the quote token, negative = owed
        uint8 count; // positions in use
        bool isFrozen; // under liquidation: deposit and cancel only
        bool hasEnteredPortfolio; // has passed an attested gate
    }

    struct State {
        mapping(bytes32 account => Account) account;
        mapping(bytes32 account => uint256[POSITIONS_MAX]) slots;
        mapping(uint16 market => Funding.State) funding;
        mapping(uint16 market => uint256) openInterest; // long contracts, 1e18
        Expiries.Book expiries;
        uint256 insolvent; // atoms of maintenance that bankrupt accounts miss
    }

    /// The state that linked code was pointed to.
    function pointed(uint256 slot) internal pure returns (State storage state) {
        assembly ("memory-safe") {
            state.slot := slot
        }
    }

    function moveCash(State storage state, bytes32 account, int256 amount) internal {
        addCash(state, account, amount);
        emit IClearinghouse.CashMoved(account, amount);
    }

    /// Without an event: for moves whose own event carries the cash.
    function addCash(State storage state, bytes32 account, int256 amount) internal {
        int256 cash = state.account[account].cash + amount;
        if (cash > type(int128).max || cash < -type(int128).max) {
            revert IClearinghouse.CashOutOfRange(cash);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        state.account[account].cash = int128(cash);
    }

    /// Adds to the position of `instrument`, opening or closing its slot. A hint that names another
    /// instrument reverts: it never guesses.
    function movePosition(
        State storage state,
        bytes32 account,
        uint160 instrument,
        int256 quantity,
        uint8 hint
    ) internal returns (int256 before, int256 afterwards) {
        uint256[POSITIONS_MAX] storage slots = state.slots[account];
        uint256 count = state.account[account].count;
        (uint256 index, uint256 slot) = _find(slots, count, instrument, hint);
        before = slot.quantityOf();
        afterwards = before + quantity;
        if (afterwards == 0) {
            if (index < count) remove(state, account, index);
            return (before, afterwards);
        }
        if (index == count) {
            if (count == POSITIONS_MAX) revert IClearinghouse.TooManyPositions(account);
            state.account[account].count = uint8(count + 1);
        }
        slots[index] = PositionSlot.encode(instrument, afterwards);
    }

    /// Swap and pop: the order changes, so later hints of the same transaction may go stale.
    function remove(State storage state, bytes32 account, uint256 index) internal {
        uint256[POSITIONS_MAX] storage slots = state.slots[account];
        uint256 last = state.account[account].count - 1;
        if (index != last) slots[index] = slots[last];
        slots[last] = 0;
        state.account[account].count = uint8(last);
    }

    function positions(State storage state, bytes32 account)
        internal
        view
        returns (uint256[] memory slots)
    {
        uint256[POSITIONS_MAX] storage stored = state.slots[account];
        uint256 count = state.account[account].count;
        slots = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            slots[i] = stored[i];
        }
    }

    /// Neither derivatives nor debt once `leaving` atoms of cash are gone: no feed needs to be asked,
    /// and a stale one must not lock plain collateral in.
    function owesNothing(State storage state, bytes32 account, int256 leaving)
        internal
        view
        returns (bool)
    {
        uint256 count = state.account[account].count;
        for (uint256 i; i < count; ++i) {
            if (!state.slots[account][i].instrumentOf().isBase()) return false;
        }
        return state.account[account].cash >= leaving;
    }

    function quantityOf(State storage state, bytes32 account, uint160 instrument)
        internal
        view
        returns (int256)
    {
        uint256 count = state.account[account].count;
        (, uint256 slot) = _find(state.slots[account], count, instrument, NO_HINT);
        return slot.quantityOf();
    }

    /// Content, not history: equal positions in equal order hash equally. Cash is left out, so that
    /// nobody can void an attestation by giving money.
    function hash(uint256[] memory slots) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(add(slots, 32), mul(mload(slots), 32))
        }
    }

    /// `index` == count and an empty slot when the account does not hold the instrument.
    function _find(
        uint256[POSITIONS_MAX] storage slots,
        uint256 count,
        uint160 instrument,
        uint8 hint
    ) private view returns (uint256 index, uint256 slot) {
        if (hint != NO_HINT) {
            if (hint >= count) {
                revert IClearinghouse.WrongHint(hint, instrument);
            }
            slot = slots[hint];
            if (slot.instrumentOf() != instrument) {
                revert IClearinghouse.WrongHint(hint, slot.instrumentOf());
            }
            return (hint, slot);
        }
        for (; index < count; ++index) {
            slot = slots[index];
            if (slot.instrumentOf() == instrument) return (index, slot);
        }
        return (count, 0);
    }
}
