import { describe } from "@jest/globals";
import type { ClientLab } from "../../support/clients/client-lab.ts";
import { holdClient, observeClient, type Observation } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";
import { startStandIn } from "../../support/clients/stand-in.ts";

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
const noSct = /only able to verify 0 SCT entries; unable to meet threshold of 1/u;
const refusals = {
  identity: /expected SAN value ".*?", got/u,
  issuer: /expected issuer value ".*?", got/u,
  artifact: /could not verify message/u,
  verifying: { "another-root": /leaf certificate verification failed/u, "another-log": noSct, "without-sct": noSct },
  signing: { "another-root": /leaf certificate verification failed/u },
};
const refusals2 = {
  ...refusals,
  signing: { "another-log": noSct, "without-sct": noSct },
};
const refusalsOld = {
  identity: /none of the expected identities matched what was in the certificate/u,
  issuer: /none of the expected identities matched what was in the certificate/u,
  artifact: /error verifying bundle: matching bundle to payload/u,
  verifying: {
    "another-root": /cert verification failed: x509: certificate signed by unknown authority/u,
    "another-log": /ctfe public key not found for payload/u,
    "without-sct": /certificate does not include required embedded SCT/u,
  },
  signing: {
    "another-log": /verifying SCT: ctfe public key not found for payload/u,
    "without-sct": /verifying SCT: no SCT found/u,
  },
};

const signUnchecked = (commands: string): string =>
  commands.replaceAll("cosign sign-blob", "cosign sign-blob --insecure-skip-verify");

const [sign, verify] = [page.commands("sign"), page.commands("verify")];
const inPlace = sign.replace("--identity-token token", '--identity-token "$(cat token)"');
const es256 = 'curl -fsS "$TOKEN_ISSUER/token?kind=email&email=dev@example.com&alg=ES256" -o token\n';
const observations: readonly Observation[] = [
  { what: "takes a token in place when it is signed with RS256", commands: inPlace },
  {
    what: "takes a token in place for the name of a file when it is signed with ES256",
    commands: es256 + inPlace,
    refusal: /: file name too long/u,
  },
  { what: "takes a token of any algorithm from a file", commands: es256 + sign },
  {
    what: "does not take a token from a file that ends in a newline",
    commands: `echo >>token\n${sign}`,
    refusal: /invalid header field value for "Authorization"/u,
  },
  {
    what: "goes to the public instance without a signing config",
    commands: sign.replace("--signing-config signing_config.json", ""),
    refusal: /https:\/\/tuf-repo-cdn\.sigstore\.dev/u,
  },
  {
    what: "goes to the public instance first without a trusted root",
    commands: sign.replace("--trusted-root trusted_root.json", ""),
    says: /Could not fetch trusted_root\.json from the TUF repository.*https:\/\/tuf-repo-cdn\.sigstore\.dev/u,
  },
  {
    what: "does not tell why Mayfly cannot serve it now",
    commands: startStandIn("unavailable", "caUrls") + sign,
    refusal: /http: read on closed response body/u,
  },
  {
    what: "verifies a certificate without an SCT when it is told not to look",
    trust: "without-sct",
    commands: `${sign}\n${verify.replace("--trusted-root", "--insecure-ignore-sct --trusted-root")}`,
  },
];

const tsa = (lab: ClientLab) => ({ TSA: `${lab.neighbour("timestamp-authority").url}/api/v1/timestamp` });
const rekor = (lab: ClientLab) => ({ REKOR: lab.neighbour("rekor-v1").url });

describe("cosign", () => {
  holdClient({
    way: "cosign 3 with Rekor 2",
    page,
    client: cosign3,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals,
    observations,
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
    refusals: { ...refusals, artifact: /provided artifact digests do not match digests in statement/u },
  });

  const now = page.commands("verify-without-rekor").replace(" --use-signed-timestamps", "");
  observeClient({
    way: "cosign 3 with nothing beside",
    page,
    client: cosign3,
    validity: "lifetimeSeconds: 60, backdateSeconds: 50",
    observations: [
      { what: "verifies without a timestamp for as long as the certificate is valid", commands: `${sign}\n${now}` },
      {
        what: "verifies nothing without a timestamp when the certificate has expired",
        commands: `${sign}\nwhile ${now.trim()}; do sleep 1; done 2>verified\n${now}`,
        refusal: /leaf certificate verification failed/u,
      },
    ],
  });

  holdClient({
    way: "cosign 2 without Rekor",
    page,
    client: cosign2,
    neighbours: ["timestamp-authority"],
    sign: "sign-2",
    verify: "verify-2",
    environment: tsa,
    signUnchecked,
    refusals: refusals2,
  });

  holdClient({
    way: "cosign 2 with Rekor 1",
    page,
    client: cosign2,
    neighbours: ["rekor-v1"],
    sign: "sign-2-rekor",
    verify: "verify-2-rekor",
    environment: rekor,
    signUnchecked,
    refusals: refusals2,
  });

  holdClient({
    way: "cosign 2, the old form of its bundles",
    page,
    client: cosign2,
    neighbours: ["rekor-v1"],
    sign: "sign-2-old",
    verify: "verify-2-old",
    signed: ["artifact.bundle"],
    environment: rekor,
    signUnchecked,
    refusals: refusalsOld,
  });
});
