// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SlotDerivation} from "@openzeppelin/contracts/utils/SlotDerivation.sol";
import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";

/// Which accounts a transaction has touched and what they held before, in transient storage: the
/// settlement cannot forget to have one gated, and the gate can rebuild the state before without paying
/// for it in the good case. Cleared at the end of each clearing.
library Touched {
    using SlotDerivation for bytes32;
    using TransientSlot for bytes32;
    using TransientSlot for TransientSlot.Uint256Slot;
    using TransientSlot for TransientSlot.Bytes32Slot;

    // entry of an account: cash before int128 | index + 1 (64) | observed (1) | released (1)
    // | a report speaks of it (1)
    uint256 private constant OBSERVED = 1 << 192;
    uint256 private constant RELEASED = 1 << 193;
    uint256 private constant REPORTED = 1 << 194;
    bytes32 private constant ENTRY = keccak256("solvent.touched.entry");
    bytes32 private constant HASH = keccak256("solvent.touched.hash");
    bytes32 private constant LIST = keccak256("solvent.touched.list");
    bytes32 private constant LIST_LENGTH = keccak256("solvent.touched.list.length");
    bytes32 private constant MOVES = keccak256("solvent.touched.moves");
    bytes32 private constant MOVES_LENGTH = keccak256("solvent.touched.moves.length");

    /// A change of base collateral outside any trade.
    struct Move {
        bytes32 account;
        uint256 slot; // instrument | quantity, as in storage
    }

    /// First call for an account wins: `cash` is what it held before anything moved.
    function add(bytes32 account, int256 cash) internal {
        TransientSlot.Uint256Slot entry = _entry(account);
        if (entry.tload() != 0) return;
        uint256 index = length();
        // forge-lint: disable-next-line(unsafe-typecast)
        entry.tstore(uint256(uint128(int128(cash))) | ((index + 1) << 128));
        LIST.offset(index).asBytes32().tstore(account);
        LIST_LENGTH.asUint256().tstore(index + 1);
    }

    function observe(bytes32 account, bool inReport) internal {
        TransientSlot.Uint256Slot entry = _entry(account);
        entry.tstore(entry.tload() | OBSERVED | (inReport ? REPORTED : 0));
    }

    /// Whether the positions must be hashed before base moves: a report may speak of what they were,
    /// and the clearing could only find what they are. Trades move nothing before it.
    function needsHash(bytes32 account) internal view returns (bool) {
        return isReported(entryOf(account)) && hashBefore(account) == 0;
    }

    function setHash(bytes32 account, bytes32 positionsHash) internal {
        HASH.deriveMapping(account).asBytes32().tstore(positionsHash);
    }

    /// Collateral has left the account.
    function release(bytes32 account) internal {
        TransientSlot.Uint256Slot entry = _entry(account);
        entry.tstore(entry.tload() | RELEASED);
    }

    function addMove(bytes32 account, uint256 slot) internal {
        uint256 index = MOVES_LENGTH.asUint256().tload();
        MOVES.offset(2 * index).asBytes32().tstore(account);
        MOVES.offset(2 * index + 1).asUint256().tstore(slot);
        MOVES_LENGTH.asUint256().tstore(index + 1);
    }

    function length() internal view returns (uint256) {
        return LIST_LENGTH.asUint256().tload();
    }

    function accountAt(uint256 index) internal view returns (bytes32) {
        return LIST.offset(index).asBytes32().tload();
    }

    function entryOf(bytes32 account) internal view returns (uint256) {
        return _entry(account).tload();
    }

    function isObserved(uint256 entry) internal pure returns (bool) {
        return entry & OBSERVED != 0;
    }

    function isReleased(uint256 entry) internal pure returns (bool) {
        return entry & RELEASED != 0;
    }

    function isReported(uint256 entry) internal pure returns (bool) {
        return entry & REPORTED != 0;
    }

    /// Hash of the positions before base of a reported account moved; 0 when none did.
    function hashBefore(bytes32 account) internal view returns (bytes32) {
        return HASH.deriveMapping(account).asBytes32().tload();
    }

    function moves() internal view returns (Move[] memory list) {
        list = new Move[](MOVES_LENGTH.asUint256().tload());
        for (uint256 i; i < list.length; ++i) {
            list[i].account = MOVES.offset(2 * i).asBytes32().tload();
            list[i].slot = MOVES.offset(2 * i + 1).asUint256().tload();
        }
    }

    /// A second clearing in the same transaction starts from nothing.
    function reset() internal {
        uint256 count = length();
        for (uint256 i; i < count; ++i) {
            bytes32 account = accountAt(i);
            if (isReported(entryOf(account))) setHash(account, 0);
            _entry(account).tstore(0);
        }
        LIST_LENGTH.asUint256().tstore(0);
        MOVES_LENGTH.asUint256().tstore(0);
    }

    function _entry(bytes32 account) private pure returns (TransientSlot.Uint256Slot) {
        return ENTRY.deriveMapping(account).asUint256();
    }
}
