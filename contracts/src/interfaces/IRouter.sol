// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Step} from "../types/Plan.sol";

/// Runs venue steps and holds nothing between transactions. Nobody ever approves it.
interface IRouter {
    error OnlySettlement();
    error CallFailed(uint256 step, bytes reason);
    error BadCallback();
    error UnknownMode(uint256 step, uint8 mode);

    function run(Step[] calldata steps) external;
    function send(address token, address to, uint256 amount) external;
}
