// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Gate} from "./Gate.sol";
import {IAttestation} from "./interfaces/IAttestation.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IParams} from "./interfaces/IParams.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {InstrumentId} from "./libraries/InstrumentId.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {PositionSlot} from "./libraries/PositionSlot.sol";
import {Relay} from "./libraries/Relay.sol";
import {Touched} from "./libraries/Touched.sol";
import {NO_HINT} from "./types/Plan.sol";
import {Report} from "./types/Report.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// Owners' doors. Nothing an administrator does closes the way in, nor the way out of an account that
/// passes SIMPLE; one that passes by attestation only leaves slowly and in public, so that stolen risk
/// keys are not worth the vault.
abstract contract Custody is IClearinghouse, ReentrancyGuardTransient {
    using Ledger for Ledger.State;
    using SafeERC20 for IERC20;

    struct Withdrawal {
        uint128 amount;
        uint40 readyAt;
    }

    uint256 public constant WITHDRAWAL_DELAY = 1 hours;
    /// A request dies unused, so that nobody keeps one in stock.
    uint256 public constant WITHDRAWAL_WINDOW = 24 hours;
    uint256 private constant OUTFLOW_PERIOD = 1 hours;
    bytes32 internal constant GUARDIAN = keccak256("GUARDIAN");

    IParams public immutable params;
    address public immutable quoteToken;
    address public immutable attestation;
    uint256 internal immutable _unit; // wad^2 per atom of cash

    Ledger.State internal _state;
    mapping(bytes32 account => mapping(address token => Withdrawal)) private _withdrawal;
    mapping(uint256 hour => uint256) public outflow; // quote atoms that attested accounts took out

    /// Between the first touch of a settlement and its gate no door opens: what an account held before
    /// must stay what it was.
    modifier whenIdle() {
        if (Touched.length() != 0) revert SettlementUnderway();
        _;
    }

    constructor(IParams params_, IAttestation attestation_, address quoteToken_) {
        params = params_;
        attestation = address(attestation_);
        quoteToken = quoteToken_;
        uint8 decimals = IERC20Metadata(quoteToken_).decimals();
        if (decimals > 18) revert BadDecimals(decimals);
        _unit = 10 ** (36 - decimals);
    }

    /// Cash from anyone; base only from the owner, whose twenty slots a stranger's dust could fill.
    function deposit(address token, uint256 amount, uint64 subaccount, address owner)
        external
        nonReentrant
        whenIdle
    {
        if (!params.isSealed()) revert NotSealed();
        if (!params.isToken(token)) revert TokenNotListed(token);
        bytes32 account = AccountId.encode(owner, subaccount);
        if (token != quoteToken) {
            if (msg.sender != owner) revert NotOwner(msg.sender);
            // base would void the report that the next bid comes with
            if (_state.account[account].isFrozen) revert AccountFrozen(account);
        }
        int256 received = _toInt(amount);
        _pull(token, amount);
        _moveCollateral(account, token, received);
    }

    /// At once if SIMPLE holds without what leaves. Else by attestation: the first call asks, a second
    /// one after the delay executes.
    function withdraw(
        address token,
        uint256 amount,
        uint64 subaccount,
        Report calldata report,
        bytes[] calldata signatures
    ) external nonReentrant whenIdle {
        bytes32 account = AccountId.encode(msg.sender, subaccount);
        if (_state.account[account].isFrozen) revert AccountFrozen(account);
        uint160 base = _requireHeld(account, token, amount);
        int256 excess = Gate.excessWithout(_state, params, _unit, account, base, amount);
        if (excess >= 0) return _pay(account, token, amount);
        if (report.validUntil == 0) revert MarginBreached(account, excess);
        _verify(report, signatures);
        // asking is judged on the positions of now less what would leave, doing on what remains
        if (!_isReady(account, token, amount)) {
            Gate.requireWithout(_state, params, _unit, account, base, amount, report);
            return _request(account, token, amount);
        }
        _spendOutflow(Gate.valueOf(_state, params, _unit, base, amount));
        _pay(account, token, amount);
        Gate.requireWithout(_state, params, _unit, account, 0, 0, report);
    }

    function cancelWithdrawal(bytes32 account, address token) external {
        bool isOwner = msg.sender == AccountId.ownerOf(account);
        if (!isOwner && !params.hasRole(GUARDIAN, msg.sender)) revert NotOwner(msg.sender);
        if (_withdrawal[account][token].readyAt == 0) revert NoWithdrawal(account, token);
        delete _withdrawal[account][token];
        emit WithdrawalCancelled(account, token);
    }

    function withdrawalOf(bytes32 account, address token)
        external
        view
        returns (uint256 amount, uint256 readyAt)
    {
        Withdrawal memory pending = _withdrawal[account][token];
        return (pending.amount, pending.readyAt);
    }

    /// The fund is an ordinary account that nobody can withdraw from: its owner is this contract.
    function insuranceAccount() public view returns (bytes32) {
        return AccountId.encode(address(this), 0);
    }

    function balanceOf(bytes32 account, address token) public view returns (int256) {
        if (token == quoteToken) return _state.account[account].cash;
        return _state.quantityOf(account, _baseOf(token));
    }

    /// Book entry of tokens that came in (+) or go out (-); returns the base position moved, 0 for cash.
    /// Cash may fall below zero, since it carries the notional of perps; the gate decides. Base may not.
    function _moveCollateral(bytes32 account, address token, int256 amount)
        internal
        returns (uint160 base)
    {
        base = _baseOf(token);
        if (base == 0) {
            _state.moveCash(account, amount);
            return base;
        }
        (int256 before, int256 afterwards) = _state.movePosition(account, base, amount, NO_HINT);
        if (afterwards < 0) revert InsufficientCollateral(token, before, uint256(-amount));
        emit BaseMoved(account, base, amount);
    }

    /// Takes exactly `amount` from the caller. Tokens that arrive short are refused.
    function _pull(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert NotExact(amount, received);
    }

    function _push(address token, address to, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(to);
        IERC20(token).safeTransfer(to, amount);
        uint256 received = IERC20(token).balanceOf(to) - before;
        if (received != amount) revert NotExact(amount, received);
    }

    function _verify(Report calldata report, bytes[] calldata signatures) internal {
        uint256[] memory head = new uint256[](2);
        Relay.pass(attestation, IAttestation.verify.selector, head, 0, report, signatures);
    }

    function _toInt(uint256 amount) internal pure returns (int256) {
        if (amount == 0) revert ZeroAmount();
        if (amount > uint256(PositionSlot.QUANTITY_MAX)) {
            revert PositionSlot.QuantityOutOfRange(type(int256).max);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        return int256(amount);
    }

    function _requireHeld(bytes32 account, address token, uint256 amount)
        private
        view
        returns (uint160 base)
    {
        int256 leaving = _toInt(amount);
        base = _baseOf(token);
        if (base == 0) return base;
        int256 held = _state.quantityOf(account, base);
        if (held < leaving) revert InsufficientCollateral(token, held, amount);
    }

    function _pay(bytes32 account, address token, uint256 amount) private {
        _moveCollateral(account, token, -_toInt(amount));
        delete _withdrawal[account][token];
        _push(token, msg.sender, amount);
    }

    function _request(bytes32 account, address token, uint256 amount) private {
        uint256 readyAt = block.timestamp + WITHDRAWAL_DELAY;
        _withdrawal[account][token] = Withdrawal(uint128(amount), uint40(readyAt));
        emit WithdrawalRequested(account, token, amount, readyAt);
    }

    /// False when a (new) request is needed: none yet, too small, or dead.
    function _isReady(bytes32 account, address token, uint256 amount) private view returns (bool) {
        Withdrawal memory pending = _withdrawal[account][token];
        if (amount > pending.amount || block.timestamp > pending.readyAt + WITHDRAWAL_WINDOW) {
            return false;
        }
        if (block.timestamp < pending.readyAt) {
            revert WithdrawalNotReady(block.timestamp, pending.readyAt);
        }
        uint256 heldUntil = params.attestedWithdrawalsHeldUntil();
        if (block.timestamp < heldUntil) revert WithdrawalsHeld(heldUntil);
        int256 fund = _state.account[insuranceAccount()].cash;
        if (int256(_state.insolvent) > fund) revert FundShort(_state.insolvent, fund);
        return true;
    }

    function _spendOutflow(uint256 value) private {
        uint256 hour = block.timestamp / OUTFLOW_PERIOD;
        uint256 total = outflow[hour] + value;
        uint256 cap = params.outflowCapPerHour();
        if (total > cap) revert OutflowCap(total, cap);
        outflow[hour] = total;
    }

    /// The base position that counts `token`; 0 for cash, which no instrument is.
    function _baseOf(address token) private view returns (uint160) {
        if (token == quoteToken) return 0;
        uint16 market = params.marketOf(token);
        if (market == 0) revert TokenNotListed(token);
        return InstrumentId.base(market);
    }
}
