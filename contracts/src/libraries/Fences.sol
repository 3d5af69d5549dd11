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
        uint256 length = book.slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot = book.slots[i];
                if (!slot.instrumentOf().isOption()) continue;
                MarginRules.open(series, book, i, time);
                _fenceOption(limit, series, slot.instrumentOf(), slot.quantityOf());
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
        uint256 length = book.slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint160 instrument = book.slots[i].instrumentOf();
                int256 quantity = book.slots[i].quantityOf();
                if (instrument.isOption()) {
                    if (quantity < 0) floor += uint256(-quantity) * book.prices[i];
                    continue;
                }
                MarginRules.MarketView memory market = book.markets[i];
                if (instrument.isPerp()) {
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
        unchecked {
            uint256 slack = market.price * BAND_PERCENT / 100;
            if (instrument.isPerp()) return (market.price - slack, market.price + slack);
            (lowest, highest) = optionRange(instrument, market.price, market.sigmaCapPpm, time);
            lowest = lowest > slack ? lowest - slack : 0;
            highest += slack;
        }
    }

    /// Delta of base and perps in `market`, wad; 0 and not exact when options there add to it.
    function linearDelta(MarginRules.Book memory book, uint16 market)
        internal
        pure
        returns (int256 delta, bool isExact)
    {
        uint256 length = book.slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint160 instrument = book.slots[i].instrumentOf();
                if (instrument.marketOf() != market) continue;
                if (instrument.isOption()) return (0, false);
                int256 quantity = book.slots[i].quantityOf();
                delta += instrument.isPerp()
                    ? quantity
                    : quantity * int256(book.markets[i].baseUnit);
            }
        }
        return (delta, true);
    }

    /// Intrinsic value at price S, and intrinsic plus the most time value that volatility <= cap allows.
    function optionRange(uint160 instrument, uint256 price, uint256 sigmaCapPpm, uint256 time)
        internal
        pure
        returns (uint256 inTheMoney, uint256 highest)
    {
        unchecked {
            uint256 flat = MarginRules.timeValue(
                price, sigmaCapPpm, MarginRules.timeLeft(instrument.expiryOf(), time)
            );
            inTheMoney = MarginRules.intrinsic(instrument, price);
            highest = inTheMoney + MarginRules.scaled(flat, instrument, price);
        }
    }

    /// Adds one option to the fence: a long is worth 0 to the upper bound, a short owes at least its
    /// intrinsic value.
    function _fenceOption(
        Fence memory limit,
        MarginRules.Series memory series,
        uint160 instrument,
        int256 quantity
    ) private pure {
        unchecked {
            uint256 inTheMoney = MarginRules.intrinsic(instrument, series.price);
            uint256 highest =
                inTheMoney + MarginRules.scaled(series.timeValue, instrument, series.price);
            if (quantity > 0) {
                limit.optionsMax += quantity * int256(highest);
                return;
            }
            limit.optionsMin += quantity * int256(highest);
            limit.optionsMax += quantity * int256(inTheMoney);
        }
    }
}
