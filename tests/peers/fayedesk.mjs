// Faye's server in the place of npm's CometD server, for the desk: it lets clients in as it is told, and
// delivers to one client alone. Faye itself only knows channels, so this puts messages in the
// queues of its engine.

import Faye from "faye";

class Session {
  #engine;
  #removed = [];

  constructor(engine, id) {
    this.#engine = engine;
    this.id = id;
  }

  addListener(event, listener) {
    this.#removed.push(listener);
  }

  remove() {
    this.#removed.forEach((listener) => listener());
  }

  deliver(_, channel, data) {
    const queues = this.#engine._messages;
    const before = queues.get(this.id) ?? [];
    queues.set(this.id, [...before, { channel, data }]);
    this.#engine.emptyQueue(this.id);
  }
}

// What the desk needs of a Bayeux server with these times, at this path.
export function faye({ timeout }, mount) {
  const server = new Faye.NodeAdapter({ mount, timeout: timeout / 1_000 });
  const engine = server._server._engine._engine;
  const sessions = new Map(); // by the client's identifier
  const shown = new WeakMap(); // what a handshake has in its "ext", by its request
  const bayeux = {
    policy: null,
    context: { request: null },
    handle: (request, response) => server.handle(request, response),
    upgrade: (request, socket, head) => server.handleUpgrade(request, socket, head),
  };
  // When Faye has taken the handshake, whose reply has the identifier.
  const admit = (message, request, handOn) => {
    const session = new Session(engine, message.clientId);
    bayeux.context.request = request;
    const ext = shown.get(request);
    bayeux.policy.canHandshake(session, { ext, reply: message }, (_, granted) => {
      if (granted) {
        sessions.set(session.id, session);
        return handOn(message);
      }
      engine.destroyClient(session.id);
      const { clientId, ...reply } = message;
      handOn({ ...reply, successful: false, error: "403::handshake denied" });
    });
  };
  server.addExtension({
    // What is marked so nobody may say.
    incoming(message, request, handOn) {
      if (message.channel === "/meta/handshake") {
        shown.set(request, message.ext);
      }
      const refused = message.data?.forbidden === true;
      handOn(refused ? { ...message, error: "403:chats:not so loud" } : message);
    },
    outgoing(message, request, handOn) {
      if (message.error?.startsWith("403:chats")) {
        return handOn({ ...message, ext: { rule: 7 } });
      }
      if (message.channel === "/meta/handshake" && message.successful) {
        return admit(message, request, handOn);
      }
      handOn(message);
    },
  });
  server.on("disconnect", (id) => {
    sessions.get(id)?.remove();
    sessions.delete(id);
  });
  return bayeux;
}
