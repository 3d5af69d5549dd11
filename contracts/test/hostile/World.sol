// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {Item} from "../../src/types/Plan.sol";
import {Vm} from "../support/Vm.sol";
import {Mutator} from "./Mutator.sol";

/// What everybody holds, seen from outside: balances, accounts, and the trades that were announced.
abstract contract World is Mutator {
    struct Holding {
        bytes32 id;
        int256 cash;
        int256 base;
        uint256[] slots; // instrument(160) | quantity int96
        int256 margin; // initial margin net, SIMPLE
        int256 equity;
    }

    struct Seen {
        address[] wallets;
        uint256[3][] balances; // USDC, WETH, DAI
        Holding[] accounts;
    }

    struct Traded {
        bytes32 a;
        bytes32 b;
        uint160 instrument;
        int256 quantity;
        uint256 price;
        int256 cash; // a pays b
    }

    /// Everybody there is, and every account that the call names.
    function look(Call memory c) internal view returns (Seen memory seen) {
        seen.wallets = new address[](10);
        address[10] memory wallets = [
            user,
            peer,
            maker,
            solver,
            third,
            payee,
            guardian,
            address(router),
            address(settlement),
            address(house)
        ];
        seen.balances = new uint256[3][](10);
        for (uint256 n; n < 10; ++n) {
            seen.wallets[n] = wallets[n];
            seen.balances[n] =
                [usdc.balanceOf(wallets[n]), weth.balanceOf(wallets[n]), dai.balanceOf(wallets[n])];
        }
        bytes32[] memory ids = _accountsOf(c);
        seen.accounts = new Holding[](ids.length);
        for (uint256 n; n < ids.length; ++n) {
            Holding memory holding = seen.accounts[n];
            holding.id = ids[n];
            holding.cash = house.cashOf(ids[n]);
            holding.base = house.balanceOf(ids[n], address(weth));
            holding.slots = house.positions(ids[n]);
            (holding.margin,, holding.equity) = house.simple(ids[n]);
        }
    }

    function _accountsOf(Call memory c) private view returns (bytes32[] memory ids) {
        bytes32[] memory all = new bytes32[](7 + 2 * c.items.length);
        all[0] = userAccount;
        all[1] = accountOf(user, 1);
        all[2] = accountOf(peer, 0);
        all[3] = makerAccount;
        all[4] = solverAccount;
        all[5] = accountOf(third, 0);
        all[6] = house.insuranceAccount();
        uint256 count = 7;
        for (uint256 n; n < c.items.length; ++n) {
            Item memory item = c.items[n];
            count = _add(all, count, accountOf(item.intent.owner, item.intent.subaccount));
            count = _add(all, count, accountOf(solver, item.plan.solverSubaccount));
        }
        ids = new bytes32[](count);
        for (uint256 n; n < count; ++n) {
            ids[n] = all[n];
        }
    }

    function _add(bytes32[] memory all, uint256 count, bytes32 id) private pure returns (uint256) {
        for (uint256 n; n < count; ++n) {
            if (all[n] == id) return count;
        }
        all[count] = id;
        return count + 1;
    }

    function accountOf(address owner, uint64 subaccount) internal pure returns (bytes32) {
        return bytes32((uint256(uint160(owner)) << 64) | subaccount);
    }

    function placeOf(Seen memory seen, bytes32 id) internal pure returns (uint256 n) {
        while (seen.accounts[n].id != id) ++n;
    }

    function walletOf(Seen memory seen, address who, uint256 token) internal pure returns (int256) {
        for (uint256 n; n < seen.wallets.length; ++n) {
            if (seen.wallets[n] == who) return int256(seen.balances[n][token]);
        }
        return 0;
    }

    /// 0 USDC, 1 WETH, 2 DAI; 3 = none of these.
    function tokenOf(address asset) internal view returns (uint256) {
        if (asset == address(usdc)) return 0;
        if (asset == address(weth)) return 1;
        return asset == address(dai) ? 2 : 3;
    }

    function quantityOf(Holding memory holding, uint160 instrument) internal pure returns (int256) {
        for (uint256 n; n < holding.slots.length; ++n) {
            if (holding.slots[n] >> 96 == instrument) return int96(uint96(holding.slots[n]));
        }
        return 0;
    }

    /// The Clearinghouse's own word on who traded what with whom.
    function tradesIn(Vm.Log[] memory logs) internal view returns (Traded[] memory trades) {
        uint256 count;
        for (uint256 n; n < logs.length; ++n) {
            if (_isTrade(logs[n])) ++count;
        }
        trades = new Traded[](count);
        count = 0;
        for (uint256 n; n < logs.length; ++n) {
            if (!_isTrade(logs[n])) continue;
            Traded memory made = trades[count++];
            (made.a, made.b) = (logs[n].topics[1], logs[n].topics[2]);
            made.instrument = uint160(uint256(logs[n].topics[3]));
            (made.quantity, made.price, made.cash) =
                abi.decode(logs[n].data, (int256, uint256, int256));
        }
    }

    function _isTrade(Vm.Log memory entry) private view returns (bool) {
        return entry.emitter == address(house) && entry.topics[0] == IClearinghouse.Traded.selector;
    }
}
