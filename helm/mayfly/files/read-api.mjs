// What `helm test` asks of the Service, with the Node.js of Mayfly's image: that it is there, and whose it is.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

const ANSWER_MS = 5_000;
const BETWEEN_MS = 1_000;

const [base, origin = "", waitSeconds = "120"] = process.argv.slice(2);

async function read(path) {
  const answer = await globalThis.fetch(new URL(path, base), { signal: globalThis.AbortSignal.timeout(ANSWER_MS) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return text;
}

/** An upgrade that came right before may still be starting the pod. */
async function readWhenThere(path) {
  const last = performance.now() + Number(waitSeconds) * 1_000;
  for (;;) {
    try {
      return await read(path);
    } catch (error) {
      if (performance.now() > last) throw error;
      await pause(BETWEEN_MS);
    }
  }
}

await readWhenThere("/healthz");
const { chains } = JSON.parse(await read("/api/v2/trustBundle"));
if (chains.length === 0) throw new Error("the trust bundle is empty");
const { issuers } = JSON.parse(await read("/api/v2/configuration"));
console.log(`${chains.length} chain(s) to trust, ${issuers.length} issuer(s) accepted`);
if (origin !== "") {
  const checkpoint = await read(`/${origin.split("/").slice(1).concat("checkpoint").join("/")}`);
  const [first, size] = checkpoint.split("\n");
  if (first !== origin) throw new Error(`the checkpoint is that of ${first}`);
  console.log(`${size} entries in the log ${origin}`);
}
