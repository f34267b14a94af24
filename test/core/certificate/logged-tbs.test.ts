import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import { assertLoggedTbs, serialNumberOfTbs } from "../../../src/core/certificate/logged-tbs.ts";
import type { CertificateTemplate } from "../../../src/core/certificate/template.ts";
import {
  ALL_EXTENSIONS,
  certify,
  makeCa,
  makeTemplate,
  SCT_LIST,
  serialNumber,
} from "../../support/certificate-fixtures.ts";
import { editTbs, type EditTbs } from "../../support/edit-tbs.ts";
import { POISON as POISON_OID, tbsWithoutExtension } from "../../support/tbs-without-extension.ts";

const ca = makeCa();
const original = makeTemplate(ca, { extensions: ALL_EXTENSIONS });
const linted = (changes: Partial<CertificateTemplate> = {}) => lintTemplate({ ...original, ...changes });
const signed = (tbs: Uint8Array): Uint8Array => certify(tbs, "ecdsa-p256-sha256", ca.issuingKey.privateKey);
const poisonedTbs = encodeTbs(encodeTemplate(linted()), { kind: "poison" });
const precertificate = signed(poisonedTbs);
const loggedTbs = encodeTbs(encodeTemplate(linted()), { kind: "none" });
const correspondence = expect.objectContaining({ code: "profile_violation", reason: "CORRESPONDENCE" });

describe("assertLoggedTbs", () => {
  it("accepts the precertificate and the logged TBS of one template", () => {
    expect(() => {
      assertLoggedTbs(precertificate, loggedTbs);
    }).not.toThrow();
  });

  it("accepts the TBS that sigstore-js makes of the precertificate", () => {
    expect(() => {
      assertLoggedTbs(precertificate, tbsWithoutExtension(precertificate, POISON_OID));
    }).not.toThrow();
  });

  it.each<[string, Uint8Array, Uint8Array]>([
    [
      "of another serial number",
      precertificate,
      encodeTbs(encodeTemplate(linted({ serialNumber: serialNumber() })), { kind: "none" }),
    ],
    ["with the poison still in it", precertificate, poisonedTbs],
    ["with an SCT list", precertificate, encodeTbs(encodeTemplate(linted()), { kind: "sct-list", list: SCT_LIST })],
    [
      "with fewer extensions",
      precertificate,
      encodeTbs(encodeTemplate(linted({ extensions: { issuer: ALL_EXTENSIONS.issuer } })), { kind: "none" }),
    ],
    ["of a certificate that is no precertificate", signed(loggedTbs), loggedTbs],
    ["that is cut off", precertificate, loggedTbs.subarray(0, -1)],
    ["with something behind it", precertificate, Buffer.concat([loggedTbs, Uint8Array.of(5, 0)])],
    ["of a precertificate that is cut off", precertificate.subarray(0, -1), loggedTbs],
    ["of no certificate at all", Uint8Array.of(0x30, 0), loggedTbs],
  ])("refuses a logged TBS %s", (_, certificate, tbs) => {
    expect(() => {
      assertLoggedTbs(certificate, tbs);
    }).toThrow(correspondence);
  });

  const twice: EditTbs = ({ extensions }) => {
    const poison = extensions.at(-1);
    if (poison !== undefined) extensions.push(poison);
  };
  const swapped: EditTbs = ({ extensions }) => {
    extensions.unshift(...extensions.splice(1, 1));
  };

  it.each<[string, EditTbs]>([
    ["two poisons", twice],
    ["its extensions in another order", swapped],
  ])("refuses a precertificate with %s", (_, edit) => {
    expect(() => {
      assertLoggedTbs(signed(editTbs(poisonedTbs, edit)), loggedTbs);
    }).toThrow(correspondence);
  });
});

describe("serialNumberOfTbs", () => {
  it("is the number that the template had", () => {
    const serial = Uint8Array.from([0x7f, ...serialNumber().subarray(1)]);
    expect(serialNumberOfTbs(encodeTbs(encodeTemplate(linted({ serialNumber: serial })), { kind: "none" }))).toEqual(
      serial,
    );
  });

  it("has no octet that only keeps it positive", () => {
    const serial = Uint8Array.from([0, 0x80, ...serialNumber().subarray(2)]);
    expect(serialNumberOfTbs(encodeTbs(encodeTemplate(linted({ serialNumber: serial })), { kind: "none" }))).toEqual(
      serial.subarray(1),
    );
  });
});
