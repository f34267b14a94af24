import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { encodeExtension } from "../../../src/core/certificate/extensions/extension.ts";
import type { LastExtension } from "../../../src/core/certificate/extensions/last-extension.ts";
import { lintTbs } from "../../../src/core/certificate/lint-tbs.ts";
import { LINT_RULES } from "../../../src/core/certificate/lint-failure.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import * as der from "../../../src/core/encoding/der-writer.ts";
import {
  ALL_EXTENSIONS,
  makeCa,
  makeTemplate,
  NOW_MS,
  SCT_LIST,
  serialNumber,
  WORKFLOW_URI,
} from "../../support/certificate-fixtures.ts";
import { editTbs, type EditTbs, type TbsParts } from "../../support/edit-tbs.ts";

const ca = makeCa();
const template = lintTemplate(makeTemplate(ca, { extensions: ALL_EXTENSIONS, subjectAltName: WORKFLOW_URI }));
const LAST = {
  none: { kind: "none" },
  poison: { kind: "poison" },
  "sct-list": { kind: "sct-list", list: SCT_LIST },
} as const satisfies Record<LastExtension["kind"], LastExtension>;

const bytes = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));

/** The TBS of the template after `edit`. */
function changed(kind: LastExtension["kind"], edit: EditTbs): Uint8Array {
  return editTbs(encodeTbs(encodeTemplate(template), LAST[kind]), edit);
}

const field =
  (at: number, value: Uint8Array) =>
  (tbs: TbsParts): void => {
    tbs.fields[at] = value;
  };
const extension =
  (at: number, value: Uint8Array) =>
  (tbs: TbsParts): void => {
    tbs.extensions[at] = value;
  };
const validity = (...times: Uint8Array[]) => field(4, der.sequence(...times));

const start = der.utcOrGeneralizedTime(NOW_MS);
const end = der.utcOrGeneralizedTime(NOW_MS + 600_000);
const time = (tag: string, text: string): Uint8Array =>
  bytes(`${tag}${Buffer.from(text).length.toString(16).padStart(2, "0")}${Buffer.from(text).toString("hex")}`);

const SAN = der.oid("2.5.29.17");
const KU = der.oid("2.5.29.15");
const EKU = der.oid("2.5.29.37");
const SKI = der.oid("2.5.29.14");
const AKI = der.oid("2.5.29.35");
const fulcio = (number: number): Uint8Array => der.oid(`1.3.6.1.4.1.57264.1.${String(number)}`);
const POISON_ID = der.oid("1.3.6.1.4.1.11129.2.4.3");
const SCT_LIST_ID = der.oid("1.3.6.1.4.1.11129.2.4.2");
const CODE_SIGNING = der.oid("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING = der.oid("1.3.6.1.5.5.7.3.8");
const name = der.contextPrimitive(6, der.ascii(WORKFLOW_URI.value));
const issuerKeyIdentifier = ca.chain.subjectKeyIdentifier;
const LAST_PLACE = 5 + 23;

describe("lintTbs", () => {
  it.each(["none", "poison", "sct-list"] as const)("gives back the very bytes it accepted: %s", (kind) => {
    const tbs = encodeTbs(encodeTemplate(template), LAST[kind]);
    expect(lintTbs(tbs, template, kind)).toBe(tbs);
    expect(Buffer.from(changed(kind, () => undefined)).equals(tbs)).toBe(true); // the mutations below start from it
  });

  type Mutation = [rule: string, name: string, change: EditTbs];

  it.each<Mutation>([
    ["version", "v1, said", field(0, bytes("a003020100"))],
    ["version", "v2", field(0, bytes("a003020101"))],
    ["serial", "another serial number", field(1, der.integer(serialNumber()))],
    ["serial", "zero", field(1, bytes("020100"))],
    ["serial", "a small serial number", field(1, bytes("02087fffffffffffffff"))],
    ["serial", "a 21-octet serial number", field(1, der.integer(new Uint8Array(21).fill(1)))],
    ["structure", "a negative serial number", field(1, bytes("0214" + "ff".repeat(20)))],
    [
      "structure",
      "a serial number with a needless zero",
      field(1, bytes("021500" + Buffer.from(template.serialNumber).toString("hex"))),
    ],
    ["signature-algorithm", "another hash", field(2, der.sequence(der.oid("1.2.840.10045.4.3.3")))],
    [
      "signature-algorithm",
      "parameters NULL for ECDSA",
      field(2, der.sequence(der.oid("1.2.840.10045.4.3.2"), der.nullValue())),
    ],
    ["issuer", "an empty issuer", field(3, der.sequence())],
    [
      "issuer",
      "another encoding of the same name",
      field(3, der.sequence(der.set(der.sequence(der.oid("2.5.4.3"), der.printableString("issuing CA"))))),
    ],
    ["validity", "a second more", validity(start, der.utcOrGeneralizedTime(NOW_MS + 601_000))],
    ["validity", "a second earlier", validity(der.utcOrGeneralizedTime(NOW_MS - 1000), end)],
    ["validity", "GeneralizedTime before 2050", validity(time("18", "20261122120000Z"), end)],
    ["validity", "UTCTime without seconds", validity(time("17", "2611221200Z"), end)],
    ["validity", "UTCTime with an offset", validity(time("17", "261122120000+0000"), end)],
    ["validity", "a time with a fraction", validity(time("18", "20261122120000.5Z"), end)],
    ["validity", "a date that does not exist", validity(time("17", "261322120000Z"), end)],
    ["validity", "one time only", validity(start)],
    ["validity", "three times", validity(start, end, end)],
    ["validity", "no SEQUENCE", field(4, der.set(start, end))],
    ["subject", "a subject", field(5, ca.chain.subjectName)],
    ["spki", "another key", field(6, ca.issuingKey.spki)],
    [
      "structure",
      "a unique identifier",
      (tbs) => {
        tbs.fields.push(bytes("810100"));
      },
    ],
    ["key-usage", "not critical", extension(0, encodeExtension(KU, "not-critical", bytes("03020780")))],
    ["key-usage", "keyCertSign too", extension(0, encodeExtension(KU, "critical", bytes("03020284")))],
    [
      "key-usage",
      "another encoding of the same bits",
      extension(0, encodeExtension(KU, "critical", bytes("03020080"))),
    ],
    [
      "key-usage",
      "absent",
      (tbs) => {
        tbs.extensions.shift();
      },
    ],
    ["ext-key-usage", "critical", extension(1, encodeExtension(EKU, "critical", der.sequence(CODE_SIGNING)))],
    [
      "ext-key-usage",
      "a second purpose",
      extension(1, encodeExtension(EKU, "not-critical", der.sequence(CODE_SIGNING, TIME_STAMPING))),
    ],
    [
      "ext-key-usage",
      "another purpose",
      extension(1, encodeExtension(EKU, "not-critical", der.sequence(TIME_STAMPING))),
    ],
    [
      "subject-key-identifier",
      "of other bits",
      extension(2, encodeExtension(SKI, "not-critical", der.octetString(issuerKeyIdentifier))),
    ],
    [
      "subject-key-identifier",
      "critical",
      (tbs) => {
        tbs.extensions[2] = encodeExtension(SKI, "critical", derChildren(parseDer(tbs.extensions[2]!))[1]!.content);
      },
    ],
    [
      "authority-key-identifier",
      "not the issuer's",
      extension(3, encodeExtension(AKI, "not-critical", der.sequence(der.contextPrimitive(0, new Uint8Array(20))))),
    ],
    [
      "authority-key-identifier",
      "critical",
      extension(3, encodeExtension(AKI, "critical", der.sequence(der.contextPrimitive(0, issuerKeyIdentifier)))),
    ],
    [
      "authority-key-identifier",
      "with a serial number",
      extension(
        3,
        encodeExtension(
          AKI,
          "not-critical",
          der.sequence(der.contextPrimitive(0, issuerKeyIdentifier), bytes("820101")),
        ),
      ),
    ],
    ["subject-alt-name", "not critical", extension(4, encodeExtension(SAN, "not-critical", der.sequence(name)))],
    ["subject-alt-name", "two names", extension(4, encodeExtension(SAN, "critical", der.sequence(name, name)))],
    ["subject-alt-name", "no name", extension(4, encodeExtension(SAN, "critical", der.sequence()))],
    [
      "subject-alt-name",
      "another name",
      extension(
        4,
        encodeExtension(SAN, "critical", der.sequence(der.contextPrimitive(6, der.ascii("https://evil.example")))),
      ),
    ],
    [
      "structure",
      "a name of another kind",
      extension(
        4,
        encodeExtension(SAN, "critical", der.sequence(der.contextPrimitive(1, der.ascii(WORKFLOW_URI.value)))),
      ),
    ],
    [
      "extension-order",
      "no subjectAltName",
      (tbs) => {
        tbs.extensions.splice(4, 1);
      },
    ],
    [
      "extension-order",
      "two extensions exchanged",
      (tbs) => {
        tbs.extensions.splice(5, 2, tbs.extensions[6]!, tbs.extensions[5]!);
      },
    ],
    [
      "extension-order",
      "an extension twice",
      (tbs) => {
        tbs.extensions.splice(5, 0, tbs.extensions[5]!);
      },
    ],
    [
      "extension-order",
      "basicConstraints CA:TRUE",
      (tbs) => {
        tbs.extensions.splice(5, 0, bytes("300f0603551d130101ff040530030101ff"));
      },
    ],
    [
      "extension-order",
      "an unknown critical extension",
      (tbs) => {
        tbs.extensions.splice(LAST_PLACE, 0, encodeExtension(der.oid("1.2.3.4"), "critical", der.nullValue()));
        tbs.extensions.splice(20, 1);
      },
    ],
    [
      "fulcio-extension",
      "critical",
      extension(5, encodeExtension(fulcio(1), "critical", der.utf8(ALL_EXTENSIONS.issuer))),
    ],
    [
      "fulcio-extension",
      "another issuer",
      extension(5, encodeExtension(fulcio(1), "not-critical", der.utf8("https://evil.example"))),
    ],
    [
      "fulcio-extension",
      "a raw value in a UTF8String",
      extension(5, encodeExtension(fulcio(1), "not-critical", der.utf8String(ALL_EXTENSIONS.issuer))),
    ],
    [
      "structure",
      "a UTF8String's value raw",
      extension(11, encodeExtension(fulcio(8), "not-critical", der.utf8(ALL_EXTENSIONS.issuer))),
    ],
    [
      "structure",
      "an IA5String instead of a UTF8String",
      extension(11, encodeExtension(fulcio(8), "not-critical", der.ia5String(ALL_EXTENSIONS.issuer))),
    ],
    [
      "last-extension",
      "no poison",
      (tbs) => {
        tbs.extensions.pop();
      },
    ],
    [
      "last-extension",
      "a poison that is not critical",
      extension(LAST_PLACE, encodeExtension(POISON_ID, "not-critical", der.nullValue())),
    ],
    [
      "last-extension",
      "an SCT list instead",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "not-critical", der.octetString(SCT_LIST))),
    ],
    [
      "last-extension",
      "an SCT list beside the poison",
      (tbs) => {
        tbs.extensions.push(encodeExtension(SCT_LIST_ID, "not-critical", der.octetString(SCT_LIST)));
      },
    ],
    [
      "last-extension",
      "an extension after the poison",
      (tbs) => {
        tbs.extensions.push(tbs.extensions[5]!);
      },
    ],
  ])("[U1] stops a precertificate with %s: %s", (rule, _name, change) => {
    expect(() => lintTbs(changed("poison", change), template, "poison")).toThrow(stoppedBy(rule));
  });

  it.each<Mutation>([
    ["last-extension", "the poison", extension(LAST_PLACE, encodeExtension(POISON_ID, "critical", der.nullValue()))],
    [
      "last-extension",
      "no SCT list",
      (tbs) => {
        tbs.extensions.pop();
      },
    ],
    [
      "last-extension",
      "two SCT lists",
      (tbs) => {
        tbs.extensions.push(tbs.extensions.at(-1)!);
      },
    ],
    [
      "last-extension",
      "a critical SCT list",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "critical", der.octetString(SCT_LIST))),
    ],
    [
      "last-extension",
      "an empty SCT list",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "not-critical", der.octetString(bytes("0000")))),
    ],
    [
      "last-extension",
      "two SCTs",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "not-critical", der.octetString(bytes("000600010100010100")))),
    ],
    [
      "last-extension",
      "a length that is wrong",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "not-critical", der.octetString(SCT_LIST.with(1, 1)))),
    ],
    [
      "structure",
      "an SCT list wrapped once",
      extension(LAST_PLACE, encodeExtension(SCT_LIST_ID, "not-critical", SCT_LIST)),
    ],
  ])("[U1] stops a certificate with %s: %s", (rule, _name, change) => {
    expect(() => lintTbs(changed("sct-list", change), template, "sct-list")).toThrow(stoppedBy(rule));
  });

  it("stops a logged TBS that still has its last extension", () => {
    expect(() => lintTbs(encodeTbs(encodeTemplate(template), LAST.poison), template, "none")).toThrow(
      stoppedBy("last-extension"),
    );
  });

  const good = encodeTbs(encodeTemplate(template), LAST.poison);

  it.each<[string, Uint8Array]>([
    ["no bytes", new Uint8Array(0)],
    ["bytes after the end", Uint8Array.of(...good, 0)],
    ["its end cut off", good.subarray(0, -1)],
    ["a SET", Uint8Array.from(good).with(0, 0x31)],
    ["an empty SEQUENCE", der.sequence()],
    [
      "a length that is not minimal",
      Uint8Array.of(0x30, 0x83, 0, good.length >> 8, good.length & 0xff, ...good.subarray(4)),
    ],
    ["an indefinite length", Uint8Array.of(0x30, 0x80, ...good.subarray(4), 0, 0)],
    [
      "critical FALSE written out",
      changed("poison", (tbs) => {
        tbs.extensions[2] = der.sequence(SKI, der.boolean(false), bytes("0416"), der.nullValue());
      }),
    ],
    [
      "TRUE that is not FF",
      changed("poison", (tbs) => {
        tbs.extensions[4] = der.sequence(SAN, bytes("010101"), der.octetString(der.sequence(name)));
      }),
    ],
    [
      "an extension without a value",
      changed("poison", (tbs) => {
        tbs.extensions[4] = der.sequence(SAN);
      }),
    ],
  ])("stops %s", (_name, tbs) => {
    expect(() => lintTbs(tbs, template, "poison")).toThrow(expect.objectContaining({ reason: "LINT" }));
  });

  it("stops the change of any one octet", () => {
    for (let at = 0; at < good.length; at++) {
      const flipped = Uint8Array.from(good).with(at, (good[at] ?? 0) ^ (1 << (at % 8)));
      expect(() => lintTbs(flipped, template, "poison")).toThrow(expect.objectContaining({ reason: "LINT" }));
    }
  });

  it("names its rules once each", () => {
    expect(new Set(LINT_RULES).size).toBe(LINT_RULES.length);
  });
});

function stoppedBy(rule: string) {
  const message = expect.stringMatching(new RegExp(`^${rule}: `, "u"));
  return expect.objectContaining({ code: "profile_violation", reason: "LINT", message });
}
