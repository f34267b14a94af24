import { Certificate, SignedCertificateTimestampList } from "pkijs";
import { parsePem } from "../../../src/core/encoding/pem.ts";

const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";

/**
 * What is compared of a certificate: each part by its name, extensions by their places and object identifiers. The serial
 * number, the times and the SCT's own are left out; what their forms are is not.
 */
export type CertificateParts = Readonly<Record<string, string>>;

/** Takes a certificate apart; read by pkijs. Bytes come as text of one character each. */
export function certificateParts(pem: string): CertificateParts {
  const certificate = Certificate.fromBER(parsePem(Buffer.from(pem))[0]!.der.slice());
  const { serialNumber, notBefore, notAfter, issuer, subject, extensions = [] } = certificate;
  const serial = Buffer.from(serialNumber.valueBlock.valueHexView);
  const [sct, ...others] = timestampsOf(certificate);
  return {
    version: String(certificate.version),
    "serial number":
      serial[0]! < 0x80 && serial.length >= 16 && serial.length <= 20 ? "positive, 16 to 20 octets" : "another",
    "signature algorithm": certificate.signatureAlgorithm.algorithmId,
    issuer: octets(issuer.toSchema()),
    subject: octets(subject.toSchema()),
    key: octets(certificate.subjectPublicKeyInfo.toSchema()),
    lifetime: String((notAfter.value.getTime() - notBefore.value.getTime()) / 1000),
    order: extensions.map(({ extnID }) => extnID).join(" "),
    "number of SCTs": String(1 + others.length),
    "SCT extensions": octets({ toBER: () => sct!.extensions }),
    ...Object.fromEntries(
      extensions.map(({ extnID, critical, extnValue }) => {
        const value = extnID === SCT_LIST ? "" : Buffer.from(extnValue.valueBlock.valueHexView).toString("latin1");
        return [`extension ${extnID}`, `${critical ? "critical " : ""}${value}`];
      }),
    ),
  };
}

function timestampsOf({ extensions = [] }: Certificate): SignedCertificateTimestampList["timestamps"] {
  const list = extensions.find(({ extnID }) => extnID === SCT_LIST)?.parsedValue as unknown;
  return list instanceof SignedCertificateTimestampList ? list.timestamps : [];
}

const octets = (structure: { toBER: () => ArrayBuffer }): string => Buffer.from(structure.toBER()).toString("latin1");
