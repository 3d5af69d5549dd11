// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {FIXINGS, KIND_ASIAN_CALL, KIND_CALL} from "../types/Market.sol";
import {Ledger} from "./Ledger.sol";
import {PositionSlot} from "./PositionSlot.sol";

/// Pays options out once the price of their series is known. Linked, not inlined: it is called once per
/// account and expiry.
library Payouts {
    using Ledger for Ledger.State;
    using PositionSlot for uint256;

    /// Frees the slots of options whose price is fixed: European ones by the expiry price, Asian ones by
    /// the mean of all fixings. Credits round down, debits up; whole atoms of what that gathers go to
    /// `fund`. Takes and returns the dust, wad^2.
    function settle(
        Ledger.State storage state,
        bytes32 account,
        uint256 unit,
        uint256 dust,
        bytes32 fund
    ) external returns (uint256 rest) {
        uint256[] memory slots = state.positions(account);
        rest = dust;
        for (uint256 i = slots.length; i != 0; --i) {
            uint256 slot = slots[i - 1];
            uint256 price = _priceOf(state, slot);
            if (price != 0) rest += _settle(state, account, i - 1, slot, price, unit);
        }
        if (rest >= unit) {
            state.moveCash(fund, int256(rest / unit));
            rest %= unit;
        }
    }

    /// What the option pays by, 0 while that is not known or for what is no option.
    function _priceOf(Ledger.State storage state, uint256 slot) private view returns (uint256) {
        if (slot.isOption()) return state.expiries.price[slot.seriesOf()];
        if (!slot.isAsian()) return 0;
        uint256 word = state.expiries.fixing[slot.seriesOf()];
        return word >> 128 == FIXINGS ? uint128(word) / FIXINGS : 0;
    }

    /// Removes one option; returns the wad^2 lost to rounding.
    function _settle(
        Ledger.State storage state,
        bytes32 account,
        uint256 index,
        uint256 slot,
        uint256 price,
        uint256 unit
    ) private returns (uint256) {
        int256 quantity = slot.quantityOf();
        int256 value = quantity * int256(_payoff(slot, price));
        int256 cash = MarginRules.toAtoms(value, unit);
        state.remove(account, index);
        state.addCash(account, cash);
        // forge-lint: disable-next-line(unsafe-typecast)
        if (quantity > 0) state.openInterest[uint16(slot.marketOf())] -= uint256(quantity);
        // forge-lint: disable-next-line(unsafe-typecast)
        emit IClearinghouse.ExpirySettled(
            account, slot.instrumentOf(), int96(quantity), price, cash
        );
        return uint256(value - cash * int256(unit));
    }

    function _payoff(uint256 slot, uint256 price) private pure returns (uint256) {
        uint256 strike = slot.strikeOf();
        uint256 kind = slot.kindOf();
        if (kind == KIND_CALL || kind == KIND_ASIAN_CALL) {
            return price > strike ? price - strike : 0;
        }
        return strike > price ? strike - price : 0;
    }
}
