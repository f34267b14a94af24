import { describe } from "@jest/globals";
import { holdClient, observeClient } from "../../support/clients/hold-client.ts";
import { installGo } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("gitsign");
const MODULE = "github.com/sigstore/gitsign";
const client = installGo({
  command: "gitsign",
  module: MODULE,
  tool: { name: "gitsign", folder: "tools/clients/gitsign", package: MODULE },
});
const [sign, verify] = [page.commands("sign"), page.commands("verify")];
const signAndVerify = `(${sign})\n${verify}`;
const noSct = /only able to verify 0 SCT entries; unable to meet threshold of 1/u;

/** The environment of the page without one of its variables. */
const without = (variable: string): string => `sed -i 's/ ${variable}=[^ ]*//' environment.sh\n`;

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
      verifying: {
        "another-root": /leaf certificate verification failed/u,
        "another-log": noSct,
        "without-sct": noSct,
      },
      signing: {},
    },
    observations: [
      {
        what: "verifies without asking Rekor",
        commands: `(${sign})\nREKOR=http://127.0.0.1:9\n${verify}`,
      },
      {
        what: "asks the public TUF repository when it is given no chain",
        commands: without("GITSIGN_FULCIO_ROOT") + signAndVerify,
        refusal: /error getting certificate root: .*tuf-repo-cdn\.sigstore\.dev/u,
      },
      {
        what: "asks the public TUF repository when it is given no key of the log",
        commands: without("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE") + signAndVerify,
        refusal: /error getting CT log public key: .*tuf-repo-cdn\.sigstore\.dev/u,
      },
      {
        what: "compares the name with nothing when it is git verify-commit that asks",
        commands: `(${sign})\n. ./environment.sh\ncd repository\ngit verify-commit HEAD`,
        says: /Validated Certificate claims: false/u,
      },
    ],
  });

  observeClient({
    way: "gitsign with Rekor 2",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    environment: (lab) => ({
      REKOR: lab.neighbour("rekor-v2").url,
      GITSIGN_REKOR_VERSION: "2",
      GITSIGN_TIMESTAMP_SERVER_URL: `${lab.neighbour("timestamp-authority").url}/api/v1/timestamp`,
      GITSIGN_TIMESTAMP_CERT_CHAIN: lab.neighbour("timestamp-authority").trustFile,
    }),
    observations: [
      { what: "signs", commands: sign },
      {
        what: "cannot verify what it signed",
        commands: signAndVerify,
        refusal: /not enough verified log entries from transparency log: 0 < 1/u,
      },
    ],
  });
});
