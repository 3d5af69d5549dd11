// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../src/MarginRules.sol";
import {IParams} from "../src/interfaces/IParams.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {FIXINGS, KIND_ASIAN_CALL, POSITIONS_MAX} from "../src/types/Market.sol";
import {Crowd} from "./support/Crowd.sol";
import {House} from "./support/House.sol";

/// What holds after every call, whatever a crowd of owners, settlements and keepers does.
contract ClearinghouseInvariants is House {
    int256 private constant UNIT = 1e30;

    Crowd internal crowd;
    uint160[] private seen;
    mapping(uint160 id => int256) private total;

    function setUp() public virtual override {
        super.setUp();
        vm.warp(START + 7 days);
        crowd = _gather();
        vm.warp(START);
        vm.prank(proposer);
        bytes32 id = params.queue(abi.encodeCall(IParams.addSettlement, (address(crowd))));
        vm.prank(approver);
        params.approve(id);
        vm.warp(START + 7 days);
        params.execute(id);
        feed.set(4000e8);
        for (uint256 i; i < 4; ++i) {
            fund(crowd.owners(i), 100_000e6);
        }
    }

    function _gather() internal virtual returns (Crowd) {
        return new Crowd(house, usdc, weth, feed);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(crowd);
    }

    /// Invariants 1, 2 and 7 of the specification. A fixed series is paid out account by account: until
    /// the last one it counts at what it will pay, and its quantities need not match.
    function invariant_cash_positions_and_open_interest_add_up() public {
        int256 money = int256(house.dust());
        int256 longs;
        for (uint256 i; i < 4; ++i) {
            bytes32 who = crowd.account(i);
            money += house.cashOf(who) * UNIT;
            uint256[] memory slots = house.positions(who);
            vm.assertLe(slots.length, uint256(POSITIONS_MAX));
            for (uint256 j; j < slots.length; ++j) {
                (uint160 id, int256 quantity) = _count(slots, j);
                money += quantity * int256(_pending(id));
                if (!InstrumentId.isBase(id) && quantity > 0) longs += quantity;
            }
        }
        money += (house.cashOf(house.insuranceAccount()) + 300_000e6) * UNIT; // ann, bob and cat
        vm.assertEq(money, int256(usdc.balanceOf(address(house))) * UNIT, "cash");
        vm.assertEq(longs, int256(house.openInterest(ETH)), "open interest");
        for (uint256 i; i < seen.length; ++i) {
            if (_isFixed(seen[i])) continue;
            int256 expected =
                InstrumentId.isBase(seen[i]) ? int256(weth.balanceOf(address(house))) : int256(0);
            vm.assertEq(total[seen[i]], expected, "quantities");
        }
    }

    /// Invariant 4.
    function invariant_no_clearing_leaves_an_account_worse_and_below_margin() public view {
        vm.assertFalse(crowd.isGateBroken());
    }

    /// Adds position `j` to the totals; no instrument stands twice in a list, none stands at zero.
    function _count(uint256[] memory slots, uint256 j)
        private
        returns (uint160 id, int256 quantity)
    {
        id = PositionSlot.instrumentOf(slots[j]);
        quantity = PositionSlot.quantityOf(slots[j]);
        vm.assertFalse(quantity == 0);
        for (uint256 k; k < j; ++k) {
            vm.assertFalse(PositionSlot.instrumentOf(slots[k]) == id);
        }
        if (total[id] == 0) seen.push(id);
        total[id] += quantity;
    }

    function _pending(uint160 id) private view returns (uint256) {
        uint256 price = _priceOf(id);
        if (price == 0) return 0;
        if (!InstrumentId.isAsian(id)) return MarginRules.intrinsic(id, price);
        uint256 strike = InstrumentId.strikeOf(id);
        if (InstrumentId.kindOf(id) == KIND_ASIAN_CALL) return price > strike ? price - strike : 0;
        return strike > price ? strike - price : 0;
    }

    function _isFixed(uint160 id) private view returns (bool) {
        return _priceOf(id) != 0;
    }

    /// What the option pays by, 0 before that is known.
    function _priceOf(uint160 id) private view returns (uint256) {
        uint40 expiry = InstrumentId.expiryOf(id);
        if (!InstrumentId.isAsian(id)) return house.expiryPrice(ETH, expiry);
        (uint8 done, uint256 sum) = house.fixings(ETH, expiry);
        return done == FIXINGS ? sum / FIXINGS : 0;
    }
}
