// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "../support/Vm.sol";
import {Judge} from "./Judge.sol";

/// Valid settlements of every kind, changed at random in one to three places: each is refused and
/// changes nothing, or moves no more than was signed.
contract MutationTest is Judge {
    bool private _isSettled; // what the last attempt came to
    bytes4 private _reason;

    /// forge-config: default.fuzz.runs = 500
    /// forge-config: night.fuzz.runs = 20000
    function testFuzz_noMutantMovesMoreThanWasSigned(uint256 seed) public {
        attempt(mutant(seed));
    }

    /// The seeds themselves settle and satisfy the judge.
    function test_everyHonestCallSettles() public {
        for (uint256 kind; kind < KINDS; ++kind) {
            uint256 state = vm.snapshotState();
            (bool isSettled, bytes4 reason) = this.attemptHonest(kind);
            vm.assertTrue(isSettled, string.concat(vm.toString(kind), vm.toString(uint32(reason))));
            vm.revertToState(state);
        }
    }

    /// The fuzzer is not vacuous: of a fixed list of mutants some settle, and the others are
    /// refused for many reasons.
    function test_mutantsReachFar() public {
        uint256 settled;
        uint256 distinct;
        bytes4[] memory reasons = new bytes4[](200);
        for (uint256 n; n < 200; ++n) {
            uint256 state = vm.snapshotState();
            (bool isSettled, bytes4 reason) = this.attemptMutant(uint256(keccak256(abi.encode(n))));
            vm.revertToState(state);
            if (isSettled) {
                ++settled;
                continue;
            }
            uint256 m;
            while (m < distinct && reasons[m] != reason) ++m;
            if (m == distinct) reasons[distinct++] = reason;
        }
        emit log_named_uint("settled of 200", settled);
        emit log_named_uint("distinct errors", distinct);
        vm.assertTrue(settled >= 20 && settled <= 120);
        vm.assertTrue(distinct >= 20);
    }

    // ---- one call, judged

    function attemptHonest(uint256 kind) external returns (bool, bytes4) {
        return attempt(honest(kind));
    }

    function attemptMutant(uint256 seed) external returns (bool, bytes4) {
        return attempt(mutant(seed));
    }

    function attempt(Call memory c) internal returns (bool isSettled, bytes4 reason) {
        vm.warp(block.timestamp + c.wait);
        vm.chainId(c.chain);
        Seen memory before = look(c);
        bytes memory data = abi.encodeCall(settlement.settle, (c.items, c.report, c.signatures));
        vm.recordLogs();
        vm.prank(c.caller);
        bytes memory answer;
        (isSettled, answer) = address(settlement).call(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Seen memory afterwards = look(c);
        if (!isSettled) {
            vm.assertEq(keccak256(abi.encode(afterwards)), keccak256(abi.encode(before)));
            return (false, bytes4(answer));
        }
        judge(c, before, afterwards, tradesIn(logs));
        _tryAgain(c, data);
    }

    /// The very same call again, until it is refused: no intent is ever done more than whole.
    function _tryAgain(Call memory c, bytes memory data) private {
        for (uint256 times = 2; times < 5; ++times) {
            vm.prank(c.caller);
            (bool isSettled,) = address(settlement).call(data);
            if (!isSettled) return;
            for (uint256 n; n < c.items.length; ++n) {
                vm.assertTrue(c.items[n].intent.partiallyFillable, "settled twice");
                vm.assertTrue(times * c.items[n].plan.fraction <= 1e18, "more than the whole");
            }
        }
    }
}
