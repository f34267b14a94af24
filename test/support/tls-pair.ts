import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "./openssl.ts";

/** A self-signed certificate of OpenSSL's for 127.0.0.1 and localhost, valid for a day, and its key. */
export interface TestTlsPair {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Writes NAME.crt and NAME.key into `folder`. */
export function makeTestTlsPair(folder: string, name: string): TestTlsPair {
  const [certificateFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  openssl([
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", keyFile, "-out", certificateFile],
  ]);
  const read = (file: string): string => readFileSync(file, "utf8");
  return { certificate: read(certificateFile), key: read(keyFile), certificateFile, keyFile };
}
