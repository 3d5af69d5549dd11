// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {Leg} from "../types/Intent.sol";

/// What a leg asks for once its words are read.
enum Role {
    TokenSell,
    TokenBuy,
    Deposit,
    Withdraw,
    Hold, // collateral `auto`: bounds the balance afterwards, moves nothing
    Perp,
    Option
}

enum Side {
    Buy,
    Sell,
    Auto
}

/// Reads the words of a leg once, so that everything behind it works on values.
library Legs {
    bytes32 private constant TOKEN = bytes32(uint256(bytes32("token")) | 5);
    bytes32 private constant PERP = bytes32(uint256(bytes32("perp")) | 4);
    bytes32 private constant OPTION = bytes32(uint256(bytes32("option")) | 6);
    bytes32 private constant COLLATERAL = bytes32(uint256(bytes32("collateral")) | 10);
    bytes32 private constant BRIDGE = bytes32(uint256(bytes32("bridge")) | 6);

    bytes32 private constant BUY = bytes32(uint256(bytes32("buy")) | 3);
    bytes32 private constant SELL = bytes32(uint256(bytes32("sell")) | 4);
    bytes32 private constant AUTO = bytes32(uint256(bytes32("auto")) | 4);
    bytes32 private constant DEPOSIT = bytes32(uint256(bytes32("deposit")) | 7);
    bytes32 internal constant WITHDRAW = bytes32(uint256(bytes32("withdraw")) | 8);

    function rolesOf(Leg[] calldata legs) internal view returns (Role[] memory roles) {
        roles = new Role[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            roles[i] = roleOf(legs[i], i);
        }
    }

    /// Refuses what this chain cannot keep: another chain's legs, unknown words, and a limit price
    /// where no single fill has a price to hold against it.
    function roleOf(Leg calldata leg, uint256 index) internal view returns (Role role) {
        bytes32 kind = wordOf(leg.kind);
        if (kind == BRIDGE || (leg.chainId != 0 && leg.chainId != block.chainid)) {
            revert ISettlement.WrongChain(index, leg.chainId);
        }
        if (kind == PERP) return Role.Perp;
        if (kind == OPTION) return Role.Option;
        if (leg.limitPrice != 0) revert ISettlement.LegPrice(index, 0, leg.limitPrice);
        bytes32 side = wordOf(leg.side);
        if (kind == TOKEN) {
            if (side == SELL) return Role.TokenSell;
            if (side == BUY) return Role.TokenBuy;
        } else if (kind == COLLATERAL) {
            if (side == DEPOSIT) return Role.Deposit;
            if (side == WITHDRAW) return Role.Withdraw;
            if (side == AUTO) return Role.Hold;
        } else {
            revert ISettlement.LegKind(index);
        }
        revert ISettlement.LegSide(index);
    }

    function isDerivative(Role role) internal pure returns (bool) {
        return role >= Role.Perp; // the last two
    }

    /// Side of a perp or option leg.
    function sideOf(Leg calldata leg, uint256 index) internal pure returns (Side) {
        bytes32 side = wordOf(leg.side);
        if (side == BUY) return Side.Buy;
        if (side == SELL) return Side.Sell;
        if (side == AUTO) return Side.Auto;
        revert ISettlement.LegSide(index);
    }

    /// A word as a value: its letters and, in the last byte, how many they are. What is longer than any
    /// word of ours answers a value that none has.
    function wordOf(string calldata text) internal pure returns (bytes32 word) {
        uint256 length = bytes(text).length;
        if (length > 31) return bytes32(type(uint256).max);
        assembly ("memory-safe") {
            let unused := sub(256, mul(length, 8))
            word := or(shl(unused, shr(unused, calldataload(text.offset))), length)
        }
    }
}
