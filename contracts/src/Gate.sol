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
import {Relay} from "./libraries/Relay.sol";
import {Reports} from "./libraries/Reports.sol";
import {Seats} from "./libraries/Seats.sol";
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
    using Seats for Seats.Seat;
    using Seats for Seats.Table;

    /// Applies all trades, gates every touched account in the order of touching, answers for the asked.
    /// Takes the calldata of `Clearinghouse.clear` as it is; behind it stand the storage slot of the
    /// state, the parameters' address and the unit.
    function clear(
        Trade[] calldata trades,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report,
        bytes[] calldata
    ) external returns (Outcome[] memory) {
        if (asked.length != markets.length) {
            revert IClearinghouse.LengthMismatch(asked.length, markets.length);
        }
        bool isPlain = asked.length == 0 && report.accounts.length == 0;
        (Ledger.State storage state, Seats.Table memory table) = _laid(2 * trades.length);
        _trade(state, table, trades);
        _gateAll(state, table, trades, report, isPlain);
        return _answer(state, table, asked, markets, report);
    }

    /// The state that the Clearinghouse pointed to, and room for the accounts touched and `most` more.
    function _laid(uint256 most)
        private
        view
        returns (Ledger.State storage state, Seats.Table memory)
    {
        uint256 start = Relay.behind(3);
        state = Ledger.pointed(Relay.word(start, 0));
        IParams params = IParams(address(uint160(Relay.word(start, 1))));
        return (state, Seats.set(state, Pricing.desk(params, Relay.word(start, 2)), most));
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
        Seats.Seat memory seat = Seats.read(state, account, 0);
        _weigh(state, desk, seat, report);
        int256 excess = seat.equity - seat.requirement;
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

    /// Neighbouring trades mostly share an account: the last two seats are looked at first.
    function _trade(Ledger.State storage state, Seats.Table memory table, Trade[] calldata trades)
        private
    {
        uint256 length = trades.length;
        if (length == 0) return;
        bool isPaused = table.desk.params.isPaused();
        Seats.Seat memory a = Seats.take(state, table, trades[0].a);
        Seats.Seat memory b = Seats.take(state, table, trades[0].b);
        for (uint256 i; i < length; ++i) {
            Trade calldata trade = trades[i];
            if (trade.a != a.account) a = Seats.take(state, table, trade.a);
            if (trade.b != b.account) b = Seats.take(state, table, trade.b);
            Trading.apply_(state, table.desk, trade, a, b, isPaused);
        }
        Trading.close(state, table.desk);
    }

    /// Gates what was touched. `isPlain`: nobody asks for figures, so who owes nothing needs none.
    function _gateAll(
        Ledger.State storage state,
        Seats.Table memory table,
        Trade[] calldata trades,
        Report calldata report,
        bool isPlain
    ) private {
        uint256 length = table.length;
        for (uint256 i; i < length; ++i) {
            Seats.Seat memory seat = table.seats[i];
            if (!isPlain || !seat.owesNothing()) {
                _weigh(state, table.desk, seat, report);
                _gate(state, table.desk, seat, trades, report);
            }
            Seats.write(state, seat);
        }
    }

    /// Reverts unless initial margin holds, or was missing before and is missing no more than then.
    /// The state before is judged only when somebody needs it.
    function _gate(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Seats.Seat memory seat,
        Trade[] calldata trades,
        Report calldata report
    ) private {
        int256 excess = seat.equity - seat.requirement;
        bool isObserved = Touched.isObserved(seat.entry);
        if (seat.attested != 0) {
            if (Touched.isReleased(seat.entry)) _requireSimple(state, desk, seat);
            seat.enterPortfolio();
        }
        if (excess >= 0 && !isObserved) return;
        // what an attested account had before is known only if it was observed
        if (seat.attested != 0 && !isObserved) {
            revert IClearinghouse.MarginBreached(seat.account, excess);
        }
        (int256 excessBefore, int256 riskBefore) = _before(state, desk, seat, trades, report);
        if (excess < 0) {
            if (excessBefore >= 0) revert IClearinghouse.MarginBreached(seat.account, excess);
            if (excess < excessBefore) {
                revert IClearinghouse.HealthNotImproved(seat.account, excessBefore, excess);
            }
        }
        if (isObserved) seat.rise = seat.risk - riskBefore;
    }

    /// Collateral leaves at once under SIMPLE only: what attestation alone lets go takes the slow
    /// door of withdrawals, whatever a settlement calls it.
    function _requireSimple(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Seats.Seat memory seat
    ) private view {
        (int256 excess,,) = _simple(state, desk, seat.slots, seat.cashOf());
        if (excess < 0) revert IClearinghouse.MarginBreached(seat.account, excess);
    }

    function _answer(
        Ledger.State storage state,
        Seats.Table memory table,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report
    ) private view returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](asked.length);
        for (uint256 i; i < asked.length; ++i) {
            Seats.Seat memory seat = _weighed(state, table, asked[i], report);
            Outcome memory outcome = outcomes[i];
            outcome.equity = seat.equity;
            outcome.requirement = seat.requirement;
            outcome.marginRise = seat.rise;
            (outcome.netDelta, outcome.deltaKnown) = Fences.linearDelta(seat.book, markets[i]);
            if (outcome.deltaKnown) continue;
            (outcome.netDelta, outcome.deltaKnown) = Reports.deltaOf(report, asked[i], markets[i]);
        }
    }

    /// The account's figures; one that nothing touched is judged now.
    function _weighed(
        Ledger.State storage state,
        Seats.Table memory table,
        bytes32 account,
        Report calldata report
    ) private view returns (Seats.Seat memory) {
        uint256 place = table.placeOf(account);
        if (place != 0) return table.seats[place - 1];
        Seats.Seat memory seat = Seats.read(state, account, 0);
        _weigh(state, table.desk, seat, report);
        return seat;
    }

    /// Equity and requirement of the account as it sits there, by the report or by SIMPLE.
    function _weigh(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Seats.Seat memory seat,
        Report calldata report
    ) private view {
        uint256 unit = desk.unit;
        seat.book = Pricing.book(state, desk, seat.slots);
        seat.attested = Reports.placeOf(report, seat.account, seat.slots);
        if (seat.attested == 0) {
            MarginRules.Margin memory margin = MarginRules.simple(seat.book, block.timestamp);
            int256 equity = MarginRules.toAtoms(margin.equity, unit);
            seat.equity = seat.cashOf() + equity;
            seat.requirement = equity - MarginRules.toAtoms(margin.initial, unit);
            seat.risk = MarginRules.toAtomsUp(margin.risk, unit);
            return;
        }
        AccountRisk calldata risk = report.accounts[seat.attested - 1];
        Fences.Fence memory fence = Fences.fence(seat.book, block.timestamp);
        int256 options = Fences.clamp(
            risk.optionsMtm,
            MarginRules.toAtoms(fence.optionsMin, unit),
            MarginRules.toAtoms(fence.optionsMax, unit)
        );
        seat.equity = seat.cashOf() + MarginRules.toAtoms(fence.linear, unit) + options;
        seat.requirement = Fences.atLeastFloor(risk.im, fence.floor, unit);
        seat.risk = seat.requirement;
    }

    /// Excess and risk as they were before this transaction moved anything, at the prices of now.
    function _before(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Seats.Seat memory seat,
        Trade[] calldata trades,
        Report calldata report
    ) private view returns (int256 excess, int256 risk) {
        MarginRules.Book memory book = Pricing.book(state, desk, _slotsBefore(seat));
        if (seat.attested != 0) {
            int256 earned = seat.cashOf() - seat.cashBefore();
            if (seat.equity < seat.requirement) {
                int256 traded = _tradedAtMarks(seat.account, trades, report);
                earned += MarginRules.toAtoms(traded, desk.unit);
            }
            AccountRisk calldata attested = report.accounts[seat.attested - 1];
            return _attestedBefore(seat, book, attested, earned, desk.unit);
        }
        MarginRules.Margin memory margin = MarginRules.simple(book, block.timestamp);
        excess = seat.cashBefore() + MarginRules.toAtoms(margin.initial, desk.unit);
        risk = MarginRules.toAtomsUp(margin.risk, desk.unit);
    }

    /// Option value is linear in positions: the attested equity before is the one after less what cash,
    /// perps and base gained and what the traded options are worth at the marks of the same report
    /// (`earned`: the parts of cash and options).
    function _attestedBefore(
        Seats.Seat memory seat,
        MarginRules.Book memory book,
        AccountRisk calldata attested,
        int256 earned,
        uint256 unit
    ) private view returns (int256 excess, int256 risk) {
        bytes32 hash = Touched.hashBefore(seat.account);
        // No base moved before the clearing: what it found is what there was.
        if (hash == 0 && Touched.isReported(seat.entry)) hash = Ledger.hash(seat.slotsBefore);
        if (attested.positionsBefore != hash) {
            revert IClearinghouse.StateMoved(seat.account, attested.positionsBefore, hash);
        }
        Fences.Fence memory then_ = Fences.exposure(book);
        risk = Fences.atLeastFloor(attested.imBefore, then_.floor, unit);
        if (seat.equity >= seat.requirement) return (0, risk); // nobody asks for the excess
        int256 linear = Fences.exposure(seat.book).linear - then_.linear;
        excess = seat.equity - earned - MarginRules.toAtoms(linear, unit) - risk;
    }

    /// The positions with this transaction's trades and base moves taken back. Where base moved their
    /// order is lost, which margin does not mind.
    function _slotsBefore(Seats.Seat memory seat) private view returns (uint256[] memory) {
        if (seat.entry == 0) return seat.slotsBefore;
        Touched.Move[] memory moves = Touched.moves();
        if (moves.length == 0) return seat.slotsBefore;
        PositionList.List memory list = PositionList.from(seat.slotsBefore, moves.length);
        for (uint256 i; i < moves.length; ++i) {
            if (moves[i].account != seat.account) continue;
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
            if (quantity == 0 || trades[i].instrument.isPerp()) continue;
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

    function _received(bytes32 account, Trade calldata trade) private pure returns (int256) {
        if (trade.a == account) return trade.quantity;
        return trade.b == account ? -int256(trade.quantity) : int256(0);
    }
}
