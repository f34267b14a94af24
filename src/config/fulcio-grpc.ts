import { httpAddress, joinAddress } from "./fulcio-listeners.ts";
import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";
import { isLoopback } from "./loopback.ts";

/**
 * The API over gRPC, on a port of its own or, as Fulcio's duplex mode, on that of HTTP.
 *
 * @throws FulcioInputError for a host or a port that nothing can listen at
 */
export function translateGrpc(settings: FulcioSettings): Section {
  const grpc = joinAddress(settings["grpc-host"], settings["grpc-port"]);
  const isOnHttpPort = grpc.text === httpAddress(settings).text;
  const tls = isOnHttpPort ? undefined : tlsPair(settings);
  const isPlain = !isOnHttpPort && tls === undefined && !isLoopback(grpc.host);
  const idle = idleTime(settings);
  const where = isOnHttpPort ? ", the port of HTTP, as with Fulcio" : "";
  return {
    lines: [
      "grpc:",
      ...comment(grpc.source, 2),
      `  listen: ${scalar(grpc.text)}`,
      ...(tls === undefined ? [] : [...comment("--grpc-tls-certificate and --grpc-tls-key", 2), `  tls: ${tls}`]),
      ...(isPlain
        ? [
            ...comment("Without a pair of its own Fulcio's gRPC is plain, and TLS must end in front of it.", 2),
            "  allowPlaintextOffLoopback: true",
          ]
        : []),
      ...idle.lines,
    ],
    findings: [
      { outcome: "kept", subject: grpc.source, note: `grpc.listen: ${grpc.text}${where}${grpc.remark}` },
      ...(isPlain ? [PLAINTEXT] : []),
      ...tlsFindings(settings, tls !== undefined, isOnHttpPort),
      ...idle.findings,
    ],
  };
}

const PLAINTEXT: Finding = {
  outcome: "changed",
  subject: "plain gRPC",
  note: "grpc.allowPlaintextOffLoopback says that TLS ends in front of Mayfly; grpc.tls serves TLS",
};

/** Fulcio serves TLS when it has both halves of a pair. */
function tlsPair(settings: FulcioSettings): string | undefined {
  const [certificate, key] = [settings["grpc-tls-certificate"].value, settings["grpc-tls-key"].value];
  if (certificate === "" || key === "") return undefined;
  return `{ certificate: ${scalar(certificate)}, key: ${scalar(key)} }`;
}

function tlsFindings(settings: FulcioSettings, isUsed: boolean, isOnHttpPort: boolean): readonly Finding[] {
  const reason = isOnHttpPort
    ? "on the port of HTTP Fulcio serves no TLS"
    : "Fulcio serves TLS with both halves of a pair only";
  return (["grpc-tls-certificate", "grpc-tls-key"] as const)
    .filter((name) => settings[name].isSet)
    .map((name) => ({
      outcome: isUsed ? "kept" : "no counterpart",
      subject: describeSetting(settings, name),
      note: isUsed ? "grpc.tls" : reason,
    }));
}

function idleTime(settings: FulcioSettings): Section {
  const { value, source, isSet } = settings["idle-connection-timeout"];
  const seconds = wholeSeconds(value);
  if (!isSet || seconds === undefined) return { lines: [], findings: [] };
  const setting = `connectionIdleSeconds: ${String(seconds)}`;
  return {
    lines: [...comment(source, 2), `  ${setting}`],
    findings: [
      { outcome: "kept", subject: describeSetting(settings, "idle-connection-timeout"), note: `grpc.${setting}` },
    ],
  };
}

const MAX_IDLE_SECONDS = 3600;
const UNIT_SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** A duration of Go's, such as `1m30s`, in whole seconds; undefined for others and for what the setting cannot be. */
function wholeSeconds(duration: string): number | undefined {
  if (!/^(?:\d{1,6}[hms])+$/u.test(duration)) return undefined;
  const parts = Array.from(duration.matchAll(/(?<count>\d+)(?<unit>[hms])/gu), ({ groups }) => groups ?? {});
  const seconds = parts.reduce((sum, { count, unit }) => sum + Number(count) * (UNIT_SECONDS[unit ?? ""] ?? 0), 0);
  return seconds >= 1 && seconds <= MAX_IDLE_SECONDS ? seconds : undefined;
}
