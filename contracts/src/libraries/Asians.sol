// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {FIXINGS, KIND_ASIAN_CALL} from "../types/Market.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// What an Asian option can be worth and what a short one must hold, from the feed and the fixings
/// recorded so far. Linked, not inlined: few accounts hold one, and the gate has no room.
///
/// With w the share of fixings still open and S the feed, A = recorded part + w S is what the mean comes
/// to if the price stays. The option is a mean of w-weighted European payoffs on later and later fixings
/// (Jensen), so it is worth at least intrinsic(A) and at most w S sigma sqrt(T / 2 pi) more.
library Asians {
    using PositionSlot for uint256;

    /// Of one unit, wad. Requirements include the mark.
    struct Unit {
        uint256 lowest; // intrinsic
        uint256 highest;
        uint256 mark;
        uint256 initial;
        uint256 maintenance;
    }

    uint256 private constant INITIAL_PERCENT = 15;
    uint256 private constant INITIAL_FLOOR_PERCENT = 13;
    uint256 private constant MAINTENANCE_PERCENT = 9;
    uint256 private constant PUT_INITIAL_PERCENT = 105;

    /// `slot` names the option (its quantity is ignored), `fixing` is the series' word of recorded
    /// fixings. Moneyness is measured by A. The charges are of S, not of w S: the same until averaging
    /// begins, then the greater, which also covers a fixing that is due and not yet recorded, whose price
    /// the feed stands in for. A rounds up for calls and down for puts: what the option may be worth.
    function unit(uint256 slot, uint256 fixing, uint256 price, uint256 sigmaCapPpm, uint256 time)
        external
        pure
        returns (Unit memory found)
    {
        unchecked {
            bool isCall = slot.kindOf() == KIND_ASIAN_CALL;
            uint256 strike = slot.strikeOf();
            uint256 open = FIXINGS - (fixing >> 128);
            uint256 mean = uint128(fixing) + open * price;
            mean = isCall ? MarginRules.ceilDiv(mean, FIXINGS) : mean / FIXINGS;
            uint256 above = strike > mean ? strike - mean : 0;
            uint256 below = mean > strike ? mean - strike : 0;
            found.lowest = isCall ? below : above;
            uint256 left = MarginRules.timeLeft(slot.expiryOf(), time);
            uint256 flat = MarginRules.timeValue(price, sigmaCapPpm, left);
            found.highest = found.lowest + MarginRules.ceilDiv(flat * open, FIXINGS);
            uint256 mark = isCall ? mean : strike;
            if (mark > found.highest) mark = found.highest;
            found.mark = mark;
            _charge(found, price, isCall ? above : below, isCall);
        }
    }

    /// As `MarginRules` charges a European option.
    function _charge(Unit memory found, uint256 price, uint256 outOfTheMoney, bool isCall)
        private
        pure
    {
        uint256 mark = found.mark;
        unchecked {
            uint256 initial = MarginRules.ceilDiv(price * INITIAL_PERCENT, 100);
            initial = initial > outOfTheMoney ? initial - outOfTheMoney : 0;
            uint256 least = MarginRules.ceilDiv(price * INITIAL_FLOOR_PERCENT, 100);
            initial = mark + (initial > least ? initial : least);
            uint256 maintenance = MarginRules.ceilDiv(price * MAINTENANCE_PERCENT, 100);
            if (!isCall) {
                uint256 ofMark = MarginRules.ceilDiv(mark * MAINTENANCE_PERCENT, 100);
                if (ofMark > maintenance) maintenance = ofMark;
                least = MarginRules.ceilDiv((mark + maintenance) * PUT_INITIAL_PERCENT, 100);
                if (least > initial) initial = least;
            }
            (found.initial, found.maintenance) = (initial, mark + maintenance);
        }
    }
}
