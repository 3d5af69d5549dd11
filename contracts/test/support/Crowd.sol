// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clearinghouse} from "../../src/Clearinghouse.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {FIXINGS, KIND_ASIAN_CALL, KIND_CALL, KIND_PUT} from "../../src/types/Market.sol";
import {NO_HINT, Trade} from "../../src/types/Plan.sol";
import {Report} from "../../src/types/Report.sol";
import {Feed} from "./Feed.sol";
import {Token} from "./Tokens.sol";
import {Test} from "./Vm.sol";

/// Does at random what owners, settlements, keepers and the market do. It is a registered settlement.
contract Crowd is Test {
    uint40[2] public expiries;
    address[4] public owners = [address(0xe1), address(0xe2), address(0xe3), address(0xe4)];
    bool public isGateBroken; // an account ended a clearing below initial margin and worse than before

    Clearinghouse internal immutable house;
    Token private immutable usdc;
    Token private immutable weth;
    Feed internal immutable feed;
    uint256 internal price = 4000e8;
    uint80[2] private firstRounds;

    constructor(Clearinghouse house_, Token usdc_, Token weth_, Feed feed_) {
        (house, usdc, weth, feed) = (house_, usdc_, weth_, feed_);
        expiries = [uint40(block.timestamp + 1 hours), uint40(block.timestamp + 40 days)];
    }

    function account(uint256 i) public view returns (bytes32) {
        return AccountId.encode(owners[i % 4], 0);
    }

    function depositCash(uint256 who, uint256 amount) external {
        amount = bound(amount, 1, 200_000e6);
        usdc.mint(address(this), amount);
        usdc.approve(address(house), amount);
        house.deposit(address(usdc), amount, 0, owners[who % 4]);
    }

    function depositBase(uint256 who, uint256 amount) external {
        amount = bound(amount, 1, 20e18);
        address owner = owners[who % 4];
        weth.mint(owner, amount);
        vm.startPrank(owner);
        weth.approve(address(house), amount);
        house.deposit(address(weth), amount, 0, owner);
        vm.stopPrank();
    }

    function withdraw(uint256 who, uint256 amount, bool isBase) external {
        Report memory none;
        amount = bound(amount, 1, isBase ? 5e18 : 50_000e6);
        vm.prank(owners[who % 4]);
        house.withdraw(address(isBase ? weth : usdc), amount, 0, none, new bytes[](0));
    }

    /// One to four trades, on occasion with collateral swapped and a fee.
    function settle(uint256 seed, uint256 amount) external {
        uint256 a = seed % 4;
        uint256 b = (a + 1 + (seed >> 8) % 3) % 4;
        int256[4] memory before = _margins();
        if (seed & 16 != 0) {
            amount = bound(amount, 1, 2e18);
            house.release(account(a), address(weth), amount, address(this));
            uint256 bought = amount * price / 1e20;
            usdc.mint(address(house), bought + 1);
            house.credit(account(a), address(usdc), bought + 1);
        }
        if (seed & 32 != 0) house.moveCash(account(a), account(b), 1 + seed % 1e6);
        Trade[] memory trades = new Trade[](1 + (seed >> 16) % 4);
        for (uint256 i; i < trades.length; ++i) {
            trades[i] = _trade(account(a), account(b), uint256(keccak256(abi.encode(seed, i))));
        }
        Report memory none;
        house.clear(trades, new bytes32[](0), new uint16[](0), none, new bytes[](0));
        int256[4] memory afterwards = _margins();
        for (uint256 i; i < 4; ++i) {
            if (afterwards[i] < 0 && afterwards[i] < before[i]) isGateBroken = true;
        }
    }

    function movePrice(uint256 seed) external {
        price = bound(price * (9500 + seed % 1001) / 10_000, 1000e8, 20_000e8);
        feed.set(int256(price));
    }

    function passTime(uint256 seed) external {
        uint256 time = block.timestamp + seed % 1 hours;
        for (uint256 i; i < 2; ++i) {
            if (time < expiries[i] || firstRounds[i] != 0) continue;
            firstRounds[i] = feed.push(int256(price), expiries[i] - 1800);
            feed.push(int256(price), expiries[i]);
        }
        vm.warp(time);
        feed.set(int256(price));
    }

    function expire(uint256 which, uint256 who) external {
        which = which % 8 == 0 ? 1 : 0;
        if (house.expiryPrice(1, expiries[which]) == 0) {
            house.fixExpiry(1, expiries[which], firstRounds[which]);
        }
        house.settleExpired(account(who));
    }

    /// Some fixings of the series that is about to end: the first six have the house's first round in
    /// force, the last one the round that time brought.
    function record(uint256 seed, uint256 who) external {
        (uint8 done,) = house.fixings(1, expiries[0]);
        bool isOver = firstRounds[0] != 0;
        uint256 most = isOver && seed & 1 == 0 ? FIXINGS : seed % FIXINGS;
        for (uint256 i = done; i < most; ++i) {
            house.recordFixing(1, expiries[0], i < FIXINGS - 1 ? (1 << 64) + 1 : firstRounds[0] + 1);
        }
        house.settleExpired(account(who));
    }

    function _margins() private view returns (int256[4] memory margins) {
        for (uint256 i; i < 4; ++i) {
            (margins[i],,) = house.simple(account(i));
        }
    }

    function _trade(bytes32 a, bytes32 b, uint256 seed) private view returns (Trade memory) {
        uint256 spot = price * 1e10;
        int96 quantity = int96(int256(seed % 4e18) - 2e18);
        if (seed >> 255 == 0) {
            return Trade(a, b, InstrumentId.perp(1), quantity, spot, NO_HINT, NO_HINT);
        }
        uint256 strike = 3600e18 + (seed >> 64) % 9 * 100e18;
        bool isCall = seed >> 128 & 1 == 0;
        uint40 expiry = expiries[seed >> 192 & 1];
        if (seed >> 200 & 1 == 1) return _asian(a, b, quantity, strike, isCall);
        uint256 value =
            isCall ? (spot > strike ? spot - strike : 0) : (strike > spot ? strike - spot : 0);
        uint160 id = InstrumentId.encode(1, isCall ? KIND_CALL : KIND_PUT, expiry, strike);
        return Trade(a, b, id, quantity, value + spot / 100, NO_HINT, NO_HINT);
    }

    /// An Asian option of the series that is about to end, at what it is worth if the price stays.
    function _asian(bytes32 a, bytes32 b, int96 quantity, uint256 strike, bool isCall)
        private
        view
        returns (Trade memory)
    {
        (uint8 done, uint256 total) = house.fixings(1, expiries[0]);
        uint256 mean = (total + (FIXINGS - done) * price * 1e10) / FIXINGS;
        uint256 value =
            isCall ? (mean > strike ? mean - strike : 0) : (strike > mean ? strike - mean : 0);
        uint8 kind = isCall ? KIND_ASIAN_CALL : KIND_ASIAN_CALL + 1;
        uint160 id = InstrumentId.encode(1, kind, expiries[0], strike);
        return Trade(a, b, id, quantity, value + price * 1e8, NO_HINT, NO_HINT);
    }
}
