// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {FIXINGS, Market} from "../types/Market.sol";
import {Trade} from "../types/Plan.sol";
import {Fences} from "./Fences.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {Ledger} from "./Ledger.sol";
import {Pricing} from "./Pricing.sol";
import {Seats} from "./Seats.sol";
import {Touched} from "./Touched.sol";

/// Applies one trade: refuses instruments that are not open and prices the feed cannot explain, then
/// moves two positions and the cash between them. Whether both sides can afford it is the gate's matter.
library Trading {
    using InstrumentId for uint160;
    using Seats for Seats.Seat;

    function apply_(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Trade calldata trade,
        Seats.Seat memory a,
        Seats.Seat memory b,
        bool isPaused
    ) internal {
        uint160 instrument = trade.instrument;
        int256 quantity = trade.quantity;
        _requireOpen(instrument);
        if (quantity == 0) revert IClearinghouse.ZeroAmount();
        if (trade.a == trade.b) revert IClearinghouse.SelfTrade(trade.a);
        Pricing.Entry memory entry = Pricing.entryOf(state, desk, instrument.marketOf());
        _requireInBand(state, desk, trade, entry.rules);
        a.requireThawed();
        b.requireThawed();
        int256 paid = _cost(trade, entry.rules.fundingIndex, desk.unit);
        a.addCash(-paid);
        b.addCash(paid);
        int256 opened =
            a.move(instrument, quantity, trade.hintA) + b.move(instrument, -quantity, trade.hintB);
        _moveOpenInterest(state, entry, opened, isPaused);
        emit IClearinghouse.Traded(trade.a, trade.b, instrument, trade.quantity, trade.price, paid);
    }

    /// Open interest of every market traded in goes to storage.
    function close(Ledger.State storage state, Pricing.Desk memory desk) internal {
        for (uint256 i; i < desk.length; ++i) {
            Pricing.Entry memory entry = desk.entries[i];
            if (entry.isTraded) state.openInterest[entry.rules.id] = entry.openInterest;
        }
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
        int256 index = trade.instrument.isPerp()
            ? Pricing.fundingIndex(state, trade.instrument.marketOf())
            : int256(0);
        return _cost(trade, index, unit);
    }

    function _cost(Trade calldata trade, int256 fundingIndex, uint256 unit)
        private
        pure
        returns (int256)
    {
        if (trade.price > type(uint96).max) revert IClearinghouse.PriceOutOfRange(trade.price);
        int256 price = int256(trade.price);
        if (trade.instrument.isPerp()) price -= fundingIndex;
        int256 exact = trade.quantity * price;
        return exact > 0 ? MarginRules.toAtomsUp(exact, unit) : MarginRules.toAtoms(exact, unit);
    }

    /// Long contracts are counted, which is one side of all of them. Closing is always allowed.
    function _moveOpenInterest(
        Ledger.State storage state,
        Pricing.Entry memory entry,
        int256 opened,
        bool isPaused
    ) private view {
        if (opened == 0) return;
        uint16 market = entry.rules.id;
        if (!entry.isTraded) {
            (entry.isTraded, entry.openInterest) = (true, state.openInterest[market]);
        }
        uint256 total = uint256(int256(entry.openInterest) + opened);
        entry.openInterest = total;
        if (opened < 0) return;
        Market memory listed = entry.listed;
        if (isPaused || listed.isReduceOnly) revert IClearinghouse.ReduceOnly(market);
        if (total > listed.openInterestCap) {
            revert IClearinghouse.OpenInterestCap(total, listed.openInterestCap);
        }
    }

    function _requireInBand(
        Ledger.State storage state,
        Pricing.Desk memory desk,
        Trade calldata trade,
        MarginRules.MarketView memory rules
    ) private view {
        uint160 instrument = trade.instrument;
        uint256 lowest;
        uint256 highest;
        if (instrument.isAsian()) {
            uint256 fixing = state.expiries.fixing[instrument.seriesOf()];
            _requireRecorded(instrument, fixing >> 128);
            (lowest, highest) = Fences.bandOfAsian(instrument, fixing, rules, block.timestamp);
        } else {
            uint256 flat =
                instrument.isPerp() ? 0 : Pricing.flatOf(desk, rules, instrument, block.timestamp);
            (lowest, highest) = Fences.band(instrument, rules.price, flat);
        }
        if (trade.price < lowest || trade.price > highest) {
            revert IClearinghouse.PriceBand(instrument, trade.price, lowest, highest);
        }
    }

    /// The feed stands in for a fixing that is due and not recorded, in the band and in what a short must
    /// hold. For one of seven the margin covers that; with more of them two accounts of one hand could
    /// trade at a mean that they know to be wrong, record the fixings, and leave a debt.
    function _requireRecorded(uint160 instrument, uint256 recorded) private view {
        uint40 expiry = instrument.expiryOf();
        unchecked {
            if (recorded + 1 >= FIXINGS) return;
            if (block.timestamp < expiry - (FIXINGS - 2 - recorded) * 1 days) return;
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        revert IClearinghouse.FixingsUnrecorded(instrument.marketOf(), expiry, uint8(recorded));
    }

    /// One id per instrument: fields that a kind does not use must be empty.
    function _requireOpen(uint160 instrument) private view {
        if (instrument.isPerp()) {
            if (instrument != InstrumentId.perp(instrument.marketOf())) {
                revert IClearinghouse.BadInstrument(instrument);
            }
            return;
        }
        bool isKnown = instrument.isOption() || instrument.isAsian();
        if (!isKnown || instrument.strikeOf() == 0) {
            revert IClearinghouse.BadInstrument(instrument);
        }
        uint40 expiry = instrument.expiryOf();
        if (expiry <= block.timestamp) {
            revert IClearinghouse.InstrumentExpired(expiry, block.timestamp);
        }
    }
}
