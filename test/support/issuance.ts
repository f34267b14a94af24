import { createHash, sign } from "node:crypto";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import type { SignedCertificateTimestamp } from "../../src/core/ct/sct.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { NO_CLAIM_RULES } from "../../src/core/identity/claim-rules.ts";
import type { VerifiedIdToken } from "../../src/core/identity/id-token.ts";
import type { SigningRequest } from "../../src/core/issuance-types.ts";
import { DEFAULT_CLIENT_SIGNING_ALGORITHMS } from "../../src/core/proof/client-signing-algorithm.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { drawSerialNumber } from "../../src/compose/serial-number.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import type { CertificateLog } from "../../src/ports/certificate-log.ts";
import { makeKey, pemOf } from "./caller-keys.ts";

/** When these issuances happen; not a whole second. */
export const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0, 250);
/** Whom {@link EMAIL_TOKEN} names. */
export const EMAIL = "signer@example.com";

/** The signal of a caller who waits as long as it takes. */
export const PATIENT: AbortSignal = new AbortController().signal;

/** A token as its verifier hands it on. */
export const EMAIL_TOKEN: VerifiedIdToken = {
  issuer: {
    url: "https://issuer.example.com",
    audience: "sigstore",
    identity: { kind: "email", emailTrust: "verified" },
    rules: NO_CLAIM_RULES,
  },
  subject: "subject-1",
  claims: new Map<string, string | boolean>([
    ["sub", "subject-1"],
    ["email", EMAIL],
    ["email_verified", true],
  ]),
};

/** A request whose proof is good for {@link EMAIL}. */
export function goodRequest(): SigningRequest {
  const key = makeKey("ecdsa-p256");
  return {
    idToken: "header.secret-payload.signature",
    key: {
      kind: "public-key",
      publicKey: pemOf(key.publicKey),
      proof: sign("sha256", Buffer.from(EMAIL), key.privateKey),
    },
  };
}

/** An SCT that nobody verifies: issuance trusts its log port. */
export function someSct(timestampMs: number, leafIndex = 7): SignedCertificateTimestamp {
  return {
    logId: createHash("sha256").update("log").digest(),
    timestampMs,
    extensions: encodeCtExtensions(leafIndex),
    leafIndex,
    signature: Buffer.from("3006020101020101", "hex"),
  };
}

/** The half of a log's port that never refuses. */
export const OPEN_LOG: Pick<CertificateLog, "requireOpen"> = { requireOpen: () => undefined };

/** Issuance over real rules and keys; `events` tells which port was asked, in order. */
export async function makeIssuanceDeps(
  overrides: Partial<IssuanceDeps> = {},
): Promise<{ deps: IssuanceDeps; events: string[] }> {
  const events: string[] = [];
  const [root, issuing] = [createMemorySigner("ecdsa-p384-sha384"), createMemorySigner("ecdsa-p256-sha256")];
  const chain = await makeCaChain({ organization: "Example", root, issuing, nowMs: NOW_MS - 86_400_000 });
  const deps: IssuanceDeps = {
    now: () => {
      events.push("now");
      return NOW_MS;
    },
    serialNumber: () => {
      events.push("serial");
      return drawSerialNumber();
    },
    verifyIdToken: () => {
      events.push("token");
      return Promise.resolve(EMAIL_TOKEN);
    },
    keyPolicy: { permittedAlgorithms: DEFAULT_CLIENT_SIGNING_ALGORITHMS, forbiddenKeys: new Set() },
    issuer: parseIssuerChain(chain, NOW_MS),
    lifetimeSeconds: 600,
    backdateSeconds: 0,
    signer: {
      ...issuing,
      sign: (tbs) => {
        events.push("sign");
        return issuing.sign(tbs);
      },
    },
    log: {
      requireOpen: () => {
        events.push("open");
      },
      add: () => {
        events.push("log");
        return Promise.resolve(someSct(NOW_MS + 5));
      },
    },
    ...overrides,
  };
  return { deps, events };
}
