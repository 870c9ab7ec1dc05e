#!/usr/bin/env python3
"""Runs lluda and other engines' llama-bench in turns on the same checkpoint, and prints ratios.

  benchmarks/compare.py --model Qwen3-0.6B \\
      --peer llama.cpp=/opt/llama.cpp/llama-bench,Qwen3-0.6B-bf16.gguf \\
      --peer ik=/opt/ik_llama.cpp/llama-bench,Qwen3-0.6B-bf16.gguf,-fa,1 --rounds 5

A peer is NAME=LLAMA_BENCH,GGUF[,ARGUMENT...]. In each round lluda runs, then each peer, so that a
machine whose speed changes from minute to minute changes it for all of them; a ratio is always of
two runs of one round. The table has the median over the rounds and, behind it, the distance
between the quartiles. Python's standard library only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile


class Failure(Exception):
    """Something to tell the user in one line."""


def quantile(values, q):
    """Linear between neighbours, as tools/measure/statistics.h."""
    values = sorted(values)
    place = q * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def summary(values):
    return {
        "median": quantile(values, 0.5),
        "spread": quantile(values, 0.75) - quantile(values, 0.25),
        "values": values,
    }


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, is {value}")
    return value


def not_negative(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, is {value}")
    return value


class Peer:
    def __init__(self, text):
        name, equals, rest = text.partition("=")
        parts = rest.split(",")
        if not name or not equals or len(parts) < 2 or not all(parts):
            raise argparse.ArgumentTypeError(f"'{text}' is not NAME=LLAMA_BENCH,GGUF[,ARGUMENT...]")
        self.name, self.binary, self.gguf, self.arguments = name, parts[0], parts[1], parts[2:]


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--lluda", default=os.path.join(root, "lluda"), help="the lluda to run")
    parser.add_argument("--model", required=True, help="the checkpoint's folder")
    parser.add_argument("--peer", type=Peer, action="append", required=True, dest="peers")
    parser.add_argument("--prompt-tokens", type=positive, default=512)
    parser.add_argument("--gen-tokens", type=positive, default=128)
    parser.add_argument("--depth", type=not_negative, default=0)
    parser.add_argument("--threads", type=positive, default=None, help="of each engine")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--json", metavar="FILE", help="write all figures to this file, too")
    arguments = parser.parse_args(argv)
    names = [peer.name for peer in arguments.peers]
    for name in names:
        if name == "lluda" or names.count(name) > 1:
            parser.error(f"two engines are called {name}")
    if not os.path.isdir(arguments.model):
        parser.error(f"--model: {arguments.model} is no folder")
    for what, path in [("lluda", arguments.lluda)] + [(p.name, p.binary) for p in arguments.peers]:
        if shutil.which(path) is None:
            parser.error(f"{what}: {path} is no program")
    for peer in arguments.peers:
        if not os.path.isfile(peer.gguf):
            parser.error(f"{peer.name}: {peer.gguf}: no such file")
    return arguments


def run(name, command):
    """What the command writes to stdout."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failure(f"{name}: {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise Failure(f"{name}: exit code {done.returncode}: {lines[-1]}")
    for line in done.stderr.splitlines():
        if name == "lluda" and "warning" in line:
            print(line, file=sys.stderr)
    return done.stdout


def run_lluda(arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.json")
        command = [arguments.lluda, "bench", arguments.model, "--json", path]
        command += ["--prompt-tokens", str(arguments.prompt_tokens)]
        command += ["--gen-tokens", str(arguments.gen_tokens)]
        command += ["--depth", str(arguments.depth)]
        if arguments.threads:
            command += ["--threads", str(arguments.threads)]
        run("lluda", command)
        try:
            with open(path, encoding="utf-8") as file:
                bench = json.load(file)
            return {
                "prefill": float(bench["prefill"]["tokens_per_s"]),
                "decode": float(bench["decode"]["tokens_per_s"]),
                "prefill_percent_of_limit": float(bench["prefill"]["percent_of_limit"]),
                "decode_percent_of_limit": float(bench["decode"]["percent_of_limit"]),
                "threads": int(bench["threads"]),
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failure(f"lluda: its JSON is not as expected: {error!r}") from error


def run_llama_bench(peer, arguments, threads):
    """One run of llama-bench is one test; a depth is asked for only where there is one."""
    command = [peer.binary, "-m", peer.gguf, "-o", "json", "-t", str(threads)]
    command += peer.arguments
    tests = {
        "prefill": ["-p", str(arguments.prompt_tokens), "-n", "0"],
        "decode": ["-p", "0", "-n", str(arguments.gen_tokens)],
    }
    if arguments.depth:
        tests["decode"] += ["-d", str(arguments.depth)]
    speeds = {}
    for test, flags in tests.items():
        text = run(peer.name, command + flags)
        try:
            rows = json.loads(text)
            (row,) = rows
            speeds[test] = float(row["avg_ts"])
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(f"{peer.name}: {test}: its JSON is not one row with avg_ts") from error
        if not speeds[test] > 0:
            raise Failure(f"{peer.name}: {test}: {speeds[test]} tokens/s")
    return speeds


def measure(arguments):
    rounds = []
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        speeds = {"lluda": run_lluda(arguments)}
        for peer in arguments.peers:
            speeds[peer.name] = run_llama_bench(peer, arguments, speeds["lluda"]["threads"])
        rounds.append(speeds)
    return rounds


def evaluate(arguments, rounds):
    result = {
        "model": arguments.model,
        "prompt_tokens": arguments.prompt_tokens,
        "gen_tokens": arguments.gen_tokens,
        "depth": arguments.depth,
        "threads": rounds[0]["lluda"]["threads"],
        "rounds": arguments.rounds,
        "engines": {},
    }
    for name in ["lluda"] + [peer.name for peer in arguments.peers]:
        engine = {}
        for test in ("prefill", "decode"):
            speeds = [speeds[name][test] for speeds in rounds]
            ratios = [speeds["lluda"][test] / speeds[name][test] for speeds in rounds]
            engine[test] = {"tokens_per_s": summary(speeds), "lluda_is_times": summary(ratios)}
            if name == "lluda":
                percent = [speeds[name][f"{test}_percent_of_limit"] for speeds in rounds]
                engine[test]["percent_of_limit"] = summary(percent)
        result["engines"][name] = engine
    return result


def table(result):
    def cell(values, digits):
        return f"{values['median']:.{digits}f} ± {values['spread']:.{digits}f}"

    tests = (f"prefill {result['prompt_tokens']}", f"decode {result['gen_tokens']}")
    if result["depth"]:
        tests = (tests[0], f"{tests[1]} at {result['depth']}")
    rows = [["engine", f"{tests[0]}, tokens/s", "lluda is", f"{tests[1]}, tokens/s", "lluda is"]]
    for name, engine in result["engines"].items():
        row = [name]
        for test in ("prefill", "decode"):
            row.append(cell(engine[test]["tokens_per_s"], 1))
            if name == "lluda":
                row.append(f"{engine[test]['percent_of_limit']['median']:.1f}% of limit")
            else:
                row.append(cell(engine[test]["lluda_is_times"], 2) + " ×")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def write_json(path, result):
    """All of it or nothing."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
        os.replace(temporary, path)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error


def main(argv):
    arguments = parse_arguments(argv)
    try:
        result = evaluate(arguments, measure(arguments))
        print(table(result))
        if arguments.json:
            write_json(arguments.json, result)
    except Failure as failure:
        print(f"compare.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
