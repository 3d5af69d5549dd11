// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Router} from "../src/Router.sol";
import {IRouter} from "../src/interfaces/IRouter.sol";
import {PAY_APPROVE, PAY_CALLBACK, PAY_TRANSFER, Step} from "../src/types/Plan.sol";
import {Token} from "./support/Tokens.sol";
import {Test} from "./support/Vm.sol";

/// A venue that does what the step's data says, as the worst of venues would.
contract Venue {
    address public token0;
    address public token1;

    constructor(address token0_, address token1_) {
        (token0, token1) = (token0_, token1_);
    }

    function draw(int256 amount0, int256 amount1) external {
        Router(msg.sender).uniswapV3SwapCallback(amount0, amount1, "");
    }

    function drawTwice(int256 amount0) external {
        Router(msg.sender).uniswapV3SwapCallback(amount0, 0, "");
        Router(msg.sender).uniswapV3SwapCallback(amount0, 0, "");
    }

    function drawFor(Venue other, int256 amount0) external {
        other.drawFrom(Router(msg.sender), amount0);
    }

    function drawFrom(Router router, int256 amount0) external {
        router.uniswapV3SwapCallback(amount0, 0, "");
    }

    function take(address from, uint256 amount) external {
        require(IERC20(token0).allowance(from, address(this)) >= amount, "no allowance");
        require(IERC20(token0).transferFrom(from, address(this), amount), "not taken");
    }

    function open() external {}

    function fail() external pure {
        revert("closed");
    }
}

contract RouterTest is Test {
    Token private coin;
    Token private other;
    Router private router;
    Venue private venue;

    function setUp() public {
        (coin, other) = (new Token("A", 18), new Token("B", 18));
        router = new Router(address(this));
        venue = new Venue(address(coin), address(other));
        coin.mint(address(router), 100);
        other.mint(address(router), 100);
    }

    function test_runByAnyoneElse_OnlySettlement() public {
        Step[] memory none = new Step[](0);
        vm.prank(address(0xbad));
        vm.expectRevert(IRouter.OnlySettlement.selector);
        router.run(none);
    }

    function test_sendByAnyoneElse_OnlySettlement() public {
        vm.prank(address(0xbad));
        vm.expectRevert(IRouter.OnlySettlement.selector);
        router.send(address(coin), address(0xbad), 1);
    }

    function test_sendMovesExactlyTheAmount() public {
        router.send(address(coin), address(7), 40);
        vm.assertEq(coin.balanceOf(address(7)), 40);
    }

    function test_transferModePaysBeforeTheCall() public {
        _run(PAY_TRANSFER, 30, abi.encodeCall(Venue.open, ()));
        vm.assertEq(coin.balanceOf(address(venue)), 30);
    }

    function test_callbackModePaysWhatIsDrawn() public {
        _run(PAY_CALLBACK, 30, abi.encodeCall(Venue.draw, (25, -1)));
        vm.assertEq(coin.balanceOf(address(venue)), 25);
    }

    function test_approveModeLeavesNoAllowance() public {
        _run(PAY_APPROVE, 30, abi.encodeCall(Venue.take, (address(router), 10)));
        vm.assertEq(coin.balanceOf(address(venue)), 10);
        vm.assertEq(coin.allowance(address(router), address(venue)), 0);
    }

    function test_approveModeGrantsExactlyTheAmount_CallFailed() public {
        vm.expectPartialRevert(IRouter.CallFailed.selector);
        _run(PAY_APPROVE, 30, abi.encodeCall(Venue.take, (address(router), 31)));
    }

    function test_venueReverts_CallFailed() public {
        vm.expectPartialRevert(IRouter.CallFailed.selector);
        _run(PAY_TRANSFER, 0, abi.encodeCall(Venue.fail, ()));
    }

    function test_modeNobodyKnows_UnknownMode() public {
        vm.expectPartialRevert(IRouter.UnknownMode.selector);
        _run(3, 0, abi.encodeCall(Venue.open, ()));
    }

    function test_callbackOutOfTurn_BadCallback() public {
        vm.expectRevert(IRouter.BadCallback.selector);
        venue.drawFrom(router, 1);
        _run(PAY_CALLBACK, 30, abi.encodeCall(Venue.draw, (25, -1)));
        vm.expectRevert(IRouter.BadCallback.selector);
        venue.drawFrom(router, 1);
    }

    function test_callbackAboveTheAmount_BadCallback() public {
        _refusesCallback(abi.encodeCall(Venue.draw, (31, -1)));
    }

    function test_callbackTwiceAboveTheAmount_BadCallback() public {
        _refusesCallback(abi.encodeCall(Venue.drawTwice, (16)));
    }

    function test_callbackInTheOtherToken_BadCallback() public {
        _refusesCallback(abi.encodeCall(Venue.draw, (-1, 20)));
    }

    function test_callbackThatOwesNothing_BadCallback() public {
        _refusesCallback(abi.encodeCall(Venue.draw, (-1, -1)));
    }

    function test_callbackByAnotherThanTheActiveVenue_BadCallback() public {
        Venue stranger = new Venue(address(coin), address(other));
        _refusesCallback(abi.encodeCall(Venue.drawFor, (stranger, 5)));
    }

    /// The venue bubbles the Router's refusal, the Router wraps what the venue said.
    function _refusesCallback(bytes memory data) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IRouter.CallFailed.selector,
                uint256(0),
                abi.encodeWithSelector(IRouter.BadCallback.selector)
            )
        );
        _run(PAY_CALLBACK, 30, data);
    }

    function _run(uint8 mode, uint256 amount, bytes memory data) private {
        Step[] memory steps = new Step[](1);
        steps[0] = Step(address(venue), address(coin), amount, mode, data);
        router.run(steps);
    }
}
