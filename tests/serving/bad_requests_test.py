"""What odd and malicious clients send: each gets one JSON error or an answer in bounded time, and the server is as it was."""

import json
import os
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "cli"))
from serving import Server  # noqa: E402

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
MESSAGES = [{"role": "user", "content": "Hi"}]
# Of a request, on a machine that does much else.
MOST_SECONDS = 30
MOST_GROWTH = 48 << 20


def nested(depth, begin="[", end="]"):
    return begin * depth + end * depth


def deep_schema(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


# Values of no use to any field, as JSON.
ODD_VALUES = ["null", "true", "-1", "0", "1.5", "1e999", "-1e999", "NaN", "Infinity", "9223372036854775808", "1" * 400, '""', '"\\ud800"',
              '"\\u0000"', '"' + "x" * 70000 + '"', "[]", "{}", "[null]", "[[]]", "[{}]", '{"a": 1}', nested(63), nested(200),
              nested(40, '{"a":', "}").replace(":}", ":1}"), "[" + "0," * 50000 + "0]"]
FIELDS = ["model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "presence_penalty",
          "frequency_penalty", "repetition_penalty", "seed", "n", "stop", "ignore_eos", "logprobs", "top_logprobs", "stream", "stream_options",
          "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort", "chat_template_kwargs", "prompt_cache_key", "cache_salt", "lluda",
          "user", "metadata", "safety_identifier", "service_tier", "store", "verbosity", "modalities", "response_format", "structured_outputs",
          "logit_bias", "echo", "suffix", "best_of", "audio", "prediction", "functions", "function_call"]


def field_bodies():
    """(path, body): each field with each odd value, the others being right."""
    for path, field, right in [(CHAT, "messages", json.dumps(MESSAGES)), (COMPLETIONS, "prompt", '"Once"')]:
        for name in FIELDS:
            for value in ODD_VALUES:
                rest = "" if name == field else f', "{field}": {right}'
                limit = "" if name == "max_tokens" else ', "max_tokens": 1'
                yield path, f'{{"{name}": {value}{rest}{limit}}}'


def message_bodies():
    for messages in [
            [{}], [5], [None], [[]], [{"role": "user"}], [{"role": "king", "content": "x"}], [{"role": 5, "content": "x"}],
            [{"role": "user", "content": None}], [{"role": "user", "content": 5}], [{"role": "user", "content": [{"type": "image_url"}]}],
            [{"role": "user", "content": [{"type": "text"}]}], [{"role": "user", "content": [{"type": "text", "text": 5}]}],
            [{"role": "user", "content": [5]}], [{"role": "tool", "content": "x"}], [{"role": "assistant", "content": None}],
            [{"role": "assistant", "tool_calls": [{}]}], [{"role": "assistant", "tool_calls": "x"}],
            [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]}],
            [{"role": "user", "content": "x"}] * 3000, [{"role": "user", "content": "<|im_end|><think></tool_call>" * 500}]]:
        yield CHAT, json.dumps({"messages": messages, "max_tokens": 1})


def tool_bodies():
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    for tools in [[{}], [{"type": "function"}], [{"type": "web_search"}], [{"type": "function", "function": {}}],
                  [{"type": "function", "function": {"name": ""}}], [{"type": "function", "function": {"name": "a b\n"}}],
                  [{"type": "function", "function": {"name": "x" * 1000}}], [{"type": "function", "function": function}] * 2,
                  [{"type": "function", "function": {**function, "name": f"f{i}"}} for i in range(200)],
                  [{"type": "function", "function": {"name": "f", "parameters": deep_schema(100)}}],
                  [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": 5}}}]]:
        yield CHAT, json.dumps({"messages": MESSAGES, "tools": tools, "max_tokens": 1})
    for choice in ["some", {"type": "function"}, {"type": "function", "function": {"name": "g"}}, {}, 5]:
        yield CHAT, json.dumps({"messages": MESSAGES, "tools": [{"type": "function", "function": function}], "tool_choice": choice})


def grammar_bodies():
    for regex in ["", "(" * 60000, "(" * 1000 + "a" + ")" * 1000, "((a*)*)*b", "(a|a)*" * 100, "a{0,1000000000}", "((((a{99}){99}){99}){99})",
                  "^+a", "[z-a]", "\\", "(?=a)b", "(a)\\1", "[" * 1000, "a{5,2}", "\\p{Foo}", "[^\\s\\S]", "(a?){200}a{200}", "x" * 60000]:
        yield COMPLETIONS, json.dumps({"prompt": "a", "max_tokens": 2, "structured_outputs": {"regex": regex}})
    for schema in [
            {"$ref": "#"}, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, {"$ref": "http://example.com/x"},
            {"$ref": "#/$defs/b", "$defs": {"b": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]}}}, {"enum": []}, {"const": 1e300},
            {"enum": list(range(20000))}, {"type": "array", "minItems": 10**9}, {"type": "string", "minLength": 10**9, "maxLength": 5},
            {"type": "string", "maxLength": 2**62}, {"type": "string", "pattern": "(" * 100000}, {"type": "string", "pattern": "^+a"},
            {"type": "integer", "minimum": 2**62, "maximum": -2**62}, {"type": "integer", "minimum": 1e300}, {"type": "nothing"}, {"type": []},
            {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(6000)}}, deep_schema(31), deep_schema(60), True, False, 5,
            {"type": "object", "required": ["a"], "properties": {}, "additionalProperties": False}, {"allOf": [{}, {}]}, {"not": {}},
            {"type": "array", "prefixItems": [{"type": "null"}] * 5000}, {"anyOf": [{"type": "string"}] * 3000}, {"format": "regex", "type": "string"}]:
        form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
        yield COMPLETIONS, json.dumps({"prompt": "a", "max_tokens": 2, "response_format": form})


def text_bodies():
    for text in ["x" * 130000, "." * 130000, " " * 130000, "\n" * 130000, "日" * 40000, "e\u0301" * 40000, "\u0000" * 500, "<|im_end|>" * 5000,
                 "a\u202eb" * 1000, "\U0001f469\u200d\U0001f469" * 5000]:
        yield COMPLETIONS, json.dumps({"prompt": text, "max_tokens": 1})
        yield "/tokenize", json.dumps({"content": text})
        yield CHAT, json.dumps({"messages": [{"role": "user", "content": text}], "max_tokens": 1})
    for tokens in [[2**31], [-1], [2**63], [1.5], ["1"], [None], [3] * 100000]:
        yield COMPLETIONS, json.dumps({"prompt": tokens, "max_tokens": 1})
        yield "/detokenize", json.dumps({"tokens": tokens})


def whole_bodies():
    good = '"prompt": "a", "max_tokens": 1'
    for body in ["", " ", "{", "}", "[]", "5", '"a"', "null", "{} {}", '{"prompt": "a"} x', '{"prompt": "a", "prompt": "b"}', "{" + good + ",}",
                 "{'prompt': 'a'}", "{" + good + ', "x": ' + nested(100000) + "}", '{"a": ' * 100000, b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"{\x00}",
                 b'{"prompt": "\xc0\x80"}', b'{"prompt": "\xed\xa0\x80"}', b"\x00" * 1000, "{" + good + "}" + "\x00", "//x\n{" + good + "}",
                 "{" + good + ', "temperature": 1e999}', "{" + good + ', "temperature": .5}', "{" + good + ', "temperature": 0x10}',
                 "{" + ",".join(f'"f{i}": 1' for i in range(20000)) + ", " + good + "}", "{" + good + ', "lluda": {"cached_tokens": true, "x": 1}}']:
        for path in [COMPLETIONS, CHAT, "/tokenize", "/detokenize", "/apply-template", "/v1/embeddings"]:
            yield path, body


HOST = b"Host: localhost\r\n"
JSON_TYPE = b"Content-Type: application/json\r\n"
# Bytes that are no request, or one that is not served; each ends with the connection.
RAW = {
    "a bare CR": b"GET /health HTTP/1.1\rHost: a\r\r",
    "a bare LF between lines, with a length twice": b"POST / HTTP/1.1\n" + HOST + b"Content-Length: 1\nContent-Length: 1\n\nx",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "a header without a name": b"GET /health HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
    "space before the colon": b"GET /health HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n",
    "a folded header": b"GET /health HTTP/1.1\r\n" + HOST + b"X: y\r\n z\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "a foreign host": b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "101 headers": b"GET /health HTTP/1.1\r\n" + HOST + b"".join(b"X%d: y\r\n" % i for i in range(101)) + b"\r\n",
    "a header of 20 kB": b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 20000 + b"\r\n\r\n",
    "a target of 20 kB": b"GET /" + b"y" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /health\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3.0": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50 + b"\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"BREW /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "both lengths": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a length of -1": b"POST /tokenize HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "a length of +2": b"POST /tokenize HTTP/1.1\r\n" + HOST + b"Content-Length: +2\r\n\r\n{}",
    "a length beyond 64 bits": b"POST /tokenize HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "a length of two numbers": b"POST /tokenize HTTP/1.1\r\n" + HOST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a gigabyte": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Content-Length: 1073741824\r\n\r\n",
    "a chunk of -2 bytes": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n1" + b"0" * 17 + b"\r\n",
    "a chunk without its end": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    "chunks beyond all bounds": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 200,
    "endless extensions of a chunk": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a=b;" * 50000,
    "another Expect": b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Expect: a miracle\r\nContent-Length: 2\r\n\r\n{}",
}


class BadRequestsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--max-sequences", "4", "--log", "off", model=os.environ["model"])
        cls.server.post(COMPLETIONS, {"prompt": "Once", "max_tokens": 4})
        cls.at_start = cls.server.resident()

    @classmethod
    def tearDownClass(cls):
        code = cls.server.end()
        assert code == 0, code

    def tearDown(self):
        self.assertEqual(self.server.ask("GET", "/health")[:1], (200,))

    def check(self, bodies):
        """Asks for all of them; each answer is one error with a message, or what was asked for."""
        count = 0
        for path, body in bodies:
            count += 1
            with self.subTest(path=path, body=body[:100]):
                begin = time.monotonic()
                status, _, text = self.server.ask("POST", path, body)
                self.assertLess(time.monotonic() - begin, MOST_SECONDS)
                self.assertIn(status, [200, 400, 404, 413])
                if status != 200:
                    error = json.loads(text)["error"]
                    self.assertEqual(sorted(error), ["code", "message", "param", "type"])
                    self.assertEqual(error["type"], "invalid_request_error")
                    self.assertTrue(error["message"] and error["code"])
                    self.assertNotIn("\n", error["message"])
                    self.assertLess(len(error["message"]), 2000)
        return count

    def test_each_field_with_each_odd_value(self):
        self.assertGreater(self.check(field_bodies()), 2000)

    def test_odd_messages_tools_and_grammars(self):
        self.assertGreater(self.check(message_bodies()) + self.check(tool_bodies()) + self.check(grammar_bodies()), 75)

    def test_a_grammar_that_asks_for_too_much_is_the_requests_fault(self):
        """Each character of these may be in one place or in hundreds."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        alternatives = "|".join(".*[%s].{2000}" % letters[:26 - i] for i in range(6))
        for regex in ["(.?){3000}z", "(.{0,60}){60}", f"({alternatives}).*"]:
            for stream in [False, True]:
                with self.subTest(regex=regex[:40], stream=stream):
                    status, headers, text = self.server.ask("POST", COMPLETIONS, {
                        "prompt": "Once", "max_tokens": 400, "seed": 1, "temperature": 1, "top_k": 0, "stream": stream,
                        "structured_outputs": {"regex": regex}})
                    error = json.loads(text.rpartition("data: ")[2])["error"]
                    self.assertIn(status, [400, 200] if stream else [400])
                    self.assertEqual((error["code"], error["param"]), ("schema_too_complex", "structured_outputs.regex"))
                    self.assertIn(" that are allowed", error["message"])
                    self.assertIsNone(headers["Retry-After"])

    def test_odd_texts_and_tokens(self):
        self.assertGreater(self.check(text_bodies()), 40)

    def test_bodies_that_are_no_requests(self):
        self.assertGreater(self.check(whole_bodies()), 150)

    def test_bytes_that_are_no_requests(self):
        for name, data in RAW.items():
            with self.subTest(name):
                answer = self.server.raw(data, wait=MOST_SECONDS)
                head, _, body = answer.partition(b"\r\n\r\n")
                self.assertRegex(head, rb"^HTTP/1\.1 4\d\d ")
                self.assertEqual(answer.count(b"\r\n\r\n"), 1)
                self.assertIn(b"Content-Type: application/json", head)
                self.assertEqual(list(json.loads(body)), ["error"])

    def test_requests_come_in_pieces_and_in_a_row(self):
        body = b'{"content": "Once"}'
        post = b"POST /tokenize HTTP/1.1\r\n" + HOST + JSON_TYPE
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=MOST_SECONDS) as client:
            for byte in post + b"Content-Length: %d\r\n\r\n" % len(body) + body:
                client.send(bytes([byte]))
            self.assertIn(b'{"tokens": ', client.recv(65536))
            # Trailers are read over; a client that asks first is told to go on.
            client.sendall(post + b"Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n" +
                           b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n")
            self.assertIn(b'{"tokens": ', client.recv(65536))
            client.sendall(post + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 100 "))
            client.sendall(body)
            self.assertIn(b'{"tokens": ', client.recv(65536))
            # Answers come in the order of the requests, whichever takes longest.
            completion = b'{"prompt": "Once", "max_tokens": 8, "seed": 1}'
            client.sendall(b"POST /v1/completions HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Content-Length: %d\r\n\r\n" % len(completion) + completion +
                           b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /v1/models HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            read = b""
            while some := client.recv(65536):
                read += some
            places = [read.find(part) for part in [b'"text_completion"', b'{"status": "ok"}', b'"max_model_len"']]
            self.assertEqual(places, sorted(places))
            self.assertGreater(places[0], 0)

    def test_clients_that_leave_in_the_middle(self):
        completion = b'{"prompt": "Once", "max_tokens": 500, "ignore_eos": true, "stream": true}'
        head = b"POST /v1/completions HTTP/1.1\r\n" + HOST + JSON_TYPE + b"Content-Length: %d\r\n\r\n" % len(completion)
        whole = head + completion
        for end in [1, 20, len(head) - 2, len(head), len(head) + 10, len(whole)]:
            for how in ["close", "reset", "half"]:
                client = socket.create_connection(("127.0.0.1", self.server.port))
                client.sendall(whole[:end])
                if how == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                if how == "half":
                    client.shutdown(socket.SHUT_WR)
                client.close()
        for _ in range(300):
            metrics = self.server.ask("GET", "/metrics")[2]
            if "\nlluda:num_requests_running 0\n" in metrics and "\nlluda:num_requests_waiting 0\n" in metrics:
                break
            time.sleep(0.1)
        else:
            self.fail("texts of clients that have gone are still written")

    def test_zz_none_of_it_has_left_memory_behind(self):
        for _ in range(100):
            if self.server.resident() - self.at_start < MOST_GROWTH:
                return
            time.sleep(0.1)
        self.fail(f"{(self.server.resident() - self.at_start) >> 20} MiB more than before")


if __name__ == "__main__":
    unittest.main()
