import type { ChainFileRule } from "../core/certificate/check-chain.ts";

/** What `mayfly ca check` judges. */
export type CaRule = ChainFileRule | "signer" | "key-match" | "test-signature" | "development-key" | "trusted-root";

/** `error`: nothing can be issued, or clients refuse it. `warning`: it works, and will give trouble. `note`: worth knowing. */
export type Severity = "error" | "warning" | "note";

/** What is known of a rule before anything is judged. */
export interface CaRuleText {
  readonly severity: Severity;
  /** Which rule of docs/client-rules.md it keeps. */
  readonly clients?: string;
  readonly remedy: string;
}

const REISSUE = "have the certificate signed anew, by `mayfly ca init` or `mayfly ca sign`, which keep the profile";

/** Every rule, with its severity and what to do when it is broken; docs/ceremony.md has the same table. */
export const CA_RULES: Readonly<Record<CaRule, CaRuleText>> = {
  "chain-file": {
    severity: "error",
    remedy: "write a PEM file of certificates alone: issuing CA first, self-signed root last",
  },
  "certificate-form": { severity: "error", remedy: REISSUE },
  "common-name": { severity: "error", clients: "CL18", remedy: REISSUE },
  "signature-algorithm": { severity: "error", clients: "CL16", remedy: "sign with ECDSA or RSA PKCS#1 v1.5 and SHA-2" },
  extensions: { severity: "error", clients: "CL17", remedy: REISSUE },
  "basic-constraints": { severity: "error", clients: "CL17", remedy: REISSUE },
  "key-usage": { severity: "error", clients: "CL17", remedy: REISSUE },
  "subject-key-identifier": { severity: "error", clients: "CL17", remedy: REISSUE },
  "authority-key-identifier": { severity: "error", clients: "CL17", remedy: REISSUE },
  "ext-key-usage": { severity: "error", clients: "CL17", remedy: REISSUE },
  "ca-key": { severity: "error", clients: "CL16", remedy: "take a key on P-256 or P-384, or RSA of 2048 bits or more" },
  "validity-form": { severity: "error", remedy: REISSUE },
  "chain-order": {
    severity: "error",
    clients: "CL14",
    remedy: "put the certificates in order: issuing CA first, each signed by the next, root last",
  },
  "chain-signature": { severity: "error", remedy: "find the certificate of the key that signed this one" },
  "self-signed-root": {
    severity: "error",
    clients: "CL15",
    remedy: "add the self-signed root as the last certificate",
  },
  "path-length": {
    severity: "error",
    remedy: "sign the upper certificate with a larger path length, or leave one CA out",
  },
  "distinct-names": { severity: "error", clients: "CL18", remedy: "give each CA a CN of its own" },
  "valid-now": { severity: "error", remedy: "mend this machine's clock, or have the certificate signed anew" },
  "leaf-lifetime": { severity: "error", remedy: "replace the CA now: what it signs outlives it" },
  "ends-soon": { severity: "warning", remedy: "replace the CA before then; whoever keeps the root may need weeks" },
  "key-usage-only": { severity: "warning", remedy: "say keyCertSign and cRLSign alone in the next certificate" },
  "code-signing-only": {
    severity: "warning",
    clients: "CL17",
    remedy: "in the next certificates: codeSigning alone below the root, no extKeyUsage on the root",
  },
  "issuing-path-length": {
    severity: "warning",
    remedy: "set pathLenConstraint 0 in the issuing CA's next certificate",
  },
  organization: { severity: "warning", remedy: "name the organization (O) in the next certificate" },
  "serial-number": { severity: "warning", remedy: "draw a positive serial number of 8 to 20 random octets next time" },
  "nested-validity": { severity: "warning", remedy: "let a certificate lie within its parent's validity next time" },
  "common-keys": {
    severity: "warning",
    clients: "CL16",
    remedy: "take P-384 instead: it is strong enough, and every client knows it",
  },
  "root-strength": { severity: "note", remedy: "take P-384 for the next root: it is relied on for ten years" },
  "lone-root": {
    severity: "note",
    remedy: "put an issuing CA below the root, unless you distribute trust by yourselves",
  },
  signer: { severity: "error", remedy: "see docs/keys.md, and docs/reasons/ for the reason in parentheses" },
  "key-match": {
    severity: "error",
    remedy: "name the key that the first certificate of the chain is about, or the right chain",
  },
  "test-signature": { severity: "error", remedy: "do not use this key: what it signs does not verify" },
  "development-key": { severity: "error", remedy: "make keys of your own: everybody has the private half of this one" },
  "trusted-root": {
    severity: "error",
    clients: "CL14",
    remedy: "distribute a trusted root with exactly this chain (mayfly trust trusted-root) before anything is issued",
  },
};
