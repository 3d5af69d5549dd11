// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Params} from "../../src/Params.sol";
import {Settlement} from "../../src/Settlement.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {OutcomeIntent, Quote} from "../../src/types/Intent.sol";
import {Item, Plan, SCHEME_EIP1271, SCHEME_PRESIGN} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";
import {BurningWallet, ShortWallet, Wallet} from "../support/Wallets.sol";

/// Who may settle what, when, and how often.
contract HostileAuthorityTest is FullWorld {
    using AccountId for address;

    // ---- who and when

    function test_hostile_stranger_callerIsNoSolver_NotSolver() public {
        Item[] memory items = one(_item(1));
        vm.expectPartialRevert(ISettlement.NotSolver.selector);
        settlement.settle(items, noReport(), new bytes[](0));
    }

    function test_hostile_solver_beforeTheSeal_NotSealed() public {
        Params open = new Params(guardian, address(0x9401), address(0xA994));
        open.addSolver(solver);
        settlement = new Settlement(open, house, SUNSET);
        refuses(new Item[](0), noReport(), ISettlement.NotSealed.selector);
    }

    function test_hostile_solver_whilePaused_RiskPaused() public {
        vm.prank(guardian);
        params.pause();
        refuses(_item(1), ISettlement.RiskPaused.selector);
    }

    function test_hostile_solver_afterTheSunset_SunsetPassed() public {
        vm.warp(SUNSET + 1);
        refuses(_item(1), ISettlement.SunsetPassed.selector, abi.encode(SUNSET));
    }

    function test_hostile_solver_beforeValidFrom_TooEarly() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.validFrom = uint32(block.timestamp + 1);
        refuses(signed(i, p), ISettlement.TooEarly.selector, abi.encode(NOW + 1));
    }

    function test_hostile_solver_afterValidTo_TooLate() public {
        Item memory item = _item(1);
        vm.warp(item.intent.validTo + 1);
        refuses(item, ISettlement.TooLate.selector, abi.encode(item.intent.validTo));
    }

    function test_hostile_solver_twoIntentsOfOneAccount_OneIntentPerAccount() public {
        refuses(both(_item(1), _item(2)), noReport(), ISettlement.OneIntentPerAccount.selector);
    }

    // ---- epochs and nonces

    function test_hostile_owner_intentOfAnotherEpoch_EpochStale() public {
        Item memory item = _item(1);
        vm.prank(user);
        settlement.cancelAll();
        refuses(item, ISettlement.EpochStale.selector);
        refuses(_item(2 << 192), ISettlement.EpochStale.selector);
    }

    function test_hostile_owner_cancelledIntent_NonceUsed() public {
        Item memory item = _item(1);
        vm.startPrank(user);
        settlement.cancel(1);
        vm.expectPartialRevert(ISettlement.NonceUsed.selector);
        settlement.cancel(1);
        vm.stopPrank();
        refuses(item, ISettlement.NonceUsed.selector);
    }

    /// Under whatever scheme it was signed, an intent runs once.
    function test_hostile_solver_settledIntentUnderEveryScheme_NonceUsed() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        bytes32 digest = settlement.digestOf(i);
        vm.prank(user);
        settlement.presign(digest);
        Item[3] memory items = [signed(i, p), permitted(i, p), Item(i, "", SCHEME_PRESIGN, p)];
        settle(items[0]);
        for (uint256 k; k < items.length; ++k) {
            refuses(items[k], ISettlement.NonceUsed.selector);
        }
    }

    function test_hostile_solver_permit2IntentSettledOnceMore_NonceUsed() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        settle(permitted(i, p));
        refuses(permitted(i, p), ISettlement.NonceUsed.selector);
        refuses(signed(i, p), ISettlement.NonceUsed.selector);
    }

    // ---- partial fills

    function test_hostile_solver_thirdHalfOfAPartialFill_Overfilled() public {
        Item memory item = _half();
        settle(item);
        item.plan.fraction = 0.5e18 + 1;
        refuses(item, ISettlement.Overfilled.selector, abi.encode(0.5e18, 0.5e18 + 1));
        item.plan.fraction = 0;
        refuses(item, ISettlement.Overfilled.selector);
    }

    function test_hostile_solver_filledIntent_Overfilled() public {
        Item memory item = _half();
        settle(item);
        settle(item);
        refuses(item, ISettlement.Overfilled.selector, abi.encode(1e18, 0.5e18));
    }

    function test_hostile_owner_cancelledHalfway_NonceUsed() public {
        Item memory item = _half();
        settle(item);
        vm.prank(user);
        settlement.cancel(1);
        item.plan.fraction = 0.1e18;
        refuses(item, ISettlement.NonceUsed.selector);
    }

    function test_hostile_solver_fractionOfAWholeIntent_NotPartial() public {
        Item memory item = _item(1);
        item.plan.fraction = 0.5e18;
        refuses(item, ISettlement.NotPartial.selector, abi.encode(0.5e18));
    }

    function test_hostile_solver_partlyByPermit2_NotPartial() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.partiallyFillable = true;
        refuses(permitted(i, p), ISettlement.NotPartial.selector);
    }

    function test_hostile_solver_partlyTowardsADelta_PartialDelta() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.partiallyFillable = true;
        i.limits.deltaTolerance = 1e18;
        refuses(signed(i, p), ISettlement.PartialDelta.selector, abi.encode(1e18));
    }

    // ---- signatures

    function test_hostile_stranger_anotherKey_BadSignature() public {
        Item memory item = _item(1);
        item.signature = signature(MAKER_KEY, settlement.digestOf(item.intent));
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    /// The same r and the mirrored s recover the same key: accepted, one signature would be two.
    function test_hostile_stranger_highS_BadSignature() public {
        Item memory item = _item(1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(USER_KEY, settlement.digestOf(item.intent));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        item.signature = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        refuses(item, ISettlement.BadSignature.selector);
        item.signature = abi.encodePacked(r, s, v - 27);
        refuses(item, ISettlement.BadSignature.selector);
    }

    function test_hostile_stranger_ownerZeroByABrokenSignature_BadSignature() public {
        Item memory item = _item(1);
        item.intent.owner = address(0);
        item.signature = new bytes(65);
        refuses(item, ISettlement.BadSignature.selector, abi.encode(address(0)));
    }

    function test_hostile_stranger_nothingPresigned_BadSignature() public {
        Item memory item = _item(1);
        item.scheme = SCHEME_PRESIGN;
        refuses(item, ISettlement.BadSignature.selector);
        bytes32 digest = settlement.digestOf(item.intent);
        vm.prank(maker);
        settlement.presign(digest);
        refuses(item, ISettlement.BadSignature.selector);
    }

    function test_hostile_solver_schemeNobodyKnows_UnknownScheme() public {
        Item memory item = _item(1);
        item.scheme = 5;
        refuses(item, ISettlement.UnknownScheme.selector, abi.encode(5));
    }

    function test_hostile_solver_signedForAnotherChain_BadSignature() public {
        Item memory item = _item(1);
        vm.chainId(31_339);
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    function test_hostile_solver_signedForAnotherContract_BadSignature() public {
        Item memory item = _item(1);
        settlement = new Settlement(params, house, SUNSET);
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    /// Permit2 says so itself: whoever calls it is the spender that must have been signed.
    function test_hostile_solver_permittedToAnotherContractOrAltered_InvalidSigner() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        Item memory item = permitted(i, p);
        bytes4 invalidSigner = bytes4(keccak256("InvalidSigner()"));
        Settlement first = settlement;
        settlement = new Settlement(params, house, SUNSET);
        refuses(item, invalidSigner);
        settlement = first;
        item.intent.limits.maxFee += 1;
        refuses(item, invalidSigner);
    }

    // ---- contracts as owners

    function test_contractOwnerAnswersForItsKey() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = address(new Wallet(user));
        fund(i.owner, 0, 10_000e6, 0);
        Item memory item = signed(i, p);
        item.scheme = SCHEME_EIP1271;
        settle(item);
        vm.assertEq(house.cashOf(i.owner.encode(0)), 6000e6);
    }

    function test_hostile_wallet_SaysNoBurnsOrStutters_BadSignature() public {
        address[3] memory owners =
            [address(new Wallet(maker)), address(new BurningWallet()), address(new ShortWallet())];
        for (uint256 k; k < owners.length; ++k) {
            (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
            i.owner = owners[k];
            Item memory item = signed(i, p);
            item.scheme = SCHEME_EIP1271;
            uint256 gas = gasleft();
            refuses(item, ISettlement.BadSignature.selector);
            vm.assertLe(gas - gasleft(), 500_000);
        }
    }

    // ---- quotes

    function test_hostile_solver_quoteOfOtherTerms_QuoteTerms() public {
        for (uint256 n; n < 6; ++n) {
            (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
            quoted(p, 9);
            Quote memory q = p.quotes[0].quote;
            if (n == 0) q.instrument = call(4400e18);
            if (n == 1) q.price -= 1;
            if (n == 2) q.maxQuantity -= 1;
            if (n == 3) q.solver = address(9);
            if (n == 4) q.solver = address(0);
            if (n == 5) q.makerSells = false;
            p.quotes[0] = offered(q);
            refuses(signed(i, p), ISettlement.QuoteTerms.selector, abi.encode(0));
        }
    }

    function test_hostile_solver_quoteUsedUpWithinTheTransaction_QuoteTerms() public {
        OutcomeIntent memory i = intent("openPerp", legs(perp("buy", 2e18, 2e18)), 1);
        Plan memory p = plan();
        fills(p, 0, perpId(), 1e18, 4000e18);
        quoted(p, 9);
        fills(p, 0, perpId(), 1e18, 4000e18);
        p.fills[1].quoteIndex = 0;
        refuses(signed(i, p), ISettlement.QuoteTerms.selector, abi.encode(1));
    }

    function test_hostile_maker_quoteLateOrTooLong_QuoteExpired() public {
        uint256[2] memory until = [block.timestamp - 1, block.timestamp + 61];
        for (uint256 n; n < 2; ++n) {
            (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
            quoted(p, 9);
            p.quotes[0].quote.validTo = uint32(until[n]);
            p.quotes[0] = offered(p.quotes[0].quote);
            refuses(signed(i, p), ISettlement.QuoteExpired.selector, abi.encode(until[n]));
        }
    }

    function test_hostile_solver_quoteAlteredInAnyUncomparedField_BadSignature() public {
        for (uint256 n; n < 5; ++n) {
            (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
            quoted(p, 9);
            Quote memory q = p.quotes[0].quote;
            if (n == 0) q.maker = user;
            if (n == 1) q.subaccount = 1;
            if (n == 2) q.maxQuantity = 2e18;
            if (n == 3) q.validTo += 1;
            if (n == 4) q.nonce = 10;
            refuses(signed(i, p), ISettlement.BadSignature.selector);
        }
    }

    /// forge-config: default.isolate = true
    function test_hostile_solver_restOfAQuoteInALaterTransaction_NonceUsed() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        p.quotes[0].quote.maxQuantity = 5e18;
        p.quotes[0] = offered(p.quotes[0].quote);
        settle(signed(i, p));
        i.nonce = 2;
        refuses(signed(i, p), ISettlement.NonceUsed.selector, abi.encode(maker, 9));
    }

    function test_hostile_maker_quoteOfAnotherEpoch_EpochStale() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        vm.prank(maker);
        settlement.cancelAll();
        refuses(signed(i, p), ISettlement.EpochStale.selector);
    }

    function test_hostile_maker_ChangesItsMind_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        p.quotes[0].quote.maker = address(new Wallet(user));
        refuses(signed(i, p), ISettlement.BadSignature.selector);
    }

    function test_hostile_solver_tradeWithOneself_SelfTrade() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        p.quotes[0].quote.maker = user;
        p.quotes[0].signature = signature(USER_KEY, settlement.quoteDigest(p.quotes[0].quote));
        refuses(signed(i, p), ISettlement.SelfTrade.selector, abi.encode(0));
    }

    // ---- helpers

    function _item(uint256 nonce) private view returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(nonce);
        return signed(i, p);
    }

    /// Half of ten calls sold, again and again.
    function _half() private view returns (Item memory) {
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        i.partiallyFillable = true;
        Plan memory p = plan();
        p.fraction = 0.5e18;
        fills(p, 0, call(4400e18), -5e18, 120e18);
        return signed(i, p);
    }
}
