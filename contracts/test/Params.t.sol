// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Params} from "../src/Params.sol";
import {Timelock} from "../src/Timelock.sol";
import {IParams} from "../src/interfaces/IParams.sol";
import {Market} from "../src/types/Market.sol";
import {House} from "./support/House.sol";
import {Token} from "./support/Tokens.sol";

contract ParamsTest is House {
    address private constant venue = address(0x7e);
    bytes4 private constant SWAP = 0x12345678;

    // ---- two keys and a delay

    function test_loosening_takes_two_keys_and_48_hours() public {
        bytes32 id = _queue(abi.encodeCall(IParams.allow, (venue, SWAP)));
        vm.prank(approver);
        params.approve(id);
        vm.warp(START + 48 hours);
        params.execute(id);
        vm.assertTrue(params.isAllowed(venue, SWAP));
        vm.assertFalse(params.isAllowed(venue, 0x12345679));
        vm.assertFalse(params.isAllowed(address(uint160(venue) + 1), SWAP));
    }

    function test_NeedsTimelock_for_every_loosening_call_of_anybody() public {
        bytes[] memory calls = _loosening();
        address[4] memory callers = [guardian, proposer, approver, address(this)]; // this: the deployer
        for (uint256 i; i < calls.length; ++i) {
            for (uint256 j; j < callers.length; ++j) {
                vm.prank(callers[j]);
                (bool isDone, bytes memory reason) = address(params).call(calls[i]);
                vm.assertFalse(isDone);
                vm.assertEq(
                    reason, abi.encodeWithSelector(IParams.NeedsTimelock.selector, callers[j])
                );
            }
        }
    }

    function test_NeedsTimelock_when_a_stranger_seals() public {
        Params fresh = new Params(guardian, proposer, approver);
        vm.prank(ann);
        vm.expectPartialRevert(IParams.NeedsTimelock.selector);
        fresh.seal();
    }

    function test_MissingRole_tightening_is_the_guardians() public {
        bytes[] memory calls = _tightening();
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(proposer);
            (bool isDone, bytes memory reason) = address(params).call(calls[i]);
            vm.assertFalse(isDone);
            vm.assertEq(
                reason, abi.encodeWithSelector(IParams.MissingRole.selector, GUARDIAN, proposer)
            );
            vm.prank(guardian);
            (isDone,) = address(params).call(calls[i]);
            vm.assertTrue(isDone);
        }
    }

    function test_MissingRole_each_step_has_its_key() public {
        vm.prank(approver);
        vm.expectPartialRevert(IParams.MissingRole.selector);
        params.queue(abi.encodeCall(IParams.unpause, ()));
        bytes32 id = _queue(abi.encodeCall(IParams.unpause, ()));
        vm.prank(proposer);
        vm.expectPartialRevert(IParams.MissingRole.selector);
        params.approve(id);
        vm.prank(approver);
        vm.expectPartialRevert(IParams.MissingRole.selector);
        params.veto(id);
    }

    function test_NotApproved_before_the_second_key() public {
        bytes32 id = _queue(abi.encodeCall(IParams.addSolver, (ann)));
        vm.warp(START + 48 hours);
        vm.expectPartialRevert(IParams.NotApproved.selector);
        params.execute(id);
    }

    function test_TooEarly_before_the_delay() public {
        bytes32 id = _approved(abi.encodeCall(IParams.addSolver, (ann)));
        vm.warp(START + 48 hours - 1);
        vm.expectPartialRevert(IParams.TooEarly.selector);
        params.execute(id);
        vm.warp(START + 48 hours);
        params.execute(id);
        vm.assertTrue(params.isSolver(ann));
    }

    function test_TooEarly_a_settlement_and_an_auction_wait_7_days() public {
        bytes32 id = _approved(abi.encodeCall(IParams.addSettlement, (ann)));
        bytes32 other = _approved(abi.encodeCall(IParams.setAuction, (ann)));
        vm.warp(START + 7 days - 1);
        vm.expectPartialRevert(IParams.TooEarly.selector);
        params.execute(id);
        vm.expectPartialRevert(IParams.TooEarly.selector);
        params.execute(other);
        vm.warp(START + 7 days);
        params.execute(id);
        params.execute(other);
        vm.assertTrue(params.isSettlement(ann));
        vm.assertTrue(params.hasRole(keccak256("AUCTION"), ann));
    }

    function test_ChangeExpired_after_7_days() public {
        bytes32 id = _approved(abi.encodeCall(IParams.addSolver, (ann)));
        vm.warp(START + 48 hours + 7 days + 1);
        vm.expectPartialRevert(IParams.ChangeExpired.selector);
        params.execute(id);
        _queue(abi.encodeCall(IParams.addSolver, (ann))); // may be asked for again
    }

    function test_UnknownChange_after_veto_and_after_execution() public {
        bytes32 id = _approved(abi.encodeCall(IParams.addSolver, (ann)));
        vm.prank(guardian);
        params.veto(id);
        vm.warp(START + 48 hours);
        vm.expectPartialRevert(IParams.UnknownChange.selector);
        params.execute(id);
        id = _approved(abi.encodeCall(IParams.addSolver, (ann)));
        vm.warp(START + 96 hours);
        params.execute(id);
        vm.expectPartialRevert(IParams.UnknownChange.selector);
        params.execute(id);
    }

    function test_AlreadyQueued_while_pending() public {
        _queue(abi.encodeCall(IParams.addSolver, (ann)));
        vm.prank(proposer);
        vm.expectPartialRevert(IParams.AlreadyQueued.selector);
        params.queue(abi.encodeCall(IParams.addSolver, (ann)));
    }

    function test_NotQueueable_what_does_not_loosen() public {
        bytes[] memory calls = _tightening();
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(proposer);
            vm.expectPartialRevert(IParams.NotQueueable.selector);
            params.queue(calls[i]);
        }
        vm.prank(proposer);
        vm.expectPartialRevert(IParams.NotQueueable.selector);
        params.queue(hex"1234");
    }

    function test_all_loosening_calls_work_through_the_queue() public {
        bytes[] memory calls = _loosening();
        bytes32[] memory ids = new bytes32[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            ids[i] = _approved(calls[i]);
        }
        vm.warp(START + 7 days);
        for (uint256 i; i < calls.length; ++i) {
            params.execute(ids[i]);
        }
        vm.assertTrue(params.isToken(venue));
        vm.assertEq(params.outflowCapPerHour(), 7);
        vm.assertTrue(params.hasRole(GUARDIAN, ann));
    }

    function test_AlreadySealed_only_once() public {
        vm.expectPartialRevert(IParams.AlreadySealed.selector);
        params.seal();
    }

    // ---- roles

    function test_SameKey_proposer_and_approver_are_two() public {
        vm.expectPartialRevert(IParams.SameKey.selector);
        new Params(guardian, proposer, proposer);
        bytes32 id = _approved(abi.encodeCall(IParams.setRole, (keccak256("APPROVER"), proposer)));
        vm.warp(START + 48 hours);
        vm.expectPartialRevert(IParams.SameKey.selector);
        params.execute(id);
    }

    function test_ZeroAddress_is_nobody() public {
        vm.expectPartialRevert(IParams.ZeroAddress.selector);
        new Params(address(0), proposer, approver);
        Params fresh = new Params(guardian, proposer, approver);
        vm.expectPartialRevert(IParams.ZeroAddress.selector);
        fresh.addSigner(address(0));
        vm.assertFalse(fresh.hasRole(keccak256("AUCTION"), address(0)));
    }

    function test_MissingRole_for_a_role_that_does_not_exist() public {
        Params fresh = new Params(guardian, proposer, approver);
        vm.expectPartialRevert(IParams.MissingRole.selector);
        fresh.setRole(keccak256("OWNER"), ann);
    }

    // ---- bounds

    function test_HoldTooLong_72_hours_then_as_long_free() public {
        vm.startPrank(guardian);
        vm.expectPartialRevert(IParams.HoldTooLong.selector);
        params.holdWithdrawals(START + 72 hours + 1);
        params.holdWithdrawals(START + 72 hours);
        vm.warp(START + 100 hours);
        vm.expectPartialRevert(IParams.HoldTooLong.selector);
        params.holdWithdrawals(START + 101 hours);
        vm.warp(START + 144 hours);
        params.holdWithdrawals(START + 150 hours);
        vm.assertEq(params.attestedWithdrawalsHeldUntil(), START + 150 hours);
        vm.stopPrank();
    }

    function test_ThresholdOutOfRange_more_than_signers_or_none() public {
        Params fresh = new Params(guardian, proposer, approver);
        vm.expectPartialRevert(IParams.ThresholdOutOfRange.selector);
        fresh.setThreshold(1);
        fresh.addSigner(ann);
        fresh.addSigner(ann); // counts once
        vm.expectPartialRevert(IParams.ThresholdOutOfRange.selector);
        fresh.setThreshold(2);
        vm.expectPartialRevert(IParams.ThresholdOutOfRange.selector);
        fresh.setThreshold(0);
        fresh.setThreshold(1);
        fresh.removeSigner(bob); // unknown: nothing happens
        fresh.removeSigner(ann);
        vm.assertEq(fresh.signerCount(), 0);
    }

    function test_NotTighter_the_guardian_cannot_loosen() public {
        vm.startPrank(guardian);
        vm.expectPartialRevert(IParams.NotTighter.selector);
        params.raiseThreshold(2);
        vm.expectPartialRevert(IParams.NotTighter.selector);
        params.lowerOutflowCap(50_000e6);
        vm.expectPartialRevert(IParams.NotTighter.selector);
        params.lowerOpenInterestCap(ETH, 1_000_000e18);
        vm.expectPartialRevert(IParams.NotTighter.selector);
        params.raiseInitialMargin(ETH, 99_999, 750_000);
        vm.expectPartialRevert(IParams.NotTighter.selector);
        params.raiseInitialMargin(ETH, 100_000, 750_001);
        vm.stopPrank();
    }

    function test_StepTooLarge_ten_percent_a_day() public {
        vm.startPrank(guardian);
        vm.expectPartialRevert(IParams.StepTooLarge.selector);
        params.raiseInitialMargin(ETH, 110_001, 750_000);
        params.raiseInitialMargin(ETH, 110_000, 675_000);
        vm.stopPrank();
        vm.assertEq(uint256(params.market(ETH).perpInitialPpm), 110_000);
        Market memory next = params.market(ETH);
        next.sigmaCapPpm = 1_700_000;
        bytes32 id = _approved(abi.encodeCall(IParams.setMarket, (ETH, next)));
        vm.warp(START + 48 hours);
        vm.expectPartialRevert(IParams.StepTooLarge.selector);
        params.execute(id);
    }

    function test_StepTooSoon_one_change_a_day() public {
        vm.startPrank(guardian);
        params.raiseInitialMargin(ETH, 105_000, 750_000);
        vm.warp(START + 1 days - 1);
        vm.expectPartialRevert(IParams.StepTooSoon.selector);
        params.raiseInitialMargin(ETH, 106_000, 750_000);
        vm.warp(START + 1 days);
        params.raiseInitialMargin(ETH, 106_000, 750_000);
        vm.stopPrank();
    }

    function test_BadMarket_refuses_what_margin_cannot_trust() public {
        Params fresh = new Params(guardian, proposer, approver);
        Market memory good = ethMarket();
        Market memory bad = _with(good, 0);
        vm.expectPartialRevert(IParams.BadMarket.selector);
        fresh.setMarket(0, good);
        for (uint256 i; i < 8; ++i) {
            bad = _with(good, i);
            vm.expectPartialRevert(IParams.BadMarket.selector);
            fresh.setMarket(ETH, bad);
        }
        fresh.setMarket(ETH, good);
        vm.assertEq(uint256(fresh.marketOf(good.base)), ETH);
        vm.expectPartialRevert(IParams.BadMarket.selector);
        fresh.setMarket(2, good); // one market per base
        good.base = address(new Token("OTHER", 18));
        vm.expectPartialRevert(IParams.BadMarket.selector);
        fresh.setMarket(ETH, good); // balances are counted in the old one
    }

    function test_UnknownMarket_cannot_be_tightened() public {
        vm.prank(guardian);
        vm.expectPartialRevert(IParams.UnknownMarket.selector);
        params.reduceOnly(7);
    }

    function test_pause_is_lifted_by_two_keys_only() public {
        vm.prank(guardian);
        params.pause();
        vm.assertTrue(params.isPaused());
        bytes32 id = _approved(abi.encodeCall(IParams.unpause, ()));
        vm.warp(START + 48 hours);
        params.execute(id);
        vm.assertFalse(params.isPaused());
    }

    function _with(Market memory good, uint256 fault) private pure returns (Market memory bad) {
        bad = abi.decode(abi.encode(good), (Market));
        if (fault == 0) bad.base = address(0);
        if (fault == 1) bad.feed = address(0);
        if (fault == 2) bad.heartbeat = 0;
        if (fault == 3) bad.sigmaCapPpm = 0;
        if (fault == 4) bad.baseDecimals = 17; // not the token's own
        if (fault == 5) bad.perpInitialPpm = 64_999; // below maintenance
        if (fault == 6) bad.baseInitialPpm = 800_001; // above maintenance
        if (fault == 7) bad.baseMaintenancePpm = 1_000_001;
    }

    function _loosening() private view returns (bytes[] memory calls) {
        Market memory next = params.market(ETH);
        next.openInterestCap += 1;
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(IParams.unpause, ());
        calls[1] = abi.encodeCall(IParams.allow, (venue, SWAP));
        calls[2] = abi.encodeCall(IParams.addToken, (venue));
        calls[3] = abi.encodeCall(IParams.addSolver, (venue));
        calls[4] = abi.encodeCall(IParams.addSettlement, (venue));
        calls[5] = abi.encodeCall(IParams.setAuction, (venue));
        calls[6] = abi.encodeCall(IParams.addSigner, (venue));
        calls[7] = abi.encodeCall(IParams.setThreshold, (1));
        calls[8] = abi.encodeCall(IParams.setOutflowCap, (7));
        calls[9] = abi.encodeCall(IParams.setMarket, (ETH, next));
        calls[10] = abi.encodeCall(IParams.setRole, (GUARDIAN, ann));
    }

    function _tightening() private pure returns (bytes[] memory calls) {
        calls = new bytes[](12);
        calls[0] = abi.encodeCall(IParams.pause, ());
        calls[1] = abi.encodeCall(IParams.holdWithdrawals, (START + 1));
        calls[2] = abi.encodeCall(IParams.disallow, (venue, SWAP));
        calls[3] = abi.encodeCall(IParams.removeToken, (venue));
        calls[4] = abi.encodeCall(IParams.removeSolver, (venue));
        calls[5] = abi.encodeCall(IParams.removeSettlement, (venue));
        calls[6] = abi.encodeCall(IParams.raiseThreshold, (3));
        calls[7] = abi.encodeCall(IParams.removeSigner, (venue));
        calls[8] = abi.encodeCall(IParams.lowerOutflowCap, (1));
        calls[9] = abi.encodeCall(IParams.lowerOpenInterestCap, (ETH, 1));
        calls[10] = abi.encodeCall(IParams.reduceOnly, (ETH));
        calls[11] = abi.encodeCall(IParams.raiseInitialMargin, (ETH, 100_001, 750_000));
    }

    function _queue(bytes memory change) private returns (bytes32) {
        vm.prank(proposer);
        return params.queue(change);
    }

    function _approved(bytes memory change) private returns (bytes32 id) {
        id = _queue(change);
        vm.prank(approver);
        params.approve(id);
    }
}
