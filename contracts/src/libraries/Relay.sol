// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Report} from "../types/Report.sol";

/// Hands calldata on as it came. Encoding an item or a report again costs as much gas as checking it,
/// and reads the same bytes: whoever receives them validates what it reads.
library Relay {
    /// Runs `selector` of linked code on this very call's arguments, with `extra` behind them, word
    /// for word; the receiver finds it with `behind`.
    function delegate(address code, bytes4 selector, uint256[] memory extra)
        internal
        returns (bytes memory answer)
    {
        bool isDone;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            let size := calldatasize()
            mstore(call_, selector)
            calldatacopy(add(call_, 4), 4, sub(size, 4))
            let extraSize := mul(mload(extra), 32)
            mcopy(add(call_, size), add(extra, 32), extraSize)
            isDone := delegatecall(gas(), code, call_, add(size, extraSize), 0, 0)
            answer := call_
        }
        _keep(isDone, answer);
    }

    /// Words from the end of this call's data that `delegate` put there: the first of `count`.
    function behind(uint256 count) internal pure returns (uint256 start) {
        unchecked {
            return msg.data.length - 32 * count;
        }
    }

    function word(uint256 start, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(start, mul(index, 32)))
        }
    }

    /// Calls `target` with `head` (whole words; the last two are filled in with where the report and
    /// the signatures begin) and with the report and its signatures as they came.
    function call(
        address target,
        bytes4 selector,
        uint256[] memory head,
        Report calldata report,
        bytes[] calldata signatures
    ) internal returns (bytes memory) {
        uint256 reportAt;
        uint256 signaturesAt;
        assembly ("memory-safe") {
            reportAt := report
            signaturesAt := sub(signatures.offset, 32)
        }
        // All that either refers to lies behind it: offsets in calldata are never negative.
        uint256 start = reportAt < signaturesAt ? reportAt : signaturesAt;
        uint256 count = head.length;
        head[count - 2] = 32 * count + reportAt - start;
        head[count - 1] = 32 * count + signaturesAt - start;
        return _call(target, selector, head, start);
    }

    function _call(address target, bytes4 selector, uint256[] memory head, uint256 start)
        private
        returns (bytes memory answer)
    {
        bool isDone;
        assembly ("memory-safe") {
            let headSize := mul(mload(head), 32)
            let size := sub(calldatasize(), start)
            let call_ := mload(0x40)
            mstore(call_, selector)
            mcopy(add(call_, 4), add(head, 32), headSize)
            calldatacopy(add(add(call_, 4), headSize), start, size)
            isDone := call(gas(), target, 0, call_, add(add(headSize, size), 4), 0, 0)
            answer := call_
        }
        _keep(isDone, answer);
    }

    /// What the last call answered, kept in memory; a refusal is passed on as it is.
    function _keep(bool isDone, bytes memory answer) private pure {
        assembly ("memory-safe") {
            let size := returndatasize()
            if iszero(isDone) {
                returndatacopy(answer, 0, size)
                revert(answer, size)
            }
            mstore(answer, size)
            returndatacopy(add(answer, 32), 0, size)
            mstore(0x40, add(add(answer, 32), and(add(size, 31), not(31))))
        }
    }
}
