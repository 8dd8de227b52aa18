// An office whose members hear what they do to each other: as server-sent events by npm's better-sse,
// plain or gzipped, or as lines of JSON.
//
// It tells the truth about itself on stdout, each a line of JSON: `listening`; `operation` when a
// request has come, with its number; `event` for each event, with the number of the operation that
// caused it. An event that a member missed while it was away goes out when it comes back and says which
// it has seen last.
//
// With the argument `guarded` it hands out a token with a login and with each event, wants the login's back in
// every query, and tells with each event what its cause called a password. `secret` then is each that it makes.
//
// Nothing that it says depends on the clock, or on how its members interleave but by what they do.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createGzip } from "node:zlib";
import { Connection, createEventBuffer, createSession } from "better-sse";

const COOKIE = "OFFICE";

// In milliseconds: how soon a client comes back, and how often a comment keeps a stream alive.
const RETRY = 0;
const KEEP_ALIVE = 100;

const guarded = process.argv.includes("guarded");
const members = new Map(); // by name
const passwords = new Map(); // by the number of the operation
const logins = new Map(); // the member, by cookie
let operations = 0;

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function minted(...what) {
  return createHash("sha256").update(what.join(" ")).digest("hex").slice(0, 16);
}

// A token that it hands out.
function token(...what) {
  const secret = minted("token", ...what);
  say({ secret });
  return secret;
}

class Member {
  // All events so far, each with its number.
  #events = [];
  // Where they go.
  ways = new Set();

  constructor(name) {
    this.name = name;
  }

  // Sends events at once, each a type with data, over many lines if it says how far they are indented.
  hear(cause, ...events) {
    const next = this.#events.length + 1;
    const sent = events.map(([type, data, indent], place) => {
      const id = `${this.name}-${next + place}`;
      if (guarded) {
        data = { ...data, accessToken: token("event", id), password: passwords.get(cause) };
      }
      return { line: { type, data, id }, type, id, text: JSON.stringify(data, null, indent) };
    });
    this.#events.push(...sent);
    for (const { line, type, id, text } of sent) {
      say({ event: { member: this.name, type, id, data: text, line, cause } });
    }
    for (const way of this.ways) {
      way.send(sent);
    }
  }

  // What came after the event of this number.
  since(id) {
    const last = this.#events.findIndex((event) => event.id === id);
    return last < 0 ? [] : this.#events.slice(last + 1);
  }
}

const member = (name) => {
  if (!members.has(name)) {
    members.set(name, new Member(name));
  }
  return members.get(name);
};

function memberOf(request) {
  const cookies = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  return logins.get(cookies.find(([name]) => name === COOKIE)?.[1]);
}

// What better-sse writes, in gzip: every event can be read as soon as it is there.
class Gzipped extends Connection {
  #response;
  gzip = createGzip();

  constructor(request, response) {
    super();
    const away = new AbortController();
    response.once("close", () => away.abort());
    this.#response = response;
    this.gzip.pipe(response);
    this.url = new URL(request.url, "http://localhost");
    this.request = new Request(this.url, { signal: away.signal });
    Connection.applyHeaders(request.headers, this.request.headers);
    const headers = { ...Connection.constants.RESPONSE_HEADERS, "Content-Encoding": "gzip" };
    this.response = new Response(null, { headers });
  }

  sendHead = () => this.#response.writeHead(200, Object.fromEntries(this.response.headers));

  sendChunk = (chunk) => {
    this.gzip.write(chunk);
    this.gzip.flush();
  };

  cleanup = () => {};
}

// A stream of events to one member.
async function events(who, request, response) {
  const gzipped = request.url.startsWith("/gzipped");
  const connection = gzipped ? new Gzipped(request, response) : null;
  const options = { retry: RETRY, keepAlive: KEEP_ALIVE };
  const session = connection
    ? await createSession(connection, options)
    : await createSession(request, response, options);
  const send = (all) => {
    const [{ line, type, id, text }, ...others] = all;
    if (others.length === 0 && !text.includes("\n")) {
      return session.push(line.data, type, id);
    }
    const buffer = createEventBuffer({ serializer: (line) => ` ${line}` });
    for (const { type, id, text } of all) {
      buffer.event(type).id(id);
      text.split("\n").forEach((line) => buffer.data(line));
      buffer.dispatch();
    }
    session.batch(buffer);
  };
  const end = () => {
    const out = connection?.gzip ?? response;
    out.end();
    out.write = () => true; // of better-sse's timer
  };
  open(who, session, { send, end });
  const missed = who.since(session.lastId);
  if (missed.length > 0) {
    send(missed);
  }
}

// A stream of lines to one member.
function lines(who, request, response) {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  response.flushHeaders();
  const send = (all) => response.write(all.map(({ line }) => `${JSON.stringify(line)}\n`).join(""));
  const beat = setInterval(() => response.write("\n"), KEEP_ALIVE);
  response.once("close", () => clearInterval(beat));
  const end = () => {
    clearInterval(beat);
    response.end();
  };
  response.once("close", () => response.emit("disconnected"));
  open(who, response, { send, end });
}

function open(who, emitter, way) {
  who.ways.add(way);
  emitter.once("disconnected", () => who.ways.delete(way));
}

const everyone = () => [...members.values()];

// What members do. What others hear of it has the reference that its doer gave it.
const deeds = {
  // Everybody hears of it, and its author gets a receipt.
  Post(who, { words, reference }, cause) {
    everyone().forEach((other) => other.hear(cause, ["posted", { by: who.name, words, reference }]));
    who.hear(cause, ["receipt", { reference }]);
  },
  // Several events in one piece.
  Digest(who, { reference }, cause) {
    const parts = ["first", "second", "third"].map((part) => ["digest", { part, reference }]);
    everyone().forEach((other) => other.hear(cause, ...parts));
  },
  // One event of several lines.
  Recite(who, { lines, reference }, cause) {
    everyone().forEach((other) => other.hear(cause, ["recital", { lines, reference }, 2]));
  },
  // One other member hears of it, by an event without a name of its own.
  Nudge(who, { to, reference }, cause) {
    member(to).hear(cause, ["message", { from: who.name, reference }]);
  },
  // Its doer's streams end.
  Rest(who) {
    who.ways.forEach((way) => way.end());
    who.ways.clear();
  },
};

// Tells of an operation; its number.
function number(request, who, status) {
  operations += 1;
  const { method, url } = request;
  say({ operation: { number: operations, member: who.name, method, target: url, status } });
  return operations;
}

function answer(response, status, content, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(content));
}

function logIn(request, response, form) {
  const who = member(new URLSearchParams(form).get("username"));
  const login = minted("login", who.name);
  logins.set(login, who);
  number(request, who, 200);
  if (guarded) {
    say({ secret: login });
    who.token = token("login", who.name);
  }
  answer(response, 200, { welcome: who.name, accessToken: who.token }, { "Set-Cookie": `${COOKIE}=${login}; Path=/; HttpOnly` });
}

function serve(request, response, content) {
  const { method } = request;
  const { pathname: url, searchParams } = new URL(request.url, "http://office");
  if (method === "POST" && url === "/login") {
    return logIn(request, response, content);
  }
  if (url === "/") {
    response.writeHead(200, { "Content-Type": "text/html" });
    return response.end(PAGE);
  }
  const who = memberOf(request);
  if (!who || (guarded && searchParams.get("access_token") !== who.token)) {
    return answer(response, 401, { error: "who is it?" });
  }
  const cause = number(request, who, 200);
  switch (url) {
    case "/events":
    case "/gzipped":
      return events(who, request, response);
    case "/lines":
      return lines(who, request, response);
    default: {
      const { deed, password, ...more } = JSON.parse(content);
      passwords.set(cause, password);
      deeds[deed](who, more, cause);
      return answer(response, 200, { done: deed });
    }
  }
}

// A page whose EventSource is the browser's own. What came of it goes to the origin that its fragment
// names, which the office never sees.
const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>an office</title>
<link rel="icon" href="data:,">
<script type="module">
const told = { heard: [], opened: 0 };
// To the end of the answer, with which the login is known.
const call = async (path, body) => (await fetch(path, { method: "POST", body })).text();
const act = (deed, more) => call("desk", JSON.stringify({ deed, ...more }));
const wake = [];
const until = async (enough) => {
  while (!enough()) {
    await new Promise((resolve) => wake.push(resolve));
  }
};
const changed = () => wake.splice(0).forEach((resolve) => resolve());
try {
  await call("login", new URLSearchParams({ username: "ann" }));
  const source = new EventSource("events");
  source.onopen = () => {
    told.opened += 1;
    changed();
  };
  for (const type of ["posted", "receipt", "digest", "recital", "message"]) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      told.heard.push([type, lastEventId, data]);
      changed();
    });
  }
  await until(() => told.opened === 1);
  await act("Post", { words: "good morning", reference: "page-1" });
  await until(() => told.heard.length === 2);
  await act("Recite", { lines: ["one", "two"], reference: "page-2" });
  await until(() => told.heard.length === 3);
  await act("Rest", {});
  await until(() => told.opened === 2);
  await act("Digest", { reference: "page-3" });
  await until(() => told.heard.length === 6);
  source.close();
} catch (error) {
  told.error = String(error);
}
await fetch(location.hash.slice(1), { method: "POST", mode: "no-cors", body: JSON.stringify(told) });
</script>
`;

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

const server = createServer((request, response) => {
  let content = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (content += piece));
  request.on("end", () => serve(request, response, content));
});
server.listen(0, "127.0.0.1", () => say({ listening: server.address().port }));
