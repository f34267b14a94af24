import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Lays files into a folder as Kubernetes lays a ConfigMap or a Secret into a volume: they stand in a folder of their own,
 * `..data` leads there, and each name leads to `..data`. A change is one exchange of that link.
 */
export function fillVolume(volume: string, files: Readonly<Record<string, string | Buffer>>): void {
  const name = `..${String(process.hrtime.bigint())}`;
  mkdirSync(join(volume, name), { recursive: true });
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(volume, name, file), content, { mode: 0o440 });
  symlinkSync(name, join(volume, "..data.new"));
  renameSync(join(volume, "..data.new"), join(volume, "..data"));
  for (const file of Object.keys(files)) {
    symlinkSync(join("..data", file), join(volume, `${file}.new`));
    renameSync(join(volume, `${file}.new`), join(volume, file));
  }
}
