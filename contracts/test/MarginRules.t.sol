// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../src/MarginRules.sol";
import {AccountId} from "../src/libraries/AccountId.sol";
import {Fences} from "../src/libraries/Fences.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {PositionSlot} from "../src/libraries/PositionSlot.sol";
import {KIND_CALL, KIND_PUT} from "../src/types/Market.sol";
import {Test} from "./support/Vm.sol";

/// What packs an id, reachable from outside so that a revert is a call's.
contract Packing {
    function instrument(uint16 market, uint8 kind, uint256 expiry, uint256 strike)
        external
        pure
        returns (uint160)
    {
        return InstrumentId.encode(market, kind, expiry, strike);
    }

    function slot(uint160 id, int256 quantity) external pure returns (uint256) {
        return PositionSlot.encode(id, quantity);
    }
}

contract MarginRulesTest is Test {
    uint256 private constant NOW = 1_796_000_400;
    uint256 private constant DAYS_25 = NOW + 25 days;
    uint256 private constant S = 4000e18;
    uint256 private constant UNIT = 1e30; // 6 decimals

    // from an independent transcription with Python integers: 25 days, S 4,000, cap 150 %
    uint256 private constant FLAT = 626447799884408484000;
    int256 private constant PUT3000_MARK = 469835849913306363000e18;
    int256 private constant PUT3000_IM = 989835849913306363000e18;
    int256 private constant PUT3000_MM = 829835849913306363000e18;
    int256 private constant PUT9000_IM = 6439469506967705509938e18;
    int256 private constant PUT9000_MM = 6132828101874005247560e18;
    int256 private constant CALL4400_MARK = 626447799884408484000e18;
    int256 private constant CALL4400_IM = 1146447799884408484000e18;
    int256 private constant CALL4400_MM = 986447799884408484000e18;

    Packing private packing = new Packing();

    function test_IdOutOfRange_refuses_what_does_not_fit() public {
        vm.expectRevert(
            abi.encodeWithSelector(InstrumentId.IdOutOfRange.selector, uint256(1) << 40, 1)
        );
        packing.instrument(1, KIND_CALL, 1 << 40, 1);
        vm.expectPartialRevert(InstrumentId.IdOutOfRange.selector);
        packing.instrument(1, KIND_CALL, 1, 1 << 96);
    }

    function test_QuantityOutOfRange_is_symmetric() public {
        packing.slot(1, type(int96).max);
        packing.slot(1, -type(int96).max);
        vm.expectPartialRevert(PositionSlot.QuantityOutOfRange.selector);
        packing.slot(1, type(int96).min);
        vm.expectPartialRevert(PositionSlot.QuantityOutOfRange.selector);
        packing.slot(1, int256(type(int96).max) + 1);
    }

    function testFuzz_ids_round_trip(uint16 market, uint8 kind, uint40 expiry, uint96 strike)
        public
        pure
    {
        uint160 id = InstrumentId.encode(market, kind, expiry, strike);
        vm.assertEq(uint256(InstrumentId.marketOf(id)), market);
        vm.assertEq(uint256(InstrumentId.kindOf(id)), kind);
        vm.assertEq(uint256(InstrumentId.expiryOf(id)), expiry);
        vm.assertEq(InstrumentId.strikeOf(id), strike);
    }

    function testFuzz_slots_and_accounts_round_trip(uint160 id, int96 q, address owner, uint64 sub)
        public
        pure
    {
        vm.assume(q != type(int96).min);
        uint256 slot = PositionSlot.encode(id, q);
        vm.assertEq(uint256(PositionSlot.instrumentOf(slot)), id);
        vm.assertEq(PositionSlot.quantityOf(slot), int256(q));
        bytes32 account = AccountId.encode(owner, sub);
        vm.assertEq(AccountId.ownerOf(account), owner);
        vm.assertEq(uint256(AccountId.subaccountOf(account)), sub);
    }

    function test_time_value_bounds_black_at_the_cap() public pure {
        // at the money Black at sigma 150 %, 25 days, is 623.6; the bound is its limit for small T
        vm.assertEq(MarginRules.timeValue(S, 1_500_000, 25 days), FLAT);
        vm.assertEq(MarginRules.timeValue(S, 1_500_000, 0), 0);
    }

    function test_short_put_scales_time_value_with_strike() public pure {
        MarginRules.Margin memory margin = _simple1(KIND_PUT, 3000e18, -1e18);
        vm.assertEq(margin.equity, -PUT3000_MARK);
        vm.assertEq(margin.initial, -PUT3000_IM);
        vm.assertEq(margin.maintenance, -PUT3000_MM);
    }

    function test_short_call_charges_15_percent_less_out_of_the_money() public pure {
        MarginRules.Margin memory margin = _simple1(KIND_CALL, 4400e18, -2e18);
        vm.assertEq(margin.equity, -2 * CALL4400_MARK);
        vm.assertEq(margin.initial, -2 * CALL4400_IM);
        vm.assertEq(margin.maintenance, -2 * CALL4400_MM);
        vm.assertEq(margin.risk, margin.equity - margin.initial);
    }

    /// Deep in the money a put's maintenance grows with its mark, its initial is 105 % of that.
    function test_deep_put_is_charged_by_its_mark() public pure {
        MarginRules.Margin memory margin = _simple1(KIND_PUT, 9000e18, -1e18);
        vm.assertEq(margin.initial, -PUT9000_IM);
        vm.assertEq(margin.maintenance, -PUT9000_MM);
    }

    function test_long_options_are_worth_nothing() public pure {
        MarginRules.Margin memory margin = _simple1(KIND_CALL, 3000e18, 5e18);
        vm.assertEq(margin.equity, 0);
        vm.assertEq(margin.initial, 0);
    }

    function test_spread_needs_its_worst_payoff() public pure {
        uint256[] memory slots = new uint256[](2);
        slots[0] = _slot(KIND_CALL, 4400e18, -3e18);
        slots[1] = _slot(KIND_CALL, 4500e18, 3e18);
        vm.assertEq(MarginRules.simple(_book(slots), NOW).initial, -300e36);
    }

    function test_naked_calls_are_charged_at_120_percent_of_the_price() public pure {
        uint256[] memory slots = new uint256[](2);
        slots[0] = _slot(KIND_CALL, 100e18, -2e18);
        slots[1] = _slot(KIND_CALL, 200e18, 1e18);
        MarginRules.Margin memory margin = MarginRules.simple(_book(slots), NOW);
        // worst over {0, 100, 200} = -200 at 200, one naked call at 4,800
        vm.assertEq(margin.initial, -5000e36);
        vm.assertEq(margin.maintenance, -4600e36);
        vm.assertEq(margin.equity, -4200e36);
    }

    function test_perp_pays_funding_and_base_takes_a_haircut() public pure {
        uint256[] memory slots = new uint256[](2);
        slots[0] = PositionSlot.encode(InstrumentId.perp(1), -3e18);
        slots[1] = PositionSlot.encode(InstrumentId.base(1), 2e18);
        MarginRules.Book memory book = _book(slots);
        book.markets[0].fundingIndex = -10e18; // both entries share the view
        MarginRules.Margin memory margin = MarginRules.simple(book, NOW);
        vm.assertEq(margin.equity, -3 * 4010e36 + 8000e36);
        vm.assertEq(margin.initial, -3 * 4010e36 - 1200e36 + 6000e36);
        vm.assertEq(margin.maintenance, -3 * 4010e36 - 780e36 + 6400e36);
        vm.assertEq(margin.risk, 1200e36);
    }

    function test_atoms_round_against_the_account() public pure {
        vm.assertEq(MarginRules.toAtoms(int256(UNIT + 1), UNIT), 1);
        vm.assertEq(MarginRules.toAtoms(-int256(UNIT + 1), UNIT), -2);
        vm.assertEq(MarginRules.toAtomsUp(int256(UNIT + 1), UNIT), 2);
        vm.assertEq(MarginRules.toAtomsUp(-int256(UNIT + 1), UNIT), -1);
    }

    function test_band_follows_the_feed() public pure {
        MarginRules.MarketView memory view_ = _market();
        (uint256 low, uint256 high) = Fences.band(InstrumentId.perp(1), view_, NOW);
        vm.assertEq(low, 3880e18);
        vm.assertEq(high, 4120e18);
        (low, high) = Fences.band(_id(KIND_CALL, 3500e18), view_, NOW);
        vm.assertEq(low, 380e18);
        vm.assertEq(high, 500e18 + FLAT + 120e18);
        (low,) = Fences.band(_id(KIND_CALL, 4400e18), view_, NOW);
        vm.assertEq(low, 0);
    }

    function test_fence_of_a_mixed_book() public pure {
        uint256[] memory slots = new uint256[](4);
        slots[0] = PositionSlot.encode(InstrumentId.perp(1), -3e18);
        slots[1] = PositionSlot.encode(InstrumentId.base(1), 2e18);
        slots[2] = _slot(KIND_CALL, 3500e18, 1e18);
        slots[3] = _slot(KIND_CALL, 3600e18, -2e18);
        Fences.Fence memory fence = Fences.fence(_book(slots), NOW);
        vm.assertEq(fence.linear, -12_000e36 + 8000e36);
        vm.assertEq(fence.optionsMin, -2 * int256(400e18 + FLAT) * 1e18);
        vm.assertEq(fence.optionsMax, int256(500e18 + FLAT) * 1e18 - 800e36);
        vm.assertEq(fence.floor, 200e36); // 1 % of 12,000 perp and 8,000 short options
    }

    function test_delta_of_base_counts_whole_units() public pure {
        uint256[] memory slots = new uint256[](3);
        slots[0] = PositionSlot.encode(InstrumentId.perp(1), -3e18);
        slots[1] = PositionSlot.encode(InstrumentId.base(1), 2e8);
        MarginRules.Book memory book = _book(slots);
        book.markets[1].baseUnit = 1e10;
        slots[2] = PositionSlot.encode(InstrumentId.encode(2, KIND_CALL, DAYS_25, 1e18), 1e18);
        (int256 delta, bool isExact) = Fences.linearDelta(book, 1);
        vm.assertEq(delta, -1e18);
        vm.assertTrue(isExact);
        (, isExact) = Fences.linearDelta(book, 2);
        vm.assertFalse(isExact);
    }

    /// E >= MM >= IM, so neither a requirement nor a health is ever negative.
    function testFuzz_requirements_are_ordered(uint256 seed) public pure {
        MarginRules.Margin memory margin = MarginRules.simple(_random(seed), NOW);
        vm.assertGe(margin.equity, margin.maintenance);
        vm.assertGe(margin.maintenance, margin.initial);
        vm.assertGe(margin.risk, 0);
    }

    function testFuzz_order_of_positions_does_not_matter(uint256 seed) public pure {
        MarginRules.Book memory book = _random(seed);
        MarginRules.Margin memory margin = MarginRules.simple(book, NOW);
        uint256 length = book.slots.length;
        for (uint256 i; i < length / 2; ++i) {
            (book.slots[i], book.slots[length - 1 - i]) =
            (book.slots[length - 1 - i], book.slots[i]);
        }
        MarginRules.Margin memory reversed = MarginRules.simple(book, NOW);
        vm.assertEq(margin.initial, reversed.initial);
        vm.assertEq(margin.maintenance, reversed.maintenance);
        vm.assertEq(margin.equity, reversed.equity);
        vm.assertEq(margin.risk, reversed.risk);
    }

    /// A long option or a deposit never costs anything.
    function testFuzz_more_long_never_hurts(uint256 seed, uint96 extra) public pure {
        MarginRules.Book memory book = _random(seed);
        MarginRules.Margin memory margin = MarginRules.simple(book, NOW);
        for (uint256 i; i < book.slots.length; ++i) {
            uint160 id = PositionSlot.instrumentOf(book.slots[i]);
            if (InstrumentId.isPerp(id)) continue;
            int256 more = PositionSlot.quantityOf(book.slots[i]) + int256(uint256(extra) % 1e24);
            book.slots[i] = PositionSlot.encode(id, more);
        }
        MarginRules.Margin memory after_ = MarginRules.simple(book, NOW);
        vm.assertGe(after_.initial, margin.initial);
        vm.assertGe(after_.maintenance, margin.maintenance);
        vm.assertGe(after_.equity, margin.equity);
    }

    /// The worst payoff over {0, strikes}, compared with the definition written out.
    function testFuzz_worst_payoff_bounds_every_strike(uint256 seed) public pure {
        MarginRules.Book memory book = _random(seed);
        MarginRules.Margin memory margin = MarginRules.simple(book, NOW);
        int256 worst = _payoff(book, 0);
        int256 calls;
        for (uint256 i; i < book.slots.length; ++i) {
            uint160 id = PositionSlot.instrumentOf(book.slots[i]);
            if (!InstrumentId.isOption(id)) continue;
            int256 payoff = _payoff(book, InstrumentId.strikeOf(id));
            if (payoff < worst) worst = payoff;
            if (InstrumentId.isCall(id)) calls += PositionSlot.quantityOf(book.slots[i]);
        }
        if (worst > 0) worst = 0;
        if (calls < 0) worst += calls * 4800e18;
        // one series of options beside a base position: initial >= base + worst view
        vm.assertGe(margin.initial, worst + _linear(book));
    }

    function test_gas_simple_20_options() public {
        uint256[] memory slots = new uint256[](20);
        for (uint256 i; i < 20; ++i) {
            slots[i] = _slot(
                i % 2 == 0 ? KIND_CALL : KIND_PUT,
                3000e18 + i * 100e18,
                i % 3 == 0 ? int256(1e18) : -1e18
            );
        }
        MarginRules.Book memory book = _book(slots);
        uint256 before = gasleft();
        MarginRules.simple(book, NOW);
        uint256 used = before - gasleft();
        emit log_named_uint("SIMPLE, 20 options in one expiry", used);
        vm.assertLe(used, 130_000);
    }

    function _payoff(MarginRules.Book memory book, uint256 price)
        private
        pure
        returns (int256 sum)
    {
        for (uint256 i; i < book.slots.length; ++i) {
            uint160 id = PositionSlot.instrumentOf(book.slots[i]);
            if (!InstrumentId.isOption(id)) continue;
            sum += PositionSlot.quantityOf(book.slots[i]) * int256(MarginRules.intrinsic(id, price));
        }
    }

    function _linear(MarginRules.Book memory book) private pure returns (int256 sum) {
        for (uint256 i; i < book.slots.length; ++i) {
            uint160 id = PositionSlot.instrumentOf(book.slots[i]);
            int256 quantity = PositionSlot.quantityOf(book.slots[i]);
            if (InstrumentId.isBase(id)) sum += quantity * 3000e18;
            if (InstrumentId.isPerp(id)) {
                sum += quantity * 4000e18 - (quantity < 0 ? -quantity : quantity) * 400e18;
            }
        }
    }

    /// Up to twelve positions of one expiry, with a perp and base.
    function _random(uint256 seed) private pure returns (MarginRules.Book memory) {
        uint256 length = 2 + seed % 11;
        uint256[] memory slots = new uint256[](length);
        for (uint256 i = 2; i < length; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            int256 quantity = int256(word % 40e18) - 20e18;
            uint256 strike = 1000e18 + (word >> 128) % 8000e18;
            slots[i] = _slot(i % 2 == 0 ? KIND_CALL : KIND_PUT, strike, quantity);
        }
        slots[0] = PositionSlot.encode(InstrumentId.perp(1), int256(seed % 10e18) - 5e18);
        slots[1] = PositionSlot.encode(InstrumentId.base(1), int256(seed % 7e18));
        return _book(slots);
    }

    function _simple1(uint8 kind, uint256 strike, int256 quantity)
        private
        pure
        returns (MarginRules.Margin memory)
    {
        uint256[] memory slots = new uint256[](1);
        slots[0] = _slot(kind, strike, quantity);
        return MarginRules.simple(_book(slots), NOW);
    }

    function _slot(uint8 kind, uint256 strike, int256 quantity) private pure returns (uint256) {
        return PositionSlot.encode(_id(kind, strike), quantity);
    }

    function _id(uint8 kind, uint256 strike) private pure returns (uint160) {
        return InstrumentId.encode(1, kind, DAYS_25, strike);
    }

    function _book(uint256[] memory slots) private pure returns (MarginRules.Book memory book) {
        book.slots = slots;
        book.prices = new uint256[](slots.length);
        book.markets = new MarginRules.MarketView[](slots.length);
        MarginRules.MarketView memory shared = _market();
        for (uint256 i; i < slots.length; ++i) {
            (book.prices[i], book.markets[i]) = (S, shared);
        }
    }

    function _market() private pure returns (MarginRules.MarketView memory) {
        return MarginRules.MarketView({
            id: 1,
            price: S,
            fundingIndex: 0,
            baseUnit: 1,
            sigmaCapPpm: 1_500_000,
            perpInitialPpm: 100_000,
            perpMaintenancePpm: 65_000,
            baseInitialPpm: 750_000,
            baseMaintenancePpm: 800_000
        });
    }
}
