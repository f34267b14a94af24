import { isIP } from "node:net";
import { z } from "zod";
import { object } from "./strict-object.ts";

/** A token bucket: it holds `burst` tokens and gets `perSecond` new ones, up to that. */
const bucket = (perSecond: number, burst: number, what: string) =>
  object({
    perSecond: z.number().min(0.01).max(1_000_000).default(perSecond).describe("Steady rate; may be a fraction."),
    burst: z.int().min(1).max(1_000_000).default(burst).describe("How many may come at once."),
  })
    .prefault({})
    .describe(what);

const rates = object({
  enabled: z
    .boolean()
    .default(true)
    .describe("false switches all rate limits off: for benchmarks, or where something in front already limits."),
  signing: bucket(20, 40, "Signing requests of one client address."),
  failedTokens: bucket(1, 60, "Signing requests of one client address whose token turned out not to be valid."),
  reads: bucket(50, 100, "Other requests of one client address."),
  issuer: bucket(200, 400, "Signing requests with valid tokens of one issuer, or of all issuers of one pattern."),
  subject: bucket(5, 50, "Signing requests with valid tokens of one issuer for one `sub`."),
})
  .prefault({})
  .describe("Rate limits, each a token bucket per key; refused with 429 and the time until there is a token.");

const stage = (seconds: number, what: string) => z.number().min(0.1).max(60).default(seconds).describe(what);

const stages = object({
  tokenSeconds: stage(5, "Verification of the token, with the fetch of its issuer's keys when they are not at hand."),
  signatureSeconds: stage(2.5, "One signature by a key that is kept outside this process."),
  logSeconds: stage(2, "From the submission of a precertificate to a published checkpoint over it."),
})
  .prefault({})
  .describe("Longest wait for each stage of an issuance; what takes longer is refused with 503.");

const MAPPED = /^::ffff:/iu;

/** An address, or a network in CIDR notation that is not the whole internet: then every client could pose as a proxy. */
function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const greatest = new Map([
    [4, 32],
    [6, 128],
  ]).get(isIP(address));
  if (greatest === undefined || address.includes("%") || MAPPED.test(address) || rest.length > 0) return false;
  return bits === undefined || (/^[1-9][0-9]{0,2}$/u.test(bits) && Number(bits) <= greatest);
}

const trustedProxies = z
  .array(z.string().max(64).refine(isNetwork, "expected an address or a network, for example 10.0.0.0/8 or fd00::/8"))
  .max(256)
  .readonly()
  .default([])
  .describe(
    "Proxies whose X-Forwarded-For is believed. Behind a proxy that is not named here all clients count as one.",
  );

/** What one caller, and all of them together, may take. The defaults suit a public service on one core. */
export const limitsSchema = object({
  trustedProxies,
  requestsInFlight: z.int().min(1).max(10_000).default(64).describe("Certificates that are issued at the same time."),
  queuedRequests: z
    .int()
    .min(0)
    .max(100_000)
    .default(256)
    .describe("Signing requests that may wait for their turn; what exceeds them is refused with 503."),
  queueSeconds: z.number().min(0.01).max(10).default(1).describe("Longest wait for one's turn."),
  requestSeconds: z
    .number()
    .min(1)
    .max(60)
    .default(10)
    .describe("From the end of a signing request to its answer; what takes longer is refused with 503."),
  stages,
  connections: z.int().min(1).max(100_000).default(2_000).describe("Open connections to the public address."),
  connectionsPerAddress: z
    .int()
    .min(1)
    .max(100_000)
    .default(100)
    .describe("Of one client address, IPv6 by networks of 64 bits. Trusted proxies may have as many as there are."),
  minFreeDiskMiB: z
    .int()
    .min(0)
    .max(2 ** 30)
    .optional()
    .describe(
      "Free space that the file system of dataDirectory must have for /readyz to say yes; 0 for none. 512 when left out, " +
        "with environment: development none.",
    ),
  rates,
}).prefault({});
