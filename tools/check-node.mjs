// One line instead of a syntax error on a Node.js that is too old. Plain JavaScript: any Node.js can run it.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `Mayfly needs Node.js 24.15 or later; this is ${process.version}. Run \`npm ci\` (it brings one on Linux) or install Node.js 24.`,
  );
  process.exit(1);
}
