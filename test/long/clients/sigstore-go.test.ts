import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";
import { startStandIn } from "../../support/clients/stand-in.ts";

const MODULE = "github.com/sigstore/sigstore-go";
const example = (command: string) => ({
  command,
  module: MODULE,
  tool: { name: command, folder: "tools/clients/sigstore-go", package: `${MODULE}/examples/${command}` },
});

const page = readClientPage("sigstore-go");
const client = installGo(example("sigstore-go-signing"), example("sigstore-go-verification"));
const sign = page.commands("sign");
const noSct = /only able to verify 0 SCT entries; unable to meet threshold of 1/u;
const root = /leaf certificate verification failed/u;
const refusals = {
  identity: /expected SAN value ".*?", got/u,
  issuer: /expected issuer value ".*?", got/u,
  artifact: /could not verify message: invalid signature/u,
  verifying: { "another-root": root, "another-log": noSct, "without-sct": noSct },
  signing: { "another-root": root },
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
    observations: [
      {
        what: "signs under any root without a trusted root",
        trust: "another-root",
        commands: sign.replace("-trusted-root trusted_root.json", ""),
      },
      {
        what: "does not tell why Mayfly cannot serve it now",
        commands: startStandIn("unavailable", "caUrls") + sign,
        refusal: /http: read on closed response body/u,
      },
      {
        what: "verifies a certificate without an SCT when it is not asked to look",
        trust: "without-sct",
        commands: `${sign}\n${page.commands("verify").replace("-artifact", "-requireCTlog=false -artifact")}`,
      },
    ],
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
