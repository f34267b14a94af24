import { lockDataDirectory } from "../../src/adapters/data-directory/lock-data-directory.ts";

/* A process that holds a data directory until it is killed. Usage: lock-process.ts DIRECTORY; prints "locked". */

const [directory = ""] = process.argv.slice(2);
lockDataDirectory(directory, { pid: process.pid, nowMs: Date.now() });
process.stdout.write("locked\n");
setInterval(() => undefined, 60_000);
