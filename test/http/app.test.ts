import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makeAdmission } from "../../src/entrance/admission.ts";
import { refusalBody } from "../support/refusal.ts";
import { bare, ISSUED, makeRig } from "./public-app.ts";
import { WRONG_PATHS } from "./wrong-paths.ts";

const PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
const BODY = {
  credentials: { oidcIdentityToken: "a.b.c" },
  publicKeyRequest: { publicKey: { algorithm: "ECDSA", content: PUBLIC_KEY }, proofOfPossession: "AQID" },
};

const refusal = (code: number, message: string, reason: Reason) => refusalBody({ code, message, reason });

describe("POST /api/v2/signingCert", () => {
  it("[CL1] [CL10] [CL11] answers 200 with one top-level member that holds leaf, issuer and root", async () => {
    const rig = makeRig();
    const answer = await request(bare(rig)).post("/api/v2/signingCert").send(BODY);
    expect(answer.status).toBe(200);
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
    expect(rig.requests).toHaveLength(1);
    expect(rig.requests[0]?.idToken).toBe("a.b.c");
  });

  it("sends exactly the header fields it means to", async () => {
    const { headers } = await request(bare(makeRig())).post("/api/v2/signingCert").send(BODY);
    const { date, connection, "content-length": length, ...own } = headers as Record<string, string>;
    expect(own).toEqual({
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "ETag, Retry-After, X-Request-Id",
      "x-request-id": "own-1",
    });
    expect([date, connection, length].every((value) => value !== undefined)).toBe(true);
  });

  it("[CL4] takes the token from the header when the body has none", async () => {
    const rig = makeRig();
    const { publicKeyRequest } = BODY;
    const call = request(bare(rig)).post("/api/v2/signingCert").set("Authorization", "bearer x.y.z");
    expect((await call.send({ publicKeyRequest })).status).toBe(200);
    expect(rig.requests[0]?.idToken).toBe("x.y.z");
  });

  it("A11 takes no token from query or cookie", async () => {
    const rig = makeRig();
    const { publicKeyRequest } = BODY;
    const answer = await request(bare(rig))
      .post("/api/v2/signingCert?oidcIdentityToken=a.b.c&access_token=a.b.c")
      .set("Cookie", "Authorization=Bearer a.b.c; access_token=a.b.c")
      .send({ publicKeyRequest });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(refusal(3, "There was an error processing the identity token", "TOKEN_MISSING"));
    expect(rig.requests).toHaveLength(0);
    expect(JSON.stringify(rig.events)).not.toContain("a.b.c");
  });

  it.each(["application/pem-certificate-chain", "text/html", "image/png", "*/*;q=0"])(
    "A27 [CL5] answers with JSON when the caller accepts %s",
    async (accept) => {
      const answer = await request(bare(makeRig())).post("/api/v2/signingCert").set("Accept", accept).send(BODY);
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/json");
    },
  );

  it.each([
    ["/api/v2/signingCert", 200, BODY],
    ["/api/v1/signingCert", 201, { publicKey: { content: "MAA=" } }],
  ])("records the certificate, the route %s and the time it took, once", async (route, status, body) => {
    const rig = makeRig();
    await request(bare(rig)).post(`${route}?x=1`).set("Authorization", "Bearer a.b.c").send(body);
    await rig.recorded(1);
    expect(rig.events).toEqual([
      {
        requestId: "own-1",
        method: "POST",
        route,
        status,
        durationMs: 1,
        serialNumber: "0102030405060708090a0b0c0d0e0f1011121314",
        logIndex: 41,
      },
    ]);
  });

  it("leaves out the index of a log that does not tell it", async () => {
    const { leaf, chainPem, sct, serialNumber } = ISSUED;
    const rig = makeRig(() => Promise.resolve({ leaf, chainPem, sct, serialNumber }));
    await request(bare(rig)).post("/api/v2/signingCert").send(BODY);
    await rig.recorded(1);
    expect(Object.keys(rig.events[0] ?? {})).not.toContain("logIndex");
  });

  it("counts both versions of the call together, and bounds their bodies alike", async () => {
    const taken: string[] = [];
    const limit = { take: (client: string) => (taken.push(client) > 1 ? 4_000 : 0), waitMs: () => 0 };
    const rateLimits = { signing: limit, failedTokens: UNLIMITED, reads: UNLIMITED };
    const server = bare(makeRig(undefined, { rateLimits, bodyLimits: { maxBytes: 40, timeoutMs: 1_000 } }));
    const post = (path: string) => request(server).post(path).set("Authorization", "Bearer a.b.c");
    expect((await post("/api/v1/signingCert").send({ publicKey: { content: "A".repeat(40) } })).status).toBe(413);
    for (const version of ["v1", "v2"]) {
      const answer = await post(`/api/${version}/signingCert`).send({});
      expect(answer.body).toMatchObject({ code: 8, details: [{ reason: "RATE_LIMITED_SIGNING" }] });
    }
  });

  it.each(["v1", "v2"])("takes no request of %s when there is no place for it", async (version) => {
    const admission = makeAdmission({ maxInFlight: 0, maxQueued: 0, maxQueueMs: 1 });
    const rig = makeRig(undefined, { admission });
    const answer = await request(bare(rig)).post(`/api/${version}/signingCert`).send(BODY);
    expect(answer.body).toMatchObject({ code: 14, details: [{ reason: "TOO_MANY_REQUESTS_IN_FLIGHT" }] });
    expect(rig.requests).toHaveLength(0);
  });

  it("keeps the generation it was admitted under", async () => {
    const first = makeRig();
    const later = makeRig(() => Promise.reject(new Error("the wrong generation")));
    const proceed = Promise.withResolvers<typeof ISSUED>();
    const rig = makeRig(() => proceed.promise);
    const answer = request(bare(rig)).post("/api/v2/signingCert").send(BODY);
    const answered = answer.then(({ status }) => status);
    while (rig.requests.length === 0) await new Promise(setImmediate);
    rig.generation = later.generation;
    proceed.resolve(ISSUED);
    expect(await answered).toBe(200);
    expect(first.requests).toHaveLength(0);
  });
});

describe("a refused or failed issuance", () => {
  it.each([
    [400, refusal(3, "There was an error processing the identity token", "WRONG_AUDIENCE"), "WRONG_AUDIENCE"],
    [400, refusal(3, "The signature supplied in the request could not be verified", "PROOF_INVALID"), "PROOF_INVALID"],
    [500, refusal(13, "Error entering certificate in CTL", "LOG_WRITE_FAILED"), "LOG_WRITE_FAILED"],
    [503, refusal(14, "error communicating with CA backend", "SIGNER_TIMEOUT"), "SIGNER_TIMEOUT"],
  ] as const)("[CL22] is answered with %i and %j", async (status, body, reason) => {
    const rig = makeRig(() => Promise.reject(new MayflyError(reason, "detail", { retryAfterMs: 4_200 })));
    const answer = await request(bare(rig)).post("/api/v2/signingCert").send(BODY);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual(body);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["retry-after"]).toBe(status === 503 ? "5" : undefined);
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status, reason });
    expect(rig.events[0]?.detail).toBe(status < 500 ? undefined : "detail");
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("secret /etc/key", { cause: new Error("deeper") }))],
    [
      "throws",
      () => {
        throw new TypeError("secret /etc/key");
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a careless library may do
    ["rejects with a text", () => Promise.reject("secret /etc/key")],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- Express takes this for success
    ["rejects with nothing", () => Promise.reject(undefined)],
  ])("A31 is a masked 500 without a stack when issuance %s, and the next request is served", async (_name, issue) => {
    let broken = true;
    const rig = makeRig(() => (broken ? issue() : Promise.resolve(ISSUED)));
    const server = bare(rig);
    const answer = await request(server).post("/api/v2/signingCert").send(BODY);
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual(refusal(13, "error communicating with CA backend", "UNEXPECTED"));
    expect(JSON.stringify([answer.headers, answer.text])).not.toMatch(/secret|\.ts|node_modules|<html/iu);
    broken = false;
    expect((await request(server).post("/api/v2/signingCert").send(BODY)).status).toBe(200);
  });

  it("A31 is a masked 500 when the answer cannot be encoded", async () => {
    const rig = makeRig(() =>
      Promise.resolve({
        ...ISSUED,
        get chainPem(): never {
          throw new TypeError("no chain");
        },
      }),
    );
    const answer = await request(bare(rig)).post("/api/v2/signingCert").send(BODY);
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual(refusal(13, "error communicating with CA backend", "UNEXPECTED"));
  });
});

describe("reads of the API", () => {
  it("[CL26] GET /api/v2/trustBundle gives the chains, PEM with a final newline", async () => {
    const answer = await request(bare(makeRig())).get("/api/v2/trustBundle");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ chains: [{ certificates: ISSUED.chainPem.map((pem) => `${pem}\n`) }] });
  });

  it("[CL26] GET /api/v2/configuration gives the issuers with every field", async () => {
    const answer = await request(bare(makeRig())).get("/api/v2/configuration");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      issuers: [
        {
          issuerUrl: "https://accounts.example.com",
          audience: "sigstore",
          challengeClaim: "email",
          spiffeTrustDomain: "",
          issuerType: "email",
          subjectDomain: "",
          skipEmailVerification: false,
        },
        {
          wildcardIssuerUrl: "https://*.tenants.example.com",
          audience: "tenants",
          challengeClaim: "email",
          spiffeTrustDomain: "",
          issuerType: "email",
          subjectDomain: "",
          skipEmailVerification: false,
        },
      ],
    });
  });

  it("GET /healthz says SERVING", async () => {
    const answer = await request(bare(makeRig())).get("/healthz?service=anything");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: "SERVING" });
  });

  it("show a new generation at once", async () => {
    const rig = makeRig();
    const server = bare(rig);
    await request(server).get("/api/v2/trustBundle");
    rig.generation = { ...rig.generation, number: 2, trustBundle: [["new"]] };
    expect((await request(server).get("/api/v2/trustBundle")).body).toEqual({ chains: [{ certificates: ["new\n"] }] });
  });

  it.each(["/api/v2/trustBundle", "/api/v2/configuration"])(
    "[V1] %s is constant under garbage in query and headers, and stored for a minute at most",
    async (path) => {
      const server = bare(makeRig());
      const plain = await request(server).get(path);
      const odd = await request(server)
        .get(`${path}?a[b][]=c&__proto__[x]=1&%ff=%00&?`)
        .set("Accept", "text/html")
        .set("If-None-Match", "*")
        .set("X-HTTP-Method-Override", "POST");
      expect(odd.status).toBe(200);
      expect(odd.text).toBe(plain.text);
      expect(odd.headers["etag"]).toBeUndefined();
      expect(odd.headers["cache-control"]).toBe("public, max-age=60");
    },
  );
});

describe("paths and methods", () => {
  const elsewhere = ["/api/v1/signingcert", "/api/v1/rootCert/", "/metrics", "/readyz", "/livez", "/checkpoint"];
  it.each([...WRONG_PATHS, ...elsewhere])("A22 [V2] POST and GET %s is 404 in JSON", async (path) => {
    const rig = makeRig();
    const server = bare(rig);
    for (const answer of [await request(server).get(path), await request(server).post(path)]) {
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual(refusal(5, "Not Found", "NO_SUCH_PATH"));
      expect(answer.headers["content-type"]).toBe("application/json");
    }
    await rig.recorded(2);
    expect(rig.events.map(({ route }) => route)).toEqual(["other", "other"]);
  });

  it.each(["//api/v2/signingCert", "///api/v2/signingCert", "//api/v2/signingCert?x=1"])(
    "[CL24] POST %s is taken for the path with one slash",
    async (path) => {
      const answer = await request(bare(makeRig())).post(path).send(BODY);
      expect(answer.status).toBe(200);
    },
  );

  it.each([
    ["get", "/api/v2/signingCert", "POST"],
    ["put", "/api/v2/signingCert", "POST"],
    ["delete", "/api/v2/signingCert", "POST"],
    ["trace", "/api/v2/signingCert", "POST"],
    ["options", "/api/v2/signingCert", "POST"],
    ["post", "/api/v2/trustBundle", "GET"],
    ["patch", "/api/v2/configuration", "GET"],
    ["post", "/healthz", "GET"],
    ["get", "/api/v1/signingCert", "POST"],
    ["post", "/api/v1/rootCert", "GET"],
  ] as const)("A23 %s %s is 501 and allows %s", async (method, path, allow) => {
    const answer = await request(bare(makeRig()))[method](path);
    expect(answer.status).toBe(501);
    expect(answer.body).toEqual(refusal(12, "Method Not Allowed", "METHOD_NOT_ALLOWED"));
    expect(answer.headers["allow"]).toBe(allow);
  });

  it("A23 HEAD of the API is 501 without a body, as from Fulcio", async () => {
    const answer = await request(bare(makeRig())).head("/api/v2/trustBundle");
    expect(answer.status).toBe(501);
    expect(answer.headers["allow"]).toBe("GET");
    expect(answer.text).toBeUndefined();
  });

  it("A23 A22 are recorded by code and reason, without the path and without a detail", async () => {
    const rig = makeRig();
    const server = bare(rig);
    await request(server).delete("/api/v2/signingCert?secret");
    await request(server).get("/secret");
    await rig.recorded(2);
    expect(rig.events).toEqual([
      {
        requestId: "own-1",
        method: "DELETE",
        route: "/api/v2/signingCert",
        status: 501,
        durationMs: 1,
        code: "method_not_allowed",
        reason: "METHOD_NOT_ALLOWED",
      },
      {
        requestId: "own-2",
        method: "GET",
        route: "other",
        status: 404,
        durationMs: 1,
        code: "not_found",
        reason: "NO_SUCH_PATH",
      },
    ]);
  });

  it("A24 takes no method from a header", async () => {
    const rig = makeRig();
    const answer = await request(bare(rig))
      .get("/api/v2/signingCert")
      .set("X-HTTP-Method-Override", "POST")
      .set("X-Forwarded-Host", "evil.example");
    expect(answer.status).toBe(501);
    expect(rig.requests).toHaveLength(0);
  });
});

describe("request identifiers", () => {
  it.each(["abc", "4bf92f3577b34da6", "!~", "x".repeat(128)])("A25 %s is kept", async (id) => {
    const rig = makeRig();
    const answer = await request(bare(rig)).get("/healthz").set("X-Request-ID", id);
    expect(answer.headers["x-request-id"]).toBe(id);
    await rig.recorded(1);
    expect(rig.events[0]?.requestId).toBe(id);
  });

  it.each(["x".repeat(129), "", "two words", "caf\u00e9", "tab\there"])(
    "A25 %j is replaced by an own one",
    async (id) => {
      const answer = await request(bare(makeRig())).get("/healthz").set("X-Request-ID", id);
      expect(answer.status).toBe(200);
      expect(answer.headers["x-request-id"]).toBe("own-1");
    },
  );
});

describe("cross-origin requests", () => {
  it.each(["https://pages.example.com", "null"])(
    "A26 a preflight from %s is 204 without credentials",
    async (origin) => {
      const answer = await request(bare(makeRig()))
        .options("/api/v2/signingCert")
        .set("Origin", origin)
        .set("Access-Control-Request-Method", "POST")
        .set("Access-Control-Request-Headers", "authorization,content-type");
      expect(answer.status).toBe(204);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      expect(answer.headers["access-control-allow-methods"]).toMatch(/\bPOST\b/u);
      expect(answer.headers["access-control-allow-headers"]).toMatch(/\bauthorization\b.*\bcontent-type\b/u);
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
      expect(answer.headers["content-length"]).toBeUndefined();
    },
  );

  it.each([
    ["an Origin alone", { Origin: "https://a.example" }],
    ["a method alone", { "Access-Control-Request-Method": "POST" }],
  ])("A26 OPTIONS with %s is no preflight", async (_name, headers) => {
    const answer = await request(bare(makeRig())).options("/api/v2/signingCert").set(headers);
    expect(answer.status).toBe(501);
  });

  it("A26 a refusal can be read from any origin too", async () => {
    const answer = await request(bare(makeRig())).post("/api/v2/signingCert").set("Origin", "null").send("x=1");
    expect(answer.status).toBe(415);
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });
});

describe("the content of a signing call", () => {
  const send = (headers: Readonly<Record<string, string>>, rig = makeRig()) =>
    request(bare(rig)).post("/api/v2/signingCert").set(headers).send(JSON.stringify(BODY));

  it.each([
    "application/json",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "Application/JSON ; Charset=Utf-8",
    "application/json; version=1",
  ])("A12 %s is JSON", async (type) => {
    expect((await send({ "Content-Type": type })).status).toBe(200);
  });

  it.each([
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json-patch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset=",
    "json",
  ])("A12 A13 %s is 415", async (type) => {
    const rig = makeRig();
    const answer = await send({ "Content-Type": type }, rig);
    expect(answer.status).toBe(415);
    expect(answer.body).toMatchObject({ code: 3, details: [{ reason: "UNSUPPORTED_MEDIA_TYPE" }] });
    expect(rig.requests).toHaveLength(0);
  });

  it.each(["gzip", "deflate", "br", "zstd", "identity, gzip", "x", ""])(
    "A14 content coding %j is 415",
    async (coding) => {
      expect((await send({ "Content-Type": "application/json", "Content-Encoding": coding })).status).toBe(415);
    },
  );

  it("A14 identity is no coding", async () => {
    expect((await send({ "Content-Type": "application/json", "Content-Encoding": "Identity" })).status).toBe(200);
  });

  it.each([
    ["B01", "", "BODY_NOT_JSON"],
    ["B02", '{"a":1}}', "BODY_NOT_JSON"],
    ["B04", '{"a":1,"a":2}', "DUPLICATE_MEMBER"],
    ["B13", '{"certificateSigningRequest":"!"}', "INVALID_BASE64"],
  ])("%s body %j is 400 with code 3", async (_row, body, reason) => {
    const answer = await request(bare(makeRig()))
      .post("/api/v2/signingCert")
      .set("Content-Type", "application/json")
      .send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 3, details: [{ reason }] });
  });
});
