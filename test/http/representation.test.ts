import { describe, expect, it } from "@jest/globals";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Answer } from "../../src/http/answer.ts";
import { makeRepresent } from "../../src/http/representation.ts";
import type { Resource } from "../../src/http/representation.ts";

const BODY = Buffer.from("the same line again and again\n".repeat(100));
const RESOURCE: Resource = { headers: ["Content-Type", "a/b"], body: BODY, isCompressible: true };

const represent = makeRepresent();

/** The answer to a request with these header fields. */
function answerTo(headers: Readonly<Record<string, string>>, resource = RESOURCE): Promise<Answer> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  return represent(request, resource);
}

function fieldsOf({ headers }: Answer): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < headers.length; at += 2) fields[headers[at] ?? ""] = headers[at + 1] ?? "";
  return fields;
}

/** What the resource is called when it is not compressed. */
const PLAIN = fieldsOf(await answerTo({}))["ETag"] ?? "";

describe("the representation of what is read", () => {
  it.each([
    "gzip",
    "GZIP",
    "x-gzip",
    "deflate, gzip;q=0.5, br",
    " gzip ; q=0.001",
    "*",
    "br;q=0, *;q=0.1",
    "gzip, gzip;q=0",
  ])("is gzip for %j", async (accepted) => {
    const answer = await answerTo({ "accept-encoding": accepted });
    expect(fieldsOf(answer)).toMatchObject({
      "Content-Encoding": "gzip",
      Vary: "Accept-Encoding",
      "Content-Type": "a/b",
    });
    expect(answer.body.length).toBeLessThan(BODY.length / 4);
    expect(gunzipSync(answer.body).equals(BODY)).toBe(true);
  });

  it.each([
    "",
    "identity",
    "br, deflate",
    "gzip;q=0",
    "gzip; q=0.000",
    "*;q=0",
    "gzip;q=0, *",
    "*, gzip;q=0",
    "gzipped",
    "not gzip",
    undefined,
  ])("is plain for %j", async (accepted) => {
    const answer = await answerTo(accepted === undefined ? {} : { "accept-encoding": accepted });
    expect(answer.body).toBe(BODY);
    expect(fieldsOf(answer)).toMatchObject({ Vary: "Accept-Encoding" });
    expect(fieldsOf(answer)).not.toHaveProperty("Content-Encoding");
  });

  it.each([
    ["is not worth it", { ...RESOURCE, isCompressible: false }],
    ["fits into one packet", { ...RESOURCE, body: BODY.subarray(0, 1_000) }],
  ])("is plain when compressing %s", async (_, resource) => {
    const answer = await answerTo({ "accept-encoding": "gzip" }, resource);
    expect(answer.body).toBe(resource.body);
    expect(fieldsOf(answer)).not.toHaveProperty("Content-Encoding");
  });

  it("depends on Accept-Encoding only where that can change it", async () => {
    expect(fieldsOf(await answerTo({}, { ...RESOURCE, isCompressible: false }))).not.toHaveProperty("Vary");
  });

  it("is compressed for everybody who asks at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => answerTo({ "accept-encoding": "gzip" })));
    for (const { body } of answers) expect(gunzipSync(body).equals(BODY)).toBe(true);
  });

  it("has a tag of its own for each content and each coding, and always the same one", async () => {
    const tagOf = async (headers: Readonly<Record<string, string>>, resource = RESOURCE) =>
      fieldsOf(await answerTo(headers, resource))["ETag"] ?? "";
    const tags = [
      await tagOf({}),
      await tagOf({ "accept-encoding": "gzip" }),
      await tagOf({}, { ...RESOURCE, body: BODY.subarray(1) }),
    ];
    expect(new Set(tags).size).toBe(3);
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]{22}(?:-gzip)?"$/u);
    expect(await tagOf({})).toBe(tags[0]);
  });

  it.each([PLAIN, `W/${PLAIN}`, `"a", ${PLAIN}`, `"a",W/${PLAIN} , "b"`, "*", " * "])(
    "is 304 without a body for whoever has %s",
    async (known) => {
      const answer = await answerTo({ "if-none-match": known });
      expect(answer.status).toBe(304);
      expect(answer.body).toHaveLength(0);
      expect(fieldsOf(answer)).toMatchObject({ ETag: PLAIN, Vary: "Accept-Encoding" });
      expect(fieldsOf(answer)).not.toHaveProperty("Content-Encoding");
    },
  );

  it.each(['"a"', "", PLAIN.slice(1, -1), `${PLAIN}x`, PLAIN.toUpperCase(), `w/${PLAIN}`, `"*"`])(
    "is sent to whoever has %s",
    async (known) => {
      expect((await answerTo({ "if-none-match": known })).status).toBe(200);
    },
  );

  it("is sent to whoever has the other coding", async () => {
    expect((await answerTo({ "if-none-match": PLAIN, "accept-encoding": "gzip" })).status).toBe(200);
    expect((await answerTo({ "if-none-match": PLAIN.replace(/"$/u, '-gzip"') })).status).toBe(200);
  });
});
