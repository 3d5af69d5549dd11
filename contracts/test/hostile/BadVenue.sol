// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// A venue that was listed and turned bad: what a call to it can do is what a solver can plan.
contract BadVenue {
    function nothing() external {}

    function pay(address token, address to, uint256 amount) external {
        require(IERC20(token).transfer(to, amount), "not paid");
    }

    function reenter(address target, bytes calldata call) external {
        (bool ok, bytes memory reason) = target.call(call);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
