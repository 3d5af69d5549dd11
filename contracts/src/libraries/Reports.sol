// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {AccountRisk, Report} from "../types/Report.sol";
import {Ledger} from "./Ledger.sol";

/// Finds in a verified report what it says about an account or an instrument. A report without
/// `validUntil` was verified by nobody and says nothing.
library Reports {
    uint256 private constant DELTA_ONLY = type(uint256).max; // im = mm = this

    /// Place plus one of the entry that carries the account's requirement, 0 if none. Every entry about
    /// the account, also one of delta only, must speak of the positions that it holds now.
    function placeOf(Report calldata report, bytes32 account, uint256[] memory slots)
        internal
        pure
        returns (uint256 place)
    {
        if (report.validUntil == 0) return 0;
        AccountRisk[] calldata accounts = report.accounts;
        for (uint256 i; i < accounts.length; ++i) {
            AccountRisk calldata risk = accounts[i];
            if (risk.account != account) continue;
            bytes32 hash = Ledger.hash(slots);
            if (risk.positionsAfter != hash) {
                revert IClearinghouse.StateMoved(account, risk.positionsAfter, hash);
            }
            if (place == 0 && risk.im != DELTA_ONLY) place = i + 1;
        }
    }

    /// Place plus one of the entry that carries the requirement of what the account held when it was
    /// signed, 0 if none: whatever it holds now, but no word about what a settlement would make of it.
    function standingOf(Report calldata report, bytes32 account) internal pure returns (uint256) {
        if (report.validUntil == 0) return 0;
        AccountRisk[] calldata accounts = report.accounts;
        for (uint256 i; i < accounts.length; ++i) {
            AccountRisk calldata risk = accounts[i];
            bool isStanding = risk.positionsBefore == risk.positionsAfter;
            if (risk.account == account && isStanding && risk.im != DELTA_ONLY) return i + 1;
        }
        return 0;
    }

    /// The attested delta of the account in `market`; 0 and false when nothing is said.
    function deltaOf(Report calldata report, bytes32 account, uint16 market)
        internal
        pure
        returns (int256 delta, bool isKnown)
    {
        if (report.validUntil == 0) return (0, false);
        AccountRisk[] calldata accounts = report.accounts;
        for (uint256 i; i < accounts.length; ++i) {
            AccountRisk calldata risk = accounts[i];
            if (risk.account == account && risk.market == market) return (risk.netDelta, true);
        }
        return (0, false);
    }

    function markOf(Report calldata report, uint160 instrument) internal pure returns (uint256) {
        for (uint256 i; i < report.marks.length; ++i) {
            if (report.marks[i].instrument != instrument) continue;
            uint256 price = report.marks[i].price;
            if (price > type(uint96).max) revert IClearinghouse.PriceOutOfRange(price);
            return price;
        }
        revert IClearinghouse.MarkMissing(instrument);
    }
}
