// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Clearinghouse} from "../../src/Clearinghouse.sol";
import {Settlement} from "../../src/Settlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {OutcomeIntent, Quote} from "../../src/types/Intent.sol";
import {Item, PAY_TRANSFER, Plan, SCHEME_PERMIT2, Step} from "../../src/types/Plan.sol";
import {FullWorld} from "./FullWorld.sol";
import {Token} from "./Tokens.sol";

/// A solver that settles honest and twisted plans at random and tries everything again, while owners
/// cancel. User and maker sign; the third party granted all, holds much and signs nothing.
contract Street is FullWorld {
    using AccountId for address;

    /// What one party owns, in wallet and account.
    struct Wealth {
        uint256 cash;
        uint256 base;
        int256 cashHeld;
        int256 baseHeld;
    }

    uint256 private constant NONCES = 10; // few, so that many intents meet under one nonce
    uint256 private constant WHOLE = 1e18;

    address public third = address(0x3d);
    uint256 public settled;
    bool public isReplayed; // a nonce authorised more than once, or after its cancel
    bool public isRobbed; // somebody lost who had signed nothing in it
    mapping(address signer => mapping(uint256 nonce => uint256)) private done;
    mapping(bytes32 signature => address) private signerOf;
    bytes[] private past; // items that settled, encoded

    function setUp() public override {
        super.setUp();
        fund(third, 0, 10_000e6, 10e18);
        dai.mint(third, 1000e18);
    }

    function theSettlement() external view returns (Settlement) {
        return settlement;
    }

    function theHouse() external view returns (Clearinghouse) {
        return house;
    }

    function token(uint256 n) external view returns (Token) {
        return [usdc, weth, dai][n];
    }

    function venue(uint256 n) external view returns (address) {
        return n == 0 ? address(pair) : address(pool);
    }

    function owner(uint256 n) external view returns (address) {
        return [user, maker, solver, third][n];
    }

    /// One or two owners' intents with plans of every kind, about half of them twisted.
    function settleSome(uint256 seed) external {
        Item memory a = _item(uint256(keccak256(abi.encode(seed, 1))), seed & 1 == 0);
        Item memory b = _item(uint256(keccak256(abi.encode(seed, 2))), seed & 1 == 1);
        _try(seed & 6 == 0 ? both(a, b) : one(a));
    }

    /// What settled once, as it was, under another scheme, or only a part of it.
    function settleAgain(uint256 seed) external {
        if (past.length == 0) return;
        Item memory item = abi.decode(past[seed % past.length], (Item));
        if (seed >> 64 & 1 == 1) item.scheme = uint8(seed >> 72) % 5;
        if (seed >> 80 & 3 == 1) {
            (item.plan.fraction, item.intent.partiallyFillable) = (1e17, true);
        }
        _try(one(item));
    }

    function cancel(uint256 seed) external {
        address canceller = seed & 1 == 0 ? user : maker;
        vm.prank(canceller);
        settlement.cancel((seed >> 8) % NONCES);
        done[canceller][(seed >> 8) % NONCES] = WHOLE;
    }

    function passTime(uint256 seed) external {
        vm.warp(block.timestamp + seed % 30);
    }

    // ---- what it watches

    function _try(Item[] memory items) private {
        address[3] memory parties = [user, maker, third];
        Wealth[3] memory before;
        for (uint256 n; n < 3; ++n) {
            before[n] = _wealth(parties[n]);
        }
        vm.prank(solver);
        try settlement.settle(items, noReport(), new bytes[](0)) {}
        catch {
            return;
        }
        for (uint256 n; n < 3; ++n) {
            if (!_hasSigned(parties[n], items) && _isPoorer(before[n], _wealth(parties[n]))) {
                isRobbed = true;
            }
        }
        for (uint256 n; n < items.length; ++n) {
            _record(items[n]);
        }
    }

    function _record(Item memory item) private {
        ++settled;
        past.push(abi.encode(item));
        _count(item.intent.owner, item.intent.nonce, item.plan.fraction);
        for (uint256 n; n < item.plan.quotes.length; ++n) {
            Quote memory quote = item.plan.quotes[n].quote;
            _count(quote.maker, quote.nonce, WHOLE);
        }
    }

    function _count(address signer, uint256 nonce, uint256 fraction) private {
        done[signer][nonce] += fraction;
        if (done[signer][nonce] > WHOLE) isReplayed = true;
    }

    function _wealth(address who) private view returns (Wealth memory) {
        bytes32 account = who.encode(0);
        return Wealth(
            usdc.balanceOf(who),
            weth.balanceOf(who),
            house.cashOf(account),
            house.balanceOf(account, address(weth))
        );
    }

    function _isPoorer(Wealth memory a, Wealth memory b) private pure returns (bool) {
        return
            b.cash < a.cash || b.base < a.base || b.cashHeld < a.cashHeld || b.baseHeld < a.baseHeld;
    }

    function _hasSigned(address party, Item[] memory items) private view returns (bool) {
        for (uint256 n; n < items.length; ++n) {
            if (signerOf[keccak256(items[n].signature)] == party) return true;
            for (uint256 m; m < items[n].plan.quotes.length; ++m) {
                if (items[n].plan.quotes[m].quote.maker == party) return true;
            }
        }
        return false;
    }

    // ---- what it plans

    function _item(uint256 seed, bool isMaker) private returns (Item memory item) {
        (OutcomeIntent memory i, Plan memory p) = _kind(seed, (seed >> 8) % NONCES);
        (i.owner, i.receiver) = isMaker ? (maker, maker) : (user, user);
        if (seed >> 248 & 1 == 1) _twist(seed >> 16, i, p);
        uint256 key = isMaker ? MAKER_KEY : USER_KEY;
        bool isPermit = p.pulls.length != 0 && p.pulls[0].fromWallet;
        item = isPermit ? permitted(i, p) : signed(i, p);
        item.signature = signature(key, isPermit ? permitDigest(i) : settlement.digestOf(i));
        signerOf[keccak256(item.signature)] = i.owner;
        if (seed >> 249 & 7 == 1) item.intent.owner = isMaker ? user : third;
        if (seed >> 252 & 7 == 1) item.intent.receiver = solver;
        if (isPermit) item.scheme = SCHEME_PERMIT2;
    }

    function _kind(uint256 seed, uint256 nonce)
        private
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        uint256 kind = seed % 5;
        if (kind == 0) return walletSwap(nonce);
        if (kind == 1) return collateralSwap(nonce);
        if (kind == 2) return coveredCall(nonce);
        (i, p) = perpBuy(nonce, 4000e18);
        if (kind == 3) return (i, p);
        (i.partiallyFillable, p.fraction, p.fills[0].quantity) = (true, 0.5e18, 0.5e18);
    }

    /// One thing in the plan that an honest solver would not do, or only with more care.
    function _twist(uint256 seed, OutcomeIntent memory i, Plan memory p) private view {
        uint256 how = seed % 8;
        bool isSwap = p.steps.length != 0;
        if (how == 0) p.fee = (seed >> 8) % 101e6;
        if (how == 1) p.fraction = (seed >> 8) % 2e18;
        if (how == 2 && isSwap) {
            p.pulls[0].amount += (seed >> 8) % 1e6;
            i.legs[0].quantityMax += 1e6;
            takesBack(p, usdc);
        }
        if (how == 3 && isSwap) {
            i.legs[1].quantityMin -= 1e15;
            p.outs[0].amount -= (seed >> 8) % 1e15;
            takesBack(p, weth);
        }
        if (how == 4 && isSwap) p.steps[0] = swapV2(usdc, 4000e6, p.outs[0].amount, solver);
        if (how == 5) {
            bytes memory steal = abi.encodeCall(IERC20.transferFrom, (third, solver, 1e6));
            steps(p, Step(address(usdc), address(0), 0, PAY_TRANSFER, steal));
        }
        if (how == 6 && isSwap) pulls(p, 0, usdc, 1e6, !p.pulls[0].fromWallet);
        if (how == 7 && !isSwap) p.fills[0].price += (seed >> 8) % 3e18;
    }
}
