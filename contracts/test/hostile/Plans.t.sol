// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IClearinghouse} from "../../src/interfaces/IClearinghouse.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {AccountId} from "../../src/libraries/AccountId.sol";
import {OutcomeIntent} from "../../src/types/Intent.sol";
import {PAY_APPROVE, Plan, Step, Trade} from "../../src/types/Plan.sol";
import {AccountRisk, Mark, Report} from "../../src/types/Report.sol";
import {FullWorld} from "../support/FullWorld.sol";
import {Pair} from "../support/Venues.sol";

/// Another protocol, where the owner left an order that anybody may fill.
contract OrderBook {
    function fill(address owner, IERC20 gives, uint256 given, IERC20 wants, uint256 wanted)
        external
    {
        require(gives.transferFrom(owner, msg.sender, given), "not given");
        require(wants.transferFrom(msg.sender, owner, wanted), "not paid");
    }
}

/// A solver's own contract: the pair calls it in the middle of a swap, the Router if it can be made
/// to.
contract Accomplice {
    OrderBook public immutable book = new OrderBook();

    function uniswapV2Call(address, uint256, uint256, bytes calldata order) external {
        (address owner, IERC20 gives, uint256 given, IERC20 wants, uint256 wanted) =
            abi.decode(order, (address, IERC20, uint256, IERC20, uint256));
        wants.approve(address(book), wanted);
        book.fill(owner, gives, given, wants, wanted);
    }
}

/// Plans that keep every rule they were told and still mean to take what nobody signed.
contract HostilePlansTest is FullWorld {
    Accomplice private accomplice;

    function configure() internal override {
        accomplice = new Accomplice();
        params.addSettlement(address(this));
    }

    /// Paid once, counted twice: the WETH that fills the owner's order elsewhere is not what the
    /// owner is to get here.
    function test_hostile_solver_payingWithTheOwnersOrderElsewhere_LegQuantity() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        uint256 received = p.outs[0].amount;
        address book = address(accomplice.book());
        dai.mint(user, 4000e18);
        vm.prank(user);
        dai.approve(book, NONE);
        bytes memory order = abi.encode(user, dai, 4000e18, weth, received);
        bool isFirst = pair.token0() == address(weth);
        p.steps[0].data = abi.encodeCall(
            Pair.swap, (isFirst ? received : 0, isFirst ? 0 : received, address(accomplice), order)
        );
        p.outs[0].amount = 0;
        refuses(permitted(i, p), ISettlement.LegQuantity.selector);
    }

    /// An allowance of nothing would be a call to any contract at all, in the Router's name.
    function test_hostile_solver_approvesNothingOfAnUnlistedToken_TokenNotListed() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        bytes memory data = p.steps[0].data;
        steps(p, Step(address(pair), address(accomplice), 0, PAY_APPROVE, data));
        refuses(permitted(i, p), ISettlement.TokenNotListed.selector);
    }

    /// No market, no delta: the bound must not pass for want of anything to hold against it.
    function test_hostile_owner_deltaOfATokenWithoutAMarket_DeltaUnattested() public {
        OutcomeIntent memory i = intent(
            "openPerp",
            legs(leg("collateral", address(usdc), "auto", 0, NONE), perp("buy", 1e18, 1e18)),
            1
        );
        i.limits.deltaTolerance = 0;
        Plan memory p = plan();
        fills(p, 1, perpId(), 1e18, 4000e18);
        refuses(signed(i, p), ISettlement.DeltaUnattested.selector);
        i.legs = legs(i.legs[1]);
        p.fills[0].leg = 0;
        i.limits.targetDelta = 101e18;
        settle(signed(i, p));
    }

    /// An owner who signs an amended intent under the same nonce wants one of the two.
    function test_hostile_solver_twoPartialIntentsOfOneNonce_NonceUsed() public {
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        (i.partiallyFillable, p.fraction, p.fills[0].quantity) = (true, 0.5e18, 0.5e18);
        settle(signed(i, p));
        i.appData = bytes32("amended");
        refuses(signed(i, p), ISettlement.NonceUsed.selector);
        (i.partiallyFillable, p.fraction, p.fills[0].quantity) = (false, 1e18, 1e18);
        refuses(signed(i, p), ISettlement.NonceUsed.selector);
        (i.partiallyFillable, i.appData) = (true, "");
        (p.fraction, p.fills[0].quantity) = (0.5e18, 0.5e18);
        settle(signed(i, p));
    }

    /// What k signers say must not empty the vault at once: collateral that attestation alone lets
    /// go takes the slow door.
    function test_hostile_signers_attestedAccountWithdrawsBySettlement_MarginBreached() public {
        fund(user, 1, 2000e6, 0);
        (OutcomeIntent memory i, Plan memory p) = perpBuy(1, 4000e18);
        i.subaccount = 1;
        settle(signed(i, p));
        i = intent("withdraw", legs(leg("collateral", address(usdc), "withdraw", 0, 1900e6)), 2);
        (i.subaccount, i.receiver) = (1, user);
        p = plan();
        pulls(p, 0, usdc, 1900e6, false);
        bytes32 account = AccountId.encode(user, 1);
        bytes32 hash = house.positionsHash(account);
        AccountRisk[] memory risks = new AccountRisk[](1);
        risks[0] = AccountRisk(account, hash, hash, 0, 40e6, 40e6, 40e6, 1e18, ETH);
        Report memory report = reportOf(new Mark[](0), risks);
        refuses(signed(i, p), report, IClearinghouse.MarginBreached.selector);
        p.pulls[0].amount = 1600e6;
        settle(signed(i, p), report);
    }

    /// Two settlements, as while one replaces the other: called by a venue inside the first, the
    /// second would clear what the first still has to judge.
    function test_hostile_settlement_aSettlementInsideAnother_SettlementUnderway() public {
        vm.prank(address(settlement));
        house.observe(userAccount, noReport());
        vm.expectRevert(IClearinghouse.SettlementUnderway.selector);
        house.clear(new Trade[](0), new bytes32[](0), new uint16[](0), noReport(), new bytes[](0));
    }

    /// To itself the Router sends nothing, whatever it is told.
    function test_hostile_owner_receiverIsTheRouter_NotExact() public {
        (OutcomeIntent memory i, Plan memory p) = walletSwap(1);
        i.receiver = address(router);
        refuses(permitted(i, p), ISettlement.NotExact.selector);
    }

    /// Money is atoms of the settlement token, also when that is not the quote token.
    function test_hostile_solver_feeInAnotherTokenThanCash_FeeTooHigh() public {
        uint256 received = receivedV2(weth, 0.99e18);
        OutcomeIntent memory i = intent("swap", legs(sells(weth, 1e18), buys(usdc, received)), 1);
        (i.limits.settlementToken, i.limits.maxFee) = (address(weth), 0.01e18);
        i.limits.maxNetCost = 1e18;
        Plan memory p = plan();
        pulls(p, 0, weth, 1e18, false);
        steps(p, swapV2(weth, 0.99e18, received, address(router)));
        pays(p, 1, usdc, received);
        p.fee = 0.01e18 + 1;
        takesBack(p, weth);
        weth.mint(address(router), 1);
        refuses(signed(i, p), ISettlement.RouterNotEmpty.selector);
        p.steps[0] = swapV2(weth, 0.99e18 - 1, received - 1, address(router));
        (p.outs[0].amount, i.legs[1].quantityMin) = (received - 1, received - 1);
        refuses(signed(i, p), ISettlement.FeeTooHigh.selector);
        p.fee -= 1;
        settle(signed(i, p));
        vm.assertEq(weth.balanceOf(solver), 100.01e18);
        vm.assertEq(weth.balanceOf(address(router)), 1);
    }
}
