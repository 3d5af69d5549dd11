// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan} from "../../src/types/Plan.sol";
import {Report} from "../../src/types/Report.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Every signed bound refuses the plan one step outside it.
contract HostileBoundsTest is FullWorld {
    // ---- legs

    function test_hostile_solver_anotherChainOrABridge_WrongChain() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.legs[0].chainId = 1;
        refuses(signed(i, p), ISettlement.WrongChain.selector, abi.encode(0, 1));
        i.legs[0] = leg("bridge", address(weth), "sell", 0, 1);
        refuses(signed(i, p), ISettlement.WrongChain.selector);
        (i, p) = perpBuy(1, 4000e18);
        i.legs[0].chainId = block.chainid;
        settle(signed(i, p));
    }

    function test_hostile_solver_kindNobodyKnows_LegKind() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.legs[0].kind = "future";
        refuses(signed(i, p), ISettlement.LegKind.selector, abi.encode(0));
    }

    function test_hostile_solver_sideThatTheKindHasNot_LegSide() public {
        string[3] memory kinds = ["token", "collateral", "perp"];
        string[3] memory sides = ["auto", "sell", "deposit"];
        for (uint256 n; n < kinds.length; ++n) {
            (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
            (i.legs[0].kind, i.legs[0].side) = (kinds[n], sides[n]);
            refuses(signed(i, p), ISettlement.LegSide.selector, abi.encode(0));
        }
    }

    function test_hostile_solver_wrongSignOrBothSignsOrNone_LegSide() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.fills[0].quantity = -1e18;
        refuses(signed(i, p), ISettlement.LegSide.selector, abi.encode(0));
        p.fills[0].quantity = 0;
        refuses(signed(i, p), ISettlement.LegSide.selector);
        i.legs[0].side = "auto";
        p.fills[0].quantity = 2e18;
        i.limits.maxNetCost = 1e12;
        fills(p, 0, perpId(), -1e18, 4000e18);
        refuses(signed(i, p), ISettlement.LegSide.selector);
    }

    function test_hostile_solver_otherStrikeRightExpiryMarketOrKind_LegRange() public {
        uint160[6] memory others = [
            call(4401e18),
            put(4400e18),
            InstrumentId.encode(ETH, 1, EXPIRY + 1, 4400e18),
            InstrumentId.encode(2, 1, EXPIRY, 4400e18),
            perpId(),
            InstrumentId.base(ETH)
        ];
        for (uint256 n; n < others.length; ++n) {
            (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
            p.fills[0].instrument = others[n];
            p.fills[0].quoteIndex = 255;
            refuses(signed(i, p), ISettlement.LegRange.selector, abi.encode(1, others[n]));
        }
    }

    function test_hostile_solver_fillOfALegThatIsNoDerivative_LegRange() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        p.fills[0].leg = 0;
        refuses(signed(i, p), ISettlement.LegRange.selector, abi.encode(0, call(4400e18)));
        (i, p) = perpBuy(1, 4000e18);
        p.fills[0].instrument = call(4400e18);
        refuses(signed(i, p), ISettlement.LegRange.selector);
    }

    function test_hostile_solver_rightNobodyKnows_LegRange() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.legs[1].right = "straddle";
        refuses(signed(i, p), ISettlement.LegRange.selector);
    }

    function test_hostile_solver_lessOrMoreThanTheLeg_LegQuantity() public {
        int96[2] memory sizes = [int96(1e18 - 1), 1e18 + 1];
        for (uint256 n; n < 2; ++n) {
            (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
            p.fills[0].quantity = sizes[n];
            refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(0, sizes[n]));
        }
    }

    function test_hostile_solver_nothingTradedAtAll_LegQuantity() public {
        OutcomeIntent memory i = intent("openPerp", legs(perp("buy", 1e18, 1e18)), 1);
        refuses(signed(i, plan()), ISettlement.LegQuantity.selector, abi.encode(0, 0));
    }

    function test_hostile_solver_balanceOutsideAHoldLeg_LegQuantity() public {
        uint256[2][2] memory bounds = [[uint256(100e18 + 1), NONE], [uint256(0), 100e18 - 1]];
        for (uint256 n; n < 2; ++n) {
            (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
            (i.legs[0].quantityMin, i.legs[0].quantityMax) = (bounds[n][0], bounds[n][1]);
            refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(0, 100e18));
        }
    }

    // ---- prices

    function test_hostile_solver_priceOutsideTheLimit_LegPrice() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.legs[0].limitPrice = 4000e18 - 1;
        refuses(signed(i, p), ISettlement.LegPrice.selector, abi.encode(0, 4000e18, 4000e18 - 1));
        (i, p) = coveredCall(1);
        i.legs[1].limitPrice = 120e18 + 1;
        refuses(signed(i, p), ISettlement.LegPrice.selector);
        i.legs[1].limitPrice = 120e18;
        settle(signed(i, p));
    }

    /// No fill of a token has a price, and an auto leg has no side to hold a limit against.
    function test_hostile_solver_limitThatNothingCanBeHeldAgainst_LegPrice() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.legs[1].limitPrice = 1;
        refuses(signed(i, p), ISettlement.LegPrice.selector, abi.encode(1, 0, 1));
        (i, p) = coveredCall(1);
        i.legs[2].limitPrice = 1;
        refuses(signed(i, p), ISettlement.LegPrice.selector);
    }

    /// 2^256 - 1 read as a signed number is -1: a price that pays the buyer.
    function test_hostile_solver_priceThatWouldReadAsNegative_SafeCastOverflowedUintToInt() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, type(uint256).max);
        refuses(signed(i, p), SafeCast.SafeCastOverflowedUintToInt.selector);
    }

    function test_hostile_solver_autoLegWithNeitherBound_Unbounded() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.maxNetCost = type(int256).max;
        refuses(signed(i, p), ISettlement.Unbounded.selector, abi.encode(2));
    }

    function test_hostile_solver_derivativesInAnotherToken_NotQuoteToken() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.settlementToken = address(dai);
        refuses(signed(i, p), ISettlement.NotQuoteToken.selector, abi.encode(dai));
    }

    // ---- net cost

    function test_hostile_solver_oneAtomAboveTheNetCost_NetCost() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.maxNetCost = -1199e6 - 1;
        refuses(signed(i, p), ISettlement.NetCost.selector, abi.encode(-1199e6, -1199e6 - 1));
        i.limits.maxNetCost = -1199e6;
        settle(signed(i, p));
    }

    /// 24,000 of perp notional is no income: the premium alone must meet the signed credit.
    function test_hostile_solver_perpNotionalAsCredit_NetCost() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        p.fills[0].price = 10e18;
        p.fills[0].quoteIndex = 255;
        refuses(signed(i, p), ISettlement.NetCost.selector, abi.encode(-99e6, -280e6));
    }

    function test_hostile_solver_perpCostsWhatItsPriceIsOffTheMark_NetCost() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4010e18);
        i.limits.maxNetCost = 10e6 - 1;
        refuses(signed(i, p), ISettlement.NetCost.selector, abi.encode(10e6, 10e6 - 1));
        i.limits.maxNetCost = 10e6;
        settle(signed(i, p));
    }

    function test_hostile_solver_tokensCostWhatWasSoldLessWhatWasBought_NetCost() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.limits.maxNetCost = 4000e6 - 1;
        refuses(permitted(i, p), ISettlement.NetCost.selector, abi.encode(4000e6, 4000e6 - 1));
    }

    /// Halves of an odd credit: each must bring the larger half.
    function test_hostile_solver_partialCreditIsRoundedTowardsTheOwner_NetCost() public {
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        i.partiallyFillable = true;
        i.limits.maxNetCost = -1200e6 - 1;
        Plan memory p = plan();
        p.fraction = 0.5e18;
        fills(p, 0, call(4400e18), -5e18, 120e18);
        refuses(signed(i, p), ISettlement.NetCost.selector, abi.encode(-600e6, -600e6 - 1));
    }

    // ---- slippage

    function test_hostile_solver_swapOffTheChainsOwnMark_Slippage() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.limits.maxSlippageBps = 39;
        refuses(permitted(i, p), ISettlement.Slippage.selector);
        i.limits.maxSlippageBps = 41;
        settle(permitted(i, p));
    }

    /// The fee of a swap is bounded by maxFee and not a second time as slippage.
    function test_feeIsNoSlippage() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.limits.maxSlippageBps = 41;
        i.legs[0].quantityMax = 4100e6;
        p.pulls[0].amount = 4100e6;
        p.fee = 100e6;
        settle(permitted(i, p));
    }

    function test_hostile_solver_perpOffTheMark_Slippage() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4010e18);
        i.limits.maxSlippageBps = 24;
        refuses(signed(i, p), ISettlement.Slippage.selector, abi.encode(10e6, 9.6e6));
        i.limits.maxSlippageBps = 25;
        settle(signed(i, p));
    }

    /// Of the notional and not of the premium: 1 off a mark of 121 is 10 of 40,000.
    function test_hostile_solver_optionOffTheAttestedMark_Slippage() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        Report memory report = marked(call(4400e18), 121e18);
        i.limits.maxSlippageBps = 2;
        refuses(signed(i, p), report, ISettlement.Slippage.selector);
        i.limits.maxSlippageBps = 3;
        settle(signed(i, p), report);
    }

    function test_hostile_solver_optionNobodyMarked_MarkMissing() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.maxSlippageBps = 30;
        refuses(signed(i, p), ISettlement.MarkMissing.selector, abi.encode(call(4400e18)));
        refuses(signed(i, p), marked(call(4500e18), 1e18), ISettlement.MarkMissing.selector);
    }

    /// Marks in a report that says it is none were verified by nobody.
    function test_hostile_signers_marksOfAnUnsignedReport_MarkMissing() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.maxSlippageBps = 30;
        Report memory report = marked(call(4400e18), 121e18);
        report.validUntil = 0;
        refuses(signed(i, p), report, ISettlement.MarkMissing.selector);
    }

    /// DAI has no market: the report prices it, in settlement units per whole token.
    function test_tokenWithoutAMarketIsPricedByTheReport() public {
        dai.mint(maker, 5000e18);
        vm.startPrank(maker);
        dai.approve(PERMIT2, NONE);
        vm.stopPrank();
        OutcomeIntent memory a = intent("swap", legs(sells(usdc, 4000e6), buys(dai, 3990e18)), 1);
        a.receiver = user;
        a.limits.maxSlippageBps = 20;
        Plan memory p = plan();
        pulls(p, 0, usdc, 4000e6, true);
        pays(p, 1, dai, 3990e18);
        OutcomeIntent memory b = intent("swap", legs(sells(dai, 3990e18), buys(usdc, 4000e6)), 1);
        (b.owner, b.receiver) = (maker, maker);
        Plan memory q = plan();
        pulls(q, 0, dai, 3990e18, true);
        pays(q, 1, usdc, 4000e6);
        Item memory other = permitted(b, q);
        other.signature = signature(MAKER_KEY, permitDigest(b));
        Item[] memory items = both(permitted(a, p), other);
        refuses(items, noReport(), ISettlement.MarkMissing.selector);
        uint160 daiMark = uint160(address(dai));
        refuses(items, marked(daiMark, 1e18), ISettlement.Slippage.selector);
        settle(items, marked(daiMark, 1.001e18));
        vm.assertEq(dai.balanceOf(user), 3990e18);
    }

    // ---- the account afterwards

    function test_hostile_solver_requirementRisesAboveTheBound_MarginUsed() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.maxMarginUsed = 400e6 - 1;
        refuses(signed(i, p), ISettlement.MarginUsed.selector, abi.encode(400e6, 400e6 - 1));
        i.limits.maxMarginUsed = 400e6;
        settle(signed(i, p));
    }

    function test_hostile_solver_reduceOnly_MarginUsed() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.maxMarginUsed = 0;
        refuses(signed(i, p), ISettlement.MarginUsed.selector, abi.encode(400e6, 0));
    }

    function test_hostile_solver_lessHealthThanSigned_HealthTooLow() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.subaccount = 1;
        fund(user, 1, 600e6, 0);
        i.limits.minHealth = 1.5e18 + 1;
        refuses(signed(i, p), ISettlement.HealthTooLow.selector, abi.encode(1.5e18, 1.5e18 + 1));
        i.limits.minHealth = 1.5e18;
        settle(signed(i, p));
    }

    function test_hostile_solver_deltaOutsideTheTolerance_DeltaOutside() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        (i.limits.targetDelta, i.limits.deltaTolerance) = (100e18, 1e18 - 1);
        refuses(
            signed(i, p), ISettlement.DeltaOutside.selector, abi.encode(101e18, 100e18, 1e18 - 1)
        );
        i.limits.deltaTolerance = 1e18;
        settle(signed(i, p));
    }

    function test_hostile_solver_deltaOfOptionsInNoReport_DeltaUnattested() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.deltaTolerance = 1e18;
        refuses(signed(i, p), ISettlement.DeltaUnattested.selector, abi.encode(userAccount));
    }
}
