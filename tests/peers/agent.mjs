// One agent in one process: what the programs for the client libraries have in common.
//
// The one argument is JSON: where the Bayeux endpoint is, the header fields that every request
// carries, what each message shows in its "ext", the channels to subscribe to, whether to acknowledge messages, and the transport: `polling`,
// `socket`, or `any`. Commands come on stdin and are obeyed at once, each a line of JSON: `login` sends a form, follows where it leads and keeps the cookies, `join` shakes
// hands and subscribes, `call` sends one request or publishes, `leave` listens for one more complete poll and
// disconnects. What happens goes to stdout, each a line of JSON:
// `ready` when every subscription is confirmed, `message`, `answer`, `unknown` when the server no
// longer knows this client, `left`. The end of stdin is the end of the program.
//
// It judges the protocol and nothing else: whether the messages are the right ones is for the
// reader of its lines. Any trouble ends it with 1 and words on stderr.

import { createInterface } from "node:readline";

// The reply to a poll that was out when `leave` came, and the one to the complete poll after it.
const LAST_POLLS = 2;

// Plays the agent with a client library: `library.call` sends a request as an application would,
// `library.join` makes a client, which tells what it gets to the `ears` and can `leave`, and
// `library.send`, where there is one, sends the requests of a page with a form.
export function perform(library) {
  const [argument] = process.argv.slice(2);
  const settings = JSON.parse(argument);
  const { headers, channels } = settings;
  let agent = null;
  const obey = {
    login({ url, form }) {
      const { Cookie, ...own } = headers;
      agent = null; // whose client has the cookies of before
      logIn(library.send ?? send, url, form, own).then(
        ({ cookies, answers }) => {
          headers.Cookie = cookies.join("; ");
          answers.forEach((answer) => say({ answer }));
        },
        (error) => fail(`${url}: ${error}`),
      );
    },
    join({ pause }) {
      agent = new Agent(channels);
      agent.client = library.join({ ...settings, pause }, agent);
    },
    call({ method, url, content, headers: more }) {
      if (method === "PUBLISH") {
        // The client's own business, and no request of the application.
        const channel = url.slice(new URL(url).origin.length);
        return agent.client
          .publish(channel, JSON.parse(content))
          .then((answer) => say({ answer }), (error) => fail(`${channel}: ${error}`));
      }
      const type = content === null ? {} : { "Content-Type": "application/json" };
      const fields = { ...headers, ...type, ...more };
      library
        .call({ method, url, headers: fields, content, client: agent?.client })
        .then((answer) => say({ answer }), (error) => fail(`${method} ${url}: ${error}`));
    },
    leave() {
      agent.pollsLeft = LAST_POLLS;
    },
  };
  const commands = createInterface({ input: process.stdin });
  commands.on("line", (line) => {
    const command = JSON.parse(line);
    setTimeout(() => obey[command.do](command), command.after ?? 0);
  });
  commands.on("close", () => process.exit(0));
}

// Sends a form as a page does: the answer sets cookies and leads elsewhere.
async function logIn(send, url, form, headers) {
  const fields = { ...headers, "Content-Type": "application/x-www-form-urlencoded" };
  const login = await send({ method: "POST", url, headers: fields, content: form });
  const cookies = login.cookies.map((cookie) => cookie.split(";")[0]);
  const page = await send({
    method: "GET",
    url: new URL(login.location, url),
    headers: { ...headers, Cookie: cookies.join("; ") },
  });
  const answers = [login, page].map(({ status, content }) => ({ status, content }));
  return { cookies, answers };
}

// Sends a request that is none of the library's, and keeps and follows nothing.
async function send({ method, url, headers, content }) {
  const response = await fetch(url, { method, headers, body: content, redirect: "manual" });
  return {
    status: response.status,
    content: await response.text(),
    cookies: response.headers.getSetCookie(),
    location: response.headers.get("Location"),
  };
}

// Ends the program with these words.
export function fail(words) {
  process.stderr.write(`${words}\n`);
  process.exit(1);
}

// The ears of a client: they hear every reply of the server and every message of a subscription.
class Agent {
  client = null;
  pollsLeft = Infinity;
  #channels;
  #unconfirmed;
  #leaving = false;

  constructor(channels) {
    this.#channels = channels;
    this.#unconfirmed = new Set(channels);
  }

  message(channel, data) {
    say({ message: { channel, data } });
  }

  reply(reply) {
    if (!reply.channel.startsWith("/meta/")) {
      return; // to a publish: whoever published has it
    }
    if (this.#leaving) {
      this.#last(reply);
    } else if (!reply.successful) {
      this.#refused(reply);
    } else if (reply.channel === "/meta/subscribe") {
      this.#confirmed([reply.subscription].flat());
    } else if (reply.channel === "/meta/connect" && --this.pollsLeft === 0) {
      this.#leaving = true;
      // Only when the library has sent its next poll, so that one is held.
      setTimeout(() => this.client.leave());
    }
  }

  // A poll that overtook or was overtaken by the disconnect may be answered in either way.
  #last(reply) {
    if (reply.channel !== "/meta/disconnect") {
      return;
    }
    if (!reply.successful) {
      fail(`the disconnect was refused: ${JSON.stringify(reply)}`);
    }
    say({ left: true });
  }

  #refused(reply) {
    const anew = reply.error?.startsWith("402") && reply.advice?.reconnect === "handshake";
    if (reply.channel !== "/meta/connect" || !anew) {
      fail(`refused: ${JSON.stringify(reply)}`);
    }
    this.#unconfirmed = new Set(this.#channels);
    say({ unknown: true });
  }

  #confirmed(channels) {
    for (const channel of channels) {
      if (!this.#unconfirmed.delete(channel)) {
        fail(`a subscription that was not asked for is confirmed: ${channel}`);
      }
    }
    if (this.#unconfirmed.size === 0) {
      say({ ready: true });
    }
  }
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
