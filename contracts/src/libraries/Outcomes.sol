// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {Ground} from "../Checks.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {Leg, Limits} from "../types/Intent.sol";
import {Outcome} from "../types/Plan.sol";
import {Legs, Role} from "./Legs.sol";

/// Step 12 of `settle`: the bounds that only the account's state afterwards can be held against.
library Outcomes {
    uint256 private constant WAD = 1e18;
    uint256 private constant NONE = type(uint256).max;

    /// Margin, health and delta. A cap of a part is the part of the cap, rounded down.
    function check(Limits calldata limits, uint256 fraction, bytes32 account, Outcome memory after_)
        internal
        pure
    {
        if (limits.maxMarginUsed != NONE) {
            uint256 rise = after_.marginRise > 0 ? uint256(after_.marginRise) : 0;
            uint256 cap = Math.mulDiv(limits.maxMarginUsed, fraction, WAD);
            if (rise > cap) revert ISettlement.MarginUsed(after_.marginRise, cap);
        }
        if (limits.minHealth != 0 && after_.requirement > 0) {
            uint256 equity = after_.equity > 0 ? uint256(after_.equity) : 0;
            uint256 health = Math.mulDiv(equity, WAD, uint256(after_.requirement));
            if (health < limits.minHealth) {
                revert ISettlement.HealthTooLow(health, limits.minHealth);
            }
        }
        if (limits.deltaTolerance != NONE) {
            if (!after_.deltaKnown) revert ISettlement.DeltaUnattested(account);
            if (SignedMath.abs(after_.netDelta - limits.targetDelta) > limits.deltaTolerance) {
                revert ISettlement.DeltaOutside(
                    after_.netDelta, limits.targetDelta, limits.deltaTolerance
                );
            }
        }
    }

    /// Collateral `auto` legs bound the balance. Whole whatever the fraction, for a balance has no
    /// tenth.
    function holdings(Leg[] calldata legs, bytes32 account, Ground memory ground) internal view {
        for (uint256 i; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            if (Legs.roleOf(leg, i) != Role.Hold) continue;
            int256 balance = ground.clearinghouse.balanceOf(account, leg.asset);
            uint256 atoms = balance > 0 ? uint256(balance) : 0;
            if (balance < 0 || atoms < leg.quantityMin || atoms > leg.quantityMax) {
                revert ISettlement.LegQuantity(i, atoms);
            }
        }
    }
}
