// Compiles contracts/src with npm solc into contracts/artifacts/<Contract>.json, byte for byte the
// same on every machine. Run time reads only the JSON; it never compiles.
//   node contracts/build.mjs           write the artifacts
//   node contracts/build.mjs --check   compare with the committed ones, write nothing
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCE = join(HERE, "src");
const ARTIFACTS = join(HERE, "artifacts");
const NODE_MODULES = join(HERE, "..", "node_modules");
const CODE_BYTES_MAX = 24_576; // EIP-170
const SETTINGS = {
  optimizer: { enabled: true, runs: 20000 },
  evmVersion: "cancun",
  viaIR: false,
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode", "evm.deployedBytecode.object"] } },
};

function main() {
  const check = process.argv.includes("--check");
  const sources = readSources();
  const solc = loadCompiler();
  const artifacts = build(solc, sources);
  const stale = check ? differences(artifacts) : write(artifacts);
  if (stale.length > 0) {
    fail(`stale artifacts: ${stale.join(", ")}. Run 'make contracts' and commit the result.`);
  }
  for (const [name, text] of artifacts) {
    const bytes = (JSON.parse(text).deployedBytecode.length - 2) / 2;
    console.log(`${check ? "same " : "wrote"} ${name.padEnd(20)} ${String(bytes).padStart(6)} bytes`);
    if (bytes > CODE_BYTES_MAX) fail(`${name} is over the ${CODE_BYTES_MAX} byte code limit`);
  }
}

/** Every file under src, by its posix path relative to src, in byte order. */
function readSources() {
  const paths = readdirSync(SOURCE, { recursive: true })
    .map((path) => path.split("\\").join("/"))
    .filter((path) => path.endsWith(".sol"))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return paths.map((path) => [path, readFileSync(join(SOURCE, path))]);
}

/** sha256 over path, NUL, content, NUL of every source; tests/contracts/test_artifacts.py agrees. */
function digest(sources) {
  const hash = createHash("sha256");
  for (const [path, content] of sources) {
    hash.update(path).update("\0").update(content).update("\0");
  }
  return hash.digest("hex");
}

function loadCompiler() {
  if (!existsSync(join(NODE_MODULES, "solc"))) fail("npm packages are missing: run 'make setup'");
  return createRequire(import.meta.url)(join(NODE_MODULES, "solc"));
}

function build(solc, sources) {
  const shared = { solc: solc.version(), sourceSha256: digest(sources) };
  const found = Object.values(compile(solc, sources)).flatMap(Object.entries);
  const linked = new Set(found.flatMap(([, contract]) => librariesOf(contract)));
  return found
    .filter(([name, contract]) => linked.has(name) || isDeployed(contract))
    .map(([name, contract]) => [name, artifact(name, contract, shared)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function compile(solc, sources) {
  const input = { language: "Solidity", sources: {}, settings: SETTINGS };
  for (const [path, content] of sources) {
    input.sources[`src/${path}`] = { content: content.toString("utf8") };
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readDependency }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) fail(errors.map((error) => error.formattedMessage).join("\n"));
  const ours = Object.entries(output.contracts).filter(([file]) => file.startsWith("src/"));
  return Object.fromEntries(ours);
}

function readDependency(path) {
  const file = join(NODE_MODULES, path);
  if (!path.startsWith("@") || !existsSync(file)) return { error: `not in node_modules: ${path}` };
  return { contents: readFileSync(file, "utf8") };
}

/** Names of the libraries that must be linked. One that only takes storage has no ABI of its own. */
function librariesOf({ evm }) {
  return Object.values(evm.bytecode.linkReferences).flatMap(Object.keys);
}

/** Has code and a way in: no interface, no abstract contract, no library of internal functions. */
function isDeployed({ abi, evm }) {
  const isCallable = abi.some(({ type }) => type !== "error" && type !== "event");
  return evm.bytecode.object !== "" && isCallable;
}

function artifact(contractName, contract, { solc, sourceSha256 }) {
  const { bytecode, deployedBytecode } = contract.evm;
  const fields = {
    contractName,
    abi: contract.abi,
    bytecode: `0x${bytecode.object}`,
    deployedBytecode: `0x${deployedBytecode.object}`,
    linkReferences: bytecode.linkReferences,
    solc,
    sourceSha256,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

function differences(artifacts) {
  const wanted = new Map(artifacts.map(([name, text]) => [`${name}.json`, text]));
  const present = existsSync(ARTIFACTS) ? readdirSync(ARTIFACTS) : [];
  const names = new Set([...wanted.keys(), ...present]);
  const isStale = (name) => {
    const path = join(ARTIFACTS, name);
    return !existsSync(path) || readFileSync(path, "utf8") !== wanted.get(name);
  };
  return [...names].filter(isStale).sort();
}

function write(artifacts) {
  rmSync(ARTIFACTS, { recursive: true, force: true });
  mkdirSync(ARTIFACTS);
  for (const [name, text] of artifacts) writeFileSync(join(ARTIFACTS, `${name}.json`), text);
  return [];
}

function fail(message) {
  console.error(`contracts/build.mjs: ${message}`);
  process.exit(1);
}

main();
