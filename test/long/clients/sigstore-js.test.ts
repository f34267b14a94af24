import { describe } from "@jest/globals";
import { changeJson } from "../../support/clients/change-json.ts";
import type { ClientLab } from "../../support/clients/client-lab.ts";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installNode, installPython } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";
import { startStandIn } from "../../support/clients/stand-in.ts";

const page = readClientPage("sigstore-js");
const client = installNode("sigstore-js", ["sigstore"]);
const python = installPython("sigstore-python", ["python3"]);
const refusals = {
  identity: /certificate identity error/u,
  issuer: /invalid certificate extension/u,
  artifact: /VerificationError: .*/u,
  verifying: {
    "another-root": /VerificationError: Failed to verify certificate chain/u,
    "another-log": /VerificationError: SCT verification failed/u,
    "without-sct": /VerificationError: expected 1 SCTs, got 0/u,
  },
  signing: {},
};
const [sign, verify] = [page.commands("sign"), page.commands("verify-without-rekor")];
const tsa = (lab: ClientLab) => ({ TSA: lab.neighbour("timestamp-authority").url });

describe("sigstore-js", () => {
  holdClient({
    way: "sigstore-js with Rekor 2",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals,
    observations: [
      {
        what: "has attestations refused by Rekor 2",
        commands: `sed -i 's/"messageSignature"/"dsseEnvelope"/; s/data: readFileSync("artifact")/&, type: "text\\/plain"/' sign.mjs\n${sign}`,
        refusal: /\(400\) invalid type, must be hashedrekord/u,
      },
      {
        what: "gives up when Rekor says nothing",
        commands: startStandIn("silent", "rekorTlogUrls") + sign,
        refusal: /timeout/iu,
      },
    ],
  });

  holdClient({
    way: "sigstore-js without Rekor",
    page,
    client,
    neighbours: ["timestamp-authority"],
    sign: "sign",
    verify: "verify-without-rekor",
    refusals,
    observations: [
      {
        what: "does not sign with a signing config whose settings for Rekor are empty",
        commands: changeJson("signing_config.json", ".rekorTlogConfig = {}") + sign,
        refusal: /Unsupported Rekor TLog selector in signing configuration/u,
      },
      {
        what: "gives up when the authority says nothing",
        commands: startStandIn("silent", "caUrls") + sign,
        refusal: /timeout/iu,
      },
      {
        what: "looks for an SCT unless told otherwise",
        trust: "without-sct",
        commands: `sed -i '/ctlogThreshold/d' verify.mjs\n${sign}\n${verify}`,
        refusal: refusals.verifying["without-sct"],
      },
      {
        what: "looks for no SCT when told so",
        trust: "without-sct",
        commands: `sed -i 's/ctlogThreshold: 1/ctlogThreshold: 0/' verify.mjs\n${sign}\n${verify}`,
      },
      {
        what: "finds a name within another when the pattern has no ends",
        commands: `sed -i 's/\\^\\(.*\\)\\$\`/\\1\`/' verify.mjs\n${sign}\nIDENTITY=ev@example.co ${verify}`,
      },
    ],
  });

  const others = {
    page,
    client,
    neighbours: ["timestamp-authority"],
    environment: tsa,
    tufPython: python,
  } as const;

  holdClient({ ...others, way: "the package sigstore", sign: "sign-package", verify: "verify-package", refusals });

  holdClient({
    ...others,
    way: "the command of @sigstore/cli",
    sign: "attest",
    verify: "verify-attestation",
    refusals: { ...refusals, artifact: /artifact differ/u },
    observations: [
      {
        what: "verifies by a TUF repository or not at all",
        commands: `${page.commands("attest")}\n${page.commands("verify-attestation").replace(/ --tuf-mirror-url .* --tuf-root-path 1.root.json/u, "")}`,
        refusal: /TUFError: error refreshing TUF metadata/u,
      },
    ],
  });
});
