import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseConfig } from "../../src/config/load-config.ts";
import { ask, askForCertificate } from "./ask.ts";
import type { Answer } from "./ask.ts";
import { makeKey } from "./caller-keys.ts";
import { makeRandom } from "./crash/random.ts";
import { CALLER, keyRequest, proofBy } from "./signing-body.ts";
import { startTestService } from "./service.ts";
import type { TestService } from "./service.ts";

/** What one configuration of a run permits. */
interface Version {
  /** Second audience that tokens may be for. */
  readonly other: boolean;
  readonly ed25519: boolean;
  /** Whether a claim rule refuses one of the callers. */
  readonly denies: boolean;
  /** Whether the issuer is trusted at all. */
  readonly trusted: boolean;
  /** Whether the file has a fault. */
  readonly broken: boolean;
}

/** A kind of request. */
interface Kind {
  readonly aud: string;
  readonly email: string;
  readonly key: "ecdsa-p256" | "ed25519";
}

const DENIED = "denied@example.com";

const KINDS: readonly Kind[] = ["sigstore", "other"].flatMap((aud) =>
  [CALLER, DENIED].flatMap((email) => (["ecdsa-p256", "ed25519"] as const).map((key) => ({ aud, email, key }))),
);

const accepts = ({ other, ed25519, denies, trusted }: Version, { aud, email, key }: Kind): boolean =>
  trusted && (aud === "sigstore" || other) && (email === CALLER || !denies) && (key === "ecdsa-p256" || ed25519);

/** What a run came to. */
export interface ReloadRun {
  readonly issued: number;
  readonly refused: number;
  /** Configurations that came into force, and that were refused. */
  readonly applied: number;
  readonly broken: number;
  /** Answers that no configuration in force while the request was under way would have given. */
  readonly wrongAnswers: readonly string[];
  /** Outcomes of the audit trail that are not those of the generation which they name. */
  readonly wrongOutcomes: readonly string[];
  /** Outcomes that were compared so. */
  readonly outcomes: number;
}

/**
 * Reads another configuration again and again, some of them broken, while callers of every kind ask for certificates all
 * the time.
 *
 * @param seed of the configurations and of who asks for what
 */
export async function reloadUnderLoad(reloads: number, callers: number, seed: number): Promise<ReloadRun> {
  let text = "";
  const mayfly = await startTestService((first) => (text = first));
  try {
    return await new Load(mayfly, text, seed).run(reloads, callers);
  } finally {
    await mayfly.close();
  }
}

class Load {
  readonly #mayfly: TestService;
  readonly #text: string;
  /** Draws configurations; callers draw by one of their own, as how many they are depends on the machine. */
  readonly #random: () => number;
  readonly #choice: () => number;
  /** By generation, from 1. */
  readonly #generations: Version[] = [{ other: false, ed25519: true, denies: false, trusted: true, broken: false }];
  /** Those that may be in force now: one, or two while the second takes the place of the first. */
  #inForce: readonly Version[] = this.#generations;
  readonly #watching = new Set<Set<Version>>();
  readonly #answers = { issued: 0, refused: 0, wrong: new Array<string>() };
  #isOver = false;

  constructor(mayfly: TestService, text: string, seed: number) {
    this.#mayfly = mayfly;
    this.#text = text;
    this.#random = makeRandom(seed);
    this.#choice = makeRandom(seed + 1);
  }

  async run(reloads: number, callers: number): Promise<ReloadRun> {
    // The first configuration of the run is none of those that the test service has.
    await this.#reload({ ...this.#generations[0]!, other: true });
    const asking = Array.from({ length: callers }, () => this.#askUntilOver());
    let broken = 0;
    try {
      for (let reload = 1; reload < reloads; reload++) {
        const version = this.#draw();
        if (version.broken) broken++;
        await this.#reload(version);
        await this.#someAnswers();
      }
    } finally {
      this.#isOver = true;
      await Promise.all(asking);
    }
    const { issued, refused, wrong } = this.#answers;
    const compared = this.#compareOutcomes();
    return { issued, refused, applied: this.#generations.length - 1, broken, wrongAnswers: wrong, ...compared };
  }

  /** However fast configurations are read, requests are answered meanwhile. */
  async #someAnswers(): Promise<void> {
    const count = (): number => this.#answers.issued + this.#answers.refused;
    const before = count();
    while (count() < before + 2) await pause(1);
  }

  #draw(): Version {
    const [other, ed25519, denies] = [0.5, 0.5, 0.5].map((share) => this.#random() < share);
    return {
      ...{ other: other!, ed25519: ed25519!, denies: denies! },
      trusted: this.#random() < 0.9,
      broken: this.#random() < 0.2,
    };
  }

  /** Has a configuration read, and waits until the service says what became of it. */
  async #reload(version: Version): Promise<void> {
    const number = this.#generations.length;
    const marker = `fault${String(number)}x${String(Math.floor(this.#random() * 1e9))}`;
    const text = this.#textOf(version, version.broken ? marker : undefined);
    const { service } = this.#mayfly;
    const before = this.#inForce;
    if (!version.broken) this.#hold([...before, version]);
    service.readConfigAgain(() => parseConfig(text, "reload.yaml"));
    for (;;) {
      const { body } = await ask(`${service.operationsUrl}/readyz`);
      const { configuration } = body as { configuration: { generation: number; lastFailure?: string } };
      if (version.broken && configuration.lastFailure?.includes(marker) === true) break;
      if (!version.broken && configuration.generation === number + 1) break;
    }
    if (version.broken) return;
    this.#generations.push(version);
    this.#hold([version]);
  }

  #hold(versions: readonly Version[]): void {
    this.#inForce = versions;
    for (const seen of this.#watching) for (const version of versions) seen.add(version);
  }

  #textOf({ other, ed25519, denies, trusted }: Version, fault?: string): string {
    const { url } = this.#mayfly.issuer;
    const rules = denies ? `, allow: any, deny: [{ name: nobody, claims: { email: ${DENIED} } }]` : "";
    const entry = (iss: string, audience: string): string =>
      `  - { url: "${iss}", audience: ${audience}, identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true${rules} }\n`;
    const entries = trusted
      ? entry(url, "sigstore") + (other ? entry(url, "other") : "")
      : entry(`${url}/else`, "else");
    const algorithms = ["ecdsa-sha2-256-nistp256", ...(ed25519 ? ["ed25519"] : [])].join(", ");
    // Two configurations in a row that say the same would be one generation.
    const stages = `stages: { tokenSeconds: ${String(4 + (this.#generations.length % 2))} }`;
    return (
      this.#text
        .replace(/^issuers:\n(?: {2}- .*\n)*/mu, `issuers:\n${entries}`)
        .replace(/^limits: \{/mu, `limits: { ${stages},`) +
      `clientKeys: { algorithms: [${algorithms}] }\n${fault === undefined ? "" : `${fault}: 1\n`}`
    );
  }

  async #askUntilOver(): Promise<void> {
    while (!this.#isOver) await this.#ask(KINDS[Math.floor(this.#choice() * KINDS.length)]!);
  }

  async #ask(kind: Kind): Promise<void> {
    const { issuer, service } = this.#mayfly;
    const { aud, email } = kind;
    const token = await issuer.mintToken("email", { aud, email, sub: subjectOf(kind) });
    const key = makeKey(kind.key);
    const body = keyRequest(key, proofBy(key, email));
    const seen = new Set(this.#inForce);
    this.#watching.add(seen);
    let answer: Answer;
    try {
      answer = await askForCertificate(service.publicUrl, token, body);
    } finally {
      this.#watching.delete(seen);
    }
    const isIssued = answer.status === 200;
    this.#answers[isIssued ? "issued" : "refused"]++;
    const isRight = (isIssued || answer.status === 400) && [...seen].some((one) => accepts(one, kind) === isIssued);
    if (!isRight) this.#answers.wrong.push(`${subjectOf(kind)}: ${String(answer.status)} ${answer.text.slice(0, 300)}`);
  }

  /** Each outcome that names its kind by issuer and audience must be one that its generation gives to some kind of it. */
  #compareOutcomes(): Pick<ReloadRun, "outcomes" | "wrongOutcomes"> {
    const trail = readFileSync(join(this.#mayfly.config.dataDirectory, "audit.jsonl"), "utf8");
    const wrongOutcomes: string[] = [];
    let outcomes = 0;
    for (const line of trail.split("\n").filter((one) => one.includes('"kind":"outcome"'))) {
      const { generation, result, audience, reason } = JSON.parse(line) as Readonly<Record<string, string | number>>;
      const version = this.#generations[Number(generation) - 1];
      outcomes++;
      const possible = KINDS.filter(({ aud }) => audience === undefined || aud === audience).some(
        (kind) => version !== undefined && accepts(version, kind) === (result === "issued"),
      );
      const isReason = reason === undefined || (version !== undefined && REASONS[String(reason)]?.(version) === true);
      if (!possible || !isReason) wrongOutcomes.push(line);
    }
    return { outcomes, wrongOutcomes };
  }
}

const subjectOf = ({ aud, email, key }: Kind): string => `${aud} ${email} ${key}`;

/** Which configurations give which refusal. */
const REASONS: Readonly<Record<string, (version: Version) => boolean>> = {
  ISSUER_UNKNOWN: ({ trusted }) => !trusted,
  WRONG_AUDIENCE: ({ other }) => !other,
  CLAIM_RULE_DENIED: ({ denies }) => denies,
  ALGORITHM_NOT_PERMITTED: ({ ed25519 }) => !ed25519,
};
