import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("gitsign");
const MODULE = "github.com/sigstore/gitsign";
const client = installGo({
  command: "gitsign",
  module: MODULE,
  tool: { name: "gitsign", folder: "tools/clients/gitsign", package: MODULE },
});

describe("gitsign", () => {
  holdClient({
    way: "gitsign with Rekor 1",
    page,
    client,
    neighbours: ["rekor-v1"],
    sign: "sign",
    verify: "verify",
    signed: ["repository"],
    environment: (lab) => ({ REKOR: lab.neighbour("rekor-v1").url }),
    refusals: {
      identity: /expected SAN value ".*?", got/u,
      issuer: /expected issuer value ".*?", got/u,
      root: /leaf certificate verification failed/u,
      foreignSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
      missingSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
    },
  });
});
