// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {IRouter} from "../../src/interfaces/IRouter.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {KIND_ASIAN_CALL} from "../../src/types/Market.sol";
import {Item, PAY_TRANSFER, Plan, Step, Trade} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Plans put together wrongly on purpose: legs, fills, steps and payments that do not add up.
contract HostileStructureTest is FullWorld {
    using AccountId for address;

    // ---- legs and fills

    function test_hostile_solver_missingHedge_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.legs[2].quantityMin = 6e18;
        assembly ("memory-safe") {
            mstore(mload(add(p, 128)), 1) // the second fill is left out
        }
        refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(2, 0));
    }

    function test_hostile_solver_fillOfALegThatIsNot_Panic() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.fills[0].leg = 1;
        refuses(signed(i, p), bytes4(keccak256("Panic(uint256)")), abi.encode(0x32));
    }

    function test_hostile_solver_fillOfAQuoteThatIsNot_Panic() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.fills[0].quoteIndex = 3;
        refuses(signed(i, p), bytes4(keccak256("Panic(uint256)")), abi.encode(0x32));
    }

    function test_hostile_solver_oneContractForTwoLegs_LegQuantity() public {
        OutcomeIntent memory i = intent(
            "buyOption",
            legs(option("buy", "call", 4400e18, 1e18), option("buy", "call", 4400e18, 1e18)),
            1
        );
        Plan memory p = plan();
        fills(p, 0, call(4400e18), 1e18, 120e18);
        refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(1, 0));
        p.fills[0].quantity = 2e18;
        refuses(signed(i, p), ISettlement.LegQuantity.selector, abi.encode(0, 2e18));
    }

    function test_hostile_solver_bothSignsInOneLeg_LegSide() public {
        OutcomeIntent memory i = intent("hedgeDelta", legs(perp("auto", 1e18, 1e18)), 1);
        i.limits.maxNetCost = 1000e6;
        Plan memory p = plan();
        fills(p, 0, perpId(), 5e18, 4100e18);
        fills(p, 0, perpId(), -4e18, 3900e18);
        refuses(signed(i, p), ISettlement.LegSide.selector, abi.encode(0));
    }

    function test_hostile_solver_asianOptionForAEuropean_LegRange() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        uint160 asian = InstrumentId.encode(ETH, KIND_ASIAN_CALL, EXPIRY, 4400e18);
        p.fills[0].instrument = asian;
        p.fills[0].quoteIndex = 255;
        refuses(signed(i, p), ISettlement.LegRange.selector, abi.encode(1, asian));
    }

    function test_hostile_solver_bridgeLeg_WrongChain() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.legs[0] = leg("bridge", address(weth), "sell", 0, 1e18);
        refuses(signed(i, p), ISettlement.WrongChain.selector, abi.encode(0, 0));
    }

    function test_hostile_solver_perpOutsideTheBand_PriceBand() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4121e18);
        bytes memory figures = abi.encode(perpId(), 4121e18, 3880e18, 4120e18);
        refuses(signed(i, p), IClearinghouse.PriceBand.selector, figures);
    }

    function test_hostile_solver_expiredContract_InstrumentExpired() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.legs[1].expiryMin = 0;
        uint40 past = uint40(NOW);
        p.fills[0].instrument = InstrumentId.encode(ETH, 1, past, 4400e18);
        p.fills[0].quoteIndex = 255;
        refuses(signed(i, p), IClearinghouse.InstrumentExpired.selector, abi.encode(past, NOW));
    }

    function test_hostile_solver_hintOfAnotherPosition_WrongHint() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.fills[0].hintOwner = 0;
        bytes memory figures = abi.encode(0, InstrumentId.base(ETH));
        refuses(signed(i, p), IClearinghouse.WrongHint.selector, figures);
    }

    function test_hostile_solver_sellsFromAnEmptyAccount_MarginBreached() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        p.solverSubaccount = 9;
        bytes memory figures = abi.encode(solver.encode(9), -400e6);
        refuses(signed(i, p), IClearinghouse.MarginBreached.selector, figures);
    }

    function test_hostile_solver_opensWhileReduceOnly_ReduceOnly() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        vm.prank(guardian);
        params.reduceOnly(ETH);
        refuses(signed(i, p), IClearinghouse.ReduceOnly.selector, abi.encode(ETH));
    }

    function test_hostile_solver_tradesOnAStaleFeed_FeedStale() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.validTo = type(uint32).max;
        vm.warp(NOW + 31 days);
        bytes memory figures = abi.encode(feed, 4000e8, NOW);
        refuses(signed(i, p), IClearinghouse.FeedStale.selector, figures);
    }

    // ---- steps

    function test_hostile_solver_stepToOurOwnContracts_TargetNotAllowed() public {
        address[4] memory targets =
            [address(settlement), address(house), address(router), address(attestation)];
        for (uint256 n; n < targets.length; ++n) {
            (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
            steps(p, Step(targets[n], address(0), 0, PAY_TRANSFER, hex"12345678"));
            bytes memory figures = abi.encode(targets[n], bytes4(0x12345678));
            refuses(permitted(i, p), ISettlement.TargetNotAllowed.selector, figures);
        }
    }

    function test_hostile_solver_payModeThatIsNone_UnknownMode() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0].mode = 3;
        refuses(permitted(i, p), IRouter.UnknownMode.selector, abi.encode(0, 3));
    }

    function test_hostile_venue_drawsMoreThanItMay_CallFailed() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = swapV3(usdc, 4000e6, address(router));
        p.steps[0].payAmount = 4000e6 - 1;
        bytes memory inner = abi.encodePacked(IRouter.BadCallback.selector);
        refuses(permitted(i, p), IRouter.CallFailed.selector, abi.encode(0, inner));
    }

    function test_hostile_venue_drawsWithoutACallback_CallFailed() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = swapV3(usdc, 4000e6, address(router));
        p.steps[0].mode = PAY_TRANSFER;
        bytes memory inner = abi.encodePacked(IRouter.BadCallback.selector);
        refuses(permitted(i, p), IRouter.CallFailed.selector, abi.encode(0, inner));
    }

    function test_hostile_solver_paysThePoolTooLittle_CallFailed() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0].payAmount -= 1e6;
        refuses(permitted(i, p), IRouter.CallFailed.selector);
    }

    function test_hostile_solver_sendsTheProceedsToItself_ERC20InsufficientBalance() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 received = p.outs[0].amount;
        p.steps[0] = swapV2(usdc, 4000e6, received, solver);
        bytes memory figures = abi.encode(router, 0, received);
        refuses(permitted(i, p), IERC20Errors.ERC20InsufficientBalance.selector, figures);
    }

    // ---- payments

    function test_hostile_solver_keepsAWeiOfTheProceeds_RouterNotEmpty() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.outs[0].amount -= 1;
        i.legs[1].quantityMin -= 1;
        refuses(permitted(i, p), ISettlement.RouterNotEmpty.selector, abi.encode(weth, 0, 1));
    }

    function test_hostile_solver_paysAWeiTooLittle_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 received = p.outs[0].amount - 1;
        p.steps[0] = swapV2(usdc, 4000e6, received, address(router));
        p.outs[0].amount = received;
        refuses(permitted(i, p), ISettlement.LegQuantity.selector, abi.encode(1, received));
    }

    function test_hostile_solver_paysOutOfNothing_ERC20InsufficientBalance() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 received = p.outs[0].amount;
        p.outs[0].amount += 1;
        bytes memory figures = abi.encode(router, received, received + 1);
        refuses(permitted(i, p), IERC20Errors.ERC20InsufficientBalance.selector, figures);
    }

    function test_hostile_solver_feeThatNobodyPays_ERC20InsufficientBalance() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.fee = 5e6;
        bytes memory figures = abi.encode(router, 0, 5e6);
        refuses(permitted(i, p), IERC20Errors.ERC20InsufficientBalance.selector, figures);
    }

    function test_hostile_solver_wholeFeeForHalfTheWork_FeeTooHigh() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        (i.partiallyFillable, p.fraction, p.fills[0].quantity) = (true, 0.5e18, 0.5e18);
        p.fee = 50e6 + 1;
        bytes memory figures = abi.encode(50e6 + 1, 50e6);
        refuses(signed(i, p), ISettlement.FeeTooHigh.selector, figures);
    }

    function test_hostile_solver_feeBeyondTheNetCost_NetCost() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        (i.limits.maxNetCost, p.fee) = (3e6 - 1, 3e6);
        refuses(signed(i, p), ISettlement.NetCost.selector, abi.encode(3e6, 3e6 - 1));
    }

    function test_hostile_solver_drawsMoreBaseThanHeld_InsufficientCollateral() public {
        OutcomeIntent memory i = intent("swap", legs(sells(weth, NONE), buys(usdc, 0)), 1);
        Plan memory p = plan();
        pulls(p, 0, weth, 101e18, false);
        bytes memory figures = abi.encode(weth, 100e18, 101e18);
        refuses(signed(i, p), IClearinghouse.InsufficientCollateral.selector, figures);
    }

    function test_hostile_solver_drawsCashOnCredit_MarginBreached() public {
        OutcomeIntent memory i =
            intent("withdraw", legs(leg("collateral", address(usdc), "withdraw", 0, NONE)), 1);
        (i.receiver, i.subaccount) = (user, 1);
        fund(user, 1, 10e6, 0);
        Plan memory p = plan();
        pulls(p, 0, usdc, 11e6, false);
        bytes memory figures = abi.encode(user.encode(1), -1e6);
        refuses(signed(i, p), IClearinghouse.MarginBreached.selector, figures);
    }

    // ---- batches

    function test_hostile_solver_oneBadItemOfTwo_LegQuantity() public {
        (OutcomeIntent memory a, Plan memory p) = collateralSwap(1);
        (OutcomeIntent memory b, Plan memory q) = perpBuy(2, 4000e18);
        (b.subaccount, q.fills[0].quantity) = (1, 2e18);
        fund(user, 1, 10_000e6, 0);
        Item[] memory items = both(signed(a, p), signed(b, q));
        refuses(items, noReport(), ISettlement.LegQuantity.selector, abi.encode(0, 2e18));
        vm.assertFalse(settlement.isNonceUsed(user, 1));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6);
    }

    function test_hostile_solver_sameItemTwiceInABatch_OneIntentPerAccount() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Item[] memory items = both(signed(i, p), signed(i, p));
        bytes memory figures = abi.encode(userAccount);
        refuses(items, noReport(), ISettlement.OneIntentPerAccount.selector, figures);
    }

    // ---- strangers

    function test_hostile_stranger_clearsOrMovesCash_NotSettlement() public {
        bytes memory figures =
            abi.encodeWithSelector(IClearinghouse.NotSettlement.selector, address(this));
        vm.expectRevert(figures);
        house.moveCash(userAccount, solverAccount, 1);
        vm.expectRevert(figures);
        house.observe(userAccount, noReport());
        vm.expectRevert(figures);
        house.clear(new Trade[](0), new bytes32[](0), new uint16[](0), noReport(), new bytes[](0));
    }
}
