import { CLIENT_SIGNING_ALGORITHMS } from "../core/proof/client-signing-algorithm.ts";
import type { ClientSigningAlgorithm } from "../core/proof/client-signing-algorithm.ts";
import { FULCIO_FLAGS } from "./fulcio-flags.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { comment } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";
import { nearestName } from "./nearest-name.ts";

const PSS = ["rsa-sign-pss-2048-sha256", "rsa-sign-pss-3072-sha256", "rsa-sign-pss-4096-sha256"] as const;

/** Names that Fulcio takes and that permit something else than they say, or nothing. */
const WITHOUT_COUNTERPART: ReadonlyMap<string, string> = new Map([
  ...PSS.map((name): [string, string] => [
    name,
    `Fulcio verifies no RSA-PSS: the name permits ${name.replace("pss", "pkcs1")} there, which must be named if it is meant`,
  ]),
  ["ed25519-ph", "Fulcio verifies no Ed25519ph: the name permits nothing there"],
]);

/**
 * The keys that callers may have certified.
 *
 * @throws FulcioInputError for a name that Fulcio does not know
 */
export function translateClientKeys(settings: FulcioSettings): Section {
  const { value, source, isSet } = settings["client-signing-algorithms"];
  if (!isSet || value === FULCIO_FLAGS["client-signing-algorithms"].default) return { lines: [], findings: [] };
  const names = [...new Set(value.split(",").map((name) => name.trim()))];
  const unknown = names.find((name) => !isKnown(name) && !WITHOUT_COUNTERPART.has(name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, [...CLIENT_SIGNING_ALGORITHMS, ...WITHOUT_COUNTERPART.keys()]);
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    throw new FulcioInputError(`${source}: Fulcio has no algorithm of one of these names${hint}`);
  }
  const kept = names.filter(isKnown);
  const findings: Finding[] = names.flatMap((name) => {
    const note = WITHOUT_COUNTERPART.get(name);
    if (note === undefined) return [];
    const isCovered = name === "ed25519-ph" || names.includes(name.replace("pss", "pkcs1"));
    return [{ outcome: isCovered ? "no counterpart" : "must be decided", subject: `${name} of ${source}`, note }];
  });
  if (kept.length === 0) {
    return { lines: comment(`clientKeys MUST BE COMPLETED: ${source} names nothing that Mayfly has.`), findings };
  }
  return {
    lines: ["clientKeys:", ...comment(source, 2), "  algorithms:", ...kept.map((name) => `    - ${name}`)],
    findings: [{ outcome: "kept", subject: source, note: "clientKeys.algorithms" }, ...findings],
  };
}

function isKnown(name: string): name is ClientSigningAlgorithm {
  return CLIENT_SIGNING_ALGORITHMS.some((one) => one === name);
}
