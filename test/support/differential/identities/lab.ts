import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pemOf } from "../../caller-keys.ts";
import { fulcioIssuers } from "../../fulcio.ts";
import { keys } from "../../refused-proofs.ts";
import { configText } from "../../service.ts";
import { proofBy } from "../../signing-body.ts";
import { startBoth } from "../both.ts";
import type { Both } from "../both.ts";
import type { Pair } from "../compare.ts";
import type { Reply } from "../send.ts";
import { signingCall } from "../signing-call.ts";
import { openInternet } from "./internet.ts";
import { mint } from "./token-case.ts";
import type { TokenCase } from "./token-case.ts";

/** Real Fulcio and a Mayfly process that have one issuer file of Fulcio's, and its issuers. */
export interface IdentityLab extends Pick<Both, "logFailures" | "close"> {
  /** Asks both for a certificate with one token and one key. */
  readonly ask: (tokenCase: TokenCase) => Promise<Pair<Reply>>;
}

const KEY = keys["ecdsa-p256"];

/** No issuer has it, so nothing in an answer is replaced. */
const NOBODY = "https://nobody.invalid";

/**
 * Starts both; what they are built from must have been built.
 *
 * @param issuers text of Fulcio's issuer file
 * @param cases the tokens that they will get, whose issuers are there beside those of the file
 */
export async function openIdentityLab(issuers: string, cases: readonly TokenCase[]): Promise<IdentityLab> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-identities-"));
  const file = join(folder, "issuers");
  writeFileSync(file, issuers);
  const listed = fulcioIssuers(issuers).issuers.filter(({ isPattern }) => !isPattern);
  const internet = await openInternet(folder, [...listed.map(({ key }) => key), ...cases.map(({ issuer }) => issuer)]);
  const both = await startBoth({
    issuerUrl: NOBODY,
    fulcio: { issuers, environment: internet.forGo },
    mayfly: { ...internet.forNode, config: (data) => configWith(file, join(data, "data")) },
  });
  return {
    ask: async (tokenCase) => {
      const token = mint(tokenCase, internet.key);
      const proof = proofBy(KEY, tokenCase.challenge);
      const call = signingCall("http-v2", { token, publicKey: pemOf(KEY.publicKey), proof });
      return { fulcio: await both.askFulcio(call), mayfly: await both.askMayfly(call) };
    },
    logFailures: both.logFailures,
    close: async () => {
      await both.close();
      await internet.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Mayfly's configuration with an issuer file of Fulcio's. */
export function configWith(issuerFile: string, dataDirectory: string): string {
  const text = configText({ url: NOBODY, githubUrl: NOBODY }, dataDirectory);
  const issuers = `issuers: { fulcio: { path: ${issuerFile}, sharedIssuers: as-fulcio } }\n`;
  return text.replace(/^issuers:\n(?: {2}.*\n)+/mu, issuers);
}
