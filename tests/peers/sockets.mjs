// A service with a socket that says back what it hears, and its clients: npm's "ws", and a page.
//
// Without an argument it is the service, and its stdout is the port that it listens on; with "http2" one that
// speaks nothing but HTTP/2, without TLS (RFC 8441). With the origin of one it is a client, whose stdout is what it got: a line of JSON for each way to compress. With "flood"
// behind the origin it says much, and tells how many messages it were, the SHA-1 of them all, and whether
// all came back.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";

const [origin, mode] = process.argv.slice(2);

// What a socket may agree on. Each message is compressed, also the shortest.
const WAYS = [
  false,
  { threshold: 0 },
  { threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true },
  { threshold: 0, clientMaxWindowBits: 9, serverMaxWindowBits: 10 },
];

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>a page with a socket</title>
<link rel="icon" href="data:,">
<script type="module">
const socket = new WebSocket("chat");
const heard = [];
const said = ["", "ein Größenwert", "again ".repeat(1000), "again ".repeat(1000)];
socket.onopen = () => said.forEach((text) => socket.send(text));
socket.onmessage = ({ data }) => {
  heard.push(data);
  if (heard.length === said.length) socket.close(4000, "genug");
};
socket.onclose = ({ code, reason, wasClean }) => {
  const told = {
    extensions: socket.extensions,
    same: JSON.stringify(heard) === JSON.stringify(said),
    closed: [code, reason, wasClean],
  };
  fetch(location.hash.slice(1), { method: "POST", mode: "no-cors", body: JSON.stringify(told) });
};
</script>
`;

if (mode === "flood") {
  for (const way of [false, { threshold: 0 }]) {
    console.log(JSON.stringify(await flood(way)));
  }
} else if (origin === "http2") {
  serveByHttp2();
} else if (origin) {
  for (const way of WAYS) {
    console.log(JSON.stringify(await talk(way)));
  }
} else {
  serve();
}

// A stream of HTTP/2 in the place of a connection on which npm's "ws" makes an upgrade: its head becomes that
// of the stream.
class Connection extends Duplex {
  #stream;
  #opened = false;

  constructor(stream) {
    super();
    this.#stream = stream;
    stream.on("data", (bytes) => this.push(bytes) || stream.pause());
    stream.on("end", () => this.push(null));
    stream.on("close", () => this.destroy());
    stream.on("error", () => {}); // a client that goes away
  }

  _read() {
    this.#stream.resume();
  }

  _write(bytes, _, done) {
    if (this.#opened) {
      this.#stream.write(bytes, done);
      return;
    }
    this.#opened = true;
    const [, ...fields] = String(bytes).trim().split("\r\n");
    const head = Object.fromEntries(fields.map((field) => field.split(": ")));
    const { Upgrade, Connection, "Sec-WebSocket-Accept": accept, ...rest } = head;
    this.#stream.respond({ ":status": 200, ...rest });
    done();
  }

  _final(done) {
    this.#stream.end(done);
  }
}

function serveByHttp2() {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
  server.on("stream", (stream, head) => {
    if (head[":method"] !== "CONNECT" || head[":protocol"] !== "websocket" || head["sec-websocket-key"]) {
      stream.respond({ ":status": 400 }, { endStream: true });
      return;
    }
    const key = Buffer.alloc(16).toString("base64"); // which only an upgrade has
    const headers = { ...head, upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": key };
    const request = { method: "GET", url: head[":path"], headers };
    sockets.handleUpgrade(request, new Connection(stream), Buffer.alloc(0), (socket) =>
      socket.on("message", (data, binary) => socket.send(data, { binary })),
    );
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

function serve() {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(PAGE);
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    // A client that breaks the protocol has its socket closed, and does not end this program.
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

async function talk(way) {
  const socket = new WebSocket(`${origin.replace("http", "ws")}/chat`, { perMessageDeflate: way });
  // An error that nobody listens for ends this program.
  const once = (event) => new Promise((resolve) => socket.once(event, (...given) => resolve(given)));
  await once("open");
  const texts = Array.from({ length: 30 }, (_, n) => JSON.stringify({ n, text: "é€😀".repeat(n * n) }));
  const messages = ["", "", ...texts, Buffer.alloc(1 << 20, "bytes")];
  let same = 0;
  for (const message of messages) {
    // In fragments, which may cut a character in two, and of which the last is empty.
    const bytes = Buffer.from(message);
    const binary = typeof message !== "string";
    const half = Math.floor(bytes.length / 2);
    socket.send(bytes.subarray(0, half), { fin: false, binary });
    socket.send(bytes.subarray(half), { fin: false, binary });
    socket.send(bytes.subarray(0, 0), { fin: true, binary });
    const [data, answered] = await once("message");
    same += data.equals(bytes) && answered === binary ? 1 : 0;
  }
  socket.ping("there?");
  const [pong] = await once("pong");
  socket.close(4000, "genug");
  const [code, reason] = await once("close");
  return [socket.extensions, same === messages.length, String(pong), code, String(reason)];
}

// Messages of up to 16 MiB, whole and in fragments, one at a time; then ten thousand without waiting.
async function flood(way) {
  const socket = new WebSocket(`${origin.replace("http", "ws")}/flood`, { perMessageDeflate: way });
  const once = (event) => new Promise((resolve) => socket.once(event, resolve));
  await once("open");
  const sent = createHash("sha1");
  const back = createHash("sha1");
  const note = (hash, bytes, binary) => hash.update(`${binary ? "b" : "t"}${bytes.length}:`).update(bytes);
  let [count, answers, wake] = [0, 0, () => {}];
  socket.on("message", (data, binary) => {
    note(back, data, binary);
    answers += 1;
    if (answers === count) wake();
  });
  const all = () => new Promise((resolve) => (answers === count ? resolve() : (wake = resolve)));
  const say = (bytes, binary, fragments) => {
    count += 1;
    note(sent, bytes, binary);
    const size = Math.ceil(bytes.length / fragments);
    for (let n = 0; n < fragments; n++) {
      const fin = n === fragments - 1;
      socket.send(bytes.subarray(n * size, fin ? undefined : (n + 1) * size), { fin, binary });
    }
  };
  for (const length of [1, 125, 126, 65535, 65536, 1 << 20, 16 << 20]) {
    // Numbers that repeat, and so can be compressed, but at no place that a window would show.
    const bytes = Buffer.alloc(length, Array.from({ length: 997 }, (_, n) => String(n)).join(" "));
    for (const [binary, fragments] of [[false, 1], [true, 1], [true, 3]]) {
      say(bytes, binary, fragments);
      await all();
    }
  }
  for (let n = 0; n < 10_000; n++) say(Buffer.from(JSON.stringify({ n })), false, 1);
  await all();
  socket.close(1000);
  await once("close");
  const digest = sent.digest("base64");
  return { count, digest, same: back.digest("base64") === digest };
}
