// An agent that uses Faye's client.
//
// Calls carry the cookies that the client has got, as in a page; Faye keeps them for itself, so
// this looks into its dispatcher.

import { request } from "node:http";
import faye from "faye";
import { fail, perform } from "./agent.mjs";

// How many seconds a reply may take. Faye itself allows a fifth more than the server holds a poll,
// which is next to nothing where polls are as short as in tests.
const PATIENCE = 60;

class Patient extends faye.Scheduler {
  getTimeout() {
    return PATIENCE;
  }
}

perform({ join, call });

function join({ endpoint, transport, headers, channels, ext, pause }, ears) {
  const client = new faye.Client(endpoint, { scheduler: Patient });
  if (transport === "polling") {
    client.disable("websocket");
  }
  for (const [name, value] of Object.entries(headers)) {
    if (name === "Cookie") {
      // Its jar would replace a header of this name.
      const { cookies } = client._dispatcher;
      value.split("; ").forEach((cookie) => cookies.setCookieSync(cookie, endpoint));
    } else {
      client.setHeader(name, value);
    }
  }
  client.on("transport:down", () => fail(`${endpoint} cannot be reached any more`));
  client.addExtension({
    outgoing(message, handOn) {
      handOn(ext ? { ...message, ext } : message);
    },
    incoming(message, handOn) {
      // First the client, which may have to act on the reply, then the ears.
      handOn(message);
      if (message.successful !== undefined) {
        ears.reply(message);
      }
    },
  });
  const subscribe = () =>
    channels.forEach((channel) =>
      client.subscribe(channel).withChannel((channel, data) => ears.message(channel, data)),
    );
  if (pause === 0) {
    subscribe();
  } else {
    // It polls meanwhile.
    client.connect(() => setTimeout(subscribe, pause));
  }
  const refused = ({ code, params, message }) => `${code}:${params.join(",")}:${message}`;
  const publish = (channel, data) =>
    client.publish(channel, data).then(
      () => ({ successful: true }),
      (error) => ({ successful: false, error: refused(error) }),
    );
  return { leave: () => client.disconnect(), publish, cookies: () => cookies(client, endpoint) };
}

function cookies(client, endpoint) {
  const jar = client._dispatcher.cookies;
  return jar.getCookiesSync(endpoint).map((cookie) => cookie.cookieString());
}

function call({ method, url, headers, content, client }) {
  const known = client?.cookies() ?? [];
  const fields = known.length === 0 ? headers : { ...headers, Cookie: known.join("; ") };
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers: fields }, (response) => {
      let content = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (content += piece));
      response.on("end", () => resolve({ status: response.statusCode, content }));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(content ?? undefined);
  });
}
