// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clearinghouse} from "../src/Clearinghouse.sol";
import {Params} from "../src/Params.sol";
import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {Trade} from "../src/types/Plan.sol";
import {Report} from "../src/types/Report.sol";
import {House} from "./support/House.sol";
import {FeeToken, HookToken, Token} from "./support/Tokens.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// Says that it failed instead of reverting.
contract FalseToken is Token {
    constructor() Token("FALSE", 6) {}

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

contract CustodyTest is House {
    // ---- deposits

    function test_deposit_of_cash_by_anyone() public view {
        vm.assertEq(house.cashOf(annId), 100_000e6);
        vm.assertEq(house.balanceOf(annId, address(usdc)), 100_000e6);
        vm.assertEq(usdc.balanceOf(address(house)), 300_000e6);
    }

    function test_deposit_of_base_opens_a_position() public {
        fundBase(ann, 2e18);
        vm.assertEq(house.balanceOf(annId, address(weth)), 2e18);
        vm.assertEq(house.positions(annId).length, 1);
        (int256 im, int256 mm, int256 equity) = house.simple(annId);
        vm.assertEq(equity, 108_000e6);
        vm.assertEq(im, 106_000e6);
        vm.assertEq(mm, 106_400e6);
    }

    function test_NotOwner_base_from_a_stranger() public {
        weth.mint(bob, 1);
        vm.startPrank(bob);
        weth.approve(address(house), 1);
        vm.expectPartialRevert(IClearinghouse.NotOwner.selector);
        house.deposit(address(weth), 1, 0, ann);
        vm.stopPrank();
    }

    function test_NotSealed_no_deposit_before_the_seal() public {
        Params fresh = new Params(guardian, proposer, approver);
        Clearinghouse open = new Clearinghouse(fresh, attestation, address(usdc));
        vm.expectPartialRevert(IClearinghouse.NotSealed.selector);
        open.deposit(address(usdc), 1, 0, ann);
    }

    function test_TokenNotListed_unknown_or_without_market() public {
        vm.expectPartialRevert(IClearinghouse.TokenNotListed.selector);
        house.deposit(address(feed), 1, 0, ann);
        vm.expectPartialRevert(IClearinghouse.TokenNotListed.selector);
        house.credit(annId, address(feed), 1);
        vm.expectPartialRevert(IClearinghouse.TokenNotListed.selector);
        house.balanceOf(annId, address(feed));
    }

    function test_ZeroAmount_and_QuantityOutOfRange() public {
        vm.expectPartialRevert(IClearinghouse.ZeroAmount.selector);
        house.deposit(address(usdc), 0, 0, ann);
        vm.expectPartialRevert(PositionSlot.QuantityOutOfRange.selector);
        house.deposit(address(usdc), 1 << 95, 0, ann);
    }

    function test_NotExact_fee_on_transfer_in_and_out() public {
        FeeToken token = new FeeToken("FEE", 6);
        Clearinghouse other = _houseOf(token);
        token.mint(address(this), 1000);
        token.approve(address(other), 1000);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotExact.selector, 1000, 990));
        other.deposit(address(token), 1000, 0, ann);
        token.mint(address(other), 1000);
        other.credit(annId, address(token), 1000);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.NotExact.selector, 1000, 990));
        other.release(annId, address(token), 1000, ann);
    }

    function test_SafeERC20FailedOperation_a_token_that_says_no() public {
        FalseToken token = new FalseToken();
        Clearinghouse other = _houseOf(token);
        vm.expectPartialRevert(SafeERC20.SafeERC20FailedOperation.selector);
        other.deposit(address(token), 1000, 0, ann);
    }

    function test_ReentrancyGuardReentrantCall_from_a_token_hook() public {
        HookToken token = new HookToken("HOOK", 6);
        Clearinghouse other = _houseOf(token);
        token.mint(address(this), 1000);
        token.approve(address(other), 1000);
        token.onTransfer(address(other), abi.encodeCall(other.deposit, (address(token), 1, 0, ann)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        other.deposit(address(token), 1000, 0, ann);
    }

    function test_SettlementUnderway_no_door_opens_before_the_gate() public {
        house.release(annId, address(usdc), 5, address(this));
        usdc.approve(address(house), 5);
        vm.expectPartialRevert(IClearinghouse.SettlementUnderway.selector);
        house.deposit(address(usdc), 5, 0, ann);
        vm.expectPartialRevert(IClearinghouse.SettlementUnderway.selector);
        house.settleExpired(annId);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.SettlementUnderway.selector);
        house.withdraw(address(usdc), 5, 0, noReport(), new bytes[](0));
    }

    function test_BadDecimals_of_the_quote_token() public {
        Token fine = new Token("FINE", 19);
        vm.expectPartialRevert(IClearinghouse.BadDecimals.selector);
        new Clearinghouse(params, attestation, address(fine));
    }

    function test_CashOutOfRange_is_checked_before_the_cast() public {
        bytes32 slot = keccak256(abi.encode(annId, uint256(0)));
        vm.store(address(house), slot, bytes32(uint256(uint128(type(int128).max))));
        vm.assertEq(house.cashOf(annId), type(int128).max);
        vm.expectPartialRevert(IClearinghouse.CashOutOfRange.selector);
        house.credit(annId, address(usdc), 1);
    }

    // ---- withdrawals under SIMPLE

    function test_withdraw_at_once_when_simple_holds() public {
        clear(annId, bobId, perp, 10e18, 4000e18); // initial requirement 4,000
        _withdraw(ann, address(usdc), 96_000e6);
        vm.assertEq(usdc.balanceOf(ann), 96_000e6);
        vm.assertEq(house.cashOf(annId), -36_000e6); // perp cash: 40,000 were paid for 10
    }

    function test_MarginBreached_withdrawal_below_the_requirement() public {
        clear(annId, bobId, perp, -10e18, 4000e18);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        house.withdraw(address(usdc), 96_000e6 + 1, 0, noReport(), new bytes[](0));
    }

    function test_InsufficientCollateral_base_is_never_lent() public {
        fundBase(ann, 2e18);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.InsufficientCollateral.selector);
        house.withdraw(address(weth), 2e18 + 1, 0, noReport(), new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.InsufficientCollateral.selector);
        house.release(annId, address(weth), 2e18 + 1, bob);
    }

    function test_MarginBreached_base_secures_three_quarters_of_its_worth() public {
        fundBase(ann, 2e18);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        house.withdraw(address(usdc), 106_000e6 + 1, 0, noReport(), new bytes[](0));
        _withdraw(ann, address(usdc), 106_000e6);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        house.withdraw(address(weth), 1, 0, noReport(), new bytes[](0));
    }

    function test_exit_of_plain_collateral_needs_no_feed_and_ignores_pause() public {
        fundBase(ann, 2e18);
        vm.startPrank(guardian);
        params.pause();
        params.removeToken(address(weth));
        params.removeToken(address(usdc));
        params.holdWithdrawals(block.timestamp + 72 hours);
        vm.stopPrank();
        vm.warp(START + 2 hours); // the feed is stale
        _withdraw(ann, address(weth), 2e18);
        _withdraw(ann, address(usdc), 100_000e6);
        vm.assertEq(weth.balanceOf(ann), 2e18);
        vm.assertEq(house.positions(annId).length, 0);
    }

    function test_AccountFrozen_deposit_only() public {
        vm.prank(auction);
        house.setFrozen(annId, true);
        vm.assertTrue(house.isFrozen(annId));
        fund(ann, 1);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        house.withdraw(address(usdc), 1, 0, noReport(), new bytes[](0));
        vm.expectPartialRevert(IClearinghouse.AccountFrozen.selector);
        house.moveCash(annId, bobId, 1);
    }

    function test_NotAuction_freezes_nobody() public {
        vm.prank(guardian);
        vm.expectPartialRevert(IClearinghouse.NotAuction.selector);
        house.setFrozen(annId, true);
    }

    // ---- withdrawals by attestation

    function test_attested_withdrawal_waits_an_hour() public {
        _lean();
        _withdrawAttested(95_000e6);
        (uint256 amount, uint256 readyAt) = house.withdrawalOf(annId, address(usdc));
        vm.assertEq(amount, 95_000e6);
        vm.assertEq(readyAt, START + 1 hours);
        vm.assertEq(usdc.balanceOf(ann), 0);
    }

    function test_WithdrawalNotReady_then_paid_once() public {
        _lean();
        house.moveCash(annId, catId, 46_900e6); // so that SIMPLE does not let 49,000 go at once
        clear(new Trade[](0));
        _withdrawAttested(49_000e6);
        vm.warp(START + 59 minutes);
        vm.expectPartialRevert(IClearinghouse.WithdrawalNotReady.selector);
        this.withdrawAttested(49_000e6);
        vm.warp(START + 1 hours);
        feed.set(4000e8);
        _withdrawAttested(49_000e6);
        vm.assertEq(usdc.balanceOf(ann), 49_000e6);
        (, uint256 readyAt) = house.withdrawalOf(annId, address(usdc));
        vm.assertEq(readyAt, 0);
    }

    function test_OutflowCap_per_hour() public {
        _lean();
        _withdrawAttested(95_000e6);
        vm.warp(START + 1 hours);
        feed.set(4000e8);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.OutflowCap.selector, 95_000e6, 50_000e6)
        );
        this.withdrawAttested(95_000e6);
    }

    function test_WithdrawalsHeld_by_the_guardian() public {
        _lean();
        _withdrawAttested(95_000e6);
        vm.prank(guardian);
        params.holdWithdrawals(START + 72 hours);
        vm.warp(START + 1 hours);
        feed.set(4000e8);
        vm.expectPartialRevert(IClearinghouse.WithdrawalsHeld.selector);
        this.withdrawAttested(95_000e6);
    }

    function test_MarginBreached_attested_request_counts_what_leaves() public {
        _lean();
        vm.expectPartialRevert(IClearinghouse.MarginBreached.selector);
        this.withdrawAttested(99_000e6); // attested requirement 2,000
    }

    function test_NoWithdrawal_cancelled_by_owner_or_guardian() public {
        _lean();
        _withdrawAttested(95_000e6);
        vm.prank(bob);
        vm.expectPartialRevert(IClearinghouse.NotOwner.selector);
        house.cancelWithdrawal(annId, address(usdc));
        vm.prank(guardian);
        house.cancelWithdrawal(annId, address(usdc));
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.NoWithdrawal.selector);
        house.cancelWithdrawal(annId, address(usdc));
    }

    function test_a_request_dies_after_a_day() public {
        _lean();
        _withdrawAttested(95_000e6);
        vm.warp(START + 25 hours + 1);
        feed.set(4000e8);
        _withdrawAttested(95_000e6); // asks anew
        (, uint256 readyAt) = house.withdrawalOf(annId, address(usdc));
        vm.assertEq(readyAt, block.timestamp + 1 hours);
    }

    function test_gas_deposit_and_withdraw_with_one_position() public {
        fundBase(ann, 1e18);
        fund(ann, 1e6);
        emit log_named_uint("deposit, one base position", vm.lastCallGas().gasTotalUsed);
        _withdraw(ann, address(usdc), 1e6);
        emit log_named_uint("withdraw, one base position", vm.lastCallGas().gasTotalUsed);
    }

    /// External, so that a revert can be expected of it.
    function withdrawAttested(uint256 amount) external {
        _withdrawAttested(amount);
    }

    /// Ann is short 10 calls and passes SIMPLE with little to spare.
    function _lean() private {
        clear(annId, bobId, call44, -10e18, 400e18);
    }

    function _withdrawAttested(uint256 amount) private {
        Report memory report = newReport(0, 1);
        report.accounts[0] = riskOf(annId, house.positionsHash(annId), -4000e6, 2000e6);
        bytes[] memory signatures = signed(report);
        vm.prank(ann);
        house.withdraw(address(usdc), amount, 0, report, signatures);
    }

    function _withdraw(address owner, address token, uint256 amount) private {
        vm.prank(owner);
        house.withdraw(token, amount, 0, noReport(), new bytes[](0));
    }

    function _houseOf(Token token) private returns (Clearinghouse other) {
        Params fresh = new Params(guardian, proposer, approver);
        fresh.addToken(address(token));
        fresh.addSettlement(address(this));
        fresh.seal();
        other = new Clearinghouse(fresh, attestation, address(token));
    }
}
