// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {IRouter} from "../../src/interfaces/IRouter.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, PAY_TRANSFER, Plan, Step} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";
import {HookToken, Token} from "../support/Tokens.sol";
import {BadVenue} from "./BadVenue.sol";
import {OddToken, RebasingToken} from "./OddTokens.sol";

/// Tokens that were listed and should not have been: whatever they do, what the owner gets is what
/// was measured, and nothing stays behind.
contract HostileTokensTest is FullWorld {
    BadVenue private venue;
    RebasingToken private rebasing;
    OddToken private odd;
    HookToken private hooked;

    function configure() internal override {
        venue = new BadVenue();
        (rebasing, odd, hooked) = (new RebasingToken(), new OddToken(), new HookToken("HOOK", 18));
        Token[3] memory listed = [Token(rebasing), odd, hooked];
        for (uint256 n; n < listed.length; ++n) {
            params.addToken(address(listed[n]));
            listed[n].mint(user, 100e18);
            listed[n].mint(address(venue), 100e18);
            vm.prank(user);
            listed[n].approve(PERMIT2, NONE);
        }
        params.allow(address(venue), BadVenue.pay.selector);
        params.allow(address(venue), BadVenue.nothing.selector);
        params.allow(address(rebasing), RebasingToken.rebase.selector);
        params.allow(address(odd), OddToken.turn.selector);
    }

    // ---- rebasing

    function test_hostile_token_rebasesDownBetweenSteps_ERC20InsufficientBalance() public {
        bytes memory figures = abi.encode(router, 10e18, 20e18); // in its shares
        refuses(_sale(50), IERC20Errors.ERC20InsufficientBalance.selector, figures);
    }

    function test_hostile_token_rebasesUpBetweenSteps_RouterNotEmpty() public {
        bytes memory figures = abi.encode(rebasing, 0, 10e18);
        refuses(_sale(200), ISettlement.RouterNotEmpty.selector, figures);
    }

    function test_hostile_token_rebasesUpInTheTransfer_NotExact() public {
        Item memory item = _sale(100);
        rebasing.rebaseOnTransfer(200);
        refuses(item, ISettlement.NotExact.selector, abi.encode(rebasing, 10e18, 20e18));
    }

    function test_hostile_token_rebasesDownInTheTransfer_NotExact() public {
        Item memory item = _sale(100);
        rebasing.rebaseOnTransfer(50);
        refuses(item, ISettlement.NotExact.selector, abi.encode(rebasing, 10e18, 5e18));
    }

    function test_hostile_token_rebasesBeforeDelivery_ERC20InsufficientBalance() public {
        Item memory item = _purchase(rebasing, abi.encodeCall(RebasingToken.rebase, (50)));
        bytes memory figures = abi.encode(router, 10e18, 20e18);
        refuses(item, IERC20Errors.ERC20InsufficientBalance.selector, figures);
    }

    // ---- transfers that are none

    function test_hostile_token_saysThatItFailed_SafeERC20FailedOperation() public {
        Item memory item = _oddPurchase(1);
        refuses(item, SafeERC20.SafeERC20FailedOperation.selector, abi.encode(odd));
    }

    function test_hostile_token_refusesToBeSent_Frozen() public {
        refuses(_oddPurchase(2), OddToken.Frozen.selector);
    }

    /// Nobody is left to name an error: the solver pays for the gas, and nothing has happened.
    function test_hostile_token_burnsAllGas_OutOfGas() public {
        Item[] memory items = one(_oddPurchase(3));
        vm.prank(solver);
        vm.expectRevert();
        settlement.settle{gas: 20_000_000}(items, noReport(), new bytes[](0));
    }

    function test_hostile_token_saysYesAndMovesNothing_NotExact() public {
        refuses(_oddPurchase(4), ISettlement.NotExact.selector, abi.encode(odd, 10e18, 0));
    }

    function test_tokenThatAnswersNothingIsPaid() public {
        settle(_oddPurchase(5));
        vm.assertEq(odd.balanceOf(user), 110e18);
    }

    // ---- tokens that call

    function test_hostile_token_depositsInTheMiddle_SettlementUnderway() public {
        bytes memory inner =
            abi.encodeCall(IClearinghouse.deposit, (address(usdc), 1, 0, address(hooked)));
        _refusesHook(address(house), inner, IClearinghouse.SettlementUnderway.selector);
    }

    function test_hostile_token_withdrawsInTheMiddle_SettlementUnderway() public {
        bytes memory inner = abi.encodeCall(
            IClearinghouse.withdraw, (address(usdc), 1, 0, noReport(), new bytes[](0))
        );
        _refusesHook(address(house), inner, IClearinghouse.SettlementUnderway.selector);
    }

    function test_hostile_token_takesFromTheRouter_OnlySettlement() public {
        bytes memory inner = abi.encodeCall(IRouter.send, (address(usdc), address(hooked), 1));
        _refusesHook(address(router), inner, IRouter.OnlySettlement.selector);
    }

    function test_hostile_token_playsThePool_BadCallback() public {
        bytes memory inner = abi.encodeCall(router.uniswapV3SwapCallback, (1, 0, ""));
        _refusesHook(address(router), inner, IRouter.BadCallback.selector);
    }

    function test_hostile_token_releasesInTheMiddle_NotSettlement() public {
        bytes memory inner = abi.encodeCall(
            IClearinghouse.release, (userAccount, address(usdc), 1, address(hooked))
        );
        _refusesHook(address(house), inner, IClearinghouse.NotSettlement.selector);
    }

    // ---- plans

    /// Ten rebasing tokens pulled, their worth changed, ten sent on.
    function _sale(uint256 percent) private view returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.legs[0] = sells(rebasing, 10e18);
        p = plan();
        pulls(p, 0, rebasing, 10e18, true);
        bytes memory change = abi.encodeCall(RebasingToken.rebase, (percent));
        steps(p, Step(address(rebasing), address(0), 0, PAY_TRANSFER, change));
        bytes memory nothing = abi.encodeCall(BadVenue.nothing, ());
        steps(p, Step(address(venue), address(rebasing), 10e18, PAY_TRANSFER, nothing));
        return permitted(i, p);
    }

    /// Ten of a token for USDC of the account; `then` is called on the token before delivery.
    function _purchase(Token token, bytes memory then) private view returns (Item memory) {
        OutcomeIntent memory i = intent("swap", legs(sells(usdc, 1e6), buys(token, 10e18)), 1);
        i.receiver = user;
        Plan memory p = plan();
        pulls(p, 0, usdc, 1e6, false);
        bytes memory give = abi.encodeCall(BadVenue.pay, (address(token), address(router), 10e18));
        steps(p, Step(address(venue), address(usdc), 1e6, PAY_TRANSFER, give));
        if (then.length != 0) steps(p, Step(address(token), address(0), 0, PAY_TRANSFER, then));
        pays(p, 1, token, 10e18);
        return signed(i, p);
    }

    function _oddPurchase(uint256 how) private view returns (Item memory) {
        return _purchase(odd, abi.encodeCall(OddToken.turn, (how)));
    }

    /// The venue's payment calls back; the Router wraps what the token was told.
    function _refusesHook(address target, bytes memory inner, bytes4 reason) private {
        hooked.onTransfer(target, inner);
        Item[] memory items = one(_purchase(hooked, ""));
        bytes4 wrapped = IRouter.CallFailed.selector;
        bool isPlain = reason == IRouter.OnlySettlement.selector
            || reason == IRouter.BadCallback.selector
            || reason == IClearinghouse.SettlementUnderway.selector;
        bytes memory said =
            isPlain ? abi.encodePacked(reason) : abi.encodeWithSelector(reason, address(hooked));
        vm.prank(solver);
        vm.expectRevert(abi.encodeWithSelector(wrapped, uint256(0), said));
        settlement.settle(items, noReport(), new bytes[](0));
    }
}
