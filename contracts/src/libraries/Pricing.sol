// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {Market} from "../types/Market.sol";
import {Feeds} from "./Feeds.sol";
import {Funding} from "./Funding.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {Ledger} from "./Ledger.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// Puts prices beside positions. A market is read once per call, however many accounts hold it.
library Pricing {
    using InstrumentId for uint160;
    using PositionSlot for uint256;
    using PositionSlot for uint256[];

    /// What one call works with: where parameters are, what an atom is, the markets read so far.
    struct Desk {
        IParams params;
        uint256 unit; // wad^2 per atom of cash
        Entry[] entries;
        uint256 length;
        uint256 series; // whose time value was asked last
        uint256 flat; // that time value
    }

    struct Entry {
        Market listed;
        MarginRules.MarketView rules;
        uint256 openInterest; // as trades move it, once one did
        bool isTraded;
    }

    uint256 private constant MARKETS_AT_FIRST = 4;

    function desk(IParams params, uint256 unit) internal pure returns (Desk memory) {
        return Desk(params, unit, _room(MARKETS_AT_FIRST), 0, 0, 0);
    }

    /// An option past expiry is valued at the fixed price, at the feed until there is one. An Asian one
    /// gets the word of its series' fixings instead of a price.
    function book(Ledger.State storage state, Desk memory self, uint256[] memory slots)
        internal
        view
        returns (MarginRules.Book memory)
    {
        uint256 length = slots.length;
        uint256[] memory prices = new uint256[](length);
        MarginRules.MarketView[] memory markets = _views(length);
        MarginRules.MarketView memory rules;
        assembly ("memory-safe") {
            rules := 0x60 // not followed before the first market is read
        }
        unchecked {
            for (uint256 i; i < length;) {
                // forge-lint: disable-next-line(unsafe-typecast)
                rules = entryOf(state, self, uint16(slots.slotAt(i).marketOf())).rules;
                uint256 fixable;
                (i, fixable) = _fill(slots, prices, markets, i, rules);
                for (; fixable != 0; fixable &= fixable - 1) {
                    _fix(state, slots, prices, fixable & (~fixable + 1));
                }
            }
        }
        return MarginRules.Book(slots, prices, markets);
    }

    /// Prices positions from `i` on by the feed while they are of one market; returns where they end
    /// and, as bits, which are Asian options or past their expiry.
    function _fill(
        uint256[] memory slots,
        uint256[] memory prices,
        MarginRules.MarketView[] memory markets,
        uint256 i,
        MarginRules.MarketView memory rules
    ) private view returns (uint256, uint256 fixable) {
        uint256 price = rules.price;
        assembly ("memory-safe") {
            let length := mload(slots)
            let place := mul(add(i, 1), 32)
            let market := shr(240, mload(add(slots, place)))
            for {} lt(i, length) { i := add(i, 1) } {
                let slot := mload(add(slots, place))
                if iszero(eq(shr(240, slot), market)) { break }
                mstore(add(prices, place), price)
                mstore(add(markets, place), rules)
                let expiry := and(shr(192, slot), 0xffffffffff)
                if expiry {
                    // an option is Asian if its kind, which is byte 2, is above base
                    if or(iszero(lt(timestamp(), expiry)), gt(byte(2, slot), 3)) {
                        fixable := or(fixable, shl(i, 1))
                    }
                }
                place := add(place, 32)
            }
        }
        return (i, fixable);
    }

    /// The fixed price of the expired option that `bit` names, if there is one yet, or the fixings of the
    /// Asian one.
    function _fix(
        Ledger.State storage state,
        uint256[] memory slots,
        uint256[] memory prices,
        uint256 bit
    ) private view {
        uint256 i;
        while (bit >> i != 1) ++i;
        uint256 series = slots[i].seriesOf();
        if (slots[i].isAsian()) {
            prices[i] = state.expiries.fixing[series];
            return;
        }
        uint256 price = state.expiries.price[series];
        if (price != 0) prices[i] = price;
    }

    function entryOf(Ledger.State storage state, Desk memory self, uint16 market)
        internal
        view
        returns (Entry memory)
    {
        uint256 length = self.length;
        for (uint256 i; i < length; ++i) {
            if (self.entries[i].rules.id == market) return self.entries[i];
        }
        if (length == self.entries.length) _grow(self);
        Market memory found = listed(self.params, market);
        Entry memory entry = Entry(found, _rules(state, market, found), 0, false);
        self.entries[length] = entry;
        self.length = length + 1;
        return entry;
    }

    /// Time value of the instrument's series; neighbouring trades mostly share one.
    function flatOf(
        Desk memory self,
        MarginRules.MarketView memory rules,
        uint160 instrument,
        uint256 time
    ) internal pure returns (uint256) {
        if (self.series == instrument.seriesOf()) return self.flat;
        self.series = instrument.seriesOf();
        self.flat = MarginRules.timeValue(
            rules.price, rules.sigmaCapPpm, MarginRules.timeLeft(instrument.expiryOf(), time)
        );
        return self.flat;
    }

    function listed(IParams params, uint16 market) internal view returns (Market memory) {
        Market memory found = params.market(market);
        if (found.base == address(0)) revert IClearinghouse.NoMarket(market);
        return found;
    }

    function fundingIndex(Ledger.State storage state, uint16 market)
        internal
        view
        returns (int256)
    {
        return Funding.indexAt(state.funding[market], block.timestamp);
    }

    function _rules(Ledger.State storage state, uint16 market, Market memory found)
        private
        view
        returns (MarginRules.MarketView memory)
    {
        return MarginRules.MarketView({
            id: market,
            price: Feeds.price(found.feed, found.heartbeat),
            fundingIndex: fundingIndex(state, market),
            baseUnit: 10 ** (18 - found.baseDecimals),
            sigmaCapPpm: found.sigmaCapPpm,
            perpInitialPpm: found.perpInitialPpm,
            perpMaintenancePpm: found.perpMaintenancePpm,
            baseInitialPpm: found.baseInitialPpm,
            baseMaintenancePpm: found.baseMaintenancePpm
        });
    }

    function _grow(Desk memory self) private pure {
        Entry[] memory entries = _room(2 * self.length);
        for (uint256 i; i < self.length; ++i) {
            entries[i] = self.entries[i];
        }
        self.entries = entries;
    }

    /// Pointers that are set before they are followed: an array of structs would be filled with empty
    /// ones first.
    function _room(uint256 length) private pure returns (Entry[] memory entries) {
        uint256[] memory words = new uint256[](length);
        assembly ("memory-safe") {
            entries := words
        }
    }

    function _views(uint256 length) private pure returns (MarginRules.MarketView[] memory views) {
        uint256[] memory words = new uint256[](length);
        assembly ("memory-safe") {
            views := words
        }
    }
}
