// A service with a page that does in a browser what pages do.
//
// What came of that the page sends to the origin that its fragment names, which the service never
// sees: so it tells the same wherever it was loaded from. All its own addresses are relative. The
// service's stdout is the port that it listens on.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import cometd from "cometd-nodejs-server";
import faye from "faye";

const library = dirname(createRequire(import.meta.url).resolve("cometd/package.json"));
const bayeux = cometd.createCometDServer({ timeout: 500 });
// npm's server has no callback polling; Faye's has.
const jsonp = new faye.NodeAdapter({ mount: "/faye", timeout: 1 });

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>a page</title>
<link rel="icon" href="data:,">
<script type="module">
import { CometD } from "./lib/cometd.js";

const told = {};

async function requests() {
  const echo = await fetch("echo?a=b", { method: "POST", body: "ein Größenwert" });
  told.fetch = [echo.status, await echo.text()];
  const form = new URLSearchParams({ user: "ann" });
  const login = await fetch("login", { method: "POST", body: form });
  told.login = [login.redirected, new URL(login.url).pathname, await login.text()];
  told.xhr = await new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", "echo");
    request.setRequestHeader("Content-Type", "application/json");
    request.onload = () => resolve([request.status, request.responseText]);
    request.onerror = reject;
    request.send('{"n":1392308459000}');
  });
}

// Hears by one transport what it has asked for, and then its own messages.
function converse(name, transport) {
  return new Promise((resolve, reject) => {
    const client = new CometD();
    for (const name of client.getTransportTypes()) {
      if (name !== transport) {
        client.unregisterTransport(name);
      }
    }
    client.configure({ url: new URL(name, location).href, logLevel: "warn" });
    const heard = [];
    client.handshake((reply) => {
      if (!reply.successful) {
        return reject(new Error(JSON.stringify(reply)));
      }
      const hear = ({ data }) => {
        heard.push(data.n ?? data);
        if (heard.length === 1) {
          for (let n = 1; n <= 5; n += 1) {
            client.publish("/n/count", { n });
          }
        } else if (heard.length === 6) {
          const used = client.getTransport().type;
          client.disconnect(() => resolve([used, ...heard]));
        }
      };
      const ring = { method: "POST", body: JSON.stringify({ operationName: "Ring" }) };
      client.subscribe("/n/*", hear, () => fetch("ring/" + name, ring).catch(reject));
    });
  });
}

try {
  await requests();
  told.polling = await converse("cometd", "long-polling");
  told.callback = await converse("faye", "callback-polling");
} catch (error) {
  told.error = String(error);
}
await fetch(location.hash.slice(1), { method: "POST", mode: "no-cors", body: JSON.stringify(told) });
</script>
`;

// Notifies whoever listens at an endpoint.
const ring = {
  "/ring/cometd": () => bayeux.createServerChannel("/n/ring").publish(null, { by: "cometd" }),
  "/ring/faye": () => jsonp.getClient().publish("/n/ring", { by: "faye" }),
};

function serve(request, response, text) {
  const { method } = request;
  const { pathname } = new URL(request.url, "http://localhost");
  const answer = (status, fields, content) => response.writeHead(status, fields).end(content);
  switch (pathname) {
    case "/":
      return answer(200, { "Content-Type": "text/html" }, PAGE);
    case "/echo":
      return answer(200, { "Content-Type": "text/plain;charset=utf-8" }, `${method} ${text}`);
    case "/login":
      return answer(302, { "Set-Cookie": `LOGIN=of-${text.split("=")[1]}; HttpOnly`, Location: "/home" });
    case "/home":
      return answer(200, {}, /LOGIN=[^;]*/.exec(request.headers.cookie)?.[0] ?? "nobody");
    case "/ring/cometd":
    case "/ring/faye":
      ring[pathname]();
      return answer(204, {});
    default:
      return answer(404, {});
  }
}

const server = createServer();
// Before Faye, which then takes what is its own from this handler.
server.on("request", (request, response) => {
  if (request.url.startsWith("/cometd")) {
    return bayeux.handle(request, response);
  }
  if (request.url.startsWith("/lib/")) {
    response.setHeader("Content-Type", "text/javascript");
    return createReadStream(join(library, request.url.slice("/lib/".length))).pipe(response);
  }
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (text += piece));
  request.on("end", () => serve(request, response, text));
});
jsonp.attach(server);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
