"""Checks that the committed references are whole and agree with themselves, and the prompt options
of the script that wrote them. Needs nothing but Python."""
import array
import hashlib
import json
import math
import pathlib
import re
import struct
import types
import unittest

import extract_reference

HERE = pathlib.Path(__file__).parent
REFERENCES = ("stories/reference", "tiny/reference", "qwen3_0_6b/seeded_reference")


def read_safetensors(path):
    """{name: (dtype, shape, bytes)}"""
    data = path.read_bytes()
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + header_bytes])
    header.pop("__metadata__", None)
    body = data[8 + header_bytes:]
    return {name: (t["dtype"], t["shape"], body[slice(*t["data_offsets"])])
            for name, t in header.items()}


def committed_prompts():
    """(label, entry of the JSON, tensors of the file) of every prompt."""
    for reference in REFERENCES:
        document = json.loads((HERE / (reference + ".json")).read_text(encoding="utf-8"))
        tensors = read_safetensors(HERE / (reference + ".safetensors"))
        for position, prompt in enumerate(document["prompts"]):
            yield f"{reference} prompt {position}", prompt, tensors


class ReferencesTest(unittest.TestCase):
    def test_first_greedy_token_is_the_likeliest_one(self):
        for label, prompt, _ in committed_prompts():
            with self.subTest(label):
                self.assertEqual(prompt["next"], prompt["top10"][0])
                self.assertEqual(prompt["next"], prompt["greedy"][0])
                first, second = prompt["top10_logits"][:2]
                self.assertAlmostEqual(prompt["greedy_margin"][0], first - second, delta=3e-5)
                self.assertEqual(len(prompt["greedy"]), len(prompt["greedy_margin"]))

    def test_stored_logits_give_the_stored_top_ten(self):
        for label, prompt, tensors in committed_prompts():
            with self.subTest(label):
                dtype, shape, data = tensors[f"p{prompt['index']}.logits_last"]
                self.assertEqual((dtype, shape), ("F32", [len(data) // 4]))
                logits = array.array("f", data)
                order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:10]
                self.assertEqual(order, prompt["top10"])
                for token, logit in zip(prompt["top10"], prompt["top10_logits"]):
                    self.assertAlmostEqual(logits[token], logit, delta=1e-5)

    def test_stored_ids_are_those_of_the_prompt(self):
        for label, prompt, tensors in committed_prompts():
            with self.subTest(label):
                dtype, shape, data = tensors[f"p{prompt['index']}.input_ids"]
                self.assertEqual((dtype, shape), ("I64", [len(prompt["ids"])]))
                self.assertEqual(list(array.array("q", data)), prompt["ids"])

    def test_activations_cover_every_layer_and_every_token(self):
        for label, prompt, tensors in committed_prompts():
            with self.subTest(label):
                prefix = f"p{prompt['index']}."
                names = {name[len(prefix):] for name in tensors if name.startswith(prefix)}
                activations = names - {"input_ids", "logits_last"}
                if not activations:
                    continue
                matches = [re.match(r"layer(\d+)\.", name) for name in activations]
                layers = {int(match[1]) for match in matches if match}
                self.assertEqual(layers, set(range(max(layers) + 1)))
                expected = {"embed", "final_norm"} | {f"layer{layer}.out" for layer in layers}
                for layer in (min(layers), max(layers)):
                    expected |= {f"layer{layer}.{m}" for m in extract_reference.LAYER_MODULES}
                self.assertLessEqual(expected, activations)
                for name in activations:
                    self.assertEqual(tensors[prefix + name][1][0], len(prompt["ids"]), name)

    def test_transformers_own_error_is_told_of_every_activation(self):
        for label, prompt, tensors in committed_prompts():
            with self.subTest(label):
                prefix = f"p{prompt['index']}."
                activations = {name[len(prefix):] for name in tensors if name.startswith(prefix)}
                activations -= {"input_ids", "logits_last"}
                errors = prompt["hf_bf16_vs_f32"].get("activation_nmse", {})
                self.assertEqual(set(errors), activations)
                for name, error in errors.items():
                    # A row of a bfloat16 matrix is looked up exactly; all else is rounded.
                    self.assertTrue(error == 0 if name == "embed" else 0 < error < 1e-2,
                                    f"{name}: {error}")

    def test_error_of_an_activation_is_of_the_order_of_that_of_the_logits(self):
        for label, prompt, tensors in committed_prompts():
            errors = prompt["hf_bf16_vs_f32"].get("activation_nmse")
            if errors is None:
                continue
            with self.subTest(label):
                logits = array.array("f", tensors[f"p{prompt['index']}.logits_last"][2])
                mean_square = math.fsum(x * x for x in logits) / len(logits)
                ratio = errors["final_norm"] / (prompt["hf_bf16_vs_f32"]["mse"] / mean_square)
                self.assertTrue(0.1 < ratio < 10, ratio)

    def test_files_have_the_checksums_of_the_readme(self):
        listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (HERE / "README.md").read_text(), re.M)
        self.assertGreater(len(listed), 10)
        for checksum, name in listed:
            digest = hashlib.sha256((HERE / name).read_bytes()).hexdigest()
            self.assertEqual(digest, checksum, name)


class PromptOptionsTest(unittest.TestCase):
    def prompts(self, *texts):
        return extract_reference.read_prompts(types.SimpleNamespace(prompts=None, prompt=texts))

    def test_texts_and_ids_are_prompts(self):
        self.assertEqual(self.prompts("a", [1, 2]), ["a", [1, 2]])

    def test_anything_else_is_refused_by_its_number(self):
        for bad in ("", [], ["x"], [True], {}):
            with self.assertRaisesRegex(SystemExit, "prompt 1 is neither"):
                self.prompts("a", bad)

    def test_no_prompts_are_refused(self):
        with self.assertRaisesRegex(SystemExit, "no prompts"):
            self.prompts()

    def test_activations_are_chosen_by_number(self):
        choose = extract_reference.prompts_with_activations
        self.assertEqual(choose("all", 3), {0, 1, 2})
        self.assertEqual(choose("none", 3), set())
        self.assertEqual(choose("0,2", 3), {0, 2})
        with self.assertRaisesRegex(SystemExit, "there are 3 prompts"):
            choose("3", 3)

    def test_full_layers_are_all_the_ends_or_none(self):
        self.assertEqual(extract_reference.full_layers("all", 3), {0, 1, 2})
        self.assertEqual(extract_reference.full_layers("ends", 3), {0, 2})
        self.assertEqual(extract_reference.full_layers("none", 3), set())


if __name__ == "__main__":
    unittest.main()
