import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PAGES = [
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "README.md",
  "SECURITY.md",
  "helm/mayfly/README.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .sort()
    .map((file) => `docs/${file}`),
];

/** Names that GitHub gives to a page's headings. */
function anchors(page: string): ReadonlySet<string> {
  const headings = Array.from(readFileSync(page, "utf8").matchAll(/^#{1,6} (.+)$/gmu), ([, text = ""]) => text);
  const plain = headings.map((text) => text.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, ""));
  return new Set(plain.map((text) => text.replaceAll(" ", "-")));
}

/** Targets of a page's links to files of this repository. */
function targets(page: string): readonly string[] {
  const links = Array.from(readFileSync(page, "utf8").matchAll(/\]\(([^)\s]+)\)/gu), ([, target = ""]) => target);
  return links.filter((target) => !/^https?:/u.test(target));
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : join(dirname(page), path);
  if (!existsSync(file)) return false;
  return anchor === undefined || anchors(file).has(anchor);
}

describe("the links of a document", () => {
  it.each(PAGES)("%s lead to files and headings that are there", (page) => {
    expect(targets(page).filter((target) => !leadsSomewhere(page, target))).toEqual([]);
  });

  it("are looked at", () => {
    expect(targets("docs/operating.md").length).toBeGreaterThan(30);
  });
});
