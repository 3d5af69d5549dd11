// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "./Vm.sol";

interface Pair {
    function token0() external view returns (address);
    function getReserves() external view returns (uint112, uint112, uint32);
    function mint(address to) external returns (uint256);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
}

interface Pool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function initialize(uint160 sqrtPriceX96) external;
    function mint(address to, int24 lower, int24 upper, uint128 amount, bytes calldata data)
        external
        returns (uint256, uint256);
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
}

interface PairFactory {
    function createPair(address a, address b) external returns (address);
}

interface PoolFactory {
    function createPool(address a, address b, uint24 feePips) external returns (address);
}

interface Mintable {
    function mint(address to, uint256 amount) external;
}

/// Cheat codes that only this file needs.
interface VmFiles {
    function split(string calldata text, string calldata by) external pure returns (string[] memory);
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function parseJsonString(string calldata json, string calldata key)
        external
        pure
        returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
}

/// The real thing, from the packages' own bytecode: a Uniswap v2 pair and a v3 pool at 4,000 with
/// about 1,000 WETH each, and Permit2.
abstract contract Venues is Test {
    VmFiles private constant FILES = VmFiles(address(vm));
    string private constant PACKAGES = "../node_modules/@uniswap/";

    function permit2Code() internal view returns (bytes memory) {
        string memory source = vm.readFile(
            string.concat(PACKAGES, "v4-periphery/lib/permit2/test/utils/DeployPermit2.sol")
        );
        string memory rest = FILES.split(source, 'hex"')[1];
        return FILES.parseBytes(string.concat("0x", FILES.split(rest, '"')[0]));
    }

    function openVenues(address usdc, address weth) internal returns (Pair pair, Pool pool) {
        string memory v2 =
            vm.readFile(string.concat(PACKAGES, "v2-core/build/UniswapV2Factory.json"));
        address factory = _create(
            bytes.concat(
                FILES.parseBytes(string.concat("0x", FILES.parseJsonString(v2, ".bytecode"))),
                abi.encode(address(1))
            )
        );
        pair = Pair(PairFactory(factory).createPair(usdc, weth));
        Mintable(usdc).mint(address(pair), 4_000_000e6);
        Mintable(weth).mint(address(pair), 1000e18);
        pair.mint(address(1));

        string memory v3 = vm.readFile(
            string.concat(
                PACKAGES, "v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"
            )
        );
        factory = _create(FILES.parseJsonBytes(v3, ".bytecode"));
        pool = Pool(PoolFactory(factory).createPool(usdc, weth, 3000));
        // sqrt(price) in Q96 of 4,000 USDC atoms x 1e6 per 1e18 wei, either way round
        pool.initialize(
            pool.token0() == usdc
                ? 1_252_707_241_875_239_655_932_069_007_848_031
                : 5_010_828_967_500_958_623_728_276
        );
        pool.mint(address(this), -887_220, 887_220, 63e15, "");
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        Mintable(Pool(msg.sender).token0()).mint(msg.sender, amount0);
        Mintable(Pool(msg.sender).token1()).mint(msg.sender, amount1);
    }

    function _create(bytes memory code) private returns (address deployed) {
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        require(deployed != address(0), "not deployed");
    }
}
