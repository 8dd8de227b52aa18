// A room on sockets of npm's "ws", and its members.
//
// Without an argument, or with `guarded`, it is the service, and its stdout is the port that it listens on. With settings,
// a line of JSON, it is members: they play the parts in them, and its stdout is one line with all that they heard.
//
// What a member says on its socket, or posts, everybody hears with its number, as text and as bytes. A guarded
// room hands out a cookie with each socket and wants it back with a post, and everybody hears a token too.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const PROTOCOL = "room.v1";

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>a page with a room</title>
<link rel="icon" href="data:,">
<script type="module">
const socket = new WebSocket("room?as=page", "${PROTOCOL}");
socket.binaryType = "arraybuffer";
const heard = [];
let answer = null;
socket.onopen = () => socket.send(JSON.stringify({ id: "4f2a81c9d0aa", text: "ein Größenwert" }));
socket.onmessage = async ({ data }) => {
  heard.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
  if (heard.length === 2) {
    const said = await fetch("say?as=page", { method: "POST", body: '{"id":"b7c3e51f02bb"}' });
    answer = await said.json();
    socket.send(new Uint8Array([1, 2, 3]));
  } else if (heard.length === 5) {
    socket.close(4000, "genug");
  }
};
socket.onclose = ({ code, reason, wasClean }) => {
  const told = { protocol: socket.protocol, heard, answer, closed: [code, reason, wasClean] };
  fetch(location.hash.slice(1), { method: "POST", mode: "no-cors", body: JSON.stringify(told) });
};
</script>
`;

const [argument] = process.argv.slice(2);
if (argument && argument !== "guarded") {
  await play(JSON.parse(argument));
} else {
  serve(argument === "guarded");
}

function minted(...what) {
  return createHash("sha256").update(what.join(" ")).digest("hex").slice(0, 24);
}

function serve(guarded) {
  const numbers = new Map(); // by member, so that two runs have the same
  const tell = (member, text) => {
    const number = (numbers.get(member) ?? 0) + 1;
    numbers.set(member, number);
    const { id } = JSON.parse(text);
    const accessToken = guarded ? minted("token", member, number) : undefined;
    for (const socket of sockets.clients) {
      socket.send(JSON.stringify({ by: member, number, id, text, accessToken }));
      socket.send(Buffer.from([0xff, number]));
    }
  };
  const cookie = (member) => `ROOM=${minted("cookie", member)}`;
  const of = (request) => new URL(request.url, "http://room").searchParams.get("as");
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      return response.end(PAGE);
    }
    let text = "";
    request.on("data", (piece) => (text += piece));
    request.on("end", () => {
      if (guarded && request.headers.cookie !== cookie(of(request))) {
        response.writeHead(401);
        return response.end();
      }
      tell(of(request), text);
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"said":true}');
    });
  });
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
  if (guarded) {
    sockets.on("headers", (fields, request) => fields.push(`Set-Cookie: ${cookie(of(request))}; HttpOnly`));
  }
  sockets.on("connection", (socket, request) => {
    const member = of(request);
    // Bytes come back to who said them, and to nobody else.
    socket.on("message", (data, binary) => (binary ? socket.send(data) : tell(member, String(data))));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

// Lets companies of members play their parts, each in turn into the room or all at once; what each heard.
async function play({ origin, companies, joins }) {
  const parts = companies.flatMap(({ members, headers }) =>
    members.map((member) => ({ ...member, origin, headers: { ...headers, "x-member": member.name } })),
  );
  const all = [];
  for (const part of parts) {
    const { opened, over } = attend(part);
    all.push(over);
    if (joins === "in turn") {
      await opened;
    }
  }
  console.log(JSON.stringify(await Promise.all(all)));
}

// Plays a part: its steps are to wait until so much was heard, and then to say or to post something, with its
// password if it has one.
function attend({ origin, name, headers, join, steps, total, token, password }) {
  const query = token ? `as=${name}&access_token=${token}` : `as=${name}`;
  const url = `${origin.replace("http", "ws")}/room?${query}`;
  const cookies = [];
  const heard = [];
  let wake = () => {};
  const until = async (count) => {
    while (heard.length < count) {
      await new Promise((resolve) => (wake = resolve));
    }
  };
  const open = async () => {
    await pause(join);
    const socket = new WebSocket(url, PROTOCOL, { headers });
    socket.once("upgrade", ({ headers: fields }) => {
      cookies.push(...(fields["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]));
    });
    socket.on("message", (data, binary) => {
      heard.push(binary ? [...data] : JSON.parse(data));
      wake();
    });
    await new Promise((resolve) => socket.once("open", resolve));
    return socket;
  };
  const act = async (socket, { say, bytes, post }) => {
    if (say) {
      return socket.send(JSON.stringify({ id: say, password }));
    }
    if (bytes) {
      return socket.send(Buffer.from(bytes));
    }
    const body = JSON.stringify({ id: post, password });
    const fields = cookies.length === 0 ? headers : { ...headers, cookie: cookies.join("; ") };
    const answer = await fetch(`${origin}/say?${query}`, { method: "POST", body, headers: fields });
    if (answer.status !== 200) {
      throw new Error(`${answer.status}: ${await answer.text()}`);
    }
  };
  const opened = open();
  const through = async () => {
    const socket = await opened;
    for (const step of steps) {
      await until(step.after);
      await pause(step.wait);
      await act(socket, step);
    }
    await until(total);
    socket.close(1000, "bye");
    const [code] = await new Promise((resolve) => socket.once("close", (...given) => resolve(given)));
    return { name, protocol: socket.protocol, heard, code, cookies };
  };
  return { opened, over: through() };
}

function pause(wait) {
  return new Promise((resolve) => setTimeout(resolve, wait));
}
