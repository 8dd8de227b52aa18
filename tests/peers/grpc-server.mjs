// The desk of grpc.proto as a service, over TLS where a certificate and its key are named. Its stdout:
// the address, then a line for each call whose client has gone. Who shows credentials gets a token, which must
// come with the next call, and another behind the answer; both are new each time.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Metadata, Server, ServerCredentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [certificate, key] = process.argv.slice(2);
const proto = fileURLToPath(new URL("grpc.proto", import.meta.url));
const { desk } = loadPackageDefinition(loadSync(proto, { defaults: true }));

// How many questions were gathered, how many are never answered, and how often somebody said to go on;
// who waits for what.
const counts = { gathered: 0, never: 0, steps: 0 };
const waiting = [];

function reach(name, count) {
  return new Promise((resolve) => {
    waiting.push({ name, count, resolve });
    release();
  });
}

function add(name) {
  counts[name] += 1;
  release();
}

function release() {
  for (const one of waiting) {
    if (counts[one.name] >= one.count) one.resolve();
  }
}

function metadata(fields) {
  const made = new Metadata();
  for (const [name, value] of fields) made.add(name, value);
  return made;
}

const FIRST = [["x-desk", "north"], ["x-desk", "south"], ["x-mark-bin", Buffer.from([0, 255, 10])]];
const LAST = [["x-took", "3"], ["x-sum-bin", Buffer.from([1, 2, 0, 254])]];

const given = new Map(); // the last token, by credentials

// What a call with credentials gets before its answer and behind it.
function tokens({ metadata: shown }) {
  const [authorization] = shown.get("authorization");
  if (!authorization) return [[], []];
  const [user] = shown.get("x-user");
  const last = given.get(user);
  if (last !== shown.get("x-session-token")[0]) throw new Error(`${user} shows another token than ${last}`);
  const minted = (what) => createHash("sha256").update(`${what} ${user} ${last}`).digest("hex").slice(0, 24);
  given.set(user, minted("session"));
  return [[["x-session-token", minted("session")]], [["x-refresh-token", minted("refresh")]]];
}

function refusal(text) {
  const last = [...LAST, ["x-why", "nobody"], ["x-why", "is here"]];
  return { code: status.NOT_FOUND, details: `no "${text}" — Größe?`, metadata: metadata(last) };
}

const service = {
  async Ask(call, answer) {
    const { text, data } = call.request;
    const [what, name, count] = text.split(" ");
    if (what === "never") {
      call.on("cancelled", () => console.log(`gone: ${text}`));
      add("never");
      return;
    }
    if (what === "refuse") return answer(refusal(text));
    const [first, last] = tokens(call);
    call.sendMetadata(metadata([...FIRST, ...first]));
    if (what === "late") return answer(refusal(text));
    if (what === "go") add("steps");
    if (what === "await") await reach(name, Number(count));
    const said = call.metadata.get("x-said").join("+");
    answer(null, { text: `${text}? ${said}`, data: Buffer.from(data).reverse() }, metadata([...LAST, ...last]));
  },

  // Between two answers it waits until somebody asks it to go on.
  async Tell(call) {
    const { text, times } = call.request;
    call.sendMetadata(metadata(FIRST));
    for (let number = 1; number <= times; number++) {
      call.write({ text: `${text} ${number}` });
      if (text === "stepwise") await reach("steps", number);
    }
    if (text === "then refuse") call.emit("error", refusal(text));
    else call.end(metadata(LAST));
  },

  Gather(call, answer) {
    const texts = [];
    call.on("data", ({ text }) => {
      texts.push(text);
      add("gathered");
    });
    call.on("end", () => answer(null, { text: texts.join("|") }, metadata(LAST)));
  },

  Talk(call) {
    call.sendMetadata(metadata(FIRST));
    call.on("data", ({ text }) => call.write({ text: `${text}!` }));
    call.on("end", () => call.end(metadata(LAST)));
  },
};

const server = new Server();
server.addService(desk.Desk.service, service);
const credentials = certificate
  ? ServerCredentials.createSsl(null, [
      { cert_chain: readFileSync(certificate), private_key: readFileSync(key) },
    ])
  : ServerCredentials.createInsecure();
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  console.log(`127.0.0.1:${port}`);
});
