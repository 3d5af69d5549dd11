// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Custody} from "./Custody.sol";
import {Gate} from "./Gate.sol";
import {IAttestation} from "./interfaces/IAttestation.sol";
import {IParams} from "./interfaces/IParams.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Estates} from "./libraries/Estates.sol";
import {Expiries} from "./libraries/Expiries.sol";
import {Feeds} from "./libraries/Feeds.sol";
import {InstrumentId} from "./libraries/InstrumentId.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {PositionSlot} from "./libraries/PositionSlot.sol";
import {Premiums} from "./libraries/Premiums.sol";
import {Pricing} from "./libraries/Pricing.sol";
import {Relay} from "./libraries/Relay.sol";
import {Reports} from "./libraries/Reports.sol";
import {Touched} from "./libraries/Touched.sol";
import {Trading} from "./libraries/Trading.sol";
import {KIND_BASE, Market} from "./types/Market.sol";
import {Outcome, Trade} from "./types/Plan.sol";
import {Report} from "./types/Report.sol";

/// Holds everybody's collateral and positions and lets no transaction end with an account below its
/// margin. It believes nobody: settlements move only what they are asked to gate, signers speak only
/// inside what the feed allows, keepers fix prices they cannot choose.
contract Clearinghouse is Custody {
    using InstrumentId for uint160;
    using Ledger for Ledger.State;
    using PositionSlot for uint256;

    bytes32 private constant AUCTION = keccak256("AUCTION");

    uint256 public dust; // wad^2 that expiries rounded away and nobody was given yet

    /// The settlement underway. A second one inside it would clear what the first has to judge.
    address private transient _settling;

    modifier onlySettlement() {
        _enter();
        _;
    }

    modifier onlyAuction() {
        _requireAuction();
        _;
    }

    constructor(IParams params_, IAttestation attestation_, address quoteToken_)
        Custody(params_, attestation_, quoteToken_)
    {}

    // ---- settlement

    function observe(bytes32 account, Report calldata report) external onlySettlement {
        Trading.touch(_state, account);
        bool isReported;
        for (uint256 i; i < report.accounts.length && !isReported; ++i) {
            isReported = report.accounts[i].account == account;
        }
        Touched.observe(account, isReported);
    }

    function release(bytes32 account, address token, uint256 amount, address to)
        external
        nonReentrant
        onlySettlement
    {
        _moveTouched(account, token, -_toInt(amount));
        Touched.release(account);
        _push(token, to, amount);
    }

    function credit(bytes32 account, address token, uint256 amount) external onlySettlement {
        _moveTouched(account, token, _toInt(amount));
    }

    function moveCash(bytes32 from, bytes32 to, uint256 amount) external onlySettlement {
        Trading.touch(_state, from);
        Trading.touch(_state, to);
        int256 atoms = _toInt(amount);
        _state.moveCash(from, -atoms);
        _state.moveCash(to, atoms);
    }

    function clear(
        Trade[] calldata trades,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report,
        bytes[] calldata signatures
    ) external nonReentrant onlySettlement returns (Outcome[] memory outcomes) {
        if (report.validUntil != 0) _verify(report, signatures);
        bool isPlain; // a decoder takes no list that is longer than the calldata
        unchecked {
            isPlain = trades.length + asked.length + markets.length + report.accounts.length == 0;
        }
        if (!isPlain || !_nobodyOwes()) outcomes = _gate(asked.length != 0);
        Touched.reset();
    }

    /// The gate works on this very call's data and this storage.
    function _gate(bool isAsked) private returns (Outcome[] memory outcomes) {
        bytes memory answer = _relay(address(Gate), Gate.clear.selector);
        if (isAsked) outcomes = abi.decode(answer, (Outcome[]));
    }

    /// What the gate would find first, without the way to it: no account touched has a derivative or
    /// a debt.
    function _nobodyOwes() private view returns (bool) {
        uint256 count = Touched.length();
        for (uint256 i; i < count; ++i) {
            if (!_state.owesNothing(Touched.accountAt(i), 0)) return false;
        }
        return true;
    }

    // ---- anyone

    function fixExpiry(uint16 market, uint40 expiry, uint80 firstRound) external {
        Expiries.fix(
            _state.expiries, market, expiry, firstRound, Pricing.listed(params, market).feed
        );
    }

    function proposeExpiry(
        uint16 market,
        uint40 expiry,
        Report calldata report,
        bytes[] calldata signatures
    ) external {
        _verify(report, signatures);
        Pricing.listed(params, market);
        uint160 stated = InstrumentId.encode(market, KIND_BASE, expiry, 0);
        Expiries.propose(_state.expiries, market, expiry, Reports.markOf(report, stated));
    }

    function confirmExpiry(uint16 market, uint40 expiry) external {
        Expiries.confirm(_state.expiries, market, expiry);
    }

    function recordFixing(uint16 market, uint40 expiry, uint80 round) external {
        Expiries.record(_state.expiries, market, expiry, round, Pricing.listed(params, market).feed);
    }

    /// Pays out options of fixed series and frees their slots. Credits round down, debits up; whole atoms
    /// that gathers go to the insurance account.
    function settleExpired(bytes32 account) external nonReentrant whenIdle {
        uint256 rest = Payouts.settle(_state, account, _unit, dust, insuranceAccount());
        if (rest != dust) dust = rest;
    }

    function pokeFunding(uint16, Report calldata report, bytes[] calldata signatures) external {
        _verify(report, signatures);
        _relay(address(Premiums), Premiums.pokeFunding.selector);
    }

    // ---- roles

    function vetoExpiry(uint16 market, uint40 expiry) external {
        if (!params.hasRole(GUARDIAN, msg.sender)) revert NotGuardian(msg.sender);
        Expiries.veto(_state.expiries, market, expiry);
    }

    function setFrozen(bytes32 account, bool frozen) external onlyAuction {
        _state.account[account].isFrozen = frozen;
        emit Frozen(account, frozen);
    }

    function seize(bytes32, bytes32, uint256, int256, Report calldata, bytes[] calldata)
        external
        onlyAuction
    {
        _relay(address(Estates), Estates.seize.selector);
    }

    function settleFund(bytes32, int256) external onlyAuction {
        _relay(address(Estates), Estates.settleFund.selector);
    }

    function setInsolvent(uint256 total) external onlyAuction {
        _state.insolvent = total;
    }

    // ---- views

    function cashOf(bytes32 account) external view returns (int256) {
        return _state.account[account].cash;
    }

    function positions(bytes32 account) public view returns (uint256[] memory) {
        return _state.positions(account);
    }

    function positionsHash(bytes32 account) public view returns (bytes32) {
        return Ledger.hash(_state.positions(account));
    }

    function mark(uint16 market) external view returns (uint256) {
        Market memory listed = Pricing.listed(params, market);
        return Feeds.price(listed.feed, listed.heartbeat);
    }

    function fundingIndex(uint16 market) external view returns (int256) {
        return Pricing.fundingIndex(_state, market);
    }

    function expiryPrice(uint16 market, uint40 expiry) external view returns (uint256) {
        return _state.expiries.price[InstrumentId.seriesKey(market, expiry)];
    }

    function fixings(uint16 market, uint40 expiry)
        external
        view
        returns (uint8 done, uint256 total)
    {
        uint256 word = _state.expiries.fixing[InstrumentId.seriesKey(market, expiry)];
        return (uint8(word >> 128), uint128(word));
    }

    function openInterest(uint16 market) external view returns (uint256) {
        return _state.openInterest[market];
    }

    function isFrozen(bytes32 account) external view returns (bool) {
        return _state.account[account].isFrozen;
    }

    function hasEnteredPortfolio(bytes32 account) external view returns (bool) {
        return _state.account[account].hasEnteredPortfolio;
    }

    function simple(bytes32 account) external view returns (int256 im, int256 mm, int256 equity) {
        return Gate.simple(_state, params, _unit, account);
    }

    function exposureOf(bytes32 account)
        external
        view
        returns (int256 linear, int256 optionsMin, int256 optionsMax, uint256 floor)
    {
        return Estates.exposureOf(_state, params, _unit, account);
    }

    function preview(bytes32 account, Trade[] calldata trades)
        external
        view
        returns (int256 im, int256 mm, int256 equity, bytes32 positionsHash_)
    {
        return Gate.preview(_state, params, _unit, account, trades);
    }

    // ---- inside

    /// Runs linked code on this call's data and this storage.
    function _relay(address code, bytes4 selector) private returns (bytes memory) {
        uint256[] memory extra = new uint256[](3);
        (extra[0], extra[1], extra[2]) = (_slotOfState(), uint160(address(params)), _unit);
        return Relay.delegate(code, selector, extra);
    }

    /// No door of the auction opens inside a settlement.
    function _requireAuction() private view {
        if (!params.hasRole(AUCTION, msg.sender)) revert NotAuction(msg.sender);
        if (Touched.length() != 0) revert SettlementUnderway();
        if (_reentrancyGuardEntered()) revert ReentrancyGuardReentrantCall();
    }

    /// A settlement is asked for at its first door; the others only want to know that it is still the
    /// same.
    function _enter() private {
        bool isUnderway = Touched.length() != 0;
        if (isUnderway && _settling == msg.sender) return;
        if (!params.isSettlement(msg.sender)) revert NotSettlement(msg.sender);
        if (isUnderway) revert SettlementUnderway();
        _settling = msg.sender;
    }

    function _moveTouched(bytes32 account, address token, int256 amount) private {
        Trading.touch(_state, account);
        if (token != quoteToken && Touched.needsHash(account)) {
            Touched.setHash(account, positionsHash(account));
        }
        uint160 base = _moveCollateral(account, token, amount);
        if (base != 0) Touched.addMove(account, PositionSlot.encode(base, amount));
    }

    function _slotOfState() private view returns (uint256 slot) {
        Ledger.State storage state = _state;
        assembly ("memory-safe") {
            slot := state.slot
        }
    }
}
