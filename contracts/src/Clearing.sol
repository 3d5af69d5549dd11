// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checks, Ground, Verdict} from "./Checks.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Limits, OutcomeIntent, Quote} from "./types/Intent.sol";
import {Fill, Item, Outcome, Plan, SOLVER_ACCOUNT, Trade} from "./types/Plan.sol";
import {Report} from "./types/Report.sol";

/// Steps 11 and 12 of `settle`: one list of trades, one gate, and then what each owner bound about
/// the account afterwards.
library Clearing {
    uint256 private constant NONE = type(uint256).max;

    /// Remembers where accounts stand whose owners bound the rise of their requirement.
    function observe(Item[] calldata items, Ground memory ground, Report calldata report) internal {
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            if (intent.limits.maxMarginUsed == NONE) continue;
            ground.clearinghouse.observe(_accountOf(intent), report);
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
        Trade[] memory trades = _trades(items);
        (bytes32[] memory asked, uint16[] memory markets) = _asked(items, ground);
        bool isNeeded = trades.length != 0 || report.validUntil != 0 || asked.length != 0;
        for (uint256 i; i < items.length; ++i) {
            if (verdicts[i].isTouching) isNeeded = true;
        }
        if (isNeeded) {
            _checkOutcomes(
                items, ground.clearinghouse.clear(trades, asked, markets, report, signatures)
            );
        }
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            Checks.holdings(intent.legs, _accountOf(intent), ground);
        }
    }

    function _checkOutcomes(Item[] calldata items, Outcome[] memory outcomes) private pure {
        uint256 next;
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            if (!_isBound(intent.limits)) continue;
            Checks.outcome(
                intent.limits, items[i].plan.fraction, _accountOf(intent), outcomes[next++]
            );
        }
    }

    /// Accounts to answer for, and the market whose delta each owner bound: that of the first leg.
    function _asked(Item[] calldata items, Ground memory ground)
        private
        view
        returns (bytes32[] memory asked, uint16[] memory markets)
    {
        uint256 count;
        for (uint256 i; i < items.length; ++i) {
            if (_isBound(items[i].intent.limits)) ++count;
        }
        asked = new bytes32[](count);
        markets = new uint16[](count);
        count = 0;
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            if (!_isBound(intent.limits)) continue;
            asked[count] = _accountOf(intent);
            if (intent.limits.deltaTolerance != NONE) markets[count] = _marketOf(intent, ground);
            ++count;
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

    function _trades(Item[] calldata items) private view returns (Trade[] memory trades) {
        uint256 count;
        for (uint256 i; i < items.length; ++i) {
            count += items[i].plan.fills.length;
        }
        trades = new Trade[](count);
        count = 0;
        for (uint256 i; i < items.length; ++i) {
            Plan calldata plan = items[i].plan;
            bytes32 owner = _accountOf(items[i].intent);
            Fill[] calldata fills = plan.fills;
            for (uint256 j; j < fills.length; ++j) {
                Fill calldata fill = fills[j];
                bytes32 other = _counterparty(plan, fill);
                if (other == owner) revert ISettlement.SelfTrade(j);
                trades[count++] = _trade(owner, other, fill);
            }
        }
    }

    function _counterparty(Plan calldata plan, Fill calldata fill) private view returns (bytes32) {
        if (fill.quoteIndex == SOLVER_ACCOUNT) {
            return AccountId.encode(msg.sender, plan.solverSubaccount);
        }
        Quote calldata quote = plan.quotes[fill.quoteIndex].quote;
        return AccountId.encode(quote.maker, quote.subaccount);
    }

    function _trade(bytes32 owner, bytes32 other, Fill calldata fill)
        private
        pure
        returns (Trade memory)
    {
        return Trade(
            owner,
            other,
            fill.instrument,
            fill.quantity,
            fill.price,
            fill.hintOwner,
            fill.hintCounterparty
        );
    }

    function _accountOf(OutcomeIntent calldata intent) private pure returns (bytes32) {
        return AccountId.encode(intent.owner, intent.subaccount);
    }
}
