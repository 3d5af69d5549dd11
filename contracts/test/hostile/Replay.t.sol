// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "../../src/Settlement.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Leg, OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan, SCHEME_PRESIGN} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Good signatures in the wrong place: another field, account, owner, chain or contract.
contract HostileReplayTest is FullWorld {
    function test_hostile_solver_anySignedFieldAltered_BadSignature() public {
        for (uint256 n; n < 28; ++n) {
            (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
            Item memory item = signed(i, p);
            if (n < 12) _alterLeg(item.intent.legs[1], n);
            else if (n < 20) _alterLimit(item.intent, n - 12);
            else _alterIntent(item.intent, n - 20);
            refuses(item, ISettlement.BadSignature.selector);
        }
    }

    function test_hostile_solver_legRemovedOrExchanged_BadSignature() public {
        for (uint256 n; n < 2; ++n) {
            (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
            Item memory item = signed(i, p);
            Leg[] memory l = item.intent.legs;
            item.intent.legs = n == 0 ? legs(l[0], l[1]) : legs(l[0], l[2], l[1]);
            refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
        }
    }

    function test_hostile_solver_otherReceiver_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Item memory item = signed(i, p);
        item.intent.receiver = solver;
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    function test_hostile_solver_otherReceiverOfAPermit_InvalidSigner() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        Item memory item = permitted(i, p);
        item.intent.receiver = solver;
        refuses(item, bytes4(keccak256("InvalidSigner()")));
    }

    function test_hostile_solver_replayOnAnotherSubaccount_BadSignature() public {
        fund(user, 1, 10_000e6, 0);
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Item memory item = signed(i, p);
        settle(item);
        (item.intent.subaccount, item.intent.nonce) = (1, 2);
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    function test_hostile_solver_pullsFromAnotherOwnersCollateral_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Item memory item = signed(i, p);
        item.intent.owner = maker;
        refuses(item, ISettlement.BadSignature.selector, abi.encode(maker));
    }

    function test_hostile_solver_presignatureOfAnotherIntent_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        bytes32 digest = settlement.digestOf(i);
        vm.prank(user);
        settlement.presign(digest);
        i.legs[1].quantityMin = 0;
        refuses(Item(i, "", SCHEME_PRESIGN, p), ISettlement.BadSignature.selector);
    }

    function test_hostile_solver_presignatureOnAnotherContract_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        bytes32 digest = settlement.digestOf(i);
        vm.prank(user);
        settlement.presign(digest);
        settlement = new Settlement(params, house, SUNSET);
        refuses(Item(i, "", SCHEME_PRESIGN, p), ISettlement.BadSignature.selector);
    }

    function test_hostile_solver_permitOnAnotherChain_InvalidSigner() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        Item memory item = permitted(i, p);
        vm.chainId(1);
        refuses(item, bytes4(keccak256("InvalidSigner()")));
    }

    function test_hostile_solver_permitAsASignatureForCollateral_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        Item memory item = permitted(i, p);
        item.scheme = 0;
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    // ---- quotes

    function test_hostile_solver_quoteOfAnotherChain_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        uint256 here = block.chainid;
        vm.chainId(1);
        quoted(p, 9);
        vm.chainId(here);
        refuses(signed(i, p), ISettlement.BadSignature.selector, abi.encode(maker));
    }

    function test_hostile_solver_quoteOfAnotherContract_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        Settlement ours = settlement;
        settlement = new Settlement(params, house, SUNSET);
        quoted(p, 9);
        settlement = ours;
        refuses(signed(i, p), ISettlement.BadSignature.selector, abi.encode(maker));
    }

    function test_hostile_solver_quoteBoundToAnotherSolver_QuoteTerms() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        p.quotes[0].quote.solver = address(0x502);
        p.quotes[0] = offered(p.quotes[0].quote);
        refuses(signed(i, p), ISettlement.QuoteTerms.selector, abi.encode(0));
    }

    function test_hostile_solver_quoteOverfilledAcrossItems_QuoteTerms() public {
        (OutcomeIntent memory a, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 50);
        p.quotes[0].quote.maxQuantity = 2e18 - 1;
        p.quotes[0] = offered(p.quotes[0].quote);
        (OutcomeIntent memory b, Plan memory q) = perpBuy(2, 4000e18);
        (q.quotes, q.fills[0].quoteIndex, b.subaccount) = (p.quotes, 0, 1);
        fund(user, 1, 10_000e6, 0);
        Item[] memory items = both(signed(a, p), signed(b, q));
        refuses(items, noReport(), ISettlement.QuoteTerms.selector, abi.encode(0));
    }

    // ---- one field each

    function _alterLeg(Leg memory l, uint256 n) private view {
        if (n == 0) l.kind = "perp";
        if (n == 1) l.asset = address(dai);
        if (n == 2) l.side = "buy";
        if (n == 3) l.right = "put";
        if (n == 4) l.strikeMin -= 1;
        if (n == 5) l.strikeMax += 1;
        if (n == 6) l.expiryMin -= 1;
        if (n == 7) l.expiryMax += 1;
        if (n == 8) l.quantityMin -= 1;
        if (n == 9) l.quantityMax += 1;
        if (n == 10) l.limitPrice = 1;
        if (n == 11) l.chainId = block.chainid;
    }

    function _alterLimit(OutcomeIntent memory i, uint256 n) private view {
        if (n == 0) i.limits.settlementToken = address(dai);
        if (n == 1) i.limits.maxNetCost += 1;
        if (n == 2) i.limits.maxFee += 1;
        if (n == 3) i.limits.maxSlippageBps -= 1;
        if (n == 4) i.limits.targetDelta += 1;
        if (n == 5) i.limits.deltaTolerance -= 1;
        if (n == 6) i.limits.maxMarginUsed -= 1;
        if (n == 7) i.limits.minHealth += 1;
    }

    function _alterIntent(OutcomeIntent memory i, uint256 n) private pure {
        if (n == 0) i.subaccount = 1;
        if (n == 1) i.receiver = address(1);
        if (n == 2) i.outcome = "sellOption";
        if (n == 3) i.partiallyFillable = true;
        if (n == 4) i.validFrom = 1;
        if (n == 5) i.validTo += 1;
        if (n == 6) i.nonce = 2;
        if (n == 7) i.appData = bytes32("other");
    }
}
