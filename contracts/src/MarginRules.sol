// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AsianBook} from "./libraries/AsianBook.sol";
import {InstrumentId} from "./libraries/InstrumentId.sol";
import {PositionSlot} from "./libraries/PositionSlot.sol";
import {KIND_BASE, KIND_CALL, KIND_PERP, KIND_PUT} from "./types/Market.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// What an account must hold, from the feed alone: the SIMPLE engine. Exact integer arithmetic that an off-chain engine repeats to the atom, so it reads
/// no storage, calls nobody and knows no time but the one it is given.
///
/// Units. Prices are wads (1e18 settlement units per whole unit), quantities of derivatives are wads,
/// quantities of base are token atoms with the price lifted by `baseUnit`, so that quantity x price is
/// always wad^2. Rounding happens on the price of one unit, against the account: requirements up, equity
/// down. Products and sums are exact; the only other rounding is the last one, `toAtoms`, down.
///
/// Range. Prices and strikes < 2^96, |quantity| < 2^95, baseUnit <= 1e12, at most 20 positions, rates
/// < 2^32: no sum below passes 2^237, which is why the blocks are unchecked.
library MarginRules {
    using InstrumentId for uint160;
    using PositionSlot for uint256;
    using PositionSlot for uint256[];

    /// What the rules need of one market, read once per transaction.
    struct MarketView {
        uint16 id;
        uint256 price; // feed, wad
        int256 fundingIndex; // wad, time included
        uint256 baseUnit; // 10^(18 - decimals of base)
        uint256 sigmaCapPpm;
        uint256 perpInitialPpm;
        uint256 perpMaintenancePpm;
        uint256 baseInitialPpm;
        uint256 baseMaintenancePpm;
    }

    /// An account's positions, each beside its market and the price it is valued at: the feed, or the
    /// fixed price of an option whose expiry price is known. For an Asian option what stands there is the
    /// word of its series' recorded fixings.
    struct Book {
        uint256[] slots;
        uint256[] prices;
        MarketView[] markets;
    }

    /// Without cash, wad^2. initial and maintenance are signed margin: negative = breached.
    struct Margin {
        int256 equity;
        int256 initial;
        int256 maintenance;
        int256 risk; // equity - initial, haircut of base left out: what `maxMarginUsed` bounds the rise of
    }

    /// One (market, expiry) while it is being summed. The charges on S are the same for every option.
    struct Series {
        uint256 key; // market and expiry
        uint256 price;
        uint256 timeValue;
        uint256[] options; // slots by rising strike, the first `count`
        uint256 count;
        uint256 initialCharge;
        uint256 initialFloor;
        uint256 maintenanceCharge;
        int256 shortMarks;
        int256 shortInitial;
        int256 shortMaintenance;
    }

    /// 1 / (2 pi x 31,536,000 s) in 1e36, rounded up: T seconds times this is T/2pi in years.
    uint256 private constant PER_SECOND_WAD2 = 5_046_770_138_631_891_672_021_935_673;
    // where a position's word says its market and expiry, and its strike
    uint256 private constant SERIES = (0xffff << 240) | (0xffffffffff << 192);
    uint256 private constant STRIKE = 0xffffffffffffffffffffffff << 96;
    uint256 private constant WAD = 1e18;
    uint256 private constant PPM = 1e6;

    uint256 private constant INITIAL_PERCENT = 15; // of S, less what the option is out of the money
    uint256 private constant INITIAL_FLOOR_PERCENT = 13;
    uint256 private constant MAINTENANCE_PERCENT = 9; // of S; of the mark for deep puts
    uint256 private constant PUT_INITIAL_PERCENT = 105; // of the put's maintenance
    uint256 private constant NAKED_INITIAL_PERCENT = 120; // of S per naked call
    uint256 private constant NAKED_MAINTENANCE_PERCENT = 110;

    /// SIMPLE over the whole book at `time`. Order of positions does not matter.
    function simple(Book memory book, uint256 time) internal pure returns (Margin memory margin) {
        uint256[] memory slots = book.slots;
        uint256 length = slots.length;
        uint256 counted; // bit i: option i was counted together with its series
        uint256[] memory room;
        unchecked {
            for (uint256 i; i < length; ++i) {
                if (counted >> i & 1 == 1) continue;
                uint256 slot = slots.slotAt(i);
                uint256 kind = slot >> 232 & 0xff;
                if (kind == KIND_PERP) {
                    _addPerp(margin, slot.quantityOf(), book.markets[i]);
                } else if (kind == KIND_BASE) {
                    _addBase(margin, slot.quantityOf(), book.markets[i]);
                } else if (kind > KIND_BASE) {
                    if (slot.quantityOf() < 0) AsianBook.addShort(margin, book, i, time);
                } else {
                    if (room.length == 0) room = new uint256[](length);
                    counted |= _addSeries(margin, book, room, i, time);
                }
            }
        }
    }

    /// Upper bound of what any option is worth above intrinsic: S sigma sqrt(T / 2 pi), up.
    function timeValue(uint256 price, uint256 sigmaCapPpm, uint256 secondsLeft)
        internal
        pure
        returns (uint256)
    {
        if (secondsLeft == 0) return 0;
        unchecked {
            uint256 root = Math.sqrt(secondsLeft * PER_SECOND_WAD2, Math.Rounding.Ceil);
            return ceilDiv(price * sigmaCapPpm * root, WAD * PPM);
        }
    }

    function intrinsic(uint160 instrument, uint256 price) internal pure returns (uint256) {
        uint256 strike = instrument.strikeOf();
        unchecked {
            if (instrument.isCall()) return price > strike ? price - strike : 0;
            return strike > price ? strike - price : 0;
        }
    }

    /// wad^2 to atoms, toward minus infinity: equity and signed margin lose the fraction.
    function toAtoms(int256 wad2, uint256 unit) internal pure returns (int256) {
        unchecked {
            if (wad2 >= 0) return int256(uint256(wad2) / unit);
            return -int256(ceilDiv(uint256(-wad2), unit));
        }
    }

    /// wad^2 to atoms, toward plus infinity: requirements.
    function toAtomsUp(int256 wad2, uint256 unit) internal pure returns (int256) {
        return -toAtoms(-wad2, unit);
    }

    function _addPerp(Margin memory margin, int256 quantity, MarketView memory market)
        private
        pure
    {
        unchecked {
            int256 value = quantity * (int256(market.price) - market.fundingIndex);
            uint256 size = abs(quantity);
            int256 initial = int256(size * ceilDiv(market.price * market.perpInitialPpm, PPM));
            int256 maintenance =
                int256(size * ceilDiv(market.price * market.perpMaintenancePpm, PPM));
            margin.equity += value;
            margin.initial += value - initial;
            margin.maintenance += value - maintenance;
            margin.risk += initial;
        }
    }

    function _addBase(Margin memory margin, int256 quantity, MarketView memory market)
        private
        pure
    {
        unchecked {
            uint256 price = market.price * market.baseUnit;
            margin.equity += quantity * int256(price);
            margin.initial += quantity * int256(price * market.baseInitialPpm / PPM);
            margin.maintenance += quantity * int256(price * market.baseMaintenancePpm / PPM);
        }
    }

    /// The better of two sufficient views of one expiry: every short alone, or the worst payoff of all
    /// of it together with its naked calls charged at S. Both are <= 0, so longs never add equity, and
    /// a series without shorts adds nothing. Returns the series' positions in the book as bits.
    function _addSeries(
        Margin memory margin,
        Book memory book,
        uint256[] memory room,
        uint256 first,
        uint256 time
    ) private pure returns (uint256 counted) {
        uint256 count;
        bool isShort;
        (counted, count, isShort) = _collect(book.slots, room, first);
        if (!isShort) return counted;
        Series memory series = _charged(book, first, time);
        series.options = room;
        series.count = count;
        _addShorts(series);
        unchecked {
            (int256 worst, int256 netCalls) = _worstPayoff(room, count);
            uint256 naked = netCalls < 0 ? uint256(-netCalls) : 0;
            int256 equity = _max(-series.shortMarks, worst - int256(naked * series.price));
            int256 initial = _max(
                -series.shortInitial,
                worst - int256(naked * ceilDiv(series.price * NAKED_INITIAL_PERCENT, 100))
            );
            int256 maintenance = _max(
                -series.shortMaintenance,
                worst - int256(naked * ceilDiv(series.price * NAKED_MAINTENANCE_PERCENT, 100))
            );
            margin.equity += equity;
            margin.initial += initial;
            margin.maintenance += maintenance;
            margin.risk += equity - initial;
        }
    }

    /// Price and time value of position `i`'s series, kept while neighbours are of the same one.
    function open(Series memory series, Book memory book, uint256 i, uint256 time) internal pure {
        uint256 slot = book.slots.slotAt(i);
        if (series.key == slot.seriesOf()) return;
        series.key = slot.seriesOf();
        series.price = book.prices[i];
        series.timeValue =
            timeValue(series.price, book.markets[i].sigmaCapPpm, timeLeft(slot.expiryOf(), time));
    }

    function _charged(Book memory book, uint256 first, uint256 time)
        private
        pure
        returns (Series memory series)
    {
        open(series, book, first, time);
        uint256 price = series.price;
        unchecked {
            series.initialCharge = ceilDiv(price * INITIAL_PERCENT, 100);
            series.initialFloor = ceilDiv(price * INITIAL_FLOOR_PERCENT, 100);
            series.maintenanceCharge = ceilDiv(price * MAINTENANCE_PERCENT, 100);
        }
    }

    /// Gathers the options of position `first`'s series in `options`, by rising strike.
    function _collect(uint256[] memory slots, uint256[] memory options, uint256 first)
        private
        pure
        returns (uint256 counted, uint256 count, bool isShort)
    {
        uint256 length = slots.length;
        uint256 key = slots.slotAt(first) & SERIES;
        unchecked {
            for (uint256 i = first; i < length; ++i) {
                uint256 slot = slots.slotAt(i);
                if (slot & SERIES != key) continue;
                uint256 kind = slot >> 232 & 0xff;
                if (kind != KIND_CALL && kind != KIND_PUT) continue;
                counted |= 1 << i;
                if (int96(uint96(slot)) < 0) isShort = true;
                _insert(options, count++, slot);
            }
        }
    }

    function _insert(uint256[] memory options, uint256 place, uint256 slot) private pure {
        uint256 strike = slot & STRIKE;
        unchecked {
            while (place != 0) {
                uint256 lower = options.slotAt(place - 1);
                if (lower & STRIKE <= strike) break;
                options[place] = lower;
                --place;
            }
            options[place] = slot;
        }
    }

    function _addShorts(Series memory series) private pure {
        uint256 count = series.count;
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 slot = series.options.slotAt(i);
                int256 quantity = slot.quantityOf();
                if (quantity >= 0) continue;
                (uint256 mark, uint256 initial, uint256 maintenance) = _shortUnit(series, slot);
                series.shortMarks -= quantity * int256(mark);
                series.shortInitial -= quantity * int256(initial);
                series.shortMaintenance -= quantity * int256(maintenance);
            }
        }
    }

    /// Mark, initial and maintenance requirement of one short option, each including the mark.
    function _shortUnit(Series memory series, uint256 slot)
        private
        pure
        returns (uint256 mark, uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 price = series.price;
            uint256 strike = slot.strikeOf();
            bool isCall = slot.isCall();
            uint256 above = strike > price ? strike - price : 0;
            uint256 below = price > strike ? price - strike : 0;
            mark = series.timeValue;
            if (!isCall && strike < price) mark = ceilDiv(mark * strike, price);
            mark += isCall ? below : above;
            if (mark > (isCall ? price : strike)) mark = isCall ? price : strike;
            uint256 outOfTheMoney = isCall ? above : below;
            initial = series.initialCharge;
            initial = initial > outOfTheMoney ? initial - outOfTheMoney : 0;
            if (initial < series.initialFloor) initial = series.initialFloor;
            initial += mark;
            maintenance = series.maintenanceCharge;
            if (isCall) return (mark, initial, mark + maintenance);
            uint256 ofMark = ceilDiv(mark * MAINTENANCE_PERCENT, 100);
            maintenance = mark + (ofMark > maintenance ? ofMark : maintenance);
            uint256 deep = ceilDiv(maintenance * PUT_INITIAL_PERCENT, 100);
            if (deep > initial) initial = deep;
        }
    }

    /// Least payoff of the series over the prices {0, strikes}, at most 0, and its net calls. Between
    /// strikes the payoff is linear: from price 0 it falls by one per put, and every strike adds its
    /// quantity to the slope, a call's and a put's alike.
    function _worstPayoff(uint256[] memory options, uint256 count)
        private
        pure
        returns (int256 worst, int256 netCalls)
    {
        int256 payoff; // at price 0: every put pays its strike
        int256 slope; // minus the net puts
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 slot = options.slotAt(i);
                int256 quantity = int96(uint96(slot));
                if (slot >> 232 & 0xff == KIND_CALL) {
                    netCalls += quantity;
                } else {
                    slope -= quantity;
                    payoff += quantity * int256((slot & STRIKE) >> 96);
                }
            }
            if (payoff < 0) worst = payoff;
            uint256 price;
            for (uint256 i; i < count; ++i) {
                uint256 slot = options.slotAt(i);
                uint256 strike = (slot & STRIKE) >> 96;
                payoff += slope * int256(strike - price);
                if (payoff < worst) worst = payoff;
                slope += int96(uint96(slot));
                price = strike;
            }
        }
    }

    /// A put is convex in strike and worthless at strike 0: below S its time value is at most flat x K/S.
    function scaled(uint256 flat, uint160 instrument, uint256 price)
        internal
        pure
        returns (uint256)
    {
        uint256 strike = instrument.strikeOf();
        if (instrument.isCall() || strike >= price) return flat;
        unchecked {
            return ceilDiv(flat * strike, price);
        }
    }

    function timeLeft(uint256 expiry, uint256 time) internal pure returns (uint256) {
        unchecked {
            return expiry > time ? expiry - time : 0;
        }
    }

    function ceilDiv(uint256 numerator, uint256 denominator) internal pure returns (uint256) {
        unchecked {
            return (numerator + denominator - 1) / denominator;
        }
    }

    function abs(int256 x) internal pure returns (uint256) {
        unchecked {
            return uint256(x < 0 ? -x : x);
        }
    }

    function _max(int256 x, int256 y) private pure returns (int256) {
        return x > y ? x : y;
    }
}
