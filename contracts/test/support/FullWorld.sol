// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../../src/Attestation.sol";
import {Clearinghouse} from "../../src/Clearinghouse.sol";
import {Params} from "../../src/Params.sol";
import {Router} from "../../src/Router.sol";
import {Settlement} from "../../src/Settlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {Market} from "../../src/types/Market.sol";
import {Item} from "../../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../../src/types/Report.sol";
import {Feed} from "./Feed.sol";
import {Intents} from "./Intents.sol";
import {Token} from "./Tokens.sol";
import {Pair, Pool, Venues} from "./Venues.sol";

/// Deploys everything there is. WETH stands at 4,000 USDC on the feed and on both pools; DAI is
/// listed but no market, so that only a report prices it. User, maker and solver are rich, in
/// wallet and account.
abstract contract FullWorld is Intents, Venues {
    using AccountId for address;

    uint256 internal constant NOW = 1_796_000_400;
    uint256 internal constant SUNSET = 1_900_000_000;

    Feed internal feed;
    Params internal params;
    Attestation internal attestation;
    Clearinghouse internal house;
    address internal guardian = address(0x6A4D);
    bytes32 internal userAccount;
    bytes32 internal makerAccount;
    bytes32 internal solverAccount;
    uint256[3] internal signerKeys = [uint256(101), 102, 103];

    function setUp() public virtual {
        vm.chainId(31_338);
        vm.warp(NOW);
        vm.etch(PERMIT2, permit2Code());
        (user, maker) = (vm.addr(USER_KEY), vm.addr(MAKER_KEY));
        (userAccount, makerAccount) = (user.encode(0), maker.encode(0));
        solverAccount = solver.encode(0);
        _deploy();
        _list();
        params.seal();
        address[3] memory rich = [user, maker, solver];
        for (uint256 i; i < rich.length; ++i) {
            fund(rich[i], 0, 1_000_000e6, 100e18);
        }
    }

    function _deploy() private {
        usdc = new Token("USDC", 6);
        weth = new Token("WETH", 18);
        dai = new Token("DAI", 18);
        feed = new Feed(8);
        feed.set(4000e8);
        params = new Params(guardian, address(0x9401), address(0xA994));
        attestation = new Attestation(params);
        house = new Clearinghouse(params, attestation, address(usdc));
        settlement = new Settlement(params, house, SUNSET);
        router = Router(settlement.router());
        (pair, pool) = openVenues(address(usdc), address(weth));
    }

    function _list() private {
        params.setMarket(
            ETH,
            Market({
                base: address(weth),
                baseDecimals: 18,
                feed: address(feed),
                heartbeat: 30 days,
                sigmaCapPpm: 1_500_000,
                perpInitialPpm: 100_000,
                perpMaintenancePpm: 65_000,
                baseInitialPpm: 750_000,
                baseMaintenancePpm: 800_000,
                openInterestCap: 1_000_000e18,
                isReduceOnly: false
            })
        );
        address[3] memory tokens = [address(usdc), address(weth), address(dai)];
        for (uint256 i; i < tokens.length; ++i) {
            params.addToken(tokens[i]);
        }
        params.allow(address(pair), Pair.swap.selector);
        params.allow(address(pool), Pool.swap.selector);
        params.addSolver(solver);
        params.addSettlement(address(settlement));
        for (uint256 i; i < signerKeys.length; ++i) {
            params.addSigner(vm.addr(signerKeys[i]));
        }
        params.setThreshold(2);
        params.setOutflowCap(1_000_000e6);
        configure();
    }

    /// What a test lists besides, before the parameters are sealed.
    function configure() internal virtual {}

    /// Deposits for an owner, leaves as much in the wallet, and approves Permit2 there.
    function fund(address owner, uint64 subaccount, uint256 cash, uint256 base) internal {
        usdc.mint(owner, 2 * cash);
        weth.mint(owner, 2 * base);
        vm.startPrank(owner);
        usdc.approve(address(house), NONE);
        weth.approve(address(house), NONE);
        usdc.approve(PERMIT2, NONE);
        weth.approve(PERMIT2, NONE);
        if (cash != 0) house.deposit(address(usdc), cash, subaccount, owner);
        if (base != 0) house.deposit(address(weth), base, subaccount, owner);
        vm.stopPrank();
    }

    // ---- reports

    function noReport() internal pure returns (Report memory report) {}

    function reportOf(Mark[] memory marks, AccountRisk[] memory accounts)
        internal
        view
        returns (Report memory)
    {
        uint40 asOf = uint40(block.timestamp);
        return Report(bytes32("snapshot"), asOf, asOf + 60, marks, accounts);
    }

    function marked(uint160 instrument, uint256 price) internal view returns (Report memory) {
        Mark[] memory marks = new Mark[](1);
        marks[0] = Mark(instrument, price);
        return reportOf(marks, new AccountRisk[](0));
    }

    /// Two of three, in ascending order of their addresses.
    function attested(Report memory report) internal view returns (bytes[] memory signatures) {
        if (report.validUntil == 0) return signatures;
        bytes32 digest = attestation.digest(report);
        (uint256 a, uint256 b) = (signerKeys[0], signerKeys[1]);
        if (vm.addr(a) > vm.addr(b)) (a, b) = (b, a);
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (signature(a, digest), signature(b, digest));
    }

    // ---- settling

    function settle(Item memory item) internal {
        settle(one(item), noReport());
    }

    function settle(Item memory item, Report memory report) internal {
        settle(one(item), report);
    }

    function settle(Item[] memory items, Report memory report) internal {
        bytes[] memory signatures = attested(report);
        vm.prank(solver);
        settlement.settle(items, report, signatures);
    }

    // ---- hostile calls: refused with the error they are told, and with its figures if given

    function refuses(Item memory item, bytes4 reason) internal {
        refuses(one(item), noReport(), reason, "");
    }

    function refuses(Item memory item, bytes4 reason, bytes memory figures) internal {
        refuses(one(item), noReport(), reason, figures);
    }

    function refuses(Item memory item, Report memory report, bytes4 reason) internal {
        refuses(one(item), report, reason, "");
    }

    function refuses(Item[] memory items, Report memory report, bytes4 reason) internal {
        refuses(items, report, reason, "");
    }

    function refuses(Item[] memory items, Report memory report, bytes4 reason, bytes memory figures)
        internal
    {
        refuses(items, report, attested(report), reason, figures);
    }

    function refuses(
        Item[] memory items,
        Report memory report,
        bytes[] memory signatures,
        bytes4 reason,
        bytes memory figures
    ) internal {
        vm.prank(solver);
        if (figures.length == 0) vm.expectPartialRevert(reason);
        else vm.expectRevert(bytes.concat(reason, figures));
        settlement.settle(items, report, signatures);
    }
}
