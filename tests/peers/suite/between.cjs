// Puts `antiphon record` in front of every server that a program listens with.
//
// To be required before the program. The server listens elsewhere, and says that its address is the
// recorder's; so whoever asks it for its address talks to the recorder. The program is told where
// the recorder is by ANTIPHON, and the tapes are written to the folder TAPES.

"use strict";

const { spawn } = require("node:child_process");
const { Server } = require("node:http");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

const { listen, address, close } = Server.prototype;
let tapes = 0;

// Ends the whole run: a test of the program might take a missing recorder for its own business.
function fail(words) {
  process.stderr.write(`${words}\n`);
  process.exit(70);
}

function record(server, ready) {
  const { port } = address.call(server);
  tapes += 1;
  const upstream = `http://localhost:${port}`;
  const tape = join(process.env.TAPES, `${tapes}.tape`);
  const recorder = spawn(
    process.env.ANTIPHON,
    ["record", "--upstream", upstream, "--listen", "127.0.0.1:0", "--output", tape],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  recorder.on("error", (error) => fail(`the recorder cannot be started: ${error}`));
  recorder.on("exit", (code) => server.recorder && fail(`the recorder has ended with ${code}`));
  createInterface({ input: recorder.stdout }).once("line", (line) => {
    server.recorder = recorder;
    server.shown = { address: "127.0.0.1", family: "IPv4", port: Number(line.split(":").at(-1)) };
    ready();
  });
}

Server.prototype.listen = function (...given) {
  const ready = given.pop();
  return listen.call(this, ...given, () => record(this, () => ready.call(this)));
};

Server.prototype.address = function () {
  return this.shown ?? address.call(this);
};

Server.prototype.close = function (...given) {
  const { recorder } = this;
  this.recorder = null;
  recorder?.kill("SIGTERM");
  return close.apply(this, given);
};
