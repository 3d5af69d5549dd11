// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../src/interfaces/IClearinghouse.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {Permit2Transfer} from "../src/libraries/Permit2Transfer.sol";
import {Relay} from "../src/libraries/Relay.sol";
import {Mandate, OutcomeIntent} from "../src/types/Intent.sol";
import {Item, Plan, Trade} from "../src/types/Plan.sol";
import {Report} from "../src/types/Report.sol";
import {FullWorld} from "./support/FullWorld.sol";

/// What is handed on as it came must read the same to whoever receives it: each contract would
/// otherwise judge another report, or another mandate, than the one that was signed.
contract RelayTest is FullWorld {
    uint256 private constant MARKS = 3; // words of a report's head
    uint256 private constant ACCOUNTS = 4;

    function configure() internal override {
        params.addSettlement(address(this));
    }

    /// Marks that Settlement would read out of the items and the signers never saw.
    function testFuzz_reportPointsBackwards_toSettlement(uint256 back, bool isMarks) public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Report memory report = marked(call(4400e18), 1e18);
        Item[] memory items = one(signed(i, p));
        bytes memory data = abi.encodeCall(settlement.settle, (items, report, attested(report)));
        uint256 state = vm.snapshotState();
        vm.prank(solver);
        (bool isDone,) = address(settlement).call(data);
        vm.assertTrue(isDone);
        vm.revertToState(state);
        _pointBackwards(data, 1, isMarks, back);
        _refuses(address(settlement), solver, data);
    }

    /// Accounts that the gate would read out of the trades.
    function testFuzz_reportPointsBackwards_toTheClearinghouse(uint256 back, bool isMarks) public {
        Report memory report = marked(call(4400e18), 1e18);
        bytes memory data = abi.encodeCall(
            house.clear,
            (new Trade[](0), new bytes32[](0), new uint16[](0), report, attested(report))
        );
        uint256 state = vm.snapshotState();
        (bool isDone,) = address(house).call(data);
        vm.assertTrue(isDone);
        vm.revertToState(state);
        _pointBackwards(data, 3, isMarks, back);
        _refuses(address(house), address(this), data);
    }

    /// An empty list, and still not where the receiver would look for it.
    function test_ReportOutOfPlace() public {
        Report memory report = marked(call(4400e18), 1e18);
        bytes memory data = abi.encodeCall(
            house.clear,
            (new Trade[](0), new bytes32[](0), new uint16[](0), report, attested(report))
        );
        assembly ("memory-safe") {
            let args := add(data, 36)
            let offset := mload(add(args, 96))
            // the report's marks begin where the trades do
            mstore(add(add(args, offset), 96), sub(mload(args), offset))
        }
        vm.expectRevert(Relay.ReportOutOfPlace.selector);
        (bool isExpected,) = address(house).call(data);
        vm.assertTrue(isExpected);
    }

    /// Whatever a decoder would refuse is refused, even in a report that attests nothing.
    function testFuzz_timesOfMoreThanFortyBits(uint256 bits, bool isAsOf) public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        Report memory nothing;
        bytes memory data =
            abi.encodeCall(settlement.settle, (one(signed(i, p)), nothing, new bytes[](0)));
        bits = bound(bits, 1, type(uint216).max) << 40;
        uint256 place = isAsOf ? 1 : 2;
        assembly ("memory-safe") {
            let args := add(data, 36)
            let report := add(args, mload(add(args, 32)))
            mstore(add(report, mul(place, 32)), bits)
        }
        _refuses(address(settlement), solver, data);
    }

    /// Signatures are the last to be encoded; before the report they change nothing.
    function test_signaturesBeforeTheReport() public {
        Report memory report = marked(call(4400e18), 1e18);
        bytes[] memory signatures = attested(report);
        bytes memory tail = abi.encode(report);
        bytes memory list = abi.encode(signatures);
        bytes memory data = bytes.concat(
            abi.encodeWithSelector(
                IClearinghouse.clear.selector, 160, 192, 224, 256 + list.length - 32, 256
            ),
            new bytes(96), // no trades, nobody asked, no markets
            _rest(list),
            _rest(tail)
        );
        (bool isDone,) = address(house).call(data);
        vm.assertTrue(isDone);
    }

    // ---- parts of a mandate's signature

    function testFuzz_mandateOutsideItsSignature(uint256 word, uint256 offset) public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.limits.maxSlippageBps = 50;
        (i.limits.maxMarginUsed, i.limits.minHealth) = (1000e6, 1e18);
        Item memory item = mandated(i, p, _mandate());
        bytes memory signature = item.signature;
        // from where not even a length fits, to anywhere
        offset = bound(offset, signature.length - 31, type(uint256).max);
        uint256 place = 32 + 32 * bound(word, 0, 2);
        assembly ("memory-safe") {
            mstore(add(signature, place), offset)
        }
        refuses(item, ISettlement.BadSignature.selector);
    }

    function test_mandateOfTooFewBytes() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        Item memory item = mandated(i, p, _mandate());
        item.signature = new bytes(575);
        refuses(item, ISettlement.BadSignature.selector);
    }

    /// Under permit2 the call is the proof of the signature: no code is no proof.
    function test_Permit2Missing() public {
        vm.etch(PERMIT2, "");
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        Item memory item = permitted(i, p);
        item.plan = plan();
        refuses(item, Permit2Transfer.Permit2Missing.selector);
    }

    // ---- helpers

    function _mandate() private view returns (Mandate memory m) {
        (m.owner, m.agent, m.validTo) = (user, vm.addr(AGENT_KEY), uint32(NOW + 1 days));
        (m.outcomes, m.assets) = (new string[](1), new address[](1));
        (m.outcomes[0], m.assets[0]) = ("openPerp", address(weth));
        (m.notionalPerDay, m.lossPerDay) = (100_000e6, 100e6);
        (m.maxSlippageBps, m.maxMarginUsed, m.nonce) = (50, 1000e6, 99);
    }

    /// Makes one list of the report, whose offset is argument `place`, begin before the report.
    function _pointBackwards(bytes memory data, uint256 place, bool isMarks, uint256 back)
        private
        pure
    {
        uint256 list = isMarks ? MARKS : ACCOUNTS;
        assembly ("memory-safe") {
            let args := add(data, 36)
            let offset := mload(add(args, mul(place, 32)))
            // within the arguments, or before the first of them
            back := add(1, mod(back, add(offset, 64)))
            mstore(add(add(args, offset), mul(list, 32)), sub(0, back))
        }
    }

    function _refuses(address target, address caller, bytes memory data) private {
        vm.prank(caller);
        (bool isDone, bytes memory reason) = target.call(data);
        vm.assertFalse(isDone);
        // either the offset itself is refused or what it points to is no list at all
        vm.assertTrue(reason.length == 0 || bytes4(reason) == Relay.ReportOutOfPlace.selector);
    }

    /// Behind the offset that abi.encode begins with.
    function _rest(bytes memory data) private pure returns (bytes memory rest) {
        rest = new bytes(data.length - 32);
        for (uint256 i; i < rest.length; ++i) {
            rest[i] = data[i + 32];
        }
    }
}
