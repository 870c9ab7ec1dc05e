"""Asks `lluda serve` on the default model, which continues texts. Run by serve_test.sh."""

import base64
import concurrent.futures
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serving import Server  # noqa: E402

PROMPT = "Once upon a time"
COMPLETIONS = "/v1/completions"


def without(answer, *names):
    return {key: value for key, value in answer.items() if key not in names}


class CompletionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--log", "json", "--max-sequences", "4")
        cls.at_start = cls.server.resident()

    @classmethod
    def tearDownClass(cls):
        code = cls.server.end()
        assert code == 0, code

    def refused(self, body, status=400, path=COMPLETIONS):
        """The error that a request is refused with: one JSON object with all that it should have."""
        got, answer = self.server.post(path, body)
        self.assertEqual(got, status, answer)
        self.assertEqual(list(answer), ["error"])
        error = answer["error"]
        self.assertEqual(sorted(error), ["code", "message", "param", "type"])
        self.assertNotIn("\n", error["message"])
        return error

    def complete(self, **fields):
        status, answer = self.server.post(COMPLETIONS, {"prompt": PROMPT, **fields})
        self.assertEqual(status, 200, answer)
        return answer

    def test_continues_a_text_as_generate_does(self):
        answer = self.complete(max_tokens=8, temperature=0)
        generated = subprocess.run([os.environ["lluda"], "generate", "-p", PROMPT, "-n", "8", "--temperature", "0"],
                                   capture_output=True, text=True, check=True).stdout
        self.assertEqual(answer["choices"][0]["text"], generated)
        self.assertEqual(answer["choices"][0]["finish_reason"], "length")
        self.assertEqual(answer["object"], "text_completion")
        self.assertEqual(answer["model"], "stories")
        self.assertEqual(answer["usage"], {"prompt_tokens": 4, "completion_tokens": 8, "total_tokens": 12})

    def test_a_seed_gives_the_same_bytes_alone_and_among_others(self):
        def ask(seed):
            return self.complete(max_tokens=24, temperature=1, seed=seed, logprobs=2)

        alone = [ask(seed) for seed in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            together = list(pool.map(ask, range(8)))
        for one, other in zip(alone, together):
            self.assertEqual(without(one, "id", "created"), without(other, "id", "created"))
        self.assertGreater(len({one["choices"][0]["text"] for one in alone}), 4)

    def test_an_answer_without_a_seed_can_be_asked_for_again(self):
        status, headers, text = self.server.ask("POST", COMPLETIONS, {"prompt": PROMPT, "temperature": 1})
        self.assertEqual(status, 200)
        again = self.complete(temperature=1, seed=int(headers["x-lluda-seed"]))
        self.assertEqual(without(json.loads(text), "id", "created"), without(again, "id", "created"))

    def test_a_stream_has_what_the_whole_answer_has(self):
        for fields in [{}, {"stop": ["girl", "zzz"]}, {"n": 3}, {"logprobs": 1}, {"prompt": [PROMPT, "The fox"]}]:
            body = {"prompt": PROMPT, "max_tokens": 20, "temperature": 1, "seed": 5, **fields}
            whole = self.complete(**body)
            events = self.server.stream(COMPLETIONS, {**body, "stream_options": {"include_usage": True}})
            self.assertEqual(events.pop(), "[DONE]")
            self.assertEqual(events[-1]["choices"], [])
            self.assertEqual(events[-1]["usage"], whole["usage"])
            for choice in whole["choices"]:
                parts = [event["choices"][0] for event in events[:-1]
                         if event["choices"][0]["index"] == choice["index"]]
                self.assertEqual("".join(part["text"] for part in parts), choice["text"])
                self.assertEqual(parts[-1]["finish_reason"], choice["finish_reason"])
                self.assertEqual({part["finish_reason"] for part in parts[:-1]}, {None})
                for name in choice["logprobs"] or []:
                    streamed = sum((part["logprobs"][name] for part in parts if part["logprobs"]), [])
                    self.assertEqual(streamed, choice["logprobs"][name], name)
            self.assertTrue(all(event["usage"] is None for event in events[:-1]))

    def test_choice_i_is_what_seed_plus_i_gives(self):
        answer = self.complete(n=3, seed=10, temperature=1, max_tokens=12)
        self.assertEqual([choice["index"] for choice in answer["choices"]], [0, 1, 2])
        for i, choice in enumerate(answer["choices"]):
            one = self.complete(seed=10 + i, temperature=1, max_tokens=12)["choices"][0]
            self.assertEqual(choice["text"], one["text"])
        self.assertEqual(answer["usage"]["completion_tokens"], 36)
        self.assertEqual(answer["usage"]["prompt_tokens"], 4)

    def test_prompts_may_be_tokens_and_lists(self):
        status, tokens = self.server.post("/tokenize", {"content": PROMPT})
        self.assertEqual(status, 200)
        ids = tokens["tokens"]
        text = self.complete(temperature=0)["choices"][0]["text"]
        self.assertEqual(self.complete(prompt=ids, temperature=0)["choices"][0]["text"], text)
        both = self.complete(prompt=[ids, ids[:2]], temperature=0, n=2)["choices"]
        self.assertEqual([choice["index"] for choice in both], [0, 1, 2, 3])
        self.assertEqual([choice["text"] == text for choice in both], [True, True, False, False])

    def test_stop_strings_end_a_text_and_are_no_part_of_it(self):
        answer = self.complete(max_tokens=20, temperature=0, stop=["girl", "dragon"])
        self.assertEqual(answer["choices"][0]["text"], ", there was a little ")
        self.assertEqual(answer["choices"][0]["finish_reason"], "stop")

    def test_logprobs_are_of_the_models_own_distribution(self):
        answer = self.complete(max_tokens=5, temperature=0, logprobs=3)
        cold = answer["choices"][0]["logprobs"]
        warm = self.complete(max_tokens=5, temperature=1.5, top_k=1, logprobs=3)["choices"][0]["logprobs"]
        self.assertEqual(cold, warm)
        self.assertEqual("".join(cold["tokens"]), answer["choices"][0]["text"])
        self.assertEqual(cold["text_offset"][:2], [0, len(cold["tokens"][0])])
        for token, chance, likeliest in zip(cold["tokens"], cold["token_logprobs"], cold["top_logprobs"]):
            self.assertEqual(likeliest[token], chance)
            self.assertEqual(max(likeliest.values()), chance)
            self.assertLessEqual(chance, 0)
            self.assertEqual(len(likeliest), 3)

    def test_a_format_is_what_the_text_is(self):
        schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}, "age": {"type": "integer", "minimum": 1, "maximum": 99}},
                  "required": ["name", "age"], "additionalProperties": False}
        wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
        answer = self.complete(response_format=wanted, max_tokens=100, temperature=1, seed=4)
        person = json.loads(answer["choices"][0]["text"])
        self.assertEqual(sorted(person), ["age", "name"])
        self.assertTrue(1 <= person["age"] <= 99)
        self.assertEqual(answer["choices"][0]["finish_reason"], "stop")
        text = self.complete(structured_outputs={"regex": "(yes|no)[.!]"}, temperature=1)["choices"][0]["text"]
        self.assertRegex(text, r"^(yes|no)[.!]$")

    def test_a_full_context_ends_a_text(self):
        ids = [11] * 2040
        answer = self.complete(prompt=ids, max_tokens=500, temperature=0, ignore_eos=True)
        self.assertEqual(answer["choices"][0]["finish_reason"], "length")
        error = self.refused({"prompt": [11] * 2048})
        self.assertEqual(error["code"], "context_length_exceeded")
        self.assertIn("2048", error["message"])

    def test_wrong_values_are_refused_by_name(self):
        huge = 2**63
        cases = [
            ({"prompt": ""}, "prompt", "invalid_value"), ({"prompt": []}, "prompt", "invalid_value"),
            ({"prompt": None}, "prompt", "missing_required_parameter"),
            ({"prompt": 5}, "prompt", "invalid_type"), ({"prompt": {}}, "prompt", "invalid_type"),
            ({"prompt": ["a", 5]}, "prompt[1]", "invalid_type"), ({"prompt": [[]]}, "prompt[0]", "invalid_value"),
            ({"prompt": [1, -1]}, "prompt[1]", "invalid_value"), ({"prompt": [10**6]}, "prompt[0]", "invalid_value"),
            ({"prompt": [1.5]}, "prompt[0]", "invalid_type"), ({"prompt": ["a"] * 129}, "prompt", "invalid_value"),
            ({"prompt": ["a"] * 100, "n": 2}, "n", "invalid_value"),
            ({"max_tokens": 0}, "max_tokens", "invalid_value"), ({"max_tokens": -2}, "max_tokens", "invalid_value"),
            ({"max_tokens": huge}, "max_tokens", "invalid_value"), ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
            ({"max_tokens": "5"}, "max_tokens", "invalid_type"), ({"max_tokens": True}, "max_tokens", "invalid_type"),
            ({"temperature": -1}, "temperature", "invalid_value"),
            ({"temperature": 1e30}, "temperature", "invalid_value"),
            ({"temperature": "hot"}, "temperature", "invalid_type"),
            ({"top_p": 0}, "top_p", "invalid_value"), ({"top_p": -1}, "top_p", "invalid_value"),
            ({"min_p": 2}, "min_p", "invalid_value"), ({"top_k": -1}, "top_k", "invalid_value"),
            ({"repetition_penalty": 0}, "repetition_penalty", "invalid_value"),
            ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
            ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
            ({"n": 0}, "n", "invalid_value"), ({"n": 10**6}, "n", "invalid_value"),
            ({"seed": huge}, "seed", "invalid_value"), ({"seed": 0.5}, "seed", "invalid_type"),
            ({"stop": ""}, "stop", "invalid_value"), ({"stop": ["a"] * 17}, "stop", "invalid_value"),
            ({"stop": ["a", ""]}, "stop[1]", "invalid_value"), ({"stop": [5]}, "stop[0]", "invalid_type"),
            ({"stop": "x" * 257}, "stop", "invalid_value"),
            ({"logprobs": 21}, "logprobs", "invalid_value"), ({"logprobs": True}, "logprobs", "invalid_type"),
            ({"stream": "yes"}, "stream", "invalid_type"),
            ({"stream_options": {}}, "stream_options", "invalid_value"),
            ({"logit_bias": {"5": 101}}, "logit_bias.5", "invalid_value"),
            ({"logit_bias": {"a": 1}}, "logit_bias.a", "invalid_value"),
            ({"logit_bias": {"4096": 1}}, "logit_bias.4096", "invalid_value"),
            ({"echo": True}, "echo", "unsupported_parameter"), ({"suffix": "x"}, "suffix", "unsupported_parameter"),
            ({"best_of": 2}, "best_of", "unsupported_parameter"),
            ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
            ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object", "not": {}}}}},
             "response_format.json_schema.schema", "schema_unsupported"),
            ({"response_format": {}}, "response_format.type", "missing_required_parameter"),
            ({"structured_outputs": {"regex": "(?=a)"}}, "structured_outputs.regex", "schema_unsupported"),
            ({"structured_outputs": {"choice": ["a"]}}, "structured_outputs.choice", "unsupported_value"),
            ({"service_tier": "priority"}, "service_tier", "unsupported_value"),
            ({"store": True}, "store", "unsupported_parameter"), ({"audio": {}}, "audio", "unsupported_parameter"),
        ]
        for fields, param, code in cases:
            with self.subTest(fields=str(fields)[:80]):
                error = self.refused({"prompt": PROMPT, **fields})
                self.assertEqual((error["param"], error["code"]), (param, code), error)
                self.assertEqual(error["type"], "invalid_request_error")
                self.assertTrue(error["message"].startswith(param + ": "), error)

    def test_bodies_that_are_no_json_objects_are_refused(self):
        for body in ["", "{", "[]", "5", "null", '{"prompt": NaN}', '{"prompt": "a", "temperature": 1e999}',
                     '{"prompt": "a"} x', '{"prompt": "a", "prompt": "b"}', '{"a": ' + "[" * 100000,
                     b'{"prompt": "\xff"}', '{"prompt": "\\ud800"}', '{"n": 1' + "0" * 400 + "}"]:
            with self.subTest(body=body[:40]):
                self.assertEqual(self.refused(body)["code"], "invalid_json")

    def test_fields_without_effect_are_accepted_and_unknown_ones_named(self):
        body = {"prompt": PROMPT, "temperature": 0, "user": "u", "metadata": {"a": "b"}, "top_p": None, "echo": False}
        status, headers, _ = self.server.ask("POST", COMPLETIONS, body)
        self.assertEqual((status, headers["x-lluda-ignored"]), (200, None))
        status, headers, _ = self.server.ask("POST", COMPLETIONS, {**body, "foo": 1, "é\r\nX: y": 2})
        self.assertEqual(status, 200)
        self.assertEqual(headers["x-lluda-ignored"][:5], "foo, ")
        self.assertIsNone(headers["X"])
        metrics = self.server.ask("GET", "/metrics")[2]
        self.assertIn('lluda:ignored_fields_total{field="foo"} 1\n', metrics)

    def test_other_paths_methods_and_types_are_refused(self):
        for method, path, status, code in [
                ("GET", "/nowhere", 404, "unknown_url"), ("GET", "/../etc/passwd", 404, "unknown_url"),
                ("GET", "/v1/models/other", 404, "model_not_found"), ("POST", "/v1/responses", 404, "unsupported_endpoint"),
                ("POST", "/v1/images/generations", 404, "unsupported_endpoint"),
                ("GET", COMPLETIONS, 405, "method_not_allowed"), ("DELETE", "/health", 405, "method_not_allowed")]:
            got, headers, text = self.server.ask(method, path)
            self.assertEqual((got, json.loads(text)["error"]["code"]), (status, code), path)
            self.assertEqual(headers["Allow"] is not None, status == 405)
        self.assertEqual(self.server.post(COMPLETIONS, "{}", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.server.post(COMPLETIONS, "{}", {"Content-Encoding": "gzip"})[0], 415)
        self.assertEqual(self.refused({"prompt": "a", "model": "gpt-5"}, 404)["code"], "model_not_found")
        self.assertEqual(self.refused({"input": "a"}, 404, "/v1/embeddings")["code"], "unsupported_endpoint")
        error = self.refused({"messages": [{"role": "user", "content": "Hi"}]}, path="/v1/chat/completions")
        self.assertEqual(error["code"], "chat_template_missing")

    def test_models_health_tokens_metrics_and_fingerprint(self):
        self.assertEqual(self.server.ask("GET", "/health")[2], '{"status": "ok"}')
        models = json.loads(self.server.ask("GET", "/v1/models")[2])
        self.assertEqual([(m["id"], m["max_model_len"]) for m in models["data"]], [("stories", 2048)])
        self.assertEqual(json.loads(self.server.ask("GET", "/v1/models/%73tories")[2])["id"], "stories")
        tokens = self.server.post("/tokenize", {"content": PROMPT, "with_pieces": True})[1]["tokens"]
        self.assertEqual("".join(token["piece"] for token in tokens), PROMPT)
        ids = [token["id"] for token in tokens]
        self.assertEqual(self.server.post("/detokenize", {"tokens": ids})[1], {"content": PROMPT})
        self.assertEqual(self.refused({}, path="/tokenize")["param"], "content")
        self.assertEqual(self.refused({"tokens": [-1]}, path="/detokenize")["param"], "tokens[0]")
        fingerprint = self.complete()["system_fingerprint"]
        self.assertRegex(fingerprint, r"^lluda-[0-9a-f]{16}$")
        self.assertIsInstance(json.loads(self.server.ask("GET", "/fingerprint")[2]), dict)
        metrics = self.server.ask("GET", "/metrics")[2]
        for line in metrics.splitlines():
            self.assertRegex(line, r'^(# TYPE lluda:\w+ (counter|gauge|histogram)|lluda:\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.e\d]+)$')
        for name in ["num_requests_running", "generation_tokens_total", "time_to_first_token_seconds_bucket",
                     "http_requests_total", "request_success_total", "step_seconds_count"]:
            self.assertIn("lluda:" + name, metrics)
        self.assertGreater(int(re.search(r"lluda:step_limit_ratio_count (\d+)", metrics).group(1)), 0)
        self.assertGreater(float(re.search(r"lluda:step_limit_ratio_sum (\S+)", metrics).group(1)), 0)

    def test_foreign_hosts_and_origins_are_refused(self):
        for headers, code in [({"Host": "evil.example"}, "forbidden_host"), ({"Host": "evil.example:80"}, "forbidden_host"),
                              ({"Origin": "https://evil.example"}, "forbidden_origin"), ({"Origin": "null"}, "forbidden_origin")]:
            status, answer = self.server.post(COMPLETIONS, {"prompt": "a"}, headers)
            self.assertEqual((status, answer["error"]["code"]), (403, code), headers)
        own = {"Origin": f"http://127.0.0.1:{self.server.port}"}
        self.assertEqual(self.server.post(COMPLETIONS, {"prompt": "a"}, own)[0], 200)
        self.assertEqual(self.server.post(COMPLETIONS, {"prompt": "a"}, {"Host": "localhost"})[0], 200)

    def test_a_client_that_leaves_stops_its_text(self):
        def running():
            metrics = self.server.ask("GET", "/metrics")[2]
            return int(re.search(r"lluda:num_requests_running (\d+)", metrics).group(1))

        for stream in (False, True):
            body = json.dumps({"prompt": PROMPT, "max_tokens": 2000, "ignore_eos": True, "n": 4, "stream": stream})
            with socket.create_connection(("127.0.0.1", self.server.port)) as client:
                client.sendall(f"POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
                for _ in range(200):
                    if running() == 4:
                        break
                    time.sleep(0.02)
                self.assertEqual(running(), 4)
            for _ in range(200):
                if running() == 0:
                    break
                time.sleep(0.02)
            self.assertEqual(running(), 0)

    def test_a_bias_forbids_a_token_or_forces_it(self):
        def tokens(**fields):
            return self.complete(temperature=0, max_tokens=4, logprobs=0, **fields)["choices"][0]["logprobs"]["tokens"]

        first = tokens()[0]
        ids = self.server.post("/tokenize", {"content": first})[1]["tokens"]
        self.assertEqual(len(ids), 1)
        self.assertNotIn(first, tokens(logit_bias={str(ids[0]): -100}))
        self.assertEqual(tokens(logit_bias={str(ids[0]): 100}), [first] * 4)

    def test_what_http_refuses_is_one_json_error(self):
        for data in [b"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
                     b"GET /" + b"a" * 20000, b"\x16\x03\x01\x00\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"GET / HTTP/1.1\r\n\r\n"]:
            head, _, body = self.server.raw(data).partition(b"\r\n\r\n")
            self.assertIn(b"Connection: close", head)
            self.assertEqual(list(json.loads(body)), ["error"])

    def test_idle_connections_cost_little(self):
        before = self.server.resident()
        clients = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(500)]
        self.assertEqual(self.server.ask("GET", "/health")[0], 200)
        self.assertLess(self.server.resident() - before, 4 << 20)
        for client in clients:
            client.close()

    def test_large_requests_leave_no_memory_behind(self):
        def ask_much():
            many = [3] * 1_500_000
            self.assertEqual(self.server.post("/detokenize", {"tokens": many})[0], 200)
            self.assertEqual(self.server.post("/tokenize", {"content": "a b " * 1_000_000})[0], 200)
            self.refused({"prompt": "a b " * 1_000_000})
            self.refused({"prompt": ["a"] * 100_000})
            self.refused({"prompt": PROMPT, "structured_outputs": {"regex": "((a{100}){100}){100}"}})

        for _ in range(3):
            ask_much()
        # What a worker gives back, it does behind the answer.
        for _ in range(100):
            if self.server.resident() - self.at_start < 24 << 20:
                break
            time.sleep(0.05)
        self.assertLess(self.server.resident() - self.at_start, 24 << 20)

    def test_the_guides_curl_examples_run(self):
        blocks = re.findall(r"^```\n(curl .*?)^```$", Path(os.environ["guide"]).read_text(), re.M | re.S)
        # What sends a sound needs a model that hears: cli/transcribe_test has one.
        blocks = [block for block in blocks if "file=@" not in block]
        self.assertGreaterEqual(len(blocks), 3)
        for command in blocks:
            command = command.replace("localhost:8080", f"127.0.0.1:{self.server.port}")
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, command + done.stderr)
            self.assertNotIn('"error"', done.stdout, command)

    def test_each_request_has_a_line_without_its_text(self):
        secret = "a secret that no log has"
        self.complete(prompt=secret, seed=77)
        self.refused({"prompt": secret, "n": 0})
        for _ in range(100):
            lines = [json.loads(line) for line in self.server.log if line.startswith("{")]
            found = [line for line in lines if line.get("seed") == 77]
            if found:
                break
            time.sleep(0.02)
        self.assertEqual(found[0]["status"], 200)
        self.assertEqual(found[0]["finish"], "length")
        self.assertEqual(found[0]["generated_tokens"], 16)
        self.assertGreater(found[0]["first_token_seconds"], 0)
        self.assertLess(found[0]["queue_seconds"], found[0]["first_token_seconds"])
        self.assertNotIn(secret, "".join(self.server.log))


class OperationTest(unittest.TestCase):
    def test_keys_let_their_owners_in(self):
        with Server("--api-key-file", "keys", "--public-metrics", "--allow-origin", "https://chat.example",
                    "--strict-fields") as server:
            mine = {"Authorization": "Bearer 0123456789"}
            self.assertEqual(server.ask("GET", "/health")[0], 200)
            self.assertEqual(server.ask("GET", "/metrics")[0], 200)
            for headers in [{}, {"Authorization": "Bearer 012345678"}, {"Authorization": "0123456789"},
                            {"Authorization": "Basic 0123456789"}, {"Authorization": "Bearer "}]:
                for method, path in [("GET", "/v1/models"), ("POST", COMPLETIONS), ("GET", "/"), ("GET", "/nowhere")]:
                    status, answer_headers, text = server.ask(method, path, headers=headers)
                    self.assertEqual((status, json.loads(text)["error"]["code"]), (401, "invalid_api_key"))
                    self.assertEqual(answer_headers["WWW-Authenticate"], "Bearer")
            self.assertEqual(server.post(COMPLETIONS, {"prompt": "a"}, mine)[0], 200)
            self.assertEqual(server.post(COMPLETIONS, {"prompt": "a"}, {**mine, "Host": "any.example"})[0], 200)
            status, answer = server.post(COMPLETIONS, {"prompt": "a", "foo": 1}, mine)
            self.assertEqual((status, answer["error"]["code"], answer["error"]["param"]), (400, "unsupported_parameter", "foo"))
            page = {**mine, "Origin": "https://chat.example"}
            status, headers, _ = server.ask("GET", "/v1/models", headers=page)
            self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "https://chat.example"))
            status, headers, _ = server.ask("OPTIONS", COMPLETIONS, headers={"Origin": "https://chat.example"})
            self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, "https://chat.example"))
            self.assertEqual(server.ask("OPTIONS", COMPLETIONS, headers={"Origin": "https://evil.example"})[0], 403)
            self.assertNotIn("0123456789", "".join(server.log))
            self.assertEqual(server.end(), 0)

    def test_texts_are_written_down_in_a_file_of_its_owner(self):
        with Server("--log-text", "texts") as server:
            body = {"prompt": PROMPT, "seed": 5, "n": 2, "max_tokens": 5}
            answer = server.post(COMPLETIONS, body)[1]
            server.stream(COMPLETIONS, body)
            self.assertEqual(server.end(), 0)
            self.assertNotIn(PROMPT, "".join(server.log))
        self.assertEqual(os.stat("texts").st_mode & 0o777, 0o600)
        whole, stream = [json.loads(line) for line in Path("texts").read_text().splitlines()]
        self.assertTrue(whole["prompts"][0].endswith(PROMPT), whole)
        self.assertEqual(whole["answers"], [choice["text"] for choice in answer["choices"]])
        self.assertEqual(stream["answers"], whole["answers"])
        os.chmod("texts", 0o644)
        with self.assertRaisesRegex(RuntimeError, "others than its owner may read"):
            Server("--log-text", "texts")

    def test_a_model_of_vectors_makes_those_of_the_command(self):
        command = [os.environ["lluda"], "embed", "-p", PROMPT]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        expected = json.loads(done.stdout)["embedding"]
        with Server("--embeddings") as server:
            status, answer = server.post("/v1/embeddings", {"input": [PROMPT, "The fox"]})
            self.assertEqual(status, 200, answer)
            self.assertEqual([one["index"] for one in answer["data"]], [0, 1])
            self.assertEqual(answer["data"][0]["embedding"], expected)
            encoded = server.post("/v1/embeddings", {"input": PROMPT, "encoding_format": "base64"})[1]
            floats = struct.unpack(f"<{len(expected)}f", base64.b64decode(encoded["data"][0]["embedding"]))
            self.assertEqual(list(floats), list(struct.unpack(f"<{len(expected)}f", struct.pack(f"<{len(expected)}f", *expected))))
            self.assertEqual(len(server.post("/v1/embeddings", {"input": "a", "dimensions": 8})[1]["data"][0]["embedding"]), 8)
            error = server.post("/v1/embeddings", {"input": "a", "dimensions": 257})[1]["error"]
            self.assertEqual((error["param"], error["code"]), ("dimensions", "invalid_value"))
            status, answer = server.post(COMPLETIONS, {"prompt": "a"})
            self.assertEqual((status, answer["error"]["code"]), (404, "unsupported_endpoint"))
            self.assertEqual(server.ask("GET", "/metrics")[0], 200)
            self.assertEqual(server.end(), 0)

    def test_answers_are_the_same_where_pages_run_out_and_after_a_restart(self):
        bodies = [{"prompt": PROMPT + " there was" * (i % 3), "max_tokens": 300, "ignore_eos": True, "seed": i}
                  for i in range(8)]
        with Server("--max-sequences", "8") as server:
            expected = [server.post(COMPLETIONS, body)[1]["choices"] for body in bodies]
            self.assertEqual(server.end(), 0)
        plan = subprocess.run([os.environ["lluda"], "serve", "--plan", "--max-sequences", "1"],
                              capture_output=True, text=True, check=True).stdout
        megabytes = float(re.search(r"keys and values +([\d.]+) MB", plan).group(1))
        with Server("--max-sequences", "8", "--kv-memory", f"{int(megabytes * 1e6) + 100000}") as server:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda body: server.post(COMPLETIONS, body)[1]["choices"], bodies))
            self.assertEqual(answers, expected)
            metrics = server.ask("GET", "/metrics")[2]
            self.assertGreater(int(re.search(r"lluda:num_preemptions_total (\d+)", metrics).group(1)), 0)
            self.assertEqual(server.end(), 0)

    def test_a_partial_head_and_a_bundle_give_the_same_answers(self):
        bodies = [{"prompt": PROMPT, "max_tokens": 40, "seed": 1, "temperature": temperature, **fields}
                  for temperature in (0, 1)
                  for fields in [{}, {"logprobs": 2}, {"n": 3}, {"top_k": 5}, {"logit_bias": {"5": -100, "9": 3}}, {"repetition_penalty": 1.3},
                                 {"min_p": 0.1, "top_p": 0.9}, {"structured_outputs": {"regex": "[a-z ]{10,40}[.]"}}]]

        def answers(*flags, **what):
            with Server("--log", "off", "--max-sequences", "8", *flags, **what) as server:
                alone = [server.post(COMPLETIONS, body)[1]["choices"] for body in bodies]
                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    together = list(pool.map(lambda body: server.post(COMPLETIONS, body)[1]["choices"], bodies))
                self.assertEqual(together, alone)
                self.assertEqual(server.end(), 0)
            return alone

        expected = answers()
        self.assertEqual(answers("--partial-head"), expected)
        subprocess.run([os.environ["lluda"], "compile", "-o", "stories.llb"], check=True, stderr=subprocess.DEVNULL)
        self.assertEqual(answers(model="stories.llb"), expected)
        self.assertEqual(answers(command=[os.environ["runner"], "stories.llb", "--serve"]), expected)

    def start_stream(self, server, tokens=2000):
        body = json.dumps({"prompt": PROMPT, "max_tokens": tokens, "ignore_eos": True, "stream": True, "seed": 1})
        client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        client.sendall(f"POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return client, client.recv(4096)

    def test_sigterm_lets_an_answer_end(self):
        with Server("--drain-seconds", "60") as server:
            client, read = self.start_stream(server, tokens=300)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port))
            while some := client.recv(65536):
                read += some
            self.assertTrue(read.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), read[-200:])
            self.assertEqual(server.process.wait(timeout=60), 0)
            client.close()

    def test_an_answer_that_goes_on_for_too_long_ends_with_an_error(self):
        with Server("--drain-seconds", "0") as server:
            client, read = self.start_stream(server)
            server.process.send_signal(signal.SIGINT)
            while some := client.recv(65536):
                read += some
            last = read.split(b"data: ")[-1]
            self.assertIn(b'"code": "draining"', last)
            self.assertTrue(last.endswith(b"0\r\n\r\n"))
            self.assertNotIn(b"[DONE]", read)
            self.assertEqual(server.process.wait(timeout=60), 0)
            client.close()

    def test_a_second_signal_ends_it_at_once(self):
        with Server() as server:
            client, _ = self.start_stream(server)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            self.assertEqual(server.end(signal.SIGTERM), -signal.SIGTERM)
            client.close()

    def test_a_full_queue_is_told_with_a_time_to_come_again(self):
        with Server("--max-sequences", "1", "--max-queue", "1") as server:
            client, _ = self.start_stream(server)
            body = {"prompt": PROMPT, "max_tokens": 2000, "ignore_eos": True}
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                waiting = [pool.submit(server.ask, "POST", COMPLETIONS, body) for _ in range(3)]
                full = next(concurrent.futures.as_completed(waiting)).result()
                self.assertEqual(full[0], 429)
                error = json.loads(full[2])["error"]
                self.assertEqual((error["code"], error["type"]), ("queue_full", "rate_limit_error"))
                self.assertGreaterEqual(int(full[1]["Retry-After"]), 1)
                server.process.kill()
                for one in waiting:
                    one.exception()
            client.close()

    def test_listens_on_a_socket_in_the_file_system(self):
        path = "socket"  # from here: the paths of sockets are short
        command = [os.environ["lluda"], "serve", "--unix", path]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stderr.readline(), f"lluda: serving stories at unix:{path}\n")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            done = subprocess.run(["curl", "-s", "--unix-socket", path, "http://localhost/health"],
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout, '{"status": "ok"}')
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=60), 0)
        self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main(verbosity=1)
