import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Certificate, Extension } from "pkijs";
import { OctetString } from "asn1js";
import { assertCorrespond } from "../../../src/core/certificate/correspond.ts";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import type { CertificateTemplate } from "../../../src/core/certificate/template.ts";
import {
  ALL_EXTENSIONS,
  certify,
  makeCa,
  makeKeyPair,
  makeTemplate,
  NOW_MS,
  proven,
  SCT_LIST,
  serialNumber,
} from "../../support/certificate-fixtures.ts";

const ca = makeCa();
const original = makeTemplate(ca, { extensions: ALL_EXTENSIONS });
const precertificateTbs = (changes: Partial<CertificateTemplate> = {}) =>
  encodeTbs(encodeTemplate(lintTemplate({ ...original, ...changes })), { kind: "poison" });
const finalTbs = (changes: Partial<CertificateTemplate> = {}) =>
  encodeTbs(encodeTemplate(lintTemplate({ ...original, ...changes })), { kind: "sct-list", list: SCT_LIST });

/** A TBS after pkijs has let `edit` change its extensions. */
function edited(tbs: Uint8Array, edit: (extensions: Extension[]) => void): Uint8Array {
  const der = certify(tbs, "ecdsa-p256-sha256", ca.issuingKey.privateKey);
  const certificate = Certificate.fromBER(Uint8Array.from(der));
  edit(certificate.extensions!);
  return new Uint8Array(certificate.encodeTBS().toBER());
}

const swap = (extensions: Extension[], a: number, b: number): void => {
  [extensions[a], extensions[b]] = [extensions[b]!, extensions[a]!];
};
const setValue = (extension: Extension, value: string): void => {
  extension.extnValue = new OctetString({ valueHex: Uint8Array.from(Buffer.from(value)).buffer });
};
const correspondence = expect.objectContaining({ code: "profile_violation", reason: "CORRESPONDENCE" });

describe("assertCorrespond", () => {
  it("[CL13] accepts the precertificate and the certificate of one template", () => {
    expect(() => {
      assertCorrespond(precertificateTbs(), finalTbs());
    }).not.toThrow();
  });

  /** The certificate with an extnValue of the SCT list's place that is made of `contents`. */
  const withSctExtension = (contents: Uint8Array): Uint8Array =>
    edited(finalTbs(), (list) => {
      list.at(-1)!.extnValue = new OctetString({ valueHex: Uint8Array.from(contents).buffer });
    });
  const wrapped = (list: Uint8Array): Uint8Array =>
    new Uint8Array(new OctetString({ valueHex: Uint8Array.from(list).buffer }).toBER());
  const oneSct = SCT_LIST.subarray(2);
  const lengthOf = (list: Uint8Array): Uint8Array => Uint8Array.of(list.length >> 8, list.length & 0xff);

  it("accepts an SCT list that pkijs wrapped", () => {
    expect(() => {
      assertCorrespond(precertificateTbs(), withSctExtension(wrapped(SCT_LIST)));
    }).not.toThrow();
  });

  it.each<[string, Uint8Array]>([
    ["a list of two SCTs", wrapped(Buffer.concat([lengthOf(Buffer.concat([oneSct, oneSct])), oneSct, oneSct]))],
    ["a list of no SCT", wrapped(Uint8Array.of(0, 0))],
    ["a list with an empty SCT", wrapped(Uint8Array.of(0, 2, 0, 0))],
    ["a list that is cut off", wrapped(SCT_LIST.subarray(0, -1))],
    ["a list with something behind it", wrapped(Buffer.concat([SCT_LIST, Uint8Array.of(0)]))],
    ["a list without its inner OCTET STRING", SCT_LIST],
    ["something behind the inner OCTET STRING", Buffer.concat([wrapped(SCT_LIST), Uint8Array.of(5, 0)])],
    ["nothing", new Uint8Array(0)],
  ])("refuses a certificate whose last extension holds %s", (_, contents) => {
    expect(() => {
      assertCorrespond(precertificateTbs(), withSctExtension(contents));
    }).toThrow(correspondence);
  });

  it.each<[string, Uint8Array]>([
    ["another serial number", finalTbs({ serialNumber: serialNumber() })],
    ["another issuer", finalTbs({ issuer: makeCa().chain })],
    ["another start", finalTbs({ notBeforeMs: NOW_MS + 1000 })],
    ["another end", finalTbs({ notAfterMs: NOW_MS + 601_000 })],
    ["another key", finalTbs({ key: proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256") })],
    ["another name", finalTbs({ subjectAltName: { kind: "email", value: "mallory@example.com" } })],
    [
      "another kind of name",
      finalTbs({ subjectAltName: { kind: "uri", value: "mailto:jane.doe+release@example.com" } }),
    ],
    ["another extension value", finalTbs({ extensions: { ...ALL_EXTENSIONS, tokenSubject: "other" } })],
    ["an extension less", finalTbs({ extensions: { ...ALL_EXTENSIONS, deploymentEnvironment: "" } })],
    [
      "two extensions in another order",
      edited(finalTbs(), (list) => {
        swap(list, 5, 6);
      }),
    ],
    [
      "another criticality",
      edited(finalTbs(), (list) => {
        list[4]!.critical = false;
      }),
    ],
    [
      "a repeated extension",
      edited(finalTbs(), (list) => {
        list.splice(5, 0, list[5]!);
      }),
    ],
    [
      "one value changed",
      edited(finalTbs(), (list) => {
        setValue(list[5]!, "https://evil.example");
      }),
    ],
    ["no SCT list", encodeTbs(encodeTemplate(lintTemplate(original)), { kind: "none" })],
    ["the poison still inside", precertificateTbs()],
    [
      "poison and SCT list",
      edited(finalTbs(), (list) => {
        list.splice(-1, 0, poison());
      }),
    ],
    [
      "two SCT lists",
      edited(finalTbs(), (list) => {
        list.push(list.at(-1)!);
      }),
    ],
    [
      "the SCT list in another place",
      edited(finalTbs(), (list) => {
        swap(list, list.length - 1, list.length - 2);
      }),
    ],
    [
      "a critical SCT list",
      edited(finalTbs(), (list) => {
        list.at(-1)!.critical = true;
      }),
    ],
    [
      "no extensions at all",
      edited(finalTbs(), (list) => {
        list.splice(0);
      }),
    ],
    ["bytes after it", Uint8Array.of(...finalTbs(), 0)],
    ["its end cut off", finalTbs().subarray(0, -1)],
    ["nothing in it", new Uint8Array(0)],
  ])("refuses a certificate with %s", (_name, tbs) => {
    expect(() => {
      assertCorrespond(precertificateTbs(), tbs);
    }).toThrow(correspondence);
  });

  it.each<[string, Uint8Array]>([
    ["no poison", encodeTbs(encodeTemplate(lintTemplate(original)), { kind: "none" })],
    ["an SCT list instead of the poison", finalTbs()],
    [
      "a poison that is not critical",
      edited(precertificateTbs(), (list) => {
        list.at(-1)!.critical = false;
      }),
    ],
    [
      "a poison that holds something",
      edited(precertificateTbs(), (list) => {
        setValue(list.at(-1)!, "x");
      }),
    ],
    [
      "two poisons",
      edited(precertificateTbs(), (list) => {
        list.push(poison());
      }),
    ],
    [
      "the poison in another place",
      edited(precertificateTbs(), (list) => {
        swap(list, list.length - 1, list.length - 2);
      }),
    ],
    ["bytes that are no TBS", Uint8Array.of(0x30, 0)],
  ])("refuses a precertificate with %s", (_name, tbs) => {
    expect(() => {
      assertCorrespond(tbs, finalTbs());
    }).toThrow(correspondence);
  });

  it("notices any change of any one octet before the SCT list", () => {
    const [precertificate, final] = [precertificateTbs(), finalTbs()];
    // Of the list's wrapping the last six octets, its inner lengths, are not the precertificate's business.
    const wrappedAt = final.length - SCT_LIST.length - 6;
    fc.assert(
      fc.property(fc.nat(wrappedAt - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Uint8Array.from(final).with(at, (final[at] ?? 0) ^ mask);
        expect(() => {
          assertCorrespond(precertificate, changed);
        }).toThrow(correspondence);
      }),
      { seed: 20261122, numRuns: 2000 },
    );
  });
});

function poison(): Extension {
  const valueHex = Uint8Array.of(5, 0).buffer;
  return new Extension({ extnID: "1.3.6.1.4.1.11129.2.4.3", critical: true, extnValue: valueHex });
}
