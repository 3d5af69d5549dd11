// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ground, Verdict} from "./Checks.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Outcomes} from "./libraries/Outcomes.sol";
import {Relay} from "./libraries/Relay.sol";
import {Limits, OutcomeIntent, Quote} from "./types/Intent.sol";
import {Fill, Item, Outcome, Plan, SOLVER_ACCOUNT} from "./types/Plan.sol";
import {Report} from "./types/Report.sol";

/// Steps 11 and 12 of `settle`: one list of trades, one gate, and then what each owner bound about
/// the account afterwards.
library Clearing {
    uint256 private constant NONE = type(uint256).max;
    uint256 private constant HEAD = 5; // words of the arguments of `clear`: one offset each
    uint256 private constant TRADE = 7; // words of a trade

    /// Remembers where accounts stand whose owners bound the rise of their requirement.
    function observe(
        Item[] calldata items,
        Ground memory ground,
        Report calldata report,
        bytes[] calldata signatures
    ) internal {
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            if (intent.limits.maxMarginUsed == NONE) continue;
            // account, report; the signatures go along unread
            uint256[] memory head = new uint256[](3);
            head[0] = uint256(_accountOf(intent));
            address house = address(ground.clearinghouse);
            Relay.pass(house, IClearinghouse.observe.selector, head, 1, report, signatures);
        }
    }

    /// The Clearinghouse gates every account touched by itself; asked for are those whose owner
    /// bound the outcome. A swap between wallets needs neither and never calls it.
    function clear(
        Item[] calldata items,
        Verdict[] memory verdicts,
        Ground memory ground,
        Report calldata report,
        bytes[] calldata signatures
    ) internal {
        (uint256 trades, uint256 asked, bool isNeeded) = _count(items, verdicts);
        if (isNeeded || report.validUntil != 0) {
            uint256[] memory words = new uint256[](HEAD + 3 + TRADE * trades + 2 * asked);
            _encode(items, ground, words, trades, asked);
            bytes memory answer = Relay.pass(
                address(ground.clearinghouse),
                IClearinghouse.clear.selector,
                words,
                HEAD - 2,
                report,
                signatures
            );
            if (asked != 0) _checkOutcomes(items, abi.decode(answer, (Outcome[])));
        }
        for (uint256 i; i < items.length; ++i) {
            if (!verdicts[i].isHolding) continue;
            OutcomeIntent calldata intent = items[i].intent;
            Outcomes.holdings(intent.legs, _accountOf(intent), ground);
        }
    }

    function _count(Item[] calldata items, Verdict[] memory verdicts)
        private
        pure
        returns (uint256 trades, uint256 asked, bool isNeeded)
    {
        for (uint256 i; i < items.length; ++i) {
            Item calldata item = items[i];
            trades += item.plan.fills.length;
            if (_isBound(item.intent.limits)) ++asked;
            if (verdicts[i].isTouching) isNeeded = true;
        }
        if (trades + asked != 0) isNeeded = true;
    }

    /// The arguments of `clear`, word for word: trades, who is asked for, in which market; room for
    /// where the report and the signatures are.
    function _encode(
        Item[] calldata items,
        Ground memory ground,
        uint256[] memory words,
        uint256 trades,
        uint256 asked
    ) private view {
        uint256 place = HEAD;
        words[0] = 32 * place;
        words[place++] = trades;
        for (uint256 i; i < items.length; ++i) {
            place = _addTrades(items[i], words, place);
        }
        uint256 markets = place + 1 + asked;
        (words[1], words[2]) = (32 * place, 32 * markets);
        (words[place], words[markets]) = (asked, asked);
        if (asked == 0) return;
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            Limits calldata limits = intent.limits;
            if (!_isBound(limits)) continue;
            words[++place] = uint256(_accountOf(intent));
            words[++markets] = limits.deltaTolerance == NONE ? 0 : _marketOf(intent, ground);
        }
    }

    function _addTrades(Item calldata item, uint256[] memory words, uint256 place)
        private
        view
        returns (uint256)
    {
        Plan calldata plan = item.plan;
        Fill[] calldata fills = plan.fills;
        uint256 length = fills.length;
        if (length == 0) return place;
        bytes32 owner = _accountOf(item.intent);
        for (uint256 j; j < length; ++j) {
            Fill calldata fill = fills[j];
            bytes32 other = _counterparty(plan, fill.quoteIndex);
            if (other == owner) revert ISettlement.SelfTrade(j);
            // A trade: both accounts, and of the fill its instrument, quantity, price and hints, which
            // the Clearinghouse reads as narrowly as they were written.
            assembly ("memory-safe") {
                let trade := add(add(words, 32), mul(place, 32))
                mstore(trade, owner)
                mstore(add(trade, 32), other)
                calldatacopy(add(trade, 64), add(fill, 32), 96)
                calldatacopy(add(trade, 160), add(fill, 160), 64)
            }
            place += TRADE;
        }
        return place;
    }

    function _checkOutcomes(Item[] calldata items, Outcome[] memory outcomes) private pure {
        uint256 next;
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            if (!_isBound(intent.limits)) continue;
            Outcomes.check(
                intent.limits, items[i].plan.fraction, _accountOf(intent), outcomes[next++]
            );
        }
    }

    /// Without a market there is no delta, and a bound on nothing would hold for any position.
    function _marketOf(OutcomeIntent calldata intent, Ground memory ground)
        private
        view
        returns (uint16 market)
    {
        if (intent.legs.length != 0) market = ground.params.marketOf(intent.legs[0].asset);
        if (market == 0) revert ISettlement.DeltaUnattested(_accountOf(intent));
    }

    function _isBound(Limits calldata limits) private pure returns (bool) {
        return
            limits.maxMarginUsed != NONE || limits.minHealth != 0 || limits.deltaTolerance != NONE;
    }

    function _counterparty(Plan calldata plan, uint256 quoteIndex) private view returns (bytes32) {
        if (quoteIndex == SOLVER_ACCOUNT) {
            return AccountId.encode(msg.sender, plan.solverSubaccount);
        }
        Quote calldata quote = plan.quotes[quoteIndex].quote;
        return AccountId.encode(quote.maker, quote.subaccount);
    }

    function _accountOf(OutcomeIntent calldata intent) private pure returns (bytes32) {
        return AccountId.encode(intent.owner, intent.subaccount);
    }
}
