// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ClearinghouseInvariants} from "../ClearinghouseInvariants.t.sol";
import {Crowd} from "../support/Crowd.sol";
import {House} from "../support/House.sol";
import {Hall} from "./Hall.sol";
import {Mob} from "./Mob.sol";

/// What holds of cash and positions holds too when accounts go bankrupt, are sold, absorbed and paid for
/// by those who won.
/// forge-config: default.invariant.runs = 12
/// forge-config: night.invariant.runs = 1000
contract AuctionInvariants is ClearinghouseInvariants, Hall {
    uint256 private constant CAMPAIGN = 120;

    Mob private mob;

    function setUp() public override(ClearinghouseInvariants, House) {
        super.setUp();
        fund(address(house), 20_000e6);
    }

    struct Selection {
        address target;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (Selection[] memory selections) {
        bytes4[8] memory chosen = [
            Mob.lever.selector,
            Mob.crash.selector,
            Mob.trade.selector,
            Mob.bankrupt.selector,
            Crowd.depositCash.selector,
            Crowd.settle.selector,
            Crowd.passTime.selector,
            Crowd.expire.selector
        ];
        selections = new Selection[](1);
        selections[0] = Selection(address(mob), new bytes4[](8));
        for (uint256 i; i < 8; ++i) {
            selections[0].selectors[i] = chosen[i];
        }
    }

    /// Frozen means under auction, and what all miss is what each misses.
    function _frozen() private view {
        uint256 insolvent;
        for (uint256 i; i < 4; ++i) {
            bytes32 who = mob.account(i);
            vm.assertTrue(house.isFrozen(who) == (hall.saleOf(who).startedAt != 0));
            insolvent += hall.saleOf(who).insolvent;
            // only who is bankrupt misses anything, or owes it
            if (hall.saleOf(who).bankruptAt == 0 && house.positions(who).length != 0) {
                vm.assertEq(hall.saleOf(who).insolvent, 0);
            }
        }
        vm.assertEq(hall.insolvent(), insolvent);
    }

    /// A debt is owed by somebody without positions, and what was raised of it never passes it.
    function _deficits() private view {
        for (uint256 i; i < 4; ++i) {
            bytes32 who = mob.account(i);
            uint256 id = hall.deficitOf(who);
            if (id == 0) continue;
            vm.assertEq(house.positions(who).length, 0);
            int256 left = int256(uint256(hall.deficit(id).amount - hall.deficit(id).raised));
            vm.assertGe(house.cashOf(who), -left);
            vm.assertTrue(left > 0);
        }
    }

    /// All in one: each invariant is a campaign of its own. The fund pays only what it has, and nobody
    /// pays more than a quarter of a gain, nor anybody who did not win.
    function invariant_the_auction_keeps_its_books() public view {
        vm.assertGe(fundCash(), 0);
        vm.assertFalse(mob.isCapBroken());
        vm.assertFalse(mob.isRobbed());
        _frozen();
        _deficits();
    }

    /// The mob can do all of it: from leverage to deleveraging, or to a sale.
    function test_the_mob_reaches_every_state() public {
        mob.lever(0); // account 0 long, 1 short
        mob.crash(1200); // - 18 %
        mob.start(0);
        mob.bid(0, 2, 4);
        mob.absorb(0);
        mob.deleverage(1);
        uint256[5] memory wanted = [uint256(1), 0, 1, 1, 1];
        _requireDone(wanted);
    }

    function test_the_mob_sells_who_is_solvent() public {
        mob.lever(0);
        mob.crash(2100); // - 9 %
        mob.start(0);
        mob.bid(0, 2, 4);
        uint256[5] memory wanted = [uint256(1), 1, 0, 0, 0];
        _requireDone(wanted);
    }

    /// Random campaigns do get there: one of them, fixed, meets every state with all books in order.
    function test_a_campaign_reaches_every_state() public {
        bytes4[6] memory acts = [
            Mob.lever.selector,
            Mob.crash.selector,
            Mob.trade.selector,
            Mob.trade.selector,
            Crowd.depositCash.selector,
            Crowd.settle.selector
        ];
        for (uint256 i; i < CAMPAIGN; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("campaign", i)));
            (bool isDone,) =
                address(mob).call(abi.encodeWithSelector(acts[i % 6], seed, seed >> 128));
            isDone; // what is refused is refused
            invariant_cash_positions_and_open_interest_add_up();
            invariant_the_auction_keeps_its_books();
        }
        for (uint256 i; i < 5; ++i) {
            emit log_named_uint("done", mob.done(i));
        }
        for (uint256 i; i < 5; ++i) {
            vm.assertTrue(mob.done(i) >= 2, "done too rarely");
        }
    }

    function _requireDone(uint256[5] memory wanted) private {
        for (uint256 i; i < 5; ++i) {
            vm.assertEq(mob.done(i), wanted[i], "done");
        }
        invariant_cash_positions_and_open_interest_add_up();
        invariant_the_auction_keeps_its_books();
    }

    function _gather() internal override returns (Crowd) {
        uint256[2] memory keys = [signerKeys[0], signerKeys[1]];
        mob = new Mob(house, usdc, weth, feed, hall, attestation, approver, keys);
        return mob;
    }

    function _openAuction() internal override(House, Hall) returns (address) {
        return Hall._openAuction();
    }
}
