// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {Market} from "../types/Market.sol";
import {Trade} from "../types/Plan.sol";
import {Fences} from "./Fences.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {Ledger} from "./Ledger.sol";
import {Pricing} from "./Pricing.sol";
import {Touched} from "./Touched.sol";

/// Applies one trade: refuses instruments that are not open and prices the feed cannot explain, then
/// moves two positions and the cash between them. Whether both sides can afford it is the gate's matter.
library Trading {
    using InstrumentId for uint160;
    using Ledger for Ledger.State;

    function apply_(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Trade calldata trade,
        bool isPaused
    ) internal {
        uint160 instrument = trade.instrument;
        _requireOpen(instrument);
        if (trade.quantity == 0) revert IClearinghouse.ZeroAmount();
        if (trade.a == trade.b) revert IClearinghouse.SelfTrade(trade.a);
        Pricing.Entry memory entry = Pricing.entryOf(state, desk, instrument.marketOf());
        _requireInBand(trade, entry.rules);
        touch(state, trade.a);
        touch(state, trade.b);
        int256 paid = cost(state, trade, desk.unit);
        state.addCash(trade.a, -paid);
        state.addCash(trade.b, paid);
        int256 opened = _move(state, trade.a, instrument, trade.quantity, trade.hintA)
            + _move(state, trade.b, instrument, -int256(trade.quantity), trade.hintB);
        _moveOpenInterest(state, entry, opened, isPaused);
        emit IClearinghouse.Traded(trade.a, trade.b, instrument, trade.quantity, trade.price, paid);
    }

    /// Every account that a settlement moves is remembered with the cash it had, and gated later.
    function touch(Ledger.State storage state, bytes32 account) internal {
        Ledger.Account memory found = state.account[account];
        if (found.isFrozen) revert IClearinghouse.AccountFrozen(account);
        Touched.add(account, found.cash);
    }

    /// Atoms that `a` pays (negative: receives). The payer's side is rounded up, once, and both sides use
    /// the same integer, so that cash sums to zero.
    function cost(Ledger.State storage state, Trade calldata trade, uint256 unit)
        internal
        view
        returns (int256)
    {
        if (trade.price > type(uint96).max) revert IClearinghouse.PriceOutOfRange(trade.price);
        int256 price = int256(trade.price);
        if (trade.instrument.isPerp()) {
            price -= Pricing.fundingIndex(state, trade.instrument.marketOf());
        }
        int256 exact = trade.quantity * price;
        return exact > 0 ? MarginRules.toAtomsUp(exact, unit) : MarginRules.toAtoms(exact, unit);
    }

    /// Moves a position; returns by how much the account's long side grew.
    function _move(
        Ledger.State storage state,
        bytes32 account,
        uint160 instrument,
        int256 quantity,
        uint8 hint
    ) private returns (int256) {
        (int256 before, int256 afterwards) = state.movePosition(account, instrument, quantity, hint);
        return (afterwards > 0 ? afterwards : int256(0)) - (before > 0 ? before : int256(0));
    }

    /// Long contracts are counted, which is one side of all of them. Closing is always allowed.
    function _moveOpenInterest(
        Ledger.State storage state,
        Pricing.Entry memory entry,
        int256 opened,
        bool isPaused
    ) private {
        if (opened == 0) return;
        uint16 market = entry.rules.id;
        Market memory listed = entry.listed;
        uint256 total = uint256(int256(state.openInterest[market]) + opened);
        state.openInterest[market] = total;
        if (opened < 0) return;
        if (isPaused || listed.isReduceOnly) revert IClearinghouse.ReduceOnly(market);
        if (total > listed.openInterestCap) {
            revert IClearinghouse.OpenInterestCap(total, listed.openInterestCap);
        }
    }

    function _requireInBand(Trade calldata trade, MarginRules.MarketView memory rules)
        private
        view
    {
        (uint256 lowest, uint256 highest) = Fences.band(trade.instrument, rules, block.timestamp);
        if (trade.price < lowest || trade.price > highest) {
            revert IClearinghouse.PriceBand(trade.instrument, trade.price, lowest, highest);
        }
    }

    /// One id per instrument: fields that a kind does not use must be empty.
    function _requireOpen(uint160 instrument) private view {
        if (instrument.isAsian()) revert IClearinghouse.KindNotOpen(instrument.kindOf());
        if (instrument.isPerp()) {
            if (instrument != InstrumentId.perp(instrument.marketOf())) {
                revert IClearinghouse.BadInstrument(instrument);
            }
            return;
        }
        if (!instrument.isOption() || instrument.strikeOf() == 0) {
            revert IClearinghouse.BadInstrument(instrument);
        }
        uint40 expiry = instrument.expiryOf();
        if (expiry <= block.timestamp) {
            revert IClearinghouse.InstrumentExpired(expiry, block.timestamp);
        }
    }
}
