import { describe } from "@jest/globals";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installPython } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("sigstore-python");
const client = installPython("sigstore-python", ["sigstore"]);

describe("sigstore-python", () => {
  holdClient({
    way: "sigstore-python",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    sign: "sign",
    verify: "verify",
    refusals: {
      identity: /Certificate's SANs do not match/u,
      issuer: /Certificate's OIDCIssuer does not match/u,
      root: /A certificate chain was not valid/u,
      foreignSct: /failed to verify SCT on signing certificate: SCT verify failed/u,
      missingSct: /Certificate does not contain a signed certificate timestamp extension/u,
      foreignSctWhenSigning: /SCT verify failed/u,
    },
  });
});
