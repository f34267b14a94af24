import { readFileSync } from "node:fs";
import { createMemorySigner } from "../adapters/signers/memory.ts";
import type { Config } from "../config/schema.ts";
import { assertSignerMatches, parseIssuerChain } from "../core/certificate/issuer-chain.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import { MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";
import { makeCaChain } from "./make-ca.ts";

/**
 * The CA's chain: the configured file, checked against the key; or one made on the spot for a memory key.
 *
 * @throws MayflyError `profile_violation` or `signer_failed` when the chain or its key are not as the profile wants them
 */
export async function loadChain({ ca }: Config, signer: Signer, nowMs: number): Promise<IssuerChain> {
  const pem = ca.chain === undefined ? await makeMemoryChain(signer, nowMs) : readChain(ca.chain);
  try {
    const chain = parseIssuerChain(pem, nowMs);
    assertSignerMatches(chain, signer.publicKey);
    return chain;
  } catch (cause) {
    if (!(cause instanceof MayflyError) || ca.chain === undefined) throw cause;
    throw new MayflyError(cause.reason, `ca.chain ${ca.chain}`, { cause });
  }
}

function makeMemoryChain(issuing: Signer, nowMs: number): Promise<string> {
  return makeCaChain({ organization: "Mayfly memory", root: createMemorySigner("ecdsa-p384-sha384"), issuing, nowMs });
}

function readChain(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", `ca.chain ${file} cannot be read`, { cause });
  }
}
