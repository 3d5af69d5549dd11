// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {FIXINGS} from "../types/Market.sol";
import {Feeds, IFeed} from "./Feeds.sol";
import {InstrumentId} from "./InstrumentId.sol";

/// Fixes the price at which a series expires: the time-weighted mean of the feed over the last half hour,
/// from rounds that a keeper names but cannot choose. Linked, not inlined: it is called once per expiry.
library Expiries {
    struct Progress {
        uint80 round; // last one counted; 0 = not begun
        uint40 time; // up to which the sum goes
        uint128 answer; // in force since then
        address feed; // that the rounds are of
        uint256 sum; // answer x seconds
    }

    struct Proposal {
        uint128 price;
        uint40 readyAt;
    }

    struct Book {
        mapping(uint256 series => uint256) price; // wad, 0 = not fixed
        mapping(uint256 series => Progress) progress;
        mapping(uint256 series => Proposal) proposal;
        mapping(uint256 series => uint256) fixing; // fixings recorded << 128 | their sum, wad
    }

    uint256 private constant TWAP = 1800 seconds;
    uint256 private constant ROUNDS_PER_CALL_MAX = 128;
    uint256 private constant FALLBACK_AFTER = 24 hours; // and as long again in public

    /// Sums up to 128 rounds and keeps what it has, so that a busy feed needs several calls. The first
    /// round is the last one at or before the window; every next id must follow, so none can be left out.
    /// A change of feed begins anew.
    function fix(Book storage book, uint16 market, uint40 expiry, uint80 firstRound, address feed)
        external
    {
        uint256 series = _open(book, market, expiry);
        Progress memory progress = book.progress[series];
        bool isBegun = progress.round != 0 && progress.feed == feed;
        if (!isBegun) progress = _begin(feed, expiry, firstRound);
        uint80 reached = progress.round;
        for (uint256 i; i < ROUNDS_PER_CALL_MAX; ++i) {
            (uint80 round, uint256 answer, uint256 time) = _next(feed, progress.round);
            if (time == 0) break;
            bool isFirst = !isBegun && i == 0;
            // the round after the first opens inside the window, or the first was not the last before it
            if (time < progress.time || (isFirst && time <= expiry - TWAP)) {
                revert IClearinghouse.FeedGap(round);
            }
            if (time >= expiry) {
                progress.sum += uint256(progress.answer) * (expiry - progress.time);
                _set(book, market, expiry, Feeds.toWad(feed, progress.sum, TWAP));
                delete book.progress[series];
                return;
            }
            progress.sum += uint256(progress.answer) * (time - progress.time);
            (progress.round, progress.time) = (round, uint40(time));
            progress.answer = uint128(answer);
        }
        if (progress.round == reached) revert IClearinghouse.FeedGap(reached);
        book.progress[series] = progress;
    }

    /// The next daily fixing of the series' Asian options, in order: the price of the round in force at
    /// that time, which is the last one at or before it, so that the next one is after it. Round 0 means
    /// the price that was fixed for that very time in the way of expiries; it counts two days later only,
    /// as long as it takes k of n to state one in public, so that whoever holds a round comes first.
    function record(Book storage book, uint16 market, uint40 expiry, uint80 round, address feed)
        external
    {
        uint256 series = InstrumentId.seriesKey(market, expiry);
        uint256 word = book.fixing[series];
        uint256 done = word >> 128;
        uint256 total = uint128(word);
        if (done == FIXINGS) revert IClearinghouse.AlreadyFixed(total / FIXINGS);
        uint40 time = uint40(expiry - (FIXINGS - 1 - done) * 1 days);
        if (block.timestamp < time) revert IClearinghouse.NotExpired(time, block.timestamp);
        total += round == 0 ? _stated(book, market, time) : _inForce(feed, round, time);
        book.fixing[series] = ++done << 128 | total;
        emit IClearinghouse.FixingRecorded(market, expiry, uint8(done), total);
    }

    function propose(Book storage book, uint16 market, uint40 expiry, uint256 price) external {
        uint256 series = _open(book, market, expiry);
        uint256 earliest = expiry + FALLBACK_AFTER;
        if (block.timestamp < earliest) {
            revert IClearinghouse.FallbackTooEarly(block.timestamp, earliest);
        }
        Proposal memory old = book.proposal[series];
        if (old.readyAt != 0) revert IClearinghouse.AlreadyProposed(old.price, old.readyAt);
        if (price == 0 || price > type(uint96).max) revert IClearinghouse.PriceOutOfRange(price);
        uint256 readyAt = block.timestamp + FALLBACK_AFTER;
        book.proposal[series] = Proposal(uint128(price), uint40(readyAt));
        emit IClearinghouse.ExpiryProposed(market, expiry, price, readyAt);
    }

    /// Rounds that turn up in the meantime win: `fix` stays open until this is called.
    function confirm(Book storage book, uint16 market, uint40 expiry) external {
        uint256 series = _open(book, market, expiry);
        Proposal memory proposal = book.proposal[series];
        if (proposal.readyAt == 0) revert IClearinghouse.NoProposal(market, expiry);
        if (block.timestamp < proposal.readyAt) {
            revert IClearinghouse.FallbackTooEarly(block.timestamp, proposal.readyAt);
        }
        delete book.proposal[series];
        _set(book, market, expiry, proposal.price);
    }

    function veto(Book storage book, uint16 market, uint40 expiry) external {
        uint256 series = InstrumentId.seriesKey(market, expiry);
        if (book.proposal[series].readyAt == 0) revert IClearinghouse.NoProposal(market, expiry);
        delete book.proposal[series];
        emit IClearinghouse.ExpiryVetoed(market, expiry);
    }

    function _open(Book storage book, uint16 market, uint40 expiry)
        private
        view
        returns (uint256 series)
    {
        series = InstrumentId.seriesKey(market, expiry);
        if (book.price[series] != 0) revert IClearinghouse.AlreadyFixed(book.price[series]);
        if (block.timestamp < expiry) revert IClearinghouse.NotExpired(expiry, block.timestamp);
    }

    function _set(Book storage book, uint16 market, uint40 expiry, uint256 price) private {
        book.price[InstrumentId.seriesKey(market, expiry)] = price;
        emit IClearinghouse.ExpiryFixed(market, expiry, price);
    }

    function _stated(Book storage book, uint16 market, uint40 time)
        private
        view
        returns (uint256 price)
    {
        uint256 earliest = time + 2 * FALLBACK_AFTER;
        if (block.timestamp < earliest) {
            revert IClearinghouse.FallbackTooEarly(block.timestamp, earliest);
        }
        price = book.price[InstrumentId.seriesKey(market, time)];
        if (price == 0) revert IClearinghouse.NoProposal(market, time);
    }

    function _inForce(address feed, uint80 round, uint40 time) private view returns (uint256) {
        (uint256 answer, uint256 begun) = _round(feed, round);
        (uint80 next,, uint256 ended) = _next(feed, round);
        if (begun == 0 || begun > time) revert IClearinghouse.FeedGap(round);
        if (ended <= time) revert IClearinghouse.FeedGap(next);
        return Feeds.toWad(feed, answer, 1);
    }

    function _begin(address feed, uint40 expiry, uint80 firstRound)
        private
        view
        returns (Progress memory)
    {
        uint256 start = expiry - TWAP;
        (uint256 answer, uint256 time) = _round(feed, firstRound);
        if (time == 0 || time > start) revert IClearinghouse.FeedGap(firstRound);
        return Progress(firstRound, uint40(start), uint128(answer), feed, 0);
    }

    /// Ids are contiguous within a phase (the upper 16 bits); only where the next id is empty may the
    /// feed have moved on to the first round of the next phase. time 0 = no such round yet.
    function _next(address feed, uint80 round)
        private
        view
        returns (uint80 next, uint256 answer, uint256 time)
    {
        next = round + 1;
        (answer, time) = _round(feed, next);
        if (time != 0) return (next, answer, time);
        next = (((round >> 64) + 1) << 64) | 1;
        (answer, time) = _round(feed, next);
    }

    /// Some aggregators revert for an unknown round, others answer zeros.
    function _round(address feed, uint80 round) private view returns (uint256, uint256) {
        try IFeed(feed).getRoundData(round) returns (
            uint80, int256 answer, uint256, uint256 time, uint80
        ) {
            bool isGood = answer > 0 && answer <= int256(uint256(type(uint128).max))
                && time <= type(uint40).max;
            return isGood ? (uint256(answer), time) : (0, 0);
        } catch {
            return (0, 0);
        }
    }
}
