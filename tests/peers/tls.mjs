// Says the same to a service over TLS by fetch, by node:https and by node:http2, as a client does
// that knows nothing but the origin. Its stdout: what came back, each a line.

import { connect } from "node:http2";
import { request } from "node:https";

const [origin] = process.argv.slice(2);
const body = "ein Größenwert";

const fetched = await fetch(`${origin}/echo`, { method: "POST", body });
console.log(`fetch ${fetched.status} ${await fetched.text()}`);

console.log(
  await new Promise((resolve, reject) => {
    const outgoing = request(`${origin}/echo`, { method: "POST" }, async (response) => {
      response.setEncoding("utf8");
      const pieces = await response.toArray();
      resolve(`https ${response.statusCode} ${pieces.join("")}`);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  }),
);

const session = connect(origin);
console.log(
  await new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": "/echo" });
    let status;
    let text = "";
    stream.setEncoding("utf8");
    stream.on("response", (head) => (status = head[":status"]));
    stream.on("data", (piece) => (text += piece));
    stream.on("end", () => resolve(`${session.alpnProtocol} ${status} ${text}`));
    stream.on("error", reject);
    stream.end(body);
  }),
);
session.close();
