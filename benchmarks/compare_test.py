"""compare.py with engines that are scripts: what it asks of them, and what it makes of the answers."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare.py")

# Each writes down how it was called. lluda's speed doubles from one round to the next, as a
# machine's may, and the peer's with it.
LLUDA = """#!/usr/bin/env python3
import json, sys
arguments = sys.argv[1:]
open("calls", "a").write("lluda " + " ".join(arguments) + "\\n")
scale = 2 ** (sum(line.startswith("lluda") for line in open("calls")) - 1)
json.dump({"prefill": {"tokens_per_s": 600.0 * scale, "percent_of_limit": 80.0},
           "decode": {"tokens_per_s": 60.0 * scale, "percent_of_limit": 90.0}, "threads": 3},
          open(arguments[arguments.index("--json") + 1], "w"))
"""
PEER = """#!/usr/bin/env python3
import json, sys
arguments = sys.argv[1:]
open("calls", "a").write("peer " + " ".join(arguments) + "\\n")
scale = 2 ** (sum(line.startswith("lluda") for line in open("calls")) - 1)
print(json.dumps([{"avg_ts": (300.0 if arguments[arguments.index("-n") + 1] == "0" else 40.0) * scale}]))
"""
BROKEN = """#!/bin/sh
echo "no such tensor" >&2
exit 3
"""
EMPTY = """#!/bin/sh
echo "[]"
"""


class CompareTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name, text in [("lluda", LLUDA), ("peer", PEER), ("broken", BROKEN), ("empty", EMPTY)]:
            path = self.path(name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        os.mkdir(self.path("model"))
        with open(self.path("model.gguf"), "w", encoding="utf-8"):
            pass

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def compare(self, *arguments, peer="peer"):
        command = [sys.executable, COMPARE, "--lluda", self.path("lluda"), "--model"]
        command += [self.path("model"), "--peer", f"other={self.path(peer)},{self.path('model.gguf')}"]
        return subprocess.run(
            command + list(arguments), cwd=self.folder.name, capture_output=True, text=True, check=False
        )

    def calls(self):
        with open(self.path("calls"), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_ratios_are_of_runs_of_one_round(self):
        done = self.compare("--rounds", "3", "--json", self.path("result.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("result.json"), encoding="utf-8") as file:
            other = json.load(file)["engines"]["other"]
        self.assertEqual(other["prefill"]["tokens_per_s"]["values"], [300, 600, 1200])
        self.assertEqual(other["prefill"]["tokens_per_s"]["median"], 600)
        self.assertEqual(other["prefill"]["lluda_is_times"]["median"], 2)
        self.assertEqual(other["prefill"]["lluda_is_times"]["spread"], 0)
        self.assertEqual(other["decode"]["lluda_is_times"]["median"], 1.5)
        self.assertIn("2.00 ± 0.00 ×", done.stdout)
        self.assertIn("90.0% of limit", done.stdout)
        self.assertEqual([name for name in os.listdir(self.folder.name) if "tmp" in name], [])

    def test_engines_take_turns_with_the_same_work_and_threads(self):
        done = self.compare(
            "--rounds", "2", "--prompt-tokens", "64", "--gen-tokens", "9", "--depth", "100"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = self.calls()
        self.assertEqual([call.split()[0] for call in calls], ["lluda", "peer", "peer"] * 2)
        self.assertIn("--prompt-tokens 64 --gen-tokens 9 --depth 100", calls[0])
        self.assertIn("-t 3 -p 64 -n 0", calls[1])
        self.assertNotIn("-d", calls[1].split())
        self.assertIn("-t 3 -p 0 -n 9 -d 100", calls[2])

    def test_a_peers_own_arguments_are_passed_on(self):
        peer = f"fast={self.path('peer')},{self.path('model.gguf')},-fa,1"
        done = self.compare("--rounds", "1", "--peer", peer)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("-fa 1", self.calls()[3])
        self.assertIn("fast", done.stdout)

    def assert_error(self, done, code, text):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr.splitlines()[-1])
        self.assertEqual(done.stdout, "")

    def test_a_peer_that_fails_is_named_with_its_last_words(self):
        self.assert_error(self.compare(peer="broken"), 1, "other: exit code 3: no such tensor")

    def test_output_that_is_not_one_row_is_an_error(self):
        self.assert_error(self.compare(peer="empty"), 1, "other: prefill: its JSON is not one row")

    def test_wrong_arguments_are_told_before_anything_runs(self):
        self.assert_error(self.compare(peer="nowhere"), 2, "is no program")
        self.assert_error(self.compare("--rounds", "0"), 2, "must be at least 1")
        self.assert_error(self.compare("--peer", "x"), 2, "is not NAME=LLAMA_BENCH,GGUF")
        self.assert_error(self.compare("--peer", f"x={self.path('peer')},no.gguf"), 2, "no such file")
        same = f"other={self.path('peer')},{self.path('model.gguf')}"
        self.assert_error(self.compare("--peer", same), 2, "two engines are called other")
        self.assertFalse(os.path.exists(self.path("calls")))


if __name__ == "__main__":
    unittest.main()
