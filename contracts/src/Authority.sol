// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {Verdict} from "./Checks.sol";
import {Warrant} from "./Execution.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Budget, Mandates} from "./libraries/Mandates.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Mandate, OutcomeIntent, Quote} from "./types/Intent.sol";
import {
    Fill,
    Item,
    Plan,
    SCHEME_EIP1271,
    SCHEME_EIP712,
    SCHEME_MANDATE,
    SCHEME_PERMIT2,
    SCHEME_PRESIGN,
    SOLVER_ACCOUNT,
    SignedQuote
} from "./types/Plan.sol";

/// Who may do what, how often: nonces, epochs, fills, presignatures, quotes and mandates. A nonce
/// authorises at most once over every scheme, and it is spent before anything else is called.
abstract contract Authority is ISettlement, EIP712 {
    using TransientSlot for bytes32;
    using TransientSlot for TransientSlot.Uint256Slot;

    uint256 private constant WHOLE = 1e18;
    uint256 private constant QUOTE_SECONDS_MAX = 60;
    uint256 private constant REVOKED = type(uint256).max;

    mapping(address owner => uint256) public epoch;
    mapping(address owner => mapping(uint256 word => uint256)) private _spent;
    /// Of a partially fillable intent: digest(192) | share of 1e18 done (64). The nonce is spent
    /// with the first part; the rest belongs to that digest alone, until a cancel clears it.
    mapping(address owner => mapping(uint256 nonce => uint256)) private _parts;
    mapping(address owner => mapping(bytes32 digest => bool)) public presigned;
    mapping(address owner => mapping(bytes32 mandate => uint256)) public metered;

    constructor() EIP712("Solvent", "1") {}

    // ---- owners: none of these can be paused

    function cancel(uint256 nonce) external {
        uint256 parts = _parts[msg.sender][nonce];
        if (_isUnderWay(parts)) _parts[msg.sender][nonce] = uint64(parts);
        else _spendNonce(msg.sender, nonce);
        emit Cancelled(msg.sender, nonce);
    }

    function cancelAll() external {
        emit EpochRaised(msg.sender, ++epoch[msg.sender]);
    }

    function presign(bytes32 digest) external {
        presigned[msg.sender][digest] = true;
        emit Presigned(msg.sender, digest);
    }

    function revoke(bytes32 mandate) external {
        metered[msg.sender][mandate] = REVOKED;
        emit MandateRevoked(msg.sender, mandate);
    }

    // ---- views

    function isNonceUsed(address owner, uint256 nonce) external view returns (bool) {
        return _isSpent(owner, nonce) && !_isUnderWay(_parts[owner][nonce]);
    }

    function filled(address owner, uint256 nonce) external view returns (uint256) {
        return uint64(_parts[owner][nonce]);
    }

    function digestOf(OutcomeIntent calldata intent) external view returns (bytes32) {
        return _hashTypedDataV4(TypedData.hash(intent));
    }

    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.hash(quote));
    }

    function mandateDigest(Mandate calldata mandate) external view returns (bytes32) {
        return _hashTypedDataV4(TypedData.hash(mandate));
    }

    // ---- intents

    /// Steps 2 to 4. Under permit2 the signature is proved by the pull itself, which comes next.
    function _authorise(Item calldata item) internal returns (Warrant memory) {
        OutcomeIntent calldata intent = item.intent;
        (address owner, uint8 scheme) = (intent.owner, item.scheme);
        bytes32 structHash = TypedData.hash(intent);
        bytes32 digest = _hashTypedDataV4(structHash);
        uint256 fraction = item.plan.fraction;
        _spendIntent(intent, digest, fraction, scheme);
        Budget memory budget;
        if (scheme == SCHEME_EIP712 || scheme == SCHEME_EIP1271) {
            _requireSigned(owner, digest, item.signature);
        } else if (scheme == SCHEME_PRESIGN) {
            if (!presigned[owner][digest]) revert BadSignature(owner);
        } else if (scheme == SCHEME_MANDATE) {
            budget = Mandates.verify(intent, item.signature, digest, _domainSeparatorV4());
            // the intent's epoch is the owner's
            if (budget.nonce >> 192 != intent.nonce >> 192) {
                revert EpochStale(owner, budget.nonce >> 192);
            }
            _requireUnspent(owner, budget.nonce);
        } else if (scheme != SCHEME_PERMIT2) {
            revert UnknownScheme(scheme);
        }
        return Warrant(digest, structHash, fraction, scheme == SCHEME_MANDATE, budget);
    }

    /// Time, epoch, and the nonce or the fraction, written before any call.
    function _spendIntent(
        OutcomeIntent calldata intent,
        bytes32 digest,
        uint256 fraction,
        uint8 scheme
    ) private {
        if (block.timestamp < intent.validFrom) revert TooEarly(intent.validFrom);
        if (block.timestamp > intent.validTo) revert TooLate(intent.validTo);
        (address owner, uint256 nonce) = (intent.owner, intent.nonce);
        _requireEpoch(owner, nonce);
        if (!intent.partiallyFillable) {
            if (fraction != WHOLE) revert NotPartial(fraction);
            _spendNonce(owner, nonce);
            return;
        }
        // Permit2 spends its nonce at once; an absolute target cannot hold at a tenth of the way.
        if (scheme == SCHEME_PERMIT2) revert NotPartial(fraction);
        if (intent.limits.deltaTolerance != type(uint256).max) {
            revert PartialDelta(intent.limits.deltaTolerance);
        }
        _spendPart(owner, nonce, digest, fraction);
    }

    function _spendPart(address owner, uint256 nonce, bytes32 digest, uint256 fraction) private {
        uint256 parts = _parts[owner][nonce];
        if (parts == 0) {
            _spendNonce(owner, nonce);
            parts = uint256(digest) & ~uint256(type(uint64).max);
        }
        if (parts >> 64 != uint256(digest) >> 64) revert NonceUsed(owner, nonce);
        uint256 before = uint64(parts);
        if (fraction == 0 || fraction > WHOLE - before) revert Overfilled(before, fraction);
        _parts[owner][nonce] = parts + fraction;
    }

    /// Counts what was traded against the mandate's day.
    function _meter(address owner, Budget memory budget, Verdict memory verdict, uint256 fee)
        internal
    {
        uint256 lost = fee + (verdict.loss > 0 ? uint256(verdict.loss) : 0);
        mapping(bytes32 mandate => uint256) storage days_ = metered[owner];
        uint256 word = days_[budget.mandate];
        days_[budget.mandate] = Mandates.meter(word, budget, verdict.traded, lost);
    }

    // ---- quotes

    function _takeQuotes(Plan calldata plan) internal {
        Fill[] calldata fills = plan.fills;
        uint256 length = fills.length;
        if (length == 0) return;
        SignedQuote[] calldata quotes = plan.quotes;
        for (uint256 i; i < length; ++i) {
            Fill calldata fill = fills[i];
            uint256 index = fill.quoteIndex;
            if (index != SOLVER_ACCOUNT) _take(quotes[index], fill, i);
        }
    }

    /// Takes `fill` out of a maker's quote. The first fill of a transaction spends the nonce and
    /// proves the signature; what is left of the quote afterwards dies with the transaction.
    function _take(SignedQuote calldata signed, Fill calldata fill, uint256 index) private {
        Quote calldata quote = signed.quote;
        int256 quantity = fill.quantity;
        if (
            quote.solver != msg.sender || quote.instrument != fill.instrument
                || quote.price != fill.price || quote.makerSells != (quantity > 0)
        ) revert QuoteTerms(index);
        bytes32 digest = _hashTypedDataV4(TypedData.hash(quote));
        TransientSlot.Uint256Slot slot = digest.asUint256();
        uint256 taken = slot.tload();
        if (taken == 0) _open(signed, digest);
        taken += SignedMath.abs(quantity);
        if (taken > quote.maxQuantity) revert QuoteTerms(index);
        slot.tstore(taken);
    }

    function _open(SignedQuote calldata signed, bytes32 digest) private {
        Quote calldata quote = signed.quote;
        // A quote good for longer than a few blocks is a free option against its maker.
        uint256 validTo = quote.validTo;
        if (validTo < block.timestamp || validTo > block.timestamp + QUOTE_SECONDS_MAX) {
            revert QuoteExpired(quote.validTo);
        }
        (address maker, uint256 nonce) = (quote.maker, quote.nonce);
        _requireEpoch(maker, nonce);
        _spendNonce(maker, nonce);
        _requireSigned(maker, digest, signed.signature);
    }

    // ---- nonces and signatures

    function _requireEpoch(address signer, uint256 nonce) private view {
        if (nonce >> 192 != epoch[signer]) revert EpochStale(signer, nonce >> 192);
    }

    function _requireUnspent(address signer, uint256 nonce) private view {
        if (_isSpent(signer, nonce)) revert NonceUsed(signer, nonce);
    }

    function _isSpent(address signer, uint256 nonce) private view returns (bool) {
        return _spent[signer][nonce >> 8] >> (nonce & 0xff) & 1 == 1;
    }

    function _isUnderWay(uint256 parts) private pure returns (bool) {
        return parts >> 64 != 0 && uint64(parts) != WHOLE;
    }

    function _spendNonce(address signer, uint256 nonce) private {
        mapping(uint256 word => uint256) storage spent = _spent[signer];
        uint256 word = spent[nonce >> 8];
        uint256 bit = 1 << (nonce & 0xff);
        if (word & bit != 0) revert NonceUsed(signer, nonce);
        spent[nonce >> 8] = word | bit;
    }

    function _accountOf(OutcomeIntent calldata intent) internal pure returns (bytes32) {
        return AccountId.encode(intent.owner, intent.subaccount);
    }

    function _requireSigned(address signer, bytes32 digest, bytes calldata signature) private view {
        if (!Signatures.isSignedBy(signer, digest, signature)) revert BadSignature(signer);
    }
}
