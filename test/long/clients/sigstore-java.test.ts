import { describe, expect } from "@jest/globals";
import { SIGNERS } from "../../support/clients/client-lab.ts";
import { holdClient } from "../../support/clients/hold-client.ts";
import { installMaven } from "../../support/clients/installation.ts";
import { readClientPage } from "../../support/clients/page.ts";

const page = readClientPage("sigstore-java");

describe("sigstore-java", () => {
  holdClient({
    way: "sigstore-java by gRPC, with Rekor 2",
    page,
    client: installMaven("sigstore-java"),
    neighbours: ["timestamp-authority", "rekor-v2"],
    grpc: true,
    // Of a log that is empty it cannot write down the first entry, so that is made for nothing.
    prepare: async (lab) => {
      const { output } = await (await lab.desk(SIGNERS[1]!)).run(page.commands("sign"));
      expect(output).toMatch(/not initialized: verification_material\.tlog_entries\[0\]\.log_index/u);
    },
    sign: "sign",
    verify: "verify",
    refusals: {
      identity: /No provided certificate identities matched values in certificate/u,
      issuer: /No provided certificate identities matched values in certificate/u,
      root: /Certificate was not verifiable against CAs/u,
      foreignSct: /No valid SCTs were found/u,
      foreignSctWhenSigning: /No valid SCTs were found/u,
    },
  });
});
