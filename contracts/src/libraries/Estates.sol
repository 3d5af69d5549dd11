// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Gate} from "../Gate.sol";
import {MarginRules} from "../MarginRules.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {NO_HINT} from "../types/Plan.sol";
import {Report} from "../types/Report.sol";
import {AccountId} from "./AccountId.sol";
import {Fences} from "./Fences.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {Ledger} from "./Ledger.sol";
import {PositionSlot} from "./PositionSlot.sol";
import {Pricing} from "./Pricing.sol";
import {Relay} from "./Relay.sol";
import {Reports} from "./Reports.sol";
import {Slices} from "./Slices.sol";

/// How a frozen account changes hands. A linked library on the clearinghouse's storage: whoever calls
/// its doors was asked for his role there, the rest is checked here.
library Estates {
    using InstrumentId for uint160;
    using Ledger for Ledger.State;
    using PositionSlot for uint256;

    /// Takes the calldata of `Clearinghouse.seize` as it is; behind it stand the storage slot of the
    /// state, the parameters' address and the unit. The report was verified by the auction.
    function seize(bytes32 from, bytes32 to, uint256 fraction, int256 cash, Report calldata report)
        external
    {
        uint256 start = Relay.behind(3);
        Ledger.State storage state = Ledger.pointed(Relay.word(start, 0));
        if (!state.account[from].isFrozen) revert IClearinghouse.NotFrozen(from);
        if (state.account[to].isFrozen) revert IClearinghouse.AccountFrozen(to);
        _movePositions(state, from, to, fraction);
        state.moveCash(from, -cash);
        state.moveCash(to, cash);
        Ledger.Account storage taker = state.account[to];
        bool isAttested = Reports.placeOf(report, to, state.positions(to)) != 0;
        if (isAttested && !taker.hasEnteredPortfolio) {
            taker.hasEnteredPortfolio = true;
            emit IClearinghouse.PortfolioEntered(to);
        }
        IParams params = IParams(address(uint160(Relay.word(start, 1))));
        Gate.requireWithout(state, params, Relay.word(start, 2), to, 0, 0, report);
    }

    /// Between the fund and an account: the fund pays (+) only frozen ones and only what it has; it is
    /// paid (-) by frozen ones and by those with positions.
    function settleFund(bytes32 account, int256 amount) external {
        Ledger.State storage state = Ledger.pointed(Relay.word(Relay.behind(3), 0));
        Ledger.Account memory party = state.account[account];
        bytes32 fund = AccountId.encode(address(this), 0);
        if (!party.isFrozen && (amount > 0 || party.count == 0)) {
            revert IClearinghouse.NotFrozen(account);
        }
        int256 held = state.account[fund].cash;
        if (amount > 0 && held < amount) revert IClearinghouse.FundEmpty(uint256(amount), held);
        state.moveCash(fund, -amount);
        state.moveCash(account, amount);
    }

    /// What the feed alone says about the account, in atoms.
    function exposureOf(Ledger.State storage state, IParams params, uint256 unit, bytes32 account)
        external
        view
        returns (int256 linear, int256 optionsMin, int256 optionsMax, uint256 floor)
    {
        Pricing.Desk memory desk = Pricing.desk(params, unit);
        MarginRules.Book memory book = Pricing.book(state, desk, state.positions(account));
        Fences.Fence memory fence = Fences.fence(book, block.timestamp);
        linear = state.account[account].cash + MarginRules.toAtoms(fence.linear, unit);
        optionsMin = MarginRules.toAtoms(fence.optionsMin, unit);
        optionsMax = MarginRules.toAtoms(fence.optionsMax, unit);
        floor = uint256(Fences.atLeastFloor(0, fence.floor, unit));
    }

    /// From the last slot to the first: what swap and pop moves was dealt with. Contracts change hands or
    /// close against the taker's, so the long side never grows and no cap is asked.
    function _movePositions(Ledger.State storage state, bytes32 from, bytes32 to, uint256 fraction)
        private
    {
        uint256[] memory slots = state.positions(from);
        for (uint256 i = slots.length; i != 0; --i) {
            uint160 instrument = slots[i - 1].instrumentOf();
            int256 quantity = Slices.share(slots[i - 1].quantityOf(), fraction);
            if (quantity == 0) continue;
            int256 grown =
                _move(state, from, instrument, -quantity) + _move(state, to, instrument, quantity);
            if (grown != 0 && !instrument.isBase()) {
                uint16 market = instrument.marketOf();
                state.openInterest[market] = uint256(int256(state.openInterest[market]) + grown);
            }
            // forge-lint: disable-next-line(unsafe-typecast)
            emit IClearinghouse.Seized(from, to, instrument, int96(quantity));
        }
    }

    /// Returns by how much the account's long side grew.
    function _move(Ledger.State storage state, bytes32 account, uint160 instrument, int256 quantity)
        private
        returns (int256)
    {
        (int256 before, int256 afterwards) =
            state.movePosition(account, instrument, quantity, NO_HINT);
        return (afterwards > 0 ? afterwards : int256(0)) - (before > 0 ? before : int256(0));
    }
}
