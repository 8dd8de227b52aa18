// A service for agents' desktops: calls and chats over HTTP, and what comes of them over CometD, by
// npm's own CometD server; or, with the argument `faye`, by Faye's, which has WebSockets too. With
// `faye polling` it says that it has them, and refuses each. With `guarded` it hands out tokens and wants them
// back, and tells whoever takes part in a call or a chat the password that its maker gave it.
//
// It tells the truth about itself on stdout, each a line of JSON: `listening`; `operation` when a
// request has come, with its number; `event` when a message goes to an agent, with the number of the
// operation that caused it, or null; `secret` for each that it hands out, and each that a handshake shows. The tests compare what clients and tapes say with that.
//
// The identifiers that it makes depend on who asks and how often, and so are the same in two runs
// of one script, however the agents interleave.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import cometd from "cometd-nodejs-server";
import { faye } from "./fayedesk.mjs";

// In milliseconds. An agent that is silent for so long is forgotten.
const TIMES = { timeout: 1_000, interval: 0, maxInterval: 1_500, sweepPeriod: 200 };

const API = "/api/v2";
const COOKIE = "DESKSESSION";

const choices = new Set(process.argv.slice(2));
const guarded = choices.has("guarded");
const bayeux = choices.has("faye") ? faye(TIMES, `${API}/notifications`) : cometd.createCometDServer(TIMES);
const agents = new Map(); // by name
const logins = new Map(); // the name, by cookie
const things = new Map(); // calls and chats, by identifier
let operations = 0;

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function minted(...what) {
  return createHash("sha256").update(what.join(" ")).digest("hex").slice(0, 16).toUpperCase();
}

// A token that it hands out.
function token(...what) {
  const secret = minted("token", ...what);
  say({ secret });
  return secret;
}

class Agent {
  sessions = new Set();
  #made = 0;

  constructor(name) {
    this.name = name;
    this.uri = `${API}/users/${minted("user", name).toLowerCase()}`;
  }

  make(what) {
    return minted(what, this.name, ++this.#made);
  }

  // Sends a message to every client of this agent, because of an operation or of nothing.
  hear(cause, channel, data) {
    for (const session of this.sessions) {
      say({ event: { agent: this.name, channel, data, cause } });
      session.deliver(null, channel, data);
    }
  }
}

function agent(name) {
  if (!agents.has(name)) {
    agents.set(name, new Agent(name));
  }
  return agents.get(name);
}

function agentOf(request) {
  const cookies = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  const login = cookies.find(([name]) => name === COOKIE)?.[1];
  return logins.has(login) ? agent(logins.get(login)) : null;
}

bayeux.policy = {
  canHandshake(session, message, callback) {
    const who = agentOf(bayeux.context.request);
    if (who) {
      who.sessions.add(session);
      session.addListener("removed", () => who.sessions.delete(session));
    }
    if (guarded) {
      say({ secret: message.ext.authentication.token });
      message.reply.ext = { authentication: { refreshToken: token("handshake", who?.name) } };
    }
    callback(null, who !== null);
  },
};

// A call or a chat, and who takes part.
class Thing {
  state = "New";

  constructor(kind, id, members, password) {
    Object.assign(this, { kind, id, members, password });
    this.token = guarded ? token(kind, id) : undefined;
    things.set(id, this);
  }

  view() {
    const { id, state, token, password } = this;
    const uri = `${API}/me/${this.kind}/${id}`;
    const view = { id, uri, state, participants: this.members.map((member) => member.uri) };
    // A token also where no name tells of it.
    const secrets = { accessToken: token, password, link: `${uri}?access_token=${token}`, says: `use ${token}` };
    return guarded ? { ...view, ...secrets } : view;
  }

  // Comes into a state, and all its members hear it.
  become(state, cause, more = {}) {
    this.state = state;
    const [name, type] = this.kind === "calls" ? ["call", "CallStateChange"] : ["chat", "ChatUpdated"];
    for (const member of [...this.members]) {
      member.hear(cause, `/v2/me/${this.kind}`, { messageType: type, [name]: this.view(), ...more });
    }
  }
}

const done = (more = {}) => ({ statusCode: 0, ...more });
const refused = (statusMessage) => ({ statusCode: 2, statusMessage });
const later = (wait, what) => setTimeout(what, wait);

// What can be done without a call or a chat. A wait holds the answer back, for so many milliseconds.
const desk = {
  Dial(who, { to, after, password }, cause) {
    const call = new Thing("calls", who.make("call"), to ? [who, agent(to)] : [who], password);
    call.become(to ? "Ringing" : "Dialing", cause);
    if (!to) {
      // The other end is no agent, and picks up in a while.
      later(after, () => call.become("Established", cause));
    }
    return done({ id: call.id, accessToken: call.token });
  },
  Create(who, { nickname, referenceId, password }, cause) {
    const chat = new Thing("chats", who.make("chat"), [who], password);
    later(20, () => chat.become("Open", cause, { nickname, referenceId }));
    return done({ id: chat.id, accessToken: chat.token });
  },
  // Said straight to whoever asks, who subscribes to no such channel.
  Whisper(who, { text }, cause) {
    who.hear(cause, "/service/whispers", { messageType: "Whisper", text });
    return done();
  },
  NotReady(who, { reason }, cause) {
    who.hear(cause, "/v2/me/devices", { messageType: "DeviceStateChange", state: "NotReady", reason });
    return done();
  },
};

// What can be done to a call or a chat.
const deeds = {
  Answer: (call, who, body, cause) => call.become("Established", cause),
  Hold: (call, who, body, cause) => call.become("Held", cause),
  Retrieve: (call, who, body, cause) => call.become("Established", cause),
  Release: (call, who, body, cause) => call.become("Released", cause),
  SendDtmf: (call, who, { digits }, cause) => call.become(call.state, cause, { digits }),
  SendMessage: (chat, who, { text, referenceId }, cause) =>
    chat.become("Open", cause, { text, from: who.uri, referenceId }),
  Invite(chat, who, { name, referenceId }, cause) {
    chat.members.push(agent(name));
    chat.become("Open", cause, { referenceId });
  },
  RemoveParticipantFromConference(chat, who, { targetUri }, cause) {
    // They hear of it while the answer is still on its way.
    chat.become("Open", cause, { removed: targetUri });
    chat.members = chat.members.filter((member) => member.uri !== targetUri);
    return 150;
  },
};

// Whether a request shows what it was given: the login's token, and that of the thing it is about.
function mayAct(who, request, body) {
  const { pathname, searchParams } = new URL(request.url, "http://desk");
  const thing = things.get(pathname.split("/").at(-1));
  const shown = searchParams.get("access_token") ?? body.accessToken;
  return request.headers["x-csrf-token"] === who.csrf && (!thing || thing.token === shown);
}

function act(who, path, body, cause) {
  const [, kind, id] = path.slice(API.length + 1).split("/");
  const { operationName } = body;
  if (id === undefined) {
    return { answer: desk[operationName](who, body, cause), wait: 0 };
  }
  const thing = things.get(id);
  if (!thing || thing.kind !== kind || thing.state === "Released") {
    return { answer: refused("there is no such thing now"), wait: 0 };
  }
  const wait = deeds[operationName](thing, who, body, cause);
  return { answer: done(), wait: wait ?? 0 };
}

function logIn(request, response, text) {
  const name = new URLSearchParams(text).get("username");
  const login = minted("login", name, agents.size).toLowerCase();
  logins.set(login, agent(name).name);
  if (guarded) {
    say({ secret: login });
    agent(name).csrf = token("csrf", name);
  }
  number(request, name, 302);
  response.writeHead(302, { Location: "/home", "Set-Cookie": `${COOKIE}=${login}; Path=/; HttpOnly` });
  response.end();
}

// Tells of an operation; its number.
function number(request, name, status) {
  operations += 1;
  const { method, url } = request;
  say({ operation: { number: operations, agent: name, method, target: url, status } });
  return operations;
}

function answer(response, status, content) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(content));
}

function serve(request, response, text) {
  const { method, url } = request;
  if (method === "POST" && url === "/login") {
    return logIn(request, response, text);
  }
  const who = agentOf(request);
  if (!who) {
    return answer(response, 401, { statusCode: 20 });
  }
  if (method === "POST") {
    const body = JSON.parse(text);
    if (guarded && !mayAct(who, request, body)) {
      return answer(response, 403, { statusCode: 3 });
    }
    const cause = number(request, who.name, 200);
    const { answer: content, wait } = act(who, url.split("?")[0], body, cause);
    return later(wait, () => answer(response, 200, content));
  }
  const thing = things.get(url.split("/").at(-1));
  number(request, who.name, 200);
  answer(response, 200, thing ? done(thing.view()) : done({ name: who.name, uri: who.uri, csrfToken: who.csrf }));
}

// What the tests do behind the service's back: a customer who calls, without any operation.
process.stdin.on("data", (line) => {
  const callee = agent(String(line).trim());
  new Thing("calls", minted("inbound", callee.name), [callee]).become("Ringing", null);
});
process.stdin.on("end", () => process.exit(0));

const server = createServer((request, response) => {
  if (request.url.startsWith(`${API}/notifications`)) {
    return bayeux.handle(request, response);
  }
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (text += piece));
  request.on("end", () => serve(request, response, text));
});
server.on("upgrade", (request, socket, head) => {
  if (bayeux.upgrade && !choices.has("polling")) {
    return bayeux.upgrade(request, socket, head);
  }
  socket.end("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
});
server.listen(0, "127.0.0.1", () => say({ listening: server.address().port }));
