import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTrustedLogKey } from "../../src/ctlog/trusted-keys.ts";
import type { LogTrust } from "../../src/ctlog/trusted-checkpoint.ts";

/** Where the log is that TesseraCT wrote; its README says how. */
export const TESSERACT_FOLDER = join(import.meta.dirname, "..", "vectors", "logs", "tesseract");

/** Its entries: final certificates and precertificates. */
export const TESSERACT_SIZE = 280;

export const TESSERACT_TRUST: LogTrust = {
  origin: "tesseract.test/2026",
  logKey: parseTrustedLogKey(readFileSync(join(TESSERACT_FOLDER, "key.pem"), "utf8")),
};
