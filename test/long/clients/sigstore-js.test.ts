import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installNode } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("sigstore-js");
const client = installNode("sigstore-js", ["sigstore"]);
const refusals = {
  identity: /certificate identity error/u,
  issuer: /invalid certificate extension/u,
  root: /VerificationError: Failed to verify certificate chain/u,
  foreignSct: /VerificationError: SCT verification failed/u,
  missingSct: /VerificationError: expected 1 SCTs, got 0/u,
};

describe("sigstore-js", () => {
  holdClient({
    way: "sigstore-js with Rekor 2",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals,
  });

  holdClient({
    way: "sigstore-js without Rekor",
    page,
    client,
    neighbours: ["timestamp-authority"],
    sign: "sign",
    verify: "verify-without-rekor",
    refusals,
  });

  holdClient({
    way: "the command of @sigstore/cli",
    page,
    client,
    neighbours: ["timestamp-authority"],
    sign: "attest",
    verify: "verify-without-rekor",
    environment: (lab) => ({ TSA: lab.neighbour("timestamp-authority").url }),
    refusals,
  });
});
