// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Market} from "../types/Market.sol";

/// What may be used, by whom, how much: read by every other contract. Until `seal` the deployer sets
/// everything and nobody can deposit or settle; afterwards one key alone only tightens.
interface IParams {
    event ParamQueued(bytes32 indexed id, bytes call, uint256 readyAt);
    event ParamSet(bytes4 indexed selector, bytes call);
    event Paused(bool risk, bool attestedWithdrawals);

    function isSealed() external view returns (bool);
    function isPaused() external view returns (bool); // blocks risk, never exits
    function attestedWithdrawalsHeldUntil() external view returns (uint256); // at most 72 h ahead
    function isSolver(address solver) external view returns (bool);
    function isSettlement(address settlement) external view returns (bool);
    function isAllowed(address target, bytes4 selector) external view returns (bool);
    function isToken(address token) external view returns (bool); // may be pulled, paid or deposited
    function isSigner(address signer) external view returns (bool);
    function threshold() external view returns (uint256);
    function market(uint16 id) external view returns (Market memory);
    function marketOf(address base) external view returns (uint16); // 0 = none
    function outflowCapPerHour() external view returns (uint256); // quote atoms, attested accounts
    function hasRole(bytes32 role, address who) external view returns (bool);
}
