import type { DatabaseSync, StatementSync } from "node:sqlite";
import { LogWriter as Writer } from "../../../../src/adapters/log-store/sqlite/log-writer.ts";
import { crashAt, type CrashPoint } from "../crash-point.ts";

export * from "../../../../src/adapters/log-store/sqlite/log-writer.ts";

/** What happens around one statement. */
interface Around {
  readonly before?: CrashPoint;
  readonly after?: CrashPoint;
}

/** The writer of the log over a database that ends the process at one of its statements. */
export class LogWriter extends Writer {
  constructor(database: DatabaseSync) {
    super(watch(database));
  }
}

/** Passes everything on, and looks at what is run. An append and a publication end in a COMMIT each: the mode tells them apart. */
function watch(database: DatabaseSync): DatabaseSync {
  let isAppend = false;
  const around = (sql: string): Around => {
    if (sql.startsWith("INSERT INTO submission")) return { before: "before-rows" };
    if (sql.startsWith("INSERT INTO entry")) return { after: "among-rows" };
    if (sql.startsWith("UPDATE head")) return { after: "after-rows" };
    if (sql.startsWith("SELECT * FROM entry")) return { after: "in-self-check" };
    if (sql.startsWith("INSERT OR REPLACE INTO published")) return { before: "before-publish" };
    if (sql !== "COMMIT") return {};
    return isAppend
      ? { before: "before-commit", after: "after-commit" }
      : { before: "before-publish-commit", after: "after-publish" };
  };
  return new Proxy(database, {
    get: (target, name) => {
      if (name === "exec") {
        return (sql: string): void => {
          if (sql.startsWith("PRAGMA synchronous")) isAppend = sql.endsWith("FULL");
          target.exec(sql);
        };
      }
      if (name === "prepare")
        return (sql: string): StatementSync => watchStatement(target.prepare(sql), () => around(sql));
      return memberOf(target, name);
    },
  });
}

const RUNNING: ReadonlySet<string | symbol> = new Set(["run", "get", "all"]);

function watchStatement(statement: StatementSync, around: () => Around): StatementSync {
  return new Proxy(statement, {
    get: (target, name) => {
      const member = memberOf(target, name);
      if (!RUNNING.has(name) || typeof member !== "function") return member;
      return (...parameters: unknown[]): unknown => {
        const { before, after } = around();
        if (before !== undefined) crashAt(before);
        const result: unknown = Reflect.apply(member, target, parameters);
        if (after !== undefined) crashAt(after);
        return result;
      };
    },
  });
}

/** Methods of SQLite's objects want the object itself, not its proxy. */
function memberOf(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name, target);
  return typeof member === "function" ? (member.bind(target) as unknown) : member;
}
