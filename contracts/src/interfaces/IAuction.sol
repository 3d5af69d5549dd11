// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Report} from "../types/Report.sol";

/// Sells accounts that fell below maintenance, lets the insurance fund pay where nobody does, and spreads
/// what it cannot pay over those who won. Anyone may start, bid and end.
///
/// Units. Money is atoms of the quote token; fractions and prices are 1e18. A price is the share of its
/// worth that a slice costs.
///
/// What is sold. `reserved` = cash the account got since the start (proceeds, deposits, payouts of
/// expired options) = max(0, cash - unsold), `unsold` = cash at the start less what slices took. A slice is
/// `fraction` of every position, of base and of unsold cash, each truncated toward zero. The bidder pays
/// `paymentOf(equity, reserved, fraction, price)`, the fund gets `feeOf` of that from the account. When
/// the equity does not exceed what is reserved, nothing is held back: reserved counts as 0.
///
/// What it is worth. Perps and base at the feed, options as attested (clamped by the feed); without a
/// report by SIMPLE, for accounts with options not before ten minutes after the last report heard (or
/// the start, if later), at the latest an hour after the start; a day if bankrupt; at once while the
/// signers are silent. Breach and buffer are judged by SIMPLE; for accounts in PORTFOLIO mode by
/// whichever of SIMPLE and the report leaves the greater buffer (by SIMPLE alone while the signers are
/// silent).
///
/// Bankrupt: equity <= 0 or price 0, the latter ten minutes after `bankrupt` said so in public. Then all
/// cash is part of a slice, any fraction from 1 % may be taken, and the bidder is paid `payoutOf`: by the
/// fund, and as far as the fund has nothing left, by a debt of the account of at most its share of
/// -equity; what neither gives he goes without. Where options are not attested, the payout and the debt
/// begin with what is lost for sure: by the most that the feed allows the options to be worth.
interface IAuction {
    /// First of the two reports that an account in PORTFOLIO mode needs.
    event Warned(bytes32 indexed account, bytes32 positionsHash, uint256 asOf);
    /// `market` and `side` (sign of net quantity, puts counted negative; 0 = none) say where deleveraging
    /// looks for winners, `unsold` is the cash at the start.
    event AuctionStarted(
        bytes32 indexed account,
        address indexed starter,
        uint16 market,
        int8 side,
        int256 equity,
        int256 maintenance,
        int256 unsold
    );
    /// `paid` by the bidder (negative: received); `covered` of it came from the fund.
    event Bid(
        bytes32 indexed account,
        bytes32 indexed bidder,
        uint256 fraction,
        uint256 price,
        int256 paid,
        uint256 fee,
        uint256 covered
    );
    /// From now the fund pays, ever more for an hour.
    event Bankrupted(bytes32 indexed account, int256 equity, int256 maintenance);
    event AuctionEnded(bytes32 indexed account, int256 equity, int256 buffer);
    /// The fund paid `paid`; `deficit` atoms are left as deficit `id` (0 and 0: none).
    event Absorbed(bytes32 indexed account, uint256 paid, uint256 indexed id, uint256 deficit);
    /// One page. `root` chains over the accounts of a round, whatever its pages: from 0,
    /// keccak256(abi.encode(root before, account, gain, haircut)). `raised` and `deficit` are of the
    /// whole deficit.
    event Deleveraged(
        uint256 indexed id, bytes32 root, uint256 accounts, uint256 raised, uint256 deficit
    );
    event Heard(uint256 asOf);
    event Noticed(uint256 silentFrom);

    // ---- starting and ending
    error NotLiquidatable(bytes32 account, int256 maintenance, int256 attested);
    error AuctionRunning(bytes32 account);
    error NoAuction(bytes32 account);
    error StillBreached(bytes32 account, int256 buffer);
    error NotBankrupt(bytes32 account, int256 equity, uint256 price);
    /// A report about this account (its current positions) has to come along, until `until`.
    error ReportNeeded(bytes32 account, uint256 until);
    error SignersHeard(uint256 heard, uint256 earliest);
    error AlreadyNoticed(uint256 silentFrom);
    // ---- bids
    error FractionOutOfRange(uint256 fraction);
    error Restored(bytes32 account, int256 buffer); // nothing left to sell: end it
    error PayMoreThan(int256 payment, int256 maxPay);
    // ---- fund and deleveraging
    error HasPositions(bytes32 account);
    error NoDebt(bytes32 account, int256 cash);
    error UnknownDeficit(uint256 id);
    error DeficitTooYoung(uint256 now_, uint256 readyAt);
    error NotApprover(address caller);
    error PageOutOfRange(uint256 accounts, uint256 haircuts);
    error WrongPurpose(bytes32 given, bytes32 wanted);
    error NotAscending(bytes32 account);
    error NotEntitled(bytes32 account); // frozen, without positions, or not on the other side
    error EntryMissing(bytes32 account); // the report's entry of that place is not about it, or not a gain
    error GainTooHigh(bytes32 account, uint256 gain, int256 most);
    error HaircutTooHigh(bytes32 account, uint256 haircut, uint256 gain);
    error NotProRata(bytes32 account, uint256 haircut, uint256 gain);
    error NotExactly(uint256 raised, uint256 deficit);
    error RoundRunning(uint256 until);

    // ---- anyone
    /// Freezes an account below maintenance: it can deposit cash and cancel. In PORTFOLIO mode SIMPLE and
    /// the report must both say so, and the first call only warns: the second needs a report >= 10 s and
    /// <= 10 minutes younger, each about the positions of now or, if <= 30 s old, about those of its time.
    function start(bytes32 account, Report calldata report, bytes[] calldata signatures) external;
    /// Takes min(fraction, what restores the buffer) of the account, at least 1 % or what restores it,
    /// into (caller, subaccount), which must hold its initial margin afterwards, by the report or by
    /// SIMPLE. Pays at most `maxPay` (negative: receives at least that). One report may speak of both: of
    /// the account as it stands, of the bidder as the slice leaves him.
    function bid(
        bytes32 account,
        uint256 fraction,
        uint64 subaccount,
        int256 maxPay,
        Report calldata report,
        bytes[] calldata signatures
    ) external returns (uint256 taken, int256 paid);
    /// Starts the clock of the fund's payout (a bid on an account that is worth nothing does so too);
    /// stops it when the account recovered. Refused where nothing is left to sell.
    function bankrupt(bytes32 account, Report calldata report, bytes[] calldata signatures) external;
    /// Thaws an account whose maintenance margin holds with 15 % of room, or that has nothing left.
    function end(bytes32 account, Report calldata report, bytes[] calldata signatures) external;
    /// The fund pays the debt of an account under auction that has no positions left; what it cannot pay
    /// is a deficit. May be called again when the fund has money again.
    function absorb(bytes32 account) external returns (uint256 id);
    /// Shows that the signers live.
    function hear(Report calldata report, bytes[] calldata signatures) external;
    /// After 24 h without a report heard: 48 h later SIMPLE alone judges accounts in PORTFOLIO mode.
    function notice() external;

    // ---- k of n signers and the approver together
    /// A page of at most 100 accounts, ascending over the pages of a round. report.accounts[i] is
    /// accounts[i] with im = mm = 2^256-1 (its positions may have moved since), market = the deficit's
    /// and optionsMtm = its unrealised gain there (atoms, > 0, at most what the account can be worth at
    /// the feed); report.snapshotHash = purposeOf(id, what is left of the deficit, totalGain). haircuts[i]
    /// is the deficit x gain / totalGain rounded down or up, all haircuts of one account at most a quarter
    /// of its gain, their sum over the round the deficit exactly.
    function deleverage(
        uint256 id,
        uint256 totalGain,
        bytes32[] calldata accounts,
        uint256[] calldata haircuts,
        Report calldata report,
        bytes[] calldata signatures
    ) external;

    // ---- the arithmetic, for engines elsewhere that must agree to the atom
    /// .98 -> .80 over 100 s (exact), then -> 0 over 14,400 s more (down).
    function priceAt(uint256 elapsed) external pure returns (uint256 price);
    /// maintenance - ceil(.15 x (equity - maintenance)): >= 0 = MM holds with 15 % of room.
    function bufferOf(int256 equity, int256 maintenance) external pure returns (int256 buffer);
    /// The fraction that brings the buffer back to 0, 0 when it holds: with -buffer = B > 0 and
    /// n = floor(price x .98) what the account keeps of the price,
    /// min(1e18, ceil(B x 1e36 / (B x 1e18 + n x equity + (1e18 - n) x reserved)) + 1e12).
    /// 1e-6 more than needed, so that truncation leaves no crumb to sell.
    function sliceOf(int256 buffer, int256 equity, int256 reserved, uint256 price)
        external
        pure
        returns (uint256 fraction);
    /// floor((equity - reserved) x fraction x price / 1e36)
    function paymentOf(int256 equity, int256 reserved, uint256 fraction, uint256 price)
        external
        pure
        returns (int256 paid);
    /// ceil(paid x 2 / 100)
    function feeOf(int256 paid) external pure returns (uint256 fee);
    /// For the whole account: from owed = max(0, -equity) to max(owed, -maintenance) over 3,600 s, down;
    /// `fraction` of it, down.
    function payoutOf(int256 equity, int256 maintenance, uint256 fraction, uint256 elapsed)
        external
        pure
        returns (uint256 payout);
    function purposeOf(uint256 id, uint256 amount, uint256 totalGain)
        external
        pure
        returns (bytes32); // keccak256(abi.encode(keccak256("solvent.deleverage"), id, amount, totalGain))

    // ---- what stands
    struct Sale {
        uint40 startedAt; // 0 = none
        uint40 bankruptAt; // 0 = not bankrupt
        uint16 market;
        int8 side;
        int128 unsold; // cash
        uint128 insolvent; // maintenance missing while bankrupt, counted in `insolvent()`
    }

    struct Deficit {
        bytes32 account;
        uint16 market;
        int8 side;
        uint40 declaredAt;
        uint128 amount;
        uint128 raised;
        uint40 roundAt; // the round of pages underway
        uint128 roundAmount;
        uint128 roundRaised;
        uint256 totalGain;
        uint256 gainSeen;
        bytes32 last; // account
        bytes32 root;
    }

    function saleOf(bytes32 account) external view returns (Sale memory);
    function deficit(uint256 id) external view returns (Deficit memory);
    function deficitOf(bytes32 account) external view returns (uint256 id); // 0 = none open
    function takenOf(uint256 id, bytes32 account) external view returns (uint256); // haircuts so far
    function insolvent() external view returns (uint256); // maintenance that bankrupt accounts miss
    function heard() external view returns (uint256); // asOf of the last report seen here
    function silentFrom() external view returns (uint256); // 0 = no notice
    function isSilent() external view returns (bool);
}
