import type { IssuedCertificate, SigningRequest } from "../../src/core/issuance-types.ts";

/** A request for tests in which it does not matter what is asked. */
export const REQUEST: SigningRequest = { idToken: "", key: { kind: "csr", csr: new Uint8Array(0) } };

/** The answer to it. */
export const ISSUED: IssuedCertificate = {
  leaf: new Uint8Array(0),
  chainPem: [],
  sct: {
    logId: new Uint8Array(32),
    timestampMs: 0,
    extensions: new Uint8Array(0),
    leafIndex: 0,
    signature: new Uint8Array(0),
  },
  serialNumber: new Uint8Array(20),
};
