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
    bytes32 private constant TOKEN = keccak256("token");
    bytes32 private constant PERP = keccak256("perp");
    bytes32 private constant OPTION = keccak256("option");
    bytes32 private constant COLLATERAL = keccak256("collateral");
    bytes32 private constant BRIDGE = keccak256("bridge");

    bytes32 private constant BUY = keccak256("buy");
    bytes32 private constant SELL = keccak256("sell");
    bytes32 private constant AUTO = keccak256("auto");
    bytes32 private constant DEPOSIT = keccak256("deposit");
    bytes32 private constant WITHDRAW = keccak256("withdraw");

    function rolesOf(Leg[] calldata legs) internal view returns (Role[] memory roles) {
        roles = new Role[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            roles[i] = roleOf(legs[i], i);
        }
    }

    /// Refuses what this chain cannot keep: another chain's legs, unknown words, and a limit price
    /// where no single fill has a price to hold against it.
    function roleOf(Leg calldata leg, uint256 index) internal view returns (Role role) {
        bytes32 kind = keccak256(bytes(leg.kind));
        if (kind == BRIDGE || (leg.chainId != 0 && leg.chainId != block.chainid)) {
            revert ISettlement.WrongChain(index, leg.chainId);
        }
        if (kind == PERP) return Role.Perp;
        if (kind == OPTION) return Role.Option;
        if (leg.limitPrice != 0) revert ISettlement.LegPrice(index, 0, leg.limitPrice);
        bytes32 side = keccak256(bytes(leg.side));
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

    function isHold(Leg calldata leg) internal pure returns (bool) {
        return keccak256(bytes(leg.kind)) == COLLATERAL && keccak256(bytes(leg.side)) == AUTO;
    }

    function isDerivative(Role role) internal pure returns (bool) {
        return role == Role.Perp || role == Role.Option;
    }

    /// Side of a perp or option leg.
    function sideOf(Leg calldata leg, uint256 index) internal pure returns (Side) {
        bytes32 side = keccak256(bytes(leg.side));
        if (side == BUY) return Side.Buy;
        if (side == SELL) return Side.Sell;
        if (side == AUTO) return Side.Auto;
        revert ISettlement.LegSide(index);
    }
}
