// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IParams} from "./interfaces/IParams.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

/// Who may change what, and how long everybody else can watch before it binds. A change that loosens is
/// a call to this very contract: one key queues it, another approves it, the public has the delay to
/// leave, the guardian may veto. A change that tightens is the guardian's at once.
abstract contract Timelock is IParams {
    struct Change {
        uint40 readyAt; // 0 = unknown
        bool isApproved;
        bytes call;
    }

    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    bytes32 public constant PROPOSER = keccak256("PROPOSER");
    bytes32 public constant APPROVER = keccak256("APPROVER");
    bytes32 public constant AUCTION = keccak256("AUCTION");

    uint256 public constant DELAY = 48 hours;
    uint256 public constant DELAY_CUSTODY = 7 days; // whoever is added can move what users hold
    uint256 public constant WINDOW = 7 days;

    address public immutable deployer;

    mapping(bytes32 role => address) internal _holder;
    mapping(bytes32 id => Change) public change;
    bool public isSealed; // last, to share a slot with the pause

    /// The deployer while the system is empty; afterwards only a queued, approved, seasoned call.
    modifier loosens() {
        if (msg.sender != (isSealed ? address(this) : deployer)) revert NeedsTimelock(msg.sender);
        _;
        emit ParamSet(msg.sig, msg.data);
    }

    modifier tightens() {
        if (isSealed || msg.sender != deployer) _onlyRole(GUARDIAN);
        _;
        emit ParamSet(msg.sig, msg.data);
    }

    constructor(address guardian, address proposer, address approver) {
        deployer = msg.sender;
        _setRole(GUARDIAN, guardian);
        _setRole(PROPOSER, proposer);
        _setRole(APPROVER, approver);
    }

    /// Ends the deployer's power for good. Before it no user can deposit or settle.
    function seal() external {
        if (isSealed) revert AlreadySealed();
        if (msg.sender != deployer) revert NeedsTimelock(msg.sender);
        isSealed = true;
        emit ParamSet(msg.sig, msg.data);
    }

    /// The same call can be queued again once it was executed, vetoed or has expired.
    function queue(bytes calldata call) external returns (bytes32 id) {
        _onlyRole(PROPOSER);
        uint256 delay = _delayOf(bytes4(call));
        id = keccak256(call);
        uint256 current = change[id].readyAt;
        if (current != 0 && block.timestamp <= current + WINDOW) revert AlreadyQueued(id);
        uint256 readyAt = block.timestamp + delay;
        change[id] = Change(uint40(readyAt), false, call);
        emit ParamQueued(id, call, readyAt);
    }

    function approve(bytes32 id) external {
        _onlyRole(APPROVER);
        _known(id).isApproved = true;
        emit ParamApproved(id);
    }

    function execute(bytes32 id) external {
        Change storage pending = _known(id);
        if (!pending.isApproved) revert NotApproved(id);
        if (block.timestamp < pending.readyAt) revert TooEarly(block.timestamp, pending.readyAt);
        bytes memory call = pending.call;
        delete change[id];
        if (!LowLevelCall.callNoReturn(address(this), call)) LowLevelCall.bubbleRevert();
    }

    function veto(bytes32 id) external {
        _onlyRole(GUARDIAN);
        _known(id);
        delete change[id];
        emit ParamVetoed(id);
    }

    function setRole(bytes32 role, address who) external loosens {
        _setRole(role, who);
    }

    /// The auction takes positions over, so it waits as long as a settlement.
    function setAuction(address auction) external loosens {
        _holder[AUCTION] = auction;
    }

    function hasRole(bytes32 role, address who) external view returns (bool) {
        return who != address(0) && _holder[role] == who;
    }

    /// Reverts for what is not a loosening call: the queue is no way around the guardian's own rules.
    function _delayOf(bytes4 selector) internal view virtual returns (uint256);

    function _onlyRole(bytes32 role) internal view {
        if (_holder[role] != msg.sender) revert MissingRole(role, msg.sender);
    }

    /// Two keys are two people: proposer and approver are never the same.
    function _setRole(bytes32 role, address who) private {
        if (who == address(0)) revert ZeroAddress();
        if (role != GUARDIAN && role != PROPOSER && role != APPROVER) {
            revert MissingRole(role, who);
        }
        _holder[role] = who;
        if (role != GUARDIAN && _holder[PROPOSER] == _holder[APPROVER]) revert SameKey(who);
    }

    function _known(bytes32 id) private view returns (Change storage pending) {
        pending = change[id];
        uint256 readyAt = pending.readyAt;
        if (readyAt == 0) revert UnknownChange(id);
        if (block.timestamp > readyAt + WINDOW) {
            revert ChangeExpired(block.timestamp, readyAt + WINDOW);
        }
    }
}
