// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// The fences that the feed alone puts around what risk signers may attest and what prices fills may have,
/// so that stolen keys or two colluding accounts are worth little. Same units, range and rounding as the
/// margin rules.
library Fences {
    using InstrumentId for uint160;
    using PositionSlot for uint256;
    using PositionSlot for uint256[];

    /// What attested figures must respect, wad^2.
    struct Fence {
        int256 linear; // perps and base at the feed
        int256 optionsMin; // least and most that the options can be worth
        int256 optionsMax;
        uint256 floor; // least initial requirement
    }

    uint256 private constant BAND_PERCENT = 3; // of S, around what the feed allows
    uint256 private constant FLOOR_PERCENT = 1; // of gross perp and short-option notional

    /// Clamp of attested option value and floor of attested requirement (both linear in positions, so k
    /// stolen keys cannot invent equity beyond what the feed allows).
    function fence(MarginRules.Book memory book, uint256 time)
        internal
        pure
        returns (Fence memory limit)
    {
        (limit.linear, limit.floor) = exposure(book);
        MarginRules.Series memory series;
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot = slots.slotAt(i);
                if (!slot.isOption()) continue;
                MarginRules.open(series, book, i, time);
                _fenceOption(limit, slot, series.price, series.timeValue);
            }
        }
    }

    /// The parts of the fence that need no time value: perps and base at the feed, and the least initial
    /// requirement, one percent of gross perp and short-option notional.
    function exposure(MarginRules.Book memory book)
        internal
        pure
        returns (int256 linear, uint256 floor)
    {
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot = slots.slotAt(i);
                int256 quantity = slot.quantityOf();
                if (slot.isOption()) {
                    if (quantity < 0) floor += uint256(-quantity) * book.prices.slotAt(i);
                    continue;
                }
                MarginRules.MarketView memory market = book.markets[i];
                if (slot.isPerp()) {
                    linear += quantity * (int256(market.price) - market.fundingIndex);
                    floor += MarginRules.abs(quantity) * market.price;
                } else {
                    linear += quantity * int256(market.price * market.baseUnit);
                }
            }
            floor = MarginRules.ceilDiv(floor * FLOOR_PERCENT, 100);
        }
    }

    /// The prices a fill may have. Outside them two colluding accounts could move the vault's money
    /// through one absurd trade.
    function band(uint160 instrument, MarginRules.MarketView memory market, uint256 time)
        internal
        pure
        returns (uint256 lowest, uint256 highest)
    {
        uint256 flat = instrument.isPerp()
            ? 0
            : MarginRules.timeValue(
                market.price, market.sigmaCapPpm, MarginRules.timeLeft(instrument.expiryOf(), time)
            );
        return band(instrument, market.price, flat);
    }

    /// The same when the time value of the instrument's series is known already: an option is worth
    /// its intrinsic value at least, and at most the time value that volatility <= cap allows more.
    function band(uint160 instrument, uint256 price, uint256 flat)
        internal
        pure
        returns (uint256 lowest, uint256 highest)
    {
        unchecked {
            uint256 slack = price * BAND_PERCENT / 100;
            if (instrument.isPerp()) return (price - slack, price + slack);
            lowest = MarginRules.intrinsic(instrument, price);
            highest = lowest + MarginRules.scaled(flat, instrument, price) + slack;
            lowest = lowest > slack ? lowest - slack : 0;
        }
    }

    /// Delta of base and perps in `market`, wad; 0 and not exact when options there add to it.
    function linearDelta(MarginRules.Book memory book, uint16 market)
        internal
        pure
        returns (int256 delta, bool isExact)
    {
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot = slots.slotAt(i);
                if (slot.marketOf() != market) continue;
                if (slot.isOption()) return (0, false);
                int256 quantity = slot.quantityOf();
                delta += slot.isPerp() ? quantity : quantity * int256(book.markets[i].baseUnit);
            }
        }
        return (delta, true);
    }

    /// Adds one option to the fence: a long is worth 0 to the upper bound, a short owes at least its
    /// intrinsic value.
    function _fenceOption(Fence memory limit, uint256 slot, uint256 price, uint256 flat)
        private
        pure
    {
        unchecked {
            uint160 instrument = slot.instrumentOf();
            int256 quantity = slot.quantityOf();
            uint256 inTheMoney = MarginRules.intrinsic(instrument, price);
            uint256 highest = inTheMoney + MarginRules.scaled(flat, instrument, price);
            if (quantity > 0) {
                limit.optionsMax += quantity * int256(highest);
                return;
            }
            limit.optionsMin += quantity * int256(highest);
            limit.optionsMax += quantity * int256(inTheMoney);
        }
    }
}
