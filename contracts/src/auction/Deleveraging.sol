// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {AccountRisk, Report} from "../types/Report.sol";
import {Judging} from "./Judging.sol";

/// The last resort: what the fund cannot pay is taken from those who won it, pro rata of their gain. Who
/// won how much only signers can say; how it is divided, how much at most and from whom not at all is
/// checked here.
abstract contract Deleveraging is Judging {
    uint256 public constant PUBLIC_TIME = 1 hours; // between a deficit and the first page
    uint256 public constant ROUND_TIME = 10 minutes; // for all pages; then another round may begin
    uint256 public constant PAGE_MAX = 100;
    uint256 private constant GAIN_PARTS = 4; // at most a quarter of a gain
    uint256 private constant NO_REQUIREMENT = type(uint256).max; // im, mm: the entry is no margin
    bytes32 private constant APPROVER = keccak256("APPROVER");
    bytes32 private constant PURPOSE = keccak256("solvent.deleverage");

    uint256 private _count;
    mapping(uint256 id => Deficit) private _deficit;
    mapping(bytes32 account => uint256 id) public deficitOf;
    mapping(uint256 id => mapping(bytes32 account => uint256 atoms)) public takenOf;

    constructor(IParams params_, IClearinghouse house_) Judging(params_, house_) {}

    function deleverage(
        uint256 id,
        uint256 totalGain,
        bytes32[] calldata accounts,
        uint256[] calldata haircuts,
        Report calldata report,
        bytes[] calldata signatures
    ) external {
        if (!params.hasRole(APPROVER, msg.sender)) {
            revert NotApprover(msg.sender);
        }
        uint256 count = accounts.length;
        bool isPage = count != 0 && count <= PAGE_MAX && count == haircuts.length
            && count <= report.accounts.length;
        if (!isPage) revert PageOutOfRange(count, haircuts.length);
        _verify(report, signatures);
        Deficit memory round = _round(id, totalGain);
        bytes32 purpose = purposeOf(id, round.roundAmount, totalGain);
        if (report.snapshotHash != purpose || round.totalGain != totalGain) {
            revert WrongPurpose(report.snapshotHash, purpose);
        }
        uint256 raised;
        for (uint256 i; i < count; ++i) {
            _cut(id, round, accounts[i], haircuts[i], report.accounts[i]);
            raised += haircuts[i];
        }
        _settle(id, round, raised, count);
    }

    function deficit(uint256 id) external view returns (Deficit memory) {
        return _deficit[id];
    }

    function purposeOf(uint256 id, uint256 amount, uint256 totalGain)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PURPOSE, id, amount, totalGain));
    }

    /// What of an account's debt the fund could not pay becomes a deficit, or the size of the one open.
    function _declare(bytes32 account, uint16 market, int8 side, uint256 left)
        internal
        returns (uint256 id)
    {
        id = deficitOf[account];
        if (id == 0 && left == 0) return 0;
        if (id == 0) {
            id = ++_count;
            deficitOf[account] = id;
            Deficit storage fresh = _deficit[id];
            (fresh.account, fresh.market, fresh.side) = (account, market, side);
            fresh.declaredAt = uint40(block.timestamp);
        }
        Deficit storage open = _deficit[id];
        if (_isRunning(open)) revert RoundRunning(open.roundAt + ROUND_TIME);
        open.amount = uint128(open.raised + left);
        if (left == 0) delete deficitOf[account];
    }

    /// The winners' money is with the account; nothing is open any more.
    function _repaid(bytes32 account) internal virtual;

    /// The round underway, or a new one over what is left.
    function _round(uint256 id, uint256 totalGain) private view returns (Deficit memory round) {
        round = _deficit[id];
        if (round.amount == round.raised) revert UnknownDeficit(id);
        uint256 readyAt = round.declaredAt + PUBLIC_TIME;
        if (block.timestamp < readyAt) revert DeficitTooYoung(block.timestamp, readyAt);
        if (_isRunning(round)) return round;
        round.roundAt = uint40(block.timestamp);
        round.roundAmount = round.amount - round.raised;
        round.roundRaised = 0;
        (round.totalGain, round.gainSeen) = (totalGain, 0);
        (round.last, round.root) = (0, 0);
    }

    /// Takes one haircut, if it is due.
    function _cut(
        uint256 id,
        Deficit memory round,
        bytes32 account,
        uint256 haircut,
        AccountRisk calldata risk
    ) private {
        if (account <= round.last) revert NotAscending(account);
        uint256 gain = _gainOf(round, account, risk);
        _requireProRata(round, account, haircut, gain);
        uint256 taken = takenOf[id][account] + haircut;
        if (taken * GAIN_PARTS > gain) revert HaircutTooHigh(account, taken, gain);
        round.last = account;
        round.gainSeen += gain;
        round.root = keccak256(abi.encode(round.root, account, gain, haircut));
        if (haircut == 0) return;
        takenOf[id][account] = taken;
        house.settleFund(account, -int256(haircut));
    }

    function _settle(uint256 id, Deficit memory round, uint256 raised, uint256 count) private {
        round.raised += uint128(raised);
        round.roundRaised += uint128(raised);
        bool isLast = round.gainSeen == round.totalGain;
        bool isPaid = round.roundRaised == round.roundAmount;
        if (round.gainSeen > round.totalGain || (isLast && !isPaid)) {
            revert NotExactly(round.roundRaised, round.roundAmount);
        }
        _deficit[id] = round;
        emit Deleveraged(id, round.root, count, round.raised, round.amount);
        if (raised != 0) house.settleFund(round.account, int256(raised));
        if (!isLast) return;
        delete deficitOf[round.account];
        _repaid(round.account);
    }

    /// The gain that the report states of an account that may be asked at all: it is thawed, on the other
    /// side of the deficit's market, and can be worth that much at the feed. Its positions may have moved
    /// within the report's minute: else one winner's dust could stop every page.
    function _gainOf(Deficit memory round, bytes32 account, AccountRisk calldata risk)
        private
        view
        returns (uint256 gain)
    {
        uint256[] memory slots = house.positions(account);
        if (!_isEntitled(round, account, slots)) revert NotEntitled(account);
        bool isGain = risk.account == account && risk.im == NO_REQUIREMENT
            && risk.mm == NO_REQUIREMENT && risk.market == round.market && risk.optionsMtm > 0
            && risk.optionsMtm <= type(int128).max;
        if (!isGain) revert EntryMissing(account);
        gain = uint256(risk.optionsMtm);
        (int256 linear,, int256 optionsMax,) = house.exposureOf(account);
        if (risk.optionsMtm > linear + optionsMax) {
            revert GainTooHigh(account, gain, linear + optionsMax);
        }
    }

    function _isEntitled(Deficit memory round, bytes32 account, uint256[] memory slots)
        private
        view
        returns (bool)
    {
        (int256 net, bool isAny) = _netOf(slots, round.market);
        if (!isAny || house.isFrozen(account)) return false;
        return round.side == 0 || (round.side > 0 ? net < 0 : net > 0);
    }

    /// amount x gain / totalGain, down or up: any two accounts of a round are pro rata to one atom.
    function _requireProRata(Deficit memory round, bytes32 account, uint256 haircut, uint256 gain)
        private
        pure
    {
        if (haircut > round.roundAmount) revert NotProRata(account, haircut, gain);
        uint256 stated = haircut * round.totalGain;
        uint256 due = uint256(round.roundAmount) * gain;
        uint256 off = stated > due ? stated - due : due - stated;
        if (off >= round.totalGain) revert NotProRata(account, haircut, gain);
    }

    function _isRunning(Deficit memory round) private view returns (bool) {
        return round.roundAt != 0 && block.timestamp < round.roundAt + ROUND_TIME;
    }
}
