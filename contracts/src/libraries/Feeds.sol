// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";

/// Chainlink's AggregatorV3, the part that is read.
interface IFeed {
    function decimals() external view returns (uint8);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
    function getRoundData(uint80 round)
        external
        view
        returns (uint80, int256, uint256, uint256, uint80);
}

/// Turns a feed's answer into a wad price, or refuses: old, zero and negative answers price nothing.
library Feeds {
    function price(address feed, uint256 heartbeat) internal view returns (uint256) {
        (, int256 answer,, uint256 updatedAt,) = IFeed(feed).latestRoundData();
        bool isFresh = updatedAt <= block.timestamp && block.timestamp <= updatedAt + heartbeat;
        if (answer <= 0 || !isFresh) revert IClearinghouse.FeedStale(feed, answer, updatedAt);
        return toWad(feed, uint256(answer), 1);
    }

    /// Sum of answers over their weight, as a wad, down. Margin sums rely on prices below 2^96.
    function toWad(address feed, uint256 sum, uint256 weight) internal view returns (uint256 wad) {
        if (sum > type(uint160).max) revert IClearinghouse.PriceOutOfRange(sum);
        uint256 decimals = IFeed(feed).decimals();
        wad = decimals <= 18
            ? sum * 10 ** (18 - decimals) / weight
            : sum / 10 ** (decimals - 18) / weight;
        if (wad == 0 || wad > type(uint96).max) revert IClearinghouse.PriceOutOfRange(wad);
    }
}
