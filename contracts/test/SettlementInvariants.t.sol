// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Clearinghouse} from "../src/Clearinghouse.sol";
import {Settlement} from "../src/Settlement.sol";
import {AccountId} from "../src/libraries/AccountId.sol";
import {InstrumentId} from "../src/libraries/InstrumentId.sol";
import {Street} from "./support/Street.sol";
import {Token} from "./support/Tokens.sol";
import {Test} from "./support/Vm.sol";

/// What holds after every call, whatever a solver plans and however often it tries again:
/// CONTRACTS.md 10, invariants 2, 3, 5 and 6.
contract SettlementInvariants is Test {
    using AccountId for address;

    struct Target {
        address where;
        bytes4[] selectors;
    }

    Street private street;

    function setUp() public {
        street = new Street();
        street.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(street);
    }

    function targetSelectors() external view returns (Target[] memory targets) {
        targets = new Target[](1);
        targets[0] = Target(address(street), new bytes4[](4));
        targets[0].selectors[0] = Street.settleSome.selector;
        targets[0].selectors[1] = Street.settleAgain.selector;
        targets[0].selectors[2] = Street.cancel.selector;
        targets[0].selectors[3] = Street.passTime.selector;
    }

    function invariant_router_and_settlement_hold_no_token_and_no_allowance() public view {
        address settlement = address(street.theSettlement());
        address router = street.theSettlement().router();
        for (uint256 n; n < 3; ++n) {
            Token token = street.token(n);
            vm.assertEq(token.balanceOf(router), 0);
            vm.assertEq(token.balanceOf(settlement), 0);
            for (uint256 m; m < 2; ++m) {
                vm.assertEq(token.allowance(router, street.venue(m)), 0);
            }
        }
    }

    function invariant_a_nonce_authorises_at_most_once() public view {
        vm.assertFalse(street.isReplayed());
    }

    function invariant_no_signature_moves_the_funds_of_another() public view {
        vm.assertFalse(street.isRobbed());
    }

    function invariant_the_clearinghouse_holds_what_it_owes() public view {
        Clearinghouse house = street.theHouse();
        int256 cash;
        int256 base;
        for (uint256 n; n < 4; ++n) {
            bytes32 account = street.owner(n).encode(0);
            cash += house.cashOf(account);
            base += house.balanceOf(account, address(street.token(1)));
        }
        vm.assertEq(cash, int256(street.token(0).balanceOf(address(house))));
        vm.assertEq(base, int256(street.token(1).balanceOf(address(house))));
    }

    /// The plans are not all nonsense: many of them settle.
    function test_theStreetDoesSettle() public {
        for (uint256 n; n < 32; ++n) {
            street.settleSome(uint256(keccak256(abi.encode(n))));
            street.settleAgain(uint256(keccak256(abi.encode(n))));
        }
        vm.assertTrue(street.settled() > 8);
    }
}
