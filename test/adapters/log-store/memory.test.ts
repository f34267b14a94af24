import { createMemoryLogStore } from "../../../src/adapters/log-store/memory/memory-log-store.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import { describeLogStore } from "../../contracts/log-store.ts";

describeLogStore("the memory store", (manifest) => {
  const fatal: MayflyError[] = [];
  const store = createMemoryLogStore({ manifest, onFatal: (error) => void fatal.push(error) });
  return Promise.resolve({ store, fatal, close: () => store.close() });
});
