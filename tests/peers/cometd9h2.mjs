// An agent that uses cometd.js 9 over HTTP/2, without an upgrade (RFC 9113 §3.3): all its requests,
// and the poll that is held meanwhile, share one connection, as in a browser.

import { connect, constants } from "node:http2";
import { AckExtension, CometD } from "cometd";
import { fail, perform } from "./agent.mjs";
import { cometd } from "./cometd.mjs";

// One connection for each origin.
const connections = new Map();

// The cookies that the libraries' requests have got, by name.
const jar = new Map();

function connection(origin) {
  if (!connections.has(origin)) {
    const made = connect(origin);
    made.on("error", (error) => fail(`${origin}: ${error}`));
    connections.set(origin, made);
  }
  return connections.get(origin);
}

// Sends a request, and keeps and follows nothing. The stream is handed on before there is an answer.
function send({ method, url, headers, content }, begun = () => {}) {
  const { origin, pathname, search } = new URL(url);
  const fields = { ...headers, ":method": method, ":path": pathname + search };
  return new Promise((resolve, reject) => {
    const stream = connection(origin).request(fields, { endStream: !content });
    begun(stream);
    let head = {};
    let text = "";
    stream.on("response", (fields) => (head = fields));
    stream.setEncoding("utf8");
    stream.on("data", (piece) => (text += piece));
    stream.on("end", () =>
      resolve({
        status: head[":status"],
        content: text,
        cookies: head["set-cookie"] ?? [],
        location: head.location,
      }),
    );
    stream.on("error", reject);
    // After an answer that is there this comes too late to matter.
    stream.on("close", () => reject(new Error("closed")));
    if (content) {
      stream.end(content);
    }
  });
}

// As much of an XMLHttpRequest as cometd.js and the agents use.
class Request {
  static UNSENT = 0;
  static OPENED = 1;
  static DONE = 4;
  readyState = Request.UNSENT;
  status = 0;
  statusText = "";
  responseText = "";
  #request = { headers: {} };
  #stream = null;

  open(method, url) {
    Object.assign(this.#request, { method, url });
    this.readyState = Request.OPENED;
  }

  setRequestHeader(name, value) {
    this.#request.headers[name] = value;
  }

  send(content) {
    const { Cookie, ...headers } = this.#request.headers;
    const cookies = [...(Cookie?.split("; ") ?? []), ...jar.values()];
    if (cookies.length > 0) {
      headers.Cookie = cookies.join("; ");
    }
    send({ ...this.#request, headers, content }, (stream) => (this.#stream = stream)).then(
      (answer) => this.#answered(answer),
      (error) => {
        this.readyState = Request.DONE;
        this.statusText = String(error);
        this.onerror(error);
      },
    );
  }

  abort() {
    this.#stream?.close(constants.NGHTTP2_CANCEL);
  }

  #answered({ status, content, cookies }) {
    for (const cookie of cookies) {
      jar.set(cookie.split("=")[0], cookie.split(";")[0]);
    }
    this.readyState = Request.DONE;
    this.status = status;
    this.responseText = content;
    this.onload();
  }
}

function adapt() {
  global.window = { setTimeout, clearTimeout, console, XMLHttpRequest: Request };
}

perform({ ...cometd(CometD, AckExtension, { adapt }), send });
