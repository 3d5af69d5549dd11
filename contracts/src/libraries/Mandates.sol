// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {Leg, Limits, Mandate, OutcomeIntent} from "../types/Intent.sol";
import {Legs} from "./Legs.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// What a mandate grants per day, once it is known to cover an intent. Quote atoms.
struct Budget {
    bytes32 mandate; // digest; 0 = the owner signed the intent itself
    uint256 nonce;
    uint256 notional;
    uint256 loss;
}

/// Holds an agent to what the owner signed. Budgets count what was traded, never signed caps: the
/// cap of a perp of any size can be zero.
library Mandates {
    uint32 private constant SLIPPAGE_NONE = type(uint32).max;
    uint256 private constant REVOKED = type(uint256).max;
    uint256 private constant MANDATE_SIZE_MIN = 13 * 32; // bytes of its fields
    uint256 private constant SIZE_MIN = MANDATE_SIZE_MIN + 5 * 32; // three offsets, two lengths

    /// `signature` = abi.encode(Mandate, owner's signature, agent's signature of the intent's
    /// digest). Returns the budget that the trade has yet to be counted against.
    function verify(
        OutcomeIntent calldata intent,
        bytes calldata signature,
        bytes32 intentDigest,
        bytes32 domain
    ) internal view returns (Budget memory) {
        (Mandate calldata mandate, bytes calldata byOwner, bytes calldata byAgent) =
            _parts(signature);
        _coversWho(mandate, intent);
        _coversWhat(mandate, intent);
        _coversLimits(mandate, intent);

        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, TypedData.hash(mandate));
        if (!Signatures.isSignedBy(mandate.owner, digest, byOwner)) {
            revert ISettlement.BadSignature(mandate.owner);
        }
        if (!Signatures.isSignedBy(mandate.agent, intentDigest, byAgent)) {
            revert ISettlement.BadSignature(mandate.agent);
        }
        return Budget(digest, mandate.nonce, mandate.notionalPerDay, mandate.lossPerDay);
    }

    /// Returns the meter's next word, day(32) | notional(112) | loss(112), or reverts above the
    /// budget.
    function meter(uint256 word, Budget memory budget, uint256 notional, uint256 loss)
        internal
        view
        returns (uint256)
    {
        if (word == REVOKED) revert ISettlement.ScopeExceeded("revoked", 0, 0);
        uint256 day = block.timestamp / 1 days;
        if (word >> 224 == day) {
            notional += uint112(word >> 112);
            loss += uint112(word);
        }
        // 112 bits hold any honest day; a budget above them must not wrap the counter.
        _atMost("notionalPerDay", notional, _least(budget.notional, type(uint112).max - 1));
        _atMost("lossPerDay", loss, _least(budget.loss, type(uint112).max - 1));
        return (day << 224) | (notional << 112) | loss;
    }

    /// The three parts where they stand in the calldata; each lies inside `signature`.
    function _parts(bytes calldata signature)
        private
        pure
        returns (Mandate calldata mandate, bytes calldata byOwner, bytes calldata byAgent)
    {
        if (signature.length < SIZE_MIN) revert ISettlement.BadSignature(address(0));
        uint256 owners;
        uint256 agents;
        uint256 place;
        assembly ("memory-safe") {
            place := calldataload(signature.offset)
            owners := calldataload(add(signature.offset, 32))
            agents := calldataload(add(signature.offset, 64))
            mandate := add(signature.offset, place)
            byOwner.offset := add(add(signature.offset, owners), 32)
            byOwner.length := calldataload(add(signature.offset, owners))
            byAgent.offset := add(add(signature.offset, agents), 32)
            byAgent.length := calldataload(add(signature.offset, agents))
        }
        unchecked {
            uint256 most = signature.length - 32;
            bool isInside = place <= signature.length - MANDATE_SIZE_MIN && owners <= most
                && agents <= most && byOwner.length <= most - owners
                && byAgent.length <= most - agents;
            if (!isInside) revert ISettlement.BadSignature(address(0));
        }
    }

    function _coversWho(Mandate calldata mandate, OutcomeIntent calldata intent) private view {
        if (mandate.owner != intent.owner) {
            revert ISettlement.ScopeExceeded("owner", uint160(intent.owner), uint160(mandate.owner));
        }
        if (mandate.subaccount != intent.subaccount) {
            revert ISettlement.ScopeExceeded("subaccount", intent.subaccount, mandate.subaccount);
        }
        _atMost("validFrom", mandate.validFrom, block.timestamp);
        _atMost("validTo", block.timestamp, mandate.validTo);
        // No money leaves the account, whatever the agent's key is worth to a thief.
        address receiver = intent.receiver;
        if (receiver != address(0)) {
            revert ISettlement.ScopeExceeded("receiver", uint160(receiver), 0);
        }
    }

    function _coversWhat(Mandate calldata mandate, OutcomeIntent calldata intent) private pure {
        bytes32 outcome = TypedData.hash(intent.outcome);
        string[] calldata outcomes = mandate.outcomes;
        uint256 found;
        while (found < outcomes.length && TypedData.hash(outcomes[found]) != outcome) ++found;
        if (found == outcomes.length) revert ISettlement.ScopeExceeded("outcomes", 0, found);

        Leg[] calldata legs = intent.legs;
        address[] calldata assets = mandate.assets;
        for (uint256 i; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            if (Legs.wordOf(leg.side) == Legs.WITHDRAW) {
                revert ISettlement.ScopeExceeded("withdraw", i, 0);
            }
            address asset = leg.asset;
            for (found = 0; found < assets.length && assets[found] != asset;) {
                ++found;
            }
            if (found == assets.length) revert ISettlement.ScopeExceeded("assets", i, found);
        }
    }

    function _coversLimits(Mandate calldata mandate, OutcomeIntent calldata intent) private pure {
        Limits calldata limits = intent.limits;
        uint256 slippage = limits.maxSlippageBps;
        _atMost("maxSlippageBps", slippage, mandate.maxSlippageBps);
        if (slippage == SLIPPAGE_NONE) {
            revert ISettlement.ScopeExceeded("maxSlippageBps", slippage, SLIPPAGE_NONE - 1);
        }
        _atMost("maxMarginUsed", limits.maxMarginUsed, mandate.maxMarginUsed);
        _atMost("minHealth", mandate.minHealth, limits.minHealth);
    }

    function _atMost(bytes32 rule, uint256 wanted, uint256 granted) private pure {
        if (wanted > granted) revert ISettlement.ScopeExceeded(rule, wanted, granted);
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
