// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {KIND_CALL, KIND_PUT} from "../../src/types/Market.sol";
import {Trade} from "../../src/types/Plan.sol";
import {AccountRisk, Report} from "../../src/types/Report.sol";
import {VmSnapshots} from "../support/Meter.sol";
import {Vm} from "../support/Vm.sol";
import {Hall} from "./Hall.sol";

/// What the largest liquidation and the largest page of deleveraging cost, as receipts would say it.
contract AuctionGasTest is Hall {
    uint256 private constant BUDGET = 5_000_000; // start, bid and end of the fullest account
    uint256 private constant BLOCK = 30_000_000;
    uint256 private constant PAGE = 100;

    VmSnapshots private constant SNAPSHOTS = VmSnapshots(address(vm));

    function test_gas_the_fullest_account() public {
        fund(bob, 5_000_000e6);
        fund(cat, 5_000_000e6);
        fundBase(ann, 10e18);
        Trade[] memory trades = new Trade[](19);
        for (uint256 i; i < 18; ++i) {
            uint160 id = InstrumentId.encode(
                ETH, i % 2 == 0 ? KIND_CALL : KIND_PUT, EXPIRY + i % 3 * 7 days, 3500e18 + i * 50e18
            );
            trades[i] = trade(annId, bobId, id, i % 4 == 3 ? int96(1e18) : int96(-1e18), 500e18);
        }
        trades[18] = trade(annId, bobId, perp, -20e18, 4000e18);
        clear(trades);
        (, int256 maintenance,) = house.simple(annId);
        for (uint256 price = 5000; maintenance >= 0; price += 100) {
            setPrice(price);
            (, maintenance,) = house.simple(annId);
        }
        vm.assertEq(house.positions(annId).length, 20);
        start(annId);
        uint256 total = _used();
        (, int256 least, int256 most,) = house.exposureOf(annId);
        Report memory report = opinion(annId, (least + most) / 2, 0);
        bytes[] memory signatures = signed(report);
        vm.prank(cat);
        hall.bid(annId, ALL, 0, ANY, report, signatures);
        total += _used();
        vm.assertEq(house.positions(catId).length, 20);
        end(annId);
        total += _used();
        _atMost("liquidation of 20 positions, start, bid and end", total, BUDGET);
    }

    function test_gas_a_full_page() public {
        (uint256[] memory cuts, bytes32[] memory accounts) =
            (new uint256[](PAGE), new bytes32[](PAGE));
        fund(bob, 5_000_000e6);
        for (uint256 i; i < PAGE; ++i) {
            accounts[i] = account(address(uint160(0x1000 + i)));
            fund(address(uint160(0x1000 + i)), 50_000e6);
            Trade[] memory trades = new Trade[](3);
            trades[0] = trade(annId, accounts[i], perp, 1e18, 4000e18);
            trades[1] = trade(bobId, accounts[i], put36, 1e18, 100e18);
            trades[2] = trade(bobId, accounts[i], call44, 1e18, 100e18);
            clear(trades);
            cuts[i] = 100e6;
        }
        fund(cat, 1_000_000e6);
        setPrice(2900);
        start(annId);
        bid(annId, ALL);
        uint256 id = hall.absorb(annId);
        wait_(1 hours);
        Report memory report = _gains(id, accounts);
        bytes[] memory signatures = signed(report);
        vm.prank(approver);
        hall.deleverage(id, PAGE * 1_100e6, accounts, cuts, report, signatures);
        _atMost("deleveraging of 100 accounts of 3 positions", _used(), BLOCK);
        vm.assertEq(house.cashOf(annId), 0);
    }

    function _gains(uint256 id, bytes32[] memory accounts)
        private
        view
        returns (Report memory report)
    {
        report = newReport(0, PAGE);
        uint256 none = type(uint256).max;
        for (uint256 i; i < PAGE; ++i) {
            bytes32 hash = house.positionsHash(accounts[i]);
            report.accounts[i] =
                AccountRisk(accounts[i], hash, hash, 1_100e6, none, none, none, 0, ETH);
        }
        report.snapshotHash = hall.purposeOf(id, 10_000e6, PAGE * 1_100e6);
    }

    /// Refunds taken off, at most a fifth (EIP-3529); calldata not counted.
    function _used() private view returns (uint256) {
        Vm.Gas memory gas = vm.lastCallGas();
        uint256 refund = uint256(int256(gas.gasRefunded));
        uint256 most = gas.gasTotalUsed / 5;
        return gas.gasTotalUsed - (refund < most ? refund : most);
    }

    function _atMost(string memory what, uint256 gas, uint256 most) private {
        emit log_named_uint(what, gas);
        SNAPSHOTS.snapshotValue("Auction", what, gas);
        vm.assertLe(gas, most, what);
    }
}
