"""serve_load.py against servers that are a few lines: what it asks them, and what it makes of the answers."""

import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve_load.py")


class FakeServer(socketserver.ThreadingTCPServer):
    """Answers every request with `pieces(body, number of the request)`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, pieces, chunked=True, status="200 OK"):
        self.pieces, self.chunked, self.status = pieces, chunked, status
        self.bodies, self.lock = [], threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, name):
        return f"{name}=http://127.0.0.1:{self.server_address[1]}"


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        length = 0
        self.head = []
        while (line := self.rfile.readline().strip()) != b"":
            self.head.append(line.decode())
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = json.loads(self.rfile.read(length))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            number = len(server.bodies)
        self.wfile.write(f"HTTP/1.1 {server.status}\r\n".encode())
        self.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n" if server.chunked else b"\r\n")
        if server.status != "200 OK":
            self.send(json.dumps({"error": {"message": "no"}}).encode())
            return
        pieces = server.pieces(body, number)
        for piece in pieces:
            self.event({"choices": [{"index": 0, "text": piece}], "usage": None})
        self.event({"choices": [], "usage": {"completion_tokens": 10 * len(pieces)}})
        self.send(b"data: [DONE]\n\n")

    def event(self, event):
        data = f"data: {json.dumps(event)}\n\n".encode()
        # In two, so that a line's parts come at different times.
        self.send(data[:9])
        self.send(data[9:])

    def send(self, data):
        if self.server.chunked:
            data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        self.wfile.write(data)
        self.wfile.flush()


def run(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.json")
        done = subprocess.run(
            [sys.executable, SCRIPT, *arguments, "--json", path],
            capture_output=True,
            text=True,
            check=False,
        )
        results = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                results = json.load(file)["results"]
    return done, results


def of_prompt(body, _number):
    return [body["prompt"][:5], " é", " end"]


class ServeLoadTest(unittest.TestCase):
    def test_answers_that_depend_on_the_request_alone_are_equal(self):
        for chunked in (True, False):
            server = FakeServer(of_prompt, chunked)
            done, results = run("--server", server.url("a"), "--streams", "3", "--seconds", "0.3")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(results[0]["errors"], [])
            self.assertEqual(results[0]["alone"]["equal"], 8)
            self.assertEqual(results[0]["alone"]["checked"], 8)
            requests = results[0]["requests"]
            self.assertEqual(len(server.bodies), requests + 8)
            rate = results[0]["tokens_per_s"] * results[0]["seconds"]
            self.assertAlmostEqual(rate, 30 * requests, places=3)
            for part in ("first_token_ms", "gap_ms"):
                times = results[0][part]
                self.assertLessEqual(times["p50"], times["p99"])
                self.assertLessEqual(times["p99"], times["worst"])

    def test_answers_that_depend_on_something_else_are_found(self):
        server = FakeServer(lambda body, number: ["text", str(number)])
        _, results = run("--server", server.url("a"), "--streams", "2", "--seconds", "0.2")
        self.assertEqual(results[0]["alone"]["equal"], 0)
        self.assertEqual(len(results[0]["alone"]["other"]), 8)

    def test_all_servers_of_a_round_are_asked_the_same(self):
        servers = [FakeServer(of_prompt), FakeServer(of_prompt)]
        _, results = run(
            *("--server", servers[0].url("a"), "--server", servers[1].url("b")),
            *("--rate", "40", "--seconds", "0.5", "--rounds", "2", "--check", "0"),
        )
        self.assertEqual([(r["round"], r["server"]) for r in results], [(1, "a"), (1, "b"), (2, "a"), (2, "b")])
        by_text = [sorted(json.dumps(body) for body in server.bodies) for server in servers]
        self.assertEqual(by_text[0], by_text[1])
        self.assertGreater(len(set(by_text[0])), 10)
        body = servers[0].bodies[0]
        self.assertTrue(body["stream"])
        self.assertIn("seed", body)

    def test_lengths_are_within_what_is_asked_for(self):
        server = FakeServer(of_prompt)
        run(
            *("--server", server.url("a"), "--streams", "2", "--seconds", "0.2", "--model", "m"),
            *("--prompt-words", "3:5", "--answer-tokens", "7", "--check", "0"),
        )
        for body in server.bodies:
            self.assertIn(len(body["prompt"].split()), (3, 4, 5))
            self.assertEqual(body["max_tokens"], 7)
            self.assertEqual(body["model"], "m")

    def test_errors_are_counted_and_shown(self):
        server = FakeServer(of_prompt, status="429 Too Many Requests")
        done, results = run(
            "--server", server.url("a"), "--rate", "30", "--seconds", "0.3", "--check", "0"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(results[0]["errors"]), results[0]["requests"])
        self.assertIn('{"error"', done.stdout)

    def test_a_server_that_is_not_there_is_named(self):
        done, _ = run("--server", "gone=http://127.0.0.1:1", "--seconds", "0.1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("serve_load.py: gone: ", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_bad_arguments_are_refused(self):
        for arguments in (["--server", "x"], ["--server", "a=ftp://h"], ["--server", "a=http://h", "--streams", "0"],
                          ["--server", "a=http://h", "--prompt-words", "5:2"]):
            done, _ = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
