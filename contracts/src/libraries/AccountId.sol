// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Account = owner(160) | subaccount(64), not a hash: both can be read from it, nobody can squat one.
library AccountId {
    function encode(address owner, uint64 subaccount) internal pure returns (bytes32) {
        return bytes32((uint256(uint160(owner)) << 64) | subaccount);
    }

    function ownerOf(bytes32 account) internal pure returns (address) {
        return address(uint160(uint256(account) >> 64));
    }

    function subaccountOf(bytes32 account) internal pure returns (uint64) {
        return uint64(uint256(account));
    }
}
