import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureIssuance } from "./issue.ts";
import { appendLogResults, formatLogResults, summarizeLog } from "./log-results.ts";
import { measureLog } from "./log.ts";
import { appendResults, formatTable } from "./results.ts";

const HELP = `Usage: npm run bench -- [--only issue|log] [--requests N] [--rounds N] [--entries N] [--append] [--profile FOLDER]

issue: one Mayfly from dist/ in its own process: certificates a second, latency, CPU per certificate and memory at 1, 16
and 64 concurrent callers, against the cryptography that no implementation can leave out (the crypto floor, taken before and
after each round). 16 go on until 50,000 certificates are issued, to see whether memory keeps growing, before they are
measured; 64 come last, as they take more of it. Then 16 by version 1 of the API; 16 over gRPC, by a server of their own;
and 16 by a server with 200 issuers and 1,000 claim rules, each warm alike. Six minutes.

log: entries appended a second at 1, 16 and 256 callers; then a log that grows from 1,000 entries to a million, and what
each entry costs on the way; with all of them, how long a start takes, how many checkpoints, tiles and proofs a second the
server reads with one core of its own, and how fast mayfly log verify is. Some ten minutes, and 12 GB in .mayfly.

  --only PART   measure one of the two
  --requests N  certificates per round at 16 and 64 callers (default 3000; a quarter of it at 1)
  --rounds N    rounds per concurrency; the median of CPU, rate and latency counts (default 5)
  --entries N   how far the log grows (default 1000000)
  --profile F   write CPU profiles of the issuing server's threads into folder F; they cost, so the numbers are not comparable
  --append      add dated entries to benchmarks/RESULTS.md
  --help        show this text

The last line of the output is JSON.
`;

const RESULTS = "benchmarks/RESULTS.md";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      requests: { type: "string", default: "3000" },
      rounds: { type: "string", default: "5" },
      entries: { type: "string", default: "1000000" },
      append: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { only, append } = values;
  const [requests, rounds, entries] = [values.requests, values.rounds, values.entries].map(Number);
  if (!isCount(requests) || !isCount(rounds) || !isCount(entries)) throw new RangeError(HELP);
  if (only !== undefined && only !== "issue" && only !== "log") throw new RangeError(HELP);
  if (!existsSync("dist/bin.js")) throw new Error("dist/ is missing: npm run build");
  const summary: { issue?: object; log?: object } = {};
  if (only !== "log") {
    const issuance = await measureIssuance({ requests, rounds, profileFolder: values.profile });
    console.log(formatTable(issuance.levels));
    if (append) appendResults(RESULTS, issuance.levels, issuance.summary);
    summary.issue = issuance.summary;
  }
  if (only !== "issue") {
    const results = await measureLog({ entries, onProgress: (line) => process.stderr.write(`${line}\n`) });
    console.log(formatLogResults(results));
    if (append) appendLogResults(RESULTS, results);
    summary.log = summarizeLog(results);
  }
  console.log(JSON.stringify({ ...summary.issue, ...(summary.log === undefined ? {} : { log: summary.log }) }));
}

const isCount = (value: number | undefined): value is number => Number.isInteger(value) && Number(value) > 0;

// The processes we started end with us, however we end.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
await main();
