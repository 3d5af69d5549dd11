// Signs EIP-712 documents as a viem wallet would. stdin: {key, documents: [typedData]}; stdout: JSON
// [{address, digest, signature}].
import { readFileSync } from "node:fs";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const { key, documents } = JSON.parse(readFileSync(0, "utf8"));
const account = privateKeyToAccount(key);
const out = [];
for (const { types, primaryType, domain, message } of documents) {
  const { EIP712Domain, ...rest } = types;
  const document = { types: rest, primaryType, domain: { ...domain, chainId: Number(domain.chainId) }, message };
  out.push({
    address: account.address,
    digest: hashTypedData(document),
    signature: await account.signTypedData(document),
  });
}
process.stdout.write(JSON.stringify(out));
