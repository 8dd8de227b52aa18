// Members of the office, all in this process: each has a cookie of its own, calls operations, and
// listens by npm's EventSource or to lines, over HTTP/1.1 or HTTP/2.
//
// Settings are the first argument. In the targets of requests `TOKEN` is the one that the login gave. A line on stdin is one run: a list of parts, a member's steps each.
// A line on stdout tells what came of it, member by member. They go on listening until an empty line.

import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { EventSource } from "eventsource";

const { origin, path, query, over, headers } = JSON.parse(process.argv[2]);
const TYPES = ["posted", "receipt", "digest", "recital", "message"];

// One run: what has happened in it so far.
class Run {
  members = new Map();
  turns = 0;
  #waiting = [];

  changed() {
    this.#waiting.splice(0).forEach((wake) => wake());
  }

  async until(enough) {
    while (!enough()) {
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }
}

class Member {
  answers = [];
  heard = [];
  opened = 0;
  step = null;
  #cookie = null;
  #token = null;
  #source = null;
  #wire = null;
  #line = null;

  constructor(run, name) {
    Object.assign(this, { run, name });
    if (over === "http2") {
      this.#wire = connect(origin);
      this.#wire.on("error", () => {});
    }
  }

  #headers(more) {
    const cookie = this.#cookie ? { cookie: this.#cookie } : {};
    return { ...headers, ...cookie, ...more };
  }

  #filled(target) {
    return target.replace("TOKEN", this.#token);
  }

  fetch(wanted, { headers: more, ...init }) {
    const all = this.#headers(more);
    const target = this.#filled(wanted);
    if (!this.#wire) {
      return fetch(new URL(target, origin), { ...init, headers: all });
    }
    const stream = this.#wire.request({ ":method": init.method, ":path": target, ...all });
    stream.end(init.body);
    return responseOfStream(stream);
  }

  async call({ method, target, content }) {
    const form = target === "/login" ? "application/x-www-form-urlencoded" : "application/json";
    const response = await this.fetch(target, { method, body: content, headers: { "content-type": form } });
    this.#cookie = response.headers.get("set-cookie")?.split(";")[0] ?? this.#cookie;
    const text = await response.text();
    this.#token ??= JSON.parse(text).accessToken;
    this.answers.push([response.status, text]);
  }

  // The request of a stream. Its connection can be cut, as by a fault of the line.
  #connect = async (init) => {
    if (path === "/gzipped") {
      return this.fetch(path + query, init); // which takes the coding off
    }
    const headers = this.#headers(init.headers);
    const target = this.#filled(path + query);
    const request = this.#wire
      ? this.#wire.request({ ":path": target, ...headers })
      : httpRequest(new URL(target, origin), { agent: false, headers }).end();
    this.#line = this.#wire ? request : (await once(request, "socket"))[0];
    init.signal?.addEventListener("abort", () => request.destroy(), { once: true });
    return this.#wire ? responseOfStream(request) : responseOf(request);
  };

  async open() {
    if (path === "/lines") {
      this.#read(await this.#connect({}));
      this.opened += 1;
    } else {
      this.#source = new EventSource(new URL(path, origin), { fetch: (_, init) => this.#connect(init) });
      this.#source.onopen = () => {
        this.opened += 1;
        this.run.changed();
      };
      for (const type of TYPES) {
        this.#source.addEventListener(type, ({ lastEventId, data }) => {
          this.heard.push([type, lastEventId, data]);
          this.run.changed();
        });
      }
    }
    await this.run.until(() => this.opened > 0);
  }

  async #read(response) {
    let rest = "";
    try {
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + piece).split("\n");
        rest = lines.pop();
        this.heard.push(...lines.filter((line) => line.trim()).map((line) => JSON.parse(line)));
        this.run.changed();
      }
    } catch {
      // It is closed from this side.
    }
  }

  // Loses the connection of its stream, and comes back by itself.
  async cut() {
    const before = this.opened;
    this.#line.destroy();
    await this.run.until(() => this.opened > before);
  }

  close() {
    this.#source?.close();
    this.#line?.destroy();
    this.#wire?.destroy();
  }
}

// The response to a request over HTTP/1.1, which has broken off where its connection was cut.
async function responseOf(request) {
  const [message] = await once(request, "response");
  const headers = Object.entries(message.headersDistinct).flatMap(([name, all]) => all.map((value) => [name, value]));
  return new Response(Readable.toWeb(message), { status: message.statusCode, headers });
}

// The response on a stream of HTTP/2.
async function responseOfStream(stream) {
  const [{ ":status": status, ...fields }] = await once(stream, "response");
  const headers = Object.entries(fields).flatMap(([name, all]) => [all].flat().map((value) => [name, value]));
  return new Response(Readable.toWeb(stream), { status, headers });
}

// Takes the steps of a part, each when its time has come: after a wait, when so many steps were taken
// in all, when members have heard so much, and when its own stream was opened so often.
async function play(run, member, { steps, hears }) {
  for (const step of steps) {
    const { after, turn, heard, opened, call, open, cut } = step;
    member.step = step;
    await run.until(() => run.turns >= (turn ?? 0));
    const enough = ([name, count]) => run.members.get(name).heard.length >= count;
    await run.until(() => Object.entries(heard ?? {}).every(enough) && member.opened >= (opened ?? 0));
    if (after) {
      await sleep(after);
    }
    if (call) {
      await member.call(call);
    } else if (open) {
      await member.open();
    } else if (cut) {
      await member.cut();
    }
    run.turns += 1;
    run.changed();
  }
  member.step = { hears };
  await run.until(() => member.heard.length >= hears);
}

let current = null;
// Who ends it before its time wants to know what it waits for.
process.on("SIGTERM", () => {
  for (const { name, answers, heard, opened, step } of current?.members.values() ?? []) {
    console.error(JSON.stringify({ name, answers: answers.length, heard, opened, step }));
  }
  process.exit(1);
});

for await (const line of createInterface({ input: process.stdin })) {
  if (!line) {
    current.members.forEach((member) => member.close());
    process.stdout.write("left\n");
    continue;
  }
  const parts = JSON.parse(line);
  const run = new Run();
  current = run;
  for (const { member } of parts) {
    run.members.set(member, new Member(run, member));
  }
  await Promise.all(parts.map((part) => play(run, run.members.get(part.member), part)));
  const told = [...run.members.values()].map(({ name, answers, heard, opened }) => ({ name, answers, heard, opened }));
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
