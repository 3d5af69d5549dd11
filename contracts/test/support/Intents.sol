// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Router} from "../../src/Router.sol";
import {Settlement} from "../../src/Settlement.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {Leg, Limits, Mandate, OutcomeIntent, Quote} from "../../src/types/Intent.sol";
import {KIND_CALL, KIND_PUT} from "../../src/types/Market.sol";
import {
    Item,
    Plan,
    SCHEME_EIP712,
    SCHEME_MANDATE,
    SCHEME_PERMIT2,
    SignedQuote
} from "../../src/types/Plan.sol";
import {Plans} from "./Plans.sol";
import {Token} from "./Tokens.sol";

/// Intents, quotes and mandates that read as sentences, and everybody's signature under them.
abstract contract Intents is Plans {
    uint256 internal constant USER_KEY = 0xA11CE;
    uint256 internal constant MAKER_KEY = 0xB0B;
    uint256 internal constant AGENT_KEY = 0xA6E27;
    uint256 internal constant NONE = type(uint256).max;
    uint40 internal constant EXPIRY = 1_798_185_600;
    uint16 internal constant ETH = 1;
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    Settlement internal settlement;
    Router internal router;
    address internal user;
    address internal maker;
    address internal solver = address(0x501);

    // ---- legs

    function leg(string memory kind, address asset, string memory side, uint256 least, uint256 most)
        internal
        pure
        returns (Leg memory)
    {
        return Leg(kind, asset, side, "", 0, 0, 0, 0, least, most, 0, 0);
    }

    function sells(Token token, uint256 most) internal pure returns (Leg memory) {
        return leg("token", address(token), "sell", 0, most);
    }

    function buys(Token token, uint256 least) internal pure returns (Leg memory) {
        return leg("token", address(token), "buy", least, NONE);
    }

    function perp(string memory side, uint256 least, uint256 most)
        internal
        view
        returns (Leg memory)
    {
        return leg("perp", address(weth), side, least, most);
    }

    function option(string memory side, string memory right, uint256 strike, uint256 quantity)
        internal
        view
        returns (Leg memory made)
    {
        made = leg("option", address(weth), side, quantity, quantity);
        made.right = right;
        (made.strikeMin, made.strikeMax) = (strike, strike);
        (made.expiryMin, made.expiryMax) = (EXPIRY, EXPIRY);
    }

    function legs(Leg memory a) internal pure returns (Leg[] memory list) {
        list = new Leg[](1);
        list[0] = a;
    }

    function legs(Leg memory a, Leg memory b) internal pure returns (Leg[] memory list) {
        list = new Leg[](2);
        (list[0], list[1]) = (a, b);
    }

    function legs(Leg memory a, Leg memory b, Leg memory c)
        internal
        pure
        returns (Leg[] memory list)
    {
        list = new Leg[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    // ---- intents

    /// No bound but the fee: 100 USDC.
    function openLimits() internal view returns (Limits memory) {
        return Limits(address(usdc), type(int256).max, 100e6, type(uint32).max, 0, NONE, NONE, 0);
    }

    function intent(string memory outcome, Leg[] memory legs_, uint256 nonce)
        internal
        view
        returns (OutcomeIntent memory i)
    {
        i.owner = user;
        i.outcome = outcome;
        i.legs = legs_;
        i.limits = openLimits();
        i.validTo = uint32(block.timestamp + 1 days);
        i.nonce = nonce;
    }

    /// 4,000 USDC for WETH on the v2 pair, from the user's wallet into it.
    function walletSwap(uint256 nonce)
        internal
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        uint256 received = receivedV2(usdc, 4000e6);
        i = intent("swap", legs(sells(usdc, 4000e6), buys(weth, received)), nonce);
        i.receiver = user;
        p = plan();
        pulls(p, 0, usdc, 4000e6, true);
        steps(p, swapV2(usdc, 4000e6, received, address(router)));
        pays(p, 1, weth, received);
    }

    /// The same from collateral into collateral.
    function collateralSwap(uint256 nonce)
        internal
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        uint256 received = receivedV2(usdc, 4000e6);
        i = intent("swap", legs(sells(usdc, 4000e6), buys(weth, received)), nonce);
        p = plan();
        pulls(p, 0, usdc, 4000e6, false);
        steps(p, swapV2(usdc, 4000e6, received, address(router)));
        pays(p, 1, weth, received);
    }

    /// Ten 4,400 calls sold at 120 and six perps at the mark, each against a quote; ten WETH held.
    function coveredCall(uint256 nonce)
        internal
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        i = intent(
            "coveredCall",
            legs(
                leg("collateral", address(weth), "auto", 10e18, NONE),
                option("sell", "call", 4400e18, 10e18),
                perp("auto", 0, 10e18)
            ),
            nonce
        );
        i.limits.maxNetCost = -280e6;
        p = plan();
        fills(p, 1, call(4400e18), -10e18, 120e18);
        quoted(p, 1000 + 2 * nonce);
        fills(p, 2, perpId(), -6e18, 4000e18);
        quoted(p, 1001 + 2 * nonce);
        p.fee = 1e6;
    }

    /// Buys one perp from the solver's account at `price`.
    function perpBuy(uint256 nonce, uint256 price)
        internal
        view
        returns (OutcomeIntent memory i, Plan memory p)
    {
        i = intent("openPerp", legs(perp("buy", 1e18, 1e18)), nonce);
        p = plan();
        fills(p, 0, perpId(), 1e18, price);
    }

    // ---- instruments

    function call(uint256 strike) internal pure returns (uint160) {
        return InstrumentId.encode(ETH, KIND_CALL, EXPIRY, strike);
    }

    function put(uint256 strike) internal pure returns (uint160) {
        return InstrumentId.encode(ETH, KIND_PUT, EXPIRY, strike);
    }

    function perpId() internal pure returns (uint160) {
        return InstrumentId.perp(ETH);
    }

    // ---- quotes

    /// Makes the last fill trade against a fresh firm quote of exactly its terms.
    function quoted(Plan memory p, uint256 nonce) internal view {
        uint256 index = p.fills.length - 1;
        uint256 size = uint256(
            int256(p.fills[index].quantity < 0 ? -p.fills[index].quantity : p.fills[index].quantity)
        );
        p.fills[index].quoteIndex = uint8(p.quotes.length);
        SignedQuote[] memory list = new SignedQuote[](p.quotes.length + 1);
        for (uint256 i; i < p.quotes.length; ++i) {
            list[i] = p.quotes[i];
        }
        list[p.quotes.length] = offered(
            Quote(
                maker,
                0,
                solver,
                p.fills[index].instrument,
                p.fills[index].quantity > 0,
                p.fills[index].price,
                size,
                uint32(block.timestamp + 30),
                nonce
            )
        );
        p.quotes = list;
    }

    function offered(Quote memory quote) internal view returns (SignedQuote memory) {
        return SignedQuote(quote, signature(MAKER_KEY, settlement.quoteDigest(quote)));
    }

    // ---- signatures

    /// Signed by the user, funded from collateral.
    function signed(OutcomeIntent memory i, Plan memory p) internal view returns (Item memory) {
        return Item(i, signature(USER_KEY, settlement.digestOf(i)), SCHEME_EIP712, p);
    }

    /// Signed by the user, funded from the wallet.
    function permitted(OutcomeIntent memory i, Plan memory p) internal view returns (Item memory) {
        return Item(i, signature(USER_KEY, permitDigest(i)), SCHEME_PERMIT2, p);
    }

    /// Signed by the user's agent under a mandate.
    function mandated(OutcomeIntent memory i, Plan memory p, Mandate memory m)
        internal
        view
        returns (Item memory)
    {
        bytes memory byOwner = signature(USER_KEY, settlement.mandateDigest(m));
        bytes memory byAgent = signature(AGENT_KEY, settlement.digestOf(i));
        return Item(i, abi.encode(m, byOwner, byAgent), SCHEME_MANDATE, p);
    }

    /// What Permit2 asks the owner to sign, put together from the standard.
    function permitDigest(OutcomeIntent memory i) internal view returns (bytes32) {
        bytes memory permissions;
        for (uint256 j; j < i.legs.length; ++j) {
            bytes32 words = keccak256(abi.encodePacked(i.legs[j].kind, " ", i.legs[j].side));
            if (words != keccak256("token sell") && words != keccak256("collateral deposit")) {
                continue;
            }
            bytes32 kind = keccak256("TokenPermissions(address token,uint256 amount)");
            bytes32 permission = keccak256(abi.encode(kind, i.legs[j].asset, i.legs[j].quantityMax));
            permissions = abi.encodePacked(permissions, permission);
        }
        bytes32 kind_ = keccak256(
            abi.encodePacked(
                "PermitBatchWitnessTransferFrom(TokenPermissions[] permitted,address spender,",
                "uint256 nonce,uint256 deadline,OutcomeIntent witness)",
                TypedData.LEG,
                TypedData.LIMITS,
                TypedData.INTENT,
                "TokenPermissions(address token,uint256 amount)"
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                kind_,
                keccak256(permissions),
                address(settlement),
                i.nonce,
                uint256(i.validTo),
                this.structHash(i)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", permit2Domain(), message));
    }

    function permit2Domain() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
                keccak256("Permit2"),
                block.chainid,
                PERMIT2
            )
        );
    }

    function structHash(OutcomeIntent calldata i) external pure returns (bytes32) {
        return TypedData.hash(i);
    }

    // ---- batches

    function one(Item memory a) internal pure returns (Item[] memory items) {
        items = new Item[](1);
        items[0] = a;
    }

    function both(Item memory a, Item memory b) internal pure returns (Item[] memory items) {
        items = new Item[](2);
        (items[0], items[1]) = (a, b);
    }
}
