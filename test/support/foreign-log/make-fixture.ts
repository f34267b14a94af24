/**
 * Makes test/vectors/logs/tesseract anew: `node test/support/foreign-log/make-fixture.ts`. Needs Go. Partial tiles that a
 * wider tile of the final checkpoint replaces are left out, as a log may delete them (C2SP tlog-tiles).
 */
import { createPublicKey } from "node:crypto";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildGoTool } from "../go-tool.ts";
import { publicFiles } from "./public-files.ts";
import { CTLOG, writeTesseractLog } from "./tesseract-log.ts";

const FOLDER = resolve("test/vectors/logs/tesseract");
const SIZE = 280;

buildGoTool(CTLOG);
const log = await writeTesseractLog(SIZE, "tesseract.test/2026");
for (const part of ["checkpoint", "issuer", "tile"]) rmSync(join(FOLDER, part), { recursive: true, force: true });
for (const path of publicFiles(log.directory, SIZE)) {
  mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
  cpSync(join(log.directory, path), join(FOLDER, path));
}
const key = createPublicKey({ key: Buffer.from(log.publicKey), format: "der", type: "spki" });
writeFileSync(join(FOLDER, "key.pem"), key.export({ type: "spki", format: "pem" }));
rmSync(log.directory, { recursive: true, force: true });
