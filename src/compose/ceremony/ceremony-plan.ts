import { join } from "node:path";
import type { Ceremony } from "../../config/ceremony.ts";
import type { CaTemplate } from "../../core/certificate/ca-certificate.ts";
import { MayflyError } from "../../core/errors.ts";
import { drawSerialNumber } from "../serial-number.ts";
import type { KeyedAuthority } from "./ceremony-keys.ts";
import { keepFile, readKept } from "./keep-file.ts";
import type { Kept } from "./keep-file.ts";

/** Where the plan is, in the folder of a ceremony. */
export const PLAN_FILE = "plan.json";

/** What is drawn once for a ceremony, and then stands: with it each certificate has one TBS, however often it is run. */
export interface Drawn {
  readonly notBeforeMs: number;
  /** 20 octets each, the root's first. */
  readonly serialNumbers: readonly Uint8Array[];
}

/** The certificates of a ceremony, before anything is signed. */
export interface CeremonyPlan {
  /** By the order of authorities, the root first. */
  readonly templates: readonly CaTemplate[];
  readonly kept: Kept;
}

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365;

/**
 * Writes down what will be signed before anything is, or reads what was written down: a ceremony that is run again signs the
 * same certificates or none.
 *
 * @throws MayflyError `internal` (CEREMONY_CONFLICT) when it was begun with other names, times or keys
 */
export function keepPlan(ceremony: Ceremony, authorities: readonly KeyedAuthority[], nowMs: number): CeremonyPlan {
  const file = join(ceremony.folder, PLAN_FILE);
  const there = readKept(file)?.toString("utf8");
  const drawn = there === undefined ? draw(authorities.length, nowMs) : readDrawn(file, there);
  const text = writePlan(ceremony, authorities, drawn);
  if (there !== undefined && there !== text) throw conflict(file, there, text);
  return { templates: planTemplates(ceremony, authorities, drawn), kept: keepFile(file, Buffer.from(text)) };
}

function draw(count: number, nowMs: number): Drawn {
  return {
    notBeforeMs: Math.floor(nowMs / 1000) * 1000,
    serialNumbers: Array.from({ length: count }, () => drawSerialNumber()),
  };
}

function writePlan({ layout, organization }: Ceremony, authorities: readonly KeyedAuthority[], drawn: Drawn): string {
  const plan = {
    layout,
    organization,
    notBefore: new Date(drawn.notBeforeMs).toISOString(),
    authorities: authorities.map(({ name, commonName, years, keySha256 }, at) => ({
      ...{ name, commonName, years, keySha256 },
      serialNumber: Buffer.from(drawn.serialNumbers[at] ?? []).toString("hex"),
    })),
  };
  return `${JSON.stringify(plan, undefined, 2)}\n`;
}

/** Only what was drawn is taken from the file: the rest is written anew and must come out the same. */
function readDrawn(file: string, text: string): Drawn {
  const notBeforeMs = Date.parse(/^ {2}"notBefore": "(?<time>[^"]+)",$/mu.exec(text)?.groups?.["time"] ?? "");
  const serials = [...text.matchAll(/^ +"serialNumber": "(?<hex>[0-7][0-9a-f]{39})"$/gmu)];
  if (Number.isNaN(notBeforeMs) || serials.length === 0) {
    throw new MayflyError("CEREMONY_CONFLICT", `${file} is no plan of a ceremony`);
  }
  return { notBeforeMs, serialNumbers: serials.map(({ groups }) => Buffer.from(groups?.["hex"] ?? "", "hex")) };
}

function conflict(file: string, there: string, wanted: string): MayflyError {
  const [planned, asked] = [there.split("\n"), wanted.split("\n")];
  const at = planned.findIndex((line, index) => line !== asked[index]);
  const [before, now] = [planned[at], asked[at]].map((line) => (line ?? "nothing more").trim().replace(/,$/u, ""));
  return new MayflyError(
    "CEREMONY_CONFLICT",
    `${file} was begun with ${String(before)}, and this is ${String(now)}: nothing was signed. A new CA has a folder of its own`,
  );
}

function planTemplates(
  { organization }: Ceremony,
  authorities: readonly KeyedAuthority[],
  { notBeforeMs, serialNumbers }: Drawn,
): readonly CaTemplate[] {
  const identity = ({ commonName, key }: KeyedAuthority) => ({
    name: { organization, commonName },
    subjectPublicKeyInfo: key.publicKey,
  });
  return authorities.map((authority, at) => {
    const parent = authorities[at - 1];
    return {
      subject: identity(authority),
      issuer: parent === undefined ? "self" : identity(parent),
      signatureAlgorithm: (parent ?? authority).key.algorithm,
      serialNumber: serialNumbers[at] ?? new Uint8Array(),
      pathLength: authority.pathLength,
      notBeforeMs,
      notAfterMs: notBeforeMs + authority.years * YEAR_DAYS * DAY_MS,
    };
  });
}
