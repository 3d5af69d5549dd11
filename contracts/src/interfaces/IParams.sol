// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Market} from "../types/Market.sol";

/// What may be used, by whom, how much: read by every other contract. Until `seal` the deployer sets
/// everything and nobody can deposit or settle; afterwards one key alone only tightens.
interface IParams {
    event ParamQueued(bytes32 indexed id, bytes call, uint256 readyAt);
    event ParamApproved(bytes32 indexed id);
    event ParamVetoed(bytes32 indexed id);
    event ParamSet(bytes4 indexed selector, bytes call);
    event Paused(bool risk, bool attestedWithdrawals);

    error NeedsTimelock(address caller);
    error MissingRole(bytes32 role, address caller);
    error ZeroAddress();
    error SameKey(address key);
    error AlreadySealed();
    error UnknownChange(bytes32 id);
    error AlreadyQueued(bytes32 id);
    error NotApproved(bytes32 id);
    error TooEarly(uint256 now_, uint256 readyAt);
    error ChangeExpired(uint256 now_, uint256 expiredAt);
    error NotQueueable(bytes4 selector);
    error NotTighter(uint256 from, uint256 to);
    error StepTooLarge(uint256 from, uint256 to);
    error StepTooSoon(uint256 now_, uint256 readyAt);
    error HoldTooLong(uint256 until, uint256 latest);
    error ThresholdOutOfRange(uint256 threshold, uint256 signers);
    error BadMarket(uint16 id);
    error UnknownMarket(uint16 id);

    // ---- two keys and a delay: a change is a call to this contract itself
    function queue(bytes calldata call) external returns (bytes32 id);
    function approve(bytes32 id) external;
    function execute(bytes32 id) external;
    function veto(bytes32 id) external;

    // ---- loosen: through the queue only (the deployer before `seal`)
    function unpause() external;
    function allow(address target, bytes4 selector) external;
    function addToken(address token) external;
    function addSolver(address solver) external;
    function addSettlement(address settlement) external; // 7 d
    function setAuction(address auction) external; // 7 d
    function addSigner(address signer) external;
    function setThreshold(uint256 threshold_) external;
    function setOutflowCap(uint256 cap) external;
    function setMarket(uint16 id, Market calldata market_) external;
    function setRole(bytes32 role, address who) external;

    // ---- tighten: the guardian at once
    function pause() external;
    function holdWithdrawals(uint256 until) external;
    function disallow(address target, bytes4 selector) external;
    function removeToken(address token) external;
    function removeSolver(address solver) external;
    function removeSettlement(address settlement) external;
    function removeSigner(address signer) external;
    function raiseThreshold(uint256 threshold_) external;
    function lowerOutflowCap(uint256 cap) external;
    function lowerOpenInterestCap(uint16 id, uint96 cap) external; // 0 closes the market
    function reduceOnly(uint16 id) external;
    function raiseInitialMargin(uint16 id, uint32 perpInitialPpm, uint32 baseInitialPpm) external;

    // ---- what it says
    /// What a settlement asks before anything else, in one call.
    function admission(address solver)
        external
        view
        returns (bool isSolver_, bool isSealed_, bool isPaused_);
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
