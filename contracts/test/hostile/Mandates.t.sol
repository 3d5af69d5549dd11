// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "../../src/Settlement.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Mandate, OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan, SCHEME_MANDATE} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// What an agent can do with what the owner granted, and nothing more.
contract HostileMandatesTest is FullWorld {
    function test_agentOpensAPerpWithinTheMandate() public {
        Mandate memory m = _mandate();
        settle(_perp(1, 4010e18, m));
        uint256 word = settlement.metered(user, settlement.mandateDigest(m));
        vm.assertEq(word >> 224, block.timestamp / 1 days);
        vm.assertEq(uint112(word >> 112), 4000e6);
        vm.assertEq(uint112(word), 10e6);
    }

    function test_agentSwapsWithinTheMandate() public {
        Mandate memory m = _mandate();
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.limits.maxSlippageBps = 50;
        (i.limits.maxMarginUsed, i.limits.minHealth) = (1000e6, 1e18);
        settle(mandated(i, p, m));
        uint256 word = settlement.metered(user, settlement.mandateDigest(m));
        vm.assertEq(uint112(word >> 112), 4000e6);
    }

    function test_budgetIsNewEveryDay() public {
        Mandate memory m = _mandate();
        m.notionalPerDay = 4000e6;
        settle(_perp(1, 4000e18, m));
        refuses(_perp(2, 4000e18, m), ISettlement.ScopeExceeded.selector);
        vm.warp(block.timestamp + 1 days);
        feed.set(4000e8);
        settle(_perp(3, 4000e18, m));
    }

    // ---- every field that the owner granted binds the agent

    function test_hostile_agent_anotherOwnersMandate_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.owner = maker;
        _exceeds(mandated(i, p, m), "owner", uint160(user), uint160(maker));
    }

    function test_hostile_agent_anotherSubaccount_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.subaccount = 1;
        _exceeds(mandated(i, p, m), "subaccount", 0, 1);
    }

    function test_hostile_agent_beforeItsTime_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.validFrom = uint32(NOW + 1);
        _exceeds(mandated(i, p, m), "validFrom", NOW + 1, NOW);
    }

    function test_hostile_agent_afterItsTime_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.validTo = uint32(NOW - 1);
        _exceeds(mandated(i, p, m), "validTo", NOW, NOW - 1);
    }

    function test_hostile_agent_moneyToAReceiver_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.receiver = user;
        _exceeds(mandated(i, p, m), "receiver", uint160(user), 0);
    }

    function test_hostile_agent_anotherOutcome_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.outcome = "closePerp";
        _exceeds(mandated(i, p, m), "outcomes", 0, 2);
    }

    function test_hostile_agent_nothingGranted_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.outcomes = new string[](0);
        _exceeds(mandated(i, p, m), "outcomes", 0, 0);
    }

    function test_hostile_agent_anotherAsset_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.legs[0].asset = address(dai);
        _exceeds(mandated(i, p, m), "assets", 0, 2);
    }

    function test_hostile_agent_looserSlippage_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.limits.maxSlippageBps = 101;
        _exceeds(mandated(i, p, m), "maxSlippageBps", 101, 100);
    }

    function test_hostile_agent_looserMargin_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.limits.maxMarginUsed = 1000e6 + 1;
        _exceeds(mandated(i, p, m), "maxMarginUsed", 1000e6 + 1, 1000e6);
    }

    function test_hostile_agent_looserHealth_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.limits.minHealth = 1e18 - 1;
        _exceeds(mandated(i, p, m), "minHealth", 1e18, 1e18 - 1);
    }

    function test_hostile_agent_moreNotionalThanADay_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.notionalPerDay = 4000e6 - 1;
        _exceeds(mandated(i, p, m), "notionalPerDay", 4000e6, 4000e6 - 1);
    }

    function test_hostile_agent_moreLossThanADay_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        m.lossPerDay = 10e6 - 1;
        _exceeds(mandated(i, p, m), "lossPerDay", 10e6, 10e6 - 1);
    }

    function test_hostile_agent_withdrawLeg_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        i.legs[0] = leg("collateral", address(weth), "withdraw", 1, 1);
        _exceeds(mandated(i, p, m), "withdraw", 0, 0);
    }

    function test_hostile_agent_slippageBoundByNothing_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        (i.limits.maxSlippageBps, m.maxSlippageBps) = (type(uint32).max, type(uint32).max);
        _exceeds(mandated(i, p, m), "maxSlippageBps", type(uint32).max, type(uint32).max - 1);
    }

    function test_hostile_agent_mandateOfAnotherContract_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        Settlement first = settlement;
        settlement = new Settlement(params, house, SUNSET);
        bytes memory byOwner = signature(USER_KEY, settlement.mandateDigest(m));
        settlement = first;
        bytes memory byAgent = signature(AGENT_KEY, settlement.digestOf(i));
        Item memory item = Item(i, abi.encode(m, byOwner, byAgent), SCHEME_MANDATE, p);
        refuses(item, ISettlement.BadSignature.selector, abi.encode(user));
    }

    function test_hostile_agent_budgetOfTwoSubaccountsAtOnce_ScopeExceeded() public {
        (OutcomeIntent memory i, Plan memory p, Mandate memory m) = _granted();
        (i.subaccount, i.nonce) = (1, 2);
        _exceeds(mandated(i, p, m), "subaccount", 1, 0);
    }

    function test_hostile_agent_budgetByManySmallOnes_ScopeExceeded() public {
        Mandate memory m = _mandate();
        m.lossPerDay = 25e6;
        settle(_perp(1, 4010e18, m));
        settle(_perp(2, 4010e18, m));
        refuses(_perp(3, 4010e18, m), ISettlement.ScopeExceeded.selector);
    }

    function test_hostile_agent_feeIsALoss_ScopeExceeded() public {
        Mandate memory m = _mandate();
        (OutcomeIntent memory i, Plan memory p) = _openPerp(1, 4010e18);
        m.lossPerDay = 11e6;
        p.fee = 2e6;
        refuses(mandated(i, p, m), ISettlement.ScopeExceeded.selector);
    }

    function test_hostile_owner_revokedMandate_ScopeExceeded() public {
        Mandate memory m = _mandate();
        bytes32 digest = settlement.mandateDigest(m);
        vm.prank(user);
        settlement.revoke(digest);
        refuses(_perp(1, 4000e18, m), ISettlement.ScopeExceeded.selector);
    }

    function test_hostile_owner_mandateCancelledByItsNonce_NonceUsed() public {
        Mandate memory m = _mandate();
        vm.prank(user);
        settlement.cancel(m.nonce);
        refuses(_perp(1, 4000e18, m), ISettlement.NonceUsed.selector);
    }

    function test_hostile_agent_mandateOfAnotherEpoch_EpochStale() public {
        Mandate memory m = _mandate();
        m.nonce |= 1 << 192;
        refuses(_perp(1, 4000e18, m), ISettlement.EpochStale.selector);
    }

    function test_hostile_agent_mandateForgedOrAgentForged_BadSignature() public {
        Mandate memory m = _mandate();
        (OutcomeIntent memory i, Plan memory p) = _openPerp(1, 4000e18);
        bytes memory byOwner = signature(USER_KEY, settlement.mandateDigest(m));
        bytes memory byAgent = signature(AGENT_KEY, settlement.digestOf(i));
        Item memory item = Item(i, abi.encode(m, byAgent, byAgent), SCHEME_MANDATE, p);
        refuses(item, ISettlement.BadSignature.selector);
        item.signature = abi.encode(m, byOwner, byOwner);
        refuses(item, ISettlement.BadSignature.selector);
        m.lossPerDay += 1;
        item.signature = abi.encode(m, byOwner, byAgent);
        refuses(item, ISettlement.BadSignature.selector);
    }

    function test_hostile_agent_mandateInAnotherSettlementToken_NotQuoteToken() public {
        Mandate memory m = _mandate();
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.limits.settlementToken = address(weth);
        i.limits.maxSlippageBps = 50;
        (i.limits.maxMarginUsed, i.limits.minHealth) = (1000e6, 1e18);
        refuses(mandated(i, p, m), ISettlement.NotQuoteToken.selector);
    }

    function _perp(uint256 nonce, uint256 price, Mandate memory m)
        private
        view
        returns (Item memory)
    {
        (OutcomeIntent memory i, Plan memory p) = _openPerp(nonce, price);
        return mandated(i, p, m);
    }

    function _openPerp(uint256 nonce, uint256 price)
        private
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        (i, p) = perpBuy(nonce, price);
        i.limits.maxSlippageBps = 50;
        i.limits.maxMarginUsed = 1000e6;
        i.limits.minHealth = 1e18;
    }

    function _granted()
        private
        view
        returns (OutcomeIntent memory i, Plan memory p, Mandate memory m)
    {
        (i, p) = _openPerp(1, 4010e18);
        m = _mandate();
    }

    function _exceeds(Item memory item, bytes32 rule, uint256 wanted, uint256 granted) private {
        refuses(item, ISettlement.ScopeExceeded.selector, abi.encode(rule, wanted, granted));
    }

    function _mandate() private view returns (Mandate memory m) {
        m.owner = user;
        m.agent = vm.addr(AGENT_KEY);
        m.validTo = uint32(NOW + 3 days);
        m.outcomes = new string[](2);
        (m.outcomes[0], m.outcomes[1]) = ("swap", "openPerp");
        m.assets = new address[](2);
        (m.assets[0], m.assets[1]) = (address(weth), address(usdc));
        (m.notionalPerDay, m.lossPerDay) = (100_000e6, 100e6);
        m.maxSlippageBps = 100;
        m.maxMarginUsed = 1000e6;
        m.minHealth = 1e18;
        m.nonce = 99;
    }
}
