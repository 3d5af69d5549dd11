// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {Market} from "../types/Market.sol";
import {Report} from "../types/Report.sol";
import {Feeds} from "./Feeds.sol";
import {Funding} from "./Funding.sol";
import {InstrumentId} from "./InstrumentId.sol";
import {Ledger} from "./Ledger.sol";
import {Pricing} from "./Pricing.sol";
import {Relay} from "./Relay.sol";
import {Reports} from "./Reports.sol";

/// Sets the hourly funding of a perp from what signers say it trades at. Linked, not inlined: no
/// settlement comes this way.
library Premiums {
    /// Takes the calldata of `Clearinghouse.pokeFunding` as it is, its report verified; behind it stand
    /// the storage slot of the state, the parameters' address and the unit.
    function pokeFunding(uint16 market, Report calldata report, bytes[] calldata) external {
        uint256 start = Relay.behind(3);
        Ledger.State storage state = Ledger.pointed(Relay.word(start, 0));
        Market memory listed =
            Pricing.listed(IParams(address(uint160(Relay.word(start, 1)))), market);
        uint256 price = Feeds.price(listed.feed, listed.heartbeat);
        uint256 stated = Reports.markOf(report, InstrumentId.perp(market));
        (int256 index, int256 perHour) =
            Funding.update(state.funding[market], stated, price, report.asOf);
        emit IClearinghouse.FundingMoved(market, index, perHour);
    }
}
