// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Execution} from "../../src/Execution.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Settlement hands its own calldata on and appends what it found out. Offsets that point backwards,
/// beyond the end or into what is appended must not make the two of them read different intents.
contract HostileCalldataTest is FullWorld {
    using AccountId for address;

    address private third = address(0x3d);

    function setUp() public override {
        super.setUp();
        fund(third, 0, 10_000e6, 10e18);
    }

    /// Any word of a good call replaced by anything: it settles within what was signed or not at
    /// all.
    function testFuzz_anyWordReplaced(uint256 place, uint256 word, uint256 how) public {
        (bytes memory data, uint256 bought) = _call();
        _tryMutated(data, place, word, how, bought);
    }

    /// Two words at once, of the part that nobody signed: offsets, lengths and the plan.
    function testFuzz_twoWordsReplaced(uint256 seed, uint256 a, uint256 b) public {
        (bytes memory data, uint256 bought) = _call();
        _replace(data, seed, a, seed >> 128);
        _tryMutated(data, seed >> 64, b, seed >> 192, bought);
    }

    /// Bytes after the last argument take no part.
    function test_trailingBytesChangeNothing() public {
        (bytes memory data, uint256 bought) = _call();
        vm.assertTrue(_settles(bytes.concat(data, new bytes(320), abi.encode(this)), bought));
    }

    /// The library is nobody's to call: its steps run in Settlement's name or not at all.
    function test_executionCalledDirectly() public {
        (bytes memory data,) = _call();
        bytes memory direct = bytes.concat(Execution.execute.selector, _tail(data));
        (bool isDone,) = address(Execution).call(direct);
        vm.assertFalse(isDone);
    }

    // ---- helpers

    function _call() private view returns (bytes memory, uint256 bought) {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        takesBack(p, usdc);
        Item[] memory items = one(signed(i, p));
        return (
            abi.encodeCall(settlement.settle, (items, noReport(), new bytes[](0))),
            i.legs[1].quantityMin
        );
    }

    function _tryMutated(
        bytes memory data,
        uint256 place,
        uint256 word,
        uint256 how,
        uint256 bought
    ) private {
        _replace(data, place, word, how);
        _settles(data, bought);
    }

    /// Near the old value, a small number, a place near the end, below zero, or anything.
    function _replace(bytes memory data, uint256 place, uint256 word, uint256 how) private pure {
        uint256 spot = 36 + 32 * bound(place, 0, (data.length - 36) / 32 - 1);
        uint256 old;
        assembly ("memory-safe") {
            old := mload(add(data, spot))
        }
        how %= 5;
        unchecked {
            if (how == 0) word = old + 32 * (word % 5) - 64;
            if (how == 1) word = 32 * (word % 64);
            if (how == 2) word = data.length - 4 - spot + 32 * (word % 40);
            if (how == 3) word = 0 - 32 * (word % 64);
        }
        assembly ("memory-safe") {
            mstore(add(data, spot), word)
        }
    }

    function _settles(bytes memory data, uint256 bought) private returns (bool isSettled) {
        vm.prank(solver);
        (isSettled,) = address(settlement).call(data);
        int256 paid = 1_000_000e6 - house.cashOf(userAccount);
        int256 received = house.balanceOf(userAccount, address(weth)) - 100e18;
        vm.assertTrue(paid >= 0 && paid <= 4000e6);
        vm.assertTrue(paid == 0 ? received == 0 : received >= int256(bought));
        vm.assertEq(usdc.balanceOf(user) + usdc.balanceOf(third), 1_010_000e6);
        vm.assertEq(house.cashOf(third.encode(0)), 10_000e6);
        vm.assertEq(usdc.balanceOf(address(router)) + weth.balanceOf(address(router)), 0);
    }

    function _tail(bytes memory data) private pure returns (bytes memory rest) {
        rest = new bytes(data.length - 4);
        for (uint256 i; i < rest.length; ++i) {
            rest[i] = data[i + 4];
        }
    }
}
