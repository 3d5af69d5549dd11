// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {IRouter} from "../../src/interfaces/IRouter.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, PAY_TRANSFER, Plan, Step} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";
import {FeeToken, HookToken, Token} from "../support/Tokens.sol";
import {Pair} from "../support/Venues.sol";
import {BadVenue} from "./BadVenue.sol";

/// What solvers, tokens and strangers try with tokens, and what stops each: CONTRACTS.md 9.
contract HostileStepsTest is FullWorld {
    BadVenue private venue;
    FeeToken private feeToken;
    HookToken private hookToken;

    function configure() internal override {
        venue = new BadVenue();
        feeToken = new FeeToken("FEE", 18);
        hookToken = new HookToken("HOOK", 18);
        params.addSolver(address(venue));
        params.addToken(address(feeToken));
        params.addToken(address(hookToken));
        params.allow(address(venue), BadVenue.nothing.selector);
        params.allow(address(venue), BadVenue.pay.selector);
        params.allow(address(venue), BadVenue.reenter.selector);
    }

    // ---- steps

    function test_hostile_solver_callToATokenOrPermit2OrAnUnlistedSelector_TargetNotAllowed()
        public
    {
        address[4] memory targets = [address(usdc), PERMIT2, address(pair), address(house)];
        bytes[4] memory calls = [
            abi.encodeCall(IERC20.transferFrom, (user, solver, 1)),
            abi.encodeWithSelector(0x36c78516, user, solver, uint160(1), address(usdc)),
            abi.encodeCall(Pair.mint, (solver)),
            abi.encodeCall(IClearinghouse.release, (userAccount, address(usdc), 1, solver))
        ];
        for (uint256 n; n < targets.length; ++n) {
            _refusesStep(Step(targets[n], address(0), 0, PAY_TRANSFER, calls[n]));
        }
    }

    /// bytes4 of three bytes would read as the listed selector if its last byte is zero.
    function test_hostile_solver_dataShorterThanASelector_TargetNotAllowed() public {
        _refusesStep(Step(address(pair), address(0), 0, PAY_TRANSFER, hex"022c0d"));
        _refusesStep(Step(address(pair), address(0), 0, PAY_TRANSFER, ""));
    }

    function test_hostile_venue_TakesTheMoneyAndGivesNothing_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = _step(abi.encodeCall(BadVenue.nothing, ()));
        p.outs[0].amount = 0;
        refuses(permitted(i, p), ISettlement.LegQuantity.selector, abi.encode(1, 0));
    }

    /// The venue is a solver too, and still cannot settle inside a settlement.
    function test_hostile_venue_CallsBack_CallFailed() public {
        bytes[3] memory calls = [
            abi.encodeCall(settlement.settle, (new Item[](0), noReport(), new bytes[](0))),
            abi.encodeCall(IRouter.send, (address(usdc), address(venue), 1)),
            abi.encodeCall(IRouter.run, (new Step[](0)))
        ];
        for (uint256 n; n < calls.length; ++n) {
            (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
            address target = n == 0 ? address(settlement) : address(router);
            p.steps[0] = _step(abi.encodeCall(BadVenue.reenter, (target, calls[n])));
            refuses(permitted(i, p), IRouter.CallFailed.selector);
        }
    }

    // ---- pulls

    function test_hostile_solver_keepsTheUnspentPull_RouterNotEmpty() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.legs[0].quantityMax = 4100e6;
        p.pulls[0].amount = 4100e6;
        refuses(permitted(i, p), ISettlement.RouterNotEmpty.selector, abi.encode(usdc, 0, 100e6));
        takesBack(p, dai);
        refuses(permitted(i, p), ISettlement.RouterNotEmpty.selector);
    }

    function test_hostile_solver_spendsWhatOthersLeftInTheRouter_RouterNotEmpty() public {
        usdc.mint(address(router), 1000e6);
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.pulls[0].amount = 3000e6;
        refuses(permitted(i, p), ISettlement.RouterNotEmpty.selector, abi.encode(usdc, 1000e6, 0));
    }

    function test_hostile_solver_namesAResidualThatItNeverTraded_RouterNotEmpty() public {
        (OutcomeIntent memory a, Plan memory p) = walletSwap(1);
        a.legs[0].quantityMax = 4100e6;
        p.pulls[0].amount = 4100e6;
        (OutcomeIntent memory b, Plan memory q) = perpBuy(2, 4000e18);
        b.subaccount = 1;
        takesBack(q, usdc);
        refuses(
            both(permitted(a, p), signed(b, q)), noReport(), ISettlement.RouterNotEmpty.selector
        );
    }

    function test_hostile_solver_walletPullUnderAnotherScheme_WalletPullNeedsPermit2() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        refuses(signed(i, p), ISettlement.WalletPullNeedsPermit2.selector, abi.encode(0));
    }

    /// Permit2 itself refuses more than was signed.
    function test_hostile_solver_pullsMoreThanWasSigned_InvalidAmount() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.pulls[0].amount = 4001e6;
        refuses(permitted(i, p), bytes4(keccak256("InvalidAmount(uint256)")));
    }

    function test_hostile_solver_pullsMoreCollateralThanWasSigned_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        p.pulls[0].amount = 4001e6;
        takesBack(p, weth);
        p.steps[0] = swapV2(usdc, 4001e6, p.outs[0].amount, address(router));
        refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(0, 4001e6));
    }

    function test_hostile_solver_pullsOrPaysAnotherToken_TokenMismatch() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        p.pulls[0].token = address(weth);
        refuses(signed(i, p), ISettlement.TokenMismatch.selector, abi.encode(0, weth));
        (i, p) = collateralSwap(1);
        p.outs[0].token = address(usdc);
        refuses(signed(i, p), ISettlement.TokenMismatch.selector);
    }

    function test_hostile_solver_pullsForALegThatSellsNothing_LegSide() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        (p.pulls[0].leg, p.pulls[0].token) = (1, address(weth));
        refuses(signed(i, p), ISettlement.LegSide.selector, abi.encode(1));
        (i, p) = collateralSwap(1);
        (p.outs[0].leg, p.outs[0].token) = (0, address(usdc));
        refuses(signed(i, p), ISettlement.LegSide.selector);
    }

    function test_hostile_solver_unlistedToken_TokenNotListed() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        vm.prank(guardian);
        params.removeToken(address(weth));
        refuses(signed(i, p), ISettlement.TokenNotListed.selector, abi.encode(weth));
    }

    // ---- outs

    function test_hostile_solver_withdrawalToNobody_ReceiverMissing() public {
        OutcomeIntent memory i =
            intent("withdraw", legs(leg("collateral", address(usdc), "withdraw", 1, 1)), 1);
        Plan memory p = plan();
        pulls(p, 0, usdc, 1, false);
        refuses(signed(i, p), ISettlement.ReceiverMissing.selector);
    }

    /// What a venue pays the receiver itself is not counted: it could be the payment of another
    /// order of the receiver's.
    function test_hostile_venue_PaysTheReceiverPastTheRouter_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = swapV2(usdc, 4000e6, p.outs[0].amount, user);
        p.outs[0].amount = 0;
        refuses(permitted(i, p), ISettlement.LegQuantity.selector, abi.encode(1, 0));
    }

    /// Two items with one receiver: what the first was paid is not the second's.
    function test_hostile_solver_onePaymentForTwoItems_LegQuantity() public {
        (OutcomeIntent memory a, Plan memory p) = walletSwap(1);
        (OutcomeIntent memory b, Plan memory q) = walletSwap(2);
        (b.subaccount, q.steps, q.outs[0].amount) = (1, new Step[](0), 0);
        takesBack(q, usdc);
        b.legs[0].quantityMin = 0;
        refuses(
            both(permitted(a, p), permitted(b, q)), noReport(), ISettlement.LegQuantity.selector
        );
    }

    function test_hostile_token_feeOnTransferIn_NotExact() public {
        (OutcomeIntent memory i, Plan memory p) = _sellOdd(feeToken);
        refuses(permitted(i, p), ISettlement.NotExact.selector, abi.encode(feeToken, 10e18, 9.9e18));
    }

    function test_hostile_token_feeOnTransferOut_NotExact() public {
        feeToken.mint(address(venue), 100e18);
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.legs[1] = buys(feeToken, 1e18);
        p.outs[0].token = address(feeToken);
        p.outs[0].amount = 10e18;
        bytes memory give =
            abi.encodeCall(BadVenue.pay, (address(feeToken), address(router), 50e18));
        p.steps[0] = _step(give);
        refuses(permitted(i, p), ISettlement.NotExact.selector, abi.encode(feeToken, 10e18, 9.9e18));
    }

    /// The guard comes before everything else, whoever the token is.
    function test_hostile_token_CallsBack_ReentrancyGuardReentrantCall() public {
        hookToken.mint(address(venue), 10e18);
        hookToken.onTransfer(
            address(settlement),
            abi.encodeCall(settlement.settle, (new Item[](0), noReport(), new bytes[](0)))
        );
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.legs[1] = buys(hookToken, 1e18);
        p = plan();
        pulls(p, 0, usdc, 4000e6, true);
        bytes memory give =
            abi.encodeCall(BadVenue.pay, (address(hookToken), address(router), 10e18));
        p.steps = new Step[](1);
        p.steps[0] = _step(give);
        pays(p, 1, hookToken, 10e18);
        Item[] memory items = one(permitted(i, p));
        bytes memory guard =
            abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.prank(solver);
        vm.expectRevert(abi.encodeWithSelector(IRouter.CallFailed.selector, uint256(0), guard));
        settlement.settle(items, noReport(), new bytes[](0));
    }

    // ---- fees

    function test_hostile_solver_feeAboveTheCap_FeeTooHigh() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.fee = 100e6 + 1;
        refuses(signed(i, p), ISettlement.FeeTooHigh.selector, abi.encode(100e6 + 1, 100e6));
    }

    function test_hostile_solver_feeOfAnItemWithNeitherTokensNorCash_FeeTooHigh() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        (i.limits.settlementToken, p.fee) = (address(dai), 1);
        refuses(signed(i, p), ISettlement.FeeTooHigh.selector, abi.encode(1, 0));
    }

    // ---- owners

    function test_hostile_owner_withdrawsBeforeSettlement_MarginBreached() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.subaccount = 1;
        fund(user, 1, 500e6, 0);
        Item memory item = signed(i, p);
        vm.prank(user);
        house.withdraw(address(usdc), 499e6, 1, noReport(), new bytes[](0));
        refuses(item, IClearinghouse.MarginBreached.selector);
    }

    // ---- strangers

    function test_hostile_stranger_atTheClearinghouse_NotSettlement() public {
        vm.expectPartialRevert(IClearinghouse.NotSettlement.selector);
        house.release(userAccount, address(usdc), 1, address(this));
        vm.expectPartialRevert(IClearinghouse.NotSettlement.selector);
        house.credit(userAccount, address(usdc), 1);
    }

    function test_hostile_stranger_atTheRouter_OnlySettlement() public {
        vm.expectPartialRevert(IRouter.OnlySettlement.selector);
        router.send(address(usdc), address(this), 0);
        vm.expectPartialRevert(IRouter.BadCallback.selector);
        router.uniswapV3SwapCallback(1, 0, "");
    }

    // ---- helpers

    function _refusesStep(Step memory step) private {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        steps(p, step);
        refuses(permitted(i, p), ISettlement.TargetNotAllowed.selector);
    }

    function _step(bytes memory data) private view returns (Step memory) {
        return Step(address(venue), address(usdc), 4000e6, PAY_TRANSFER, data);
    }

    function _sellOdd(Token token) private returns (OutcomeIntent memory i, Plan memory p) {
        token.mint(user, 100e18);
        vm.prank(user);
        token.approve(PERMIT2, NONE);
        (i, p) = walletSwap(1);
        i.legs[0] = sells(token, 10e18);
        p = plan();
        pulls(p, 0, token, 10e18, true);
    }
}
