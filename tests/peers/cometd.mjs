// How an agent uses cometd.js, of whichever version: the API is the same.
//
// Calls go through the XMLHttpRequest that the library's adapter provides, as in a page: they
// carry the cookies of the handshake.

import { WebSocket } from "ws";
import { fail } from "./agent.mjs";

// Where the library announces replies; on `/meta/*` it would announce the unsuccessful ones twice.
const REPLIES = ["/meta/handshake", "/meta/connect", "/meta/subscribe", "/meta/disconnect"];

// What each choice of transports leaves out. `any` begins with a WebSocket and goes on with what works.
const UNWANTED = {
  polling: ["websocket"],
  socket: ["long-polling", "callback-polling"],
  any: [],
};

// An agent's library, made of a version's classes and its adapter to Node.
export function cometd(CometD, AckExtension, adapter) {
  adapter.adapt();
  const join = (settings, ears) => {
    // Before there is a client: it looks whether there are sockets.
    dress(settings.headers);
    const client = new CometD();
    if (settings.acknowledge) {
      acknowledge(client, new AckExtension());
    }
    return start(client, settings, ears);
  };
  return { join, call };
}

function acknowledge(cometd, extension) {
  cometd.registerExtension("ack", extension);
  cometd.addListener("/meta/handshake", (reply) => {
    if (reply.ext?.ack !== true) {
      fail(`acknowledgements were not granted: ${JSON.stringify(reply)}`);
    }
  });
}

// Lets sockets carry the header fields that requests do, as they carry the cookies in a page.
function dress(headers) {
  window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols ?? [], { headers });
    }
  };
}

function start(cometd, { endpoint, transport, headers, channels, ext, pause }, ears) {
  // Another transport would hide how this one fares.
  UNWANTED[transport].forEach((name) => cometd.unregisterTransport(name));
  cometd.configure({ url: endpoint, requestHeaders: headers, logLevel: "warn" });
  if (ext) {
    const outgoing = (message) => ({ ...message, ext: { ...message.ext, ...ext } });
    cometd.registerExtension("shows", { outgoing });
  }
  cometd.onListenerException = (error) => fail(`${error.stack}`);
  const hear = (message) => ears.message(message.channel, message.data);
  // What a service sends on such a channel nobody subscribes to. Replies to a publish bring no data.
  cometd.addListener("/service/*", (message) => message.data !== undefined && hear(message));
  const subscribe = () =>
    cometd.batch(() => channels.forEach((channel) => cometd.subscribe(channel, hear)));
  // After every handshake, also one that the server has asked for: it forgot the subscriptions.
  cometd.addListener("/meta/handshake", (reply) => {
    if (reply.successful && pause === 0) {
      subscribe();
    } else if (reply.successful) {
      setTimeout(subscribe, pause);
    }
  });
  for (const channel of REPLIES) {
    cometd.addListener(channel, (reply) => {
      // A socket that cannot be had is no reply, and the library goes on with another transport.
      if (transport !== "any" || !reply.failure) {
        ears.reply(reply);
      }
    });
  }
  cometd.handshake();
  const answer = ({ successful, error, ext }) => ({ successful, error, ext });
  const publish = (channel, data) =>
    new Promise((resolve) => cometd.publish(channel, data, (reply) => resolve(answer(reply))));
  return { leave: () => cometd.disconnect(), publish };
}

function call({ method, url, headers, content }) {
  return new Promise((resolve, reject) => {
    const request = new window.XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      request.setRequestHeader(name, value);
    }
    request.onload = () => resolve({ status: request.status, content: request.responseText });
    request.onerror = () => reject(new Error(request.statusText));
    request.send(content);
  });
}
