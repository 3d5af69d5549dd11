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

    /// What one call works with: where parameters are, what an atom is, the markets read so far.
    struct Desk {
        IParams params;
        uint256 unit; // wad^2 per atom of cash
        Entry[] entries;
        uint256 length;
    }

    struct Entry {
        Market listed;
        MarginRules.MarketView rules;
    }

    uint256 private constant MARKETS_AT_FIRST = 4;

    function desk(IParams params, uint256 unit) internal pure returns (Desk memory) {
        return Desk(params, unit, new Entry[](MARKETS_AT_FIRST), 0);
    }

    /// An option past expiry is valued at the fixed price, at the feed until there is one.
    function book(Ledger.State storage state, Desk memory self, uint256[] memory slots)
        internal
        view
        returns (MarginRules.Book memory priced)
    {
        priced.slots = slots;
        priced.prices = new uint256[](slots.length);
        priced.markets = new MarginRules.MarketView[](slots.length);
        MarginRules.MarketView memory rules;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint160 instrument = slots[i].instrumentOf();
                uint16 market = instrument.marketOf();
                if (rules.id != market) rules = entryOf(state, self, market).rules;
                priced.markets[i] = rules;
                uint256 expiry = instrument.expiryOf();
                uint256 price;
                if (expiry != 0 && expiry <= block.timestamp) {
                    price = state.expiries.price[instrument.seriesOf()];
                }
                priced.prices[i] = price == 0 ? rules.price : price;
            }
        }
    }

    function entryOf(Ledger.State storage state, Desk memory self, uint16 market)
        internal
        view
        returns (Entry memory entry)
    {
        uint256 length = self.length;
        for (uint256 i; i < length; ++i) {
            if (self.entries[i].rules.id == market) return self.entries[i];
        }
        if (length == self.entries.length) _grow(self);
        entry.listed = listed(self.params, market);
        entry.rules = _rules(state, market, entry.listed);
        self.entries[length] = entry;
        self.length = length + 1;
    }

    function listed(IParams params, uint16 market) internal view returns (Market memory found) {
        found = params.market(market);
        if (found.base == address(0)) revert IClearinghouse.NoMarket(market);
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
        Entry[] memory entries = new Entry[](2 * self.length);
        for (uint256 i; i < self.length; ++i) {
            entries[i] = self.entries[i];
        }
        self.entries = entries;
    }
}
