// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// An AggregatorV3 that answers what the test says, one slot per round as the real ones. Unknown rounds
/// answer zeros, or revert if so set.
contract Feed {
    struct Round {
        int192 answer;
        uint64 updatedAt;
    }

    uint8 public decimals;
    bool public isReverting;
    uint80 public latest;
    mapping(uint80 id => Round) public rounds;

    constructor(uint8 decimals_) {
        decimals = decimals_;
        latest = (1 << 64);
    }

    /// The next round of the current phase, now.
    function set(int256 answer) external {
        push(answer, block.timestamp);
    }

    function push(int256 answer, uint256 updatedAt) public returns (uint80 id) {
        id = ++latest;
        rounds[id] = Round(int192(answer), uint64(updatedAt));
    }

    /// The next push opens the next phase.
    function nextPhase() external {
        latest = ((latest >> 64) + 1) << 64;
    }

    function setRound(uint80 id, int256 answer, uint256 updatedAt) external {
        rounds[id] = Round(int192(answer), uint64(updatedAt));
    }

    function setReverting(bool value) external {
        isReverting = value;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _read(latest);
    }

    function getRoundData(uint80 id)
        external
        view
        returns (uint80, int256, uint256, uint256, uint80)
    {
        require(!isReverting || rounds[id].updatedAt != 0, "No data present");
        return _read(id);
    }

    function _read(uint80 id) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = rounds[id];
        return (id, round.answer, round.updatedAt, round.updatedAt, id);
    }
}
