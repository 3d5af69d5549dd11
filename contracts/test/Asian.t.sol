// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../src/MarginRules.sol";
import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {IParams} from "../src/interfaces/IParams.sol";
import {Asians} from "../src/libraries/Asians.sol";
import {Fences} from "../src/libraries/Fences.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {
    FIXINGS,
    KIND_ASIAN_CALL,
    KIND_ASIAN_PUT,
    KIND_BASE,
    KIND_CALL,
    Market
} from "../src/types/Market.sol";
import {Trade} from "../src/types/Plan.sol";
import {Report} from "../src/types/Report.sol";
import {Feed} from "./support/Feed.sol";
import {House} from "./support/House.sol";

/// Asian options: their fixings, what they are worth before the last, and what they pay.
contract AsianTest is House {
    uint80 private constant PHASE = 1 << 64;
    uint256 private constant FIRST = uint256(EXPIRY) - 6 days;

    uint160 private asianCall;
    uint160 private asianPut;

    event FixingRecorded(uint16 indexed market, uint40 indexed expiry, uint8 done, uint256 total);

    function setUp() public override {
        super.setUp();
        asianCall = option(KIND_ASIAN_CALL, 4000e18);
        asianPut = option(KIND_ASIAN_PUT, 4000e18);
    }

    // ---- fixings

    function test_fixings_are_the_rounds_in_force_in_order() public {
        uint80 first = _days(4100e8, 10e8);
        for (uint80 k; k < FIXINGS; ++k) {
            uint256 total = (k + 1) * 4100e18 + k * (k + 1) / 2 * 10e18;
            vm.expectEmit(true, true, true, true);
            emit FixingRecorded(ETH, EXPIRY, uint8(k + 1), total);
            house.recordFixing(ETH, EXPIRY, first + 2 * k);
            (uint8 done, uint256 sum) = house.fixings(ETH, EXPIRY);
            vm.assertEq(uint256(done), k + 1);
            vm.assertEq(sum, total);
        }
        vm.expectPartialRevert(IClearinghouse.AlreadyFixed.selector);
        house.recordFixing(ETH, EXPIRY, first);
    }

    function test_FeedGap_the_round_is_nobodys_choice() public {
        feed.push(3000e8, FIRST - 50);
        uint80 right = feed.push(4000e8, FIRST);
        feed.push(5000e8, FIRST + 1);
        vm.warp(FIRST + 10);
        uint80[4] memory wrong = [right - 1, right + 1, right + 7, PHASE * 9 + 1];
        for (uint256 i; i < wrong.length; ++i) {
            vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
            house.recordFixing(ETH, EXPIRY, wrong[i]);
        }
        house.recordFixing(ETH, EXPIRY, right);
        vm.expectPartialRevert(IClearinghouse.NotExpired.selector);
        house.recordFixing(ETH, EXPIRY, right); // the second is due a day later
    }

    function test_FeedGap_until_the_next_round_closes_it() public {
        uint80 last = feed.push(4000e8, FIRST - 50);
        vm.warp(FIRST + 10);
        vm.expectPartialRevert(IClearinghouse.FeedGap.selector);
        house.recordFixing(ETH, EXPIRY, last);
        feed.push(4000e8, FIRST + 9);
        house.recordFixing(ETH, EXPIRY, last);
    }

    function test_NotExpired_before_the_fixing_time() public {
        uint80 last = feed.push(4000e8, FIRST - 50);
        vm.warp(FIRST - 1);
        feed.push(4000e8, FIRST);
        vm.expectPartialRevert(IClearinghouse.NotExpired.selector);
        house.recordFixing(ETH, EXPIRY, last);
    }

    function test_fixing_at_the_end_of_a_phase() public {
        uint80 last = feed.push(4000e8, FIRST - 50);
        feed.nextPhase();
        feed.push(4200e8, FIRST + 9);
        feed.setReverting(true); // unknown rounds revert on some feeds
        vm.warp(FIRST + 10);
        house.recordFixing(ETH, EXPIRY, last);
        (, uint256 total) = house.fixings(ETH, EXPIRY);
        vm.assertEq(total, 4000e18);
    }

    function test_a_new_feed_goes_on_from_what_is_recorded() public {
        uint80 last = feed.push(4000e8, FIRST - 50);
        feed.push(4000e8, FIRST + 9);
        vm.warp(FIRST + 10);
        house.recordFixing(ETH, EXPIRY, last);
        Feed other = new Feed(6); // other decimals, other rounds
        last = other.push(5000e6, FIRST + 1 days);
        other.push(5000e6, FIRST + 1 days + 60);
        _setFeed(address(other));
        house.recordFixing(ETH, EXPIRY, last);
        (uint8 done, uint256 total) = house.fixings(ETH, EXPIRY);
        vm.assertEq(uint256(done), 2);
        vm.assertEq(total, 9000e18);
    }

    function test_a_fixing_without_rounds_takes_the_price_k_of_n_stated_for_its_time() public {
        uint40 time = uint40(FIRST);
        vm.warp(FIRST + 24 hours);
        Report memory report = markReport(InstrumentId.encode(ETH, KIND_BASE, time, 0), 4321e18);
        bytes[] memory signatures = signed(report);
        house.proposeExpiry(ETH, time, report, signatures);
        vm.expectPartialRevert(IClearinghouse.FallbackTooEarly.selector);
        house.recordFixing(ETH, EXPIRY, 0);
        vm.warp(FIRST + 48 hours);
        vm.expectPartialRevert(IClearinghouse.NoProposal.selector);
        house.recordFixing(ETH, EXPIRY, 0); // stated, not yet confirmed
        house.confirmExpiry(ETH, time);
        house.recordFixing(ETH, EXPIRY, 0);
        (uint8 done, uint256 total) = house.fixings(ETH, EXPIRY);
        vm.assertEq(uint256(done), 1);
        vm.assertEq(total, 4321e18);
    }

    /// Who holds the round comes first: a price fixed for that time counts two days later only.
    function test_FallbackTooEarly_a_mean_is_no_choice_beside_the_round() public {
        uint80 first = feed.push(3900e8, FIRST - 1900);
        uint80 last = feed.push(4000e8, FIRST - 50);
        feed.push(4000e8, FIRST + 9);
        vm.warp(FIRST + 48 hours - 1);
        house.fixExpiry(ETH, uint40(FIRST), first);
        vm.expectPartialRevert(IClearinghouse.FallbackTooEarly.selector);
        house.recordFixing(ETH, EXPIRY, 0);
        house.recordFixing(ETH, EXPIRY, last);
    }

    function test_gas_record_a_fixing() public {
        uint80 first = _days(4000e8, 0);
        house.recordFixing(ETH, EXPIRY, first);
        house.recordFixing(ETH, EXPIRY, first + 2);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("recordFixing, not the first", used);
        vm.assertLe(used, 80_000);
    }

    // ---- pay-out

    function test_both_rights_pay_the_mean_of_seven() public {
        clear(annId, bobId, asianCall, 2e18, 300e18);
        clear(annId, bobId, asianPut, -1e18, 300e18);
        clear(annId, bobId, perp, 1e18, 4000e18);
        _recordAll(4100e8, 10e8); // mean 4,130
        house.settleExpired(annId);
        house.settleExpired(bobId);
        vm.assertEq(house.cashOf(annId), 100_000e6 - 300e6 + 260e6 - 4000e6);
        vm.assertEq(house.cashOf(bobId), 100_000e6 + 300e6 - 260e6 + 4000e6);
        vm.assertEq(house.positions(annId).length, 1);
        vm.assertEq(house.openInterest(ETH), 1e18);
    }

    function test_an_expiry_price_alone_pays_no_asian_and_the_mean_no_european() public {
        clear(annId, bobId, asianCall, 1e18, 300e18);
        clear(annId, bobId, call44, 1e18, 150e18);
        uint80 first = _days(4500e8, 0);
        for (uint80 k; k < 6; ++k) {
            house.recordFixing(ETH, EXPIRY, first + 2 * k);
        }
        house.settleExpired(annId);
        vm.assertEq(house.positions(annId).length, 2); // six of seven are not all
        house.recordFixing(ETH, EXPIRY, first + 12);
        house.settleExpired(annId);
        vm.assertEq(house.positions(annId).length, 1);
        vm.assertEq(uint256(PositionSlot.instrumentOf(house.positions(annId)[0])), call44);
        house.settleExpired(bobId);
        vm.assertEq(house.cashOf(annId) + house.cashOf(bobId), 200_000e6);
    }

    /// Whatever the path, both sides of every Asian are paid to the atom.
    function testFuzz_pay_out_conserves_cash(uint64 quantity, uint64 start, uint32 step) public {
        int96 a = int96(int256(uint256(quantity) % 5e18 + 1));
        clear(annId, bobId, asianCall, a, 150e18);
        clear(bobId, annId, asianPut, a, 150e18);
        _recordAll(int256(uint256(start) % 8000e8 + 1), int256(uint256(step)));
        house.settleExpired(annId);
        house.settleExpired(bobId);
        int256 sum = house.cashOf(annId) + house.cashOf(bobId);
        vm.assertEq(sum + house.cashOf(house.insuranceAccount()), 200_000e6);
        vm.assertEq(house.openInterest(ETH), 0);
    }

    // ---- what it is worth and what it needs

    function test_before_averaging_a_call_is_margined_as_a_european() public pure {
        uint256 fixing;
        Asians.Unit memory one = _unit(KIND_ASIAN_CALL, 4400e18, fixing, 4000e18, START);
        uint256 flat = MarginRules.timeValue(4000e18, 1_500_000, EXPIRY - START);
        vm.assertEq(one.mark, flat);
        vm.assertEq(one.initial, flat + 520e18);
        vm.assertEq(one.maintenance, flat + 360e18);
        vm.assertEq(one.highest, flat);
        vm.assertEq(one.lowest, 0);
    }

    function test_a_put_has_no_chord() public pure {
        Asians.Unit memory one = _unit(KIND_ASIAN_PUT, 3000e18, 0, 4000e18, START);
        vm.assertEq(one.mark, MarginRules.timeValue(4000e18, 1_500_000, EXPIRY - START));
    }

    function test_recorded_fixings_count_as_they_are() public pure {
        uint256 word = 5 << 128 | 5 * 4400e18; // A = (22,000 + 2 x 4,000) / 7
        Asians.Unit memory one = _unit(KIND_ASIAN_CALL, 4000e18, word, 4000e18, EXPIRY);
        uint256 mean = uint256(30_000e18 + 6) / 7;
        vm.assertEq(one.mark, mean - 4000e18); // past expiry the feed stands in for the rest
        vm.assertEq(one.initial, one.mark + 600e18);
        one = _unit(KIND_ASIAN_PUT, 5000e18, word, 4000e18, EXPIRY);
        vm.assertEq(one.lowest, 5000e18 - (mean - 1));
    }

    function test_a_short_is_always_alone() public {
        clear(annId, bobId, asianCall, -1e18, 300e18);
        (int256 alone,,) = house.simple(annId);
        clear(annId, bobId, option(KIND_CALL, 4000e18), 1e18, 300e18);
        clear(annId, bobId, option(KIND_ASIAN_CALL, 3900e18), 1e18, 300e18);
        (int256 covered,,) = house.simple(annId);
        vm.assertEq(covered, alone - 600e6); // the premium of the two longs, and no relief
    }

    function test_PriceBand_of_an_asian_follows_the_recorded_part() public {
        uint80 first = _days(6000e8, 0);
        for (uint80 k; k < 6; ++k) {
            house.recordFixing(ETH, EXPIRY, first + 2 * k);
        }
        vm.warp(EXPIRY - 1 hours);
        feed.set(4000e8); // A = 40,000 / 7 = 5,714; 1,714 in the money, less 3 % of 4,000
        Trade[] memory trades = one(trade(annId, bobId, asianCall, 1e18, 1594e18));
        vm.expectPartialRevert(IClearinghouse.PriceBand.selector);
        this.clearOutside(trades);
        trades[0].price = 1850e18;
        vm.expectPartialRevert(IClearinghouse.PriceBand.selector);
        this.clearOutside(trades);
        trades[0].price = 1595e18;
        clear(trades);
    }

    /// ETH fell by 40 %. While nobody records, the chain would take the mean for the feed.
    function test_FixingsUnrecorded_nobody_trades_at_a_mean_known_to_be_wrong() public {
        uint80 first = _days(4000e8, 0);
        vm.warp(EXPIRY - 1 hours);
        feed.set(2400e8);
        Trade[] memory trades =
            one(trade(bobId, annId, option(KIND_ASIAN_CALL, 2400e18), 1e18, 72e18));
        for (uint80 k; k < 5; ++k) {
            vm.expectPartialRevert(IClearinghouse.FixingsUnrecorded.selector);
            this.clearOutside(trades);
            house.recordFixing(ETH, EXPIRY, first + 2 * k);
        }
        vm.expectPartialRevert(IClearinghouse.PriceBand.selector); // 1,142 in the money, as it will pay
        this.clearOutside(trades);
        trades[0].price = 1200e18; // with one to record, its seventh is taken at the feed
        clear(trades);
    }

    function testFuzz_one_due_fixing_may_be_unrecorded(uint8 k, uint32 past) public {
        k = k % 5; // the one after is the last, and the end
        uint80 first = _days(4000e8, 0);
        uint256 due = FIRST + (uint256(k) + 1) * 1 days;
        for (uint80 i; i < k; ++i) {
            house.recordFixing(ETH, EXPIRY, first + 2 * i);
        }
        Trade[] memory trades = one(trade(annId, bobId, asianCall, 1e18, 100e18));
        vm.warp(due - 1 - past % 1 hours);
        feed.set(4000e8);
        clear(trades);
        vm.warp(due);
        vm.expectPartialRevert(IClearinghouse.FixingsUnrecorded.selector);
        this.clearOutside(trades);
    }

    function test_signers_cannot_value_an_asian_outside_the_fence() public {
        clear(annId, bobId, asianCall, -1e18, 300e18);
        Report memory report = newReport(0, 1);
        report.accounts[0] = riskOf(annId, house.positionsHash(annId), 1e18, 0);
        int256 equity = clearAsking(new Trade[](0), annId, report).equity;
        vm.assertEq(equity, 100_300e6); // a short is worth nothing at best
        report.accounts[0] = riskOf(annId, house.positionsHash(annId), -1e18, 0);
        equity = clearAsking(new Trade[](0), annId, report).equity;
        vm.assertEq(equity, 100_300e6 - 630_091_483); // at worst intrinsic and the bound
    }

    function test_delta_of_an_asian_is_for_signers_to_say() public {
        clear(annId, bobId, asianCall, -1e18, 300e18);
        vm.assertFalse(clearAsking(new Trade[](0), annId, noReport()).deltaKnown);
    }

    /// E >= MM >= IM, the mark inside the bound, and never less than what it will pay if the rest of the
    /// fixings come at S.
    function testFuzz_figures_are_ordered(
        uint96 strike,
        uint96 price,
        uint8 done,
        uint96 total,
        uint32 left
    ) public pure {
        uint256 word = uint256(done % 8) << 128 | (done % 8 == 0 ? 0 : total);
        uint8 kind = total % 2 == 0 ? KIND_ASIAN_CALL : KIND_ASIAN_PUT;
        Asians.Unit memory one = _unit(
            kind,
            bound(strike, 1, type(uint96).max),
            word,
            bound(price, 1, type(uint96).max),
            EXPIRY - left % 40 days
        );
        vm.assertLe(one.lowest, one.mark);
        vm.assertLe(one.mark, one.highest);
        vm.assertLe(one.mark, one.maintenance);
        vm.assertLe(one.maintenance, one.initial);
    }

    /// With one fixing left it is w of a European struck at (K - recorded part) / w: the bound is the
    /// same to the wei, from another formula.
    function testFuzz_one_open_fixing_is_a_seventh_of_a_european(uint64 strike, uint64 total)
        public
        pure
    {
        uint256 sum = uint256(total) % 30_000e18;
        uint256 least = sum / 7 + 1;
        uint256 k = least + uint256(strike) % 3000e18;
        Asians.Unit memory one = _unit(KIND_ASIAN_CALL, k, 6 << 128 | sum, 4000e18, EXPIRY - 1 days);
        uint256 flat = MarginRules.timeValue(4000e18, 1_500_000, 1 days);
        uint256 european = 7 * k - sum; // its strike
        uint256 inside = 4000e18 > european ? 4000e18 - european : 0;
        uint256 bound_ = MarginRules.ceilDiv(inside, 7) + MarginRules.ceilDiv(flat, 7);
        vm.assertEq(one.highest, bound_);
    }

    function testFuzz_linear_delta_is_exact_only_without_options(uint8 kind) public pure {
        kind = kind % 6;
        MarginRules.Book memory book;
        book.slots = new uint256[](1);
        book.prices = new uint256[](1);
        book.markets = new MarginRules.MarketView[](1);
        book.markets[0].baseUnit = 1;
        book.slots[0] = PositionSlot.encode(InstrumentId.encode(ETH, kind, 0, 0), 5);
        (, bool isExact) = Fences.linearDelta(book, ETH);
        vm.assertTrue(isExact == (kind == 0 || kind == KIND_BASE));
    }

    function clearOutside(Trade[] memory trades) external {
        clear(trades);
    }

    // ---- inside

    /// A round just before each fixing time and one just after; warps behind the last one.
    function _days(int256 answer, int256 step) private returns (uint80 first) {
        for (uint256 k; k < FIXINGS; ++k) {
            uint80 round = feed.push(answer + int256(k) * step, FIRST + k * 1 days - 30);
            if (k == 0) first = round;
            feed.push(answer + int256(k) * step, FIRST + k * 1 days + 30);
        }
        vm.warp(uint256(EXPIRY) + 60);
    }

    function _recordAll(int256 answer, int256 step) private {
        uint80 first = _days(answer, step);
        for (uint80 k; k < FIXINGS; ++k) {
            house.recordFixing(ETH, EXPIRY, first + 2 * k);
        }
    }

    function _setFeed(address next) private {
        Market memory changed = params.market(ETH);
        changed.feed = next;
        vm.prank(proposer);
        bytes32 id = params.queue(abi.encodeCall(IParams.setMarket, (ETH, changed)));
        vm.prank(approver);
        params.approve(id);
        vm.warp(block.timestamp + 48 hours);
        params.execute(id);
    }

    function _unit(uint8 kind, uint256 strike, uint256 fixing, uint256 price, uint256 time)
        private
        pure
        returns (Asians.Unit memory)
    {
        uint256 slot = uint256(InstrumentId.encode(ETH, kind, EXPIRY, strike)) << 96;
        return Asians.unit(slot, fixing, price, 1_500_000, time);
    }
}
