import { isTrustedBy } from "./issuer-rules.ts";
import { publicUrlOf } from "./public-url.ts";
import type { ConfigProblem, Rule } from "./rule.ts";
import type { TrustConfig } from "./trust-schema.ts";
import { withoutPort } from "./without-port.ts";

/** Lists of the trust files whose members have a time. */
const TIMED = ["otherAuthorities", "otherLogs", "timestampAuthorities", "transparencyLogs"] as const;

const publicUrlKnown: Rule = (config) =>
  config.trust === undefined || publicUrlOf(config) !== undefined
    ? []
    : [
        {
          path: ["trust", "publicUrl"],
          message: "required: where clients find the CA, such as https://ca.example.com",
        },
      ];

/** Callers send their tokens there. */
const publicUrlWithTls: Rule = ({ trust, environment }) =>
  environment !== "development" && trust?.publicUrl?.startsWith("http:") === true
    ? [{ path: ["trust", "publicUrl"], message: "expected an https URL: clients send their tokens there" }]
    : [];

const trustedIssuers: Rule = ({ trust, issuers }) =>
  (trust?.issuers ?? []).flatMap((url, at) =>
    issuers.some((issuer) => isTrustedBy(issuer, url))
      ? []
      : [{ path: ["trust", "issuers", at], message: "none of issuers: its tokens would be refused" }],
  );

const orderedTimes: Rule = ({ trust }) => (trust === undefined ? [] : TIMED.flatMap((list) => unordered(trust, list)));

function unordered(trust: TrustConfig, list: (typeof TIMED)[number]): readonly ConfigProblem[] {
  return trust[list].flatMap(({ start, end }, at) =>
    start !== undefined && end !== undefined && end <= start
      ? [{ path: ["trust", list, at, "end"], message: "ends before it begins" }]
      : [],
  );
}

/** What is trusted for ever beside the one in use is one that nobody closed. */
const closedOthers: Rule = ({ trust }) =>
  (trust?.otherAuthorities ?? []).flatMap(({ start, end }, at) =>
    start === undefined && end === undefined
      ? [{ path: ["trust", "otherAuthorities", at], message: "expected an end, or for one that is to come a start" }]
      : [],
  );

/** Clients take the host's name as that of the log's checkpoints, and compare the port with nothing. */
const namesOfLogs: Rule = ({ trust }) =>
  (trust?.transparencyLogs ?? []).flatMap(({ apiVersion, baseUrl }, at) =>
    apiVersion === 2 && baseUrl !== undefined && baseUrl !== withoutPort(baseUrl)
      ? [
          {
            path: ["trust", "transparencyLogs", at, "baseUrl"],
            message: "of version 2 is https://NAME, without a port",
          },
        ]
      : [],
  );

/** What the settings of the trust files must be to each other and to the others. */
export const TRUST_RULES: readonly Rule[] = [
  publicUrlKnown,
  publicUrlWithTls,
  trustedIssuers,
  orderedTimes,
  closedOthers,
  namesOfLogs,
];
