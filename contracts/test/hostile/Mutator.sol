// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Leg, Mandate, OutcomeIntent} from "../../src/types/Intent.sol";
import {Item, Plan, SCHEME_MANDATE} from "../../src/types/Plan.sol";
import {Seeds} from "./Seeds.sol";

/// Changes anything in a call of `settle`: a word by one or out of all bounds, an address for
/// another actor's, a word of the language, a byte, a list. In memory every field is a word and
/// every list a list of words, so one hand reaches all of them; encoding cleans what does not fit.
abstract contract Mutator is Seeds {
    // Words of each struct that are addresses, as bits; and where its strings are.
    uint256 private constant LEG_ADDRESSES = 1 << 1;
    uint256 private constant LEG_STRINGS = 1 << 0 | 1 << 2 | 1 << 3;
    uint256 private constant INTENT_ADDRESSES = 1 << 0 | 1 << 2;
    uint256 private constant INTENT_STRINGS = 1 << 3;
    uint256 private constant INTENT_LISTS = 1 << 4 | 1 << 5;

    uint256 private _state; // of the random numbers

    /// One to three changes. What an owner, a maker or the risk signers would have to sign again is
    /// signed again by every second seed, so that odd intents are tried as much as forged ones.
    function mutant(uint256 seed) internal returns (Call memory c) {
        _state = seed;
        c = honest(_pick(KINDS));
        uint256 count = 1 + _pick(3);
        for (uint256 n; n < count; ++n) {
            _mutate(c);
        }
        c = abi.decode(abi.encode(c), (Call)); // cleans words that do not fit their type
        if (_pick(2) == 0) _signAgain(c);
        if (_pick(4) != 0) return c;
        attest(c);
    }

    function _signAgain(Call memory c) private {
        for (uint256 n; n < c.items.length; ++n) {
            Item memory item = c.items[n];
            // A receiver whose balance others move too could not be judged.
            address to = item.intent.receiver;
            bool isClean = to == address(0) || to == item.intent.owner || to == payee;
            if (isClean && item.scheme < 5 && !isSigned[factOf(item)]) _tryToSign(item);
            for (uint256 m; m < item.plan.quotes.length; ++m) {
                if (!isSigned[factOf(item.plan.quotes[m].quote)]) signQuote(item.plan, m);
            }
        }
    }

    function _tryToSign(Item memory item) private {
        bool isMandate = item.scheme == SCHEME_MANDATE;
        if (isMandate && item.signature.length < 640) return; // not a mandate any more
        try this.signedAgain(item) returns (bytes memory signature_) {
            item.signature = signature_;
        } catch {}
    }

    /// External, for a mandate that cannot be read reverts.
    function signedAgain(Item memory item) external returns (bytes memory) {
        require(msg.sender == address(this), "not for others");
        sign(item);
        return item.signature;
    }

    // ---- where

    function _mutate(Call memory c) private {
        uint256 where = _pick(16);
        if (c.items.length == 0 || where == 0) return _mutateCall(c);
        Item memory item = c.items[_pick(c.items.length)];
        if (where == 1) _mutateIntent(item.intent);
        else if (where == 2) _mutateLeg(item.intent);
        else if (where == 3) _word(_load(_pointer(item.intent), 5), _pick(8), 1);
        else if (where == 4) _mutateSignature(item);
        else if (where == 5) _mutateReport(c);
        else if (where == 6) _mutateBatch(c);
        else _mutatePlan(item.plan);
    }

    function _mutateCall(Call memory c) private {
        uint256 how = _pick(4);
        if (how == 0) c.caller = _address();
        else if (how == 1) c.wait = _pick(120);
        else if (how == 2) c.chain = 1 + _pick(2) * 31_337;
        else c.wait = 1 days - _pick(2);
    }

    function _mutateIntent(OutcomeIntent memory i) private {
        uint256 word = _pick(11);
        if (INTENT_LISTS >> word & 1 == 1) _mutateList(_pointer(i), 4);
        else if (INTENT_STRINGS >> word & 1 == 1) i.outcome = _sentence();
        else _word(_pointer(i), word, INTENT_ADDRESSES);
    }

    function _mutateLeg(OutcomeIntent memory i) private {
        if (i.legs.length == 0) return;
        uint256 leg = _pointer(i.legs[_pick(i.legs.length)]);
        uint256 word = _pick(12);
        if (LEG_STRINGS >> word & 1 == 0) return _word(leg, word, LEG_ADDRESSES);
        _store(leg, word, _pointerOf(bytes(_sentence())));
    }

    /// Pull, Step, Out, SignedQuote, Fill, residuals, then the plan's own words.
    function _mutatePlan(Plan memory p) private {
        uint256 part = _pick(9);
        if (part >= 6) return _word(_pointer(p), part, 0);
        if (_pick(3) == 0) return _mutateList(_pointer(p), part);
        uint256 list = _load(_pointer(p), part);
        uint256 length = _load(list, 0);
        if (length == 0) return;
        uint256 index = 1 + _pick(length);
        if (part == 5) return _word(list, index, type(uint256).max);
        uint256 entry = _load(list, index);
        if (part == 0) _word(entry, _pick(4), 1 << 1);
        if (part == 1) _mutateStep(entry);
        if (part == 2) _word(entry, _pick(3), 1 << 1);
        if (part == 3) _mutateQuote(entry);
        if (part == 4) _word(entry, _pick(7), 0);
    }

    function _mutateStep(uint256 step) private {
        uint256 word = _pick(7);
        if (word < 4) return _word(step, word, 1 << 0 | 1 << 1);
        _store(step, 4, _pointerOf(_bytes(_load(step, 4))));
    }

    function _mutateQuote(uint256 quote) private {
        if (_pick(4) == 0) _store(quote, 1, _pointerOf(_bytes(_load(quote, 1))));
        else _word(_load(quote, 0), _pick(9), 1 << 0 | 1 << 2);
    }

    function _mutateSignature(Item memory item) private {
        uint256 how = _pick(4);
        if (how == 0) item.scheme = uint8(_pick(7));
        else if (how == 1 && item.scheme == SCHEME_MANDATE) _mutateMandate(item);
        else item.signature = _bytes(_pointerOf(item.signature));
    }

    function _mutateMandate(Item memory item) private {
        try this.mandateIn(item.signature) returns (
            Mandate memory m, bytes memory byOwner, bytes memory byAgent
        ) {
            uint256 word = _pick(13);
            if (word == 5) m.outcomes[0] = _sentence();
            else if (word == 6) m.assets[0] = _address();
            else _word(_pointer(m), word, 1 << 0 | 1 << 2);
            item.signature = abi.encode(m, byOwner, byAgent);
        } catch {}
    }

    function mandateIn(bytes calldata signature_)
        external
        pure
        returns (Mandate memory, bytes memory, bytes memory)
    {
        return abi.decode(signature_, (Mandate, bytes, bytes));
    }

    function _mutateReport(Call memory c) private {
        uint256 how = _pick(5);
        uint256 report = _load(_pointer(c), 1);
        if (how == 0) return _word(report, _pick(3), 0);
        if (how == 1) {
            if (c.signatures.length == 0) return;
            uint256 index = _pick(c.signatures.length);
            c.signatures[index] = _bytes(_pointerOf(c.signatures[index]));
            return;
        }
        if (how == 2) return _mutateList(report, 3 + _pick(2));
        uint256 list = _load(report, how);
        uint256 length = _load(list, 0);
        if (length == 0) return;
        _word(_load(list, 1 + _pick(length)), _pick(how == 3 ? 2 : 9), 0);
    }

    /// Another item of another call, an item twice, one less, or the other way round.
    function _mutateBatch(Call memory c) private {
        if (_pick(2) == 0) return _mutateList(_pointer(c), 0);
        Item[] memory more = honest(9 + 2 * _pick(2)).items;
        c.items = both(c.items[0], more[1]);
    }

    // ---- what

    /// Adds one or removes, doubles, halves, empties, fills, flips a bit, moves by up to two percent.
    function _number(uint256 x) private returns (uint256) {
        uint256 how = _pick(10);
        unchecked {
            if (how == 0) return x + 1;
            if (how == 1) return x - 1;
            if (how == 2) return 2 * x;
            if (how == 3) return x / 2;
            if (how == 4) return 0;
            if (how == 5) return type(uint256).max;
            if (how == 6) return x ^ 1 << _pick(256);
            if (how == 7) return 0 - x;
            if (how == 8) return _pick(16);
            uint256 part = x / 10_000 * _pick(200);
            return _pick(2) == 0 ? x + part : x - part;
        }
    }

    function _address() private returns (address) {
        address[16] memory known = [
            user,
            peer,
            maker,
            solver,
            third,
            payee,
            guardian,
            address(usdc),
            address(weth),
            address(dai),
            address(pair),
            address(pool),
            address(router),
            address(settlement),
            address(house),
            PERMIT2
        ];
        return known[_pick(16)];
    }

    function _sentence() private returns (string memory) {
        string[16] memory known = [
            "token",
            "perp",
            "option",
            "collateral",
            "bridge",
            "buy",
            "sell",
            "auto",
            "deposit",
            "withdraw",
            "call",
            "put",
            "asianCall",
            "asianPut",
            "",
            "swap"
        ];
        return known[_pick(16)];
    }

    /// A copy with a bit flipped, a word changed, cut short or made longer.
    function _bytes(uint256 pointer) private returns (bytes memory copy) {
        bytes memory old;
        assembly ("memory-safe") {
            old := pointer
        }
        uint256 how = _pick(5);
        copy = bytes.concat(old, how == 0 ? new bytes(1 + _pick(64)) : bytes(""));
        if (how == 0 || copy.length == 0) return copy;
        if (how == 1) {
            uint256 length = _pick(copy.length);
            assembly ("memory-safe") {
                mstore(copy, length)
            }
        } else if (how == 2 || copy.length < 36) {
            copy[_pick(copy.length)] ^= bytes1(uint8(1 << _pick(8)));
        } else {
            // the words after a selector; of a signature it is noise all the same
            uint256 spot = 4 + 32 * _pick((copy.length - 4) / 32);
            uint256 place;
            assembly ("memory-safe") {
                place := add(add(copy, 32), spot)
            }
            _word(place, 0, _pick(2));
        }
    }

    /// One twice, one less, two exchanged.
    function _mutateList(uint256 holder, uint256 place) private {
        uint256 list = _load(holder, place);
        uint256 length = _load(list, 0);
        if (length == 0) return;
        uint256 how = _pick(3);
        uint256 index = 1 + _pick(length);
        uint256[] memory next =
            new uint256[](how == 0 ? length + 1 : how == 1 ? length - 1 : length);
        for (uint256 n; n < next.length; ++n) {
            next[n] = n < length ? _load(list, 1 + n) : _load(list, index);
        }
        if (how == 1 && index <= next.length) next[index - 1] = _load(list, length);
        if (how == 2) (next[0], next[index - 1]) = (next[index - 1], next[0]);
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := next
        }
        _store(holder, place, pointer);
    }

    /// Word `place` at `pointer`: an address for another if `addresses` says that it is one.
    function _word(uint256 pointer, uint256 place, uint256 addresses) private {
        uint256 old = _load(pointer, place);
        bool isAddress = addresses >> place & 1 == 1;
        _store(pointer, place, isAddress ? uint160(_address()) : _number(old));
    }

    // ---- memory

    function _load(uint256 pointer, uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(pointer, mul(32, place)))
        }
    }

    function _store(uint256 pointer, uint256 place, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(pointer, mul(32, place)), word)
        }
    }

    function _pointer(Call memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pointer(OutcomeIntent memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pointer(Leg memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pointer(Plan memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pointer(Mandate memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pointerOf(bytes memory x) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := x
        }
    }

    function _pick(uint256 count) private returns (uint256) {
        _state = uint256(keccak256(abi.encode(_state)));
        return _state % count;
    }
}
