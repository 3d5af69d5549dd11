// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {IParams} from "../src/interfaces/IParams.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {KIND_BASE, KIND_CALL, KIND_PUT, Market} from "../src/types/Market.sol";
import {Report} from "../src/types/Report.sol";
import {Feed} from "./support/Feed.sol";
import {House} from "./support/House.sol";

/// What time does: expiry prices, their fallback, pay-out, and funding.
contract ExpiryTest is House {
    uint80 private constant PHASE = 1 << 64;
    uint256 private constant OPEN = uint256(EXPIRY) - 1800;

    // ---- fixing

    function test_fix_is_the_time_weighted_mean() public {
        uint80 first = feed.push(3900e8, OPEN - 100);
        feed.push(4000e8, OPEN + 600); // 3,900 for 600 s
        feed.push(4100e8, OPEN + 1500); // 4,000 for 900 s, then 4,100 for 300 s
        feed.push(9999e8, EXPIRY);
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        vm.assertEq(
            house.expiryPrice(ETH, EXPIRY),
            uint256(3900e18 * 600 + 4000e18 * 900 + 4100e18 * 300) / 1800
        );
    }

    function test_FeedGap_the_first_round_is_not_the_keepers_choice() public {
        uint80 early = feed.push(3900e8, OPEN - 100);
        uint80 first = feed.push(3950e8, OPEN);
        uint80 late = feed.push(4000e8, OPEN + 600);
        feed.push(4000e8, EXPIRY + 5);
        vm.warp(EXPIRY + 5);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, early);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, late);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, 12345);
        house.fixExpiry(ETH, EXPIRY, first);
    }

    function test_FeedGap_waits_for_the_closing_round() public {
        uint80 first = feed.push(3900e8, OPEN - 100);
        vm.warp(EXPIRY + 10);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, first);
        feed.push(4000e8, OPEN + 900);
        house.fixExpiry(ETH, EXPIRY, first); // keeps what there is
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 0);
        feed.push(4000e8, EXPIRY + 9);
        house.fixExpiry(ETH, EXPIRY, 0); // and goes on from there
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 3950e18);
    }

    function test_fix_needs_several_calls_on_a_busy_feed() public {
        uint80 first = feed.push(4000e8, OPEN);
        for (uint256 i = 1; i <= 300; ++i) {
            feed.push(4000e8 + int256(i), OPEN + i * 6);
        }
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        house.fixExpiry(ETH, EXPIRY, first);
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 0);
        house.fixExpiry(ETH, EXPIRY, first);
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 4000e18 + 1495e9); // mean of 0 .. 299 atoms
    }

    function test_fix_follows_the_feed_into_its_next_phase() public {
        uint80 first = feed.push(3900e8, OPEN - 100);
        feed.nextPhase();
        feed.push(4100e8, OPEN + 900);
        feed.push(4100e8, EXPIRY);
        feed.setReverting(true); // unknown rounds revert on some feeds
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 4000e18);
    }

    function test_a_change_of_feed_begins_anew() public {
        uint80 first = feed.push(3900e8, OPEN - 100);
        feed.push(4000e8, OPEN + 900);
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        Feed other = new Feed(6); // other decimals, other rounds
        other.push(5000e6, OPEN);
        first = other.push(5000e6, OPEN);
        other.push(5000e6, EXPIRY);
        Market memory next = params.market(ETH);
        next.feed = address(other);
        vm.prank(proposer);
        bytes32 id = params.queue(abi.encodeCall(IParams.setMarket, (ETH, next)));
        vm.prank(approver);
        params.approve(id);
        vm.warp(EXPIRY + 48 hours);
        params.execute(id);
        house.fixExpiry(ETH, EXPIRY, first);
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 5000e18);
    }

    function test_FeedGap_rounds_that_run_backwards_or_price_nothing() public {
        uint80 first = feed.push(3900e8, OPEN - 100);
        feed.push(4000e8, OPEN + 900);
        feed.push(4000e8, OPEN + 800);
        vm.warp(EXPIRY);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, first);
        feed.setRound(first + 1, -1, OPEN + 900);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.fixExpiry(ETH, EXPIRY, first);
    }

    function test_NotExpired_and_AlreadyFixed() public {
        vm.expectPartialRevert(IClearinghouse.NotExpired.selector);
        house.fixExpiry(ETH, EXPIRY, PHASE + 1);
        _fix(4000e8);
        vm.expectPartialRevert(IClearinghouse.AlreadyFixed.selector);
        house.fixExpiry(ETH, EXPIRY, PHASE + 1);
    }

    function test_gas_fix_per_round() public {
        uint80 first = feed.push(4000e8, OPEN);
        for (uint256 i = 1; i <= 58; ++i) {
            feed.push(4000e8, OPEN + i * 31);
        }
        feed.push(4000e8, EXPIRY);
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("fixExpiry, 60 rounds", used);
        vm.assertLe(used / 60, 8000);
    }

    // ---- fallback

    function test_fallback_binds_after_a_day_in_public() public {
        vm.warp(uint256(EXPIRY) + 24 hours);
        _propose(4321e18);
        vm.expectPartialRevert(IClearinghouse.FallbackTooEarly.selector);
        house.confirmExpiry(ETH, EXPIRY);
        vm.expectPartialRevert(IClearinghouse.AlreadyProposed.selector);
        this.propose(4000e18);
        vm.warp(uint256(EXPIRY) + 48 hours);
        house.confirmExpiry(ETH, EXPIRY);
        vm.assertEq(house.expiryPrice(ETH, EXPIRY), 4321e18);
    }

    function test_FallbackTooEarly_while_the_feed_may_still_close() public {
        vm.warp(uint256(EXPIRY) + 24 hours - 1);
        vm.expectPartialRevert(IClearinghouse.FallbackTooEarly.selector);
        this.propose(4000e18);
    }

    function test_NoProposal_after_the_guardians_veto() public {
        vm.warp(uint256(EXPIRY) + 24 hours);
        _propose(4321e18);
        vm.prank(ann);
        vm.expectPartialRevert(IClearinghouse.NotGuardian.selector);
        house.vetoExpiry(ETH, EXPIRY);
        vm.prank(guardian);
        house.vetoExpiry(ETH, EXPIRY);
        vm.prank(guardian);
        vm.expectPartialRevert(IClearinghouse.NoProposal.selector);
        house.vetoExpiry(ETH, EXPIRY);
        vm.warp(uint256(EXPIRY) + 48 hours);
        vm.expectPartialRevert(IClearinghouse.NoProposal.selector);
        house.confirmExpiry(ETH, EXPIRY);
    }

    function test_rounds_that_turn_up_beat_the_fallback() public {
        vm.warp(uint256(EXPIRY) + 24 hours);
        _propose(4321e18);
        _fix(4000e8);
        vm.warp(uint256(EXPIRY) + 48 hours);
        vm.expectPartialRevert(IClearinghouse.AlreadyFixed.selector);
        house.confirmExpiry(ETH, EXPIRY);
    }

    function test_MarkMissing_and_PriceOutOfRange_in_a_fallback() public {
        vm.warp(uint256(EXPIRY) + 24 hours);
        Report memory report = markReport(perp, 4000e18);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.MarkMissing.selector);
        house.proposeExpiry(ETH, EXPIRY, report, signatures);
        vm.expectPartialRevert(IClearinghouse.PriceOutOfRange.selector);
        this.propose(0);
        vm.expectPartialRevert(IClearinghouse.PriceOutOfRange.selector);
        this.propose(1 << 96);
    }

    // ---- pay-out

    function test_settle_pays_intrinsic_and_frees_the_slots() public {
        clear(annId, bobId, call44, -2e18, 150e18);
        clear(annId, bobId, put36, -2e18, 150e18);
        clear(annId, bobId, perp, 1e18, 4000e18);
        _fix(4500e8);
        house.settleExpired(annId);
        house.settleExpired(bobId);
        vm.assertEq(house.cashOf(annId), 100_000e6 + 600e6 - 4000e6 - 200e6);
        vm.assertEq(house.cashOf(bobId), 100_000e6 - 600e6 + 4000e6 + 200e6);
        vm.assertEq(house.positions(annId).length, 1);
        vm.assertEq(house.openInterest(ETH), 1e18);
        house.settleExpired(annId); // nothing left to do
    }

    function test_unfixed_options_stay() public {
        clear(annId, bobId, call44, -2e18, 150e18);
        vm.warp(EXPIRY);
        house.settleExpired(annId);
        vm.assertEq(house.positions(annId).length, 1);
    }

    function test_an_expired_option_is_valued_at_the_fixed_price() public {
        clear(annId, bobId, call44, -2e18, 150e18);
        _fix(4500e8);
        feed.set(9000e8);
        (,, int256 equity) = house.simple(annId);
        vm.assertEq(equity, 100_300e6 - 200e6);
    }

    /// Rounding at expiry never creates cash, and whole atoms of dust reach the insurance account.
    function testFuzz_expiry_conserves_cash(uint96 first, uint96 second, uint64 price) public {
        int96 a = int96(int256(uint256(first) % 5e18 + 1));
        int96 b = int96(int256(uint256(second) % 5e18 + 1));
        clear(annId, bobId, call44, -a, 150e18);
        clear(catId, bobId, call44, b, 150e18);
        clear(annId, catId, put36, b, 150e18);
        _fix(int256(uint256(price) % 8000e8 + 1));
        house.settleExpired(annId);
        house.settleExpired(bobId);
        house.settleExpired(catId);
        int256 sum = house.cashOf(annId) + house.cashOf(bobId) + house.cashOf(catId);
        sum += house.cashOf(house.insuranceAccount());
        vm.assertEq(sum, 300_000e6);
        vm.assertEq(house.dust(), 0);
        vm.assertEq(house.openInterest(ETH), 0);
    }

    function test_gas_settle_four_options() public {
        for (uint256 i; i < 4; ++i) {
            clear(
                annId,
                bobId,
                option(i < 2 ? KIND_PUT : KIND_CALL, 3400e18 + i * 400e18),
                1e18,
                400e18
            );
        }
        _fix(4000e8);
        house.settleExpired(annId);
        emit log_named_uint("settleExpired, 4 options", vm.lastCallGas().gasTotalUsed);
    }

    // ---- funding

    function test_funding_moves_with_time_and_stops_after_an_hour() public {
        clear(annId, bobId, perp, 10e18, 4000e18);
        _poke(4008e18); // an eighth of 8 an hour
        vm.warp(START + 30 minutes);
        vm.assertEq(house.fundingIndex(ETH), 0.5e18);
        vm.warp(START + 5 hours);
        vm.assertEq(house.fundingIndex(ETH), 1e18);
        feed.set(4000e8);
        (,, int256 equity) = house.simple(annId);
        vm.assertEq(equity, 100_000e6 - 10e6); // the long pays
        (,, equity) = house.simple(bobId);
        vm.assertEq(equity, 100_000e6 + 10e6);
        clear(annId, bobId, perp, -10e18, 4000e18);
        vm.assertEq(house.cashOf(annId), 100_000e6 - 10e6);
        vm.assertEq(house.cashOf(bobId), 100_000e6 + 10e6);
    }

    function test_funding_is_clamped_to_5_basis_points_an_hour() public {
        _poke(8000e18);
        vm.warp(START + 1 hours);
        vm.assertEq(house.fundingIndex(ETH), 2e18);
        feed.set(4000e8);
        _poke(0);
        vm.warp(START + 2 hours);
        vm.assertEq(house.fundingIndex(ETH), 0);
    }

    function test_FundingStale_an_older_report_says_nothing_new() public {
        Report memory old = markReport(perp, 4008e18);
        bytes[] memory signatures = signed(old);
        vm.warp(START + 10);
        _poke(4000e18);
        vm.expectPartialRevert(IClearinghouse.FundingStale.selector);
        house.pokeFunding(ETH, old, signatures);
    }

    function test_MarkMissing_and_PriceOutOfRange_in_funding() public {
        Report memory report = markReport(call44, 4008e18);
        bytes[] memory signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.MarkMissing.selector);
        house.pokeFunding(ETH, report, signatures);
        report = markReport(perp, 1 << 96);
        signatures = signed(report);
        vm.expectPartialRevert(IClearinghouse.PriceOutOfRange.selector);
        house.pokeFunding(ETH, report, signatures);
    }

    function propose(uint256 price) external {
        _propose(price);
    }

    function _propose(uint256 price) private {
        Report memory report = markReport(InstrumentId.encode(ETH, KIND_BASE, EXPIRY, 0), price);
        bytes[] memory signatures = signed(report);
        house.proposeExpiry(ETH, EXPIRY, report, signatures);
    }

    function _poke(uint256 price) private {
        Report memory report = markReport(perp, price);
        house.pokeFunding(ETH, report, signed(report));
    }

    function _fix(int256 answer) private {
        uint80 first = feed.push(answer, OPEN - 1);
        feed.push(answer, EXPIRY);
        if (block.timestamp < EXPIRY) vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
    }
}
