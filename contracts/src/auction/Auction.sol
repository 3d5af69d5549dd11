// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IParams} from "../interfaces/IParams.sol";
import {AccountId} from "../libraries/AccountId.sol";
import {Relay} from "../libraries/Relay.sol";
import {Reports} from "../libraries/Reports.sol";
import {Slices} from "../libraries/Slices.sol";
import {Report} from "../types/Report.sol";
import {Arithmetic} from "./Arithmetic.sol";
import {Deleveraging} from "./Deleveraging.sol";

/// Liquidation in public: a slice of everything the account has, at a price that falls until somebody
/// takes it, and no more of it than restores the account. It holds no money; the clearinghouse lets it
/// move that of frozen accounts only.
contract Auction is Arithmetic, Deleveraging {
    uint256 public constant REPORTS_APART = 10 seconds;
    uint256 public constant WARNING_TIME = 10 minutes; // between the two reports at most
    uint256 public constant MOVED_TIME = 30 seconds; // how old a report on positions that moved may be
    uint256 public constant UNSOLD_TIME = 10 minutes; // before what nobody bought is given away
    uint256 public constant FRACTION_MIN = 0.01e18; // of an account, if that much is for sale

    mapping(bytes32 account => Sale) private _sale;
    mapping(bytes32 account => uint256 asOf) private _warnedAt;
    uint256 public insolvent;

    constructor(IParams params_, IClearinghouse house_) Deleveraging(params_, house_) {}

    // ---- starting and ending

    function start(bytes32 account, Report calldata report, bytes[] calldata signatures) external {
        if (_sale[account].startedAt != 0) revert AuctionRunning(account);
        _listen(report, signatures);
        (, int256 maintenance,) = house.simple(account);
        if (maintenance >= 0) revert NotLiquidatable(account, maintenance, 0);
        int256 equity;
        if (!isSilent() && house.hasEnteredPortfolio(account)) {
            bool isConfirmed;
            (isConfirmed, equity) = _confirm(account, maintenance, report);
            if (!isConfirmed) return;
        } else {
            equity = _judge(account, report).equity;
        }
        house.setFrozen(account, true);
        Sale storage sale = _sale[account];
        (sale.market, sale.side) = _sideOf(account);
        sale.startedAt = uint40(block.timestamp);
        sale.unsold = int128(house.cashOf(account));
        emit AuctionStarted(
            account, msg.sender, sale.market, sale.side, equity, maintenance, sale.unsold
        );
    }

    function end(bytes32 account, Report calldata report, bytes[] calldata signatures) external {
        _running(account);
        _listen(report, signatures);
        if (house.positions(account).length == 0) {
            int256 cash = house.cashOf(account);
            if (cash < 0) revert StillBreached(account, cash);
            _declare(account, 0, 0, 0); // the owner paid: nobody else has to
            return _end(account, cash, cash);
        }
        Judgement memory judgement = _judge(account, report);
        if (judgement.buffer < 0) revert StillBreached(account, judgement.buffer);
        _end(account, judgement.equity, judgement.buffer);
    }

    function bankrupt(bytes32 account, Report calldata report, bytes[] calldata signatures)
        external
    {
        Sale memory sale = _running(account);
        _listen(report, signatures);
        Judgement memory judgement = _judge(account, report);
        uint256 price = Slices.priceAt(block.timestamp - sale.startedAt);
        bool isBankrupt = judgement.equity <= 0 || price == 0;
        if (isBankrupt && judgement.buffer >= 0) revert Restored(account, judgement.buffer);
        if (!isBankrupt && sale.bankruptAt == 0) {
            revert NotBankrupt(account, judgement.equity, price);
        }
        if (isBankrupt) {
            _requirePriced(account, sale, judgement, true);
            _bankrupt(account, sale, judgement);
        } else {
            (sale.bankruptAt, sale.insolvent) = (0, _moveInsolvent(sale.insolvent, 0));
        }
        _sale[account] = sale;
    }

    // ---- bids

    function bid(
        bytes32 account,
        uint256 fraction,
        uint64 subaccount,
        int256 maxPay,
        Report calldata report,
        bytes[] calldata signatures
    ) external returns (uint256 taken, int256 paid) {
        if (fraction == 0 || fraction > Slices.WAD) {
            revert FractionOutOfRange(fraction);
        }
        _listen(report, signatures);
        Slice memory slice;
        (slice.account, slice.fraction) = (account, fraction);
        slice.bidder = AccountId.encode(msg.sender, subaccount);
        _cut(slice, report);
        if (slice.paid > maxPay) revert PayMoreThan(slice.paid, maxPay);
        _hand(slice, report, signatures);
        return (slice.fraction, slice.paid);
    }

    // ---- the fund

    function absorb(bytes32 account) external returns (uint256 id) {
        Sale memory sale = _running(account);
        if (house.positions(account).length != 0) revert HasPositions(account);
        int256 cash = house.cashOf(account);
        if (cash >= 0) revert NoDebt(account, cash);
        uint256 debt = uint256(-cash);
        uint256 paid = _available(debt);
        if (paid != 0) house.settleFund(account, int256(paid));
        id = _declare(account, sale.market, sale.side, debt - paid);
        _sale[account].insolvent = _moveInsolvent(sale.insolvent, debt - paid);
        emit Absorbed(account, paid, id, debt - paid);
        if (paid == debt) _end(account, 0, 0);
    }

    // ---- views

    function saleOf(bytes32 account) external view returns (Sale memory) {
        return _sale[account];
    }

    // ---- inside

    /// What one bid moves.
    struct Slice {
        bytes32 account;
        bytes32 bidder;
        uint256 fraction;
        uint256 price;
        int256 share; // of the account's cash
        int256 paid;
        uint256 fee;
        uint256 covered; // by the fund
    }

    function _cut(Slice memory slice, Report calldata report) private {
        bytes32 account = slice.account;
        Sale memory sale = _running(account);
        Judgement memory judgement = _judge(account, report);
        if (judgement.buffer >= 0) revert Restored(account, judgement.buffer);
        slice.price = Slices.priceAt(block.timestamp - sale.startedAt);
        bool isBankrupt = judgement.equity <= 0 || slice.price == 0;
        _requirePriced(account, sale, judgement, isBankrupt);
        if (isBankrupt) _offer(sale, judgement, slice);
        else _sell(sale, judgement, slice);
        _sale[account] = sale;
    }

    /// Whoever may have positions that SIMPLE misjudges is asked about twice. Positions may have moved
    /// since, if the report is young: else an owner who deposits dust in every block is never caught.
    function _confirm(bytes32 account, int256 maintenance, Report calldata report)
        private
        returns (bool isConfirmed, int256 equity)
    {
        bool isYoung = block.timestamp <= report.asOf + MOVED_TIME;
        uint256 place = isYoung ? Reports.standingOf(report, account) : 0;
        if (place == 0) place = Reports.placeOf(report, account, house.positions(account));
        if (place == 0) revert ReportNeeded(account, type(uint256).max);
        int256 attested;
        (equity, attested) = _attested(account, report.accounts[place - 1]);
        if (attested >= 0) revert NotLiquidatable(account, maintenance, attested);
        uint256 first = _warnedAt[account];
        if (first != 0 && report.asOf <= first + WARNING_TIME) {
            isConfirmed = report.asOf >= first + REPORTS_APART;
            if (isConfirmed) delete _warnedAt[account];
            return (isConfirmed, equity);
        }
        _warnedAt[account] = report.asOf;
        emit Warned(account, house.positionsHash(account), report.asOf);
    }

    /// While the signers speak, options are sold at what they say. Without them an account waits ten
    /// minutes, and one that they leave out an hour; if it is bankrupt, which costs others, a day.
    function _requirePriced(
        bytes32 account,
        Sale memory sale,
        Judgement memory judgement,
        bool isBankrupt
    ) private view {
        if (judgement.isAttested || !judgement.isOptional || isSilent()) return;
        uint256 most = sale.startedAt + (isBankrupt ? REPORT_WAIT_BANKRUPT : REPORT_WAIT_MAX);
        uint256 until = (heard > sale.startedAt ? heard : sale.startedAt) + REPORT_WAIT;
        if (isBankrupt || until > most) until = most;
        if (block.timestamp < until) revert ReportNeeded(account, until);
    }

    function _sell(Sale memory sale, Judgement memory judgement, Slice memory slice) private {
        int256 cash = house.cashOf(slice.account);
        int256 unsold = sale.unsold < cash ? int256(sale.unsold) : cash;
        if (judgement.equity <= cash - unsold) unsold = cash;
        int256 reserved = cash - unsold;
        uint256 most = Slices.sliceOf(judgement.buffer, judgement.equity, reserved, slice.price);
        _requireWhole(slice.fraction, most);
        if (slice.fraction > most) slice.fraction = most;
        slice.share = Slices.share(unsold, slice.fraction);
        slice.paid = Slices.paymentOf(judgement.equity, reserved, slice.fraction, slice.price);
        slice.fee = Slices.feeOf(slice.paid);
        sale.unsold = int128(unsold - slice.share);
        (sale.bankruptAt, sale.insolvent) = (0, _moveInsolvent(sale.insolvent, 0));
    }

    function _offer(Sale memory sale, Judgement memory judgement, Slice memory slice) private {
        bool isNew = sale.bankruptAt == 0 || block.timestamp < sale.bankruptAt + UNSOLD_TIME;
        if (judgement.equity > 0 && isNew) {
            revert NotBankrupt(slice.account, judgement.equity, slice.price);
        }
        _requireWhole(slice.fraction, Slices.WAD);
        if (sale.bankruptAt == 0) _bankrupt(slice.account, sale, judgement);
        slice.price = 0;
        int256 cash = house.cashOf(slice.account);
        slice.share = Slices.share(cash, slice.fraction);
        int256 equity = _atMost(slice.account, judgement);
        uint256 payout = Slices.payoutOf(
            equity, judgement.maintenance, slice.fraction, block.timestamp - sale.bankruptAt
        );
        slice.covered = _available(payout);
        uint256 owed = Slices.part(equity < 0 ? uint256(-equity) : 0, slice.fraction);
        if (payout - slice.covered < owed) owed = payout - slice.covered;
        slice.paid = -int256(slice.covered + owed);
        sale.unsold = int128(cash - slice.share - int256(owed));
        uint256 missing = sale.insolvent - Slices.part(sale.insolvent, slice.fraction) + owed;
        sale.insolvent = _moveInsolvent(sale.insolvent, missing);
    }

    /// Every slice voids the reports that other bidders come with: crumbs must not keep them out until
    /// the price is low.
    function _requireWhole(uint256 fraction, uint256 most) private pure {
        if (fraction < FRACTION_MIN && fraction < most) revert FractionOutOfRange(fraction);
    }

    /// What others pay for begins with what is lost for sure: without a report options may be worth more
    /// than SIMPLE says. Bidders then take the account when the offer suits them.
    function _atMost(bytes32 account, Judgement memory judgement) private view returns (int256) {
        if (judgement.isAttested || !judgement.isOptional) return judgement.equity;
        (int256 linear,, int256 most,) = house.exposureOf(account);
        return linear + most > judgement.equity ? linear + most : judgement.equity;
    }

    function _hand(Slice memory slice, Report calldata report, bytes[] calldata signatures)
        private
    {
        if (slice.covered != 0) house.settleFund(slice.account, int256(slice.covered));
        uint256[] memory head = new uint256[](6);
        (head[0], head[1], head[2]) =
        (uint256(slice.account), uint256(slice.bidder), slice.fraction);
        head[3] = uint256(slice.share - slice.paid);
        Relay.pass(address(house), IClearinghouse.seize.selector, head, 4, report, signatures);
        if (slice.fee != 0) house.settleFund(slice.account, -int256(slice.fee));
        emit Bid(
            slice.account,
            slice.bidder,
            slice.fraction,
            slice.price,
            slice.paid,
            slice.fee,
            slice.covered
        );
    }

    function _bankrupt(bytes32 account, Sale memory sale, Judgement memory judgement) private {
        uint256 missing = judgement.maintenance < 0 ? uint256(-judgement.maintenance) : 0;
        sale.insolvent = _moveInsolvent(sale.insolvent, missing);
        if (sale.bankruptAt != 0) return;
        sale.bankruptAt = uint40(block.timestamp);
        emit Bankrupted(account, judgement.equity, judgement.maintenance);
    }

    function _end(bytes32 account, int256 equity, int256 buffer) private {
        _moveInsolvent(_sale[account].insolvent, 0);
        delete _sale[account];
        house.setFrozen(account, false);
        emit AuctionEnded(account, equity, buffer);
    }

    function _repaid(bytes32 account) internal override {
        int256 cash = house.cashOf(account);
        _end(account, cash, cash);
    }

    /// One account's share of what all miss; the clearinghouse hears of every change.
    function _moveInsolvent(uint256 before, uint256 afterwards) private returns (uint128) {
        if (before != afterwards) {
            insolvent = insolvent - before + afterwards;
            house.setInsolvent(insolvent);
        }
        return uint128(afterwards);
    }

    function _available(uint256 wanted) private view returns (uint256) {
        int256 fund = house.cashOf(house.insuranceAccount());
        if (fund <= 0) return 0;
        return uint256(fund) < wanted ? uint256(fund) : wanted;
    }

    function _running(bytes32 account) private view returns (Sale memory sale) {
        sale = _sale[account];
        if (sale.startedAt == 0) revert NoAuction(account);
    }
}
