import { describe, expect } from "@jest/globals";
import { changeJson } from "../../support/clients/change-json.ts";
import { SIGNERS } from "../../support/clients/client-lab.ts";
import { holdClient, observeClient } from "../../support/clients/hold-client.ts";
import { installMaven } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("sigstore-java");
const client = installMaven("sigstore-java");
const sign = page.commands("sign");

/** The program without a line of it. */
const without = (line: string): string => `grep -v -F '${line}' Sign.java >Less.java\nmv Less.java Sign.java\n`;

describe("sigstore-java", () => {
  holdClient({
    way: "sigstore-java by gRPC, with Rekor 2",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    grpc: "tls",
    // Of a log that is empty it cannot write down the first entry, so that is made for nothing.
    prepare: async (lab) => {
      const { output } = await (await lab.desk(SIGNERS[1]!)).run(sign);
      expect(output).toMatch(/not initialized: verification_material\.tlog_entries\[0\]\.log_index/u);
    },
    sign: "sign",
    verify: "verify",
    signUnchecked: "lose-afterwards",
    refusals: {
      identity: /No provided certificate identities matched values in certificate/u,
      issuer: /No provided certificate identities matched values in certificate/u,
      artifact: /Provided artifact digest does not match digest used for verification/u,
      verifying: {
        "another-root": /Certificate was not verifiable against CAs/u,
        "another-log": /No valid SCTs were found/u,
        "without-sct": /No valid SCTs were found/u,
      },
      signing: {
        "another-root": /Certificate does not chain to trusted roots/u,
        "another-log": /No valid SCTs were found/u,
        "without-sct": /No valid SCTs were found/u,
      },
    },
    observations: [
      {
        what: "does not sign without a Rekor",
        commands: changeJson("signing_config.json", "del(.rekorTlogUrls, .rekorTlogConfig)") + sign,
        refusal: /Cannot parse signing configuration selector: SERVICE_SELECTOR_UNDEFINED/u,
      },
      {
        what: "does not sign with Rekor 2 unless told to",
        commands: without(".enableRekorV2(true)") + sign,
        refusal: /No suitable rekor target was found in signing config/u,
      },
      {
        what: "is told what to sign when it signs the subject of a person's token",
        commands: `sed -i 's/OidcClients.of(client)/OidcClients.of(dev.sigstore.oidc.client.TokenStringOidcClient.from(token.getIdToken()))/' Sign.java\n${sign}`,
        refusal: /e-mail address/u,
      },
    ],
  });

  observeClient({
    way: "sigstore-java by gRPC in clear",
    page,
    client,
    neighbours: ["timestamp-authority", "rekor-v2"],
    grpc: "plaintext",
    observations: [
      {
        what: "does not sign without TLS",
        commands: sign.replace(/^keytool.*\n/u, "").replace(/ -Djavax\S+/gu, ""),
        refusal: /not an SSL\/TLS record/u,
      },
    ],
  });
});
