import { createPublicKey, X509Certificate } from "node:crypto";
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodePem, parsePem, PemError } from "../../../src/core/encoding/pem.ts";

const openssl = (args: readonly string[], input?: string | Uint8Array): Buffer =>
  execFileSync("openssl", args, { input, stdio: ["pipe", "pipe", "ignore"] });

/** The blocks of a text, none where it is refused; anything but a PemError passes through. */
function blocksIn(source: string | Uint8Array): ReturnType<typeof parsePem> {
  try {
    return parsePem(source);
  } catch (error) {
    if (error instanceof PemError) return [];
    throw error;
  }
}

const BEGIN = "-----BEGIN PUBLIC KEY-----";
const END = "-----END PUBLIC KEY-----";
const der = Buffer.from(Array.from({ length: 91 }, (_, i) => i));
const base64 = der.toString("base64");
const wrapped = `${base64.slice(0, 64)}\n${base64.slice(64)}`;
const pem = `${BEGIN}\n${wrapped}\n${END}\n`;

describe("parsePem", () => {
  it.each([
    ["LF", pem],
    ["CRLF", pem.replaceAll("\n", "\r\n")],
    ["no final newline", pem.trimEnd()],
    ["CRLF and no final newline", pem.trimEnd().replaceAll("\n", "\r\n")],
    ["one unwrapped base64 line", `${BEGIN}\n${base64}\n${END}`],
    ["76 columns", `${BEGIN}\n${base64.slice(0, 76)}\n${base64.slice(76)}\n${END}\n`],
    ["blank lines around the block", `\r\n\n \t\n${pem}\n\n`],
  ])("reads a block with %s, as text and as bytes", (_name, text) => {
    for (const source of [text, Buffer.from(text)]) {
      const blocks = parsePem(source);
      expect(blocks.map(({ label }) => label)).toEqual(["PUBLIC KEY"]);
      expect(Buffer.from(blocks[0]!.der).equals(der)).toBe(true);
    }
  });

  it("gives several blocks in their order", () => {
    const text = `${pem}${pem.replaceAll("PUBLIC KEY", "X509 CRL")}${pem.replaceAll("PUBLIC KEY", "A-B C")}`;
    expect(parsePem(text).map(({ label }) => label)).toEqual(["PUBLIC KEY", "X509 CRL", "A-B C"]);
  });

  it("reads what OpenSSL writes, octet for octet", () => {
    const text = openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).toString();
    const blocks = parsePem(text);
    expect(blocks[0]?.label).toBe("PRIVATE KEY");
    expect(openssl(["pkey", "-outform", "DER"], text).length).toBeGreaterThan(1000);
    expect(Buffer.from(blocks[0]!.der).equals(openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], text))).toBe(
      true,
    );
  });

  it.each([
    ["nothing", ""],
    ["white space", " \r\n\n"],
    ["text", "hello"],
    ["HTML", "<html><body>-----BEGIN PUBLIC KEY-----</body></html>"],
    ["a bare body", wrapped],
    ["text before the block", `Subject: me\n${pem}`],
    ["text after the block", `${pem}me\n`],
    ["text between blocks", `${pem}and\n${pem}`],
    ["a NUL after the block", `${pem}\0`],
    ["a missing END", `${BEGIN}\n${wrapped}\n`],
    ["a missing BEGIN", `${wrapped}\n${END}\n`],
    ["an END of another label", pem.replace("END PUBLIC", "END RSA PUBLIC")],
    ["an END in lower case", pem.replace("END", "end")],
    ["an empty label", pem.replaceAll(" PUBLIC KEY", " ")],
    ["no label", pem.replaceAll(" PUBLIC KEY", "")],
    ["a label with two spaces", pem.replaceAll("PUBLIC KEY", "PUBLIC  KEY")],
    ["a label that ends in a space", pem.replaceAll("PUBLIC KEY", "PUBLIC KEY ")],
    ["a label with a line break", pem.replaceAll("PUBLIC KEY", "PUBLIC\nKEY")],
    ["a label beyond ASCII", pem.replaceAll("PUBLIC KEY", "PUBLİC KEY")],
    ["a label of 65 characters", pem.replaceAll("PUBLIC KEY", "A".repeat(65))],
    ["four dashes", pem.replaceAll("-----", "----")],
    ["six dashes at the end of BEGIN", pem.replace("KEY-----", "KEY------")],
    ["data behind BEGIN on its line", pem.replace("KEY-----\n", "KEY-----")],
    ["a space behind BEGIN", pem.replace("KEY-----\n", "KEY----- \n")],
    ["a lone CR behind BEGIN", pem.replace("KEY-----\n", "KEY-----\r")],
    ["data before END on its line", `${BEGIN}\n${base64}${END}\n`],
    ["END and BEGIN on one line", `${pem.trimEnd()}${pem}`],
    ["encapsulated headers", `${BEGIN}\nProc-Type: 4,ENCRYPTED\n\n${wrapped}\n${END}\n`],
    ["a header without a blank line", `${BEGIN}\nComment: x\n${wrapped}\n${END}\n`],
    ["an empty body", `${BEGIN}\n${END}\n`],
    ["a body that is a blank line", `${BEGIN}\n\n${END}\n`],
    ["a blank line in the body", `${BEGIN}\n${base64.slice(0, 64)}\n\n${base64.slice(64)}\n${END}\n`],
    ["a blank line in front of the body", `${BEGIN}\n\n${wrapped}\n${END}\n`],
    ["a blank line behind the body", `${BEGIN}\n${wrapped}\n\n${END}\n`],
    ["indentation", `${BEGIN}\n  ${wrapped.replace("\n", "\n  ")}\n${END}\n`],
    ["a trailing space", `${BEGIN}\n${wrapped} \n${END}\n`],
    ["a tab inside", `${BEGIN}\n${base64.slice(0, 8)}\t${base64.slice(8)}\n${END}\n`],
    ["a lone CR in the body", `${BEGIN}\n${base64.slice(0, 64)}\r${base64.slice(64)}\n${END}\n`],
    ["base64url", `${BEGIN}\n-_-_\n${END}\n`],
    ["no padding", `${BEGIN}\n${wrapped.replaceAll("=", "")}\n${END}\n`],
    ["too much padding", `${BEGIN}\n${base64}====\n${END}\n`],
    ["padding in the middle", `${BEGIN}\nAA==\nAAAA\n${END}\n`],
    ["bits that nobody reads", `${BEGIN}\nAB==\n${END}\n`],
    ["a lone character of base64", `${BEGIN}\nAAAAA\n${END}\n`],
    ["a star", `${BEGIN}\nAA*A\n${END}\n`],
    ["an explanatory dash line", `${BEGIN}\n-----\n${END}\n`],
    ["a nested BEGIN", `${BEGIN}\n${BEGIN}\n${wrapped}\n${END}\n${END}\n`],
  ])("refuses %s", (_name, text) => {
    expect(() => parsePem(text)).toThrow(PemError);
    expect(() => parsePem(Buffer.from(text))).toThrow(PemError);
  });

  it("refuses octets beyond ASCII and UTF-16", () => {
    expect(() => parsePem(Buffer.from(pem.replace("A", "\u00c1"), "latin1"))).toThrow(PemError);
    expect(() => parsePem(Buffer.from(pem, "utf16le"))).toThrow(PemError);
    expect(() => parsePem(Buffer.from(`\ufeff${pem}`))).toThrow(PemError);
  });

  it.each([
    ["a million BEGIN lines", `${BEGIN}\n`.repeat(1_000_000)],
    ["dashes", "-".repeat(10_000_000)],
    ["a label without end", `-----BEGIN ${"A ".repeat(5_000_000)}`],
    ["one line of 10 MB that is cut off", `${BEGIN}\n${"A".repeat(10_000_000)}`],
    ["ten million line breaks in a body", `${BEGIN}\n${"\n".repeat(10_000_000)}${END}`],
  ])("refuses %s within the time of a test", (_name, text) => {
    expect(() => parsePem(text)).toThrow(PemError);
  });

  it("throws nothing but PemError, whatever the text", () => {
    const piece = fc.constantFrom(BEGIN, END, "\n", "\r\n", "AAAA", "AA==", " ", "-", "-----", "x: y", "\0");
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      fc.string(),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(text, (source) => {
        for (const block of blocksIn(source)) expect(parsePem(encodePem(block.label, block.der))).toEqual([block]);
      }),
      { seed: 20261122, numRuns: 3_000 },
    );
  });
});

describe("encodePem", () => {
  it("writes 64 columns, LF, and no final newline", () => {
    expect(encodePem("PUBLIC KEY", der)).toBe(pem.trimEnd());
  });

  it.each([1, 47, 48, 49, 95, 96, 97, 1250])("is what parsePem reads, for %i octets", (length) => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i % 256));
    const text = encodePem("CERTIFICATE", bytes);
    expect(
      text
        .split("\n")
        .slice(1, -1)
        .every((line) => line.length > 0 && line.length <= 64),
    ).toBe(true);
    expect(parsePem(text)).toEqual([{ label: "CERTIFICATE", der: bytes }]);
  });

  it("encodes a view and not the memory around it", () => {
    expect(
      encodePem("PUBLIC KEY", new Uint8Array(Buffer.concat([Buffer.of(9, 9), der, Buffer.of(9)])).subarray(2, 93)),
    ).toBe(pem.trimEnd());
  });

  it("writes what node and OpenSSL write, but for the final newline", () => {
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"];
    const certificate = openssl([...args, "-keyout", "/dev/null"]).toString();
    const { raw, publicKey } = new X509Certificate(certificate);
    expect(`${encodePem("CERTIFICATE", raw)}\n`).toBe(certificate);
    const text = encodePem("PUBLIC KEY", publicKey.export({ type: "spki", format: "der" }));
    expect(createPublicKey(text).equals(publicKey)).toBe(true);
    expect(openssl(["pkey", "-pubin", "-pubout"], text).toString()).toBe(`${text}\n`);
  });
});
