// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {OutcomeIntent} from "../src/types/Intent.sol";
import {Item, Plan, SCHEME_PRESIGN, Trade} from "../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../src/types/Report.sol";
import {FullWorld} from "./support/FullWorld.sol";
import {Vm} from "./support/Vm.sol";

/// What settles, and what everybody holds afterwards.
contract SettlementTest is FullWorld {
    // ---- swaps

    function test_walletSwapPaysTheReceiver() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 before = weth.balanceOf(user);
        settle(permitted(i, p));
        vm.assertEq(weth.balanceOf(user) - before, i.legs[1].quantityMin);
        vm.assertEq(usdc.balanceOf(user), 996_000e6);
        _assertRouterIsEmpty();
    }

    function test_walletSwapOnV3DrawsByCallback() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = swapV3(usdc, 4000e6, address(router));
        p.outs[0].amount = 0;
        takesBack(p, weth);
        i.legs[1].quantityMin = 0.99e18;
        uint256 before = weth.balanceOf(user);
        settle(permitted(i, p));
        vm.assertGe(int256(weth.balanceOf(user) - before), 0.99e18);
        vm.assertEq(usdc.balanceOf(user), 996_000e6);
        _assertRouterIsEmpty();
    }

    function test_collateralSwapStaysInTheAccount() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 996_000e6);
        vm.assertEq(_base(userAccount), int256(100e18 + i.legs[1].quantityMin));
        _assertRouterIsEmpty();
    }

    /// Plain collateral owes nothing, so nobody asks what it is worth.
    function test_collateralSwapNeedsNoFeed() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.validTo = type(uint32).max;
        Item memory item = signed(i, p);
        vm.warp(block.timestamp + 31 days);
        settle(item);
        (i, p) = perpBuy(2, 4000e18);
        i.validTo = type(uint32).max;
        refuses(signed(i, p), IClearinghouse.FeedStale.selector);
    }

    function test_swapOverBothPoolsPaysTheSum() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 received = receivedV2(usdc, 2000e6);
        i.legs[1].quantityMin = received;
        p.outs[0].amount = received;
        p.steps[0] = swapV2(usdc, 2000e6, received, address(router));
        steps(p, swapV3(usdc, 2000e6, address(router)));
        takesBack(p, weth);
        uint256 before = weth.balanceOf(user);
        settle(permitted(i, p));
        vm.assertTrue(weth.balanceOf(user) - before > received);
    }

    /// Nobody touches a pool: what each sells is what the other buys.
    function test_oppositeSwapsNetAgainstEachOther() public {
        OutcomeIntent memory a = intent("swap", legs(sells(usdc, 4000e6), buys(weth, 1e18)), 1);
        a.receiver = user;
        Plan memory p = plan();
        pulls(p, 0, usdc, 4000e6, true);
        pays(p, 1, weth, 1e18);
        OutcomeIntent memory b = intent("swap", legs(sells(weth, 1e18), buys(usdc, 3999e6)), 1);
        b.owner = maker;
        Plan memory q = plan();
        pulls(q, 0, weth, 1e18, false);
        pays(q, 1, usdc, 3999e6);
        q.fee = 1e6;
        Item memory other = signed(b, q);
        other.signature = signature(MAKER_KEY, settlement.digestOf(b));
        settle(both(permitted(a, p), other), noReport());
        vm.assertEq(weth.balanceOf(user), 101e18);
        vm.assertEq(house.cashOf(makerAccount), 1_003_999e6);
        vm.assertEq(_base(makerAccount), 99e18);
        vm.assertEq(usdc.balanceOf(solver), 1_000_001e6);
        _assertRouterIsEmpty();
    }

    // ---- residuals and fee

    function test_residualOfAWalletPullGoesBackToTheWallet() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.legs[0].quantityMax, i.limits.maxNetCost) = (4100e6, 4000e6);
        p.pulls[0].amount = 4100e6;
        takesBack(p, usdc);
        settle(permitted(i, p));
        vm.assertEq(usdc.balanceOf(user), 996_000e6);
        _assertRouterIsEmpty();
    }

    function test_residualOfACollateralPullGoesBackToTheAccount() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.legs[0].quantityMax = 4100e6;
        p.pulls[0].amount = 4100e6;
        takesBack(p, usdc);
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 996_000e6);
    }

    function test_residualOfTheTokenBoughtIsTheOwnersSurplus() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        uint256 received = p.outs[0].amount;
        p.outs[0].amount = received - 7;
        takesBack(p, weth);
        settle(signed(i, p));
        vm.assertEq(_base(userAccount), int256(100e18 + received));
    }

    function test_whatTheRouterHeldBeforeStaysThere() public {
        usdc.mint(address(router), 5e6);
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        settle(signed(i, p));
        vm.assertEq(usdc.balanceOf(address(router)), 5e6);
    }

    function test_feeIsHeldBackFromTokensSoldAndInsideTheCost() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.legs[0].quantityMax, i.limits.maxNetCost) = (4005e6, 4005e6);
        p.pulls[0].amount = 4005e6;
        p.fee = 5e6;
        settle(permitted(i, p));
        vm.assertEq(usdc.balanceOf(solver), 1_000_005e6);
        vm.assertEq(usdc.balanceOf(user), 995_995e6);
    }

    function test_feeOfATradeWithoutTokensComesFromCash() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.maxNetCost = 3e6;
        p.fee = 3e6;
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 - 4003e6);
        vm.assertEq(house.cashOf(solverAccount), 1_000_000e6 + 4003e6);
    }

    // ---- collateral

    function test_depositLegGoesFromTheWalletIntoTheAccount() public {
        OutcomeIntent memory i =
            intent("deposit", legs(leg("collateral", address(weth), "deposit", 2e18, 3e18)), 1);
        Plan memory p = plan();
        pulls(p, 0, weth, 2e18, true);
        settle(permitted(i, p));
        vm.assertEq(weth.balanceOf(user), 98e18);
        vm.assertEq(_base(userAccount), 102e18);
    }

    function test_withdrawLegGoesFromTheAccountToTheReceiver() public {
        OutcomeIntent memory i =
            intent("withdraw", legs(leg("collateral", address(usdc), "withdraw", 7e6, 7e6)), 1);
        i.receiver = address(0x7ece);
        Plan memory p = plan();
        pulls(p, 0, usdc, 7e6, false);
        p.fee = 1e6;
        settle(signed(i, p));
        vm.assertEq(usdc.balanceOf(address(0x7ece)), 7e6);
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 - 8e6);
    }

    /// A swap that sells more than was asked to be held would be refused; this one ends at the
    /// bound.
    function test_holdLegBoundsTheBalanceAfterwards() public {
        OutcomeIntent memory i = intent(
            "rebalanceCollateral",
            legs(
                leg("collateral", address(weth), "auto", 99e18, 99e18),
                sells(weth, 1e18),
                buys(usdc, 3900e6)
            ),
            1
        );
        uint256 received = receivedV2(weth, 1e18);
        Plan memory p = plan();
        pulls(p, 1, weth, 1e18, false);
        steps(p, swapV2(weth, 1e18, received, address(router)));
        pays(p, 2, usdc, received);
        settle(signed(i, p));
        vm.assertEq(_base(userAccount), 99e18);
    }

    // ---- derivatives

    function test_coveredCallAgainstTwoQuotes() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        vm.recordLogs();
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 + 1200e6 + 24_000e6 - 1e6);
        vm.assertEq(house.positions(userAccount).length, 3);
        vm.assertTrue(settlement.isNonceUsed(maker, 1002) && settlement.isNonceUsed(maker, 1003));
        (uint256 fraction, int256 cost, uint256 fee) = _settledEvent();
        vm.assertEq(fraction, 1e18);
        vm.assertEq(cost, -1199e6);
        vm.assertEq(fee, 1e6);
    }

    function test_coveredCallInsideEveryBound() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.limits.maxSlippageBps = 30;
        i.limits.targetDelta = 0.05e18;
        i.limits.deltaTolerance = 0.1e18;
        i.limits.maxMarginUsed = 100_000e6;
        i.limits.minHealth = 1.1e18;
        settle(signed(i, p), _hedgedReport(p, 0.1e18));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 + 1200e6 + 24_000e6 - 1e6);
    }

    function test_manyIntentsShareOneQuoteWithinATransaction() public {
        (OutcomeIntent memory a, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 50);
        p.quotes[0].quote.maxQuantity = 2e18;
        p.quotes[0] = offered(p.quotes[0].quote);
        (OutcomeIntent memory b, Plan memory q) = perpBuy(2, 4000e18);
        (q.quotes, q.fills[0].quoteIndex) = (p.quotes, 0);
        b.subaccount = 1;
        fund(user, 1, 10_000e6, 0);
        settle(both(signed(a, p), signed(b, q)), noReport());
        vm.assertEq(house.cashOf(makerAccount), 1_008_000e6);
    }

    function test_partialFillsAddUpAndSpendTheNonceWithTheLast() public {
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        i.partiallyFillable = true;
        i.limits.maxNetCost = -1200e6;
        Plan memory p = plan();
        p.fraction = 0.4e18;
        fills(p, 0, call(4400e18), -4e18, 120e18);
        Item memory item = signed(i, p);
        settle(item);
        vm.assertEq(settlement.filled(user, 1), 0.4e18);
        vm.assertFalse(settlement.isNonceUsed(user, 1));
        item.plan.fraction = 0.6e18;
        item.plan.fills[0].quantity = -6e18;
        settle(item);
        vm.assertTrue(settlement.isNonceUsed(user, 1));
        vm.assertEq(house.cashOf(userAccount), 1_001_200e6);
    }

    // ---- schemes

    function test_presignedIntentNeedsNoSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        bytes32 digest = settlement.digestOf(i);
        vm.prank(user);
        settlement.presign(digest);
        vm.assertTrue(settlement.presigned(user, digest));
        settle(Item(i, "", SCHEME_PRESIGN, p));
    }

    /// An account whose code was delegated (EIP-7702) still answers to its key.
    function test_ownerWithCodeStillSignsByKey() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        vm.etch(user, hex"60006000fd");
        settle(signed(i, p));
    }

    function test_permit2AuthorisesWithNothingToPull() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        settle(permitted(i, p));
    }

    // ---- nonces

    function test_cancelSpendsTheNonce() public {
        vm.prank(user);
        settlement.cancel(77);
        vm.assertTrue(settlement.isNonceUsed(user, 77));
    }

    function test_cancelAllRaisesTheEpoch() public {
        vm.prank(user);
        settlement.cancelAll();
        vm.assertEq(settlement.epoch(user), 1);
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1 << 192);
        settle(signed(i, p));
    }

    function test_pauseStopsNoExit() public {
        vm.prank(guardian);
        params.pause();
        vm.startPrank(user);
        settlement.cancel(1);
        settlement.presign(bytes32("x"));
        settlement.revoke(bytes32("m"));
        settlement.cancelAll();
        vm.stopPrank();
        vm.assertEq(settlement.metered(user, bytes32("m")), NONE);
    }

    // ---- helpers

    /// Marks of what trades, and the user's delta with the positions that the plan leaves.
    function _hedgedReport(Plan memory p, int256 delta) private view returns (Report memory) {
        Mark[] memory marks = new Mark[](1);
        marks[0] = Mark(call(4400e18), 121e18);
        Trade[] memory trades = new Trade[](2);
        for (uint256 i; i < 2; ++i) {
            trades[i] = Trade(
                userAccount,
                makerAccount,
                p.fills[i].instrument,
                p.fills[i].quantity,
                p.fills[i].price,
                255,
                255
            );
        }
        (,,, bytes32 positions) = house.preview(userAccount, trades);
        AccountRisk[] memory accounts = new AccountRisk[](1);
        accounts[0].account = userAccount;
        accounts[0].positionsAfter = positions;
        (accounts[0].im, accounts[0].mm) = (NONE, NONE);
        (accounts[0].netDelta, accounts[0].market) = (delta, ETH);
        return reportOf(marks, accounts);
    }

    function _settledEvent() private returns (uint256 fraction, int256 cost, uint256 fee) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        vm.assertEq(last.topics[0], ISettlement.Settled.selector);
        return abi.decode(last.data, (uint256, int256, uint256));
    }

    function _base(bytes32 account) private view returns (int256) {
        return house.balanceOf(account, address(weth));
    }

    function _assertRouterIsEmpty() private view {
        vm.assertEq(usdc.balanceOf(address(router)), 0);
        vm.assertEq(weth.balanceOf(address(router)), 0);
    }
}
