// A process that runs a ceremony and is killed at one of its steps: node killed-ceremony.ts CEREMONY NUMBER
import { initCa } from "../../../src/compose/ceremony/init-ca.ts";
import { loadCeremony } from "../../../src/config/ceremony.ts";

const [file = "", number = ""] = process.argv.slice(2);
let steps = 0;
await initCa(loadCeremony(file), {
  env: {},
  nowMs: Date.now(),
  onStep: () => {
    if (steps === Number(number)) process.kill(process.pid, "SIGKILL");
    steps += 1;
  },
});
