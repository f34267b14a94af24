// What `npm ci` would trip over, and what a lockfile must not tell: hosts, half-resolved optional packages, two asn1js.
import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const faults = [];

/** Where Node.js would find `name` when required from `path`; `npm ci` looks the same way. */
function resolves(path, name) {
  for (let folder = path; ;) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
    const up = folder.lastIndexOf("node_modules/");
    folder = up <= 0 ? "" : folder.slice(0, up - 1);
  }
}
for (const [path, entry] of Object.entries(packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!resolves(path, name)) faults.push(`${path || "the project"} wants optional ${name}, which has no entry`);
  }
  if (/^https?:/u.test(entry.resolved ?? "")) {
    faults.push(`${path} names a host; set omit-lockfile-registry-resolved=true and write the lockfile anew`);
  }
  if (path !== "" && !entry.link && !path.startsWith("tools/") && entry.integrity === undefined && !entry.inBundle) {
    faults.push(`${path} has no integrity`);
  }
}
const asn1js = Object.keys(packages).filter((path) => path.endsWith("node_modules/asn1js"));
if (asn1js.length !== 1)
  faults.push(`holds ${String(asn1js.length)} copies of asn1js; pkijs works with exactly its own`);

for (const fault of faults) console.error(`package-lock.json: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
