// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    Fill,
    NO_HINT,
    Out,
    PAY_CALLBACK,
    PAY_TRANSFER,
    Plan,
    Pull,
    SOLVER_ACCOUNT,
    Step
} from "../../src/types/Plan.sol";
import {Token} from "./Tokens.sol";
import {Pair, Pool} from "./Venues.sol";
import {Test} from "./Vm.sol";

/// A solver's plan, put together one sentence at a time.
abstract contract Plans is Test {
    Token internal usdc;
    Token internal weth;
    Token internal dai;
    Pair internal pair;
    Pool internal pool;

    function plan() internal pure returns (Plan memory p) {
        p.fraction = 1e18;
    }

    function pulls(Plan memory p, uint8 leg, Token token, uint256 amount, bool fromWallet)
        internal
        pure
    {
        Pull[] memory list = new Pull[](p.pulls.length + 1);
        for (uint256 i; i < p.pulls.length; ++i) {
            list[i] = p.pulls[i];
        }
        list[p.pulls.length] = Pull(leg, address(token), amount, fromWallet);
        p.pulls = list;
    }

    function steps(Plan memory p, Step memory step) internal pure {
        Step[] memory list = new Step[](p.steps.length + 1);
        for (uint256 i; i < p.steps.length; ++i) {
            list[i] = p.steps[i];
        }
        list[p.steps.length] = step;
        p.steps = list;
    }

    /// amount 0: whatever is left of the token, once the plan takes it back.
    function pays(Plan memory p, uint8 leg, Token token, uint256 amount) internal pure {
        Out[] memory list = new Out[](p.outs.length + 1);
        for (uint256 i; i < p.outs.length; ++i) {
            list[i] = p.outs[i];
        }
        list[p.outs.length] = Out(leg, address(token), amount);
        p.outs = list;
    }

    /// Against the solver's own account.
    function fills(Plan memory p, uint8 leg, uint160 instrument, int96 quantity, uint256 price)
        internal
        pure
    {
        Fill[] memory list = new Fill[](p.fills.length + 1);
        for (uint256 i; i < p.fills.length; ++i) {
            list[i] = p.fills[i];
        }
        list[p.fills.length] =
            Fill(leg, instrument, quantity, price, SOLVER_ACCOUNT, NO_HINT, NO_HINT);
        p.fills = list;
    }

    function takesBack(Plan memory p, Token token) internal pure {
        p.residuals = new address[](1);
        p.residuals[0] = address(token);
    }

    function swapV2(Token from, uint256 amount, uint256 received, address to)
        internal
        view
        returns (Step memory)
    {
        (uint256 out0, uint256 out1) =
            pair.token0() == address(from) ? (uint256(0), received) : (received, uint256(0));
        return Step(
            address(pair),
            address(from),
            amount,
            PAY_TRANSFER,
            abi.encodeCall(Pair.swap, (out0, out1, to, ""))
        );
    }

    function swapV3(Token from, uint256 amount, address to) internal view returns (Step memory) {
        bool isToken0 = pool.token0() == address(from);
        uint160 limit = isToken0
            ? 4_295_128_740
            : 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341;
        return Step(
            address(pool),
            address(from),
            amount,
            PAY_CALLBACK,
            abi.encodeCall(Pool.swap, (to, isToken0, int256(amount), limit, ""))
        );
    }

    /// What the v2 pair gives for `amount`, to the wei.
    function receivedV2(Token from, uint256 amount) internal view returns (uint256) {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        (uint256 x, uint256 y) =
            pair.token0() == address(from) ? (reserve0, reserve1) : (reserve1, reserve0);
        return amount * 997 * y / (x * 1000 + amount * 997);
    }
}
