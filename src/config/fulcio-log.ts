import type { FulcioFlagName } from "./fulcio-flags.ts";
import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";

/** Where the log is served, below the public URL. */
const LOG_PATH = "log";

/**
 * The log. Fulcio's is another program's; ours is part of the server and begins empty, with keys of its own.
 *
 * @param publicUrl as clients will know the service, `https://host`; undefined when nobody has said it
 */
export function translateLog(settings: FulcioSettings, publicUrl: string | undefined): Section {
  const origin = publicUrl === undefined ? undefined : `${publicUrl.replace(/^https:\/\//u, "")}/${LOG_PATH}`;
  const key = (name: string): string =>
    `{ kind: file, path: keys/${name}.json, passphrase: { file: keys/passphrase } }`;
  return {
    lines: [
      "log:",
      ...comment(
        "Mayfly's own log, in the place of the one at --ct-log-url: each certificate is in it before its caller sees it. " +
          "`mayfly log init` fixes the origin for ever: the public URL of the log without https://.",
        2,
      ),
      ...(origin === undefined
        ? comment("MUST BE COMPLETED: origin: ca.example.com/log", 2)
        : [`  origin: ${scalar(origin)}`]),
      `  signer: ${key("log")}`,
      `  checkpointSigner: ${key("checkpoint")}`,
    ],
    findings: [
      origin === undefined
        ? {
            outcome: "must be decided",
            subject: "log.origin",
            note: "where is the service to be found? --public-url https://HOST says it",
          }
        : {
            outcome: "changed",
            subject: "log.origin",
            note: `${origin}, below --public-url; \`mayfly log init\` fixes it for ever`,
          },
      oldLog(settings),
      ...withoutConnection(settings),
    ],
    commands: [
      "mayfly key create --algorithm ecdsa-p256 --out keys/log.json --passphrase-file keys/passphrase",
      "mayfly key create --algorithm ed25519 --out keys/checkpoint.json --passphrase-file keys/passphrase",
    ],
  };
}

function oldLog(settings: FulcioSettings): Finding {
  if (settings["ct-log-url"].value === "") {
    return {
      outcome: "changed",
      subject: settings["ct-log-url"].source,
      note: "Fulcio logged nothing; Mayfly logs every certificate",
    };
  }
  return {
    outcome: "changed",
    subject: describeSetting(settings, "ct-log-url"),
    note:
      "Mayfly's own log takes its place. The old one gets nothing more; keep it readable for as long as its certificates " +
      "are audited",
  };
}

const CONNECTION: readonly FulcioFlagName[] = ["ct-log-origin", "ct-log.tls-ca-cert"];

function withoutConnection(settings: FulcioSettings): readonly Finding[] {
  return CONNECTION.filter((name) => settings[name].isSet).map((name) => ({
    outcome: "no counterpart",
    subject: describeSetting(settings, name),
    note: "there is no connection to a log any more",
  }));
}
