import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openssl } from "./openssl.ts";

/** A timestamp authority's certificates as OpenSSL makes them, PEM. */
export interface TimestampChain {
  /** Signs timestamps. */
  readonly own: string;
  readonly root: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** @param usage extKeyUsage of the certificate that signs */
export function makeTimestampChain(usage = "timeStamping"): TimestampChain {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-tsa-"));
  const file = (name: string): string => join(folder, name);
  try {
    const authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    const root = [
      "-subj",
      "/O=example.com/CN=TSA root",
      "-days",
      "30",
      "-keyout",
      file("root.key"),
      "-out",
      file("root.pem"),
    ];
    openssl(["req", "-x509", ...KEY, ...authority, ...root]);
    openssl(["req", ...KEY, "-subj", "/O=example.com/CN=TSA", "-keyout", file("own.key"), "-out", file("own.csr")]);
    writeFileSync(file("own.ext"), `basicConstraints=critical,CA:FALSE\nextendedKeyUsage=critical,${usage}\n`);
    const issuer = ["-CA", file("root.pem"), "-CAkey", file("root.key"), "-days", "7", "-extfile", file("own.ext")];
    openssl(["x509", "-req", "-in", file("own.csr"), ...issuer, "-out", file("own.pem")]);
    return { own: readFileSync(file("own.pem"), "utf8"), root: readFileSync(file("root.pem"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
