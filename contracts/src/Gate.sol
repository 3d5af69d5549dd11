// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "./MarginRules.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IParams} from "./interfaces/IParams.sol";
import {Fences} from "./libraries/Fences.sol";
import {InstrumentId} from "./libraries/InstrumentId.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {PositionList} from "./libraries/PositionList.sol";
import {PositionSlot} from "./libraries/PositionSlot.sol";
import {Pricing} from "./libraries/Pricing.sol";
import {Reports} from "./libraries/Reports.sol";
import {Touched} from "./libraries/Touched.sol";
import {Trading} from "./libraries/Trading.sol";
import {Outcome, Trade} from "./types/Plan.sol";
import {AccountRisk, Report} from "./types/Report.sol";

/// Judges accounts once all trades of a transaction are applied: intermediate states do not count, so the
/// order of intents inside a batch does not matter. An account in a report is judged by the attested
/// figures inside the fence of the feed, any other by SIMPLE. A linked library on the clearinghouse's
/// storage: together they would not fit one contract.
library Gate {
    using InstrumentId for uint160;
    using Ledger for Ledger.State;
    using PositionList for PositionList.List;
    using PositionSlot for uint256;

    /// An account as it stands. Atoms; equity - requirement negative = breached.
    struct Standing {
        bytes32 account;
        int256 equity;
        int256 requirement;
        int256 risk; // the requirement, haircut of base left out: its rise is `marginRise`
        int256 rise; // of risk since observed; 0 when nobody observed
        uint256 attested; // place in the report plus one; 0 = SIMPLE
        MarginRules.Book book;
    }

    int256 private constant MONEY_MAX = type(int128).max;

    /// Applies all trades, gates every touched account in the order of touching, answers for the asked.
    function clear(
        Ledger.State storage state,
        IParams params,
        uint256 unit,
        Trade[] calldata trades,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report
    ) external returns (Outcome[] memory) {
        Pricing.Desk memory desk = Pricing.desk(params, unit);
        bool isPaused = trades.length != 0 && params.isPaused();
        for (uint256 i; i < trades.length; ++i) {
            Trading.apply_(state, desk, trades[i], isPaused);
        }
        bool isPlain = asked.length == 0 && report.accounts.length == 0;
        Standing[] memory standings = _gateAll(state, desk, trades, report, isPlain);
        return _answer(state, desk, asked, markets, report, standings);
    }

    /// SIMPLE excess as if `amount` of `base` (cash when 0) had left the account.
    function excessWithout(
        Ledger.State storage state,
        IParams params,
        uint256 unit,
        bytes32 account,
        uint160 base,
        uint256 amount
    ) external view returns (int256 excess) {
        if (state.owesNothing(account, base == 0 ? int256(amount) : int256(0))) {
            return 0;
        }
        uint256[] memory slots = state.positions(account);
        int256 cash = state.account[account].cash;
        if (base == 0) cash -= int256(amount);
        for (uint256 i; i < slots.length; ++i) {
            if (slots[i].instrumentOf() == base) slots[i] -= amount; // lowest bits: the quantity
        }
        (excess,,) = _simple(state, Pricing.desk(params, unit), slots, cash);
    }

    /// Reverts unless the account holds its requirement as it stands, less `amount` of `base` (cash
    /// when 0) that is still to leave.
    function requireWithout(
        Ledger.State storage state,
        IParams params,
        uint256 unit,
        bytes32 account,
        uint160 base,
        uint256 amount,
        Report calldata report
    ) external view {
        Pricing.Desk memory desk = Pricing.desk(params, unit);
        Standing memory standing = _standing(state, desk, account, report);
        int256 excess = standing.equity - standing.requirement;
        excess -= int256(_value(state, desk, base, amount));
        if (excess < 0) revert IClearinghouse.MarginBreached(account, excess);
    }

    /// Atoms of cash that `amount` of `base` (cash when 0) is worth at the feed, up.
    function valueOf(
        Ledger.State storage state,
        IParams params,
        uint256 unit,
        uint160 base,
        uint256 amount
    ) external view returns (uint256) {
        return _value(state, Pricing.desk(params, unit), base, amount);
    }

    function simple(Ledger.State storage state, IParams params, uint256 unit, bytes32 account)
        external
        view
        returns (int256 im, int256 mm, int256 equity)
    {
        int256 cash = state.account[account].cash;
        return _simple(state, Pricing.desk(params, unit), state.positions(account), cash);
    }

    function preview(
        Ledger.State storage state,
        IParams params,
        uint256 unit,
        bytes32 account,
        Trade[] calldata trades
    ) external view returns (int256 im, int256 mm, int256 equity, bytes32 hash) {
        PositionList.List memory list = PositionList.from(state.positions(account), trades.length);
        int256 cash = state.account[account].cash;
        for (uint256 i; i < trades.length; ++i) {
            int256 quantity = _received(account, trades[i]);
            if (quantity == 0) continue;
            list.add(trades[i].instrument, quantity);
            int256 paid = Trading.cost(state, trades[i], unit);
            cash -= trades[i].a == account ? paid : -paid;
        }
        uint256[] memory slots = list.toArray();
        hash = Ledger.hash(slots);
        (im, mm, equity) = _simple(state, Pricing.desk(params, unit), slots, cash);
    }

    /// Gates what was touched. `isPlain`: nobody asks for figures, so who owes nothing needs none.
    function _gateAll(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Trade[] calldata trades,
        Report calldata report,
        bool isPlain
    ) private returns (Standing[] memory standings) {
        standings = new Standing[](Touched.length());
        for (uint256 i; i < standings.length; ++i) {
            bytes32 account = Touched.accountAt(i);
            if (isPlain && state.owesNothing(account, 0)) continue;
            standings[i] = _standing(state, desk, account, report);
            standings[i].rise = _gate(state, desk, standings[i], trades, report);
        }
    }

    /// Reverts unless initial margin holds, or was missing before and is missing no more than then.
    /// The state before is rebuilt only when somebody needs it.
    function _gate(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Standing memory standing,
        Trade[] calldata trades,
        Report calldata report
    ) private returns (int256 rise) {
        bytes32 account = standing.account;
        int256 excess = standing.equity - standing.requirement;
        bool isObserved = Touched.isObserved(account);
        if (standing.attested != 0 && Touched.isReleased(account)) {
            _requireSimple(state, desk, standing);
        }
        if (standing.attested != 0 && !state.account[account].hasEnteredPortfolio) {
            state.account[account].hasEnteredPortfolio = true;
        }
        if (excess >= 0 && !isObserved) return 0;
        // what an attested account had before is known only if it was observed
        if (standing.attested != 0 && !isObserved) {
            revert IClearinghouse.MarginBreached(account, excess);
        }
        (int256 excessBefore, int256 riskBefore) = _before(state, desk, standing, trades, report);
        if (excess < 0) {
            if (excessBefore >= 0) revert IClearinghouse.MarginBreached(account, excess);
            if (excess < excessBefore) {
                revert IClearinghouse.HealthNotImproved(account, excessBefore, excess);
            }
        }
        return isObserved ? standing.risk - riskBefore : int256(0);
    }

    /// Collateral leaves at once under SIMPLE only: what attestation alone lets go takes the slow
    /// door of withdrawals, whatever a settlement calls it.
    function _requireSimple(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Standing memory standing
    ) private view {
        int256 cash = state.account[standing.account].cash;
        (int256 excess,,) = _simple(state, desk, standing.book.slots, cash);
        if (excess < 0) revert IClearinghouse.MarginBreached(standing.account, excess);
    }

    function _answer(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report,
        Standing[] memory standings
    ) private view returns (Outcome[] memory outcomes) {
        if (asked.length != markets.length) {
            revert IClearinghouse.LengthMismatch(asked.length, markets.length);
        }
        outcomes = new Outcome[](asked.length);
        for (uint256 i; i < asked.length; ++i) {
            uint256 place = Touched.placeOf(asked[i]);
            Standing memory standing =
                place == 0 ? _standing(state, desk, asked[i], report) : standings[place - 1];
            Outcome memory outcome = outcomes[i];
            outcome.equity = standing.equity;
            outcome.requirement = standing.requirement;
            outcome.marginRise = standing.rise;
            (outcome.netDelta, outcome.deltaKnown) = Fences.linearDelta(standing.book, markets[i]);
            if (outcome.deltaKnown) continue;
            (outcome.netDelta, outcome.deltaKnown) = Reports.deltaOf(report, asked[i], markets[i]);
        }
    }

    function _standing(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        bytes32 account,
        Report calldata report
    ) private view returns (Standing memory standing) {
        uint256 unit = desk.unit;
        int256 cash = state.account[account].cash;
        MarginRules.Book memory book = Pricing.book(state, desk, state.positions(account));
        standing.account = account;
        standing.book = book;
        standing.attested = Reports.placeOf(report, account, book.slots);
        if (standing.attested == 0) {
            MarginRules.Margin memory margin = MarginRules.simple(book, block.timestamp);
            int256 equity = MarginRules.toAtoms(margin.equity, unit);
            standing.equity = cash + equity;
            standing.requirement = equity - MarginRules.toAtoms(margin.initial, unit);
            standing.risk = MarginRules.toAtomsUp(margin.risk, unit);
            return standing;
        }
        AccountRisk calldata risk = report.accounts[standing.attested - 1];
        Fences.Fence memory fence = Fences.fence(book, block.timestamp);
        int256 options = _clamp(
            risk.optionsMtm,
            MarginRules.toAtoms(fence.optionsMin, unit),
            MarginRules.toAtoms(fence.optionsMax, unit)
        );
        standing.equity = cash + MarginRules.toAtoms(fence.linear, unit) + options;
        standing.requirement = _atLeastFloor(risk.im, fence.floor, unit);
        standing.risk = standing.requirement;
    }

    /// Excess and risk as they were before this transaction moved anything, at the prices of now.
    function _before(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Standing memory standing,
        Trade[] calldata trades,
        Report calldata report
    ) private view returns (int256 excess, int256 risk) {
        MarginRules.Book memory book = Pricing.book(state, desk, _slotsBefore(standing, trades));
        if (standing.attested == 0) {
            MarginRules.Margin memory margin = MarginRules.simple(book, block.timestamp);
            excess = Touched.cashBefore(standing.account)
                + MarginRules.toAtoms(margin.initial, desk.unit);
            return (excess, MarginRules.toAtomsUp(margin.risk, desk.unit));
        }
        int256 earned = state.account[standing.account].cash - Touched.cashBefore(standing.account);
        if (standing.equity < standing.requirement) {
            int256 traded = _tradedAtMarks(standing.account, trades, report);
            earned += MarginRules.toAtoms(traded, desk.unit);
        }
        return
            _attestedBefore(
                standing, book, report.accounts[standing.attested - 1], earned, desk.unit
            );
    }

    /// Option value is linear in positions: the attested equity before is the one after less what cash,
    /// perps and base gained and what the traded options are worth at the marks of the same report
    /// (`earned`: the parts of cash and options).
    function _attestedBefore(
        Standing memory standing,
        MarginRules.Book memory book,
        AccountRisk calldata attested,
        int256 earned,
        uint256 unit
    ) private view returns (int256 excess, int256 risk) {
        bytes32 hash = Touched.hashBefore(standing.account);
        if (attested.positionsBefore != hash) {
            revert IClearinghouse.StateMoved(standing.account, attested.positionsBefore, hash);
        }
        (int256 linear, uint256 floor) = Fences.exposure(book);
        risk = _atLeastFloor(attested.imBefore, floor, unit);
        if (standing.equity >= standing.requirement) return (0, risk); // nobody asks for the excess
        (int256 linearNow,) = Fences.exposure(standing.book);
        excess = standing.equity - earned - MarginRules.toAtoms(linearNow - linear, unit) - risk;
    }

    /// The positions with this transaction's trades and base moves taken back. Their order is lost,
    /// which margin does not mind.
    function _slotsBefore(Standing memory standing, Trade[] calldata trades)
        private
        view
        returns (uint256[] memory)
    {
        bytes32 account = standing.account;
        Touched.Move[] memory moves = Touched.moves();
        PositionList.List memory list =
            PositionList.from(standing.book.slots, trades.length + moves.length);
        for (uint256 i; i < trades.length; ++i) {
            int256 quantity = _received(account, trades[i]);
            if (quantity != 0) list.add(trades[i].instrument, -quantity);
        }
        for (uint256 i; i < moves.length; ++i) {
            if (moves[i].account != account) continue;
            list.add(moves[i].slot.instrumentOf(), -moves[i].slot.quantityOf());
        }
        return list.toArray();
    }

    /// wad^2 of the options this transaction brought the account, at the attested marks.
    function _tradedAtMarks(bytes32 account, Trade[] calldata trades, Report calldata report)
        private
        pure
        returns (int256 value)
    {
        for (uint256 i; i < trades.length; ++i) {
            int256 quantity = _received(account, trades[i]);
            if (quantity == 0 || !trades[i].instrument.isOption()) continue;
            value += quantity * int256(Reports.markOf(report, trades[i].instrument));
        }
    }

    function _simple(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        uint256[] memory slots,
        int256 cash
    ) private view returns (int256 im, int256 mm, int256 equity) {
        MarginRules.Margin memory margin =
            MarginRules.simple(Pricing.book(state, desk, slots), block.timestamp);
        im = cash + MarginRules.toAtoms(margin.initial, desk.unit);
        mm = cash + MarginRules.toAtoms(margin.maintenance, desk.unit);
        equity = cash + MarginRules.toAtoms(margin.equity, desk.unit);
    }

    function _value(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        uint160 base,
        uint256 amount
    ) private view returns (uint256) {
        if (base == 0) return amount;
        MarginRules.MarketView memory rules = Pricing.entryOf(state, desk, base.marketOf()).rules;
        int256 value = int256(amount * rules.price * rules.baseUnit);
        return uint256(MarginRules.toAtomsUp(value, desk.unit));
    }

    function _atLeastFloor(uint256 attested, uint256 floorWad2, uint256 unit)
        private
        pure
        returns (int256)
    {
        int256 floor = MarginRules.toAtomsUp(int256(floorWad2), unit);
        int256 asked = attested > uint256(MONEY_MAX) ? MONEY_MAX : int256(attested);
        return asked > floor ? asked : floor;
    }

    function _received(bytes32 account, Trade calldata trade) private pure returns (int256) {
        if (trade.a == account) return trade.quantity;
        return trade.b == account ? -int256(trade.quantity) : int256(0);
    }

    function _clamp(int256 x, int256 lowest, int256 highest) private pure returns (int256) {
        if (x < lowest) return lowest;
        return x > highest ? highest : x;
    }
}
