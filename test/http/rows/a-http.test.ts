import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL, openDoor } from "../../support/door.ts";
import { badToken, TEXT, malformed, reasonIn } from "../../support/refusal.ts";
import { WRONG_PATHS } from "../wrong-paths.ts";
import type { Answer, Call, Door } from "../../support/door.ts";
import type { Refusal } from "../../support/refusal.ts";

const SIGNING = "/api/v2/signingCert";
const MEDIA_TYPE: Refusal = {
  status: 415,
  code: 3,
  message: "The content of the request is not plain JSON in UTF-8",
  reason: "UNSUPPORTED_MEDIA_TYPE",
};
const TOO_LARGE: Refusal = { status: 413, code: 3, message: TEXT.tooLarge, reason: "BODY_TOO_LARGE" };
const NOT_FOUND: Refusal = { status: 404, code: 5, message: "Not Found", reason: "NO_SUCH_PATH" };
const WRONG_METHOD: Refusal = { status: 501, code: 12, message: "Method Not Allowed", reason: "METHOD_NOT_ALLOWED" };

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.close());

/** A signing body without a token. */
const keyBody = (): string => JSON.stringify({ publicKeyRequest: door.keyRequest() });
const fullBody = (token = door.token()): string => {
  door.keepTokenSecret(token);
  return JSON.stringify({ credentials: { oidcIdentityToken: token }, publicKeyRequest: door.keyRequest() });
};
const sendWith = (headers: readonly string[], rest: Call = {}): Promise<Answer> =>
  door.call({ body: keyBody(), ...rest, headers });

/** A good token that no output may show. */
function secretToken(): string {
  const token = door.token();
  door.keepTokenSecret(token);
  return token;
}

describe("the token in the header", () => {
  it.each<[string, (token: string) => readonly string[]]>([
    ["two equal fields", (token) => ["Authorization", `Bearer ${token}`, "Authorization", `Bearer ${token}`]],
    [
      "two fields, the first of them bad",
      (token) => ["Authorization", "Bearer a.b.c", "Authorization", `Bearer ${token}`],
    ],
    ["two fields, the second of them empty", (token) => ["Authorization", `Bearer ${token}`, "Authorization", ""]],
    [
      "two fields in other letters",
      (token) => ["authorization", `Bearer ${token}`, "AUTHORIZATION", `Bearer ${token}`],
    ],
  ])("[A7] is refused in %s", async (_name, headers) => {
    const answer = await sendWith(headers(secretToken()));
    door.expectRefused(answer, badToken("TOKEN_MALFORMED"));
    expect(answer.used.fetches).toBe(0);
  });

  it.each<[string, (token: string) => string, Reason]>([
    ["Basic", (token) => `Basic ${Buffer.from(`user:${token}`).toString("base64")}`, "TOKEN_MALFORMED"],
    ["DPoP", (token) => `DPoP ${token}`, "TOKEN_MALFORMED"],
    ["nothing", () => "", "TOKEN_MISSING"],
    ["Bearer alone", () => "Bearer", "TOKEN_MISSING"],
    ["Bearer and a space, which HTTP drops", () => "Bearer ", "TOKEN_MISSING"],
    ["two spaces", (token) => `Bearer  ${token}`, "TOKEN_MALFORMED"],
    ["a tab", (token) => `Bearer\t${token}`, "TOKEN_MALFORMED"],
    ["a list", (token) => `Bearer ${token}, Bearer ${token}`, "TOKEN_MALFORMED"],
    ["text behind the token", (token) => `Bearer ${token} x`, "TOKEN_MALFORMED"],
    ["a longer scheme", (token) => `Bearers ${token}`, "TOKEN_MALFORMED"],
  ])("[A8] is refused after %s", async (_name, value, reason) => {
    const answer = await sendWith(["Authorization", value(secretToken())]);
    door.expectRefused(answer, badToken(reason));
    expect(answer.used.fetches).toBe(0);
  });

  it.each(["Bearer", "bearer", "BEARER", "bEaReR"])("[A8] is taken after %s", async (scheme) => {
    door.expectIssued(await sendWith(["Authorization", `${scheme} ${secretToken()}`]));
  });

  it("[A9] is refused without a scheme", async () => {
    door.expectRefused(await sendWith(["Authorization", secretToken()]), badToken("TOKEN_MALFORMED"));
  });

  it.each(["Bearer a.b.c", "Basic YTpi", "", "Bearer"])(
    "[A10] is not looked at beside one in the body: %j",
    async (value) => {
      door.expectIssued(await door.call({ headers: ["Authorization", value], body: fullBody() }));
    },
  );

  it("[A10] does not help one in the body that is bad", async () => {
    const headers = ["Authorization", `Bearer ${secretToken()}`];
    const answer = await door.call({ headers, body: fullBody(door.token({ aud: "other" })) });
    door.expectRefused(answer, badToken("WRONG_AUDIENCE"));
  });

  it.each<[string, (token: string) => Call, Refusal]>([
    [
      "the query",
      (token) => ({ path: `${SIGNING}?access_token=${token}&oidcIdentityToken=${token}` }),
      badToken("TOKEN_MISSING"),
    ],
    [
      "a cookie",
      (token) => ({ headers: ["Cookie", `Authorization=Bearer ${token}; token=${token}`] }),
      badToken("TOKEN_MISSING"),
    ],
    [
      "another field",
      (token) => ({ headers: ["X-Forwarded-Access-Token", token, "Proxy-Authorization", `Bearer ${token}`] }),
      badToken("TOKEN_MISSING"),
    ],
    [
      "a form",
      (token) => ({
        headers: ["Content-Type", "application/x-www-form-urlencoded"],
        body: `access_token=${token}&oidcIdentityToken=${token}`,
      }),
      MEDIA_TYPE,
    ],
  ])("[A11] is not taken from %s", async (_name, call, refusal) => {
    const { headers = [], ...rest } = call(secretToken());
    door.expectRefused(await sendWith(headers, rest), refusal);
  });
});

describe("the content of a signing call", () => {
  it.each([
    [],
    ["Content-Type", "application/json"],
    ["Content-Type", "Application/JSON ; Charset=Utf-8"],
    ["Content-Type", 'application/json;charset="UTF-8"'],
    ["Content-Encoding", "identity"],
  ])("[A12] is JSON with %j %j", async (...headers) => {
    door.expectIssued(await door.call({ headers, body: fullBody() }));
  });

  it.each([
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json-patch+json",
    "application/octet-stream",
    "application/x-protobuf",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "json",
    "*/*",
    "",
  ])("[A12] is refused as %j", async (type) => {
    door.expectRefused(await door.call({ headers: ["Content-Type", type], body: fullBody() }), MEDIA_TYPE);
  });

  it.each(["utf-16", "utf-16le", "iso-8859-1", "us-ascii", "UTF-7", "utf8", "", "utf-8; charset=utf-16"])(
    "[A13] is refused in the charset %s",
    async (charset) => {
      const headers = ["Content-Type", `application/json; charset=${charset}`];
      door.expectRefused(await door.call({ headers, body: fullBody() }), MEDIA_TYPE);
    },
  );

  it.each(["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "identity, gzip", "gzip, identity", "aws-chunked"])(
    "[A14] is refused under the coding %s before a byte of it is read",
    async (coding) => {
      // A body that never comes: nothing waits for it.
      const head = `POST ${SIGNING} HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\nContent-Length: 131072\r\n\r\n`;
      const answer = await door.raw(head);
      door.expectRefused(answer, MEDIA_TYPE);
      expect(answer.headers.connection).toBe("close");
    },
  );

  it.each(["131073", "4194304", "99999999999999"])(
    "[A15] is refused unread, and the connection closed, at a length of %s",
    async (length) => {
      const answer = await door.raw(`POST ${SIGNING} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
      door.expectRefused(answer, TOO_LARGE);
      expect(answer.headers.connection).toBe("close");
    },
  );

  it("[A15] is taken at 128 KiB", async () => {
    door.expectIssued(await door.call({ body: fullBody().padEnd(128 * 1024) }));
  });

  const CHUNKED = `POST ${SIGNING} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`;

  it.each<[string, string]>([
    ["in one chunk", `20001\r\n${" ".repeat(0x20001)}`],
    ["in many chunks", `1000\r\n${" ".repeat(0x1000)}\r\n`.repeat(33)],
    ["by the extensions of its chunks", `1;${"x".repeat(20_000)}\r\n \r\n`],
  ])("[A16] is refused, and the connection closed, when it is too long %s", async (_name, chunks) => {
    const answer = await door.raw(CHUNKED + chunks);
    door.expectRefused(answer, TOO_LARGE);
    expect(answer.headers.connection).toBe("close");
  });
});

describe("paths and methods", () => {
  it.each([...WRONG_PATHS, "/api/v2/../v2/signingCert", "/%2fapi/v2/signingCert"])(
    "[A22] %s is no path",
    async (path) => {
      door.expectRefused(await door.call({ path, body: fullBody() }), NOT_FOUND);
      door.expectRefused(await door.call({ method: "GET", path }), NOT_FOUND);
    },
  );

  it.each(["//api/v2/signingCert", "///api/v2/signingCert?x=1"])(
    "[A22] %s is the path with one slash",
    async (path) => {
      door.expectIssued(await door.call({ path, body: fullBody() }));
    },
  );

  it.each([
    ["GET", SIGNING, "POST"],
    ["HEAD", SIGNING, "POST"],
    ["PUT", SIGNING, "POST"],
    ["DELETE", SIGNING, "POST"],
    ["PATCH", SIGNING, "POST"],
    ["OPTIONS", SIGNING, "POST"],
    ["POST", "/api/v2/trustBundle", "GET"],
    ["HEAD", "/api/v2/trustBundle", "GET"],
    ["DELETE", "/api/v2/configuration", "GET"],
    ["POST", "/healthz", "GET"],
  ])("[A23] %s %s is refused, and %s allowed", async (method, path, allow) => {
    const answer = await door.call({ method, path, ...(method === "PUT" ? { body: fullBody() } : {}) });
    if (method === "HEAD") expect([answer.status, answer.text]).toEqual([501, ""]);
    else door.expectRefused(answer, WRONG_METHOD);
    expect(answer.headers.allow).toBe(allow);
  });

  it("[A24] no method, path or host is taken from a header", async () => {
    const headers = [
      ["X-HTTP-Method-Override", "POST"],
      ["X-HTTP-Method", "POST"],
      ["X-Method-Override", "POST"],
      ["X-Original-URL", SIGNING],
      ["X-Rewrite-URL", SIGNING],
      ["X-Forwarded-Host", "evil.example"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-For", "127.0.0.1"],
    ].flat();
    door.expectRefused(await door.call({ method: "GET", path: SIGNING, headers }), WRONG_METHOD);
    door.expectRefused(await door.call({ method: "GET", path: "/", headers }), NOT_FOUND);
    const answer = await door.call({ headers, body: fullBody() });
    door.expectIssued(answer);
    expect(JSON.stringify([answer.headers, answer.text])).not.toContain("evil.example");
  });
});

describe("fields that the answer depends on", () => {
  it.each(["a", "4bf92f3577b34da6", "!~", "x".repeat(128)])("[A25] the identifier %s is kept", async (id) => {
    const answer = await door.call({ method: "GET", path: "/healthz", headers: ["X-Request-ID", id] });
    expect(answer.headers["x-request-id"]).toBe(id);
  });

  it.each(["x".repeat(129), "", "two words", "caf\u00e9", "tab\there", "\u0080"])(
    "[A25] the identifier %j is replaced by an own one",
    async (id) => {
      const headers = ["X-Request-ID", id];
      const answer = await door.call({ method: "GET", path: "/healthz", headers });
      expect(answer.status).toBe(200);
      expect(answer.headers["x-request-id"]).toMatch(/^own-\d+$/u);
    },
  );

  it.each(["a\u001b[31mcanary-in-the-identifier", "a\rcanary-in-the-identifier", "a\ncanary-in-the-identifier", "a\0"])(
    "[A25] the identifier %j is refused with its request",
    async (id) => {
      door.keepSecret("canary-in-the-identifier");
      const answer = await door.raw(`GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-ID: ${id}\r\n\r\n`);
      door.expectRefused(answer, malformed("HTTP_MALFORMED"));
    },
  );

  it.each(["https://pages.example.com", "null"])(
    "[A26] a preflight from %s is allowed, without credentials",
    async (origin) => {
      const headers = ["Origin", origin, "Access-Control-Request-Method", "POST"];
      const answer = await door.call({ method: "OPTIONS", path: SIGNING, headers });
      expect([answer.status, answer.text]).toEqual([204, ""]);
      expect(answer.headers).toMatchObject({
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": "accept, authorization, content-type, x-request-id, x-requested-with",
      });
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    },
  );

  it("[A26] certificates and refusals can be read from any origin, without credentials", async () => {
    const headers = ["Origin", "null"];
    const answers = [await door.call({ headers, body: fullBody() }), await door.call({ headers, body: "{" })];
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    for (const answer of answers) {
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });

  it.each(["application/pem-certificate-chain", "text/html", "application/grpc", "image/png;q=1, */*;q=0"])(
    "[A27] JSON is what comes when %s is accepted",
    async (accept) => {
      const answer = await door.call({ headers: ["Accept", accept], body: fullBody() });
      door.expectIssued(answer);
      expect(answer.headers["content-type"]).toBe("application/json");
    },
  );
});

describe("a fault of our own", () => {
  const secret = "secret of the handler at /etc/mayfly/key";

  it.each<[string, () => Promise<never>]>([
    ["rejects", () => Promise.reject(new Error(secret))],
    [
      "throws",
      () => {
        throw new TypeError(secret);
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a careless library may do
    ["rejects with a text", () => Promise.reject(secret)],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- Express takes this for success
    ["rejects with nothing", () => Promise.reject(undefined)],
  ])("[A31] is masked when a port %s, and the next call is served", async (_name, verify) => {
    let broken = true;
    const faulty = await openDoor({
      ports: ({ verifyIdToken }) => ({
        verifyIdToken: (token, nowMs) => (broken ? verify() : verifyIdToken(token, nowMs)),
      }),
    });
    const answer = await faulty.sign();
    faulty.expectRefused(answer, { status: 500, code: 13, message: TEXT.ca, reason: "UNEXPECTED" });
    expect(JSON.stringify([answer.headers, answer.text])).not.toMatch(/secret|\.ts|node_modules|<html/iu);
    broken = false;
    faulty.expectIssued(await faulty.sign());
    await faulty.close();
  });

  it("[A31] is masked when the answer cannot be encoded, and the next call is served", async () => {
    let broken = true;
    const pemOf = (pem: string): string => {
      if (broken) throw new RangeError(secret);
      return pem;
    };
    const faulty = await openDoor({
      ports: ({ issuer }) => {
        const [issuing = "", ...above] = issuer.pem;
        const pem = Object.defineProperty([issuing, ...above], 0, { get: () => pemOf(issuing) });
        return { issuer: { ...issuer, pem } };
      },
    });
    const answer = await faulty.sign();
    expect([answer.status, reasonIn(answer.text)]).toEqual([500, "UNEXPECTED"]);
    expect(answer.text).not.toMatch(/secret|\.ts|BEGIN/u);
    broken = false;
    faulty.expectIssued(await faulty.sign());
    await faulty.close();
  });
});

describe("a caller that goes away", () => {
  /** A door that holds one stage until it is told to go on, and a caller that comes that far and then goes away. */
  async function holdAt(stage: "verifyIdToken" | "log") {
    const reached = Promise.withResolvers<undefined>();
    const proceed = Promise.withResolvers<undefined>();
    const hold = async (): Promise<void> => {
      reached.resolve(undefined);
      await proceed.promise;
    };
    const held = await openDoor({
      ports: ({ verifyIdToken, log }) =>
        stage === "log"
          ? {
              log: {
                ...log,
                add: async (precertificate) => {
                  const sct = await log.add(precertificate);
                  await hold();
                  return sct;
                },
              },
            }
          : {
              verifyIdToken: async (token, nowMs) => {
                const verified = await verifyIdToken(token, nowMs);
                await hold();
                return verified;
              },
            },
    });
    const token = held.token();
    held.keepTokenSecret(token);
    const body = JSON.stringify({ credentials: { oidcIdentityToken: token }, publicKeyRequest: held.keyRequest() });
    const socket = connect({ port: held.port, host: "127.0.0.1" });
    await once(socket, "connect");
    socket.write(`POST ${SIGNING} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await reached.promise;
    return { held, socket, proceed: proceed.resolve };
  }

  /** Lets the event loop turn until something holds. */
  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let turns = 0; !(await condition()); turns++) {
      if (turns > 10_000) throw new Error("it never came to hold");
      await new Promise(setImmediate);
    }
  }

  const gone = async (held: Door, socket: Socket): Promise<void> => {
    socket.resetAndDestroy();
    await until(async () => /http_requests_total\{code="499",method="post"\} 1$/imu.test(await held.metrics()));
  };

  it.each<["verifyIdToken" | "log", string, object, object]>([
    ["verifyIdToken", "signs and logs nothing", { signatures: 0, entries: 0 }, {}],
    [
      "log",
      "makes no final signature",
      { signatures: 1, entries: 1 },
      { serialNumber: expect.stringMatching(/^[0-9a-f]{40}$/u) },
    ],
  ])(
    "[A32] at the stage %s %s, is counted as canceled, and the next caller is served",
    async (stage, _what, used, seen) => {
      const { held, socket, proceed } = await holdAt(stage);
      await gone(held, socket);
      proceed(undefined);
      await until(() => held.audit.records.some(({ kind }) => kind === "outcome"));
      expect(held.used).toMatchObject(used);
      expect(held.audit.records.at(-1)).toMatchObject({
        kind: "outcome",
        result: "refused",
        code: "canceled",
        reason: "CALLER_GONE",
        ...seen,
      });
      expect(await held.metrics()).toMatch(
        /^mayfly_issuances_total\{result="refused",code="canceled",reason="CALLER_GONE"\} 1$/mu,
      );
      held.expectIssued(await held.sign());
      await held.close();
    },
  );

  it("[A32] while its body is read costs nothing at all", async () => {
    const records = door.audit.records.length;
    const { used } = door;
    const socket = connect({ port: door.port, host: "127.0.0.1" });
    await once(socket, "connect");
    const canceled = async (): Promise<number> =>
      Number(/http_requests_total\{code="499",method="post"\} (\d+)$/imu.exec(await door.metrics())?.[1] ?? 0);
    const before = await canceled();
    const body = fullBody();
    socket.write(`POST ${SIGNING} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`);
    await new Promise(setImmediate);
    socket.resetAndDestroy();
    await until(async () => (await canceled()) === before + 1);
    expect(door.used).toEqual(used);
    expect(door.audit.records).toHaveLength(records);
  });

  it("[A32] that has its answer cancels nothing", async () => {
    const leaf = door.expectIssued(await door.call({ headers: ["Connection", "close"], body: fullBody() }));
    expect(leaf.subjectAltName).toBe(`email:${EMAIL}`);
    expect(await door.metrics()).not.toContain("CALLER_GONE");
  });
});
