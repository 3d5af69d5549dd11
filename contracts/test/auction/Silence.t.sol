// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAuction} from "../../src/interfaces/IAuction.sol";
import {Market} from "../../src/types/Market.sol";
import {Report} from "../../src/types/Report.sol";
import {Hall} from "./Hall.sol";

/// What starts no liquidation although the price stands still: signers who fall silent, parameters that
/// change. Both are public for days before they bind.
contract SilenceTest is Hall {
    // ---- silence

    function test_signers_silent_and_price_unchanged_nobody_is_liquidatable_for_three_days()
        public
    {
        enterPortfolio(); // SIMPLE: worth 100,000, asks for 65,000 of maintenance
        clear(one(trade(annId, bobId, perp, 150e18, 4000e18)), _wide(150e18));
        (, int256 mm,) = house.simple(annId);
        vm.assertLe(mm, int256(-1)); // so SIMPLE alone would take it
        vm.expectPartialRevert(IAuction.SignersHeard.selector);
        hall.notice();
        wait_(24 hours);
        hall.notice();
        vm.expectPartialRevert(IAuction.AlreadyNoticed.selector);
        hall.notice();
        wait_(48 hours - 1);
        vm.expectPartialRevert(IAuction.ReportNeeded.selector);
        start(annId);
        wait_(1);
        vm.assertTrue(hall.isSilent());
        start(annId);
        vm.assertTrue(house.isFrozen(annId));
    }

    function test_one_report_ends_the_silence() public {
        enterPortfolio();
        wait_(24 hours);
        hall.notice();
        wait_(48 hours);
        Report memory report = newReport(0, 0);
        hall.hear(report, signed(report));
        vm.assertFalse(hall.isSilent());
        vm.assertEq(hall.heard(), block.timestamp);
        vm.expectPartialRevert(IAuction.SignersHeard.selector);
        hall.notice();
    }

    function _wide(int96 more) private view returns (Report memory report) {
        report = newReport(0, 1);
        uint256[] memory slots = new uint256[](1);
        slots[0] = (uint256(perp) << 96) | uint96(250e18 + more);
        report.accounts[0] = riskOf(annId, keccak256(abi.encodePacked(slots)), 0, 20_000e6);
    }

    // ---- parameters

    /// A rise of maintenance is public for two days before it binds, and a guardian cannot rise it at all.
    function test_a_parameter_change_alone_liquidates_nobody() public {
        lever();
        setPrice(3206); // worth 20,600; maintenance 20,839
        vm.assertLe(_maintenance(), int256(0));
        setPrice(3210); // worth 21,000; maintenance 20,865, a tenth more 22,951
        vm.prank(guardian);
        params.raiseInitialMargin(ETH, 110_000, 700_000);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        start(annId);
        bytes memory call = abi.encodeCall(params.setMarket, (ETH, _harsher()));
        vm.prank(proposer);
        bytes32 id = params.queue(call);
        vm.prank(approver);
        params.approve(id);
        uint256 published = block.timestamp;
        while (block.timestamp < published + 48 hours - 1) {
            wait_(
                block.timestamp + 6 hours > published + 48 hours - 1
                    ? published + 48 hours - 1 - block.timestamp
                    : 6 hours
            );
            vm.expectRevert();
            params.execute(id);
            vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
            start(annId);
        }
        fund(ann, 3_000e6); // whoever reads what is public is safe when it binds
        wait_(1);
        params.execute(id);
        vm.expectPartialRevert(IAuction.NotLiquidatable.selector);
        start(annId);
    }

    function _maintenance() private view returns (int256 mm) {
        (, mm,) = house.simple(annId);
    }

    function _harsher() private view returns (Market memory market) {
        market = params.market(ETH);
        market.perpMaintenancePpm = 71_500;
    }
}
