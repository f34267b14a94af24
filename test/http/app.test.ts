import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import { bare, makeRig } from "./public-app.ts";

const PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";

describe("POST /api/v2/signingCert", () => {
  it("answers 200 with one top-level member that holds leaf, issuer and root", async () => {
    const rig = makeRig();
    const answer = await request(bare(rig))
      .post("/api/v2/signingCert")
      .send({
        credentials: { oidcIdentityToken: "a.b.c" },
        publicKeyRequest: { publicKey: { algorithm: "ECDSA", content: PUBLIC_KEY }, proofOfPossession: "AQID" },
      });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.body).toEqual({
      signedCertificateEmbeddedSct: {
        chain: {
          certificates: [
            "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
          ],
        },
      },
    });
  });
});
