// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC7739} from "@openzeppelin/contracts/utils/cryptography/signers/draft-ERC7739.sol";

/// A contract wallet for the local chain only: it does whatever its one key tells it.
abstract contract OwnedWallet {
    error NotOwner(address caller);

    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    receive() external payable {}

    /// Returns what the call returned; a revert goes through as it came.
    function execute(address to, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory)
    {
        if (msg.sender != owner()) revert NotOwner(msg.sender);
        (bool ok, bytes memory answer) = to.call{value: value}(data);
        if (ok) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// Without a key of its own this is code that accounts delegate to (EIP-7702), each its owner.
    function owner() public view returns (address) {
        return _key == address(0) ? address(this) : _key;
    }

    function _isOwners(bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) =
            ECDSA.tryRecoverCalldata(digest, signature);
        return failure == ECDSA.RecoverError.NoError && recovered == owner();
    }
}

/// ERC-1271 as it was at first: the key's signature of the very digest. Two wallets of one key
/// accept each other's signatures, which is what ERC-7739 is for.
contract PlainWallet is OwnedWallet, IERC1271 {
    constructor(address key) OwnedWallet(key) {}

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        return
            _isOwners(digest, signature) ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// ERC-1271 with ERC-7739: the key signs the application's message nested in this wallet's own
/// domain, which `eip712Domain` tells (EIP-5267).
contract DevWallet is OwnedWallet, ERC7739 {
    constructor(address key) OwnedWallet(key) EIP712("DevWallet", "1") {}

    function _rawSignatureValidation(bytes32 digest, bytes calldata signature)
        internal
        view
        override
        returns (bool)
    {
        return _isOwners(digest, signature);
    }
}
