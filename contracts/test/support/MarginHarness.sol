// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MarginRules} from "../../src/MarginRules.sol";
import {Fences} from "../../src/libraries/Fences.sol";

/// Opens the internal library to a caller, many portfolios at once, so that the off-chain engine can be
/// held against it to the atom.
contract MarginHarness {
    /// One account: the book as the Clearinghouse builds it, and its cash in atoms.
    struct Portfolio {
        MarginRules.Book book;
        int256 cash;
    }

    /// Per account: initial, maintenance, equity and risk in atoms, rounded as the Clearinghouse does.
    function figures(Portfolio[] calldata accounts, uint256 unit, uint256 time)
        external
        pure
        returns (int256[4][] memory out)
    {
        out = new int256[4][](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            MarginRules.Margin memory margin = MarginRules.simple(accounts[i].book, time);
            int256 cash = accounts[i].cash;
            out[i][0] = cash + MarginRules.toAtoms(margin.initial, unit);
            out[i][1] = cash + MarginRules.toAtoms(margin.maintenance, unit);
            out[i][2] = cash + MarginRules.toAtoms(margin.equity, unit);
            out[i][3] = MarginRules.toAtomsUp(margin.risk, unit);
        }
    }

    /// Per account what a report's options value and requirement count as, in atoms: equity,
    /// requirement, and the requirement by the fence without time value. As `Gate._weigh` does.
    function fences(
        Portfolio[] calldata accounts,
        int256[] calldata options,
        uint256[] calldata required,
        uint256 unit,
        uint256 time
    ) external pure returns (int256[3][] memory out) {
        out = new int256[3][](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            Fences.Fence memory limit = Fences.fence(accounts[i].book, time);
            int256 counted = Fences.clamp(
                options[i],
                MarginRules.toAtoms(limit.optionsMin, unit),
                MarginRules.toAtoms(limit.optionsMax, unit)
            );
            out[i][0] = accounts[i].cash + MarginRules.toAtoms(limit.linear, unit) + counted;
            out[i][1] = Fences.atLeastFloor(required[i], limit.floor, unit);
            limit = Fences.exposure(accounts[i].book);
            out[i][2] = Fences.atLeastFloor(required[i], limit.floor, unit);
        }
    }

    function bands(
        uint160[] calldata instruments,
        MarginRules.MarketView calldata market,
        uint256 time
    ) external pure returns (uint256[2][] memory out) {
        out = new uint256[2][](instruments.length);
        for (uint256 i; i < instruments.length; ++i) {
            (out[i][0], out[i][1]) = Fences.band(instruments[i], market, time);
        }
    }

    /// Of Asian options, with the word of recorded fixings of each one's series.
    function asianBands(
        uint160[] calldata instruments,
        uint256[] calldata fixings,
        MarginRules.MarketView calldata market,
        uint256 time
    ) external pure returns (uint256[2][] memory out) {
        out = new uint256[2][](instruments.length);
        for (uint256 i; i < instruments.length; ++i) {
            (out[i][0], out[i][1]) = Fences.bandOfAsian(instruments[i], fixings[i], market, time);
        }
    }
}
