// Prints the runtime bytecode of contracts/test/support/MarginHarness.sol, compiled like the product
// and linked with Asians at the address given, then that library's own.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");
const HARNESS = "contracts/test/support/MarginHarness.sol";
const LIBRARY = "contracts/src/libraries/Asians.sol";
const at = process.argv[2];
const solc = createRequire(import.meta.url)(join(ROOT, "node_modules", "solc"));

function read(path) {
  const file = path.startsWith("@") ? join(ROOT, "node_modules", path) : join(ROOT, path);
  if (posix.normalize(path).startsWith("..") || !existsSync(file)) return { error: path };
  return { contents: readFileSync(file, "utf8") };
}

const input = {
  language: "Solidity",
  sources: { [HARNESS]: { content: readFileSync(join(ROOT, HARNESS), "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    libraries: { [LIBRARY]: { Asians: at } },
    outputSelection: {
      [HARNESS]: { MarginHarness: ["evm.deployedBytecode.object"] },
      [LIBRARY]: { Asians: ["evm.deployedBytecode.object"] },
    },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
if (errors.length > 0) {
  console.error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  process.exit(1);
}
console.log(`0x${output.contracts[HARNESS].MarginHarness.evm.deployedBytecode.object}`);
console.log(`0x${output.contracts[LIBRARY].Asians.evm.deployedBytecode.object}`);
