// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Token} from "../support/Tokens.sol";

/// Balances are shares of what anybody says they are worth, also in the middle of a transfer.
contract RebasingToken is Token {
    uint256 private _percent = 100;
    uint256 private _next;

    constructor() Token("REBASE", 18) {}

    function rebase(uint256 percent) external {
        _percent = percent;
    }

    function rebaseOnTransfer(uint256 percent) external {
        _next = percent;
    }

    function balanceOf(address who) public view override returns (uint256) {
        return super.balanceOf(who) * _percent / 100;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 percent = from == address(0) ? 100 : _percent;
        super._update(from, to, amount * 100 / percent);
        if (_next != 0) (_percent, _next) = (_next, 0);
    }
}

/// Does on `transfer` what it was told: 1 says no, 2 reverts, 3 burns all gas, 4 moves nothing,
/// 5 answers nothing at all, as USDT does.
contract OddToken is Token {
    error Frozen();

    uint256 private _how;

    constructor() Token("ODD", 18) {}

    function turn(uint256 how) external {
        _how = how;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_how == 1) return false;
        if (_how == 2) revert Frozen();
        while (_how == 3) {}
        if (_how == 4) return true;
        super.transfer(to, amount);
        if (_how != 5) return true;
        assembly ("memory-safe") {
            return(0, 0)
        }
    }
}
