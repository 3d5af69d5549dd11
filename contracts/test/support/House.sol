// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../../src/Attestation.sol";
import {Clearinghouse} from "../../src/Clearinghouse.sol";
import {Params} from "../../src/Params.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {InstrumentId} from "../../src/libraries/InstrumentId.sol";
import {KIND_CALL, KIND_PUT, Market} from "../../src/types/Market.sol";
import {NO_HINT, Outcome, Trade} from "../../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../../src/types/Report.sol";
import {Feed} from "./Feed.sol";
import {Token} from "./Tokens.sol";
import {Test} from "./Vm.sol";

/// A small sealed world: one market at 4,000, three funded traders, three risk signers (two suffice),
/// and this contract as the registered settlement.
abstract contract House is Test {
    uint256 internal constant START = 1_796_000_400; // a whole hour
    uint40 internal constant EXPIRY = 1_798_185_600;
    uint16 internal constant ETH = 1;
    bytes32 internal constant GUARDIAN = keccak256("GUARDIAN");

    address internal constant guardian = address(0x6a);
    address internal constant proposer = address(0x9a);
    address internal constant approver = address(0xa9);
    address internal constant auction = address(0xac);
    address internal constant ann = address(0xa1);
    address internal constant bob = address(0xb0);
    address internal constant cat = address(0xca);

    Token internal usdc;
    Token internal weth;
    Feed internal feed;
    Params internal params;
    Attestation internal attestation;
    Clearinghouse internal house;
    uint256[3] internal signerKeys;
    bytes32 internal annId;
    bytes32 internal bobId;
    bytes32 internal catId;
    uint160 internal perp;
    uint160 internal call44;
    uint160 internal put36;

    function setUp() public virtual {
        vm.warp(START);
        usdc = new Token("USDC", 6);
        weth = new Token("WETH", 18);
        feed = new Feed(8);
        feed.set(4000e8);
        params = new Params(guardian, proposer, approver);
        attestation = new Attestation(params);
        house = new Clearinghouse(params, attestation, address(usdc));
        _configure();
        params.seal();
        (annId, bobId, catId) = (account(ann), account(bob), account(cat));
        perp = InstrumentId.perp(ETH);
        call44 = option(KIND_CALL, 4400e18);
        put36 = option(KIND_PUT, 3600e18);
        address[3] memory traders = [ann, bob, cat];
        for (uint256 i; i < traders.length; ++i) {
            fund(traders[i], 100_000e6);
        }
    }

    function ethMarket() internal view returns (Market memory) {
        return Market({
            base: address(weth),
            baseDecimals: 18,
            feed: address(feed),
            heartbeat: 1 hours,
            sigmaCapPpm: 1_500_000,
            perpInitialPpm: 100_000,
            perpMaintenancePpm: 65_000,
            baseInitialPpm: 750_000,
            baseMaintenancePpm: 800_000,
            openInterestCap: 1_000_000e18,
            isReduceOnly: false
        });
    }

    function account(address owner) internal pure returns (bytes32) {
        return AccountId.encode(owner, 0);
    }

    function option(uint8 kind, uint256 strike) internal pure returns (uint160) {
        return InstrumentId.encode(ETH, kind, EXPIRY, strike);
    }

    /// Cash into subaccount 0.
    function fund(address owner, uint256 amount) internal {
        usdc.mint(address(this), amount);
        usdc.approve(address(house), amount);
        house.deposit(address(usdc), amount, 0, owner);
    }

    function fundBase(address owner, uint256 amount) internal {
        weth.mint(owner, amount);
        vm.startPrank(owner);
        weth.approve(address(house), amount);
        house.deposit(address(weth), amount, 0, owner);
        vm.stopPrank();
    }

    function trade(bytes32 a, bytes32 b, uint160 instrument, int96 quantity, uint256 price)
        internal
        pure
        returns (Trade memory)
    {
        return Trade(a, b, instrument, quantity, price, NO_HINT, NO_HINT);
    }

    function one(Trade memory only) internal pure returns (Trade[] memory trades) {
        trades = new Trade[](1);
        trades[0] = only;
    }

    function clear(Trade[] memory trades) internal {
        clear(trades, noReport());
    }

    function clear(Trade[] memory trades, Report memory report) internal {
        house.clear(trades, new bytes32[](0), new uint16[](0), report, signed(report));
    }

    function clearAsking(Trade[] memory trades, bytes32 asked, Report memory report)
        internal
        returns (Outcome memory)
    {
        bytes32[] memory accounts = new bytes32[](1);
        uint16[] memory markets = new uint16[](1);
        (accounts[0], markets[0]) = (asked, ETH);
        return house.clear(trades, accounts, markets, report, signed(report))[0];
    }

    function clear(bytes32 a, bytes32 b, uint160 instrument, int96 quantity, uint256 price)
        internal
    {
        clear(one(trade(a, b, instrument, quantity, price)));
    }

    function noReport() internal pure returns (Report memory report) {}

    /// A report of now with room for `marks` and `accounts`.
    function newReport(uint256 marks, uint256 accounts)
        internal
        view
        returns (Report memory report)
    {
        report.asOf = uint40(block.timestamp);
        report.validUntil = uint40(block.timestamp + 60);
        report.marks = new Mark[](marks);
        report.accounts = new AccountRisk[](accounts);
    }

    function markReport(uint160 instrument, uint256 price)
        internal
        view
        returns (Report memory report)
    {
        report = newReport(1, 0);
        report.marks[0] = Mark(instrument, price);
    }

    function riskOf(bytes32 who, bytes32 positionsAfter, int256 optionsMtm, uint256 im)
        internal
        view
        returns (AccountRisk memory)
    {
        bytes32 before = house.positionsHash(who);
        return AccountRisk(who, before, positionsAfter, optionsMtm, im, im, im / 2, 0, ETH);
    }

    function signed(Report memory report) internal view returns (bytes[] memory signatures) {
        if (report.validUntil == 0) return signatures;
        return signedBy(report, signerKeys[0], signerKeys[1]);
    }

    function signedBy(Report memory report, uint256 first, uint256 second)
        internal
        view
        returns (bytes[] memory signatures)
    {
        bytes32 digest = attestation.digest(report);
        signatures = new bytes[](2);
        signatures[0] = signature(first, digest);
        signatures[1] = signature(second, digest);
    }

    /// Whoever has the auction's role.
    function _openAuction() internal virtual returns (address) {
        return auction;
    }

    function _configure() private {
        params.setMarket(ETH, ethMarket());
        params.addToken(address(usdc));
        params.addToken(address(weth));
        params.addSettlement(address(this));
        params.setAuction(_openAuction());
        params.setOutflowCap(50_000e6);
        uint256[3] memory keys = [uint256(0x51), 0x52, 0x53];
        for (uint256 i; i < 3; ++i) {
            // ascending by address, as a report must carry them
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            params.addSigner(vm.addr(keys[i]));
        }
        signerKeys = keys;
        params.setThreshold(2);
    }
}
