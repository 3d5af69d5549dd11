// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Ground, Moved} from "./Checks.sol";
import {IRouter} from "./interfaces/IRouter.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AccountId} from "./libraries/AccountId.sol";
import {Role} from "./libraries/Legs.sol";
import {Permit2Transfer} from "./libraries/Permit2Transfer.sol";
import {Leg, OutcomeIntent} from "./types/Intent.sol";
import {Item, Out, PAY_APPROVE, Plan, Pull, SCHEME_PERMIT2, Step} from "./types/Plan.sol";

/// One item under way.
struct Progress {
    Ground ground;
    bytes32 account;
    bytes32 witness; // struct hash of the intent, what Permit2 is shown
    Moved moved;
    bool isTouching; // the Clearinghouse must gate the account
}

/// What the Router held of each token before anything moved: the first `count` entries.
struct Held {
    address[] tokens;
    uint256[] amounts;
    uint256 count;
}

/// Steps 5 to 8 of `settle`: tokens in, through venues, out, and nothing left behind. A plan is
/// believed in nothing: every arrival is measured as a change of balance.
library Flows {
    uint256 private constant TOKENS = 4; // room for this many at first

    // ---- what the Router holds before

    /// Every token that a plan names, listed and counted.
    function holdings(Item[] calldata items, Ground memory ground)
        internal
        view
        returns (Held memory)
    {
        Held memory held = Held(new address[](TOKENS), new uint256[](TOKENS), 0);
        for (uint256 i; i < items.length; ++i) {
            Plan calldata plan = items[i].plan;
            Pull[] calldata pulls = plan.pulls;
            for (uint256 j; j < pulls.length; ++j) {
                _note(held, pulls[j].token, ground);
            }
            Step[] calldata steps = plan.steps;
            for (uint256 j; j < steps.length; ++j) {
                Step calldata step = steps[j];
                // An allowance of nothing is still a call to the token.
                bool isCalled = step.payAmount != 0 || step.mode == PAY_APPROVE;
                if (isCalled) _note(held, step.payToken, ground);
            }
            Out[] calldata outs = plan.outs;
            for (uint256 j; j < outs.length; ++j) {
                _note(held, outs[j].token, ground);
            }
        }
        return held;
    }

    function _note(Held memory held, address token, Ground memory ground) private view {
        uint256 count = held.count;
        for (uint256 i; i < count; ++i) {
            if (held.tokens[i] == token) return;
        }
        if (!ground.params.isToken(token)) revert ISettlement.TokenNotListed(token);
        if (count == held.tokens.length) _grow(held);
        held.tokens[count] = token;
        held.amounts[count] = _balance(token, ground.router);
        held.count = count + 1;
    }

    function _grow(Held memory held) private pure {
        uint256 count = held.count;
        (address[] memory tokens, uint256[] memory amounts) =
            (new address[](2 * count), new uint256[](2 * count));
        for (uint256 i; i < count; ++i) {
            (tokens[i], amounts[i]) = (held.tokens[i], held.amounts[i]);
        }
        (held.tokens, held.amounts) = (tokens, amounts);
    }

    // ---- 5: pull

    /// `held` is what the Router holds: before the first item nothing has moved since it was counted.
    function pull(Item calldata item, Progress memory progress, Held memory held, bool isFirst)
        internal
    {
        uint256[] memory fromWallet = _countPulls(item, progress.moved);
        // Even with nothing to pull: under permit2 the call is the proof of the signature.
        if (item.scheme == SCHEME_PERMIT2) {
            _pullWallet(item, progress, fromWallet, held, isFirst);
        }
        _pullCollateral(item, progress);
    }

    /// Adds every pull to its leg; returns what of it comes from the wallet.
    function _countPulls(Item calldata item, Moved memory moved)
        private
        pure
        returns (uint256[] memory fromWallet)
    {
        Pull[] calldata pulls = item.plan.pulls;
        fromWallet = new uint256[](moved.roles.length);
        if (pulls.length == 0) return fromWallet;
        Leg[] calldata legs = item.intent.legs;
        for (uint256 i; i < pulls.length; ++i) {
            Pull calldata drawn = pulls[i];
            uint256 leg = drawn.leg;
            Role role = moved.roles[leg];
            bool isRight = role == Role.TokenSell
                || (drawn.fromWallet ? role == Role.Deposit : role == Role.Withdraw);
            if (!isRight) revert ISettlement.LegSide(leg);
            if (drawn.token != legs[leg].asset) revert ISettlement.TokenMismatch(leg, drawn.token);
            moved.atoms[leg] += drawn.amount;
            if (!drawn.fromWallet) continue;
            if (item.scheme != SCHEME_PERMIT2) revert ISettlement.WalletPullNeedsPermit2(leg);
            fromWallet[leg] += drawn.amount;
        }
    }

    /// One call funds and authorises: Permit2 is shown what the owner signed, which is the maximum
    /// of each sell and deposit leg in leg order, and asked for exactly what the plan pulls.
    function _pullWallet(
        Item calldata item,
        Progress memory progress,
        uint256[] memory fromWallet,
        Held memory held,
        bool isFirst
    ) private {
        OutcomeIntent calldata intent = item.intent;
        (uint256[] memory tokens, uint256[] memory before) =
            _asked(intent.legs, progress, fromWallet);
        for (uint256 i; i < before.length; ++i) {
            if (tokens[4 * i + 3] == 0) continue;
            (address token, address to) =
                (address(uint160(tokens[4 * i])), address(uint160(tokens[4 * i + 2])));
            bool isCounted = isFirst && to == progress.ground.router;
            before[i] = isCounted ? _heldOf(held, token) : _balance(token, to);
        }
        Permit2Transfer.pull(intent, tokens, progress.witness, item.signature);
        for (uint256 i; i < before.length; ++i) {
            uint256 amount = tokens[4 * i + 3];
            if (amount == 0) continue;
            (address token, address to) =
                (address(uint160(tokens[4 * i])), address(uint160(tokens[4 * i + 2])));
            _requireExact(token, to, before[i], amount);
            if (to != progress.ground.router) _credit(progress, token, amount);
        }
    }

    /// What Permit2 is asked for, as it wants to be told, and room for what was there before.
    function _asked(Leg[] calldata legs, Progress memory progress, uint256[] memory fromWallet)
        private
        pure
        returns (uint256[] memory tokens, uint256[] memory before)
    {
        Role[] memory roles = progress.moved.roles;
        tokens = new uint256[](4 * roles.length);
        uint256 count;
        for (uint256 i; i < roles.length; ++i) {
            Role role = roles[i];
            if (role != Role.TokenSell && role != Role.Deposit) continue;
            Leg calldata leg = legs[i];
            tokens[count] = uint160(leg.asset);
            tokens[count + 1] = leg.quantityMax;
            tokens[count + 2] = role == Role.Deposit
                ? uint160(address(progress.ground.clearinghouse))
                : uint160(progress.ground.router);
            tokens[count + 3] = fromWallet[i];
            count += 4;
        }
        assembly ("memory-safe") {
            mstore(tokens, count) // what other legs would have taken stays unused
        }
        before = new uint256[](count / 4);
    }

    function _heldOf(Held memory held, address token) private pure returns (uint256) {
        uint256 i;
        while (held.tokens[i] != token) ++i;
        return held.amounts[i];
    }

    function _pullCollateral(Item calldata item, Progress memory progress) private {
        Pull[] calldata pulls = item.plan.pulls;
        for (uint256 i; i < pulls.length; ++i) {
            Pull calldata drawn = pulls[i];
            if (drawn.fromWallet) continue;
            address to = progress.ground.router;
            if (progress.moved.roles[drawn.leg] == Role.Withdraw) {
                to = item.intent.receiver;
                if (to == address(0)) revert ISettlement.ReceiverMissing();
            }
            progress.isTouching = true;
            // measures itself that `to` receives exactly this
            progress.ground.clearinghouse.release(progress.account, drawn.token, drawn.amount, to);
        }
    }

    // ---- 6: route

    /// What venues pay reaches an owner through the Router only. Counted at the receiver's own
    /// balance it could be the payment of another order of the owner's, filled in a venue's
    /// callback.
    function route(Item calldata item, Progress memory progress) internal {
        Step[] calldata steps = item.plan.steps;
        _checkTargets(steps, progress.ground);
        _checkOuts(item, progress.moved.roles);
        if (steps.length != 0) IRouter(progress.ground.router).run(steps);
    }

    function _checkTargets(Step[] calldata steps, Ground memory ground) private view {
        for (uint256 i; i < steps.length; ++i) {
            Step calldata step = steps[i];
            bytes calldata data = step.data;
            // bytes4 of shorter data would be padded to a selector that was never listed.
            bytes4 selector = data.length < 4 ? bytes4(0) : bytes4(data);
            if (data.length < 4 || !ground.params.isAllowed(step.target, selector)) {
                revert ISettlement.TargetNotAllowed(step.target, selector);
            }
        }
    }

    function _checkOuts(Item calldata item, Role[] memory roles) private pure {
        Out[] calldata outs = item.plan.outs;
        if (outs.length == 0) return;
        Leg[] calldata legs = item.intent.legs;
        for (uint256 i; i < outs.length; ++i) {
            Out calldata out = outs[i];
            uint256 leg = out.leg;
            if (roles[leg] != Role.TokenBuy) revert ISettlement.LegSide(leg);
            if (out.token != legs[leg].asset) revert ISettlement.TokenMismatch(leg, out.token);
        }
    }

    // ---- 7: pay the owner, pay the solver

    function deliver(Item calldata item, Progress memory progress) internal {
        Out[] calldata outs = item.plan.outs;
        for (uint256 i; i < outs.length; ++i) {
            Out calldata out = outs[i];
            uint256 amount = out.amount;
            if (amount == 0) continue;
            _payOwner(item, progress, out.token, amount);
            progress.moved.atoms[out.leg] += amount;
        }
        if (progress.moved.fee != 0) _payFee(item, progress);
    }

    function _payOwner(Item calldata item, Progress memory progress, address token, uint256 amount)
        private
    {
        address receiver = item.intent.receiver;
        if (receiver == address(0)) _store(progress, token, amount);
        else _send(progress.ground, token, receiver, amount);
    }

    /// Held back from settlement tokens when the item trades them, else from the account's cash.
    function _payFee(Item calldata item, Progress memory progress) private {
        Moved memory moved = progress.moved;
        address token = item.intent.limits.settlementToken;
        for (uint256 i; i < moved.roles.length; ++i) {
            if (moved.roles[i] != Role.TokenSell && moved.roles[i] != Role.TokenBuy) continue;
            if (moved.atoms[i] == 0 || item.intent.legs[i].asset != token) continue;
            _send(progress.ground, token, msg.sender, moved.fee);
            return;
        }
        if (token != progress.ground.quoteToken) revert ISettlement.FeeTooHigh(moved.fee, 0);
        moved.isFeeFromCash = true;
        progress.isTouching = true;
        bytes32 solver = AccountId.encode(msg.sender, item.plan.solverSubaccount);
        progress.ground.clearinghouse.moveCash(progress.account, solver, moved.fee);
    }

    // ---- 8: leave nothing

    /// The Router must hold exactly what it held before. What is left of a token goes to the one
    /// item that names it; the next caller would take it otherwise.
    function returnResiduals(
        Item[] calldata items,
        Progress[] memory progress,
        Held memory held,
        Ground memory ground
    ) internal {
        for (uint256 i; i < held.count; ++i) {
            (address token, uint256 before) = (held.tokens[i], held.amounts[i]);
            uint256 left = _balance(token, ground.router);
            if (left == before) continue;
            bool isReturned;
            for (uint256 j; left > before && j < items.length && !isReturned; ++j) {
                isReturned = _names(items[j].plan.residuals, token)
                    && _return(items[j], progress[j], token, left - before);
            }
            if (!isReturned) revert ISettlement.RouterNotEmpty(token, before, left);
        }
    }

    function _names(address[] calldata residuals, address token) private pure returns (bool) {
        for (uint256 i; i < residuals.length; ++i) {
            if (residuals[i] == token) return true;
        }
        return false;
    }

    /// Back to where the item's pull came from, as if less had been pulled; to an item that buys
    /// the token as surplus.
    function _return(Item calldata item, Progress memory progress, address token, uint256 left)
        private
        returns (bool)
    {
        Pull[] calldata pulls = item.plan.pulls;
        for (uint256 i; i < pulls.length; ++i) {
            Pull calldata drawn = pulls[i];
            if (drawn.token != token || drawn.amount < left) continue;
            if (progress.moved.roles[drawn.leg] != Role.TokenSell) continue;
            progress.moved.atoms[drawn.leg] -= left;
            if (drawn.fromWallet) _send(progress.ground, token, item.intent.owner, left);
            else _store(progress, token, left);
            return true;
        }
        Out[] calldata outs = item.plan.outs;
        for (uint256 i; i < outs.length; ++i) {
            if (outs[i].token != token) continue;
            progress.moved.atoms[outs[i].leg] += left;
            _payOwner(item, progress, token, left);
            return true;
        }
        return false;
    }

    // ---- measured transfers

    function _balance(address token, address holder) private view returns (uint256) {
        return IERC20(token).balanceOf(holder);
    }

    function _requireExact(address token, address to, uint256 held, uint256 amount) private view {
        uint256 received = _balance(token, to) - held;
        if (received != amount) revert ISettlement.NotExact(token, amount, received);
    }

    function _send(Ground memory ground, address token, address to, uint256 amount) private {
        uint256 held = _balance(token, to);
        IRouter(ground.router).send(token, to, amount);
        _requireExact(token, to, held, amount);
    }

    /// From the Router into the account's collateral.
    function _store(Progress memory progress, address token, uint256 amount) private {
        _send(progress.ground, token, address(progress.ground.clearinghouse), amount);
        _credit(progress, token, amount);
    }

    function _credit(Progress memory progress, address token, uint256 amount) private {
        progress.isTouching = true;
        progress.ground.clearinghouse.credit(progress.account, token, amount);
    }
}
