// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Mandate, OutcomeIntent, Quote} from "../types/Intent.sol";
import {Item} from "../types/Plan.sol";
import {Report} from "../types/Report.sol";

/// Authorise, pull exactly, route, measure, check every signed bound, trade, gate: everything or
/// nothing.
interface ISettlement {
    event Settled(
        bytes32 indexed digest,
        address indexed owner,
        address indexed solver,
        uint256 fraction,
        int256 netCost,
        uint256 fee
    );
    event Cancelled(address indexed owner, uint256 nonce);
    event EpochRaised(address indexed owner, uint256 epoch);
    event Presigned(address indexed owner, bytes32 indexed digest);
    event MandateRevoked(address indexed owner, bytes32 indexed digest);

    // ---- who and when
    error NotSolver(address caller);
    error NotSealed();
    error RiskPaused();
    error SunsetPassed(uint256 sunset);
    error TooEarly(uint256 validFrom);
    error TooLate(uint256 validTo);
    error OneIntentPerAccount(bytes32 account);

    // ---- authority
    error EpochStale(address signer, uint256 epoch);
    error NonceUsed(address signer, uint256 nonce);
    error BadSignature(address signer);
    error UnknownScheme(uint8 scheme);
    /// `rule` names the field of the mandate that does not cover the intent.
    error ScopeExceeded(bytes32 rule, uint256 wanted, uint256 granted);

    // ---- partial fills
    error Overfilled(uint256 filled, uint256 fraction);
    error NotPartial(uint256 fraction);
    error PartialDelta(uint256 tolerance);

    // ---- tokens and steps
    error TokenNotListed(address token);
    error TokenMismatch(uint256 leg, address token);
    error WalletPullNeedsPermit2(uint256 leg);
    error ReceiverMissing();
    error TargetNotAllowed(address target, bytes4 selector);
    error NotExact(address token, uint256 expected, uint256 received);
    error RouterNotEmpty(address token, uint256 held, uint256 left);

    // ---- quotes
    error QuoteTerms(uint256 fill);
    error QuoteExpired(uint256 validTo);
    error SelfTrade(uint256 fill);

    // ---- signed bounds
    error WrongChain(uint256 leg, uint256 chainId);
    error LegKind(uint256 leg);
    error LegSide(uint256 leg);
    error LegRange(uint256 leg, uint160 instrument);
    error LegPrice(uint256 leg, uint256 price, uint256 limit);
    error LegQuantity(uint256 leg, uint256 quantity);
    error Unbounded(uint256 leg);
    error NotQuoteToken(address settlementToken);
    error MarkMissing(uint160 instrument);
    error NetCost(int256 cost, int256 limit);
    error Slippage(int256 loss, uint256 limit);
    error FeeTooHigh(uint256 fee, uint256 limit);
    error MarginUsed(int256 rise, uint256 limit);
    error HealthTooLow(uint256 health, uint256 limit);
    error DeltaUnattested(bytes32 account);
    error DeltaOutside(int256 delta, int256 target, uint256 tolerance);

    function settle(Item[] calldata items, Report calldata report, bytes[] calldata signatures)
        external;
    function cancel(uint256 nonce) external;
    function cancelAll() external;
    function presign(bytes32 digest) external;
    function revoke(bytes32 mandateDigest) external;

    function digestOf(OutcomeIntent calldata intent) external view returns (bytes32);
    function quoteDigest(Quote calldata quote) external view returns (bytes32);
    function mandateDigest(Mandate calldata mandate) external view returns (bytes32);
    function epoch(address owner) external view returns (uint256);
    function isNonceUsed(address owner, uint256 nonce) external view returns (bool);
    /// Share of 1e18 of the partially fillable intent under this nonce that is done.
    function filled(address owner, uint256 nonce) external view returns (uint256);
    function presigned(address owner, bytes32 digest) external view returns (bool);
    /// What a mandate spent: day(32) | notional(112) | loss(112), quote atoms; all ones = revoked.
    function metered(address owner, bytes32 mandateDigest_) external view returns (uint256);
    function router() external view returns (address);
    function clearinghouse() external view returns (address);
    function sunset() external view returns (uint256);
}
