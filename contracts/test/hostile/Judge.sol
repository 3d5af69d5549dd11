// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Quote} from "../../src/types/Intent.sol";
import {Item, SCHEME_MANDATE, SCHEME_PERMIT2} from "../../src/types/Plan.sol";
import {Verdicts} from "./Verdicts.sol";

/// Whether what moved was allowed: everybody's authority, wallets and accounts, whoever they are.
/// Judged from outside, by what is held before and after and the definitions of the signed fields;
/// nothing here calls the checks of the contracts.
abstract contract Judge is Verdicts {
    function judge(Call memory c, Seen memory a, Seen memory b, Traded[] memory trades)
        internal
        view
    {
        vm.assertEq(c.caller, solver);
        if (c.report.validUntil != 0) {
            vm.assertTrue(isSigned[factOf(c.report)], "a report nobody attested");
            vm.assertTrue(c.report.validUntil >= block.timestamp, "an old report");
        }
        for (uint256 n; n < c.items.length; ++n) {
            _judgeAuthority(c, c.items[n]);
        }
        _judgeWallets(c, a, b);
        _judgeTrades(c, trades);
        for (uint256 n; n < a.accounts.length; ++n) {
            _judgeAccount(c, a.accounts[n], b.accounts[n], trades);
        }
        _judgeSums(b);
        vm.assertEq(usdc.allowance(address(router), address(pair)), 0);
        vm.assertEq(usdc.allowance(address(router), address(pool)), 0);
        for (uint256 n; n < c.items.length; ++n) {
            judgeItem(c, c.items[n], change(c, c.items[n], a, b, trades));
        }
    }

    // ---- who signed

    function _judgeAuthority(Call memory c, Item memory item) private view {
        vm.assertTrue(isSigned[factOf(item)], "an intent nobody signed so");
        vm.assertTrue(c.chain == 31_338, "another chain's signature");
        vm.assertTrue(item.intent.validFrom <= block.timestamp, "too early");
        vm.assertTrue(item.intent.validTo >= block.timestamp, "too late");
        vm.assertTrue(item.plan.fraction != 0 && item.plan.fraction <= 1e18, "fraction");
        vm.assertTrue(item.intent.partiallyFillable || item.plan.fraction == 1e18, "not partial");
    }

    // ---- wallets

    /// Nobody's wallet pays but a signer's, by Permit2, up to the legs that were signed.
    function _judgeWallets(Call memory c, Seen memory a, Seen memory b) private view {
        for (uint256 n; n < a.wallets.length; ++n) {
            address wallet = a.wallets[n];
            if (wallet == address(house)) continue;
            for (uint256 token; token < 3; ++token) {
                int256 gain = int256(b.balances[n][token]) - int256(a.balances[n][token]);
                vm.assertTrue(gain >= -_permitted(c, wallet, token), "a wallet paid too much");
                if (wallet == address(router) || wallet == address(settlement)) {
                    vm.assertTrue(gain == 0, "left in the Router or the Settlement");
                }
            }
        }
    }

    function _permitted(Call memory c, address wallet, uint256 token)
        private
        view
        returns (int256 most)
    {
        for (uint256 n; n < c.items.length; ++n) {
            Item memory item = c.items[n];
            if (item.intent.owner != wallet || item.scheme != SCHEME_PERMIT2) continue;
            most += most_(item, "token", "sell", token)
            + most_(item, "collateral", "deposit", token);
        }
    }

    // ---- accounts

    /// Every trade is between an owner of an item and the solver, or a maker by its own quote.
    function _judgeTrades(Call memory c, Traded[] memory trades) private view {
        for (uint256 n; n < trades.length; ++n) {
            vm.assertTrue(_isOwner(c, trades[n].a), "a trade of nobody's item");
            if (_ownerOf(trades[n].b) == solver) continue;
            uint256 offered_ = _offered(c, trades[n]);
            uint256 taken;
            for (uint256 m; m < trades.length; ++m) {
                if (_areAlike(trades[n], trades[m])) taken += size(trades[m].quantity);
            }
            vm.assertTrue(taken <= offered_, "more than the maker's quotes");
        }
    }

    /// What the maker offered on exactly these terms, each quote once.
    function _offered(Call memory c, Traded memory made) private view returns (uint256 total) {
        bytes32[] memory counted = new bytes32[](64);
        uint256 count;
        for (uint256 n; n < c.items.length; ++n) {
            for (uint256 m; m < c.items[n].plan.quotes.length; ++m) {
                Quote memory quote = c.items[n].plan.quotes[m].quote;
                bytes32 fact = factOf(quote);
                bool isNew = isSigned[fact] && _matches(quote, made);
                for (uint256 k; k < count; ++k) {
                    if (counted[k] == fact) isNew = false;
                }
                if (!isNew) continue;
                counted[count++] = fact;
                total += quote.maxQuantity < 1e30 ? quote.maxQuantity : 1e30;
            }
        }
    }

    function _matches(Quote memory quote, Traded memory made) private view returns (bool) {
        return accountOf(quote.maker, quote.subaccount) == made.b && quote.solver == solver
            && quote.instrument == made.instrument && quote.price == made.price
            && quote.makerSells == (made.quantity > 0) && quote.validTo >= block.timestamp
            && quote.validTo <= block.timestamp + 60;
    }

    function _areAlike(Traded memory x, Traded memory y) private pure returns (bool) {
        return x.b == y.b && x.instrument == y.instrument && x.price == y.price
            && (x.quantity > 0) == (y.quantity > 0);
    }

    /// Cash, base and positions of an account change by its trades alone, unless an item is its
    /// own; the solver's may also earn fees. Nobody ends below margin and worse than before.
    function _judgeAccount(
        Call memory c,
        Holding memory a,
        Holding memory b,
        Traded[] memory trades
    ) private view {
        bool isOwner = _isOwner(c, a.id);
        int256 cash = b.cash - a.cash;
        for (uint256 n; n < trades.length; ++n) {
            if (trades[n].a == a.id) cash += trades[n].cash;
            if (trades[n].b == a.id) cash -= trades[n].cash;
            _judgePosition(trades[n].instrument, a, b, trades);
        }
        if (!isOwner) {
            vm.assertTrue(_ownerOf(a.id) == solver ? cash >= 0 : cash == 0, "another's cash moved");
            vm.assertTrue(b.base == a.base, "another's base moved");
        }
        for (uint256 n; n < a.slots.length; ++n) {
            _judgePosition(uint160(a.slots[n] >> 96), a, b, trades);
        }
        for (uint256 n; n < b.slots.length; ++n) {
            _judgePosition(uint160(b.slots[n] >> 96), a, b, trades);
        }
        vm.assertTrue(b.slots.length <= 20, "too many positions");
        bool isMoved = isOwner || b.cash != a.cash;
        vm.assertTrue(!isMoved || _isStateOf(c, b), "figures of another state");
        bool isExempt = attestedIm(c, a.id) != NONE && b.base >= a.base;
        vm.assertTrue(b.margin >= 0 || b.margin >= a.margin || isExempt, "below initial margin");
    }

    /// Whatever is attested about an account speaks of the positions that it ends with.
    function _isStateOf(Call memory c, Holding memory b) private pure returns (bool) {
        if (c.report.validUntil == 0) return true;
        bytes32 hash = keccak256(abi.encodePacked(b.slots));
        for (uint256 n; n < c.report.accounts.length; ++n) {
            if (c.report.accounts[n].account != b.id) continue;
            if (c.report.accounts[n].positionsAfter != hash) return false;
        }
        return true;
    }

    function _judgePosition(
        uint160 instrument,
        Holding memory a,
        Holding memory b,
        Traded[] memory trades
    ) private pure {
        if (instrument >> 136 & 0xff == 3) return; // base: judged as a token
        int256 moved = quantityOf(b, instrument) - quantityOf(a, instrument);
        for (uint256 n; n < trades.length; ++n) {
            if (trades[n].instrument != instrument) continue;
            if (trades[n].a == a.id) moved -= trades[n].quantity;
            if (trades[n].b == a.id) moved += trades[n].quantity;
        }
        vm.assertTrue(moved == 0, "a position moved without a trade");
    }

    /// Quantities sum to zero, and the Clearinghouse holds what it owes.
    function _judgeSums(Seen memory seen) private view {
        int256 cash;
        int256 base;
        for (uint256 n; n < seen.accounts.length; ++n) {
            cash += seen.accounts[n].cash;
            base += seen.accounts[n].base;
            for (uint256 m; m < seen.accounts[n].slots.length; ++m) {
                uint160 instrument = uint160(seen.accounts[n].slots[m] >> 96);
                if (instrument >> 136 & 0xff == 3) continue;
                int256 sum;
                for (uint256 k; k < seen.accounts.length; ++k) {
                    sum += quantityOf(seen.accounts[k], instrument);
                }
                vm.assertTrue(sum == 0, "quantities do not sum to zero");
            }
        }
        vm.assertLe(cash, walletOf(seen, address(house), 0), "owes more cash than it holds");
        vm.assertLe(base, walletOf(seen, address(house), 1), "owes more base than it holds");
    }

    function _isOwner(Call memory c, bytes32 id) private pure returns (bool) {
        for (uint256 n; n < c.items.length; ++n) {
            if (accountOf(c.items[n].intent.owner, c.items[n].intent.subaccount) == id) {
                return true;
            }
        }
        return false;
    }

    function _ownerOf(bytes32 id) private pure returns (address) {
        return address(uint160(uint256(id) >> 64));
    }
}
