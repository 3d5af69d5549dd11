// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OutcomeIntent, Quote} from "./Intent.sol";

// How a solver means to fulfil an intent. Nothing here is trusted: every effect is measured.

// Signing schemes of `Item.scheme`.
uint8 constant SCHEME_EIP712 = 0; // owner's ECDSA signature, collateral-funded
uint8 constant SCHEME_EIP1271 = 1; // owner is a contract; ecrecover is still tried first
uint8 constant SCHEME_PERMIT2 = 2; // PermitBatchWitnessTransferFrom, the intent is the witness
uint8 constant SCHEME_MANDATE = 3; // abi.encode(Mandate, ownerSignature, agentSignature)
uint8 constant SCHEME_PRESIGN = 4; // presigned[owner][digest]

// Payment modes of `Step.mode`.
uint8 constant PAY_TRANSFER = 0; // payAmount is sent to the target before the call (Uniswap v2 pair)
uint8 constant PAY_CALLBACK = 1; // the target may draw payAmount by uniswapV3SwapCallback
uint8 constant PAY_APPROVE = 2; // exact allowance to the target, back to zero after the call

uint8 constant SOLVER_ACCOUNT = 255; // Fill.quoteIndex: the solver's own account is the counterparty
uint8 constant NO_HINT = 255; // find the position slot by scan

struct Pull {
    uint8 leg;
    address token;
    uint256 amount;
    bool fromWallet; // Permit2; else released from the account's collateral
}

struct Step {
    address target;
    address payToken;
    uint256 payAmount;
    uint8 mode;
    bytes data;
}

/// The Router sends exactly `amount` to the receiver, or into the account. 0: only what is left of
/// the token, if `residuals` names it.
struct Out {
    uint8 leg;
    address token;
    uint256 amount;
}

struct SignedQuote {
    Quote quote;
    bytes signature;
}

struct Fill {
    uint8 leg;
    uint160 instrument;
    int96 quantity; // signed 1e18, positive = the owner receives
    uint256 price; // 1e18 settlement units
    uint8 quoteIndex; // into Plan.quotes, or SOLVER_ACCOUNT
    uint8 hintOwner;
    uint8 hintCounterparty;
}

struct Plan {
    Pull[] pulls;
    Step[] steps;
    Out[] outs;
    SignedQuote[] quotes;
    Fill[] fills;
    address[] residuals; // tokens for which this item takes back what the Router is left with
    uint256 fee; // settlement atoms
    uint256 fraction; // 1e18 = whole; less only for partially fillable intents
    uint64 solverSubaccount;
}

struct Item {
    OutcomeIntent intent;
    bytes signature;
    uint8 scheme;
    Plan plan;
}

/// `a` receives +quantity and pays quantity x (price - fundingIndex); `b` the opposite.
struct Trade {
    bytes32 a;
    bytes32 b;
    uint160 instrument;
    int96 quantity;
    uint256 price;
    uint8 hintA;
    uint8 hintB;
}

/// What `Clearinghouse.clear` answers for each account it was asked about. Atoms; delta 1e18.
struct Outcome {
    int256 equity;
    int256 requirement; // IMR = E - IM_net
    int256 marginRise; // after - before, haircut of base left out; 0 unless `observe` was called
    int256 netDelta; // in the market asked for
    bool deltaKnown;
}
