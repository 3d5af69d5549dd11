// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Auction} from "../../src/auction/Auction.sol";
import {KIND_CALL} from "../../src/types/Market.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {House} from "../support/House.sol";

/// The small world with the real auction in it. Ann is long 100 perps from 4,000 on 100,000 of cash, bob
/// is short: she breaches maintenance at 3,200, owes at 2,900. Cat bids.
abstract contract Hall is House {
    uint256 internal constant ALL = 1e18;
    int256 internal constant ANY = type(int256).max;

    Auction internal hall;

    function _openAuction() internal virtual override returns (address) {
        hall = new Auction(params, house);
        return address(hall);
    }

    function lever() internal {
        clear(annId, bobId, perp, 100e18, 4000e18);
    }

    function setPrice(uint256 dollars) internal {
        feed.set(int256(dollars * 1e8));
    }

    /// Time goes by, the price stays.
    function wait_(uint256 time) internal {
        vm.warp(block.timestamp + time);
        feed.set(feed_());
    }

    function feed_() internal view returns (int256 answer) {
        (, answer,,,) = feed.latestRoundData();
    }

    function start(bytes32 who) internal {
        hall.start(who, noReport(), new bytes[](0));
    }

    function start(bytes32 who, Report memory report) internal {
        hall.start(who, report, signed(report));
    }

    function end(bytes32 who) internal {
        hall.end(who, noReport(), new bytes[](0));
    }

    function bid(bytes32 who, uint256 fraction) internal returns (uint256 taken, int256 paid) {
        return bid(who, fraction, noReport());
    }

    function bid(bytes32 who, uint256 fraction, Report memory report)
        internal
        returns (uint256 taken, int256 paid)
    {
        bytes[] memory signatures = signed(report);
        vm.prank(cat);
        return hall.bid(who, fraction, 0, ANY, report, signatures);
    }

    /// What signers say of the account as it stands.
    function opinion(bytes32 who, int256 optionsMtm, uint256 mm)
        internal
        view
        returns (Report memory report)
    {
        report = newReport(0, 1);
        report.accounts[0] = opinionOf(who, optionsMtm, mm);
    }

    function opinionOf(bytes32 who, int256 optionsMtm, uint256 mm)
        internal
        view
        returns (AccountRisk memory)
    {
        bytes32 hash = house.positionsHash(who);
        return AccountRisk(who, hash, hash, optionsMtm, mm, mm, mm, 0, ETH);
    }

    /// Ann enters PORTFOLIO mode: long 200 perps, half of what SIMPLE asks for, at an attested 20,000.
    function enterPortfolio() internal {
        clear(annId, bobId, perp, 100e18, 4000e18);
        fund(bob, 100_000e6);
        Report memory report = newReport(0, 1);
        uint256[] memory slots = new uint256[](1);
        slots[0] = (uint256(perp) << 96) | 250e18;
        report.accounts[0] = riskOf(annId, keccak256(abi.encodePacked(slots)), 0, 20_000e6);
        clear(one(trade(annId, bobId, perp, 150e18, 4000e18)), report);
    }

    function fundCash() internal view returns (int256) {
        return house.cashOf(house.insuranceAccount());
    }

    /// Ann writes a call to bob: an account whose worth only a report can say.
    function write(int96 quantity) internal {
        clear(annId, bobId, option(KIND_CALL, 4400e18), -quantity, 400e18);
    }
}
