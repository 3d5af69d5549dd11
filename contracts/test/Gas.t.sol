// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {AccountId} from "../src/libraries/AccountId.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Leg, Mandate, OutcomeIntent} from "../src/types/Intent.sol";
import {Item, Plan, Trade} from "../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../src/types/Report.sol";
import {Bare, Meter} from "./support/Meter.sol";

interface INonces {
    function invalidateUnorderedNonces(uint256 word, uint256 mask) external;
}

/// The budgets of CONTRACTS.md 11. Whole transactions, 21,000 and calldata included and storage cold,
/// in a world that is in use: the market has open interest, and owners and makers sign in a lane of
/// nonces that they used before, unless a case says otherwise.
/// forge-config: default.isolate = true
/// forge-config: night.isolate = true
contract GasTest is Meter {
    using AccountId for address;

    address private trader = address(0x7ade);
    Bare private bare;

    function setUp() public override {
        super.setUp();
        vm.prank(user);
        settlement.cancel(255);
        vm.prank(maker);
        settlement.cancel(255);
        fund(trader, 0, 2_000_000e6, 0);
        fund(trader, 1, 2_000_000e6, 0);
        Trade[] memory trades = new Trade[](1);
        trades[0] = Trade(trader.encode(0), trader.encode(1), perpId(), 1e18, 4000e18, 255, 255);
        _clear(trades);
        bare = new Bare();
        vm.startPrank(user);
        usdc.approve(address(bare), NONE);
        vm.stopPrank();
    }

    // ---- swaps

    function test_gas_swapV2ByPermit2() public {
        uint256 state = vm.snapshotState();
        uint256 bareSwap = _bareV2();
        vm.revertToState(state);
        uint256 fresh = _permit2V2();
        misses(
            "swap v2, permit2, first of its lane, above bare", fresh - bareSwap, 100_000, 114_946
        );
        vm.revertToState(state);
        _useLane();
        holds("swap v2, permit2, above bare", _permit2V2() - bareSwap, 100_000);
    }

    function test_gas_swapV3ByPermit2() public {
        uint256 state = vm.snapshotState();
        (uint256 bareSwap, uint256 received) = _bareV3();
        vm.revertToState(state);
        uint256 fresh = _permit2V3(received) - bareSwap;
        misses("swap v3, permit2, first of its lane, above bare", fresh, 100_000, 116_829);
        vm.revertToState(state);
        _useLane();
        uint256 later = _permit2V3(received) - bareSwap;
        holds("swap v3, permit2, above bare", later, 100_000);
    }

    function test_gas_swapV2FromCollateral() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        uint256 state = vm.snapshotState();
        settle(signed(i, p));
        uint256 plain = used();
        holds("swap v2, collateral", plain, 200_000);
        vm.revertToState(state);
        settle(signed(i, p), marked(call(4400e18), 1e18));
        holds("marks of a report of two signers", used() - plain, 30_000);
    }

    // ---- derivatives

    function test_gas_coveredCallSimple() public {
        _coveredCall(1, false);
        holds("covered call, 1 position", used(), 650_000);
        _coveredCall(8, false);
        holds("covered call, 8 positions", used(), 650_000);
        _coveredCall(20, false);
        holds("covered call, 20 positions", used(), 650_000);
    }

    function test_gas_coveredCallAttested() public {
        _coveredCall(20, true);
        misses("covered call, 20 positions, attested", used(), 500_000, 576_988);
    }

    function test_gas_condor() public {
        (OutcomeIntent memory i, Plan memory p) = _condor(1, true);
        uint256 state = vm.snapshotState();
        settle(signed(i, p));
        uint256 fourQuotes = used();
        holds("condor, four quotes", fourQuotes, 540_000);
        vm.revertToState(state);
        (i, p) = _condor(1, false);
        settle(signed(i, p));
        holds("condor, solver account", used(), 540_000);
        holds("a quote", (fourQuotes - used()) / 4, 18_000);
    }

    function test_gas_batchOfTenCondors() public {
        Item[] memory items = new Item[](10);
        for (uint64 k; k < 10; ++k) {
            (OutcomeIntent memory i, Plan memory p) = _condor(k, false);
            i.subaccount = k + 1;
            fund(user, k + 1, 100_000e6, 0);
            items[k] = signed(i, p);
        }
        settle(items, noReport());
        holds("ten condors, each", used() / 10, 300_000);
    }

    /// Over the owner's own signature, the first use of the day's slot included.
    function test_gas_mandate() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.maxSlippageBps = 50;
        (i.limits.maxMarginUsed, i.limits.minHealth) = (1000e6, 1e18);
        uint256 state = vm.snapshotState();
        settle(signed(i, p));
        uint256 own = used();
        vm.revertToState(state);
        settle(mandated(i, p, _mandate()));
        holds("mandate", used() - own, 40_000);
    }

    // ---- parts

    function test_gas_simpleOfTwentyOptions() public {
        for (uint64 k = 4; k <= 20; k += 16) {
            fund(user, k, 1_000_000e6, 0);
            fund(trader, k + 1, 1_000_000e6, 0);
        }
        _book(user.encode(4), 4);
        _book(user.encode(20), 20);
        house.simple(user.encode(4));
        holds("SIMPLE of 20 options, 4 per expiry", used() - TRANSACTION, 200_000);
        house.simple(user.encode(20));
        holds("SIMPLE of 20 options, one expiry", used() - TRANSACTION, 200_000);
    }

    function test_gas_hashAndVerify() public {
        (OutcomeIntent memory i,) = perpBuy(1, 4000e18);
        holds("hash and verify, 1 leg", this.verified(i, signed(i, plan()).signature), 14_300);
        (i,) = _condor(1, false);
        holds("hash and verify, 4 legs", this.verified(i, signed(i, plan()).signature), 23_500);
    }

    function test_gas_fixExpiry() public {
        uint256 rounds = 58;
        uint80 first = feed.push(4000e8, EXPIRY - 1800);
        for (uint256 k = 1; k < rounds; ++k) {
            feed.push(4000e8, EXPIRY - 1800 + k * 1800 / rounds);
        }
        feed.push(4000e8, EXPIRY);
        vm.warp(EXPIRY);
        house.fixExpiry(ETH, EXPIRY, first);
        holds("fixExpiry, each of 58 rounds", used() / rounds, 8000);
    }

    /// Execution only, called with the intent in calldata as Settlement has it.
    function verified(OutcomeIntent calldata i, bytes calldata signature_)
        external
        view
        returns (uint256 gas)
    {
        gas = gasleft();
        bytes32 digest = MessageHashUtils.toTypedDataHash(bytes32(uint256(1)), TypedData.hash(i));
        Signatures.isSignedBy(i.owner, digest, signature_);
        return gas - gasleft();
    }

    // ---- helpers

    /// An earlier order of the same lane has touched Permit2's word of nonces.
    function _useLane() private {
        vm.prank(user);
        INonces(PERMIT2).invalidateUnorderedNonces(0, 1 << 255);
    }

    function _bareV2() private returns (uint256) {
        uint256 received = receivedV2(usdc, 4000e6);
        bool isFirst = pair.token0() == address(usdc);
        vm.prank(user);
        bare.swapV2(pair, usdc, 4000e6, isFirst ? 0 : received, isFirst ? received : 0);
        return used();
    }

    /// What it cost, and what it bought.
    function _bareV3() private returns (uint256 gas, uint256 received) {
        received = weth.balanceOf(user);
        bool isFirst = pool.token0() == address(usdc);
        uint160 limit = isFirst
            ? 4_295_128_740
            : 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341;
        vm.prank(user);
        bare.swapV3(pool, isFirst, 4000e6, limit);
        gas = used();
        received = weth.balanceOf(user) - received;
    }

    function _permit2V2() private returns (uint256) {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        settle(permitted(i, p));
        return used();
    }

    function _permit2V3(uint256 received) private returns (uint256) {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        p.steps[0] = swapV3(usdc, 4000e6, address(router));
        p.outs[0].amount = received;
        i.legs[1].quantityMin = received;
        settle(permitted(i, p));
        return used();
    }

    function _mandate() private view returns (Mandate memory m) {
        (m.owner, m.agent, m.validTo) = (user, vm.addr(AGENT_KEY), uint32(NOW + 1 days));
        m.outcomes = new string[](1);
        m.outcomes[0] = "openPerp";
        m.assets = new address[](1);
        m.assets[0] = address(weth);
        (m.notionalPerDay, m.lossPerDay) = (100_000e6, 100e6);
        (m.maxSlippageBps, m.maxMarginUsed, m.nonce) = (50, 1000e6, 99);
    }

    function _condor(uint256 nonce, bool isQuoted)
        private
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        Leg[] memory four = new Leg[](4);
        p = plan();
        for (uint256 k; k < 4; ++k) {
            uint256 strike = 3400e18 + k * 400e18;
            bool isBuy = k == 0 || k == 3;
            four[k] = option(isBuy ? "buy" : "sell", k < 2 ? "put" : "call", strike, 1e18);
            uint160 id = k < 2 ? put(strike) : call(strike);
            fills(p, uint8(k), id, isBuy ? int96(1e18) : -1e18, isBuy ? 20e18 : 90e18);
            if (isQuoted) quoted(p, 8 + k);
        }
        i = intent("ironCondor", four, nonce);
        i.limits.maxNetCost = -100e6;
    }

    function _coveredCall(uint256 positions, bool isAttested) private {
        uint64 sub = uint64(positions);
        fund(user, sub, 500_000e6, 50e18);
        fund(maker, sub, 500_000e6, 0);
        if (positions > 3) _pad(user.encode(sub), positions - 3);
        if (positions > 2) _pad(maker.encode(sub), positions - 2);
        (OutcomeIntent memory i, Plan memory p) = coveredCall(positions);
        i.subaccount = sub;
        for (uint256 k; k < 2; ++k) {
            p.quotes[k].quote.subaccount = sub;
            p.quotes[k].quote.nonce = 2 * positions + 100 + k;
            p.quotes[k] = offered(p.quotes[k].quote);
        }
        Report memory report;
        if (isAttested) {
            report = _attestation(i, p, sub);
            (i.limits.maxSlippageBps, i.limits.deltaTolerance) = (100, 1e18);
            (i.limits.minHealth, i.limits.maxMarginUsed) = (1.1e18, 100_000e6);
        }
        settle(signed(i, p), report);
    }

    /// Long and short one contract each of many options, against an account that is not part of the
    /// test.
    function _pad(bytes32 account, uint256 count) private {
        Trade[] memory trades = new Trade[](count);
        for (uint256 k; k < count; ++k) {
            uint160 id = InstrumentId.encode(
                ETH, uint8(1 + k % 2), EXPIRY + 7 days * (k / 6), 3000e18 + k * 100e18
            );
            int96 quantity = k % 3 == 0 ? -int96(1e18) : int96(1e18);
            bytes32 other = AccountId.encode(trader, 0);
            trades[k] = Trade(account, other, id, quantity, _fair(id), 255, 255);
        }
        _clear(trades);
    }

    /// Twenty options, long and short in turn.
    function _book(bytes32 account, uint256 perExpiry) private {
        Trade[] memory trades = new Trade[](20);
        for (uint256 k; k < 20; ++k) {
            uint160 id = InstrumentId.encode(
                ETH, uint8(1 + k % 2), EXPIRY + 7 days * (k / perExpiry), 3000e18 + k * 100e18
            );
            int96 quantity = k % 3 == 0 ? -int96(1e18) : int96(1e18);
            trades[k] = Trade(
                account, trader.encode(uint64(1 + perExpiry)), id, quantity, _fair(id), 255, 255
            );
        }
        _clear(trades);
    }

    function _clear(Trade[] memory trades) private {
        vm.prank(address(settlement));
        house.clear(trades, new bytes32[](0), new uint16[](0), noReport(), new bytes[](0));
    }

    /// Some price inside the band: intrinsic value and a little.
    function _fair(uint160 id) private pure returns (uint256) {
        uint256 strike = InstrumentId.strikeOf(id);
        bool isCall = InstrumentId.isCall(id);
        uint256 intrinsic = isCall
            ? (strike < 4000e18 ? 4000e18 - strike : 0)
            : (strike > 4000e18 ? strike - 4000e18 : 0);
        return intrinsic + 20e18;
    }

    function _attestation(OutcomeIntent memory i, Plan memory p, uint64 sub)
        private
        view
        returns (Report memory)
    {
        Mark[] memory marks = new Mark[](1);
        marks[0] = Mark(call(4400e18), 121e18);
        bytes32[2] memory accounts = [user.encode(sub), maker.encode(sub)];
        Trade[] memory trades = new Trade[](2);
        for (uint256 k; k < 2; ++k) {
            trades[k] = Trade(
                accounts[0],
                accounts[1],
                p.fills[k].instrument,
                p.fills[k].quantity,
                p.fills[k].price,
                255,
                255
            );
        }
        AccountRisk[] memory risks = new AccountRisk[](2);
        for (uint256 k; k < 2; ++k) {
            (,,, bytes32 after_) = house.preview(accounts[k], trades);
            bytes32 before = house.positionsHash(accounts[k]);
            risks[k] = AccountRisk(
                accounts[k],
                before,
                after_,
                0,
                20_000e6,
                30_000e6,
                20_000e6,
                i.limits.targetDelta,
                ETH
            );
        }
        return reportOf(marks, risks);
    }
}
