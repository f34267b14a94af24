import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentIssuer, type DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { verifyLogProof } from "../../../dev/verify-log-proof.ts";
import { askForCertificate } from "../ask.ts";
import { certificateIn } from "../issued.ts";
import { startMayflyProcess, type Exit, type MayflyProcess } from "../mayfly-process.ts";
import { runCli } from "../run-cli.ts";
import { ANCHORS, configText, ORIGIN } from "../service.ts";

/** What callers were told while a process ran. */
export interface Told {
  /** HTTP statuses of what was refused; 0 for a connection that broke. */
  readonly refused: readonly number[];
  /** Certificates that reached a caller. */
  readonly answered: number;
}

/** A folder on which `mayfly serve` is run again and again, with and without faults, and all that callers got of it. */
export class ServiceRig {
  readonly folder: string;
  readonly data: string;
  readonly #issuer: DevelopmentIssuer;
  readonly #configFile: string;
  readonly #leaves: Buffer[] = [];
  #token = "";

  private constructor(issuer: DevelopmentIssuer) {
    this.#issuer = issuer;
    this.folder = mkdtempSync(join(tmpdir(), "mayfly-faults-"));
    this.data = join(this.folder, "data");
    this.#configFile = join(this.folder, "mayfly.yaml");
    writeFileSync(this.#configFile, configText(issuer, this.data));
  }

  static async open(): Promise<ServiceRig> {
    return new ServiceRig(await startDevelopmentIssuer());
  }

  serve(environment: Readonly<Record<string, string>> = {}): MayflyProcess {
    return startMayflyProcess({ configFile: this.#configFile, environment });
  }

  /** Asks for certificates one after the other, until that many came or the process went away. */
  async call(publicUrl: string, count: number): Promise<Told> {
    const refused: number[] = [];
    for (let answered = 0; ;) {
      if (answered === count) return { answered, refused };
      const status = await this.ask(publicUrl);
      if (status === 200) answered += 1;
      else refused.push(status);
      if (status === 0) return { answered, refused };
    }
  }

  /** One request: the HTTP status, 0 when the connection broke. */
  async ask(publicUrl: string): Promise<number> {
    this.#token ||= await this.#issuer.mintToken("email");
    const answer = await askForCertificate(publicUrl, this.#token).catch(() => undefined);
    if (answer?.status === 200) this.#leaves.push(certificateIn(answer).raw);
    return answer?.status ?? 0;
  }

  /**
   * Starts the service without faults, proves from its public side that each certificate that ever reached a caller is in
   * the log at its own index, gets one more, stops it, and verifies the whole folder.
   *
   * @returns how many certificates were found
   * @throws an error that says what is not as it must be
   */
  async requireGood(): Promise<number> {
    const mayfly = this.serve();
    const { fields = {} } = await mayfly.line("ready");
    const publicUrl = fields["publicUrl"] ?? "";
    const indexes = new Set<number>();
    for (const leaf of this.#leaves) {
      const log = { url: `${publicUrl}/test-log`, origin: ORIGIN };
      indexes.add((await verifyLogProof(leaf, ANCHORS, log)).logIndex);
    }
    if (indexes.size !== this.#leaves.length) throw new Error("two certificates have one index");
    const { answered } = await this.call(publicUrl, 1);
    mayfly.signal("SIGTERM");
    const { code } = await mayfly.exited;
    const verified = await runCli(["log", "verify", "--config", this.#configFile]);
    if (answered !== 1 || code !== 0 || verified.code !== 0) throw new Error(`${code ?? ""} ${verified.stdout}`);
    return indexes.size;
  }

  async close(): Promise<void> {
    await this.#issuer.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How often a process met its fault. */
export function faultsOf({ stderr }: Exit): number {
  return stderr.match(/^fault: /gmu)?.length ?? 0;
}
