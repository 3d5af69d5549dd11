// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {KIND_CALL, KIND_PUT} from "../src/types/Market.sol";
import {Trade} from "../src/types/Plan.sol";
import {House} from "./support/House.sol";

/// Clearings drawn at random, and what they cost.
contract ClearinghouseFuzzTest is House {
    /// Cash moves between accounts, never out of thin air, whatever the trades and their order.
    function testFuzz_cash_and_positions_are_conserved(uint256 seed) public {
        Trade[] memory trades = _random(seed);
        clear(trades);
        int256 sum = house.cashOf(annId) + house.cashOf(bobId) + house.cashOf(catId);
        vm.assertEq(sum, 300_000e6);
        for (uint256 i; i < trades.length; ++i) {
            uint160 id = trades[i].instrument;
            vm.assertEq(_held(annId, id) + _held(bobId, id) + _held(catId, id), 0);
        }
    }

    function testFuzz_order_of_trades_does_not_matter_for_the_gate(uint256 seed) public {
        Trade[] memory trades = _random(seed);
        uint256 state = vm.snapshotState();
        clear(trades);
        (int256 im, int256 mm, int256 equity) = house.simple(annId);
        vm.revertToState(state);
        for (uint256 i; i < trades.length / 2; ++i) {
            (trades[i], trades[trades.length - 1 - i]) = (trades[trades.length - 1 - i], trades[i]);
        }
        clear(trades);
        (int256 im2, int256 mm2, int256 equity2) = house.simple(annId);
        vm.assertEq(im, im2);
        vm.assertEq(mm, mm2);
        vm.assertEq(equity, equity2);
    }

    function testFuzz_preview_equals_what_happens(uint256 seed) public {
        Trade[] memory trades = _random(seed);
        (int256 im,,, bytes32 hash) = house.preview(catId, trades);
        clear(trades);
        (int256 im2,,) = house.simple(catId);
        vm.assertEq(im, im2);
        vm.assertEq(hash, house.positionsHash(catId));
    }

    // ---- gas

    function test_gas_clear_of_a_condor() public {
        Trade[] memory trades = _condor();
        clear(trades);
        emit log_named_uint("condor, 8 new slots, SIMPLE twice", vm.lastCallGas().gasTotalUsed);
        clear(trades);
        emit log_named_uint("condor again, slots exist", vm.lastCallGas().gasTotalUsed);
    }

    function test_gas_simple_of_20_options() public {
        Trade[] memory trades = new Trade[](20);
        for (uint256 i; i < 20; ++i) {
            uint8 kind = i % 2 == 0 ? KIND_CALL : KIND_PUT;
            trades[i] = trade(
                annId,
                bobId,
                option(kind, 3600e18 + i * 40e18),
                i % 3 == 0 ? -int96(1e16) : int96(1e16),
                500e18
            );
        }
        clear(trades);
        house.simple(annId);
        emit log_named_uint("simple() of 20 options, one expiry", vm.lastCallGas().gasTotalUsed);
        clear(annId, bobId, trades[3].instrument, 1e15, 500e18);
        emit log_named_uint("trade, both sides at 20 positions", vm.lastCallGas().gasTotalUsed);
    }

    function _condor() private view returns (Trade[] memory trades) {
        trades = new Trade[](4);
        trades[0] = trade(annId, bobId, option(KIND_PUT, 3400e18), 1e18, 100e18);
        trades[1] = trade(annId, bobId, option(KIND_PUT, 3800e18), -1e18, 200e18);
        trades[2] = trade(annId, bobId, option(KIND_CALL, 4200e18), -1e18, 200e18);
        trades[3] = trade(annId, bobId, option(KIND_CALL, 4600e18), 1e18, 100e18);
    }

    function _random(uint256 seed) private view returns (Trade[] memory trades) {
        bytes32[3] memory who = [annId, bobId, catId];
        trades = new Trade[](1 + seed % 8);
        for (uint256 i; i < trades.length; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            uint256 a = word % 3;
            uint160 id = word & 8 == 0
                ? perp
                : option(word & 16 == 0 ? KIND_CALL : KIND_PUT, 3900e18 + (word >> 8) % 4 * 50e18);
            uint256 price =
                id == perp ? 3900e18 + (word >> 64) % 200e18 : 150e18 + (word >> 64) % 300e18;
            int96 quantity = int96(int256((word >> 128) % 6e18) - 3e18);
            trades[i] = trade(
                who[a],
                who[(a + 1 + (word >> 32) % 2) % 3],
                id,
                quantity == 0 ? int96(1) : quantity,
                price
            );
        }
    }

    function _held(bytes32 who, uint160 id) private view returns (int256) {
        uint256[] memory slots = house.positions(who);
        for (uint256 i; i < slots.length; ++i) {
            if (PositionSlot.instrumentOf(slots[i]) == id) {
                return PositionSlot.quantityOf(slots[i]);
            }
        }
        return 0;
    }
}
