// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// An ERC-1271 owner that answers for a key.
contract Wallet {
    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        virtual
        returns (bytes4)
    {
        return ECDSA.recover(digest, signature) == _key
            ? this.isValidSignature.selector
            : bytes4(0xffffffff);
    }
}

/// Burns all the gas that it is given.
contract BurningWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        while (true) {}
        return 0x1626ba7e;
    }
}

/// Says yes in too few bytes.
contract ShortWallet {
    fallback() external {
        assembly ("memory-safe") {
            mstore(0, hex"1626ba7e")
            return(0, 4)
        }
    }
}

/// Says yes to everything, after burning as much gas as it was made with.
contract CostlyWallet {
    uint256 private immutable _burnt;

    constructor(uint256 burnt) {
        _burnt = burnt;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < _burnt) {}
        return this.isValidSignature.selector;
    }
}

/// Answers a word that means nothing.
contract GarbageWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes32) {
        return keccak256("garbage");
    }
}

contract RevertingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        revert("no");
    }
}

/// Returns as much memory as its gas pays for, all zero.
contract HugeWallet {
    fallback() external {
        assembly ("memory-safe") {
            let size := 100000
            if gt(gas(), 1000000) { size := 700000 }
            return(0, size)
        }
    }
}
