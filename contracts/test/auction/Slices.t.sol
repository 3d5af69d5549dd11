// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Slices} from "../../src/libraries/Slices.sol";
import {Test} from "../support/Vm.sol";

/// The arithmetic of a bid: its fixed points, and what a slice of the size it names does.
contract SlicesTest is Test {
    uint256 private constant WAD = 1e18;

    function test_the_price_falls_as_specified() public pure {
        vm.assertEq(Slices.priceAt(0), 0.98e18);
        vm.assertEq(Slices.priceAt(30), 0.926e18);
        vm.assertEq(Slices.priceAt(100), 0.8e18);
        vm.assertEq(Slices.priceAt(600) / 1e12, 772_222);
        vm.assertEq(Slices.priceAt(9000) / 1e12, 305_555);
        vm.assertEq(Slices.priceAt(14_500), 0);
        vm.assertEq(Slices.priceAt(type(uint256).max), 0);
    }

    function testFuzz_the_price_never_rises(uint256 elapsed) public pure {
        elapsed = bound(elapsed, 0, 20_000);
        vm.assertLe(Slices.priceAt(elapsed + 1), Slices.priceAt(elapsed));
    }

    /// Holdings worth `value` with requirement `needed` beside `reserved` cash: after the slice that is
    /// named the buffer holds, and nothing to speak of was sold beyond.
    function testFuzz_a_slice_restores_the_buffer(
        uint256 value,
        uint256 needed,
        uint256 reserved,
        uint256 elapsed
    ) public pure {
        value = bound(value, 100e6, 1e18);
        reserved = bound(reserved, 0, value);
        needed = bound(needed, value + reserved, 3 * (value + reserved));
        uint256 price = Slices.priceAt(bound(elapsed, 0, 15_000));
        int256 equity = int256(value + reserved);
        int256 buffer = Slices.bufferOf(equity, equity - int256(needed));
        uint256 fraction = Slices.sliceOf(buffer, equity, int256(reserved), price);
        int256 left = _bufferAfter(int256(value), int256(needed), int256(reserved), fraction, price);
        vm.assertGe(left, -int256(4));
        if (fraction < WAD) vm.assertLe(left, int256(4 * (value + needed) / 1e6 + 8));
    }

    function _bufferAfter(
        int256 value,
        int256 needed,
        int256 reserved,
        uint256 fraction,
        uint256 price
    ) private pure returns (int256) {
        int256 paid = Slices.paymentOf(value + reserved, reserved, fraction, price);
        uint256 fee = Slices.feeOf(paid);
        vm.assertLe(fee * 50, uint256(paid) + 50);
        int256 equity = reserved + value - Slices.share(value, fraction) + paid - int256(fee);
        return Slices.bufferOf(equity, equity - needed + Slices.share(needed, fraction));
    }

    function testFuzz_a_payout_rises_with_time_and_size(
        int256 equity,
        uint256 missing,
        uint256 fraction,
        uint256 elapsed
    ) public pure {
        equity = int256(bound(uint256(equity), 0, 2e18)) - 1e18;
        int256 maintenance = equity - int256(bound(missing, 0, 1e18));
        fraction = bound(fraction, 1, WAD - 1);
        elapsed = bound(elapsed, 0, 4000);
        uint256 payout = Slices.payoutOf(equity, maintenance, fraction, elapsed);
        vm.assertLe(payout, Slices.payoutOf(equity, maintenance, fraction, elapsed + 1));
        vm.assertLe(payout, Slices.payoutOf(equity, maintenance, fraction + 1, elapsed));
        uint256 most = Slices.payoutOf(equity, maintenance, WAD, 3600);
        vm.assertEq(most, maintenance < 0 ? uint256(-maintenance) : 0);
        if (equity < 0) {
            vm.assertEq(Slices.payoutOf(equity, maintenance, WAD, 0), uint256(-equity));
        }
    }

    function test_nothing_is_sold_of_an_account_that_holds() public pure {
        vm.assertEq(Slices.sliceOf(0, 1, 0, WAD), 0);
        vm.assertEq(Slices.sliceOf(-1, -5, 0, WAD), WAD);
        vm.assertEq(Slices.paymentOf(-1, 0, WAD, 1), -1); // down
        vm.assertEq(Slices.feeOf(-5), 0);
    }
}
