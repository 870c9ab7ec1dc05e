#!/usr/bin/env python3
"""Puts OpenAI-compatible servers under load, in turns, and says how fast they answer and whether the
answers are those that each request gets alone.

  benchmarks/serve_load.py --server lluda=http://127.0.0.1:8080 --streams 8 --seconds 60
  benchmarks/serve_load.py --server lluda=http://127.0.0.1:8080 \\
      --server llama=http://127.0.0.1:8081 --rate 2 --seconds 60 --rounds 3

Either a closed loop, in which each of --streams clients asks anew as soon as it has its answer; or
--rate requests a second, at times of a Poisson process. Prompts, their lengths and the answers'
lengths come from --seed and the request's number, so that every server is asked the same. In each
round every server has its turn of --seconds. Then --check requests are asked again one by one, with
nothing else running, and the texts compared.

Requests go to /v1/completions, streamed, over sockets without a library in between. Times are in
milliseconds: to the first piece of text, and between pieces. Python's standard library only.
"""

import argparse
import json
import random
import selectors
import socket
import sys
import time
import urllib.parse

WORDS = (
    "once upon a time there was little girl boy dog fox ball tree house happy big small red went "
    "to the park and played with her his mom friend they saw said it one day very sad then ran "
    "home sun rain bird cat garden flower water morning night story king queen river hill"
).split()


class Failure(Exception):
    """Something to tell the user in one line."""


def quantile(values, q):
    """Linear between neighbours, as tools/measure/statistics.h."""
    values = sorted(values)
    place = q * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def summary(seconds):
    """p50, p99 and the worst, in milliseconds."""
    if not seconds:
        return None
    return {
        "p50": 1000 * quantile(seconds, 0.5),
        "p99": 1000 * quantile(seconds, 0.99),
        "worst": 1000 * max(seconds),
    }


class Server:
    def __init__(self, text):
        name, equals, url = text.partition("=")
        parts = urllib.parse.urlsplit(url)
        if not equals or not name or parts.scheme != "http" or not parts.hostname:
            raise argparse.ArgumentTypeError(f"'{text}' is not NAME=http://HOST:PORT")
        self.name = name
        self.host = parts.hostname
        self.port = parts.port or 80


def span(text):
    """'64:512', or '64' for exactly that."""
    low, _, high = text.partition(":")
    try:
        pair = int(low), int(high or low)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not LEAST:MOST") from None
    if not 1 <= pair[0] <= pair[1]:
        raise argparse.ArgumentTypeError(f"'{text}' is not LEAST:MOST with 1 <= LEAST <= MOST")
    return pair


def request_body(number, options):
    """The JSON of a request, which depends on its number and the options alone."""
    source = random.Random(f"{options.seed}:{number}")
    prompt = " ".join(source.choice(WORDS) for _ in range(source.randint(*options.prompt_words)))
    body = {
        "prompt": prompt,
        "max_tokens": source.randint(*options.answer_tokens),
        "temperature": options.temperature,
        "seed": source.randrange(1 << 31),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if options.model:
        body["model"] = options.model
    return json.dumps(body)


def request_bytes(server, body, key):
    content = body.encode()
    lines = [
        "POST /v1/completions HTTP/1.1",
        f"Host: {server.host}:{server.port}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
    ]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


class Answer:
    """What comes back on a connection, piece by piece."""

    def __init__(self):
        self.buffer = b""  # not understood yet
        self.status = None
        self.chunked = False
        self.left = 0  # bytes of the chunk that is being read
        self.lines = b""  # of the body, not a whole line yet
        self.error = ""
        self.text = ""
        self.times = []  # of each piece of text
        self.tokens = None
        self.done = False

    def add(self, data, now):
        self.buffer += data
        if self.status is None:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            first, *fields = head.decode("latin-1").split("\r\n")
            words = first.split(" ")
            if len(words) < 2 or not words[1].isdigit():
                raise Failure(f"'{first}' is no HTTP status line")
            self.status = int(words[1])
            self.chunked = any(f.lower().replace(" ", "") == "transfer-encoding:chunked" for f in fields)
            self.buffer = rest
        if self.chunked:
            self.read_chunks(now)
        else:
            body, self.buffer = self.buffer, b""
            self.read_body(body, now)

    def read_chunks(self, now):
        while self.buffer:
            if self.left > 0:
                piece = self.buffer[: self.left]
                self.buffer = self.buffer[len(piece) :]
                self.left -= len(piece)
                self.read_body(piece, now)
                continue
            # A size, behind the end of the last chunk.
            line, end, rest = self.buffer.lstrip(b"\r\n").partition(b"\r\n")
            if not end:
                return
            self.left = int(line.split(b";")[0], 16)
            self.buffer = rest

    def read_body(self, piece, now):
        if self.status != 200:
            self.error += piece.decode("utf-8", "replace")
            return
        *lines, self.lines = (self.lines + piece).split(b"\n")
        for line in lines:
            line = line.strip()
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self.done = True
                continue
            event = json.loads(data)
            if "error" in event:
                self.error = json.dumps(event["error"])
                continue
            text = "".join(choice.get("text") or "" for choice in event.get("choices", []))
            if text:
                self.text += text
                self.times.append(now)
            if event.get("usage"):
                self.tokens = event["usage"]["completion_tokens"]


class Client:
    """One request on one connection."""

    def __init__(self, server, number, body, key):
        self.number = number
        self.answer = Answer()
        self.unsent = request_bytes(server, body, key)
        self.start = time.monotonic()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.connect_ex((server.host, server.port))

    def on_ready(self, events):
        """Whether the connection is over."""
        try:
            if self.unsent and events & selectors.EVENT_WRITE:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            if events & selectors.EVENT_READ:
                data = self.socket.recv(65536)
                if not data:
                    return True
                self.answer.add(data, time.monotonic())
        except BlockingIOError:
            return False
        except (OSError, ValueError, KeyError) as error:
            self.answer.error = self.answer.error or str(error)
            return True
        return self.answer.done


class Load:
    """What came of the requests to a server in a turn."""

    def __init__(self):
        self.answers = {}  # by the request's number
        self.first, self.gaps, self.errors = [], [], []
        self.tokens = 0
        self.seconds = 0.0

    def add(self, client):
        answer = client.answer
        if answer.status != 200 or answer.error or not answer.done:
            self.errors.append(answer.error.strip() or f"status {answer.status}, no [DONE]")
            return
        self.answers[client.number] = answer.text
        if answer.times:
            self.first.append(answer.times[0] - client.start)
        self.gaps += [b - a for a, b in zip(answer.times, answer.times[1:])]
        self.tokens += len(answer.times) if answer.tokens is None else answer.tokens


def arrivals(options, first_number):
    """The seconds from the turn's start at which requests of an open loop are sent."""
    source = random.Random(f"{options.seed}:arrivals:{first_number}")
    at = 0.0
    while True:
        at += source.expovariate(options.rate)
        if at >= options.seconds:
            return
        yield at


def run_turn(server, options, first_number):
    """A turn of load; requests that are under way at its end are waited for."""
    load, number = Load(), first_number
    start = time.monotonic()
    due = list(arrivals(options, first_number)) if options.rate else []
    with selectors.DefaultSelector() as selector:

        def send():
            nonlocal number
            client = Client(server, number, request_body(number, options), options.key)
            number += 1
            selector.register(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)

        for _ in range(0 if options.rate else options.streams):
            send()
        while selector.get_map() or due:
            now = time.monotonic() - start
            while due and due[0] <= now:
                due.pop(0)
                send()
            for key, events in selector.select(max(0.0, due[0] - now) if due else 1.0):
                client = key.data
                if not client.on_ready(events):
                    if not client.unsent and key.events & selectors.EVENT_WRITE:
                        selector.modify(client.socket, selectors.EVENT_READ, client)
                    continue
                selector.unregister(client.socket)
                client.socket.close()
                load.add(client)
                if client.answer.status is None and not load.answers:
                    raise Failure(f"{server.name}: {client.answer.error or 'closes the connection'}")
                if not options.rate and time.monotonic() - start < options.seconds:
                    send()
    load.seconds = time.monotonic() - start
    return load


def ask_alone(server, number, options):
    """The text of a request with nothing else running."""
    client = Client(server, number, request_body(number, options), options.key)
    client.socket.setblocking(True)
    client.socket.sendall(client.unsent)
    while not client.answer.done:
        data = client.socket.recv(65536)
        if not data:
            break
        client.answer.add(data, time.monotonic())
    client.socket.close()
    if client.answer.error:
        raise Failure(f"{server.name}: {client.answer.error}")
    return client.answer.text


def count_equal(server, load, options):
    """How many of how many answers are what they are alone; the numbers of those that are not."""
    numbers = sorted(load.answers)[: options.check]
    other = [n for n in numbers if ask_alone(server, n, options) != load.answers[n]]
    return {"checked": len(numbers), "equal": len(numbers) - len(other), "other": other}


def result_of(load, equal):
    return {
        "requests": len(load.answers) + len(load.errors),
        "errors": load.errors,
        "tokens_per_s": load.tokens / load.seconds,
        "seconds": load.seconds,
        "first_token_ms": summary(load.first),
        "gap_ms": summary(load.gaps),
        "alone": equal,
    }


def text_of(round_number, name, result):
    def times(part):
        return "none" if part is None else "{p50:.1f} {p99:.1f} {worst:.1f}".format(**part)

    alone = result["alone"]
    return (
        f"round {round_number} {name}: {result['requests']} requests, {len(result['errors'])} errors, "
        f"{result['tokens_per_s']:.1f} tokens/s; first text p50 p99 worst "
        f"{times(result['first_token_ms'])} ms; gaps {times(result['gap_ms'])} ms; "
        f"as alone {alone['equal']} of {alone['checked']}"
    )


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", type=Server, action="append", required=True)
    parser.add_argument("--model", default="", help="what requests call it; none: they do not")
    parser.add_argument("--key", default="", help="an API key")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--streams", type=int, default=8, help="clients of the closed loop")
    kind.add_argument("--rate", type=float, default=0, help="requests a second, instead")
    parser.add_argument("--seconds", type=float, default=60, help="of a turn")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompt-words", type=span, default=(8, 64), metavar="LEAST:MOST")
    parser.add_argument("--answer-tokens", type=span, default=(16, 64), metavar="LEAST:MOST")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--check", type=int, default=8, help="answers compared with lone ones")
    parser.add_argument("--json", default="", help="a file for all figures")
    options = parser.parse_args(arguments)
    for name, least in (("streams", 1), ("rounds", 1), ("check", 0)):
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}, is {getattr(options, name)}")
    if options.seconds <= 0 or options.rate < 0:
        parser.error("--seconds must be above 0 and --rate not below")
    return options


def main():
    options = parse(sys.argv[1:])
    results = []
    for round_number in range(1, options.rounds + 1):
        for server in options.server:
            load = run_turn(server, options, round_number * 1000000)
            result = result_of(load, count_equal(server, load, options))
            results.append({"round": round_number, "server": server.name, **result})
            print(text_of(round_number, server.name, result), flush=True)
            for error in sorted(set(load.errors)):
                print(f"  {load.errors.count(error)} x {error}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"results": results}, file, indent=1)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"serve_load.py: {failure}")
