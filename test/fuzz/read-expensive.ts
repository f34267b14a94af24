/**
 * A process with little memory that gives every reader its most expensive inputs of a size, over and over, and says at
 * the end how much memory it had at most, in MiB: `node --max-old-space-size=48 read-expensive.ts SIZE ROUNDS`.
 */
import process from "node:process";
import { READERS } from "./readers.ts";

const [size = 0, rounds = 0] = process.argv.slice(2).map(Number);

for (const { expensive, read, refusal } of READERS) {
  for (const input of expensive(size)) {
    for (let round = 0; round < rounds; round++) {
      try {
        read(input);
      } catch (error) {
        if (!(error instanceof refusal)) throw error;
      }
    }
  }
}
process.stdout.write(String(Math.round(process.resourceUsage().maxRSS / 1024)));
