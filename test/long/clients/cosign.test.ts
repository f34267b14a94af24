import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("cosign");
const cosign = (version: 2 | 3) => {
  const module = `github.com/sigstore/cosign/v${String(version)}`;
  const tool = {
    name: `cosign${String(version)}`,
    folder: `tools/clients/cosign${String(version)}`,
    package: `${module}/cmd/cosign`,
  };
  return installGo({ command: "cosign", module, tool });
};
const cosign2 = cosign(2);
const cosign3 = cosign(3);
const refusals = {
  identity: /expected SAN value ".*?", got/u,
  issuer: /expected issuer value ".*?", got/u,
  root: /leaf certificate verification failed/u,
  foreignSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
  missingSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
};

const refusals2 = {
  ...refusals,
  missingSct: /verifying SCT: no SCT found/u,
  foreignSctWhenSigning: /verifying SCT: ctfe public key not found for payload/u,
};

describe("cosign", () => {
  holdClient({
    way: "cosign 3 with Rekor 2",
    page,
    client: cosign3,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals,
  });

  holdClient({
    way: "cosign 3 without Rekor",
    page,
    client: cosign3,
    neighbours: ["timestamp-authority"],
    sign: "sign",
    verify: "verify-without-rekor",
    refusals,
  });

  holdClient({
    way: "cosign 3, attestations",
    page,
    client: cosign3,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "attest",
    verify: "verify-attestation",
    refusals,
  });

  holdClient({
    way: "cosign 2 without Rekor",
    page,
    client: cosign2,
    neighbours: ["timestamp-authority"],
    sign: "sign-2",
    verify: "verify-2",
    environment: (lab) => ({ TSA: `${lab.neighbour("timestamp-authority").url}/api/v1/timestamp` }),
    refusals: refusals2,
  });

  holdClient({
    way: "cosign 2 with Rekor 1",
    page,
    client: cosign2,
    neighbours: ["rekor-v1"],
    sign: "sign-2-rekor",
    verify: "verify-2-rekor",
    environment: (lab) => ({ REKOR: lab.neighbour("rekor-v1").url }),
    refusals: refusals2,
  });
});
