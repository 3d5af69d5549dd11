// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {KIND_CALL, KIND_PUT} from "../src/types/Market.sol";
import {Outcome, Trade} from "../src/types/Plan.sol";
import {House} from "./support/House.sol";

contract ClearinghouseTest is House {
    // ---- who may

    function test_NotSettlement_for_everyone_else() public {
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(house.observe, (annId, noReport()));
        calls[1] = abi.encodeCall(house.release, (annId, address(usdc), 1, bob));
        calls[2] = abi.encodeCall(house.credit, (annId, address(usdc), 1));
        calls[3] = abi.encodeCall(house.moveCash, (annId, bobId, 1));
        calls[4] = abi.encodeCall(
            house.clear,
            (new Trade[](0), new bytes32[](0), new uint16[](0), noReport(), new bytes[](0))
        );
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(ann);
            (bool isDone, bytes memory reason) = address(house).call(calls[i]);
            vm.assertFalse(isDone);
            vm.assertEq(reason, abi.encodeWithSelector(IClearinghouse.NotSettlement.selector, ann));
        }
    }

    // ---- trades

    function test_trade_moves_positions_and_cash_between_two() public {
        clear(annId, bobId, call44, -2e18, 150e18);
        vm.assertEq(house.cashOf(annId), 100_300e6);
        vm.assertEq(house.cashOf(bobId), 99_700e6);
        vm.assertEq(house.positions(annId)[0], PositionSlot.encode(call44, -2e18));
        vm.assertEq(house.positions(bobId)[0], PositionSlot.encode(call44, 2e18));
        vm.assertEq(house.openInterest(ETH), 2e18);
    }

    function test_payer_rounds_up_and_both_sides_agree() public {
        clear(annId, bobId, call44, 1, 150e18); // 1e-18 contracts
        vm.assertEq(house.cashOf(annId), 100_000e6 - 1);
        vm.assertEq(house.cashOf(bobId), 100_000e6 + 1);
        clear(annId, bobId, call44, -1, 150e18);
        vm.assertEq(house.cashOf(annId), 100_000e6); // now bob paid, and his side was rounded up
        vm.assertEq(house.cashOf(bobId), 100_000e6);
        vm.assertEq(house.positions(annId).length, 0);
        vm.assertEq(house.openInterest(ETH), 0);
    }

    function test_closing_swaps_and_pops() public {
        Trade[] memory trades = new Trade[](3);
        trades[0] = trade(annId, bobId, perp, 1e18, 4000e18);
        trades[1] = trade(annId, bobId, call44, 1e18, 150e18);
        trades[2] = trade(annId, bobId, put36, 1e18, 150e18);
        clear(trades);
        clear(annId, bobId, perp, -1e18, 4000e18);
        uint256[] memory slots = house.positions(annId);
        vm.assertEq(slots.length, 2);
        vm.assertEq(slots[0], PositionSlot.encode(put36, 1e18));
        vm.assertEq(slots[1], PositionSlot.encode(call44, 1e18));
        vm.assertEq(house.positionsHash(annId), keccak256(abi.encodePacked(slots)));
    }

    function test_WrongHint_never_guesses() public {
        Trade[] memory trades = new Trade[](2);
        trades[0] = trade(annId, bobId, perp, 1e18, 4000e18);
        trades[1] = trade(annId, bobId, call44, 1e18, 150e18);
        clear(trades);
        trades = one(trade(annId, bobId, call44, 1e18, 150e18));
        trades[0].hintA = 1;
        trades[0].hintB = 1;
        clear(trades);
        trades[0].hintA = 0;
        _expectRefusal(trades, IClearinghouse.WrongHint.selector);
        trades[0].hintA = 2; // beyond the list
        _expectRefusal(trades, IClearinghouse.WrongHint.selector);
    }

    function test_TooManyPositions_twenty_fit() public {
        Trade[] memory trades = new Trade[](20);
        for (uint256 i; i < 20; ++i) {
            trades[i] = trade(annId, bobId, option(KIND_CALL, 4100e18 + i * 1e18), 1e15, 300e18);
        }
        clear(trades);
        _expectRefusal(
            one(trade(annId, bobId, perp, 1e15, 4000e18)), IClearinghouse.TooManyPositions.selector
        );
    }

    function test_PriceBand_of_a_perp() public {
        clear(annId, bobId, perp, 1e18, 4120e18);
        clear(annId, bobId, perp, 1e18, 3880e18);
        _expectRefusal(
            one(trade(annId, bobId, perp, 1e18, 4120e18 + 1)), IClearinghouse.PriceBand.selector
        );
        _expectRefusal(
            one(trade(annId, bobId, perp, 1e18, 3880e18 - 1)), IClearinghouse.PriceBand.selector
        );
    }

    function test_PriceBand_of_an_option() public {
        uint160 deep = option(KIND_CALL, 3500e18);
        clear(annId, bobId, deep, 1e15, 380e18);
        _expectRefusal(
            one(trade(annId, bobId, deep, 1e15, 380e18 - 1)), IClearinghouse.PriceBand.selector
        );
        _expectRefusal(
            one(trade(annId, bobId, call44, 1e15, 760e18)), IClearinghouse.PriceBand.selector
        );
    }

    function test_BadInstrument_base_unknown_kinds_and_stray_fields() public {
        uint160[4] memory bad = [
            InstrumentId.base(ETH),
            InstrumentId.encode(ETH, 6, EXPIRY, 4000e18),
            InstrumentId.encode(ETH, 0, EXPIRY, 0),
            InstrumentId.encode(ETH, KIND_CALL, EXPIRY, 0)
        ];
        for (uint256 i; i < bad.length; ++i) {
            _expectRefusal(
                one(trade(annId, bobId, bad[i], 1e18, 1e18)), IClearinghouse.BadInstrument.selector
            );
        }
    }

    function test_InstrumentExpired_at_expiry() public {
        vm.warp(EXPIRY);
        feed.set(4000e8);
        _expectRefusal(
            one(trade(annId, bobId, call44, 1e18, 1e18)), IClearinghouse.InstrumentExpired.selector
        );
    }

    function test_NoMarket_unknown() public {
        uint160 other = InstrumentId.perp(9);
        _expectRefusal(
            one(trade(annId, bobId, other, 1e18, 1e18)), IClearinghouse.NoMarket.selector
        );
        vm.expectPartialRevert(IClearinghouse.NoMarket.selector);
        house.mark(9);
    }

    function test_SelfTrade_and_ZeroAmount() public {
        _expectRefusal(
            one(trade(annId, annId, perp, 1e18, 4000e18)), IClearinghouse.SelfTrade.selector
        );
        _expectRefusal(
            one(trade(annId, bobId, perp, 0, 4000e18)), IClearinghouse.ZeroAmount.selector
        );
    }

    function test_FeedStale_old_future_zero_and_negative() public {
        Trade[] memory trades = one(trade(annId, bobId, perp, 1e18, 4000e18));
        vm.warp(START + 1 hours);
        clear(trades);
        vm.warp(START + 1 hours + 1);
        _expectRefusal(trades, IClearinghouse.FeedStale.selector);
        feed.push(4000e8, block.timestamp + 1);
        _expectRefusal(trades, IClearinghouse.FeedStale.selector);
        feed.set(0);
        _expectRefusal(trades, IClearinghouse.FeedStale.selector);
        feed.set(-1);
        _expectRefusal(trades, IClearinghouse.FeedStale.selector);
    }

    function test_PriceOutOfRange_of_the_feed() public {
        feed.set(int256(uint256(1) << 129));
        vm.expectPartialRevert(IClearinghouse.PriceOutOfRange.selector);
        house.mark(ETH);
        feed.set(int256(uint256(1) << 64));
        vm.expectPartialRevert(IClearinghouse.PriceOutOfRange.selector);
        house.mark(ETH);
    }

    // ---- open interest

    function test_OpenInterestCap_counts_one_side() public {
        vm.prank(guardian);
        params.lowerOpenInterestCap(ETH, 3e18);
        clear(annId, bobId, perp, 3e18, 4000e18);
        clear(annId, catId, perp, -2e18, 4000e18); // passed on, nothing new
        vm.assertEq(house.openInterest(ETH), 3e18);
        _expectRefusal(
            one(trade(catId, bobId, perp, 1, 4000e18)), IClearinghouse.OpenInterestCap.selector
        );
        clear(catId, bobId, perp, -2e18, 4000e18);
        vm.assertEq(house.openInterest(ETH), 1e18);
    }

    function test_ReduceOnly_when_paused_or_set() public {
        clear(annId, bobId, perp, 3e18, 4000e18);
        uint256 state = vm.snapshotState();
        vm.prank(guardian);
        params.pause();
        _onlyReduces();
        vm.revertToState(state);
        vm.prank(guardian);
        params.reduceOnly(ETH);
        _onlyReduces();
    }

    // ---- the gate

    function test_MarginBreached_a_trade_too_large() public {
        clear(annId, bobId, perp, 250e18, 4000e18);
        _expectRefusal(
            one(trade(annId, bobId, perp, 1, 4000e18)), IClearinghouse.MarginBreached.selector
        );
    }

    function test_intermediate_states_are_not_judged() public {
        Trade[] memory trades = new Trade[](2);
        trades[0] = trade(annId, bobId, perp, 900e18, 4000e18);
        trades[1] = trade(annId, bobId, perp, -899e18, 4000e18);
        clear(trades);
        vm.assertEq(house.positions(annId)[0], PositionSlot.encode(perp, 1e18));
    }

    function test_released_and_moved_accounts_are_gated() public {
        clear(annId, bobId, perp, -10e18, 4000e18); // ann: cash 140,000, requirement 4,000
        house.release(annId, address(usdc), 96_000e6 + 1, address(this));
        _expectRefusal(new Trade[](0), IClearinghouse.MarginBreached.selector);
    }

    function test_moved_cash_is_gated() public {
        clear(annId, bobId, perp, -10e18, 4000e18);
        house.moveCash(annId, bobId, 96_000e6 + 1);
        _expectRefusal(new Trade[](0), IClearinghouse.MarginBreached.selector);
    }

    function test_HealthNotImproved_only_improvement_passes() public {
        _breach();
        (int256 before,,) = house.simple(annId);
        vm.assertLe(before, -1);
        _expectRefusal(
            one(trade(annId, catId, perp, 1, 3400e18)), IClearinghouse.HealthNotImproved.selector
        );
        clear(annId, catId, perp, -1e18, 3400e18); // at the mark: the requirement falls
        (int256 after_,,) = house.simple(annId);
        vm.assertLe(before + 1, after_);
    }

    function test_HealthNotImproved_sees_base_that_was_taken() public {
        fundBase(ann, 1e18);
        _breach();
        // the release of base is undone in the state before, so it cannot hide behind a good trade
        house.release(annId, address(weth), 1e18, cat);
        _expectRefusal(
            one(trade(annId, catId, perp, -1e18, 3400e18)),
            IClearinghouse.HealthNotImproved.selector
        );
    }

    function test_a_credit_heals_a_breached_account() public {
        _breach();
        usdc.mint(address(house), 1e6);
        house.credit(annId, address(usdc), 1e6);
        clear(new Trade[](0));
    }

    function test_margin_rise_leaves_the_haircut_of_base_out() public {
        house.observe(annId, noReport());
        weth.mint(address(house), 5e18);
        house.credit(annId, address(weth), 5e18);
        Outcome memory outcome = clearAsking(new Trade[](0), annId, noReport());
        vm.assertEq(outcome.marginRise, 0);
        vm.assertEq(outcome.requirement, 5000e6); // the haircut
        vm.assertEq(outcome.equity, 120_000e6);
        vm.assertEq(outcome.netDelta, 5e18);
        vm.assertTrue(outcome.deltaKnown);
    }

    function test_margin_rise_is_the_trades_requirement() public {
        clear(annId, bobId, perp, 2e18, 4000e18);
        house.observe(annId, noReport());
        Outcome memory outcome =
            clearAsking(one(trade(annId, bobId, perp, 3e18, 4000e18)), annId, noReport());
        vm.assertEq(outcome.marginRise, 1200e6);
        vm.assertEq(outcome.requirement, 2000e6);
        vm.assertEq(outcome.netDelta, 5e18);
        house.observe(annId, noReport());
        outcome = clearAsking(one(trade(annId, bobId, perp, -4e18, 4000e18)), annId, noReport());
        vm.assertEq(outcome.marginRise, -1600e6);
    }

    function test_asking_about_an_untouched_account_is_free_of_its_gate() public {
        _breach();
        Outcome memory outcome = clearAsking(new Trade[](0), annId, noReport());
        vm.assertLe(outcome.equity, outcome.requirement);
    }

    function test_LengthMismatch_one_market_for_each_asked() public {
        vm.expectPartialRevert(IClearinghouse.LengthMismatch.selector);
        house.clear(new Trade[](0), new bytes32[](1), new uint16[](0), noReport(), new bytes[](0));
    }

    function test_preview_equals_what_happens() public {
        Trade[] memory trades = new Trade[](3);
        trades[0] = trade(annId, bobId, perp, 1e18, 4010e18);
        trades[1] = trade(bobId, annId, call44, 2e18, 150e18);
        trades[2] = trade(annId, bobId, perp, -1e18, 3990e18);
        (int256 im, int256 mm, int256 equity, bytes32 hash) = house.preview(annId, trades);
        clear(trades);
        (int256 im2, int256 mm2, int256 equity2) = house.simple(annId);
        vm.assertEq(im, im2);
        vm.assertEq(mm, mm2);
        vm.assertEq(equity, equity2);
        vm.assertEq(hash, house.positionsHash(annId));
    }

    function _expectRefusal(Trade[] memory trades, bytes4 reason) private {
        vm.expectPartialRevert(reason);
        house.clear(trades, new bytes32[](0), new uint16[](0), noReport(), new bytes[](0));
    }

    function _onlyReduces() private {
        _expectRefusal(
            one(trade(annId, bobId, perp, 1, 4000e18)), IClearinghouse.ReduceOnly.selector
        );
        clear(annId, bobId, perp, -1e18, 4000e18);
        clear(annId, catId, perp, -1e18, 4000e18); // passing on opens nothing
    }

    /// Ann is long 240 perps when the price falls to 3,400: deep below her requirement.
    function _breach() private {
        fund(bob, 1_000_000e6);
        fund(cat, 1_000_000e6);
        clear(annId, bobId, perp, 240e18, 4000e18);
        feed.set(3400e8);
    }
}
