// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestation} from "../interfaces/IAttestation.sol";
import {IAuction} from "../interfaces/IAuction.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {Relay} from "../libraries/Relay.sol";
import {Report} from "../types/Report.sol";

/// Whether the risk signers still speak. Who relies on their word is judged without it only after three
/// days in public, so that their silence alone takes nobody by surprise.
abstract contract Hearing is IAuction {
    uint256 public constant SILENCE = 24 hours;
    uint256 public constant NOTICE = 48 hours;

    IClearinghouse public immutable house;
    IParams public immutable params;
    address internal immutable _attestation;

    uint256 public heard;
    uint256 public silentFrom;

    constructor(IParams params_, IClearinghouse house_) {
        (params, house) = (params_, house_);
        _attestation = house_.attestation();
        heard = block.timestamp;
    }

    function hear(Report calldata report, bytes[] calldata signatures) external {
        _verify(report, signatures);
    }

    function notice() external {
        uint256 earliest = heard + SILENCE;
        if (block.timestamp < earliest) revert SignersHeard(heard, earliest);
        if (silentFrom != 0) revert AlreadyNoticed(silentFrom);
        silentFrom = block.timestamp + NOTICE;
        emit Noticed(silentFrom);
    }

    function isSilent() public view returns (bool) {
        return silentFrom != 0 && block.timestamp >= silentFrom;
    }

    /// A report without `validUntil` is none.
    function _listen(Report calldata report, bytes[] calldata signatures) internal {
        if (report.validUntil != 0) _verify(report, signatures);
    }

    function _verify(Report calldata report, bytes[] calldata signatures) internal {
        uint256[] memory head = new uint256[](2);
        Relay.pass(_attestation, IAttestation.verify.selector, head, 0, report, signatures);
        if (silentFrom != 0) silentFrom = 0;
        if (report.asOf <= heard) return;
        heard = report.asOf;
        emit Heard(report.asOf);
    }
}
