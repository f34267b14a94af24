import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const MODULE = "github.com/sigstore/sigstore-go";
const example = (command: string) => ({
  command,
  module: MODULE,
  tool: { name: command, folder: "tools/clients/sigstore-go", package: `${MODULE}/examples/${command}` },
});

const page = readClientPage("sigstore-go");
const client = installGo(example("sigstore-go-signing"), example("sigstore-go-verification"));
const refusals = {
  identity: /expected SAN value ".*?", got/u,
  issuer: /expected issuer value ".*?", got/u,
  root: /leaf certificate verification failed/u,
  foreignSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
  missingSct: /only able to verify 0 SCT entries; unable to meet threshold of 1/u,
};

describe("sigstore-go", () => {
  holdClient({
    way: "sigstore-go with Rekor 2",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals,
  });

  holdClient({
    way: "sigstore-go without Rekor",
    page,
    client,
    neighbours: ["timestamp-authority"],
    sign: "sign-without-rekor",
    verify: "verify-without-rekor",
    refusals,
  });
});
