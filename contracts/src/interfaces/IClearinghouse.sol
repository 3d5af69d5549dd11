// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Outcome, Trade} from "../types/Plan.sol";
import {Report} from "../types/Report.sol";

/// Collateral, positions, margin gate, funding and expiry. The events alone rebuild every account slot.
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
    event ExpiryFixed(uint16 indexed market, uint40 indexed expiry, uint256 price);
    event ExpirySettled(
        bytes32 indexed account, uint160 indexed instrument, int96 quantity, uint256 price, int256 cash
    );
    event FundingMoved(uint16 indexed market, int256 index, int256 hourlyRate);
    event WithdrawalRequested(bytes32 indexed account, address token, uint256 amount, uint256 readyAt);
    event WithdrawalCancelled(bytes32 indexed account, address token);

    // ---- owners
    function deposit(address token, uint256 amount, uint64 subaccount, address owner) external;
    function withdraw(
        address token,
        uint256 amount,
        uint64 subaccount,
        Report calldata report,
        bytes[] calldata signatures
    ) external;

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
    function settleExpired(bytes32 account) external;
    function pokeFunding(uint16 market, Report calldata report, bytes[] calldata signatures) external;

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
    /// Balance of `token` as collateral of the account, atoms.
    function balanceOf(bytes32 account, address token) external view returns (int256);
}
