// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IParams} from "./interfaces/IParams.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {InstrumentId} from "./libraries/InstrumentId.sol";
import {Legs, Role, Side} from "./libraries/Legs.sol";
import {Leg, Limits} from "./types/Intent.sol";
import {KIND_ASIAN_CALL, KIND_ASIAN_PUT, KIND_CALL, KIND_PUT} from "./types/Market.sol";
import {Fill} from "./types/Plan.sol";
import {Mark} from "./types/Report.sol";

/// The contracts around a settlement, and what an atom is.
struct Ground {
    IParams params;
    IClearinghouse clearinghouse;
    address router;
    address quoteToken;
    uint256 atomWad; // 1e18 settlement units are this many times an atom: 10^(18 - decimals)
}

/// What an item moved, as measured, and what its solver takes for it.
struct Moved {
    Role[] roles;
    uint256[] atoms; // per leg: tokens and collateral; 0 where fills speak
    uint256 fraction;
    uint256 fee;
    bool isFeeFromCash;
    bool isMetered; // under a mandate: value everything, whatever the slippage bound
}

/// What it cost, as the bounds of CONTRACTS.md 5.2 count it. Settlement atoms; quote atoms for the
/// rest.
struct Verdict {
    int256 cost;
    int256 loss;
    bool isTouching; // the Clearinghouse moved something for it and must gate the account
    uint256 traded; // notional of derivatives and value of tokens sold, at the mark
    bool isHolding; // some leg bounds the balance afterwards
}

/// Holds what happened against every bound the owner signed. Reads prices, changes nothing. Every
/// cap is scaled by the fraction filled and rounded down towards minus infinity, every minimum up:
/// rounding towards zero would weaken a signed credit.
library Checks {
    using InstrumentId for uint160;
    using SafeCast for uint256;

    uint256 private constant WAD = 1e18;
    uint256 private constant BPS = 10_000;
    uint32 private constant SLIPPAGE_NONE = type(uint32).max;
    int256 private constant COST_NONE = type(int256).max;

    bytes32 private constant CALL = bytes32(uint256(bytes32("call")) | 4);
    bytes32 private constant PUT = bytes32(uint256(bytes32("put")) | 3);
    bytes32 private constant ASIAN_CALL = bytes32(uint256(bytes32("asianCall")) | 9);
    bytes32 private constant ASIAN_PUT = bytes32(uint256(bytes32("asianPut")) | 8);

    /// One item's sums while its fills and legs are walked.
    struct Sums {
        int256 cost;
        int256 loss;
        uint256 traded;
        uint256 largest; // notional of the largest leg
        int256[] quantity; // per leg, signed for fills
        bool isValued;
        address markedAsset; // the last underlying looked up; legs of one intent mostly share it
        uint256 mark;
        uint16 market;
    }

    /// Steps 9 and 10 of `settle`: legs, limit prices, net cost, slippage and fee.
    function bounds(
        Leg[] calldata legs,
        Limits calldata limits,
        Fill[] calldata fills,
        Mark[] calldata marks,
        Moved memory moved,
        Ground memory ground
    ) internal view returns (Verdict memory) {
        Sums memory sums;
        sums.quantity = new int256[](moved.roles.length);
        sums.isValued = moved.isMetered || limits.maxSlippageBps != SLIPPAGE_NONE;
        for (uint256 i; i < fills.length; ++i) {
            Fill calldata fill = fills[i];
            uint256 index = fill.leg;
            Leg calldata leg = legs[index];
            _lookUp(sums, leg.asset, ground);
            _checkFill(sums, leg, fill, moved.roles[index]);
            _addFill(sums, fill, marks, ground);
        }
        bool isHolding = _checkLegs(sums, legs, moved, limits);
        _addLegs(sums, legs, moved, limits, marks, ground);
        _checkSums(sums, limits, moved, marks, ground);
        return Verdict(sums.cost, sums.loss, false, sums.traded, isHolding);
    }

    // ---- fills

    function _checkFill(Sums memory sums, Leg calldata leg, Fill calldata fill, Role role)
        private
        pure
    {
        uint256 index = fill.leg;
        if (!_isInRange(leg, fill.instrument, role, sums.market)) {
            revert ISettlement.LegRange(index, fill.instrument);
        }
        Side side = Legs.sideOf(leg, index);
        bool isBuy = fill.quantity > 0;
        // One sign per leg: a buy and a sell that cancel would fill any quantity at any price.
        if (
            fill.quantity == 0 || (side == Side.Buy && !isBuy) || (side == Side.Sell && isBuy)
                || (isBuy ? sums.quantity[index] < 0 : sums.quantity[index] > 0)
        ) revert ISettlement.LegSide(index);
        if (
            leg.limitPrice != 0
                && (isBuy ? fill.price > leg.limitPrice : fill.price < leg.limitPrice)
        ) revert ISettlement.LegPrice(index, fill.price, leg.limitPrice);
        sums.quantity[index] += fill.quantity;
    }

    function _isInRange(Leg calldata leg, uint160 id, Role role, uint16 market)
        private
        pure
        returns (bool)
    {
        if (market == 0 || id.marketOf() != market) return false;
        if (role == Role.Perp) return id == InstrumentId.perp(market);
        if (role != Role.Option) return false;
        uint256 strike = id.strikeOf();
        uint256 expiry = id.expiryOf();
        return id.kindOf() == _kindOf(leg.right) && strike >= leg.strikeMin
            && strike <= leg.strikeMax && expiry >= leg.expiryMin && expiry <= leg.expiryMax;
    }

    /// Kind of an option by its right; an unknown word answers a kind that no option has.
    function _kindOf(string calldata right) private pure returns (uint8) {
        bytes32 word = Legs.wordOf(right);
        if (word == CALL) return KIND_CALL;
        if (word == PUT) return KIND_PUT;
        if (word == ASIAN_CALL) return KIND_ASIAN_CALL;
        if (word == ASIAN_PUT) return KIND_ASIAN_PUT;
        return type(uint8).max;
    }

    /// A premium costs the cash it moves; a perp only what its price is off the mark, for its
    /// notional is neither paid nor received.
    function _addFill(
        Sums memory sums,
        Fill calldata fill,
        Mark[] calldata marks,
        Ground memory ground
    ) private view {
        int256 price = fill.price.toInt256();
        if (fill.instrument.isPerp()) {
            int256 off =
                _cashUp(int256(fill.quantity) * (price - _mark(sums, ground).toInt256()), ground);
            sums.cost += off;
            sums.loss += off;
            return;
        }
        sums.cost += _premium(int256(fill.quantity) * price, ground);
        if (sums.isValued) {
            int256 mark = _markIn(marks, fill.instrument).toInt256();
            sums.loss += _cashUp(int256(fill.quantity) * (price - mark), ground);
        }
    }

    // ---- legs

    /// Returns whether some leg bounds the balance afterwards.
    function _checkLegs(
        Sums memory sums,
        Leg[] calldata legs,
        Moved memory moved,
        Limits calldata limits
    ) private pure returns (bool isHolding) {
        Role[] memory roles = moved.roles;
        for (uint256 i; i < roles.length; ++i) {
            Role role = roles[i];
            if (role == Role.Hold) isHolding = true;
            else if (Legs.isDerivative(role)) _checkFilled(sums, legs[i], i, moved, limits);
            else _checkQuantity(legs[i], i, moved.atoms[i], moved.fraction, role);
        }
    }

    function _addLegs(
        Sums memory sums,
        Leg[] calldata legs,
        Moved memory moved,
        Limits calldata limits,
        Mark[] calldata marks,
        Ground memory ground
    ) private view {
        Role[] memory roles = moved.roles;
        for (uint256 i; i < roles.length; ++i) {
            Role role = roles[i];
            // What derivatives cost their fills have said; their notional matters only when valued.
            if (Legs.isDerivative(role)) {
                if (sums.isValued) _addNotional(sums, legs[i], i, ground);
            } else if (role <= Role.TokenBuy) {
                _addTokens(sums, legs[i].asset, moved.atoms[i], role, limits, marks, ground);
            }
        }
    }

    function _checkFilled(
        Sums memory sums,
        Leg calldata leg,
        uint256 index,
        Moved memory moved,
        Limits calldata limits
    ) private pure {
        if (Legs.sideOf(leg, index) == Side.Auto) {
            if (leg.limitPrice != 0) revert ISettlement.LegPrice(index, 0, leg.limitPrice);
            if (limits.maxSlippageBps == SLIPPAGE_NONE && limits.maxNetCost == COST_NONE) {
                revert ISettlement.Unbounded(index);
            }
        }
        uint256 quantity = SignedMath.abs(sums.quantity[index]);
        _checkQuantity(leg, index, quantity, moved.fraction, Role.Option);
    }

    function _checkQuantity(
        Leg calldata leg,
        uint256 index,
        uint256 quantity,
        uint256 fraction,
        Role role
    ) private pure {
        uint256 least = _scaled(leg.quantityMin, fraction, Math.Rounding.Ceil);
        uint256 most = _scaled(leg.quantityMax, fraction, Math.Rounding.Floor);
        // Tokens bought above the maximum are the owner's surplus.
        if (quantity < least || (quantity > most && role != Role.TokenBuy)) {
            revert ISettlement.LegQuantity(index, quantity);
        }
    }

    function _addTokens(
        Sums memory sums,
        address asset,
        uint256 atoms,
        Role role,
        Limits calldata limits,
        Mark[] calldata marks,
        Ground memory ground
    ) private view {
        bool isSold = role == Role.TokenSell;
        if (asset == limits.settlementToken) {
            sums.cost += isSold ? atoms.toInt256() : -atoms.toInt256();
        }
        if (!sums.isValued) return;
        Math.Rounding rounding = isSold ? Math.Rounding.Ceil : Math.Rounding.Floor;
        uint256 notional = _value(sums, asset, atoms, marks, ground, rounding);
        sums.loss += isSold ? notional.toInt256() : -notional.toInt256();
        if (isSold) sums.traded += notional;
        if (notional > sums.largest) sums.largest = notional;
    }

    function _addNotional(Sums memory sums, Leg calldata leg, uint256 index, Ground memory ground)
        private
        view
    {
        uint256 quantity = SignedMath.abs(sums.quantity[index]);
        if (quantity == 0) return;
        _lookUp(sums, leg.asset, ground);
        uint256 notional = Math.mulDiv(quantity, _mark(sums, ground), WAD * ground.atomWad);
        sums.traded += notional;
        if (notional > sums.largest) sums.largest = notional;
    }

    // ---- sums

    function _checkSums(
        Sums memory sums,
        Limits calldata limits,
        Moved memory moved,
        Mark[] calldata marks,
        Ground memory ground
    ) private view {
        uint256 feeMax = _scaled(limits.maxFee, moved.fraction, Math.Rounding.Floor);
        if (moved.fee > feeMax) revert ISettlement.FeeTooHigh(moved.fee, feeMax);
        // Held back from settlement tokens, the fee is already inside sold - bought: it counts as
        // cost there and must not count as slippage. Out of cash it is the other way round.
        if (moved.isFeeFromCash) sums.cost += moved.fee.toInt256();
        if (limits.maxNetCost != COST_NONE) {
            int256 costMax = _scaledDown(limits.maxNetCost, moved.fraction);
            if (sums.cost > costMax) revert ISettlement.NetCost(sums.cost, costMax);
        }
        if (!sums.isValued) return;
        if (moved.fee != 0 && !moved.isFeeFromCash) {
            sums.loss -= SafeCast.toInt256(
                _value(sums, limits.settlementToken, moved.fee, marks, ground, Math.Rounding.Floor)
            );
        }
        if (limits.maxSlippageBps == SLIPPAGE_NONE) return;
        uint256 lossMax = Math.mulDiv(sums.largest, limits.maxSlippageBps, BPS);
        if (sums.loss > lossMax.toInt256()) revert ISettlement.Slippage(sums.loss, lossMax);
    }

    /// cap x fraction, towards minus infinity.
    function _scaledDown(int256 cap, uint256 fraction) private pure returns (int256) {
        return cap >= 0
            ? _scaled(uint256(cap), fraction, Math.Rounding.Floor).toInt256()
            : -_scaled(SignedMath.abs(cap), fraction, Math.Rounding.Ceil).toInt256();
    }

    function _scaled(uint256 amount, uint256 fraction, Math.Rounding rounding)
        private
        pure
        returns (uint256)
    {
        return fraction == WAD ? amount : Math.mulDiv(amount, fraction, WAD, rounding);
    }

    /// wad^2 to atoms as the Clearinghouse moves them: who pays rounds up, who receives gets the
    /// same.
    function _premium(int256 amount, Ground memory ground) private pure returns (int256) {
        return amount >= 0 ? _cashUp(amount, ground) : -_cashUp(-amount, ground);
    }

    /// wad^2 to atoms towards plus infinity: costs are never understated.
    function _cashUp(int256 amount, Ground memory ground) private pure returns (int256) {
        int256 unit = int256(WAD * ground.atomWad);
        int256 atoms = amount / unit;
        return amount > 0 && amount % unit != 0 ? atoms + 1 : atoms;
    }

    // ---- prices

    /// Quote atoms that `atoms` of a token are worth: a market's base by the chain's own mark,
    /// other tokens by the report's.
    function _value(
        Sums memory sums,
        address token,
        uint256 atoms,
        Mark[] calldata marks,
        Ground memory ground,
        Math.Rounding rounding
    ) private view returns (uint256) {
        if (token == ground.quoteToken || atoms == 0) return atoms;
        _lookUp(sums, token, ground);
        uint256 price = sums.market == 0 ? _markIn(marks, uint160(token)) : _mark(sums, ground);
        uint256 unit = 10 ** IERC20Metadata(token).decimals();
        return Math.mulDiv(atoms, price, unit * ground.atomWad, rounding);
    }

    function _lookUp(Sums memory sums, address asset, Ground memory ground) private view {
        if (asset == sums.markedAsset) return;
        sums.markedAsset = asset;
        sums.market = ground.params.marketOf(asset);
        sums.mark = 0;
    }

    /// The chain's own mark of the asset looked up last, read when first needed.
    function _mark(Sums memory sums, Ground memory ground) private view returns (uint256) {
        if (sums.mark == 0) sums.mark = ground.clearinghouse.mark(sums.market);
        return sums.mark;
    }

    function _markIn(Mark[] calldata marks, uint160 instrument) private pure returns (uint256) {
        for (uint256 i; i < marks.length; ++i) {
            if (marks[i].instrument == instrument) return marks[i].price;
        }
        revert ISettlement.MarkMissing(instrument);
    }
}
