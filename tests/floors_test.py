#!/usr/bin/env python3
"""Holds the dependencies between folders against the floors of docs/architecture.md: each goes down.

  floors_test.py docs/architecture.md DEPENDENCIES   # what `bazel query --output=graph` prints
"""
import re
import sys


def floors(document):
    """The folders of the document's block of floors, each with its floor's number from the bottom."""
    block = re.search(r"^```floors\n(.*?)^```", document, re.M | re.S)
    lines = block.group(1).splitlines() if block else []
    return {folder: len(lines) - i for i, line in enumerate(lines) for folder in line.split()}


def edges(graph):
    """The folders that depend on one another, and for each pair the targets that show it."""
    found = {}
    for source, target in re.findall(r'"//([^"]+)" -> "//([^"]+)"', graph):
        pair = tuple(label.split(":")[0] for label in (source, target))
        if pair[0] != pair[1] and "third_party" not in pair[1]:
            found.setdefault(pair, f"//{source} -> //{target}")
    return found


def main():
    document, graph = (open(path, encoding="utf-8").read() for path in sys.argv[1:3])
    of, problems = floors(document), []
    pairs = edges(graph)
    for (source, target), shown in sorted(pairs.items()):
        missing = [folder for folder in (source, target) if folder not in of]
        if missing:
            problems.append(f"{missing[0]}: has no floor in {sys.argv[1]}; {shown}")
        elif of[source] <= of[target]:
            problems.append(f"{shown}: {source} does not stand above {target}")
    if len(pairs) < 10:
        problems.append(f"{sys.argv[2]}: holds {len(pairs)} dependencies between folders only")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
