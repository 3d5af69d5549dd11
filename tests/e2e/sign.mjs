// Signs EIP-712 documents as a viem wallet would. stdin: {key, documents: [typedData], wallet?};
// stdout: JSON [{address, digest, signature, nested?}]. `wallet` is the EIP-712 domain of a contract
// wallet of that key: nested = {digest, signature, asWrapped} signs for it (ERC-7739).
import { readFileSync } from "node:fs";
import { concat, domainSeparator, hashStruct, hashTypedData, size, stringToHex, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { hashTypedData as hashNested, wrapTypedDataSignature } from "viem/experimental/erc7739";

const { key, documents, wallet } = JSON.parse(readFileSync(0, "utf8"));
const account = privateKeyToAccount(key);

/** viem's own wrap names the type of the contents first; EIP-712 hashes all types in order. Ours
 *  therefore describes them in that order and appends the name (explicit mode). */
async function nest(document) {
  const { types, primaryType, domain, message } = document;
  const digest = hashNested({ ...document, verifierDomain: wallet });
  const signature = await account.sign({ hash: digest });
  const described = Object.keys(types)
    .sort()
    .map((name) => `${name}(${types[name].map((field) => `${field.type} ${field.name}`).join(",")})`);
  const description = stringToHex(described.join("") + primaryType);
  return {
    digest,
    signature: concat([
      signature,
      domainSeparator({ domain }),
      hashStruct({ types, primaryType, data: message }),
      description,
      toHex(size(description), { size: 2 }),
    ]),
    asWrapped: wrapTypedDataSignature({ ...document, signature }),
  };
}

const out = [];
for (const { types, primaryType, domain, message } of documents) {
  const { EIP712Domain, ...rest } = types;
  const document = { types: rest, primaryType, domain: { ...domain, chainId: Number(domain.chainId) }, message };
  out.push({
    address: account.address,
    digest: hashTypedData(document),
    signature: await account.signTypedData(document),
    ...(wallet && { nested: await nest(document) }),
  });
}
process.stdout.write(JSON.stringify(out));
