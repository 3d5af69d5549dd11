// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {InstrumentId} from "./libraries/InstrumentId.sol";
import {PositionSlot} from "./libraries/PositionSlot.sol";
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
    /// fixed price of an option whose expiry price is known.
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

    /// One (market, expiry) while it is being summed.
    struct Series {
        uint256 key; // market and expiry
        uint256 price;
        uint256 timeValue;
        uint256[] options; // slots by rising strike, the first `count`
        uint256 count;
        int256 netCalls;
        int256 netPuts;
        int256 putsAtZero; // sum of quantity x strike over puts: their payoff at price 0
        int256 shortMarks;
        int256 shortInitial;
        int256 shortMaintenance;
    }

    /// 1 / (2 pi x 31,536,000 s) in 1e36, rounded up: T seconds times this is T/2pi in years.
    uint256 private constant PER_SECOND_WAD2 = 5_046_770_138_631_891_672_021_935_673;
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
        uint256 length = book.slots.length;
        uint256 counted; // bit i: option i was counted together with its series
        for (uint256 i; i < length; ++i) {
            uint160 instrument = book.slots[i].instrumentOf();
            if (instrument.isPerp()) {
                _addPerp(margin, book.slots[i].quantityOf(), book.markets[i]);
            } else if (instrument.isBase()) {
                _addBase(margin, book.slots[i].quantityOf(), book.markets[i]);
            } else if ((counted >> i) & 1 == 0) {
                Series memory series;
                counted |= _collect(series, book, i, time);
                _addSeries(margin, series);
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
    /// of it together with its naked calls charged at S. Both are <= 0, so longs never add equity.
    function _addSeries(Margin memory margin, Series memory series) private pure {
        unchecked {
            int256 worst = _worstPayoff(series);
            uint256 naked = series.netCalls < 0 ? uint256(-series.netCalls) : 0;
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
        uint160 instrument = book.slots[i].instrumentOf();
        if (series.key == instrument.seriesOf()) return;
        series.key = instrument.seriesOf();
        series.price = book.prices[i];
        series.timeValue = timeValue(
            series.price, book.markets[i].sigmaCapPpm, timeLeft(instrument.expiryOf(), time)
        );
    }

    /// Gathers the options of position `first`'s series; returns their positions in the book as bits.
    function _collect(Series memory series, Book memory book, uint256 first, uint256 time)
        private
        pure
        returns (uint256 counted)
    {
        open(series, book, first, time);
        uint256 key = series.key;
        uint256 length = book.slots.length;
        series.options = new uint256[](length - first);
        unchecked {
            for (uint256 i = first; i < length; ++i) {
                uint256 slot = book.slots[i];
                uint160 instrument = slot.instrumentOf();
                if (instrument.seriesOf() != key || !instrument.isOption()) continue;
                counted |= 1 << i;
                _insert(series, slot, instrument.strikeOf());
                _addOption(series, instrument, slot.quantityOf());
            }
        }
    }

    function _insert(Series memory series, uint256 slot, uint256 strike) private pure {
        uint256[] memory options = series.options;
        uint256 place = series.count;
        unchecked {
            while (place != 0) {
                uint256 lower = options[place - 1];
                if (lower.instrumentOf().strikeOf() <= strike) break;
                options[place] = lower;
                --place;
            }
            options[place] = slot;
            ++series.count;
        }
    }

    function _addOption(Series memory series, uint160 instrument, int256 quantity) private pure {
        unchecked {
            if (instrument.isCall()) {
                series.netCalls += quantity;
            } else {
                series.netPuts += quantity;
                series.putsAtZero += quantity * int256(instrument.strikeOf());
            }
            if (quantity >= 0) return;
            (uint256 mark, uint256 initial, uint256 maintenance) =
                _shortUnit(instrument, series.price, series.timeValue);
            series.shortMarks -= quantity * int256(mark);
            series.shortInitial -= quantity * int256(initial);
            series.shortMaintenance -= quantity * int256(maintenance);
        }
    }

    /// Mark, initial and maintenance requirement of one short option, each including the mark.
    function _shortUnit(uint160 instrument, uint256 price, uint256 flat)
        private
        pure
        returns (uint256 mark, uint256 initial, uint256 maintenance)
    {
        unchecked {
            uint256 strike = instrument.strikeOf();
            bool isCall = instrument.isCall();
            mark = Math.min(
                intrinsic(instrument, price) + scaled(flat, instrument, price),
                isCall ? price : strike
            );
            uint256 outOfTheMoney = isCall
                ? (strike > price ? strike - price : 0)
                : (price > strike ? price - strike : 0);
            initial = ceilDiv(price * INITIAL_PERCENT, 100);
            initial = initial > outOfTheMoney ? initial - outOfTheMoney : 0;
            initial = mark + Math.max(initial, ceilDiv(price * INITIAL_FLOOR_PERCENT, 100));
            maintenance = ceilDiv(price * MAINTENANCE_PERCENT, 100);
            if (isCall) return (mark, initial, mark + maintenance);
            maintenance = mark + Math.max(maintenance, ceilDiv(mark * MAINTENANCE_PERCENT, 100));
            initial = Math.max(initial, ceilDiv(maintenance * PUT_INITIAL_PERCENT, 100));
        }
    }

    /// Least payoff of the series over the prices {0, strikes}, at most 0. Between strikes the payoff is
    /// linear: from price 0 it falls by one per put, and every strike adds its quantity to the slope,
    /// a call's and a put's alike.
    function _worstPayoff(Series memory series) private pure returns (int256 worst) {
        uint256[] memory options = series.options;
        uint256 count = series.count;
        int256 payoff = series.putsAtZero;
        int256 slope = -series.netPuts;
        uint256 price;
        unchecked {
            if (payoff < 0) worst = payoff;
            for (uint256 i; i < count; ++i) {
                uint256 slot = options[i];
                uint256 strike = slot.instrumentOf().strikeOf();
                payoff += slope * int256(strike - price);
                if (payoff < worst) worst = payoff;
                slope += slot.quantityOf();
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
