// Re-reads every figure of receipt.json that the chain knows, to the atom, and recomputes the rest.
// viem only: nothing of the project is imported, so an agreement here is the word of two programs.
//
//   node tests/e2e/verify_receipt.mjs [receipt.json]
import { readFileSync } from "node:fs";
import {
  createPublicClient,
  decodeEventLog,
  decodeFunctionData,
  erc20Abi,
  hashTypedData,
  http,
  keccak256,
  parseAbi,
  recoverTypedDataAddress,
} from "viem";

const LEG =
  "struct Leg { string kind; address asset; string side; string right; uint256 strikeMin; uint256 strikeMax; uint64 expiryMin; uint64 expiryMax; uint256 quantityMin; uint256 quantityMax; uint256 limitPrice; uint256 chainId; }";
const LIMITS =
  "struct Limits { address settlementToken; int256 maxNetCost; uint256 maxFee; uint32 maxSlippageBps; int256 targetDelta; uint256 deltaTolerance; uint256 maxMarginUsed; uint256 minHealth; }";
const abi = parseAbi([
  LEG,
  LIMITS,
  "struct OutcomeIntent { address owner; uint64 subaccount; address receiver; string outcome; Leg[] legs; Limits limits; bool partiallyFillable; uint32 validFrom; uint32 validTo; uint256 nonce; bytes32 appData; }",
  "struct Quote { address maker; uint64 subaccount; address solver; uint160 instrument; bool makerSells; uint256 price; uint256 maxQuantity; uint32 validTo; uint256 nonce; }",
  "struct SignedQuote { Quote quote; bytes signature; }",
  "struct Pull { uint8 leg; address token; uint256 amount; bool fromWallet; }",
  "struct Step { address target; address payToken; uint256 payAmount; uint8 mode; bytes data; }",
  "struct Out { uint8 leg; address token; uint256 amount; }",
  "struct Fill { uint8 leg; uint160 instrument; int96 quantity; uint256 price; uint8 quoteIndex; uint8 hintOwner; uint8 hintCounterparty; }",
  "struct Plan { Pull[] pulls; Step[] steps; Out[] outs; SignedQuote[] quotes; Fill[] fills; address[] residuals; uint256 fee; uint256 fraction; uint64 solverSubaccount; }",
  "struct Item { OutcomeIntent intent; bytes signature; uint8 scheme; Plan plan; }",
  "struct Mark { uint160 instrument; uint256 price; }",
  "struct AccountRisk { bytes32 account; bytes32 positionsBefore; bytes32 positionsAfter; int256 optionsMtm; uint256 imBefore; uint256 im; uint256 mm; int256 netDelta; uint16 market; }",
  "struct Report { bytes32 snapshotHash; uint40 asOf; uint40 validUntil; Mark[] marks; AccountRisk[] accounts; }",
  "function settle(Item[] items, Report report, bytes[] signatures)",
  "function digestOf(OutcomeIntent intent) view returns (bytes32)",
  "function isNonceUsed(address owner, uint256 nonce) view returns (bool)",
  "function cashOf(bytes32 account) view returns (int256)",
  "function positions(bytes32 account) view returns (uint256[])",
  "function simple(bytes32 account) view returns (int256 im, int256 mm, int256 equity)",
  "function expiryPrice(uint16 market, uint40 expiry) view returns (uint256)",
  "function decimals() view returns (uint8)",
  "function latestRoundData() view returns (uint80, int256, uint256, uint256, uint80)",
  "function getRoundData(uint80 round) view returns (uint80, int256, uint256, uint256, uint80)",
  "event ExpiryFixed(uint16 indexed market, uint40 indexed expiry, uint256 price)",
  "event ExpirySettled(bytes32 indexed account, uint160 indexed instrument, int96 quantity, uint256 price, int256 cash)",
  "event Settled(bytes32 indexed digest, address indexed owner, address indexed solver, uint256 fraction, int256 netCost, uint256 fee)",
  "event Traded(bytes32 indexed a, bytes32 indexed b, uint160 indexed instrument, int96 quantity, uint256 price, int256 cash)",
  "event CashMoved(bytes32 indexed account, int256 amount)",
  "event BaseMoved(bytes32 indexed account, uint160 indexed instrument, int256 quantity)",
]);
const TYPES = {
  Leg: fields(LEG),
  Limits: fields(LIMITS),
  OutcomeIntent: [
    ["owner", "address"], ["subaccount", "uint64"], ["receiver", "address"], ["outcome", "string"],
    ["legs", "Leg[]"], ["limits", "Limits"], ["partiallyFillable", "bool"], ["validFrom", "uint32"],
    ["validTo", "uint32"], ["nonce", "uint256"], ["appData", "bytes32"],
  ].map(([name, type]) => ({ name, type })),
};
const WAD = 10n ** 18n;

function fields(struct) {
  const body = struct.slice(struct.indexOf("{") + 1, struct.indexOf("}"));
  return body.split(";").map((f) => f.trim()).filter(Boolean).map((f) => {
    const [type, name] = f.split(" ");
    return { name, type };
  });
}

let checks = 0;
function same(what, ours, theirs) {
  checks += 1;
  if (String(ours).toLowerCase() === String(theirs).toLowerCase()) return;
  console.error(`MISMATCH ${what}: receipt ${ours}, chain ${theirs}`);
  process.exit(1);
}
function holds(what, claim) {
  checks += 1;
  if (claim) return;
  console.error(`FALSE ${what}`);
  process.exit(1);
}
const abs = (x) => (x < 0n ? -x : x);
const ceilDiv = (a, b) => (a > 0n ? (a + b - 1n) / b : a / b);

const receipt = JSON.parse(readFileSync(process.argv[2] ?? "receipt.json", "utf8"));
for (const run of receipt.runs) await verify(run);
console.log(`${checks} figures of ${receipt.runs.length} chains re-read: all equal`);

async function verify(run) {
  const client = createPublicClient({ transport: http(run.rpcUrl) });
  same(`${run.name} chain id`, run.chainId, await client.getChainId());
  for (const s of run.settlements) await verifySettlement(run, client, s);
  for (const e of run.expiries) await verifyExpiry(run, client, e);
  console.log(`${run.name}: ${run.settlements.length} settlements, ${run.expiries.length} expiries`);
}

async function verifySettlement(run, client, s) {
  const { settlement, clearinghouse } = run.contracts;
  const domain = {
    name: "Solvent", version: "1", chainId: run.chainId, verifyingContract: settlement,
  };
  const at = (block) => ({ blockNumber: BigInt(block) });
  const read = (address, functionName, args, block) =>
    client.readContract({ address, abi, functionName, args, ...at(block) });
  const accountKey = `0x${s.owner.slice(2).padStart(48, "0")}${BigInt(s.subaccount).toString(16).padStart(16, "0")}`;

  // identity: the digest by viem, by the contract, and in the receipt
  const digest = hashTypedData({ domain, types: TYPES, primaryType: "OutcomeIntent", message: s.intent });
  same(`${s.name} digest`, s.digest, digest);
  same(`${s.name} digest on chain`, digest, await read(settlement, "digestOf", [s.intent], s.blockNumber));
  same(`${s.name} uid`, s.uid,
    digest + s.owner.slice(2) + Number(s.intent.validTo).toString(16).padStart(8, "0"));
  if (s.scheme === "eip712") {
    const signer = await recoverTypedDataAddress({
      domain, types: TYPES, primaryType: "OutcomeIntent", message: s.intent, signature: s.signature,
    });
    same(`${s.name} signer`, s.owner, signer);
  }

  // the transaction and its events
  const tx = await client.getTransactionReceipt({ hash: s.txHash });
  same(`${s.name} status`, "success", tx.status);
  same(`${s.name} block`, s.blockNumber, tx.blockNumber);
  const events = tx.logs
    .filter((log) => [settlement, clearinghouse].some((a) => a.toLowerCase() === log.address))
    .map((log) => ({ ...decodeEventLog({ abi, ...log, strict: true }), logIndex: log.logIndex }));
  const settled = events.filter((e) => e.eventName === "Settled" && e.args.digest === digest);
  same(`${s.name} settled once`, 1, settled.length);
  for (const key of ["netCost", "fee", "fraction", "solver"]) {
    same(`${s.name} ${key}`, s[key], settled[0].args[key]);
  }
  const ours = events.filter((e) =>
    ["account", "a", "b"].some((k) => e.args[k] === accountKey) || e.args.digest === digest);
  same(`${s.name} number of events`, s.logs.length, ours.length);
  s.logs.forEach((log, i) => {
    same(`${s.name} log ${i}`, log.logIndex, ours[i].logIndex);
    same(`${s.name} log ${i} name`, log.name, ours[i].eventName);
    for (const [key, value] of Object.entries(log.args)) {
      same(`${s.name} log ${i} ${key}`, value, ours[i].args[key]);
    }
  });

  // fills and premium, from Traded alone
  const trades = events.filter((e) => e.eventName === "Traded" && [e.args.a, e.args.b].includes(accountKey));
  same(`${s.name} number of fills`, s.fills.length, trades.length);
  let premium = 0n;
  trades.forEach(({ args }, i) => {
    const sign = args.a === accountKey ? 1n : -1n;
    same(`${s.name} fill ${i} instrument`, s.fills[i].instrument, args.instrument);
    same(`${s.name} fill ${i} quantity`, s.fills[i].quantity, sign * args.quantity);
    same(`${s.name} fill ${i} price`, s.fills[i].price, args.price);
    same(`${s.name} fill ${i} cash`, s.fills[i].cash, -sign * args.cash);
    if ([1n, 2n].includes((args.instrument >> 136n) & 0xffn)) premium -= sign * args.cash;
  });
  same(`${s.name} premium`, s.premium, premium);

  // token amounts that crossed the owner's wallet, by balance before and after
  for (const { token, delta, account } of s.wallet) {
    const balance = (block) =>
      client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [account], ...at(block) });
    const moved = (await balance(s.blockNumber)) - (await balance(s.blockNumber - 1));
    same(`${s.name} wallet ${token}`, delta, moved);
  }

  // account, SIMPLE margin and nonce, before and after
  for (const view of [s.account.before, s.account.after]) {
    same(`${s.name} cash @${view.block}`, view.cash, await read(clearinghouse, "cashOf", [accountKey], view.block));
    const slots = await read(clearinghouse, "positions", [accountKey], view.block);
    same(`${s.name} slots @${view.block}`, view.positions.length, slots.length);
    view.positions.forEach(([instrument, quantity], i) => {
      same(`${s.name} slot ${i} @${view.block}`, instrument, slots[i] >> 96n);
      same(`${s.name} slot ${i} @${view.block}`, quantity, BigInt.asIntN(96, slots[i]));
    });
    const [im, mm, equity] = await read(clearinghouse, "simple", [accountKey], view.block);
    same(`${s.name} initial margin @${view.block}`, view.margin.initial, im);
    same(`${s.name} maintenance margin @${view.block}`, view.margin.maintenance, mm);
    same(`${s.name} equity @${view.block}`, view.margin.equity, equity);
  }
  const nonce = BigInt(s.intent.nonce);
  same(`${s.name} nonce before`, false, await read(settlement, "isNonceUsed", [s.owner, nonce], s.blockNumber - 1));
  same(`${s.name} nonce after`, true, await read(settlement, "isNonceUsed", [s.owner, nonce], s.blockNumber));

  // signed bounds, once more
  const limits = s.intent.limits;
  holds(`${s.name} fee within maxFee`, BigInt(s.fee) <= BigInt(limits.maxFee));
  holds(`${s.name} net cost within maxNetCost`, BigInt(s.netCost) <= BigInt(limits.maxNetCost));
  if (BigInt(limits.deltaTolerance) !== 2n ** 256n - 1n) {
    const call = await client.getTransaction({ hash: s.txHash });
    const [, report] = decodeFunctionData({ abi, data: call.input }).args;
    const slots = await read(clearinghouse, "positions", [accountKey], s.blockNumber);
    const packed = `0x${slots.map((x) => x.toString(16).padStart(64, "0")).join("")}`;
    const risk = report.accounts.find((a) => a.account === accountKey);
    same(`${s.name} attested positions`, risk.positionsAfter, keccak256(packed));
    // base and perps count exactly; what is left is the attested options' part, which must be what
    // the quote said it would be but for the moments in between
    const exact = slots.reduce((sum, slot) => {
      const kind = (slot >> 232n) & 0xffn;
      const unit = kind === 0n ? WAD : kind === 3n ? 10n ** BigInt(36 - s.baseDecimals) : 0n;
      return sum + (BigInt.asIntN(96, slot) * unit) / WAD;
    }, 0n);
    const options = slots.reduce((sum, slot) => {
      const [kind, q] = [(slot >> 232n) & 0xffn, BigInt.asIntN(96, slot)];
      return kind === 1n || kind === 2n ? sum + abs(q) : sum;
    }, 0n);
    const optionDelta = risk.netDelta - exact;
    holds(`${s.name} option delta ${optionDelta} is a delta`, abs(optionDelta) <= options);
    holds(`${s.name} delta as quoted`, abs(risk.netDelta - BigInt(s.delta)) <= options / 200n);
    const miss = abs(risk.netDelta - BigInt(limits.targetDelta));
    holds(`${s.name} net delta ${risk.netDelta} within tolerance`, miss <= BigInt(limits.deltaTolerance));
  }

  // what only the receipt knows: payoff at expiry and the certificate's gap
  for (const curve of s.payoff) {
    const cover = BigInt(curve.coverAtoms) * 10n ** BigInt(18 - s.baseDecimals);
    const worth = (P) => curve.legs.reduce((sum, leg) => {
      const id = BigInt(leg.instrument);
      const [kind, strike] = [(id >> 136n) & 0xffn, id & (2n ** 96n - 1n)];
      const intrinsic = kind === 1n ? P - strike : strike - P;
      const value = kind === 0n ? P : intrinsic > 0n ? intrinsic : 0n;
      return sum + BigInt(leg.quantity) * (value - BigInt(leg.price));
    }, cover * P);
    const floor = (x) => (x >= 0n ? x / WAD : -((-x + WAD - 1n) / WAD));
    // the cover's entry price is the one figure taken from the curve: its first point fixes it
    const [price0, value0] = curve.points[0].map(BigInt);
    const entry = floor(worth(price0)) - BigInt(curve.cost) - value0;
    for (const [price, value] of curve.points) {
      const here = floor(worth(BigInt(price))) - BigInt(curve.cost) - entry;
      holds(`${s.name} payoff at ${price}: ${value}, recomputed ${here}`, abs(here - BigInt(value)) <= 1n);
    }
    if (cover === 0n) same(`${s.name} payoff entry`, 0, entry);
  }
  const { value, bound, gapPpm } = s.certificate;
  const size = abs(BigInt(value)) || 1n;
  same(`${s.name} gapPpm`, gapPpm, ceilDiv((BigInt(bound) - BigInt(value)) * 1_000_000n, size));
  holds(`${s.name} value within bound`, BigInt(value) <= BigInt(bound));
  console.log(`ok ${s.name}: ${s.txHash}`);
}

// An option held to its end: the price is the mean of the feed's rounds over the last half hour,
// recomputed here from the rounds themselves, and the cash is the intrinsic value at that price.
async function verifyExpiry(run, client, e) {
  const { clearinghouse, quoteDecimals } = run.contracts;
  const feed = run.feeds[e.market];
  const read = (address, functionName, args, block) =>
    client.readContract({ address, abi, functionName, args, ...(block && { blockNumber: BigInt(block) }) });
  const account = `0x${e.owner.slice(2).padStart(48, "0")}${BigInt(e.subaccount).toString(16).padStart(16, "0")}`;
  const [kind, expiry, strike] = [BigInt(e.instrument) >> 136n & 0xffn,
    BigInt(e.instrument) >> 96n & (2n ** 40n - 1n), BigInt(e.instrument) & (2n ** 96n - 1n)];
  same(`${e.name} expiry`, e.expiry, expiry);

  const decimals = BigInt(await read(feed, "decimals", []));
  let [round] = await read(feed, "latestRoundData", []);
  let [until, sum] = [expiry, 0n];
  for (; until > expiry - 1800n; round -= 1n) {
    const [, answer, , updatedAt] = await read(feed, "getRoundData", [round]);
    if (updatedAt >= until) continue;
    const from = updatedAt > expiry - 1800n ? updatedAt : expiry - 1800n;
    sum += answer * (until - from);
    until = from;
  }
  const price = (sum * 10n ** (18n - decimals)) / 1800n;
  same(`${e.name} mean of the rounds`, e.price, price);
  same(`${e.name} price on chain`, e.price, await read(clearinghouse, "expiryPrice", [Number(e.market), Number(expiry)]));

  const intrinsic = kind === 1n ? price - strike : strike - price;
  const worth = BigInt(e.quantity) * (intrinsic > 0n ? intrinsic : 0n);
  const unit = 10n ** BigInt(36 - quoteDecimals);
  same(`${e.name} cash is the intrinsic value`, e.cash, worth >= 0n ? worth / unit : -((-worth + unit - 1n) / unit));

  const tx = await client.getTransactionReceipt({ hash: e.txHash });
  same(`${e.name} status`, "success", tx.status);
  const settled = tx.logs
    .filter((log) => log.address === clearinghouse.toLowerCase())
    .map((log) => decodeEventLog({ abi, ...log, strict: true }))
    .filter((log) => log.eventName === "ExpirySettled" && log.args.account === account
      && String(log.args.instrument) === e.instrument);
  same(`${e.name} settled once`, 1, settled.length);
  for (const key of ["quantity", "price", "cash"]) same(`${e.name} ${key}`, e[key], settled[0].args[key]);
  const moved = (await read(clearinghouse, "cashOf", [account], tx.blockNumber))
    - (await read(clearinghouse, "cashOf", [account], tx.blockNumber - 1n));
  same(`${e.name} cash of the account`, e.accountCash, moved);
  const slots = await read(clearinghouse, "positions", [account], tx.blockNumber);
  holds(`${e.name} is held no more`, !slots.some((slot) => String(slot >> 96n) === e.instrument));
  console.log(`ok ${e.name}: ${e.txHash}`);
}
