// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {Fences} from "../libraries/Fences.sol";
import {InstrumentId} from "../libraries/InstrumentId.sol";
import {PositionSlot} from "../libraries/PositionSlot.sol";
import {Reports} from "../libraries/Reports.sol";
import {Slices} from "../libraries/Slices.sol";
import {KIND_ASIAN_PUT, KIND_BASE, KIND_PUT} from "../types/Market.sol";
import {AccountRisk, Report} from "../types/Report.sol";
import {Hearing} from "./Hearing.sol";

/// What an account is worth and misses: by the feed alone, and by signers only inside what the feed
/// allows. SIMPLE suffices for safety, so nobody who passes it is ever liquidated, whatever is signed.
abstract contract Judging is Hearing {
    using InstrumentId for uint160;
    using PositionSlot for uint256;

    struct Judgement {
        int256 equity; // what a slice is priced by
        int256 maintenance; // signed margin, negative = breached; of the engine that judges
        int256 buffer; // >= 0: it holds with room
        bool isAttested; // priced by a report
        bool isOptional; // holds options: only a report says what they are worth
    }

    // for a report, before options sell by SIMPLE
    uint256 public constant REPORT_WAIT = 10 minutes; // after the last one heard
    uint256 public constant REPORT_WAIT_MAX = 1 hours; // after the start, whatever is heard
    uint256 public constant REPORT_WAIT_BANKRUPT = 24 hours;

    constructor(IParams params_, IClearinghouse house_) Hearing(params_, house_) {}

    /// By SIMPLE, and by the report where it speaks of the account.
    function _judge(bytes32 account, Report calldata report)
        internal
        view
        returns (Judgement memory judgement)
    {
        (, judgement.maintenance, judgement.equity) = house.simple(account);
        judgement.buffer = Slices.bufferOf(judgement.equity, judgement.maintenance);
        uint256[] memory slots = house.positions(account);
        judgement.isOptional = _holdsOptions(slots);
        uint256 place = Reports.placeOf(report, account, slots);
        bool isBound = !isSilent() && house.hasEnteredPortfolio(account);
        if (place == 0) {
            if (isBound && judgement.buffer < 0) revert ReportNeeded(account, type(uint256).max);
            return judgement;
        }
        (int256 equity, int256 maintenance) = _attested(account, report.accounts[place - 1]);
        (judgement.equity, judgement.isAttested) = (equity, true);
        int256 buffer = Slices.bufferOf(equity, maintenance);
        if (!isBound || buffer <= judgement.buffer) return judgement;
        (judgement.maintenance, judgement.buffer) = (maintenance, buffer);
    }

    /// Equity and signed maintenance margin by the signers, inside the fence of the feed.
    function _attested(bytes32 account, AccountRisk calldata risk)
        internal
        view
        returns (int256 equity, int256 maintenance)
    {
        (int256 linear, int256 least, int256 most, uint256 floor) = house.exposureOf(account);
        equity = linear + Fences.clamp(risk.optionsMtm, least, most);
        uint256 asked = risk.mm > uint128(type(int128).max) ? uint128(type(int128).max) : risk.mm;
        maintenance = equity - int256(asked > floor ? asked : floor);
    }

    /// The side of the market where the account has most at stake: where deleveraging looks for whoever
    /// won what it lost.
    function _sideOf(bytes32 account) internal view returns (uint16 market, int8 side) {
        uint256[] memory slots = house.positions(account);
        uint256 most;
        for (uint256 i; i < slots.length; ++i) {
            uint160 instrument = slots[i].instrumentOf();
            if (instrument.isBase() || instrument.marketOf() == market) continue;
            (int256 net,) = _netOf(slots, instrument.marketOf());
            uint256 stake = uint256(net < 0 ? -net : net) * house.mark(instrument.marketOf());
            if (market != 0 && stake <= most) continue;
            (market, most) = (instrument.marketOf(), stake);
            side = net < 0 ? int8(-1) : net > 0 ? int8(1) : int8(0);
        }
    }

    /// Net contracts in `market` (0: in all), puts counted negative, and whether there are any at all.
    function _netOf(uint256[] memory slots, uint16 market)
        internal
        pure
        returns (int256 net, bool isAny)
    {
        for (uint256 i; i < slots.length; ++i) {
            uint256 kind = slots[i].kindOf();
            if (kind == KIND_BASE || (market != 0 && slots[i].marketOf() != market)) continue;
            bool isPut = kind == KIND_PUT || kind == KIND_ASIAN_PUT;
            net += isPut ? -slots[i].quantityOf() : slots[i].quantityOf();
            isAny = true;
        }
    }

    function _holdsOptions(uint256[] memory slots) private pure returns (bool) {
        for (uint256 i; i < slots.length; ++i) {
            if (slots[i].expiryOf() != 0) return true;
        }
        return false;
    }
}
