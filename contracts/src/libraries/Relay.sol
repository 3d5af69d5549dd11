// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccountRisk, Mark, Report} from "../types/Report.sol";

/// Hands calldata on as it came. Encoding an item or a report again costs as much gas as checking it,
/// and reads the same bytes: whoever receives them validates what it reads.
library Relay {
    error ReportOutOfPlace();

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

    /// Calls `target` with `head` (whole words; where the report and its signatures begin is filled in
    /// at `place` and behind it) and with the report and the signatures as they came.
    function pass(
        address target,
        bytes4 selector,
        uint256[] memory head,
        uint256 place,
        Report calldata report,
        bytes[] calldata signatures
    ) internal returns (bytes memory) {
        (uint256 start, uint256 reportAt, uint256 signaturesAt) = _start(report, signatures);
        unchecked {
            uint256 size = 32 * head.length;
            head[place] = size + reportAt - start;
            head[place + 1] = size + signaturesAt - start;
        }
        return _call(target, selector, head, start);
    }

    /// Where the report or its signatures begin, whichever is first. Offsets in calldata may point
    /// backwards, out of what is handed on; the receiver would then read another report than the
    /// caller did. Signatures only the receiver reads.
    function _start(Report calldata report, bytes[] calldata signatures)
        private
        pure
        returns (uint256 start, uint256 reportAt, uint256 signaturesAt)
    {
        Mark[] calldata marks = report.marks;
        AccountRisk[] calldata accounts = report.accounts;
        bool isInside;
        assembly ("memory-safe") {
            reportAt := report
            signaturesAt := sub(signatures.offset, 32)
            start := reportAt
            if lt(signaturesAt, start) { start := signaturesAt }
            // each length stands one word before the first entry
            let room := sub(calldatasize(), start)
            isInside := and(
                iszero(gt(sub(sub(marks.offset, 32), start), room)),
                iszero(gt(sub(sub(accounts.offset, 32), start), room))
            )
            // asOf and validUntil as a decoder takes them, also where nobody reads them
            let times := or(calldataload(add(reportAt, 32)), calldataload(add(reportAt, 64)))
            isInside := and(isInside, iszero(shr(40, times)))
        }
        if (!isInside) revert ReportOutOfPlace();
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
            // an address without code would answer yes
            if extcodesize(target) {
                isDone := call(gas(), target, 0, call_, add(add(headSize, size), 4), 0, 0)
            }
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
