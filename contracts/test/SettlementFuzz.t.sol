// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {AccountId} from "../src/libraries/AccountId.sol";
import {OutcomeIntent} from "../src/types/Intent.sol";
import {Item, Plan, Step} from "../src/types/Plan.sol";
import {FullWorld} from "./support/FullWorld.sol";

/// Rounding never weakens a bound, and no plan reaches a third party's money.
contract SettlementFuzzTest is FullWorld {
    using AccountId for address;

    address private third = address(0x3d);

    function setUp() public override {
        super.setUp();
        fund(third, 0, 10_000e6, 10e18);
    }

    /// A partial fill settles exactly when its cash meets the scaled credit, rounded towards the
    /// owner.
    function testFuzz_scaledCreditIsRoundedTowardsTheOwner(
        uint256 fraction,
        uint256 credit,
        uint256 price
    ) public {
        fraction = bound(fraction, 1, 1e18);
        price = bound(price, 119e18, 121e18);
        credit = bound(credit, 1190e6, 1210e6);
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        i.partiallyFillable = true;
        i.limits.maxNetCost = -int256(credit);
        Plan memory p = plan();
        p.fraction = fraction;
        uint256 quantity = 10 * fraction;
        fills(p, 0, call(4400e18), -int96(int256(quantity)), price);
        uint256 received = _ceil(quantity * price, 1e30);
        if (received < _ceil(credit * fraction, 1e18)) {
            refuses(signed(i, p), ISettlement.NetCost.selector);
        } else {
            settle(signed(i, p));
            vm.assertEq(house.cashOf(userAccount), int256(1_000_000e6 + received));
        }
    }

    /// A debit cap is rounded down, quantities between the least up and the most down.
    function testFuzz_scaledQuantityAndDebit(uint256 fraction, uint256 least, uint256 quantity)
        public
    {
        fraction = bound(fraction, 1, 1e18);
        least = bound(least, 1, 10e18);
        quantity = bound(quantity, 1, 10e18);
        OutcomeIntent memory i = intent("openPerp", legs(perp("buy", least, 10e18)), 1);
        i.partiallyFillable = true;
        i.limits.maxNetCost = 50e6 + 1;
        Plan memory p = plan();
        p.fraction = fraction;
        fills(p, 0, perpId(), int96(int256(quantity)), 4010e18);
        bool isInside = quantity >= _ceil(least * fraction, 1e18) && quantity <= 10 * fraction;
        if (!isInside) {
            refuses(signed(i, p), ISettlement.LegQuantity.selector);
        } else if (_ceil(quantity * 10e18, 1e30) > (50e6 + 1) * fraction / 1e18) {
            refuses(signed(i, p), ISettlement.NetCost.selector);
        } else {
            settle(signed(i, p));
        }
    }

    /// The event's cost is the cash that moved, to the atom.
    function testFuzz_netCostIsTheCashThatMoved(uint256 quantity, uint256 price, bool isBuy)
        public
    {
        quantity = bound(quantity, 1, 20e18);
        price = bound(price, 1e18, 300e18);
        int256 cash = int256(_ceil(quantity * price, 1e30));
        OutcomeIntent memory i =
            intent("option", legs(option(isBuy ? "buy" : "sell", "call", 4400e18, quantity)), 1);
        i.limits.maxNetCost = (isBuy ? cash : -cash) - 1;
        Plan memory p = plan();
        int96 signedQuantity = int96(int256(quantity));
        fills(p, 0, call(4400e18), isBuy ? signedQuantity : -signedQuantity, price);
        refuses(signed(i, p), ISettlement.NetCost.selector);
        i.limits.maxNetCost += 1;
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 - (isBuy ? cash : -cash));
    }

    /// Whatever a solver plans for two owners' signed intents: it settles or reverts, and a third
    /// party, who granted all and signed nothing, holds what it held; so does the Router.
    function testFuzz_noPlanMovesAThirdPartysFunds(uint256 seed) public {
        _try(seed);
    }

    /// The plans above are not all nonsense: many of them settle.
    function test_wildPlansDoSettle() public {
        uint256 settled;
        for (uint256 n; n < 32; ++n) {
            uint256 state = vm.snapshotState();
            if (_try(uint256(keccak256(abi.encode(n))))) ++settled;
            vm.revertToState(state);
        }
        vm.assertTrue(settled > 3);
    }

    function _try(uint256 seed) private returns (bool isSettled) {
        usdc.mint(address(router), 3e6);
        (OutcomeIntent memory a,) = collateralSwap(1);
        (a.legs[0].quantityMax, a.legs[1].quantityMin) = (8000e6, 0);
        (OutcomeIntent memory b,) = walletSwap(2);
        (b.legs[0].quantityMax, b.subaccount, b.legs[1].quantityMin) = (8000e6, 1, 0);
        Item[] memory items =
            both(signed(a, _wild(seed, false)), permitted(b, _wild(seed >> 128, true)));
        vm.prank(solver);
        try settlement.settle(items, noReport(), new bytes[](0)) {
            isSettled = true;
            vm.assertEq(usdc.balanceOf(address(router)), 3e6);
            vm.assertEq(weth.balanceOf(address(router)), 0);
        } catch {}
        vm.assertEq(usdc.balanceOf(third), 10_000e6);
        vm.assertEq(weth.balanceOf(third), 10e18);
        vm.assertEq(house.cashOf(third.encode(0)), 10_000e6);
        vm.assertEq(house.balanceOf(third.encode(0), address(weth)), 10e18);
        vm.assertEq(usdc.allowance(address(router), address(pair)), 0);
        // nor more of the owners' than they signed
        vm.assertTrue(house.cashOf(userAccount) >= 992_000e6);
        vm.assertTrue(usdc.balanceOf(user) >= 992_000e6);
    }

    function _wild(uint256 seed, bool fromWallet) private view returns (Plan memory p) {
        p = plan();
        uint256 amount = 3000e6 + seed % 1001e6;
        uint256 received = receivedV2(usdc, amount) - (seed >> 16) % 3;
        if (fromWallet) received = received * 98 / 100; // the other item traded first
        pulls(p, 0, usdc, amount + (seed >> 64) % 2, fromWallet);
        address[4] memory to = [user, third, address(router), solver];
        address receiver = to[(seed >> 20) % 8 == 0 ? (seed >> 32) % 4 : 2];
        steps(p, swapV2(usdc, amount, received, receiver));
        if ((seed >> 40) % 8 == 0) {
            bytes memory steal = abi.encodeCall(IERC20.transferFrom, (third, solver, 1e6));
            steps(p, Step(address(usdc), address(0), 0, uint8(seed >> 48) % 4, steal));
        }
        pays(p, 1, weth, (seed >> 56) % 4 == 0 ? received - 1 : received);
        if ((seed >> 64) % 2 == 1) takesBack(p, (seed >> 72) % 8 == 0 ? weth : usdc);
        p.fee = (seed >> 80) % 5 == 0 ? (seed >> 88) % 200e6 : 0;
        if ((seed >> 96) % 8 == 0) pulls(p, 0, usdc, 1e6, !fromWallet);
    }

    function _ceil(uint256 x, uint256 y) private pure returns (uint256) {
        return x == 0 ? 0 : (x - 1) / y + 1;
    }
}
