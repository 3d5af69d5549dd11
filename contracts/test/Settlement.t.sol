// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Item, Plan} from "../src/types/Plan.sol";
import {OutcomeIntent} from "../src/types/Intent.sol";
import {FullWorld} from "./support/FullWorld.sol";

contract SettlementTest is FullWorld {
    function test_walletSwapPaysTheReceiverDirectly() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 before = weth.balanceOf(user);
        settle(permitted(i, p));
        vm.assertEq(weth.balanceOf(user) - before, i.legs[1].quantityMin);
        vm.assertEq(usdc.balanceOf(user), 996_000e6);
    }

    function test_collateralSwapStaysInTheAccount() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 996_000e6);
        vm.assertEq(
            house.balanceOf(userAccount, address(weth)), int256(100e18 + i.legs[1].quantityMin)
        );
    }

    function test_coveredCallAgainstTwoQuotes() public {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        settle(signed(i, p));
        vm.assertEq(house.cashOf(userAccount), 1_000_000e6 + 1200e6 + 24_000e6 - 1e6);
    }
}
