// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checks, Ground, Moved, Verdict} from "./Checks.sol";
import {Flows, Held, Progress} from "./Flows.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Legs, Role} from "./libraries/Legs.sol";
import {Budget} from "./libraries/Mandates.sol";
import {Relay} from "./libraries/Relay.sol";
import {OutcomeIntent} from "./types/Intent.sol";
import {Item} from "./types/Plan.sol";
import {Mark, Report} from "./types/Report.sol";

/// What the signatures of one item allow.
struct Warrant {
    bytes32 digest;
    bytes32 structHash;
    uint256 fraction;
    bool isMetered;
    Budget budget; // of the mandate, when metered
}

/// Carries out what Settlement found authorised and holds it against the signed bounds: steps 5 to
/// 8 and 10 of `settle`. Linked, for with it Settlement would exceed the size of a contract.
library Execution {
    uint256 private constant GROUND = 5; // words of a Ground
    uint256 private constant WARRANT = 3; // words of what is told of a Warrant

    /// Takes the calldata of `settle` as it is, for encoding it again costs as much gas as checking
    /// it. Behind it Settlement puts the words of the Ground and, for each item, its struct hash, the
    /// fraction and whether it is metered.
    function execute(Item[] calldata items, Report calldata report, bytes[] calldata)
        external
        returns (Verdict[] memory)
    {
        uint256 length = items.length;
        uint256 extra = Relay.behind(GROUND + WARRANT * length);
        Ground memory ground = _ground(extra);
        Held memory held = Flows.holdings(items, ground);
        Progress[] memory progress = _room(length);
        for (uint256 i; i < length; ++i) {
            Item calldata item = items[i];
            Progress memory now_ = _begin(item, ground, extra + 32 * (GROUND + WARRANT * i));
            progress[i] = now_;
            Flows.pull(item, now_, held, i == 0);
            Flows.route(item, now_);
        }
        for (uint256 i; i < length; ++i) {
            Flows.deliver(items[i], progress[i]);
        }
        Flows.returnResiduals(items, progress, held, ground);
        return _judge(items, progress, report);
    }

    function _ground(uint256 extra) private pure returns (Ground memory) {
        Ground memory ground;
        assembly ("memory-safe") {
            calldatacopy(ground, extra, 160)
        }
        return ground;
    }

    /// Pointers that are set before they are followed.
    function _room(uint256 length) private pure returns (Progress[] memory progress) {
        uint256[] memory words = new uint256[](length);
        assembly ("memory-safe") {
            progress := words
        }
    }

    function _begin(Item calldata item, Ground memory ground, uint256 warrant)
        private
        view
        returns (Progress memory)
    {
        OutcomeIntent calldata intent = item.intent;
        Role[] memory roles = Legs.rolesOf(intent.legs);
        bool isMetered = Relay.word(warrant, 2) != 0;
        address token = intent.limits.settlementToken;
        if (token != ground.quoteToken) {
            for (uint256 i; i < roles.length; ++i) {
                if (Legs.isDerivative(roles[i])) revert ISettlement.NotQuoteToken(token);
            }
            // A mandate's budget is counted in quote atoms, and the fee with it.
            if (isMetered) revert ISettlement.NotQuoteToken(token);
        }
        return Progress(
            ground,
            AccountId.encode(intent.owner, intent.subaccount),
            bytes32(Relay.word(warrant, 0)),
            Moved(
                roles,
                new uint256[](roles.length),
                Relay.word(warrant, 1),
                item.plan.fee,
                false,
                isMetered
            ),
            false
        );
    }

    // ---- 10: signed bounds

    function _judge(Item[] calldata items, Progress[] memory progress, Report calldata report)
        private
        view
        returns (Verdict[] memory verdicts)
    {
        // Without validUntil nobody verifies the report: its marks would be the solver's word.
        Mark[] calldata marks = report.marks;
        if (report.validUntil == 0) marks = marks[:0];
        uint256[] memory words = new uint256[](items.length);
        assembly ("memory-safe") {
            verdicts := words // pointers that are set before they are followed
        }
        for (uint256 i; i < items.length; ++i) {
            Item calldata item = items[i];
            OutcomeIntent calldata intent = item.intent;
            Progress memory done = progress[i];
            Verdict memory verdict = Checks.bounds(
                intent.legs, intent.limits, item.plan.fills, marks, done.moved, done.ground
            );
            verdict.isTouching = done.isTouching;
            verdicts[i] = verdict;
        }
    }
}
