import type { FulcioFlagName } from "./fulcio-flags.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import type { FulcioSetting, FulcioSettings } from "./fulcio-settings.ts";
import { isLoopback } from "./loopback.ts";

const HOST = /^(?:[A-Za-z0-9.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/u;

/** An address to listen at, and where its two halves come from. */
interface Address {
  readonly host: string;
  readonly text: string;
  readonly source: string;
  /** What is to be said where Go listens at more addresses than Node.js does by the same text; else empty. */
  readonly remark: string;
}

/**
 * The HTTP listener and that of the metrics. Fulcio's are plain and on all addresses; ours say so in so many words.
 *
 * @throws FulcioInputError for a host or a port that nothing can listen at
 */
export function translateListeners(settings: FulcioSettings): Section {
  const http = httpAddress(settings);
  const operations = joinAddress({ value: "", source: "", isSet: false }, settings["metrics-port"]);
  return {
    lines: [
      "http:",
      ...comment(http.source, 2),
      `  listen: ${scalar(http.text)}`,
      ...(isLoopback(http.host) ? [] : PLAIN_HTTP),
      "",
      ...UNKNOWN_PROXY,
      "",
      "operations:",
      ...comment(`${operations.source}, on all addresses; also /readyz and /livez, for probes`, 2),
      `  listen: ${scalar(operations.text)}`,
      ...comment("There is neither TLS nor a password: it must be a network for probes and monitoring alone.", 2),
      "  allowPlainHttpOffLoopback: true",
    ],
    findings: [
      { outcome: "kept", subject: http.source, note: `http.listen: ${http.text}${http.remark}` },
      ...(isLoopback(http.host) ? [] : [PLAIN_HTTP_FINDING]),
      UNKNOWN_PROXY_FINDING,
      {
        outcome: "kept",
        subject: operations.source,
        note: `operations.listen: ${operations.text}, path /metrics alone${operations.remark}`,
      },
      ...fixedTimes(settings),
    ],
  };
}

const PLAIN_HTTP = [
  ...comment(
    "Fulcio's HTTP is plain, and so TLS must end in front of it. Where it does not: tls: { certificate: FILE, key: FILE }.",
    2,
  ),
  "  allowPlainHttpOffLoopback: true",
];

const PLAIN_HTTP_FINDING: Finding = {
  outcome: "changed",
  subject: "plain HTTP",
  note: "http.allowPlainHttpOffLoopback says that TLS ends in front of Mayfly; http.tls serves HTTPS, which Fulcio cannot",
};

const UNKNOWN_PROXY = [
  ...comment(
    "New: rates for each client address. What stands in front must be known by its own, or all clients are one:",
  ),
  ...comment("limits: { trustedProxies: [10.0.0.0/8] }"),
];

const UNKNOWN_PROXY_FINDING: Finding = {
  outcome: "changed",
  subject: "rates",
  note: "Fulcio has none; Mayfly's are for each client address, and behind a proxy all are one until limits.trustedProxies names it",
};

/** The address of Fulcio's HTTP listener. */
export function httpAddress(settings: FulcioSettings): Address {
  return joinAddress(settings.host, settings.port);
}

/** A host and a port as one address; Go listens on all addresses where there is no host. */
export function joinAddress(host: FulcioSetting, port: FulcioSetting): Address {
  const name = host.value === "" ? "0.0.0.0" : host.value;
  if (!HOST.test(name)) throw new FulcioInputError(`${host.source}: expected a host name or an address`);
  if (!/^[1-9][0-9]{0,4}$/u.test(port.value) || Number(port.value) > 65_535) {
    throw new FulcioInputError(`${port.source}: expected a port from 1 to 65535`);
  }
  const text = `${name.includes(":") ? `[${name}]` : name}:${port.value}`;
  const source = [host.source, port.source].filter((one) => one !== "").join(", ");
  const remark = name === "0.0.0.0" ? `; of IPv4 alone, Fulcio's is of IPv6 too: [::]:${port.value} is both` : "";
  return { host: name, text, source, remark };
}

const FIXED_TIMES: readonly (readonly [FulcioFlagName, string])[] = [
  [
    "read-header-timeout",
    "the times of a connection are fixed: header fields within 10 s, a whole request within 15 s",
  ],
  [
    "idle-connection-timeout",
    "over HTTP an idle connection is closed after 75 s; a proxy in front must close its own before that",
  ],
];

function fixedTimes(settings: FulcioSettings): readonly Finding[] {
  return FIXED_TIMES.filter(([name]) => settings[name].isSet).map(([name, note]) => ({
    outcome: "no counterpart",
    subject: settings[name].source,
    note,
  }));
}
