import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Ceremony } from "../../config/ceremony.ts";
import { assertSignerMatches, parseIssuerChain } from "../../core/certificate/issuer-chain.ts";
import { MayflyError } from "../../core/errors.ts";
import { writeBundle } from "./bundle.ts";
import { openCeremonyKeys } from "./ceremony-keys.ts";
import type { CeremonyKeys } from "./ceremony-keys.ts";
import { keepPlan, PLAN_FILE } from "./ceremony-plan.ts";
import type { CeremonyContext } from "./ceremony-context.ts";
import { certify, toPem } from "./certify.ts";
import { keepFile, readKept } from "./keep-file.ts";

/** Chain file of a CA that is whole, and of the authorities of an offline root. */
export const CHAIN_FILE = "chain.pem";

/**
 * Makes the certificates of a ceremony and everything that is made of them, in one folder. Each file is the record of its step:
 * a run that was killed is run again, and goes on behind the last one. Nothing that is there is signed or written again.
 *
 * @returns lines of SHA-256 and name, for people to compare
 * @throws MayflyError CEREMONY_CONFLICT when the folder holds anything else; what opening keys and signing throw
 */
export async function initCa(ceremony: Ceremony, context: CeremonyContext): Promise<string> {
  const keys = await openCeremonyKeys(ceremony, context.env);
  try {
    makeFolder(ceremony.folder);
    const chain =
      ceremony.layout === "issuing-only"
        ? readBroughtChain(ceremony, keys, context)
        : await makeChain(ceremony, keys, context);
    return await writeBundle({ ceremony, keys, chain, context });
  } finally {
    await keys.close();
  }
}

/** @throws MayflyError `internal` (FILE_NOT_WRITTEN) */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new MayflyError("FILE_NOT_WRITTEN", `the folder ${folder} could not be made`, { cause });
  }
}

async function makeChain(
  ceremony: Ceremony,
  keys: CeremonyKeys,
  context: CeremonyContext,
): Promise<readonly Uint8Array[]> {
  const { nowMs, onStep } = context;
  const at = (name: string): string => join(ceremony.folder, name);
  const plan = keepPlan(ceremony, keys.authorities, nowMs);
  onStep({ kind: "kept", file: at(PLAN_FILE), kept: plan.kept });
  // The root first, as the folder shows; the last one signed comes first in a chain.
  let chain: readonly Uint8Array[] = [];
  for (const [index, template] of plan.templates.entries()) {
    const authority = keys.authorities[index];
    const signer = (keys.authorities[index - 1] ?? authority)?.key;
    if (authority === undefined || signer === undefined) throw new TypeError("a plan without its authority");
    const file = at(`${authority.name}.pem`);
    const onSign = (): void => {
      onStep({ kind: "signing", file });
    };
    const { der, kept } = await certify({ file, template, signer, onSign });
    onStep({ kind: "kept", file, kept });
    chain = [der, ...chain];
  }
  const pem = chain.map(toPem).join("");
  // Nothing is handed on that a start would refuse.
  parseIssuerChain(pem, nowMs);
  onStep({ kind: "kept", file: at(CHAIN_FILE), kept: keepFile(at(CHAIN_FILE), Buffer.from(pem)) });
  return chain;
}

function readBroughtChain(ceremony: Ceremony, keys: CeremonyKeys, context: CeremonyContext): readonly Uint8Array[] {
  const file = join(ceremony.folder, CHAIN_FILE);
  const pem = readKept(file);
  if (pem === undefined) {
    throw new MayflyError(
      "FILE_NOT_READ",
      `${file} is not there: make a request by mayfly ca csr, have it signed by mayfly ca sign where the root is, and bring its answer here under this name`,
    );
  }
  const [issuing] = keys.authorities;
  if (issuing === undefined) throw new TypeError("a layout without an issuing CA");
  try {
    const chain = parseIssuerChain(pem, context.nowMs);
    assertSignerMatches(chain, issuing.key.publicKey);
    context.onStep({ kind: "kept", file, kept: "there" });
    return chain.certificates;
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    throw new MayflyError(cause.reason, file, { cause });
  }
}
