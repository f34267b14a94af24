import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "./openssl.ts";

/** A self-signed certificate of OpenSSL's, valid for a day, and its key. */
export interface TestTlsPair {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

const THIS_MACHINE = ["DNS:localhost", "IP:127.0.0.1"];

/**
 * Writes NAME.crt and NAME.key into `folder`.
 *
 * @param subjects whom the certificate is for, in the words of OpenSSL
 */
export function makeTestTlsPair(folder: string, name: string, subjects = THIS_MACHINE): TestTlsPair {
  const [certificateFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  openssl([
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjects.join(",")}`],
    ...["-keyout", keyFile, "-out", certificateFile],
  ]);
  const read = (file: string): string => readFileSync(file, "utf8");
  return { certificate: read(certificateFile), key: read(keyFile), certificateFile, keyFile };
}
