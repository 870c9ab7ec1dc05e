"""plot.py on made-up figures: the SVG's bars have the heights that the figures ask for."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PLOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plot.py")
SVG = "{http://www.w3.org/2000/svg}"


def bench(**changes):
    figures = {
        "cpu": "A <fast> CPU",
        "isa": "avx2",
        "threads": 2,
        "prefills": [
            {"tokens": 64, "tokens_per_s": 500, "percent_of_limit": 50},
            {"tokens": 512, "tokens_per_s": 900, "percent_of_limit": 90},
        ],
        "decodes": [{"depth": 4096, "tokens_per_s": 45, "percent_of_limit": 75}],
    }
    return {**figures, **changes}


class PlotTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def plot(self, *texts, out="plot.svg"):
        files = []
        for number, text in enumerate(texts):
            files.append(self.path(f"bench{number}.json"))
            with open(files[-1], "w", encoding="utf-8") as file:
                file.write(text)
        command = [sys.executable, PLOT, *files, "--out", self.path(out)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def bars(self):
        """(kind, title, height) of each."""
        root = xml.etree.ElementTree.parse(self.path("plot.svg")).getroot()
        return [
            (rect.get("class"), rect.find(f"{SVG}title").text, float(rect.get("height")))
            for rect in root.iter(f"{SVG}rect")
            if rect.get("class")
        ]

    def test_a_bar_is_as_high_in_its_frame_as_its_share_of_the_limit(self):
        done = self.plot(json.dumps(bench()))
        self.assertEqual(done.returncode, 0, done.stderr)
        bars = self.bars()
        self.assertEqual([bar[0] for bar in bars], ["limit", "measured"] * 3)
        shares = [bars[i + 1][2] / bars[i][2] for i in range(0, 6, 2)]
        for share, expected in zip(shares, (0.5, 0.9, 0.75)):
            self.assertAlmostEqual(share, expected, places=2)
        self.assertEqual(bars[0][1], "limit: 1000.0 tokens/s")
        self.assertEqual(bars[4][1], "limit: 60.0 tokens/s")

    def test_the_labels_are_lengths_and_depths_and_the_machine_is_named(self):
        self.plot(json.dumps(bench()))
        with open(self.path("plot.svg"), encoding="utf-8") as file:
            text = file.read()
        for label in (">64<", ">512<", ">4096<", "500 (50%)", "A &lt;fast&gt; CPU, avx2, 2 threads"):
            self.assertIn(label, text)

    def test_the_bars_of_several_files_stand_in_their_order(self):
        slower = bench(prefills=[{"tokens": 64, "tokens_per_s": 100, "percent_of_limit": 10}])
        done = self.plot(json.dumps(bench()), json.dumps(slower))
        self.assertEqual(done.returncode, 0, done.stderr)
        measured = [bar[1] for bar in self.bars() if bar[0] == "measured"]
        self.assertEqual(measured[:3], [f"measured: {n:.1f} tokens/s" for n in (500, 900, 100)])

    def assert_error(self, done, text):
        self.assertEqual(done.returncode, 1)
        self.assertIn(text, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertFalse(os.path.exists(self.path("plot.svg")))

    def test_files_of_another_kind_are_refused_by_name(self):
        self.assert_error(self.plot("{}"), "bench0.json: is no file of lluda bench")
        self.assert_error(self.plot(json.dumps(bench()), "no json"), "bench1.json: is no file")
        self.assert_error(self.plot(json.dumps(bench(decodes=[]))), "decode has no speed above 0")
        self.assert_error(self.plot(json.dumps(bench()), out="no/plot.svg"), "no/plot.svg: No such")


if __name__ == "__main__":
    unittest.main()
