// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../interfaces/IAuction.sol";
import {Slices} from "../libraries/Slices.sol";

/// The numbers of an auction for whoever wants to compare: what `IAuction` says of them.
abstract contract Arithmetic is IAuction {
    function priceAt(uint256 elapsed) external pure returns (uint256) {
        return Slices.priceAt(elapsed);
    }

    function bufferOf(int256 equity, int256 maintenance) external pure returns (int256) {
        return Slices.bufferOf(equity, maintenance);
    }

    function sliceOf(int256 buffer, int256 equity, int256 reserved, uint256 price)
        external
        pure
        returns (uint256)
    {
        return Slices.sliceOf(buffer, equity, reserved, price);
    }

    function paymentOf(int256 equity, int256 reserved, uint256 fraction, uint256 price)
        external
        pure
        returns (int256)
    {
        return Slices.paymentOf(equity, reserved, fraction, price);
    }

    function feeOf(int256 paid) external pure returns (uint256) {
        return Slices.feeOf(paid);
    }

    function payoutOf(int256 equity, int256 maintenance, uint256 fraction, uint256 elapsed)
        external
        pure
        returns (uint256)
    {
        return Slices.payoutOf(equity, maintenance, fraction, elapsed);
    }
}
