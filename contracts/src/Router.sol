// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IRouter} from "./interfaces/IRouter.sol";
import {PAY_APPROVE, PAY_CALLBACK, PAY_TRANSFER, Step} from "./types/Plan.sol";

interface IPoolTokens {
    function token0() external view returns (address);
    function token1() external view returns (address);
}

/// Calls venues away from Settlement, so that nothing a venue does can use what users granted it:
/// nobody approves the Router, and it is empty between transactions.
contract Router is IRouter {
    using SafeERC20 for IERC20;

    address public immutable settlement;

    /// The one venue that may call back now, in which token, for how much more.
    address private transient _active;
    address private transient _payToken;
    uint256 private transient _payLeft;

    constructor(address settlement_) {
        settlement = settlement_;
    }

    modifier onlySettlement() {
        if (msg.sender != settlement) revert OnlySettlement();
        _;
    }

    function run(Step[] calldata steps) external onlySettlement {
        for (uint256 i; i < steps.length; ++i) {
            Step calldata step = steps[i];
            if (step.mode == PAY_TRANSFER) {
                if (step.payAmount != 0) {
                    IERC20(step.payToken).safeTransfer(step.target, step.payAmount);
                }
                _call(i, step);
            } else if (step.mode == PAY_CALLBACK) {
                (_active, _payToken, _payLeft) = (step.target, step.payToken, step.payAmount);
                _call(i, step);
                _active = address(0);
            } else if (step.mode == PAY_APPROVE) {
                IERC20(step.payToken).forceApprove(step.target, step.payAmount);
                _call(i, step);
                IERC20(step.payToken).forceApprove(step.target, 0);
            } else {
                revert UnknownMode(i, step.mode);
            }
        }
    }

    function send(address token, address to, uint256 amount) external onlySettlement {
        IERC20(token).safeTransfer(to, amount);
    }

    /// A Uniswap v3 pool draws what the swap owes it: the token of the step, never more than its
    /// amount.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        if (msg.sender != _active) revert BadCallback();
        bool owesToken0 = amount0 > 0;
        int256 owed = owesToken0 ? amount0 : amount1;
        address token =
            owesToken0 ? IPoolTokens(msg.sender).token0() : IPoolTokens(msg.sender).token1();
        // forge-lint: disable-next-line(unsafe-typecast)
        if (owed <= 0 || token != _payToken || uint256(owed) > _payLeft) revert BadCallback();
        // forge-lint: disable-next-line(unsafe-typecast)
        uint256 amount = uint256(owed);
        _payLeft -= amount;
        IERC20(token).safeTransfer(msg.sender, amount);
    }

    function _call(uint256 index, Step calldata step) private {
        (bool ok, bytes memory reason) = step.target.call(step.data);
        if (!ok) revert CallFailed(index, reason);
    }
}
