#!/usr/bin/env python3
"""Draws the figures of `lluda bench --json` as an SVG: tokens/s against the machine's limit.

  lluda bench MODEL --prompt-tokens 64,512,2048 --depth 0,1024,4096 --json bench.json
  benchmarks/plot.py bench.json --out docs/performance.svg

Prompts on the left, generation on the right. A bar is what was measured, the frame around it what
the limit would allow: tokens/s divided by the share of the limit. With several files, their bars
stand in the order of the files. Python's standard library only.
"""

import argparse
import json
import math
import os
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 400
TOP, BOTTOM = 70, 330
PANELS = ((70, 455), (545, 930))
STYLE = """
    text { font-family: Helvetica, Arial, sans-serif; fill: #0f172a; font-size: 12px }
    .title { font-size: 15px; font-weight: bold }
    .note { font-size: 11px; fill: #334155 }
    .middle { text-anchor: middle }
    .end { text-anchor: end }
    .grid { stroke: #cbd5e1; stroke-width: 1 }
    .limit { fill: #f1f5f9; stroke: #475569; stroke-width: 1.2 }
    .measured { fill: #1d4ed8 }
"""


class Failure(Exception):
    """Something to tell the user in one line."""


def load(path):
    """The file's prompts and generations as (label, tokens/s, percent of the limit)."""
    try:
        with open(path, encoding="utf-8") as file:
            bench = json.load(file)
        panels = {
            "prefill": [(f"{p['tokens']}", p) for p in bench["prefills"]],
            "decode": [(f"{d['depth']}", d) for d in bench["decodes"]],
        }
        for panel, bars in panels.items():
            panels[panel] = [
                (label, float(bar["tokens_per_s"]), float(bar["percent_of_limit"]))
                for label, bar in bars
            ]
        panels["machine"] = f"{bench['cpu']}, {bench['isa']}, {bench['threads']} threads"
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path}: is no file of lluda bench: {error!r}") from error
    for panel in ("prefill", "decode"):
        if not panels[panel] or any(v <= 0 or p <= 0 for _, v, p in panels[panel]):
            raise Failure(f"{path}: {panel} has no speed above 0")
    return panels


def ceiling(value):
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= value)


def panel(title, axis, bars, left, right):
    top = ceiling(max(max(speed, 100 * speed / percent) for _, speed, percent in bars))

    def y(value):
        return BOTTOM - (BOTTOM - TOP) * value / top

    out = [f'<text class="title" x="{left}" y="{TOP - 24}">{escape(title)}</text>']
    for step in range(5):
        value = top * step / 4
        out.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        out.append(f'<text class="note end" x="{left - 6}" y="{y(value) + 4:.1f}">{value:g}</text>')
    slot = (right - left) / len(bars)
    for number, (label, speed, percent) in enumerate(bars):
        limit = 100 * speed / percent
        x, width = left + slot * (number + 0.2), slot * 0.6
        middle = x + width / 2
        for kind, value in (("limit", limit), ("measured", speed)):
            out.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{y(value):.1f}" width="{width:.1f}" '
                f'height="{BOTTOM - y(value):.1f}"><title>{kind}: {value:.1f} tokens/s</title></rect>'
            )
        out.append(f'<text class="middle" x="{middle:.1f}" y="{y(max(limit, speed)) - 6:.1f}">'
                   f"{speed:.0f} ({percent:.0f}%)</text>")
        out.append(f'<text class="note middle" x="{middle:.1f}" y="{BOTTOM + 16}">{escape(label)}</text>')
    out.append(f'<text class="note middle" x="{(left + right) / 2:.1f}" y="{BOTTOM + 34}">{escape(axis)}</text>')
    return out


def draw(benches):
    def bars(kind):
        return [bar for bench in benches for bar in bench[kind]]

    machines = "; ".join(dict.fromkeys(bench["machine"] for bench in benches))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>lluda's tokens per second against the machine's limit</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *panel("Prompt, tokens/s", "tokens of the prompt", bars("prefill"), *PANELS[0]),
        *panel("Generation, tokens/s", "tokens in the cache", bars("decode"), *PANELS[1]),
        f'<text class="note" x="{PANELS[0][0]}" y="{HEIGHT - 12}">Bar: measured. Frame: what the limit '
        f"measured in turns with it allows. {escape(machines)}.</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="BENCH.json")
    parser.add_argument("--out", required=True, metavar="FILE.svg")
    arguments = parser.parse_args(argv)
    temporary = f"{arguments.out}.{os.getpid()}.tmp"
    try:
        svg = draw([load(path) for path in arguments.files])
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(svg)
            os.replace(temporary, arguments.out)
        except OSError as error:
            raise Failure(f"{arguments.out}: {error.strerror}") from error
    except Failure as failure:
        print(f"plot.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
