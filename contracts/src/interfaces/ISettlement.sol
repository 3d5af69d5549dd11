// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OutcomeIntent} from "../types/Intent.sol";
import {Item} from "../types/Plan.sol";
import {Report} from "../types/Report.sol";

/// Authorise, pull exactly, route, measure, check every signed bound, trade, gate: everything or nothing.
interface ISettlement {
    event Settled(
        bytes32 indexed digest,
        address indexed owner,
        address indexed solver,
        uint256 fraction,
        int256 netCost,
        uint256 fee
    );
    event Cancelled(address indexed owner, uint256 nonce);
    event EpochRaised(address indexed owner, uint256 epoch);
    event Presigned(address indexed owner, bytes32 indexed digest);
    event MandateRevoked(address indexed owner, bytes32 indexed digest);

    function settle(Item[] calldata items, Report calldata report, bytes[] calldata signatures) external;
    function cancel(uint256 nonce) external;
    function cancelAll() external;
    function presign(bytes32 digest) external;
    function revoke(bytes32 mandateDigest) external;

    function digestOf(OutcomeIntent calldata intent) external view returns (bytes32);
    function epoch(address owner) external view returns (uint256);
    function isNonceUsed(address owner, uint256 nonce) external view returns (bool);
    function filled(bytes32 digest) external view returns (uint256);
    function router() external view returns (address);
    function clearinghouse() external view returns (address);
}
