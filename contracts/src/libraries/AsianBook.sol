// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {Asians} from "./Asians.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// The Asian options of a book: what stands beside each of them is the word of its recorded fixings.
library AsianBook {
    using PositionSlot for uint256;
    using PositionSlot for uint256[];

    /// Figures of the option at place `i`.
    function standing(MarginRules.Book memory book, uint256 i, uint256 time)
        internal
        pure
        returns (Asians.Unit memory)
    {
        return unit(book.slots.slotAt(i), book.prices.slotAt(i), book.markets[i], time);
    }

    /// The same of the option that `slot` names, whatever its quantity.
    function unit(uint256 slot, uint256 fixing, MarginRules.MarketView memory market, uint256 time)
        internal
        pure
        returns (Asians.Unit memory)
    {
        return Asians.unit(slot, fixing, market.price, market.sigmaCapPpm, time);
    }

    /// Adds a short one, always alone: its payoff hangs on another variable than its neighbours'.
    function addShort(
        MarginRules.Margin memory margin,
        MarginRules.Book memory book,
        uint256 i,
        uint256 time
    ) internal pure {
        Asians.Unit memory one = standing(book, i, time);
        unchecked {
            int256 quantity = book.slots.slotAt(i).quantityOf();
            int256 initial = quantity * int256(one.initial);
            int256 equity = quantity * int256(one.mark);
            margin.equity += equity;
            margin.initial += initial;
            margin.maintenance += quantity * int256(one.maintenance);
            margin.risk += equity - initial;
        }
    }
}
