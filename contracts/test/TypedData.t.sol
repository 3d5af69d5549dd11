// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Permit2Transfer} from "../src/libraries/Permit2Transfer.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Leg, Limits, Mandate, OutcomeIntent, Quote} from "../src/types/Intent.sol";
import {Test} from "./support/Vm.sol";

/// The vector of CONTRACTS.md 2, and that no signed field is left out of its hash.
contract TypedDataTest is Test {
    bytes32 private constant STRUCT_HASH =
        0x5c391afd771eb485dc02dedc57d85a7dda058aeeb947990ee90efab418c570db;
    bytes32 private constant DIGEST =
        0x714f2e3633152edcf271b9ff0943b805e433ccd33c4f3a2e544fcba63d0c9123;

    function test_typeHashesAreThoseOfTheStrings() public pure {
        vm.assertEq(TypedData.LEG_TYPEHASH, keccak256(bytes(TypedData.LEG)));
        vm.assertEq(TypedData.LIMITS_TYPEHASH, keccak256(bytes(TypedData.LIMITS)));
        vm.assertEq(TypedData.QUOTE_TYPEHASH, keccak256(bytes(TypedData.QUOTE)));
        vm.assertEq(TypedData.MANDATE_TYPEHASH, keccak256(bytes(TypedData.MANDATE)));
        vm.assertEq(
            TypedData.INTENT_TYPEHASH,
            keccak256(abi.encodePacked(TypedData.INTENT, TypedData.LEG, TypedData.LIMITS))
        );
    }

    function test_permit2WitnessNamesTheSameStructs() public pure {
        bytes memory expected = abi.encodePacked(
            "OutcomeIntent witness)",
            TypedData.LEG,
            TypedData.LIMITS,
            TypedData.INTENT,
            "TokenPermissions(address token,uint256 amount)"
        );
        vm.assertEq(expected, bytes(Permit2Transfer.WITNESS));
    }

    function test_vectorOfTheSpecification() public view {
        bytes32 hash = this.intentHash(_vector());
        vm.assertEq(hash, STRUCT_HASH);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Solvent"),
                keccak256("1"),
                uint256(31_337),
                address(0x5e77)
            )
        );
        vm.assertEq(keccak256(abi.encodePacked(hex"1901", domain, hash)), DIGEST);
    }

    /// A JSON client that reads integers as doubles loses the low bits of the nonce and hashes
    /// this.
    function test_vectorReadAsDoublesIsAnotherDigest() public view {
        OutcomeIntent memory i = _vector();
        i.nonce = 7 << 192;
        vm.assertTrue(this.intentHash(i) != STRUCT_HASH);
    }

    function test_everyFieldOfAnIntentChangesItsHash() public view {
        bytes32[] memory seen = new bytes32[](31);
        seen[0] = this.intentHash(_vector());
        for (uint256 n = 1; n < seen.length; ++n) {
            seen[n] = this.intentHash(_mutated(n));
            for (uint256 m; m < n; ++m) {
                vm.assertTrue(seen[n] != seen[m]);
            }
        }
    }

    function test_everyFieldOfAQuoteChangesItsHash() public view {
        bytes32[] memory seen = new bytes32[](10);
        for (uint256 n; n < seen.length; ++n) {
            Quote memory q = Quote(address(1), 2, address(3), 4, false, 5, 6, 7, 8);
            if (n == 1) q.maker = address(9);
            if (n == 2) q.subaccount = 9;
            if (n == 3) q.solver = address(9);
            if (n == 4) q.instrument = 9;
            if (n == 5) q.makerSells = true;
            if (n == 6) q.price = 9;
            if (n == 7) q.maxQuantity = 9;
            if (n == 8) q.validTo = 9;
            if (n == 9) q.nonce = 9;
            seen[n] = this.quoteHash(q);
            for (uint256 m; m < n; ++m) {
                vm.assertTrue(seen[n] != seen[m]);
            }
        }
    }

    function test_everyFieldOfAMandateChangesItsHash() public view {
        bytes32[] memory seen = new bytes32[](14);
        for (uint256 n; n < seen.length; ++n) {
            seen[n] = this.mandateHash(_mandate(n));
            for (uint256 m; m < n; ++m) {
                vm.assertTrue(seen[n] != seen[m]);
            }
        }
    }

    function intentHash(OutcomeIntent calldata i) external pure returns (bytes32) {
        return TypedData.hash(i);
    }

    function mandateHash(Mandate calldata m) external pure returns (bytes32) {
        return TypedData.hash(m);
    }

    function quoteHash(Quote calldata q) external pure returns (bytes32) {
        return TypedData.hash(q);
    }

    function _mandate(uint256 n) private pure returns (Mandate memory m) {
        (m.outcomes, m.assets) = (new string[](2), new address[](1));
        (m.outcomes[0], m.outcomes[1]) = ("swap", "hedgeDelta");
        if (n == 1) m.owner = address(9);
        if (n == 2) m.subaccount = 9;
        if (n == 3) m.agent = address(9);
        if (n == 4) m.validFrom = 9;
        if (n == 5) m.validTo = 9;
        if (n == 6) m.outcomes[1] = "hedgeDeltas";
        if (n == 7) m.assets[0] = address(9);
        if (n == 8) m.notionalPerDay = 9;
        if (n == 9) m.lossPerDay = 9;
        if (n == 10) m.maxSlippageBps = 9;
        if (n == 11) m.maxMarginUsed = 9;
        if (n == 12) m.minHealth = 9;
        if (n == 13) m.nonce = 9;
    }

    function _vector() private pure returns (OutcomeIntent memory i) {
        i.owner = vm.addr(0xa11ce);
        i.subaccount = 3;
        i.outcome = "coveredCall";
        i.legs = new Leg[](2);
        i.legs[0] = Leg(
            "option",
            address(0x0e),
            "sell",
            "call",
            4000e18,
            4200e18,
            1_798_185_600,
            1_798_185_600,
            10e18,
            10e18,
            0,
            0
        );
        i.legs[1] = Leg("perp", address(0x0e), "auto", "", 0, 0, 0, 0, 0, 10e18, 0, 0);
        i.limits = Limits(address(0x0c), -280_000_000, 5_000_000, 30, 0, 1e17, 9_000_000_000, 11e17);
        i.validTo = 1_798_000_000;
        i.nonce = (7 << 192) + 12_345;
        i.appData = bytes32(uint256(0x11) * (type(uint256).max / 0xff));
    }

    function _mutated(uint256 n) private pure returns (OutcomeIntent memory i) {
        i = _vector();
        Leg memory l = i.legs[0];
        if (n == 1) i.owner = address(9);
        if (n == 2) i.subaccount = 9;
        if (n == 3) i.receiver = address(9);
        if (n == 4) i.outcome = "covered";
        if (n == 5) l.kind = "perp";
        if (n == 6) l.asset = address(9);
        if (n == 7) l.side = "buy";
        if (n == 8) l.right = "put";
        if (n == 9) l.strikeMin += 1;
        if (n == 10) l.strikeMax += 1;
        if (n == 11) l.expiryMin += 1;
        if (n == 12) l.expiryMax += 1;
        if (n == 13) l.quantityMin += 1;
        if (n == 14) l.quantityMax += 1;
        if (n == 15) l.limitPrice += 1;
        if (n == 16) l.chainId += 1;
        if (n == 17) i.limits.settlementToken = address(9);
        if (n == 18) i.limits.maxNetCost += 1;
        if (n == 19) i.limits.maxFee += 1;
        if (n == 20) i.limits.maxSlippageBps += 1;
        if (n == 21) i.limits.targetDelta += 1;
        if (n == 22) i.limits.deltaTolerance += 1;
        if (n == 23) i.limits.maxMarginUsed += 1;
        if (n == 24) i.limits.minHealth += 1;
        if (n == 25) i.partiallyFillable = true;
        if (n == 26) i.validFrom += 1;
        if (n == 27) i.validTo += 1;
        if (n == 28) i.nonce += 1;
        if (n == 29) i.appData = bytes32(0);
        if (n == 30) (i.legs[0], i.legs[1]) = (i.legs[1], i.legs[0]);
    }
}
