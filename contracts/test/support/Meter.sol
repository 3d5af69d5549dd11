// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FullWorld} from "./FullWorld.sol";
import {Token} from "./Tokens.sol";
import {Pair, Pool} from "./Venues.sol";
import {Vm} from "./Vm.sol";

/// The cheat code that only this file needs.
interface VmSnapshots {
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// The least code that swaps on a pool for its caller: what a settled swap is compared with.
contract Bare {
    function swapV2(Pair pair, Token from, uint256 amount, uint256 out0, uint256 out1) external {
        // forge-lint: disable-next-line(erc20-unchecked-transfer)
        from.transferFrom(msg.sender, address(pair), amount);
        pair.swap(out0, out1, msg.sender, "");
    }

    function swapV3(Pool pool, bool zeroForOne, int256 amount, uint160 limit) external {
        pool.swap(msg.sender, zeroForOne, amount, limit, abi.encode(msg.sender));
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata payer) external {
        Token token = Token(amount0 > 0 ? Pool(msg.sender).token0() : Pool(msg.sender).token1());
        uint256 owed = uint256(amount0 > 0 ? amount0 : amount1);
        // forge-lint: disable-next-line(erc20-unchecked-transfer)
        token.transferFrom(abi.decode(payer, (address)), msg.sender, owed);
    }
}

/// Reads what the last transaction cost, as its receipt would say it, and holds it to a bound. Every
/// figure goes to contracts/snapshots too, where a change of one unit shows.
abstract contract Meter is FullWorld {
    uint256 internal constant TRANSACTION = 21_000;

    VmSnapshots private constant SNAPSHOTS = VmSnapshots(address(vm));

    /// Refunds taken off, at most a fifth (EIP-3529).
    function used() internal view returns (uint256) {
        Vm.Gas memory gas = vm.lastCallGas();
        uint256 refund = uint256(int256(gas.gasRefunded));
        uint256 most = gas.gasTotalUsed / 5;
        return gas.gasTotalUsed - (refund < most ? refund : most);
    }

    /// The budget of CONTRACTS.md 11 is held.
    function holds(string memory what, uint256 gas, uint256 budget) internal {
        _atMost(what, gas, budget);
    }

    /// The budget is missed: what is reached today, and no more than a hundredth above it.
    function misses(string memory what, uint256 gas, uint256 budget, uint256 reached) internal {
        vm.assertTrue(gas > budget); // else say that it holds
        _atMost(what, gas, reached + reached / 100);
    }

    function _atMost(string memory what, uint256 gas, uint256 bound) private {
        emit log_named_uint(what, gas);
        SNAPSHOTS.snapshotValue("Gas", what, gas);
        vm.assertLe(gas, bound, what);
    }
}
