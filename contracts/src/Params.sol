// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Timelock} from "./Timelock.sol";
import {Market} from "./types/Market.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// The one place that says what may be used, by whom and how much, so that every other contract is
/// immutable and has no setter. It holds no money and can move none.
contract Params is Timelock {
    struct Listing {
        bool isToken; // may be pulled, paid or deposited
        uint16 market; // whose base it is, 0 = none
    }

    uint256 public constant HOLD_MAX = 72 hours; // of attested withdrawals; as long again between two
    uint256 public constant STEP_INTERVAL = 1 days; // between two changes of a market's rates
    uint256 public constant STEP_PERCENT = 10; // of the old rate, either way
    uint256 private constant PPM = 1e6;

    bool public isPaused;
    uint256 public attestedWithdrawalsHeldUntil;
    uint256 public threshold;
    uint256 public signerCount;
    uint256 public outflowCapPerHour;
    mapping(address => bool) public isSolver;
    mapping(address => bool) public isSettlement;
    mapping(address => bool) public isSigner;
    mapping(address token => Listing) private _listing; // read together: one slot
    mapping(uint16 id => uint256) public ratesChangedAt;
    mapping(bytes32 targetAndSelector => bool) private _allowed;
    mapping(uint16 id => Market) private _market;

    constructor(address guardian, address proposer, address approver)
        Timelock(guardian, proposer, approver)
    {}

    // ---- loosen

    function unpause() external loosens {
        isPaused = false;
        emit Paused(false, block.timestamp < attestedWithdrawalsHeldUntil);
    }

    /// Never list a selector with a free `from`, nor one that claims what another paid for.
    function allow(address target, bytes4 selector) external loosens {
        _allowed[_key(target, selector)] = true;
    }

    /// Never list a rebasing token: a rise would be stranded, a fall would break the sum of balances.
    function addToken(address token) external loosens {
        _listing[token].isToken = true;
    }

    function addSolver(address solver) external loosens {
        isSolver[solver] = true;
    }

    function addSettlement(address settlement) external loosens {
        isSettlement[settlement] = true;
    }

    function addSigner(address signer) external loosens {
        if (signer == address(0)) revert ZeroAddress();
        if (isSigner[signer]) return;
        isSigner[signer] = true;
        signerCount += 1;
    }

    function setThreshold(uint256 threshold_) external loosens {
        _setThreshold(threshold_);
    }

    function setOutflowCap(uint256 cap) external loosens {
        outflowCapPerHour = cap;
    }

    /// Opens a market or changes its feed, caps and rates. What secures it is fixed for ever: balances
    /// are counted in it.
    function setMarket(uint16 id, Market calldata market_) external loosens {
        Market memory old = _market[id];
        _requireSound(id, market_, old.base);
        if (old.base == address(0)) {
            _listing[market_.base].market = id;
        } else if (isSealed) {
            _requireStep(id, old, market_);
        }
        _market[id] = market_;
    }

    // ---- tighten

    function pause() external tightens {
        isPaused = true;
        emit Paused(true, block.timestamp < attestedWithdrawalsHeldUntil);
    }

    /// Holds withdrawals that pass by attestation only. It cannot be renewed into a freeze: as much time
    /// as a hold may last must pass between two of them.
    function holdWithdrawals(uint256 until) external tightens {
        uint256 heldUntil = attestedWithdrawalsHeldUntil;
        uint256 latest = block.timestamp + HOLD_MAX;
        if (heldUntil != 0 && block.timestamp < heldUntil + HOLD_MAX) latest = heldUntil;
        if (until > latest) revert HoldTooLong(until, latest);
        attestedWithdrawalsHeldUntil = until;
        emit Paused(isPaused, block.timestamp < until);
    }

    function disallow(address target, bytes4 selector) external tightens {
        delete _allowed[_key(target, selector)];
    }

    function removeToken(address token) external tightens {
        _listing[token].isToken = false;
    }

    function removeSolver(address solver) external tightens {
        delete isSolver[solver];
    }

    function removeSettlement(address settlement) external tightens {
        delete isSettlement[settlement];
    }

    /// May leave fewer signers than the threshold: then nothing is attested until one is added.
    function removeSigner(address signer) external tightens {
        if (!isSigner[signer]) return;
        delete isSigner[signer];
        signerCount -= 1;
    }

    function raiseThreshold(uint256 threshold_) external tightens {
        if (threshold_ <= threshold) revert NotTighter(threshold, threshold_);
        _setThreshold(threshold_);
    }

    function lowerOutflowCap(uint256 cap) external tightens {
        if (cap >= outflowCapPerHour) revert NotTighter(outflowCapPerHour, cap);
        outflowCapPerHour = cap;
    }

    function lowerOpenInterestCap(uint16 id, uint96 cap) external tightens {
        Market storage target = _existing(id);
        if (cap >= target.openInterestCap) revert NotTighter(target.openInterestCap, cap);
        target.openInterestCap = cap;
    }

    function reduceOnly(uint16 id) external tightens {
        _existing(id).isReduceOnly = true;
    }

    /// Initial margin only: a guardian's change never starts a liquidation.
    function raiseInitialMargin(uint16 id, uint32 perpInitialPpm, uint32 baseInitialPpm)
        external
        tightens
    {
        Market memory old = _existing(id);
        if (perpInitialPpm < old.perpInitialPpm) {
            revert NotTighter(old.perpInitialPpm, perpInitialPpm);
        }
        if (baseInitialPpm > old.baseInitialPpm) {
            revert NotTighter(old.baseInitialPpm, baseInitialPpm);
        }
        Market memory next = _market[id];
        next.perpInitialPpm = perpInitialPpm;
        next.baseInitialPpm = baseInitialPpm;
        if (isSealed) _requireStep(id, old, next);
        _market[id] = next;
    }

    // ---- what it says

    function admission(address solver)
        external
        view
        returns (bool isSolver_, bool isSealed_, bool isPaused_)
    {
        return (isSolver[solver], isSealed, isPaused);
    }

    function isToken(address token) external view returns (bool) {
        return _listing[token].isToken;
    }

    function marketOf(address base) external view returns (uint16) {
        return _listing[base].market;
    }

    function market(uint16 id) external view returns (Market memory) {
        return _market[id];
    }

    function isAllowed(address target, bytes4 selector) external view returns (bool) {
        return _allowed[_key(target, selector)];
    }

    function _setThreshold(uint256 threshold_) private {
        if (threshold_ == 0 || threshold_ > signerCount) {
            revert ThresholdOutOfRange(threshold_, signerCount);
        }
        threshold = threshold_;
    }

    function _existing(uint16 id) private view returns (Market storage found) {
        found = _market[id];
        if (found.base == address(0)) revert UnknownMarket(id);
    }

    /// Bounds that the margin rules rely on: rates are shares, initial is never below maintenance, and
    /// decimals are the token's own.
    function _requireSound(uint16 id, Market calldata next, address base) private view {
        bool isSameBase = base == address(0) ? _listing[next.base].market == 0 : base == next.base;
        bool isSound = id != 0 && next.base != address(0) && isSameBase && next.feed != address(0)
            && next.heartbeat != 0 && next.sigmaCapPpm != 0 && next.baseDecimals >= 6
            && next.baseDecimals <= 18 && next.perpMaintenancePpm != 0
            && next.perpInitialPpm >= next.perpMaintenancePpm && next.perpInitialPpm <= PPM
            && next.baseInitialPpm <= next.baseMaintenancePpm && next.baseMaintenancePpm <= PPM;
        if (!isSound || IERC20Metadata(next.base).decimals() != next.baseDecimals) {
            revert BadMarket(id);
        }
    }

    /// Nobody, not even both keys, moves a rate by more than a tenth a day.
    function _requireStep(uint16 id, Market memory old, Market memory next) private {
        uint256[2][5] memory rates = [
            [uint256(old.sigmaCapPpm), next.sigmaCapPpm],
            [uint256(old.perpInitialPpm), next.perpInitialPpm],
            [uint256(old.perpMaintenancePpm), next.perpMaintenancePpm],
            [uint256(old.baseInitialPpm), next.baseInitialPpm],
            [uint256(old.baseMaintenancePpm), next.baseMaintenancePpm]
        ];
        bool isChanged;
        for (uint256 i; i < rates.length; ++i) {
            (uint256 from, uint256 to) = (rates[i][0], rates[i][1]);
            if (from == to) continue;
            isChanged = true;
            uint256 step = from > to ? from - to : to - from;
            if (step * 100 > from * STEP_PERCENT) revert StepTooLarge(from, to);
        }
        if (!isChanged) return;
        uint256 readyAt = ratesChangedAt[id] + STEP_INTERVAL;
        if (block.timestamp < readyAt) revert StepTooSoon(block.timestamp, readyAt);
        ratesChangedAt[id] = block.timestamp;
    }

    function _delayOf(bytes4 selector) internal pure override returns (uint256) {
        if (selector == this.addSettlement.selector || selector == this.setAuction.selector) {
            return DELAY_CUSTODY;
        }
        bool isLoosening = selector == this.unpause.selector || selector == this.allow.selector
            || selector == this.addToken.selector || selector == this.addSolver.selector
            || selector == this.addSigner.selector || selector == this.setThreshold.selector
            || selector == this.setOutflowCap.selector || selector == this.setMarket.selector
            || selector == this.setRole.selector;
        if (!isLoosening) revert NotQueueable(selector);
        return DELAY;
    }

    function _key(address target, bytes4 selector) private pure returns (bytes32) {
        return bytes32(bytes20(target)) | (bytes32(selector) >> 160);
    }
}
