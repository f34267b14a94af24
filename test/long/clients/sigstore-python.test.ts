import { describe } from "@jest/globals";
import { changeJson } from "../../support/clients/change-json.ts";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installPython } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("sigstore-python");
const client = installPython("sigstore-python", ["sigstore"]);
const sign = page.commands("sign");

const changed = (filter: string): string => changeJson("client_trust_config.json", filter);

/** The command, with the function that verifies SCTs taken out. */
const UNCHECKED = `unchecked() {
  "$(dirname "$(readlink -f "$(command -v sigstore)")")/python3" -c '
import sigstore.sign
sigstore.sign.verify_sct = lambda *given: None
from sigstore._cli import main
main()' "$@"
}
`;

describe("sigstore-python", () => {
  holdClient({
    way: "sigstore-python",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    signUnchecked: (commands) => UNCHECKED + commands.replace(/^sigstore /u, "unchecked "),
    refusals: {
      identity: /Certificate's SANs do not match/u,
      issuer: /Certificate's OIDCIssuer does not match/u,
      artifact: /Bundle message digest mismatch/u,
      verifying: {
        "another-root": /A certificate chain was not valid/u,
        "another-log": /failed to verify SCT on signing certificate: SCT verify failed/u,
        "without-sct": /Certificate does not contain a signed certificate timestamp extension/u,
      },
      signing: {
        "another-log": /SCT verify failed/u,
        "without-sct": /Certificate does not contain a signed certificate timestamp extension/u,
      },
    },
    observations: [
      {
        what: "does not sign without a Rekor",
        commands: changed("del(.signingConfig.rekorTlogUrls, .signingConfig.rekorTlogConfig)") + sign,
        refusal: /No valid Rekor transparency log found in signing config/u,
      },
      {
        what: "does not sign with Rekor 2 and without a timestamp authority",
        commands: changed("del(.signingConfig.tsaUrls, .signingConfig.tsaConfig)") + sign,
        refusal: /An issue occurred while parsing the Sigstore bundle/u,
      },
      {
        what: "sends requests to the origin of the authority's URL",
        commands: changed('.signingConfig.caUrls[0].url += "/a/path"') + sign,
      },
    ],
  });
});
