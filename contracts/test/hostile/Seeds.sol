// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccountId} from "../../src/libraries/AccountId.sol";
import {Leg, Mandate, OutcomeIntent, Quote} from "../../src/types/Intent.sol";
import {
    Fill,
    Item,
    Plan,
    SCHEME_EIP712,
    SCHEME_MANDATE,
    SCHEME_PERMIT2,
    SCHEME_PRESIGN,
    SOLVER_ACCOUNT,
    SignedQuote,
    Trade
} from "../../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../../src/types/Report.sol";
import {FullWorld} from "../support/FullWorld.sol";

/// Honest settlements of every kind, and a register of what was truly signed: what a mutant starts
/// from, and what it is judged by.
abstract contract Seeds is FullWorld {
    using AccountId for address;

    /// One call of `settle`, and the circumstances of it.
    struct Call {
        Item[] items;
        Report report;
        bytes[] signatures;
        address caller;
        uint256 wait; // seconds between signing and settling
        uint256 chain;
    }

    uint256 internal constant KINDS = 14;
    uint256 internal constant PEER_KEY = 0x9EE4;
    uint256 internal constant STRAY = 3e6; // USDC that somebody left in the Router

    address internal peer; // a second owner, who never quotes
    address internal third = address(0x3d); // granted everything, holds much, signs nothing
    address internal payee = address(0x7ece);
    mapping(bytes32 fact => bool) internal isSigned;

    function setUp() public virtual override {
        super.setUp();
        peer = vm.addr(PEER_KEY);
        fund(peer, 0, 1_000_000e6, 100e18);
        fund(third, 0, 10_000e6, 10e18);
        fund(user, 1, 50_000e6, 5e18);
        dai.mint(third, 1000e18);
        usdc.mint(address(router), STRAY);
    }

    function honest(uint256 kind) internal returns (Call memory c) {
        (c.caller, c.chain) = (solver, block.chainid);
        if (kind == 0) c.items = one(_walletSwapWithFee());
        if (kind == 1) c.items = one(_walletSwapOnV3());
        if (kind == 2) c.items = one(_collateralSwap());
        if (kind == 3) c.items = one(_swapOverBothPools());
        if (kind == 4) _boundCoveredCall(c);
        if (kind == 5) c.items = one(_condor());
        if (kind == 6) c.items = one(_withdrawal());
        if (kind == 7) c.items = one(_deposit());
        if (kind == 8) c.items = one(_mandated());
        if (kind == 9) c.items = both(_nettedBuy(), _nettedSell());
        if (kind == 10) c.items = one(_part());
        if (kind == 11) c.items = _sharedQuote();
        if (kind == 12) _attestedSale(c);
        if (kind == 13) c.items = one(_coveredCallOfTheSolver());
        attest(c);
    }

    // ---- signatures, on the record

    /// The owner's signature under the item's scheme, if we hold the owner's key.
    function sign(Item memory item) internal {
        uint256 key = item.intent.owner == user ? USER_KEY : PEER_KEY;
        if (vm.addr(key) != item.intent.owner) return;
        bytes32 digest = settlement.digestOf(item.intent);
        if (item.scheme == SCHEME_PERMIT2) {
            item.signature = signature(key, permitDigest(item.intent));
        } else if (item.scheme == SCHEME_PRESIGN) {
            vm.prank(item.intent.owner);
            settlement.presign(digest);
        } else if (item.scheme == SCHEME_MANDATE) {
            (Mandate memory m,,) = abi.decode(item.signature, (Mandate, bytes, bytes));
            item.signature = _byAgent(item.intent, m, key);
        } else {
            item.signature = signature(key, digest);
        }
        isSigned[factOf(item)] = true;
    }

    function attest(Call memory c) internal {
        c.signatures = attested(c.report);
        if (c.signatures.length != 0) isSigned[factOf(c.report)] = true;
    }

    function signQuote(Plan memory p, uint256 index) internal {
        Quote memory quote = p.quotes[index].quote;
        if (quote.maker != maker) return;
        p.quotes[index] = offered(quote);
        isSigned[factOf(quote)] = true;
    }

    function _byAgent(OutcomeIntent memory i, Mandate memory m, uint256 key)
        private
        returns (bytes memory)
    {
        isSigned[factOf(m)] = true;
        bytes memory byOwner = signature(key, settlement.mandateDigest(m));
        return abi.encode(m, byOwner, signature(AGENT_KEY, settlement.digestOf(i)));
    }

    /// What was signed, named without the hashes of the code under test.
    function factOf(Item memory item) internal pure returns (bytes32) {
        return keccak256(abi.encode("intent", item.scheme == 1 ? 0 : item.scheme, item.intent));
    }

    function factOf(Quote memory quote) internal pure returns (bytes32) {
        return keccak256(abi.encode("quote", quote));
    }

    function factOf(Report memory report) internal pure returns (bytes32) {
        return keccak256(abi.encode("report", report));
    }

    function factOf(Mandate memory mandate) internal pure returns (bytes32) {
        return keccak256(abi.encode("mandate", mandate));
    }

    function _made(OutcomeIntent memory i, Plan memory p, uint8 scheme)
        private
        returns (Item memory item)
    {
        item = Item(i, "", scheme, p);
        if (scheme == SCHEME_MANDATE) {
            item.signature = abi.encode(_mandate(), bytes(""), bytes(""));
        }
        sign(item);
        for (uint256 n; n < p.quotes.length; ++n) {
            signQuote(p, n);
        }
    }

    // ---- one owner

    function _walletSwapWithFee() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.legs[0].quantityMax, i.limits.maxNetCost) = (4005e6, 4005e6);
        (i.limits.maxSlippageBps, i.limits.maxFee) = (60, 6e6);
        (p.pulls[0].amount, p.fee) = (4005e6, 5e6);
        return _made(i, p, SCHEME_PERMIT2);
    }

    function _walletSwapOnV3() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.receiver, i.legs[1].quantityMin) = (payee, 0.99e18);
        p.steps[0] = swapV3(usdc, 4000e6, address(router));
        p.outs[0].amount = 0;
        takesBack(p, weth);
        return _made(i, p, SCHEME_PERMIT2);
    }

    function _collateralSwap() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        (i.legs[0].quantityMax, i.limits.maxNetCost) = (4100e6, 4050e6);
        (i.limits.maxSlippageBps, i.limits.minHealth) = (60, 2e18);
        Leg memory hold = leg("collateral", address(usdc), "auto", 996_000e6, NONE);
        i.legs = legs(i.legs[0], i.legs[1], hold);
        p.pulls[0].amount = 4100e6;
        takesBack(p, usdc);
        return _made(i, p, SCHEME_EIP712);
    }

    function _swapOverBothPools() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        uint256 received = receivedV2(usdc, 2000e6);
        i.legs[1].quantityMin = 0.99e18;
        p.outs[0].amount = received;
        p.steps[0] = swapV2(usdc, 2000e6, received, address(router));
        steps(p, swapV3(usdc, 2000e6, address(router)));
        takesBack(p, weth);
        return _made(i, p, SCHEME_PRESIGN);
    }

    function _boundCoveredCall(Call memory c) private {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        i.legs[1].limitPrice = 119e18;
        (i.limits.maxSlippageBps, i.limits.maxFee) = (30, 2e6);
        (i.limits.targetDelta, i.limits.deltaTolerance) = (0.05e18, 0.1e18);
        (i.limits.maxMarginUsed, i.limits.minHealth) = (100_000e6, 1.1e18);
        c.items = one(_made(i, p, SCHEME_EIP712));
        c.report = _reportFor(p, NONE);
        c.report.accounts[0].netDelta = 0.1e18;
    }

    /// The solver names the prices: only the credit stands against them.
    function _coveredCallOfTheSolver() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = coveredCall(1);
        (p.fills[0].quoteIndex, p.fills[1].quoteIndex) = (SOLVER_ACCOUNT, SOLVER_ACCOUNT);
        p.quotes = new SignedQuote[](0);
        i.limits.maxNetCost = -1195e6;
        return _made(i, p, SCHEME_EIP712);
    }

    function _condor() private returns (Item memory) {
        Leg[] memory four = new Leg[](4);
        four[0] = option("buy", "put", 3400e18, 2e18);
        four[1] = option("sell", "put", 3600e18, 2e18);
        four[2] = option("sell", "call", 4400e18, 2e18);
        four[3] = option("buy", "call", 4600e18, 2e18);
        OutcomeIntent memory i = intent("ironCondor", four, 1);
        i.limits.maxNetCost = -70e6;
        Plan memory p = plan();
        fills(p, 0, put(3400e18), 2e18, 40e18);
        fills(p, 1, put(3600e18), -2e18, 70e18);
        quoted(p, 90);
        fills(p, 2, call(4400e18), -2e18, 120e18);
        quoted(p, 91);
        fills(p, 3, call(4600e18), 2e18, 110e18);
        return _made(i, p, SCHEME_EIP712);
    }

    function _withdrawal() private returns (Item memory) {
        OutcomeIntent memory i =
            intent("withdraw", legs(leg("collateral", address(weth), "withdraw", 1e18, 2e18)), 1);
        (i.receiver, i.limits.minHealth, i.limits.maxFee) = (payee, 1.1e18, 2e6);
        Plan memory p = plan();
        pulls(p, 0, weth, 2e18, false);
        p.fee = 1e6;
        return _made(i, p, SCHEME_EIP712);
    }

    function _deposit() private returns (Item memory) {
        OutcomeIntent memory i =
            intent("deposit", legs(leg("collateral", address(weth), "deposit", 2e18, 3e18)), 1);
        Plan memory p = plan();
        pulls(p, 0, weth, 2e18, true);
        return _made(i, p, SCHEME_PERMIT2);
    }

    function _mandated() private returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4010e18);
        (i.limits.maxSlippageBps, i.limits.maxMarginUsed) = (50, 1000e6);
        (i.limits.minHealth, i.limits.maxFee, p.fee) = (1e18, 3e6, 2e6);
        return _made(i, p, SCHEME_MANDATE);
    }

    function _mandate() private view returns (Mandate memory m) {
        (m.owner, m.agent) = (user, vm.addr(AGENT_KEY));
        m.validTo = uint32(NOW + 3 days);
        m.outcomes = new string[](1);
        m.outcomes[0] = "openPerp";
        m.assets = new address[](1);
        m.assets[0] = address(weth);
        (m.notionalPerDay, m.lossPerDay, m.maxSlippageBps) = (5000e6, 15e6, 100);
        (m.maxMarginUsed, m.minHealth, m.nonce) = (1000e6, 1e18, 99);
    }

    function _part() private returns (Item memory) {
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 10e18)), 1);
        (i.partiallyFillable, i.limits.maxNetCost, i.limits.maxFee) = (true, -1195e6, 5e6);
        Plan memory p = plan();
        (p.fraction, p.fee) = (0.4e18, 2e6);
        fills(p, 0, call(4400e18), -4e18, 120e18);
        return _made(i, p, SCHEME_EIP712);
    }

    /// Twenty calls sold under attested figures.
    function _attestedSale(Call memory c) private {
        OutcomeIntent memory i =
            intent("sellOption", legs(option("sell", "call", 4400e18, 20e18)), 1);
        (i.subaccount, i.limits.maxNetCost, i.limits.minHealth) = (1, -2000e6, 1.5e18);
        i.limits.maxMarginUsed = 30_000e6;
        Plan memory p = plan();
        fills(p, 0, call(4400e18), -20e18, 120e18);
        c.items = one(_made(i, p, SCHEME_EIP712));
        c.report = _reportFor(p, 20_000e6);
        AccountRisk memory risk = c.report.accounts[0];
        risk.account = user.encode(1);
        (,,, risk.positionsAfter) = house.preview(risk.account, _trades(p, risk.account));
        (risk.positionsBefore, risk.optionsMtm) = (house.positionsHash(risk.account), -2400e6);
    }

    // ---- two owners

    function _nettedBuy() private returns (Item memory) {
        OutcomeIntent memory i = intent("swap", legs(sells(usdc, 4000e6), buys(weth, 1e18)), 1);
        (i.receiver, i.limits.maxSlippageBps) = (user, 5);
        Plan memory p = plan();
        pulls(p, 0, usdc, 4000e6, true);
        pays(p, 1, weth, 1e18);
        return _made(i, p, SCHEME_PERMIT2);
    }

    function _nettedSell() private returns (Item memory) {
        OutcomeIntent memory i = intent("swap", legs(sells(weth, 1e18), buys(usdc, 3998e6)), 1);
        (i.owner, i.limits.maxSlippageBps, i.limits.maxFee) = (peer, 5, 2e6);
        Plan memory p = plan();
        pulls(p, 0, weth, 1e18, false);
        pays(p, 1, usdc, 3999e6);
        p.fee = 1e6;
        return _made(i, p, SCHEME_EIP712);
    }

    function _sharedQuote() private returns (Item[] memory) {
        (OutcomeIntent memory a, Plan memory p) = perpBuy(1, 4004e18);
        (OutcomeIntent memory b, Plan memory q) = perpBuy(1, 4004e18);
        quoted(p, 93);
        p.quotes[0].quote.maxQuantity = 2e18;
        signQuote(p, 0);
        (q.quotes, q.fills[0].quoteIndex) = (p.quotes, 0);
        (b.owner, b.limits.maxSlippageBps, b.limits.maxNetCost) = (peer, 10, 4e6);
        (a.limits.deltaTolerance, a.limits.targetDelta) = (1e18, 101e18);
        (a.legs[0].quantityMax, b.legs[0].quantityMax) = (3e18, 3e18);
        return both(_made(a, p, SCHEME_PERMIT2), _made(b, q, SCHEME_EIP712));
    }

    // ---- reports

    /// One mark, and the user's account as the plan leaves it. `im` 2^256-1: its delta only.
    function _reportFor(Plan memory p, uint256 im) private view returns (Report memory) {
        Mark[] memory marks = new Mark[](1);
        marks[0] = Mark(call(4400e18), 121e18);
        AccountRisk[] memory accounts = new AccountRisk[](1);
        (accounts[0].account, accounts[0].market) = (userAccount, ETH);
        (,,, accounts[0].positionsAfter) = house.preview(userAccount, _trades(p, userAccount));
        (accounts[0].im, accounts[0].mm) = (im, im);
        return reportOf(marks, accounts);
    }

    function _trades(Plan memory p, bytes32 account) private view returns (Trade[] memory trades) {
        trades = new Trade[](p.fills.length);
        for (uint256 n; n < trades.length; ++n) {
            Fill memory fill = p.fills[n];
            trades[n] =
                Trade(account, makerAccount, fill.instrument, fill.quantity, fill.price, 255, 255);
        }
    }
}
