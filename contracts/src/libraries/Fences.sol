// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {KIND_BASE, KIND_CALL, KIND_PERP, KIND_PUT} from "../types/Market.sol";
import {AsianBook} from "./AsianBook.sol";
import {Asians} from "./Asians.sol";
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
        uint256 gross; // perp and short-option notional
        uint256 floor; // least initial requirement: a percent of that
    }

    uint256 private constant BAND_PERCENT = 3; // of S, around what the feed allows
    int256 private constant MONEY_MAX = type(int128).max;
    uint256 private constant FLOOR_PERCENT = 1; // of gross perp and short-option notional

    /// Clamp of attested option value and floor of attested requirement (both linear in positions, so k
    /// stolen keys cannot invent equity beyond what the feed allows).
    function fence(MarginRules.Book memory book, uint256 time)
        internal
        pure
        returns (Fence memory limit)
    {
        MarginRules.Series memory series;
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot;
                assembly ("memory-safe") {
                    slot := mload(add(slots, mul(add(i, 1), 32)))
                }
                uint256 kind = slot >> 232 & 0xff;
                if (kind != KIND_CALL && kind != KIND_PUT) {
                    if (kind > KIND_BASE) _fenceAsian(limit, book, i, time);
                    else _addLinear(limit, slot, book.markets[i]);
                    continue;
                }
                if (series.key != (slot >> 240 << 40 | (slot >> 192 & 0xffffffffff))) {
                    MarginRules.open(series, book, i, time);
                }
                _fenceOption(limit, slot, series.price, series.timeValue);
            }
            limit.floor = MarginRules.ceilDiv(limit.gross * FLOOR_PERCENT, 100);
        }
    }

    /// The parts of the fence that need no time value: perps and base at the feed, and the least initial
    /// requirement, one percent of gross perp and short-option notional.
    function exposure(MarginRules.Book memory book) internal pure returns (Fence memory limit) {
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        unchecked {
            for (uint256 i; i < length; ++i) {
                uint256 slot = slots.slotAt(i);
                int256 quantity = int96(uint96(slot));
                uint256 kind = slot >> 232 & 0xff;
                if (kind == KIND_PERP || kind == KIND_BASE) {
                    _addLinear(limit, slot, book.markets[i]);
                } else if (quantity < 0) {
                    uint256 price = kind > KIND_BASE ? book.markets[i].price : book.prices.slotAt(i);
                    limit.gross += uint256(-quantity) * price;
                }
            }
            limit.floor = MarginRules.ceilDiv(limit.gross * FLOOR_PERCENT, 100);
        }
    }

    /// The attested requirement in atoms, never below the floor.
    function atLeastFloor(uint256 attested, uint256 floorWad2, uint256 unit)
        internal
        pure
        returns (int256)
    {
        int256 floor = MarginRules.toAtomsUp(int256(floorWad2), unit);
        int256 asked = attested > uint256(MONEY_MAX) ? MONEY_MAX : int256(attested);
        return asked > floor ? asked : floor;
    }

    function clamp(int256 x, int256 lowest, int256 highest) internal pure returns (int256) {
        if (x < lowest) return lowest;
        return x > highest ? highest : x;
    }

    /// A perp or base at the feed.
    function _addLinear(Fence memory limit, uint256 slot, MarginRules.MarketView memory market)
        private
        pure
    {
        int256 quantity = int96(uint96(slot));
        unchecked {
            if (slot >> 232 & 0xff == KIND_PERP) {
                limit.linear += quantity * (int256(market.price) - market.fundingIndex);
                limit.gross += MarginRules.abs(quantity) * market.price;
            } else {
                limit.linear += quantity * int256(market.price * market.baseUnit);
            }
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

    /// The same of an Asian option, with the word of its series' recorded fixings.
    function bandOfAsian(
        uint160 instrument,
        uint256 fixing,
        MarginRules.MarketView memory market,
        uint256 time
    ) internal pure returns (uint256 lowest, uint256 highest) {
        Asians.Unit memory one = AsianBook.unit(uint256(instrument) << 96, fixing, market, time);
        unchecked {
            uint256 slack = market.price * BAND_PERCENT / 100;
            lowest = one.lowest > slack ? one.lowest - slack : 0;
            highest = one.highest + slack;
        }
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
                if (!slot.isPerp() && !slot.isBase()) return (0, false);
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
            int256 quantity = int96(uint96(slot));
            uint256 strike = slot >> 96 & 0xffffffffffffffffffffffff;
            uint256 inTheMoney;
            if (slot >> 232 & 0xff == KIND_CALL) {
                if (price > strike) inTheMoney = price - strike;
            } else if (strike > price) {
                inTheMoney = strike - price;
            } else {
                flat = (flat * strike + price - 1) / price; // as `MarginRules.scaled`
            }
            int256 highest = int256(inTheMoney + flat);
            if (quantity > 0) {
                limit.optionsMax += quantity * highest;
                return;
            }
            limit.gross += uint256(-quantity) * price;
            limit.optionsMin += quantity * highest;
            limit.optionsMax += quantity * int256(inTheMoney);
        }
    }

    /// As `_fenceOption`.
    function _fenceAsian(Fence memory limit, MarginRules.Book memory book, uint256 i, uint256 time)
        private
        pure
    {
        Asians.Unit memory one = AsianBook.standing(book, i, time);
        unchecked {
            int256 quantity = book.slots.slotAt(i).quantityOf();
            if (quantity > 0) {
                limit.optionsMax += quantity * int256(one.highest);
                return;
            }
            limit.gross += uint256(-quantity) * book.markets[i].price;
            limit.optionsMin += quantity * int256(one.highest);
            limit.optionsMax += quantity * int256(one.lowest);
        }
    }
}
