#!/usr/bin/env python3
"""Measures `lluda serve`: the figures of docs/serving.md, a row for each name in --rows.

  benchmarks/serve_figures.py --lluda bazel-bin/cli/lluda --model FOLDER
  benchmarks/serve_figures.py --lluda bazel-bin/cli/lluda --model FOLDER --rows gaps,schema

It starts a server for itself, with the flags behind --, and ends it. Prompts are tokens that no two requests have in
common, and all texts are made of words of ASCII, so that each token is a piece of its own. Rows that `lluda bench` has the
other half of run it as well. Python's standard library only.
"""

import argparse
import json
import os
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
sys.path.insert(0, str(FOLDER.parent / "cli"))
from serve_load import WORDS, quantile  # noqa: E402
from serving import Server  # noqa: E402

COMPLETIONS = "/v1/completions"
# As in OpenAI's guide to structured outputs: an event, steps of a calculation, an interface of nested elements.
SCHEMAS = [
    {"type": "object", "properties": {"name": {"type": "string"}, "date": {"type": "string"},
                                      "participants": {"type": "array", "items": {"type": "string"}}},
     "required": ["name", "date", "participants"], "additionalProperties": False},
    {"type": "object", "properties": {
        "steps": {"type": "array", "items": {
            "type": "object", "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
            "required": ["explanation", "output"], "additionalProperties": False}},
        "final_answer": {"type": "string"}}, "required": ["steps", "final_answer"], "additionalProperties": False},
    {"type": "object", "properties": {
        "type": {"type": "string", "enum": ["div", "button", "header", "section", "field", "form"]},
        "label": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}},
        "attributes": {"type": "array", "items": {
            "type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            "required": ["name", "value"], "additionalProperties": False}}},
     "required": ["type", "label", "children", "attributes"], "additionalProperties": False},
]


class Reader:
    """Reads the pieces of all streams on one thread: a thread for each would take more from the server that is measured."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        threading.Thread(target=self.run, daemon=True).start()

    def add(self, stream):
        self.selector.register(stream.socket, selectors.EVENT_READ, stream)

    def run(self):
        while True:
            ready = self.selector.select(timeout=0.05)  # sees by then which streams have come
            now = time.monotonic()
            for key, _ in ready:
                if key.data.read(now):
                    continue
                self.selector.unregister(key.fileobj)
                key.data.ended.set()


class Stream:
    """A request whose pieces are read by a reader; `times` has when each came."""

    def __init__(self, figures, **fields):
        self.times = []
        self.error = None
        self.rest = b""
        self.ended = threading.Event()
        self.socket = socket.create_connection(("127.0.0.1", figures.server.port))
        content = json.dumps({**figures.words, **fields, "stream": True}).encode()
        self.socket.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                            b"Connection: close\r\n\r\n%s" % (COMPLETIONS.encode(), len(content), content))
        figures.reader.add(self)

    def read(self, now):
        """Takes what has come; whether there may be more."""
        try:
            some = self.socket.recv(65536)
        except OSError:  # it was closed
            return False
        *events, self.rest = (self.rest + some).split(b"\n\n")
        for event in events:
            data = event.partition(b"data: {")[2]
            if b'"text": "' in data and b'"text": ""' not in data:
                self.times.append(now)
            if b'"error"' in data:
                self.error = data.decode()
        return bool(some)

    def wait_for(self, pieces):
        while len(self.times) < pieces:
            if self.ended.is_set():
                raise RuntimeError(self.error or f"a stream ended after {len(self.times)} pieces")
            time.sleep(0.005)

    def wait(self):
        self.ended.wait()
        if self.error:
            raise RuntimeError(self.error)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.ended.wait()
        self.socket.close()


def gaps_of(streams, begin, end):
    gaps = []
    for stream in streams:
        times = [at for at in stream.times if begin <= at <= end]
        gaps += [1000 * (b - a) for a, b in zip(times, times[1:])]
    return gaps


def times_text(values):
    return f"p50 {quantile(values, 0.5):.1f}, p99 {quantile(values, 0.99):.1f}, worst {max(values):.1f} ms"


class Figures:
    def __init__(self, options):
        self.options = options
        self.source = random.Random(1)
        self.server = None
        self.words = {}
        self.reader = Reader()

    # --- asking ---

    def prompt(self, tokens):
        """Tokens that were not asked before."""
        return [self.source.randrange(100, self.vocabulary) for _ in range(tokens)]

    def seconds_of(self, prompt, **fields):
        """Of an answer of one token, from the first byte that is sent."""
        begin = time.monotonic()
        status, answer = self.server.post(COMPLETIONS, {"prompt": prompt, "max_tokens": 1, **fields})
        if status != 200:
            raise RuntimeError(answer)
        return time.monotonic() - begin

    def streams(self, count, tokens=1 << 20, **fields):
        """So many texts that are being written."""
        streams = [Stream(self, prompt=self.prompt(4), max_tokens=tokens, ignore_eos=True, **fields) for _ in range(count)]
        for stream in streams:
            stream.wait_for(2)
        return streams

    def metric(self, name):
        for line in self.server.ask("GET", "/metrics")[2].splitlines():
            if line.startswith(f"lluda:{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    def wait_for_nobody(self):
        begin = time.monotonic()
        while self.metric("num_requests_running") > 0:
            time.sleep(0.001)
        return time.monotonic() - begin

    def close_all(self, streams):
        for stream in streams:
            stream.close()
        self.wait_for_nobody()

    def bench(self, *flags, model=None):
        model = model or self.options.model
        done = subprocess.run([os.environ["lluda"], "bench", *([model] if model else []), "-t", str(self.options.threads), *flags,
                               "--json", "-"], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def compile(self, folder):
        """A bundle of the model, in the folder; the model itself if it is one."""
        if (self.options.model or "").endswith(".llb"):
            return self.options.model
        bundle = os.path.join(folder, "model.llb")
        subprocess.run([os.environ["lluda"], "compile", *([self.options.model] if self.options.model else []),
                        "--ctx", str(self.options.ctx), "-o", bundle],
                       check=True, stderr=subprocess.DEVNULL)
        return bundle

    def rate_of(self, count, tokens, **fields):
        """Tokens a second of so many streams side by side, while all of them are being written."""
        streams = self.streams(count, tokens, **fields)
        begin = max(stream.times[-1] for stream in streams)
        for stream in streams:
            stream.wait()
        end = min(stream.times[-1] for stream in streams)
        return sum(begin < at <= end for stream in streams for at in stream.times) / (end - begin)

    # --- rows ---

    def first(self):
        """the first token of a prompt of 512 tokens, and with 8 streams; bench's prefill"""
        alone = [self.seconds_of(self.prompt(512)) for _ in range(7)]
        streams = self.streams(8)
        beside = [self.seconds_of(self.prompt(512)) for _ in range(7)]
        self.close_all(streams)
        bench = self.bench("--prompt-tokens", "512", "--gen-tokens", "2", "--repeat", "5")
        prefill = bench["first_token_ms"]
        alone, beside = (1000 * statistics.median(values) for values in (alone, beside))
        return (f"first token of 512: {alone:.1f} ms, bench {prefill:.1f} ms; beside 8 streams {beside:.1f} ms, "
                f"{beside / alone:.2f} times as long")

    def gaps(self):
        """between tokens of 8 streams, alone and while prompts of 2048 tokens arrive"""
        streams = self.streams(8)
        begin = time.monotonic()
        time.sleep(5)
        middle = time.monotonic()
        count = 0
        while time.monotonic() < middle + 20:
            self.seconds_of(self.prompt(2048))
            count += 1
        end = time.monotonic()
        quiet, loud = gaps_of(streams, begin, middle), gaps_of(streams, middle, end)
        self.close_all(streams)
        return f"gaps of 8 streams: {times_text(quiet)}; while {count} prompts of 2048 come: {times_text(loud)}"

    def chunks(self):
        """what a prompt loses to the chunks that a text beside it asks for"""
        parts = []
        for depth in (512, 4096):
            beginning = self.prompt(depth)
            self.seconds_of(beginning)
            alone = statistics.median(self.seconds_of(beginning + self.prompt(512)) for _ in range(3))
            streams = self.streams(1)
            rates = []
            for _ in range(3):
                begin = time.monotonic()
                self.seconds_of(beginning + self.prompt(512))
                end = time.monotonic()
                written = sum(begin <= at <= end for at in streams[0].times)
                rates.append((512 + written) / (end - begin))
            self.close_all(streams)
            parts.append(f"depth {depth}: {100 * (1 - statistics.median(rates) * alone / 512):.1f}% "
                         f"({512 / alone:.0f} and {statistics.median(rates):.0f} tokens/s)")
        return "lost to chunks at " + ", ".join(parts)

    def repeat(self):
        """the first token of a prompt of 2048 tokens, and when it comes again"""
        prompts = [self.prompt(2048) for _ in range(3)]
        new = statistics.median(self.seconds_of(prompt) for prompt in prompts)
        again = statistics.median(self.seconds_of(prompt) for prompt in prompts)
        return f"first token of 2048: {1000 * new:.0f} ms, again {1000 * again:.1f} ms, {100 * again / new:.1f}%"

    def schema(self):
        """what a schema costs 8 streams, and until the first token"""
        # A text that nothing ends, so that all streams have as many tokens.
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 500}},
                  "required": ["a"], "additionalProperties": False}
        fields = {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}
        rates = {"free": [], "schema": []}
        for _ in range(3):
            rates["free"].append(self.rate_of(8, 64))
            rates["schema"].append(self.rate_of(8, 64, logit_bias={}, **fields))
        free, bound = (statistics.median(values) for values in rates.values())
        compile_ms = []
        for one in SCHEMAS:
            fields = {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": one}}}
            prompt = self.prompt(4)
            self.seconds_of(prompt)
            without = min(self.seconds_of(prompt) for _ in range(5))
            compile_ms.append(1000 * (min(self.seconds_of(prompt, **fields) for _ in range(5)) - without))
        return (f"8 streams: {free:.1f} tokens/s, with a schema {bound:.1f}, {100 * (1 - bound / free):.1f}% less; "
                f"a schema delays the first token by {', '.join(f'{ms:.1f}' for ms in compile_ms)} ms")

    def connections(self):
        """memory of an idle connection"""
        before = self.settled()
        clients = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(1000)]
        self.server.ask("GET", "/health")
        one = (self.server.resident() - before) / 1000
        for client in clients:
            client.close()
        return f"an idle connection has {one / 1024:.1f} KiB"

    def waiting(self):
        """memory of a stream beside keys and values: of those that wait for a place, 400 beside 200"""
        streams, held = [], []
        for _ in range(2):
            streams += [Stream(self, prompt=self.prompt(4), max_tokens=self.options.ctx, ignore_eos=True) for _ in range(200)]
            streams[0].wait_for(20 * len(streams) // 100)
            held.append(self.settled())
        self.close_all(streams)
        return f"a stream that waits has {(held[1] - held[0]) / 200 / 1024:.1f} KiB"

    def settled(self):
        """The server's memory, once it has stayed the same for a second: what its start took is given back behind it."""
        held = [self.server.resident()]
        while len(held) < 5 or (max(held[-5:]) - min(held[-5:]) > 65536 and len(held) < 80):
            time.sleep(0.25)
            held.append(self.server.resident())
        return held[-1]

    def disconnect(self):
        """from a closed connection to its pages being free"""
        seconds = []
        for _ in range(5):
            streams = self.streams(1)
            streams[0].close()
            seconds.append(self.wait_for_nobody())
        return f"from a closed connection to nobody running: median {1000 * statistics.median(seconds):.1f}, worst {1000 * max(seconds):.1f} ms"

    def overhead(self):
        """8 streams over HTTP, and without it"""
        # Both as near in time as can be: a machine is not as fast at all times.
        served = [self.rate_of(8, 64, temperature=0) for _ in range(3)]
        bench = self.bench("--streams", "8", "--prompt-tokens", "12", "--gen-tokens", "64", "--repeat", "1")
        served += [self.rate_of(8, 64, temperature=0) for _ in range(3)]
        over, without = statistics.median(served), bench["streams"][0]["tokens_per_s"]
        return f"8 streams: {over:.1f} tokens/s over HTTP, {without:.1f} without: {100 * (1 - over / without):.1f}% less"

    def table(self):
        """what the table of pages costs one text: a bundle, which has pages, and a folder's slots in turns"""
        depth = min(4096, self.options.ctx - 64)
        rates = {"slots": [], "pages": []}
        with tempfile.TemporaryDirectory() as folder:
            bundle = self.compile(folder)
            for _ in range(2):
                for name, model in [("slots", None), ("pages", bundle)]:
                    bench = self.bench("--prompt-tokens", "512", "--gen-tokens", "16", "--depth", str(depth), "--repeat", "3", model=model)
                    rates[name].append((bench["prefill"]["tokens_per_s"], bench["decode"]["tokens_per_s"]))
        slots, pages = ([statistics.median(values) for values in zip(*rates[name])] for name in ("slots", "pages"))
        return (f"a prompt of 512: {slots[0]:.0f} tokens/s with slots, {pages[0]:.0f} with pages, {100 * (1 - pages[0] / slots[0]):.1f}% less; "
                f"a text at depth {depth}: {slots[1]:.1f}, {pages[1]:.1f}, {100 * (1 - pages[1] / slots[1]):.1f}% less")

    def start(self):
        """a bundle, from its start to the answer of /health, with the compiler and without"""
        program = os.environ["lluda"]
        beside = os.path.join(os.path.dirname(program), "lluda-serve")
        parts = []
        with tempfile.TemporaryDirectory() as folder:
            bundle = self.compile(folder)
            for name, command in [("lluda serve", [program, "serve", bundle]), ("lluda-serve", [beside, bundle])]:
                if not os.path.exists(command[0]):
                    continue
                seconds = []
                for _ in range(7):
                    begin = time.monotonic()
                    with Server("--log", "off", "--ctx", "512", "--max-sequences", "1", command=command) as server:
                        if server.ask("GET", "/health")[0] != 200:
                            raise RuntimeError("no health")
                        seconds.append(time.monotonic() - begin)
                        server.end()
                parts.append(f"{name} {1000 * statistics.median(seconds):.0f} ms, {1000 * min(seconds):.0f} to {1000 * max(seconds):.0f}")
        return f"a bundle's start to /health, a cache of one context of 512: {'; '.join(parts)}"

    def run(self):
        os.environ["lluda"] = self.options.lluda
        flags = ["--log", "off", "--max-sequences", "9", "--ctx", str(self.options.ctx), "-t", str(self.options.threads)]
        for name in self.options.rows:
            with Server(*flags, *self.options.flags, model=self.options.model) as self.server:
                self.vocabulary = self.options.vocabulary
                tokens = {}
                for word in WORDS:
                    ids = self.server.post("/tokenize", {"content": " " + word})[1]["tokens"]
                    if len(ids) == 1:
                        tokens[str(ids[0])] = 100
                self.words = {"logit_bias": tokens}
                self.seconds_of(self.prompt(64))
                print(f"{name}: {getattr(self, name)()}", flush=True)
                self.server.end()


ROWS = ["first", "gaps", "chunks", "repeat", "schema", "connections", "waiting", "disconnect", "overhead", "table", "start"]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__ + "\n" + "\n".join(f"  {row}: {getattr(Figures, row).__doc__}" for row in ROWS),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lluda", default=os.environ.get("lluda"), help="the program; default: $lluda")
    parser.add_argument("--model", help="default: lluda's, which is too small for some rows")
    parser.add_argument("--vocabulary", type=int, default=150000, help="prompts have tokens below it")
    parser.add_argument("--ctx", type=int, default=6144, help="the server's context")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=lambda text: text.split(","), default=ROWS, help=",".join(ROWS))
    parser.add_argument("flags", nargs="*", help="of the server")
    options = parser.parse_args(arguments)
    if not options.lluda:
        parser.error("--lluda is missing")
    for row in options.rows:
        if row not in ROWS:
            parser.error(f"--rows has '{row}'; there are {', '.join(ROWS)}")
    return options


if __name__ == "__main__":
    Figures(parse(sys.argv[1:])).run()
