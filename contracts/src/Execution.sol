// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checks, Ground, Verdict} from "./Checks.sol";
import {Flows, Held, Progress} from "./Flows.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Legs} from "./libraries/Legs.sol";
import {OutcomeIntent} from "./types/Intent.sol";
import {Item} from "./types/Plan.sol";
import {Mark, Report} from "./types/Report.sol";

/// What the signatures of one item allow.
struct Warrant {
    bytes32 digest;
    bytes32 structHash;
    uint256 fraction;
    bool isMetered;
}

/// Carries out what Settlement found authorised and holds it against the signed bounds: steps 5 to
/// 8 and 10 of `settle`. Linked, for with it Settlement would exceed the size of a contract.
library Execution {
    /// Takes the calldata of `settle` as it is, for encoding it again costs as much gas as checking
    /// it; Settlement appends abi.encode(Ground, Warrant[]) and, in the last word, the length of
    /// that.
    function execute(Item[] calldata items, Report calldata report, bytes[] calldata)
        external
        returns (Verdict[] memory)
    {
        (Ground memory ground, Warrant[] memory warrants) = _appended();
        Held[] memory held = Flows.holdings(items, ground);
        Progress[] memory progress = new Progress[](items.length);
        for (uint256 i; i < items.length; ++i) {
            progress[i] = _begin(items[i], warrants[i], ground);
            Flows.pull(items[i], progress[i]);
            Flows.route(items[i], progress[i]);
        }
        for (uint256 i; i < items.length; ++i) {
            Flows.deliver(items[i], progress[i]);
        }
        Flows.returnResiduals(items, progress, held, ground);
        return _judge(items, progress, report);
    }

    function _appended() private pure returns (Ground memory, Warrant[] memory) {
        uint256 end = msg.data.length - 32;
        uint256 size = uint256(bytes32(msg.data[end:]));
        return abi.decode(msg.data[end - size:end], (Ground, Warrant[]));
    }

    function _begin(Item calldata item, Warrant memory warrant, Ground memory ground)
        private
        view
        returns (Progress memory progress)
    {
        OutcomeIntent calldata intent = item.intent;
        progress.ground = ground;
        progress.account = AccountId.encode(intent.owner, intent.subaccount);
        progress.witness = warrant.structHash;
        progress.moved.fraction = warrant.fraction;
        progress.moved.isMetered = warrant.isMetered;
        progress.moved.fee = item.plan.fee;
        progress.moved.atoms = new uint256[](intent.legs.length);
        progress.moved.roles = Legs.rolesOf(intent.legs);
        if (intent.limits.settlementToken == ground.quoteToken) return progress;
        for (uint256 i; i < intent.legs.length; ++i) {
            if (Legs.isDerivative(progress.moved.roles[i])) {
                revert ISettlement.NotQuoteToken(intent.limits.settlementToken);
            }
        }
        // A mandate's budget is counted in quote atoms, and the fee with it.
        if (warrant.isMetered) revert ISettlement.NotQuoteToken(intent.limits.settlementToken);
    }

    // ---- 10: signed bounds

    function _judge(Item[] calldata items, Progress[] memory progress, Report calldata report)
        private
        view
        returns (Verdict[] memory verdicts)
    {
        // Without validUntil nobody verifies the report: its marks would be the solver's word.
        Mark[] calldata marks = report.marks[:report.validUntil == 0 ? 0 : report.marks.length];
        verdicts = new Verdict[](items.length);
        for (uint256 i; i < items.length; ++i) {
            OutcomeIntent calldata intent = items[i].intent;
            verdicts[i] = Checks.bounds(
                intent.legs,
                intent.limits,
                items[i].plan.fills,
                marks,
                progress[i].moved,
                progress[i].ground
            );
            verdicts[i].isTouching = progress[i].isTouching;
        }
    }
}
