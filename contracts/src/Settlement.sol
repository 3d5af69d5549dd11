// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Authority} from "./Authority.sol";
import {Ground, Verdict} from "./Checks.sol";
import {Clearing} from "./Clearing.sol";
import {Execution, Warrant} from "./Execution.sol";
import {Router} from "./Router.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IParams} from "./interfaces/IParams.sol";
import {Relay} from "./libraries/Relay.sol";
import {Item} from "./types/Plan.sol";
import {Report} from "./types/Report.sol";

/// Turns signed outcomes into positions and tokens: authorise, pull exactly, route, measure, check
/// every signed bound, trade, gate. All of a call happens or none of it. It holds no token and no
/// allowance.
contract Settlement is Authority, ReentrancyGuardTransient {
    IParams public immutable params;
    address public immutable clearinghouse;
    address public immutable router;
    address public immutable quoteToken;
    uint256 public immutable sunset;
    uint256 private immutable _atomWad;

    constructor(IParams params_, IClearinghouse clearinghouse_, uint256 sunset_) {
        params = params_;
        clearinghouse = address(clearinghouse_);
        quoteToken = clearinghouse_.quoteToken();
        sunset = sunset_;
        router = address(new Router(address(this)));
        _atomWad = 10 ** (18 - IERC20Metadata(quoteToken).decimals());
    }

    /// The twelve steps of CONTRACTS.md 5.1, every authority first. Trades are judged once, after
    /// all of them: the order of items does not matter, and what one item pays in may pay another
    /// out.
    function settle(Item[] calldata items, Report calldata report, bytes[] calldata signatures)
        external
        nonReentrant
    {
        _admit();
        _requireOnePerAccount(items);
        Warrant[] memory warrants = _room(items.length);
        for (uint256 i; i < items.length; ++i) {
            Item calldata item = items[i];
            warrants[i] = _authorise(item);
            _takeQuotes(item.plan);
        }
        Ground memory ground = _ground();
        Clearing.observe(items, ground, report, signatures);
        Verdict[] memory verdicts = _execute(ground, warrants);
        Clearing.clear(items, verdicts, ground, report, signatures);
        for (uint256 i; i < items.length; ++i) {
            _conclude(items[i], warrants[i], verdicts[i]);
        }
    }

    /// Pointers that are set before they are followed: an array of structs would be filled with empty
    /// ones first.
    function _room(uint256 length) private pure returns (Warrant[] memory warrants) {
        uint256[] memory words = new uint256[](length);
        assembly ("memory-safe") {
            warrants := words
        }
    }

    function _conclude(Item calldata item, Warrant memory warrant, Verdict memory verdict) private {
        address owner = item.intent.owner;
        uint256 fee = item.plan.fee;
        if (warrant.isMetered) _meter(owner, warrant.budget, verdict, fee);
        emit Settled(warrant.digest, owner, msg.sender, warrant.fraction, verdict.cost, fee);
    }

    function _admit() private view {
        (bool isSolver, bool isSealed, bool isPaused) = params.admission(msg.sender);
        if (!isSolver) revert NotSolver(msg.sender);
        if (!isSealed) revert NotSealed();
        if (isPaused) revert RiskPaused();
        if (block.timestamp > sunset) revert SunsetPassed(sunset);
    }

    /// Two intents of one account would make "before" and "after" ambiguous.
    function _requireOnePerAccount(Item[] calldata items) private pure {
        if (items.length < 2) return;
        bytes32[] memory accounts = new bytes32[](items.length);
        for (uint256 i; i < items.length; ++i) {
            bytes32 account = _accountOf(items[i].intent);
            for (uint256 j; j < i; ++j) {
                if (accounts[j] == account) revert OneIntentPerAccount(account);
            }
            accounts[i] = account;
        }
    }

    function _ground() private view returns (Ground memory) {
        return Ground(params, IClearinghouse(clearinghouse), router, quoteToken, _atomWad);
    }

    /// Hands this very call's calldata to the linked library, see `Execution.execute`.
    function _execute(Ground memory ground, Warrant[] memory warrants)
        private
        returns (Verdict[] memory)
    {
        uint256[] memory extra = new uint256[](5 + 3 * warrants.length);
        for (uint256 i; i < warrants.length; ++i) {
            Warrant memory warrant = warrants[i];
            assembly ("memory-safe") {
                mcopy(add(extra, 32), ground, 160)
                // struct hash, fraction, whether metered: the fields behind the digest
                mcopy(add(extra, add(192, mul(i, 96))), add(warrant, 32), 96)
            }
        }
        bytes memory answer = Relay.delegate(address(Execution), Execution.execute.selector, extra);
        return _verdicts(answer, warrants.length);
    }

    /// A Verdict lies in an answer as it lies in memory: each word is pointed at, none is copied.
    function _verdicts(bytes memory answer, uint256 count)
        private
        pure
        returns (Verdict[] memory verdicts)
    {
        uint256[] memory words = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            assembly ("memory-safe") {
                // behind the answer's length, its offset and the list's length; five words each
                mstore(add(words, mul(add(i, 1), 32)), add(answer, add(96, mul(i, 160))))
            }
        }
        assembly ("memory-safe") {
            verdicts := words
        }
    }
}
