#!/usr/bin/env python3
"""Mixed load on `antiphon record` for as long as is asked for; memory and open files must not grow.

    tests/bench/soak.py target/release/antiphon SECONDS

Operations, streams, long polls, large bodies, clients that break off and slow ones, at some 60 requests a second.
After a tenth of the time the process is taken for warm. Exits with 1 where its memory (at the end of the run, in
the median of the last tenth) is more than 32 MiB above that, or its open files more than 20.
"""

import http.client
import http.server
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

WORKERS = 12
PAUSE = 0.2  # seconds between the requests of one worker
MOST_MEMORY = 32 * 1024  # KiB
MOST_FILES = 20


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def whole(self, content, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        if self.path.startswith("/events"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for number in range(5):
                self.wfile.write(b"data: {\"n\": %d}\n\n" % number)
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
        elif self.path.startswith("/poll"):
            time.sleep(2)
            self.whole(b"[]")
        elif self.path.startswith("/large"):
            self.whole(b"x" * (8 << 20), "application/octet-stream")
        else:
            self.whole(json.dumps({"id": random.getrandbits(64), "path": self.path}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.whole(json.dumps({"id": random.getrandbits(64)}).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # clients that break off are part of the load


def ask(address, method, path, content=None):
    connection = http.client.HTTPConnection(*address, timeout=30)
    cookie = {"Cookie": "SID=%016x" % random.getrandbits(10)}
    connection.request(method, path, content, cookie)
    connection.getresponse().read()
    connection.close()


def break_off(address):
    with socket.create_connection(address) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1024)


def half(address):
    with socket.create_connection(address) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        time.sleep(1)


def work(address, end, counts):
    kinds = [
        (60, lambda: ask(address, "GET", "/thing/%d" % random.getrandbits(20))),
        (30, lambda: ask(address, "POST", "/things", json.dumps({"ref": random.getrandbits(64)}))),
        (3, lambda: ask(address, "GET", "/events")),
        (2, lambda: ask(address, "GET", "/poll")),
        (1, lambda: ask(address, "GET", "/large")),
        (2, lambda: break_off(address)),
        (2, lambda: half(address)),
    ]
    weights = [weight for weight, _ in kinds]
    while time.monotonic() < end:
        try:
            random.choices(kinds, weights)[0][1]()
            counts["done"] += 1
        except OSError as error:
            counts["failed"] += 1
            print("a request failed:", error)
        time.sleep(PAUSE)


def sample(process):
    with open(f"/proc/{process.pid}/status") as status:
        memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return memory, len(os.listdir(f"/proc/{process.pid}/fd"))


def main():
    binary, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2])
    service = Server(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        upstream = "http://127.0.0.1:%d" % service.server_port
        command = [binary, "record", "--upstream", upstream, "--listen", "127.0.0.1:0"]
        command += ["-o", folder + "/soak.tape", "--max-body", "4096"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        host, port = process.stdout.readline().split("//")[1].strip().split(":")
        begin = time.monotonic()
        end = begin + seconds
        counts = {"done": 0, "failed": 0}
        arguments = ((host, int(port)), end, counts)
        workers = [threading.Thread(target=work, args=arguments) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        samples = []
        while time.monotonic() < end:
            time.sleep(seconds / 100)
            samples.append(sample(process))
        for worker in workers:
            worker.join()
        size = os.path.getsize(folder + "/soak.tape")
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    tenth = max(len(samples) // 10, 1)
    warm, last = samples[tenth : 2 * tenth], samples[-tenth:]
    middle = lambda part, of: statistics.median(values[of] for values in part)
    memory = middle(last, 0) - middle(warm, 0)
    files = middle(last, 1) - middle(warm, 1)
    print(f"{counts['done']} requests, {counts['failed']} failed, {size} bytes of tape, exit code {code}")
    print(f"memory: {middle(warm, 0):.0f} KiB warm, {memory:+.0f} KiB; open files: {middle(warm, 1):.0f} warm, {files:+.0f}")
    sound = code == 0 and counts["failed"] == 0 and memory < MOST_MEMORY and files < MOST_FILES
    sys.exit(0 if sound else 1)


main()
