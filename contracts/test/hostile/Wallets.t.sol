// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan, SCHEME_EIP1271} from "../../src/types/Plan.sol";
import {FullWorld} from "../support/FullWorld.sol";
import {BurningWallet} from "../support/Wallets.sol";

/// Answers with as many bytes as its gas buys.
contract BombWallet {
    fallback() external {
        assembly ("memory-safe") {
            return(0, 200000)
        }
    }
}

/// Says yes until it is told otherwise.
contract FickleWallet {
    bool private _isOpposed;

    function oppose() external {
        _isOpposed = true;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return _isOpposed ? bytes4(0xffffffff) : bytes4(0x1626ba7e);
    }
}

/// Uses the question to act.
contract BusyWallet {
    address private immutable _target;
    bytes private _call;

    constructor(address target, bytes memory call_) {
        (_target, _call) = (target, call_);
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool isDone,) = _target.call(_call);
        return isDone ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// Owners and makers that are contracts: they are asked, at a fixed price, and can do nothing else.
contract HostileWalletsTest is FullWorld {
    uint256 private constant GAS_MAX = 1_000_000;

    function test_fickleWalletSettlesWhileItAgrees() public {
        settle(_owned(address(new FickleWallet())));
    }

    function test_hostile_wallet_changesItsMind_BadSignature() public {
        FickleWallet wallet = new FickleWallet();
        Item memory item = _owned(address(wallet));
        wallet.oppose();
        refuses(item, ISettlement.BadSignature.selector, abi.encode(wallet));
    }

    function test_hostile_wallet_usesTheQuestionToCancel_BadSignature() public {
        bytes memory inner = abi.encodeCall(settlement.cancel, (1));
        address wallet = address(new BusyWallet(address(settlement), inner));
        refuses(_owned(wallet), ISettlement.BadSignature.selector, abi.encode(wallet));
    }

    function test_hostile_wallet_usesTheQuestionToSettle_BadSignature() public {
        bytes memory inner =
            abi.encodeCall(settlement.settle, (new Item[](0), noReport(), new bytes[](0)));
        address wallet = address(new BusyWallet(address(settlement), inner));
        refuses(_owned(wallet), ISettlement.BadSignature.selector, abi.encode(wallet));
    }

    /// Two hundred thousand bytes cost it its own gas, and reading what came back is bounded too.
    function test_hostile_wallet_answersWithABomb_BadSignature() public {
        address wallet = address(new BombWallet());
        Item memory item = _owned(wallet);
        uint256 gas = gasleft();
        refuses(item, ISettlement.BadSignature.selector, abi.encode(wallet));
        vm.assertLe(gas - gasleft(), GAS_MAX);
    }

    function test_hostile_maker_answersWithABomb_BadSignature() public {
        address wallet = address(new BombWallet());
        Item memory item = _against(wallet);
        uint256 gas = gasleft();
        refuses(item, ISettlement.BadSignature.selector, abi.encode(wallet));
        vm.assertLe(gas - gasleft(), GAS_MAX);
    }

    function test_hostile_maker_changesItsMind_BadSignature() public {
        FickleWallet wallet = new FickleWallet();
        fund(address(wallet), 0, 100_000e6, 0);
        Item memory item = _against(address(wallet));
        uint256 state = vm.snapshotState();
        settle(item);
        vm.revertToState(state);
        wallet.oppose();
        refuses(item, ISettlement.BadSignature.selector, abi.encode(wallet));
    }

    function test_hostile_maker_burnsGas_BadSignature() public {
        address wallet = address(new BurningWallet());
        Item memory item = _against(wallet);
        uint256 gas = gasleft();
        refuses(item, ISettlement.BadSignature.selector, abi.encode(wallet));
        vm.assertLe(gas - gasleft(), GAS_MAX);
    }

    function test_hostile_maker_usesTheQuestionToCancel_BadSignature() public {
        bytes memory inner = abi.encodeCall(settlement.cancel, (9));
        address wallet = address(new BusyWallet(address(settlement), inner));
        refuses(_against(wallet), ISettlement.BadSignature.selector, abi.encode(wallet));
    }

    /// Permit2 asks by itself, and without a limit of gas; it too takes no for an answer.
    function test_hostile_wallet_changesItsMindToPermit2_InvalidContractSignature() public {
        FickleWallet wallet = new FickleWallet();
        wallet.oppose();
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.owner = address(wallet);
        refuses(permitted(i, p), bytes4(keccak256("InvalidContractSignature()")));
    }

    function _owned(address wallet) private returns (Item memory item) {
        (OutcomeIntent memory i, Plan memory p) = collateralSwap(1);
        i.owner = wallet;
        fund(wallet, 0, 10_000e6, 0);
        item = signed(i, p);
        item.scheme = SCHEME_EIP1271;
    }

    function _against(address wallet) private view returns (Item memory) {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        quoted(p, 9);
        p.quotes[0].quote.maker = wallet;
        return signed(i, p);
    }
}
