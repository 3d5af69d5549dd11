// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// ERC-7739's TypedDataSign, put together from the standard for a DevWallet.
library Nested {
    /// `described` holds every type of the contents, in the order in which they are hashed.
    function typeHash(string memory name, string memory described) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                "TypedDataSign(",
                name,
                " contents,string name,string version,uint256 chainId,address verifyingContract,",
                "bytes32 salt)",
                described
            )
        );
    }

    function structHash(bytes32 typed, bytes32 contents, address wallet)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                typed,
                contents,
                keccak256("DevWallet"),
                keccak256("1"),
                block.chainid,
                wallet,
                bytes32(0)
            )
        );
    }
}
