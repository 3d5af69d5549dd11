// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../../src/Attestation.sol";
import {Clearinghouse} from "../../src/Clearinghouse.sol";
import {Auction} from "../../src/auction/Auction.sol";
import {IAuction} from "../../src/interfaces/IAuction.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {NO_HINT, Trade} from "../../src/types/Plan.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {Crowd} from "../support/Crowd.sol";
import {Feed} from "../support/Feed.sol";
import {Token} from "../support/Tokens.sol";

/// The crowd with far too much leverage, prices that crash, and everybody who acts then: liquidators,
/// bidders, signers and the approver.
contract Mob is Crowd {
    Auction private immutable hall;
    Attestation private immutable attestation;
    address private immutable approver;
    uint256[2] private keys;

    uint256[5] public done; // started, sold, paid out, absorbed, deleveraged
    bool public isCapBroken; // a haircut took more than a quarter of the gain, or hit who may not be
    bool public isRobbed; // an auction cost a stranger anything, or its account more than price and fee

    /// What is done to one account changes what no other is worth, but the bidder.
    modifier sparing(uint256 who, uint256 bidder) {
        int256[4] memory before = _worths();
        _;
        int256[4] memory afterwards = _worths();
        for (uint256 i; i < 4; ++i) {
            bool isParty = i == who % 4 || i == bidder % 4;
            if (!isParty && afterwards[i] != before[i]) isRobbed = true;
        }
    }

    constructor(
        Clearinghouse house_,
        Token usdc_,
        Token weth_,
        Feed feed_,
        Auction hall_,
        Attestation attestation_,
        address approver_,
        uint256[2] memory keys_
    ) Crowd(house_, usdc_, weth_, feed_) {
        (hall, attestation, approver, keys) = (hall_, attestation_, approver_, keys_);
    }

    /// As many perps as the weaker of two can bear.
    function lever(uint256 seed) external {
        uint256 a = seed % 4;
        uint256 b = (a + 1 + (seed >> 8) % 3) % 4;
        (int256 left,,) = house.simple(account(a));
        (int256 right,,) = house.simple(account(b));
        int256 excess = left < right ? left : right;
        if (excess <= 0) return;
        // a tenth of the notional, nearly: atoms to wad
        uint256 quantity = uint256(excess) * 1e12 * 1e18 / (price * 1e10) * 9;
        if (quantity >= 1e24) quantity = 1e24;
        int96 size = seed >> 64 & 1 == 0 ? int96(int256(quantity)) : -int96(int256(quantity));
        Trade[] memory trades = new Trade[](1);
        trades[0] = Trade(
            account(a), account(b), InstrumentId.perp(1), size, price * 1e10, NO_HINT, NO_HINT
        );
        Report memory none;
        house.clear(trades, new bytes32[](0), new uint16[](0), none, new bytes[](0));
    }

    function crash(uint256 seed) external {
        price = price * (7000 + seed % 7000) / 10_000;
        if (price < 1000e8) price = 4000e8;
        if (price > 20_000e8) price = 4000e8;
        feed.set(int256(price));
    }

    /// One day at the auction: whoever can be is started, sold to whoever can take it, absorbed, ended.
    function trade(uint256 seed) external {
        for (uint256 i; i < 4; ++i) {
            try this.start(i) {} catch {}
            if (hall.saleOf(account(i)).startedAt == 0) continue;
            uint256 fraction = uint256(keccak256(abi.encode(seed, i)));
            // half of the time there is a bidder who can afford it
            if (seed & 4 == 0) try this.depositCash(i + 1, type(uint128).max) {} catch {}
            for (uint256 j = 1; j < 4; ++j) {
                try this.bid(i, i + j, fraction) {} catch {}
                fraction >>= 2;
            }
            try this.absorb(i) {} catch {}
            if (seed & 1 == 0) try this.end(i) {} catch {}
            uint256 id = hall.deficitOf(account(i));
            if (id != 0 && seed & 2 == 0) try this.deleverage(id) {} catch {}
        }
    }

    function start(uint256 who) external sparing(who, who) {
        Report memory none;
        hall.start(account(who), none, new bytes[](0));
        ++done[0];
    }

    /// Signers price what is sold at the feed's own middle.
    function bid(uint256 who, uint256 bidder, uint256 fraction) external {
        vm.warp(block.timestamp + fraction % 3000);
        feed.set(int256(price));
        fraction = fraction % 4 == 0 ? 1e18 : bound(fraction, 0.01e18, 1e18);
        _bid(who, bidder, fraction);
    }

    function _bid(uint256 who, uint256 bidder, uint256 fraction) private sparing(who, bidder) {
        bytes32 target = account(who);
        Report memory report = _opinion(target);
        bytes[] memory signatures = _sign(report);
        int256 worth = _worth(target);
        vm.prank(owners[bidder % 4]);
        (uint256 taken, int256 paid) =
            hall.bid(target, fraction, 0, type(int256).max, report, signatures);
        ++done[paid < 0 ? 2 : 1];
        int256 sold = worth > 0 ? worth * int256(taken) / 1e18 : int256(0);
        uint256 rate = hall.priceAt(block.timestamp - hall.saleOf(target).startedAt);
        // an atom of rounding in each position, in cash and in what is paid
        int256 most = sold - sold * int256(rate) * 98 / 100e18 + 25;
        if (worth - _worth(target) > most) isRobbed = true;
    }

    function bankrupt(uint256 who) external sparing(who, who) {
        Report memory report = _opinion(account(who));
        hall.bankrupt(account(who), report, _sign(report));
    }

    function end(uint256 who) external sparing(who, who) {
        Report memory none;
        hall.end(account(who), none, new bytes[](0));
    }

    function absorb(uint256 who) external sparing(who, who) {
        hall.absorb(account(who));
        ++done[3];
    }

    /// Everybody on the other side, in one page.
    function deleverage(uint256 id) external {
        IAuction.Deficit memory open = hall.deficit(id);
        if (open.amount == open.raised) return;
        vm.warp(block.timestamp + 1 hours);
        feed.set(int256(price));
        (bytes32[] memory who, uint256[] memory gains, uint256 total) = _winners(open);
        uint256 left = open.amount - open.raised;
        Report memory report = _opinions(who, gains, open.market);
        report.snapshotHash = hall.purposeOf(id, left, total);
        bytes[] memory signatures = _sign(report);
        uint256[] memory cuts = _cuts(gains, left, total);
        int256 debt = house.cashOf(open.account);
        vm.prank(approver);
        hall.deleverage(id, total, who, cuts, report, signatures);
        ++done[4];
        if (house.cashOf(open.account) != debt + int256(left)) isCapBroken = true;
        for (uint256 i; i < who.length; ++i) {
            if (hall.takenOf(id, who[i]) * 4 > gains[i]) isCapBroken = true;
        }
    }

    /// Accounts on the other side and the most that each can have gained.
    function _winners(IAuction.Deficit memory open)
        private
        view
        returns (bytes32[] memory who, uint256[] memory gains, uint256 total)
    {
        (who, gains) = (new bytes32[](4), new uint256[](4));
        uint256 count;
        for (uint256 i; i < 4; ++i) {
            (int256 linear,, int256 most,) = house.exposureOf(account(i));
            if (!_isOther(account(i), open.side) || linear + most <= 0) continue;
            (who[count], gains[count]) = (account(i), uint256(linear + most));
            total += gains[count++];
        }
        assembly ("memory-safe") {
            mstore(who, count)
            mstore(gains, count)
        }
    }

    /// At the feed, options in the middle of what it allows.
    function _worth(bytes32 who) private view returns (int256) {
        (int256 linear, int256 least, int256 most,) = house.exposureOf(who);
        return linear + (least + most) / 2;
    }

    function _worths() private view returns (int256[4] memory worths) {
        for (uint256 i; i < 4; ++i) {
            worths[i] = _worth(account(i));
        }
    }

    function _isOther(bytes32 who, int8 side) private view returns (bool) {
        if (house.isFrozen(who)) return false;
        uint256[] memory slots = house.positions(who);
        int256 net;
        bool isAny;
        for (uint256 i; i < slots.length; ++i) {
            uint256 kind = slots[i] >> 232 & 0xff;
            if (kind == 3) continue;
            isAny = true;
            int256 quantity = int96(uint96(slots[i]));
            net += kind == 2 || kind == 5 ? -quantity : quantity;
        }
        return isAny && (side == 0 || (side > 0 ? net < 0 : net > 0));
    }

    /// Down, and up where something is left of the sum.
    function _cuts(uint256[] memory gains, uint256 amount, uint256 total)
        private
        pure
        returns (uint256[] memory cuts)
    {
        cuts = new uint256[](gains.length);
        uint256 sum;
        for (uint256 i; i < gains.length; ++i) {
            cuts[i] = amount * gains[i] / total;
            sum += cuts[i];
        }
        for (uint256 i; i < gains.length && sum < amount; ++i) {
            if (amount * gains[i] % total == 0) continue;
            (cuts[i], sum) = (cuts[i] + 1, sum + 1);
        }
    }

    function _opinion(bytes32 who) private view returns (Report memory) {
        (, int256 least, int256 most,) = house.exposureOf(who);
        Report memory report = _opinions(new bytes32[](1), new uint256[](1), 1);
        bytes32 hash = house.positionsHash(who);
        report.accounts[0] = AccountRisk(who, hash, hash, (least + most) / 2, 0, 0, 0, 0, 1);
        return report;
    }

    function _opinions(bytes32[] memory who, uint256[] memory gains, uint16 market)
        private
        view
        returns (Report memory report)
    {
        report.asOf = uint40(block.timestamp);
        report.validUntil = uint40(block.timestamp + 60);
        report.accounts = new AccountRisk[](who.length);
        uint256 none = type(uint256).max;
        for (uint256 i; i < who.length; ++i) {
            bytes32 hash = house.positionsHash(who[i]);
            report.accounts[i] =
                AccountRisk(who[i], hash, hash, int256(gains[i]), none, none, none, 0, market);
        }
    }

    function _sign(Report memory report) private view returns (bytes[] memory signatures) {
        bytes32 digest = attestation.digest(report);
        signatures = new bytes[](2);
        signatures[0] = signature(keys[0], digest);
        signatures[1] = signature(keys[1], digest);
    }
}
