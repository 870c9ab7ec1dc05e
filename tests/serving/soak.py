#!/usr/bin/env python3
"""Keeps `lluda serve` busy, ends and starts it in between, and holds each answer against the one that the same request
gets alone.

  tests/serving/soak.py --lluda bazel-bin/cli/lluda --chat --requests 300 --streams 64 --seconds 3600 --restart-seconds 3600

First the requests, --requests of them, are asked one after the other, with nothing else running. Then --streams clients
ask them over and over, of a server whose --kv-memory holds few of them: prompts arrive while others are written, pages run
out, some clients leave and some stop reading for a while. Each --restart-seconds the server gets SIGTERM and is started
again. An answer must be the lone one's bytes but for id and created; of a stream that ends early, by its client or by a
restart, each choice's events must be those that the lone one begins with. With --chat there are conversations, tools and
schemas among the requests; the model is then the default one with a chat template, unless --model names another. The last
lines are the requests by how they ended, the faults, and the memory of each server after its first minute and before its
end. Python's standard library only; exit code 1 if there were faults.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "cli"))
from serving import Server, make_chatty  # noqa: E402

BEGINNINGS = [
    "Once upon a time there was a little girl called Anna, who had a red ball. Every day she ",
    "Once upon a time there was a little boy called Tom. He ",
    "The fox and the bear were friends. One day ",
    "Lily went to the park with her mom. She saw ",
]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 1, "maximum": 99}},
          "required": ["name", "age"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 10}}, "required": ["city"], "additionalProperties": False}}}
# Of a server that is started again before a client gives up.
START_SECONDS = 600


def make_request(number, chat):
    """Path and body of a request, by its number."""
    source = random.Random(number)
    text = "".join(source.choices(BEGINNINGS, k=source.choice([1, 1, 2, 3, 40])))
    body = {"max_tokens": source.randint(5, 120), "seed": source.randrange(1 << 40), "temperature": source.choice([0, 0.7, 1.3]),
            "stream": source.random() < 0.7}
    body.update(source.choice([{}, {}, {"n": 3}, {"stop": [".", "ball"]}, {"top_k": 40, "top_p": 0.9}, {"frequency_penalty": 0.5},
                               {"ignore_eos": True, "max_tokens": 400}, {"prompt_cache_key": "other"},
                               {"structured_outputs": {"regex": "[a-z ]{10,60}[.!]"}}]))
    if chat and number % 2:
        body["messages"] = [{"role": "user", "content": text}]
        body.update(source.choice([{}, {"logprobs": True, "top_logprobs": 2}, {"tools": [TOOL], "tool_choice": "required"},
                                   {"reasoning_effort": "none"}]))
        if "tools" in body:
            body.pop("structured_outputs", None)
        return "/v1/chat/completions", body
    body["prompt"] = text
    extra = source.choice([{}, {"logprobs": 1}, {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": SCHEMA}}}])
    if not ("response_format" in extra and "structured_outputs" in body):
        body.update(extra)
    return "/v1/completions", body


def request_bytes(path, body):
    content = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n").encode() + content


def dechunk(data):
    """The body, as far as it came."""
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        size = int(line or b"0", 16) if end else 0
        if size == 0:
            return body
        body += data[:size]
        data = data[size + 2:]


def strip(text):
    """What has to be the same."""
    return re.sub(r'"(id": "(chat)?cmpl-[^"]*|created": \d+)', "", text)


class Answer:
    """Of the bytes that came: status, whether it is whole, and for each choice its events."""

    def __init__(self, data):
        head, _, body = data.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1]) if head.count(b" ") >= 2 else None
        if b"transfer-encoding: chunked" in head.lower():
            body = dechunk(body)
        self.text = body.decode("utf-8", "replace")
        self.whole = False
        self.choices = {}
        self.error = None
        if self.status == 200 and b"text/event-stream" in head:
            for event in self.text.split("\n\n")[:-1]:
                self.add(event)
        elif self.status == 200:
            self.whole = self.text.endswith("}") and b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
            # Cut in pieces where names begin, so that a part has the first of them.
            self.choices = {None: re.split('(?=, ")', strip(self.text))}
            if not self.whole:
                self.choices[None].pop()
        elif self.status is not None:
            self.error = json.loads(self.text)["error"]["code"]

    def add(self, event):
        if event.startswith(":"):
            return
        data = event.removeprefix("data: ")
        if data == "[DONE]":
            self.whole = True
            return
        parsed = json.loads(data)
        if "error" in parsed:
            self.error = parsed["error"]["code"]
            return
        index = parsed["choices"][0]["index"] if parsed["choices"] else None
        self.choices.setdefault(index, []).append(strip(data))

    def is_beginning_of(self, other):
        return all(events == other.choices.get(index, [])[:len(events)] for index, events in self.choices.items())


async def ask(port, request, leave_after=None, rest=0):
    """All bytes of the answer, or those until the client left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        data = b""
        while True:
            some = await reader.read(65536)
            data += some
            if not some or (leave_after is not None and len(data) >= leave_after):
                return data
            if rest:
                await asyncio.sleep(rest)
                rest = 0
    finally:
        writer.transport.abort()


class Soak:
    def __init__(self, options):
        self.options = options
        self.requests = [make_request(number, options.chat) for number in range(options.requests)]
        self.bytes = [request_bytes(*request) for request in self.requests]
        self.alone = []
        self.server = None
        self.is_up = asyncio.Event()
        self.counts = dict.fromkeys(["requests", "equal", "left early", "cut by a restart", "refused at a restart", "DIFFERENT", "ERRORS"], 0)
        self.tokens = self.preemptions = self.hits = 0
        self.memory = []  # of each server: just after its first minute and just before its end
        self.faults = []

    def start(self, *flags):
        self.server = Server("--log", "off", "--max-sequences", str(self.options.streams), *flags, model=self.options.model)
        self.is_up.set()

    async def end(self):
        """Its exit code, a minute at most after SIGTERM."""
        self.is_up.clear()
        code = await asyncio.get_running_loop().run_in_executor(None, self.server.end, signal.SIGTERM)
        if code != 0:
            self.fault("ERRORS", f"the server's exit code is {code}: {''.join(self.server.log[-5:])}")

    def fault(self, kind, text):
        self.counts[kind] += 1
        self.faults.append(text)
        print(f"{kind}: {text}", flush=True)

    async def ask_all_alone(self):
        self.start("--step-ms", "1000")
        for number, request in enumerate(self.bytes):
            answer = Answer(await ask(self.server.port, request))
            if answer.status != 200 or not answer.whole:
                raise SystemExit(f"request {number} alone: {answer.status}: {answer.text[:300]}\n{self.requests[number]}")
            self.alone.append(answer)
        await self.end()

    def judge(self, number, data, left, server):
        answer, alone = Answer(data), self.alone[number]
        same = answer.is_beginning_of(alone)
        restarts = server is not self.server or not self.is_up.is_set()
        if answer.status == 200 and not same:
            self.fault("DIFFERENT", f"request {number}: {self.requests[number]}\n  {answer.text[:1500]}\n  alone: {alone.text[:1500]}")
        elif answer.whole:
            kind = "equal" if answer.choices == alone.choices else "DIFFERENT"
            if kind == "equal":
                self.counts[kind] += 1
            else:
                self.fault(kind, f"request {number} ends early: {self.requests[number]}")
        elif left and answer.error is None:
            self.counts["left early"] += 1
        elif restarts and answer.error in (None, "draining"):
            self.counts["cut by a restart" if answer.status == 200 else "refused at a restart"] += 1
        else:
            self.fault("ERRORS", f"request {number}: {answer.status} {answer.error} {answer.text[-300:]!r}")

    async def client(self, index, until):
        source = random.Random(f"client {index}")
        while time.monotonic() < until:
            await asyncio.wait_for(self.is_up.wait(), START_SECONDS)
            number = source.randrange(len(self.requests))
            manner = source.random()
            leave = source.choice([0, 1, 500, 3000]) if manner < 0.12 else None
            server = self.server
            self.counts["requests"] += 1
            try:
                data = await ask(server.port, self.bytes[number], leave, source.uniform(0.1, 2) if manner > 0.93 else 0)
            except OSError as error:
                if server is self.server and self.is_up.is_set():
                    self.fault("ERRORS", f"request {number}: {error}")
                else:
                    self.counts["refused at a restart"] += 1
                await asyncio.sleep(0.05)
                continue
            self.judge(number, data, leave is not None, server)
            await asyncio.sleep(source.choice([0, 0, 0.01, 0.2]))

    def read_metrics(self):
        text = self.server.ask("GET", "/metrics")[2]

        def value(name):
            return int(float(re.search(rf"^lluda:{name} (\S+)$", text, re.M).group(1)))

        self.tokens += value("generation_tokens_total")
        self.preemptions += value("num_preemptions_total")
        self.hits += value("prefix_cache_hits_total")

    async def restart_in_between(self, until):
        loop = asyncio.get_running_loop()
        while True:
            begin = time.monotonic()
            rest = min(self.options.restart_seconds, until - begin)
            warm = min(60, rest / 2)
            await asyncio.sleep(warm)
            after_start = self.server.resident()
            await asyncio.sleep(rest - warm)
            self.memory.append((after_start, self.server.resident()))
            print(f"{self.text()}", flush=True)
            await loop.run_in_executor(None, self.read_metrics)
            if time.monotonic() + 1 >= until:
                return
            await self.end()
            await loop.run_in_executor(None, lambda: self.start(*self.flags()))

    def flags(self):
        return ["--kv-memory", str(self.options.kv_memory), "--drain-seconds", "1", "--queue-seconds", "3600"]

    async def run(self):
        await self.ask_all_alone()
        self.start(*self.flags())
        until = time.monotonic() + self.options.seconds
        clients = [asyncio.create_task(self.client(i, until)) for i in range(self.options.streams)]
        await self.restart_in_between(until)
        await asyncio.gather(*clients)
        await self.end()
        if self.preemptions == 0:
            self.fault("ERRORS", "pages never ran out")
        print(self.text())
        print(f"{self.counts['requests']} requests, {len(self.faults)} faults")
        return 1 if self.faults else 0

    def text(self):
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        memory = "; ".join(f"{before / 1e6:.1f} then {after / 1e6:.1f} MB" for before, after in self.memory)
        return (f"{counts}\ntokens {self.tokens}, set back {self.preemptions}, of prompts remembered {self.hits} tokens\n"
                f"Pss of each server: {memory}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lluda", default=os.environ.get("lluda"), help="the program; default: $lluda")
    parser.add_argument("--model", help="default: lluda's")
    parser.add_argument("--chat", action="store_true", help="ask for conversations, too, of a model with a chat template and markers of thoughts and calls")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--requests", type=int, default=200, help="different ones")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--restart-seconds", type=float, default=30)
    parser.add_argument("--kv-memory", type=int, default=14_000_000, help="bytes")
    options = parser.parse_args()
    os.environ["lluda"] = options.lluda
    with tempfile.TemporaryDirectory() as folder:
        if options.chat and options.model is None:
            options.model = os.path.join(folder, "chatty")
            make_chatty(options.model, ROOT / "reference_data/stories", ROOT / "reference_data/qwen3_tokenizer/tokenizer_config.json")
        sys.exit(asyncio.run(Soak(options).run()))


if __name__ == "__main__":
    main()
