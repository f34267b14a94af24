// dist/ from nothing: what a former build left behind must not travel in a package.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
// As npm makes it when it installs the package.
chmodSync("dist/bin.js", 0o755);
