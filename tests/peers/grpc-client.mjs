// Calls the desk of grpc.proto at an address, in every way or in one: `unary`; `whole`, for calls that a
// replay can answer, which does so when it has heard all of a call; `all`; `guarded`, with credentials, which
// stand in the place of the authority. Its stdout: what came of each call, a line of JSON.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Metadata, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [address, which, last] = process.argv.slice(2);
const credentialsOf = which === "guarded" ? JSON.parse(last) : {};
const authority = which === "guarded" ? undefined : last;
const tokens = new Map(); // by user
const proto = fileURLToPath(new URL("grpc.proto", import.meta.url));
const { desk } = loadPackageDefinition(loadSync(proto, { defaults: true }));

// What is each connection's or each moment's own.
const OWN = ["date", "via"];

// Longer than anything here takes on a busy machine; a call that hangs ends so, and is not equal.
const PATIENCE = 60_000;

const GZIP = 2;

function client(options = {}) {
  const trust = authority
    ? credentials.createSsl(readFileSync(authority))
    : credentials.createInsecure();
  return new desk.Desk(address, trust, { "grpc.enable_http_proxy": 0, ...options });
}

function metadata(values) {
  const made = new Metadata();
  for (const value of values) made.add("x-said", value);
  return made;
}

function plain(fields) {
  const all = Object.entries(fields.toJSON()).filter(([name]) => !OWN.includes(name));
  const text = (value) => (Buffer.isBuffer(value) ? value.toString("base64") : value);
  return all.map(([name, values]) => [name, values.map(text)]).sort();
}

// A call with what is heard of it.
class Heard {
  constructor(name, call, answers = []) {
    this.name = name;
    this.call = call;
    this.answers = answers;
    this.listeners = [];
    call.on("metadata", (fields) => (this.metadata = plain(fields)));
    call.on("data", (answer) => {
      this.answers.push(short(answer));
      this.listeners.shift()?.();
    });
    call.on("error", () => {});
    this.status = new Promise((resolve) => call.on("status", resolve));
  }

  next() {
    return new Promise((resolve) => this.listeners.push(resolve));
  }

  async end() {
    const { code, details, metadata: last } = await this.status;
    const { name, metadata: first, answers } = this;
    console.log(JSON.stringify({ name, first, answers, code, details, last: plain(last) }));
  }
}

function short({ text, data }) {
  if (text.length + data.length < 100) return { text, data: data.toString("base64") };
  const sum = createHash("sha256").update(text).update(data).digest("hex");
  return { lengths: [text.length, data.length], sum };
}

function options() {
  return { deadline: Date.now() + PATIENCE };
}

async function ask(at, text, { data = Buffer.alloc(0), said = ["one", "two"] } = {}) {
  const answers = [];
  const call = at.Ask({ text, data }, metadata(said), options(), (error, answer) => {
    if (answer) answers.push(short(answer));
  });
  await new Heard(`ask ${text.slice(0, 20)}`, call, answers).end();
}

async function unary(at) {
  await ask(at, "hello");
  await ask(at, "hello again", { said: [] });
  await ask(at, "hello", { said: ["three"] });
  await ask(at, "refuse");
  await ask(at, "late");
  await ask(at, "");
  const large = Buffer.alloc(1 << 20);
  for (let place = 0; place < large.length; place++) large[place] = (place * 7) % 251;
  await ask(at, "large", { data: large });
  const packing = client({ "grpc.default_compression_algorithm": GZIP });
  await ask(packing, "packed ".repeat(500));
  packing.close();
}

// Questions of two users, each of which shows the token that the last answer to its user came with.
async function guarded(at) {
  for (let number = 1; number <= 3; number++) {
    for (const [user, { bearer, key }] of Object.entries(credentialsOf)) {
      const shown = metadata(["one"]);
      shown.set("authorization", `Bearer ${bearer}`);
      shown.set("x-api-key", key);
      shown.set("x-user", user);
      if (tokens.has(user)) shown.set("x-session-token", tokens.get(user));
      const answers = [];
      const call = at.Ask({ text: `question ${number}` }, shown, options(), (error, answer) => {
        if (answer) answers.push(short(answer));
      });
      call.on("metadata", (fields) => tokens.set(user, fields.get("x-session-token")[0]));
      await new Heard(`ask as ${user}`, call, answers).end();
    }
  }
}

// Several answers: the next comes only when this one is here.
async function tell(at) {
  const heard = new Heard("tell", at.Tell({ text: "stepwise", times: 3 }, metadata([]), options()));
  for (let number = 1; number <= 3; number++) {
    if (heard.answers.length < number) await heard.next();
    await ask(at, `go on ${number}`);
  }
  await heard.end();
  for (const [text, times] of [["quickly", 500], ["then refuse", 2], ["nothing", 0]]) {
    await new Heard(`tell ${text}`, at.Tell({ text, times }, metadata([]), options())).end();
  }
}

// Several questions: the next is sent only when this one has come.
async function gather(at) {
  const answers = [];
  const call = at.Gather(metadata([]), options(), (error, answer) => {
    if (answer) answers.push(short(answer));
  });
  const heard = new Heard("gather", call, answers);
  for (let number = 1; number <= 3; number++) {
    call.write({ text: `question ${number}` });
    await ask(at, `await gathered ${number}`);
  }
  call.end();
  await heard.end();
}

async function talkAtOnce(at) {
  const heard = new Heard("talk at once", at.Talk(metadata([]), options()));
  for (let number = 1; number <= 20; number++) heard.call.write({ text: `line ${number}` });
  heard.call.end();
  await heard.end();
}

// Question n + 1 is asked only when answer n is here.
async function talk(at) {
  const heard = new Heard("talk", at.Talk(metadata([]), options()));
  for (let number = 1; number <= 20; number++) {
    const next = heard.next();
    heard.call.write({ text: `word ${number}` });
    await next;
  }
  heard.call.end();
  await heard.end();
}

// Given up when the service has it.
async function cancel(at) {
  const call = at.Ask({ text: "never cancelled" }, metadata([]), options(), () => {});
  const status = new Promise((resolve) => call.on("status", resolve));
  await ask(at, "await never 1");
  call.cancel();
  console.log(JSON.stringify({ name: "cancel", code: (await status).code }));
}

async function deadline(at) {
  const soon = { deadline: Date.now() + 500 };
  const call = at.Ask({ text: "never mind" }, metadata([]), soon, () => {});
  const { code } = await new Promise((resolve) => call.on("status", resolve));
  console.log(JSON.stringify({ name: "deadline", code }));
}

const at = client();
await (which === "guarded" ? guarded(at) : unary(at));
if (which !== "unary" && which !== "guarded") {
  await tell(at);
  await gather(at);
  await talkAtOnce(at);
}
if (which === "all") {
  await talk(at);
  await cancel(at);
  await deadline(at);
}
at.close();
