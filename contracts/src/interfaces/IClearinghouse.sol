// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Outcome, Trade} from "../types/Plan.sol";
import {Report} from "../types/Report.sol";

/// Collateral, positions, margin gate, funding and expiry. The events alone rebuild every account slot.
/// Quantities of perps and options are 1e18 integers; a base position counts atoms of its token.
interface IClearinghouse {
    /// `cash` = atoms `a` paid to `b` (negative: received).
    event Traded(
        bytes32 indexed a,
        bytes32 indexed b,
        uint160 indexed instrument,
        int96 quantity,
        uint256 price,
        int256 cash
    );
    event CashMoved(bytes32 indexed account, int256 amount);
    event BaseMoved(bytes32 indexed account, uint160 indexed instrument, int256 quantity);
    /// `total` = sum of the `done` first fixings of the series' Asian options, wad.
    event FixingRecorded(uint16 indexed market, uint40 indexed expiry, uint8 done, uint256 total);
    event ExpiryFixed(uint16 indexed market, uint40 indexed expiry, uint256 price);
    event ExpirySettled(
        bytes32 indexed account,
        uint160 indexed instrument,
        int96 quantity,
        uint256 price,
        int256 cash
    );
    event FundingMoved(uint16 indexed market, int256 index, int256 hourlyRate);
    event WithdrawalRequested(
        bytes32 indexed account, address token, uint256 amount, uint256 readyAt
    );
    event WithdrawalCancelled(bytes32 indexed account, address token);
    event ExpiryProposed(
        uint16 indexed market, uint40 indexed expiry, uint256 price, uint256 readyAt
    );
    event ExpiryVetoed(uint16 indexed market, uint40 indexed expiry);
    event Frozen(bytes32 indexed account, bool frozen);
    /// The account passed an attested gate for the first time.
    event PortfolioEntered(bytes32 indexed account);
    /// A liquidation moved `quantity` of a position (base too) from one account to the other.
    event Seized(
        bytes32 indexed from, bytes32 indexed to, uint160 indexed instrument, int96 quantity
    );

    // ---- who
    error NotSealed();
    error NotSettlement(address caller);
    error NotOwner(address caller);
    error NotGuardian(address caller);
    error NotAuction(address caller);
    error AccountFrozen(bytes32 account);
    error NotFrozen(bytes32 account);
    error SettlementUnderway();
    // ---- tokens
    error ZeroAmount();
    error TokenNotListed(address token);
    error NoMarket(uint16 market);
    error NotExact(uint256 expected, uint256 received);
    error InsufficientCollateral(address token, int256 held, uint256 wanted);
    error CashOutOfRange(int256 cash);
    error BadDecimals(uint8 decimals);
    // ---- positions and trades
    error TooManyPositions(bytes32 account);
    error WrongHint(uint8 hint, uint160 instrument);
    error BadInstrument(uint160 instrument);
    error InstrumentExpired(uint40 expiry, uint256 now_);
    error SelfTrade(bytes32 account);
    error ReduceOnly(uint16 market);
    error OpenInterestCap(uint256 openInterest, uint256 cap);
    error PriceBand(uint160 instrument, uint256 price, uint256 lowest, uint256 highest);
    // ---- margin
    error MarginBreached(bytes32 account, int256 excess);
    error HealthNotImproved(bytes32 account, int256 excessBefore, int256 excessAfter);
    error StateMoved(bytes32 account, bytes32 attested, bytes32 actual);
    error MarkMissing(uint160 instrument);
    error LengthMismatch(uint256 asked, uint256 markets);
    // ---- withdrawals that pass by attestation only
    error WithdrawalsHeld(uint256 until);
    error WithdrawalNotReady(uint256 now_, uint256 readyAt);
    error NoWithdrawal(bytes32 account, address token);
    error OutflowCap(uint256 outflow, uint256 cap);
    error FundShort(uint256 missing, int256 fund); // bankrupt accounts miss more than the fund holds
    error FundEmpty(uint256 asked, int256 held);
    // ---- prices
    error FeedStale(address feed, int256 price, uint256 updatedAt);
    error PriceOutOfRange(uint256 price);
    error FundingStale(uint256 asOf, uint256 updatedAt);
    error FeedGap(uint80 round);
    error AlreadyFixed(uint256 price);
    error NotExpired(uint40 expiry, uint256 now_);
    error FixingsUnrecorded(uint16 market, uint40 expiry, uint8 recorded); // two or more are due
    error FallbackTooEarly(uint256 now_, uint256 readyAt);
    error NoProposal(uint16 market, uint40 expiry);
    error AlreadyProposed(uint256 price, uint256 readyAt);

    // ---- owners
    function deposit(address token, uint256 amount, uint64 subaccount, address owner) external;
    function withdraw(
        address token,
        uint256 amount,
        uint64 subaccount,
        Report calldata report,
        bytes[] calldata signatures
    ) external;
    /// By the owner or the guardian.
    function cancelWithdrawal(bytes32 account, address token) external;

    // ---- settlement only
    /// Remembers the account's requirement before anything moves, for `Outcome.marginRise`.
    function observe(bytes32 account, Report calldata report) external;
    /// Collateral out to `to` (the Router or a receiver); the account is gated in `clear`.
    function release(bytes32 account, address token, uint256 amount, address to) external;
    /// Tokens that already arrived here become the account's.
    function credit(bytes32 account, address token, uint256 amount) external;
    function moveCash(bytes32 from, bytes32 to, uint256 amount) external;
    /// Applies all trades, verifies the report (when validUntil is not 0), gates every account touched in
    /// this transaction once, and answers for `asked[i]` with its delta in `markets[i]`.
    function clear(
        Trade[] calldata trades,
        bytes32[] calldata asked,
        uint16[] calldata markets,
        Report calldata report,
        bytes[] calldata signatures
    ) external returns (Outcome[] memory);

    // ---- anyone
    function fixExpiry(uint16 market, uint40 expiry, uint80 firstRound) external;
    /// The next of the daily fixings that the series' Asian options average, in order, from the round in
    /// force at its time; round 0 = the price fixed for that time by the fallback, two days later.
    function recordFixing(uint16 market, uint40 expiry, uint80 round) external;
    function settleExpired(bytes32 account) external;
    /// When the feed has closed no round in 24 h: k of n signers state the price as the mark of the
    /// market's base id with the expiry in it; it binds after 24 h in public.
    function proposeExpiry(
        uint16 market,
        uint40 expiry,
        Report calldata report,
        bytes[] calldata signatures
    ) external;
    function confirmExpiry(uint16 market, uint40 expiry) external;
    function pokeFunding(uint16 market, Report calldata report, bytes[] calldata signatures)
        external;

    // ---- roles
    function vetoExpiry(uint16 market, uint40 expiry) external; // guardian
    // ---- auction
    function setFrozen(bytes32 account, bool frozen) external;
    /// Moves `fraction` (1e18) of every position of a frozen account, truncated toward zero, and `cash`
    /// atoms to `to`, which must then hold its initial margin, by the report or by SIMPLE.
    function seize(
        bytes32 from,
        bytes32 to,
        uint256 fraction,
        int256 cash,
        Report calldata report,
        bytes[] calldata signatures
    ) external;
    /// The fund pays a frozen account (+), or is paid by one or by one with positions (-).
    function settleFund(bytes32 account, int256 amount) external;
    /// Maintenance that bankrupt accounts miss: above what the fund holds, withdrawals that pass by
    /// attestation only wait.
    function setInsolvent(uint256 total) external;

    // ---- views: the off-chain engine must equal them to the atom
    function quoteToken() external view returns (address);
    function attestation() external view returns (address);
    function cashOf(bytes32 account) external view returns (int256);
    function positions(bytes32 account) external view returns (uint256[] memory); // id(160) | quantity int96
    function positionsHash(bytes32 account) external view returns (bytes32);
    /// Feed price 1e18, reverts when stale.
    function mark(uint16 market) external view returns (uint256);
    /// Index now (settlement units 1e18 per unit of perp), time included.
    function fundingIndex(uint16 market) external view returns (int256);
    /// SIMPLE: IM_net, MM_net (signed margin, negative = breached), equity, in atoms.
    function simple(bytes32 account) external view returns (int256 im, int256 mm, int256 equity);
    function expiryPrice(uint16 market, uint40 expiry) external view returns (uint256); // 0 = not fixed
    /// Fixings recorded of the series' Asian options, and their sum, wad.
    function fixings(uint16 market, uint40 expiry) external view returns (uint8 done, uint256 total);
    /// Balance of `token` as collateral of the account, atoms.
    function balanceOf(bytes32 account, address token) external view returns (int256);
    /// SIMPLE and the positions hash as the trades would leave the account, cash included.
    function preview(bytes32 account, Trade[] calldata trades)
        external
        view
        returns (int256 im, int256 mm, int256 equity, bytes32 positionsHash_);
    function openInterest(uint16 market) external view returns (uint256); // 1e18 contracts, one side
    function insuranceAccount() external view returns (bytes32);
    /// From the feed alone, atoms: cash, perps and base; least and most that the options can be worth;
    /// least requirement.
    function exposureOf(bytes32 account)
        external
        view
        returns (int256 linear, int256 optionsMin, int256 optionsMax, uint256 floor);
    function isFrozen(bytes32 account) external view returns (bool);
    function hasEnteredPortfolio(bytes32 account) external view returns (bool);
    function withdrawalOf(bytes32 account, address token)
        external
        view
        returns (uint256 amount, uint256 readyAt);
}
