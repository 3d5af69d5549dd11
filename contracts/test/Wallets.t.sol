// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SignatureProbe} from "../src/SignatureProbe.sol";
import {DevWallet, OwnedWallet, PlainWallet} from "../src/dev/DevWallet.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {AccountId} from "../src/libraries/AccountId.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {OutcomeIntent} from "../src/types/Intent.sol";
import {Item, Plan, SCHEME_EIP1271, SCHEME_PERMIT2, SCHEME_PRESIGN} from "../src/types/Plan.sol";
import {FullWorld} from "./support/FullWorld.sol";
import {Nested} from "./support/Nested.sol";
import {
    BurningWallet,
    CostlyWallet,
    GarbageWallet,
    HugeWallet,
    RevertingWallet,
    ShortWallet
} from "./support/Wallets.sol";

/// Contract wallets as owners: nested signatures (ERC-7739), Permit2's own question, delegated keys.
contract WalletsTest is FullWorld {
    using AccountId for address;

    string private constant PERMIT = "PermitBatchWitnessTransferFrom("
        "TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline,"
        "OutcomeIntent witness)";
    string private constant PERMISSIONS = "TokenPermissions(address token,uint256 amount)";
    bytes4 private constant INVALID_CONTRACT_SIGNATURE =
        bytes4(keccak256("InvalidContractSignature()"));

    DevWallet private wallet;
    DevWallet private twin;
    SignatureProbe private probe;

    function setUp() public override {
        super.setUp();
        (wallet, twin) = (new DevWallet(user), new DevWallet(user));
        probe = new SignatureProbe();
        fund(address(wallet), 0, 10_000e6, 0);
    }

    // ---- gas

    /// 150,000 is what Settlement gives; Permit2 gives all it has, and the service holds it to the
    /// same. The longest signed strings are hashed here, the number of legs does not matter.
    function test_nestedSignaturesFitTheGasOfTheChain() public {
        (OutcomeIntent memory i,) = collateralSwap(1);
        i.owner = address(wallet);
        bytes memory ofIntent = _nested(wallet, i);
        _acceptedWithin("intent", settlement.digestOf(i), ofIntent, 20_000);
        _acceptedWithin("permit2 witness", permitDigest(i), _nestedPermit(wallet, i), 28_000);
    }

    function test_implicitDescriptionCostsNoMore() public {
        (OutcomeIntent memory i,) = collateralSwap(1);
        i.owner = address(wallet);
        string memory described = string.concat(TypedData.INTENT, TypedData.LEG, TypedData.LIMITS);
        bytes32 typed = Nested.typeHash("OutcomeIntent", described);
        bytes memory nested =
            _wrap(wallet, USER_KEY, _domain(), this.structHash(i), typed, described);
        _acceptedWithin("intent, implicit", settlement.digestOf(i), nested, 18_000);
    }

    // ---- settlements

    function test_nestedIntentSettlesFromCollateral() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = address(wallet);
        settle(Item(i, _nested(wallet, i), SCHEME_EIP1271, p));
        vm.assertEq(house.cashOf(address(wallet).encode(0)), 6000e6);
    }

    function test_nestedPermitSettlesFromTheWallet() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.owner, i.receiver) = (address(wallet), address(wallet));
        settle(Item(i, _nestedPermit(wallet, i), SCHEME_PERMIT2, p));
        vm.assertEq(usdc.balanceOf(address(wallet)), 6000e6);
    }

    function test_walletPresignsByExecute() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = address(wallet);
        bytes memory data = abi.encodeCall(settlement.presign, (settlement.digestOf(i)));
        vm.prank(user);
        wallet.execute(address(settlement), 0, data);
        settle(Item(i, "", SCHEME_PRESIGN, p));
    }

    function test_plainWalletSettlesByItsKeysSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = address(new PlainWallet(user));
        fund(i.owner, 0, 10_000e6, 0);
        settle(Item(i, signature(USER_KEY, settlement.digestOf(i)), SCHEME_EIP1271, p));
    }

    // ---- refusals

    function test_notNestedOrOfATwinOrForAnotherApp_BadSignature() public {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = address(wallet);
        bytes32 typed = Nested.typeHash("OutcomeIntent", _described());
        string memory description = string.concat(_described(), "OutcomeIntent");
        bytes32 contents = this.structHash(i);
        bytes[5] memory wrong = [
            signature(USER_KEY, settlement.digestOf(i)),
            _nested(twin, i),
            _wrap(wallet, MAKER_KEY, _domain(), contents, typed, description),
            _wrap(wallet, USER_KEY, permit2Domain(), contents, typed, description),
            // as a library writes it that names the contents first: EIP-712 sorts
            _wrap(
                wallet,
                USER_KEY,
                _domain(),
                contents,
                typed,
                string.concat(TypedData.INTENT, TypedData.LEG, TypedData.LIMITS)
            )
        ];
        for (uint256 n; n < wrong.length; ++n) {
            refuses(Item(i, wrong[n], SCHEME_EIP1271, p), ISettlement.BadSignature.selector);
        }
    }

    function test_permitNotNested_InvalidContractSignature() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        (i.owner, i.receiver) = (address(wallet), address(wallet));
        Item memory item = Item(i, signature(USER_KEY, permitDigest(i)), SCHEME_PERMIT2, p);
        refuses(item, INVALID_CONTRACT_SIGNATURE);
    }

    function test_strangerExecutes_NotOwner() public {
        vm.expectRevert(abi.encodeWithSelector(OwnedWallet.NotOwner.selector, maker));
        vm.prank(maker);
        wallet.execute(address(settlement), 0, "");
    }

    function test_failedCallOfTheWalletRevertsAsItDid() public {
        (OutcomeIntent memory i,) = collateralSwap(1);
        bytes memory again = abi.encodeCall(settlement.cancel, (i.nonce));
        vm.startPrank(user);
        wallet.execute(address(settlement), 0, again);
        vm.expectPartialRevert(ISettlement.NonceUsed.selector);
        wallet.execute(address(settlement), 0, again);
    }

    // ---- an account with delegated code (EIP-7702): Settlement takes its key first, Permit2 never

    function test_delegatedAccountSettlesByItsKeyAndByItsCode() public {
        vm.etch(user, address(new DevWallet(address(0))).code);
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        settle(Item(i, signature(USER_KEY, settlement.digestOf(i)), SCHEME_EIP1271, p));
        (i, p) = collateralSwap(2);
        settle(Item(i, _nested(DevWallet(payable(user)), i), SCHEME_EIP1271, p));
    }

    function test_delegatedAccountMustAnswerPermit2ByItsCode() public {
        vm.etch(user, address(new DevWallet(address(0))).code);
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        refuses(permitted(i, p), INVALID_CONTRACT_SIGNATURE);
        settle(Item(i, _nestedPermit(DevWallet(payable(user)), i), SCHEME_PERMIT2, p));
    }

    // ---- what the service asks

    function test_probeAgreesWithTheChainAboutHostileWallets() public {
        address[5] memory hostile = [
            address(new BurningWallet()),
            address(new ShortWallet()),
            address(new GarbageWallet()),
            address(new RevertingWallet()),
            address(new HugeWallet())
        ];
        for (uint256 n; n < hostile.length; ++n) {
            vm.assertFalse(this.isSignedBy(hostile[n], 0, ""));
            uint256 gas = gasleft();
            (bool hasCode, bool isAccepted, uint256 used,) = probe.ask(hostile[n], 0, "");
            vm.assertLe(gas - gasleft(), 3_300_000, "no more than both questions");
            vm.assertTrue(hasCode && !isAccepted);
            vm.assertEq(used, 0);
        }
    }

    function test_probeTellsWhatACostlyWalletTakes() public {
        address costly = address(new CostlyWallet(200_000));
        vm.assertFalse(this.isSignedBy(costly, 0, ""));
        (, bool isAccepted, uint256 used, uint256 limit) = probe.ask(costly, 0, "");
        vm.assertFalse(isAccepted);
        vm.assertEq(limit, 150_000);
        vm.assertGe(int256(used), 200_000);
        vm.assertLe(used, 210_000);
    }

    /// On both sides of the limit, to the last gas: the chain and the probe say the same.
    function test_probeDrawsTheLineWhereTheChainDoes(uint256 burnt) public {
        address costly = address(new CostlyWallet(bound(burnt, 140_000, 152_000)));
        (bool hasCode, bool isAccepted,,) = probe.ask(costly, 0, "");
        vm.assertTrue(hasCode);
        vm.assertTrue(isAccepted == this.isSignedBy(costly, 0, ""));
    }

    function test_probeFindsNoCode() public view {
        (bool hasCode, bool isAccepted, uint256 used,) = probe.ask(maker, 0, "");
        vm.assertFalse(hasCode || isAccepted);
        vm.assertEq(used, 0);
    }

    function isSignedBy(address signer, bytes32 digest, bytes calldata given)
        external
        view
        returns (bool)
    {
        return Signatures.isSignedBy(signer, digest, given);
    }

    // ---- nesting

    function _acceptedWithin(string memory what, bytes32 digest, bytes memory given, uint256 most)
        private
    {
        (, bool isAccepted, uint256 used,) = probe.ask(address(wallet), digest, given);
        emit log_named_uint(string.concat("gas of a nested signature, ", what), used);
        vm.assertTrue(isAccepted, what);
        vm.assertLe(used, most, what);
        vm.assertLe(most, Signatures.ERC1271_GAS);
    }

    function _nested(DevWallet by, OutcomeIntent memory i) private view returns (bytes memory) {
        bytes32 typed = Nested.typeHash("OutcomeIntent", _described());
        string memory description = string.concat(_described(), "OutcomeIntent");
        return _wrap(by, USER_KEY, _domain(), this.structHash(i), typed, description);
    }

    function _nestedPermit(DevWallet by, OutcomeIntent memory i)
        private
        view
        returns (bytes memory)
    {
        string memory described = string.concat(_described(), PERMIT, PERMISSIONS);
        string memory name = "PermitBatchWitnessTransferFrom";
        bytes32 typed = Nested.typeHash(name, described);
        string memory description = string.concat(described, name);
        return _wrap(by, USER_KEY, permit2Domain(), _permitHash(i), typed, description);
    }

    /// The wallet's own fields stand in TypedDataSign, the application's domain around it.
    function _wrap(
        DevWallet by,
        uint256 key,
        bytes32 app,
        bytes32 contents,
        bytes32 typed,
        string memory description
    ) private view returns (bytes memory) {
        bytes32 message = Nested.structHash(typed, contents, address(by));
        bytes memory raw = signature(key, keccak256(abi.encodePacked(hex"1901", app, message)));
        return abi.encodePacked(raw, app, contents, description, uint16(bytes(description).length));
    }

    /// Of an intent that sells one token.
    function _permitHash(OutcomeIntent memory i) private view returns (bytes32 message) {
        bytes32 sold = keccak256(
            abi.encode(keccak256(bytes(PERMISSIONS)), i.legs[0].asset, i.legs[0].quantityMax)
        );
        message = keccak256(
            abi.encode(
                keccak256(abi.encodePacked(PERMIT, _described(), PERMISSIONS)),
                keccak256(abi.encodePacked(sold)),
                address(settlement),
                i.nonce,
                uint256(i.validTo),
                this.structHash(i)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", permit2Domain(), message));
        vm.assertTrue(digest == permitDigest(i), "Permit2's digest, put together twice");
    }

    function _described() private pure returns (string memory) {
        return string.concat(TypedData.LEG, TypedData.LIMITS, TypedData.INTENT);
    }

    function _domain() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Solvent"),
                keccak256("1"),
                block.chainid,
                address(settlement)
            )
        );
    }
}
