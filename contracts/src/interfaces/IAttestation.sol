// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Report} from "../types/Report.sol";

/// Verifies k-of-n reports. Its own EIP-712 domain: {name "Solvent", version "1", chainId, this}.
interface IAttestation {
    error BadReport(uint256 given, uint256 needed);
    error BadSigner(address signer);
    error StaleReport(uint256 asOf, uint256 validUntil, uint256 now_);

    /// Reverts unless exactly-or-more than threshold signatures, strictly ascending signers, are good.
    function verify(Report calldata report, bytes[] calldata signatures) external view;
    function digest(Report calldata report) external view returns (bytes32);
}
