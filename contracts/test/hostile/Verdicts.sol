// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Leg, Limits, Mandate} from "../../src/types/Intent.sol";
import {Item, SCHEME_MANDATE, SCHEME_PERMIT2} from "../../src/types/Plan.sol";
import {AccountRisk, Mark} from "../../src/types/Report.sol";
import {World} from "./World.sol";

/// Whether one owner got what the owner signed: the definitions of every signed bound, read off
/// balances and announced trades. An atom per trade is left for rounding.
abstract contract Verdicts is World {
    int256 internal constant MARK = 4000e18;
    int256 private constant ATOM = 1e30; // wad^2
    uint256 private constant WAD = 1e18;

    /// What changed for one owner: wallet, receiver and account together.
    struct Change {
        int256[3] net; // of each token, everywhere
        int256[3] wallet; // the owner's
        int256[3] received; // the receiver's
        int256 cash;
        int256 base;
        Holding before;
        Holding afterwards;
        Traded[] trades;
        int256 paid; // atoms, for these trades
        bool isAlone; // no other item of the same owner or receiver
    }

    function change(
        Call memory c,
        Item memory item,
        Seen memory a,
        Seen memory b,
        Traded[] memory trades
    ) internal pure returns (Change memory made) {
        address owner = item.intent.owner;
        address to = item.intent.receiver;
        uint256 place = placeOf(a, accountOf(owner, item.intent.subaccount));
        (made.before, made.afterwards) = (a.accounts[place], b.accounts[place]);
        made.cash = made.afterwards.cash - made.before.cash;
        made.base = made.afterwards.base - made.before.base;
        for (uint256 t; t < 3; ++t) {
            made.wallet[t] = walletOf(b, owner, t) - walletOf(a, owner, t);
            made.received[t] = walletOf(b, to, t) - walletOf(a, to, t);
            made.net[t] = made.wallet[t];
            if (to != address(0) && to != owner) made.net[t] += made.received[t];
        }
        made.net[0] += made.cash;
        made.net[1] += made.base;
        made.trades = _tradesOf(made.before.id, trades);
        for (uint256 n; n < made.trades.length; ++n) {
            made.paid += made.trades[n].cash;
        }
        uint256 sharers;
        for (uint256 n; n < c.items.length; ++n) {
            address other = c.items[n].intent.owner;
            address another = c.items[n].intent.receiver;
            if (other == owner || other == to || another == owner) ++sharers;
            else if (to != address(0) && another == to) ++sharers;
        }
        made.isAlone = sharers == 1;
    }

    function judgeItem(Call memory c, Item memory item, Change memory made) internal view {
        Limits memory limits = item.intent.limits;
        uint256 fraction = item.plan.fraction;
        vm.assertTrue(item.plan.fee <= _down(limits.maxFee, fraction), "fee");
        if (made.isAlone) _judgeTokens(item, made);
        _judgeLegs(item, made);
        if (made.isAlone) _judgeCost(item, made);
        if (made.isAlone) _judgeLoss(c, item, made, limits.maxSlippageBps, NONE);
        _judgeHoldings(item, made);
        _judgeOutcome(c, item, made);
        if (item.scheme == SCHEME_MANDATE) _judgeMandate(c, item, made);
    }

    // ---- tokens

    /// In all, at the receiver, and out of the account: never worse than the legs.
    function _judgeTokens(Item memory item, Change memory made) private view {
        address to = item.intent.receiver;
        for (uint256 t; t < 3; ++t) {
            int256 sold = most_(item, "token", "sell", t);
            int256 bought = _least(item, "token", "buy", t);
            int256 withdrawn = most_(item, "collateral", "withdraw", t);
            int256 fee = tokenOf(item.intent.limits.settlementToken) == t
                ? int256(item.plan.fee)
                : int256(0);
            int256 cashFee = t == 0 ? int256(item.plan.fee) : fee;
            int256 paid = t == 0 ? made.paid : int256(0);
            vm.assertTrue(made.net[t] + paid >= bought - sold - cashFee, "tokens in all");
            int256 held = t == 0 ? made.cash + paid + cashFee : t == 1 ? made.base : int256(0);
            vm.assertTrue(held >= -sold - withdrawn, "tokens out of the account");
            if (to == address(0)) {
                vm.assertTrue(held >= bought - sold - fee || t == 2, "tokens into the account");
                vm.assertTrue(withdrawn == 0 || held >= -sold, "withdrawn to nobody");
                continue;
            }
            int256 least = bought + _least(item, "collateral", "withdraw", t);
            if (to == item.intent.owner) least -= sold + most_(item, "collateral", "deposit", t);
            vm.assertTrue(made.received[t] >= least, "tokens at the receiver");
        }
    }

    /// Σ of the legs' scaled maxima, in atoms of the token.
    function most_(Item memory item, bytes memory kind, bytes memory side, uint256 token)
        internal
        view
        returns (int256 sum)
    {
        for (uint256 n; n < item.intent.legs.length; ++n) {
            Leg memory l = item.intent.legs[n];
            if (tokenOf(l.asset) != token || !_reads(l.kind, kind) || !_reads(l.side, side)) {
                continue;
            }
            sum += int256(Math.min(_down(l.quantityMax, item.plan.fraction), 1 << 128));
        }
    }

    function _least(Item memory item, bytes memory kind, bytes memory side, uint256 token)
        private
        view
        returns (int256 sum)
    {
        for (uint256 n; n < item.intent.legs.length; ++n) {
            Leg memory l = item.intent.legs[n];
            if (tokenOf(l.asset) != token || !_reads(l.kind, kind) || !_reads(l.side, side)) {
                continue;
            }
            sum += int256(_up(l.quantityMin, item.plan.fraction));
        }
    }

    // ---- derivatives

    function _judgeLegs(Item memory item, Change memory made) private view {
        Leg[] memory legs_ = item.intent.legs;
        bool isUnique = true;
        for (uint256 n; n < made.trades.length; ++n) {
            uint256 covering;
            bool isPriced;
            for (uint256 m; m < legs_.length; ++m) {
                if (!_covers(legs_[m], made.trades[n])) continue;
                ++covering;
                if (_isWithin(legs_[m].limitPrice, made.trades[n])) isPriced = true;
            }
            vm.assertTrue(covering != 0, "a contract that no leg names");
            vm.assertTrue(isPriced, "limit price");
            if (covering != 1) isUnique = false;
        }
        for (uint256 m; m < legs_.length && isUnique; ++m) {
            if (!_reads(legs_[m].kind, "perp") && !_reads(legs_[m].kind, "option")) continue;
            int256 sum;
            uint256 gross;
            for (uint256 n; n < made.trades.length; ++n) {
                if (!_covers(legs_[m], made.trades[n])) continue;
                sum += made.trades[n].quantity;
                gross += size(made.trades[n].quantity);
            }
            vm.assertTrue(gross == size(sum), "both signs in one leg");
            vm.assertTrue(gross >= _up(legs_[m].quantityMin, item.plan.fraction), "underfilled");
            vm.assertTrue(gross <= _down(legs_[m].quantityMax, item.plan.fraction), "overfilled");
        }
    }

    function _covers(Leg memory l, Traded memory made) private view returns (bool) {
        bool isBuy = made.quantity > 0;
        if (
            l.asset != address(weth)
                || !(_reads(l.side, "auto") || _reads(l.side, isBuy ? bytes("buy") : bytes("sell")))
        ) return false;
        uint160 id = made.instrument;
        if (_reads(l.kind, "perp")) return id == 1 << 144;
        if (!_reads(l.kind, "option") || id >> 144 != 1) return false;
        uint256 kind = _reads(l.right, "call") ? 1 : _reads(l.right, "put") ? 2 : 9;
        uint256 expiry = uint40(id >> 96);
        return (id >> 136 & 0xff) == kind && uint96(id) >= l.strikeMin && uint96(id) <= l.strikeMax
            && expiry >= l.expiryMin && expiry <= l.expiryMax;
    }

    function _isWithin(uint256 limit, Traded memory made) private pure returns (bool) {
        return limit == 0 || (made.quantity > 0 ? made.price <= limit : made.price >= limit);
    }

    // ---- money

    /// Settlement tokens given less received, everywhere; a perp only what its price is off the
    /// mark.
    function _judgeCost(Item memory item, Change memory made) private view {
        Limits memory limits = item.intent.limits;
        uint256 token = tokenOf(limits.settlementToken);
        if (limits.maxNetCost == type(int256).max || token == 3) return;
        int256 cost = -made.net[token];
        int256 perps;
        for (uint256 n; n < made.trades.length && token == 0; ++n) {
            if (made.trades[n].instrument == 1 << 144) perps += made.trades[n].quantity * MARK;
        }
        cost -= perps / ATOM;
        int256 cap = limits.maxNetCost >= 0
            ? int256(_down(uint256(limits.maxNetCost), item.plan.fraction))
            : -int256(_up(size(limits.maxNetCost), item.plan.fraction));
        vm.assertLe(cost - int256(made.trades.length) - 1, cap, "net cost");
    }

    /// Everything at the marks, before less after, fee apart, against bps of the largest leg.
    function _judgeLoss(
        Call memory c,
        Item memory item,
        Change memory made,
        uint256 bps,
        uint256 budget
    ) private view {
        if (bps == type(uint32).max && budget == NONE) return;
        int256 value = made.net[0] + made.net[1] * MARK / ATOM;
        if (made.net[2] != 0) value += made.net[2] * _markOf(c, uint160(address(dai))) / ATOM;
        for (uint256 n; n < made.trades.length; ++n) {
            value += made.trades[n].quantity * _markOf(c, made.trades[n].instrument) / ATOM;
        }
        int256 slack = 3 + 2 * int256(made.trades.length);
        if (budget != NONE) {
            vm.assertLe(-value, int256(budget) + slack, "loss of a mandate's day");
            return;
        }
        uint256 token = tokenOf(item.intent.limits.settlementToken);
        int256 fee = token == 0 ? int256(item.plan.fee) : int256(0);
        if (token == 1) fee = int256(item.plan.fee) * MARK / ATOM;
        if (token == 2) fee = int256(item.plan.fee) * _markOf(c, uint160(address(dai))) / ATOM;
        int256 most = int256(Math.mulDiv(_largest(c, item, made), bps, 10_000));
        vm.assertLe(-value - fee, most + slack, "slippage");
    }

    function _largest(Call memory c, Item memory item, Change memory made)
        private
        view
        returns (uint256 largest)
    {
        for (uint256 m; m < item.intent.legs.length; ++m) {
            Leg memory l = item.intent.legs[m];
            uint256 notional;
            uint256 t = tokenOf(l.asset);
            if (_reads(l.kind, "token") && t < 3) {
                int256 mark = t == 0
                    ? ATOM
                    : t == 1 ? MARK : made.net[2] == 0 ? int256(0) : _markOf(c, uint160(l.asset));
                notional = size(made.net[t] + (t == 0 ? made.paid : int256(0))) * uint256(mark)
                    / uint256(ATOM);
            }
            for (uint256 n; n < made.trades.length; ++n) {
                if (!_covers(l, made.trades[n])) continue;
                notional += size(made.trades[n].quantity) * uint256(MARK) / uint256(ATOM);
            }
            largest = Math.max(largest, notional + 1);
        }
    }

    function _markOf(Call memory c, uint160 instrument) private pure returns (int256) {
        if (instrument == 1 << 144) return MARK;
        Mark[] memory marks = c.report.marks;
        for (uint256 n; c.report.validUntil != 0 && n < marks.length; ++n) {
            if (marks[n].instrument == instrument) return int256(marks[n].price);
        }
        vm.assertTrue(false, "a price that nobody attested");
        return 0;
    }

    // ---- the account afterwards

    function _judgeHoldings(Item memory item, Change memory made) private view {
        for (uint256 n; n < item.intent.legs.length; ++n) {
            Leg memory l = item.intent.legs[n];
            if (!_reads(l.kind, "collateral") || !_reads(l.side, "auto")) continue;
            int256 held = tokenOf(l.asset) == 0 ? made.afterwards.cash : made.afterwards.base;
            vm.assertTrue(held >= 0 && uint256(held) >= l.quantityMin, "holds too little");
            vm.assertTrue(uint256(held) <= l.quantityMax, "holds too much");
        }
    }

    function _judgeOutcome(Call memory c, Item memory item, Change memory made) private pure {
        Limits memory limits = item.intent.limits;
        uint256 im = attestedIm(c, made.before.id);
        int256 needs = made.afterwards.equity - made.afterwards.margin;
        if (limits.minHealth != 0 && im == NONE && needs > 0) {
            int256 health = made.afterwards.equity * 1e18 / needs;
            vm.assertTrue(health >= 0 && uint256(health) >= limits.minHealth, "health");
        }
        if (limits.minHealth != 0 && im != NONE && im != 0) {
            // SIMPLE counts longs for nothing and shorts at least at their intrinsic value.
            int256 worth = made.afterwards.cash + made.afterwards.base * MARK / ATOM;
            vm.assertTrue(worth > 0, "attested health of nothing");
            vm.assertTrue(
                Math.mulDiv(uint256(worth), WAD, im) >= limits.minHealth, "attested health"
            );
        }
        if (limits.maxMarginUsed != NONE && im == NONE && made.base == 0) {
            int256 rise = needs - (made.before.equity - made.before.margin);
            uint256 cap = Math.min(_down(limits.maxMarginUsed, item.plan.fraction), 1 << 128);
            vm.assertLe(rise, int256(cap) + 2, "margin used");
        }
        if (limits.deltaTolerance == NONE) return;
        int256 off = _deltaOf(c, made.afterwards) - limits.targetDelta;
        vm.assertTrue(size(off) <= limits.deltaTolerance, "delta");
    }

    function _deltaOf(Call memory c, Holding memory held) private pure returns (int256 delta) {
        bool isExact = true;
        for (uint256 n; n < held.slots.length; ++n) {
            uint256 kind = held.slots[n] >> 232 & 0xff;
            if (kind == 1 || kind == 2) isExact = false;
            delta += int96(uint96(held.slots[n]));
        }
        if (isExact) return delta;
        AccountRisk[] memory risks = c.report.accounts;
        for (uint256 n; c.report.validUntil != 0 && n < risks.length; ++n) {
            if (risks[n].account == held.id && risks[n].market == 1) return risks[n].netDelta;
        }
        vm.assertTrue(false, "a delta that nobody attested");
    }

    /// What the signers require of the account, 2^256-1 if they leave it under SIMPLE.
    function attestedIm(Call memory c, bytes32 account) internal pure returns (uint256) {
        AccountRisk[] memory risks = c.report.accounts;
        for (uint256 n; c.report.validUntil != 0 && n < risks.length; ++n) {
            if (risks[n].account == account && risks[n].im != NONE) return risks[n].im;
        }
        return NONE;
    }

    // ---- mandates

    function _judgeMandate(Call memory c, Item memory item, Change memory made) private view {
        (Mandate memory m,,) = abi.decode(item.signature, (Mandate, bytes, bytes));
        Limits memory limits = item.intent.limits;
        vm.assertTrue(isSigned[factOf(m)], "a mandate nobody signed");
        vm.assertTrue(m.owner == item.intent.owner, "another's mandate");
        vm.assertTrue(m.subaccount == item.intent.subaccount, "another subaccount's mandate");
        vm.assertTrue(item.intent.receiver == address(0), "money left by a mandate");
        vm.assertTrue(m.validFrom <= block.timestamp && block.timestamp <= m.validTo, "its time");
        vm.assertTrue(limits.maxSlippageBps <= m.maxSlippageBps, "its slippage");
        vm.assertTrue(limits.minHealth >= m.minHealth, "its health");
        vm.assertTrue(limits.maxMarginUsed <= m.maxMarginUsed, "its margin");
        uint256 notional;
        for (uint256 n; n < made.trades.length; ++n) {
            notional += size(made.trades[n].quantity) * uint256(MARK) / uint256(ATOM);
        }
        vm.assertTrue(notional <= m.notionalPerDay, "notional of a mandate's day");
        if (made.isAlone && m.lossPerDay < 1 << 128) _judgeLoss(c, item, made, 0, m.lossPerDay);
        for (uint256 t; t < 3; ++t) {
            vm.assertTrue(!made.isAlone || made.wallet[t] >= 0, "a mandate reached the wallet");
        }
    }

    // ---- numbers and words

    function _down(uint256 x, uint256 fraction) internal pure returns (uint256) {
        return fraction == WAD ? x : Math.mulDiv(x, fraction, WAD);
    }

    function _up(uint256 x, uint256 fraction) private pure returns (uint256) {
        if (x > 1 << 160) return 1 << 160;
        return (x * fraction + WAD - 1) / WAD;
    }

    function size(int256 x) internal pure returns (uint256) {
        return x < 0 ? uint256(-x) : uint256(x);
    }

    function _reads(string memory a, bytes memory b) internal pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(b);
    }

    function _tradesOf(bytes32 id, Traded[] memory all) private pure returns (Traded[] memory own) {
        uint256 count;
        own = new Traded[](all.length);
        for (uint256 n; n < all.length; ++n) {
            if (all[n].a == id) own[count++] = all[n];
        }
        assembly ("memory-safe") {
            mstore(own, count)
        }
    }
}
