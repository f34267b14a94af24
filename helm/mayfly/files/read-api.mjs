// What `helm test` asks of the Service, with the Node.js of Mayfly's image: that it is there, and whose it is.
const [base, origin] = process.argv.slice(2);

async function read(path) {
  const answer = await globalThis.fetch(new URL(path, base));
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return text;
}

await read("/healthz");
const { chains } = JSON.parse(await read("/api/v2/trustBundle"));
if (chains.length === 0) throw new Error("the trust bundle is empty");
const { issuers } = JSON.parse(await read("/api/v2/configuration"));
console.log(`${chains.length} chain(s) to trust, ${issuers.length} issuer(s) accepted`);
if (origin !== undefined) {
  const checkpoint = await read(`/${origin.split("/").slice(1).concat("checkpoint").join("/")}`);
  const [first, size] = checkpoint.split("\n");
  if (first !== origin) throw new Error(`the checkpoint is that of ${first}`);
  console.log(`${size} entries in the log ${origin}`);
}
