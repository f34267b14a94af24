import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { encodeExtension } from "../../../src/core/certificate/extensions/extension.ts";
import { lintTbs } from "../../../src/core/certificate/lint-tbs.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import * as der from "../../../src/core/encoding/der-writer.ts";
import { makeCa, makeTemplate, USERNAME } from "../../support/certificate-fixtures.ts";
import { editTbs } from "../../support/edit-tbs.ts";

const template = lintTemplate(makeTemplate(makeCa(), { subjectAltName: USERNAME }));
const good = encodeTbs(encodeTemplate(template), { kind: "poison" });

const TYPE = der.oid("1.3.6.1.4.1.57264.1.7");
const VALUE = der.contextTag(0, der.utf8String(USERNAME.value));

/** The TBS with another GeneralName. */
function named(...names: readonly Uint8Array[]): Uint8Array {
  return editTbs(good, (tbs) => {
    tbs.extensions[4] = encodeExtension(der.oid("2.5.29.17"), "critical", der.sequence(...names));
  });
}

describe("the lint of a user name in the encoded bytes", () => {
  it("gives back the very bytes it accepted", () => {
    expect(lintTbs(good, template, "poison")).toBe(good);
    expect(Buffer.compare(named(der.contextTag(0, TYPE, VALUE)), good)).toBe(0); // what is changed below
  });

  it.each([
    ["another type", der.contextTag(0, der.oid("1.3.6.1.4.1.311.20.2.3"), VALUE)],
    ["no type", der.contextTag(0, VALUE)],
    ["no value", der.contextTag(0, TYPE)],
    ["nothing", der.contextTag(0)],
    ["a second value", der.contextTag(0, TYPE, VALUE, VALUE)],
    ["a value without its explicit tag", der.contextTag(0, TYPE, der.utf8String(USERNAME.value))],
    ["a value tagged IMPLICIT", der.contextTag(0, TYPE, der.contextPrimitive(0, Buffer.from(USERNAME.value)))],
    ["two values under one tag", der.contextTag(0, TYPE, der.contextTag(0, der.utf8String("a"), der.utf8String("b")))],
    ["an IA5String", der.contextTag(0, TYPE, der.contextTag(0, der.ia5String("amelie!example.com")))],
    ["a PrintableString", der.contextTag(0, TYPE, der.contextTag(0, der.printableString("amelie")))],
    ["another user", der.contextTag(0, TYPE, der.contextTag(0, der.utf8String("root!example.com")))],
    ["another domain", der.contextTag(0, TYPE, der.contextTag(0, der.utf8String("am\u00e9lie!example.org")))],
    [
      "the same letters in another form",
      der.contextTag(0, TYPE, der.contextTag(0, der.utf8String("ame\u0301lie!example.com"))),
    ],
    ["an address in its place", der.contextPrimitive(1, der.ascii("amelie@example.com"))],
    ["a structure that is not tagged", der.sequence(TYPE, VALUE)],
  ])("stops %s", (_name, name) => {
    expect(() => lintTbs(named(name), template, "poison")).toThrow(expect.objectContaining({ reason: "LINT" }));
  });

  it("stops an address beside it", () => {
    const both = named(der.contextTag(0, TYPE, VALUE), der.contextPrimitive(1, der.ascii("amelie@example.com")));
    expect(() => lintTbs(both, template, "poison")).toThrow(expect.objectContaining({ reason: "LINT" }));
  });

  it("stops the change of any one octet", () => {
    for (let at = 0; at < good.length; at++) {
      const flipped = Uint8Array.from(good).with(at, (good[at] ?? 0) ^ (1 << (at % 8)));
      expect(() => lintTbs(flipped, template, "poison")).toThrow(expect.objectContaining({ reason: "LINT" }));
    }
  });
});
