"""Asks `lluda serve` with OpenAI's own client, where Python has it. Run by serve_test.sh; MODEL is one with Qwen3's chat
template."""

import json
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serving import Server  # noqa: E402

try:
    import openai
    import pydantic  # which openai needs
except ImportError:
    print("skipped: Python has no module openai")
    sys.exit(0)

HI = [{"role": "user", "content": "Tell me a story."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
          "required": ["city", "days"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells the weather", "parameters": SCHEMA}}


class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--log", "off", model=os.environ["MODEL"])
        cls.client = openai.OpenAI(base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key="none", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        code = cls.server.end()
        assert code == 0, code

    def ask(self, **fields):
        return self.client.chat.completions.create(
            **{"model": self.server.model, "messages": HI, "max_tokens": 16, "temperature": 1, "seed": 3, **fields})

    def test_models_are_listed(self):
        self.assertEqual([model.id for model in self.client.models.list()], [self.server.model])

    def test_a_chat_and_its_stream_are_the_same_text(self):
        answer = self.ask()
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.usage.completion_tokens, 16)
        self.assertTrue(answer.system_fingerprint.startswith("lluda-"))
        with self.ask(stream=True, stream_options={"include_usage": True}) as stream:
            chunks = list(stream)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, answer.choices[0].message.content)
        self.assertEqual(chunks[-1].usage, answer.usage)

    def test_completions_and_several_choices(self):
        answer = self.client.completions.create(model=self.server.model, prompt=["Once", "The fox"], n=2, max_tokens=5, seed=1)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2, 3])

    def test_logprobs_have_likely_tokens_and_bytes(self):
        for one in self.ask(logprobs=True, top_logprobs=3).choices[0].logprobs.content:
            self.assertEqual(len(one.top_logprobs), 3)
            self.assertEqual(bytes(one.bytes).decode(errors="replace"), one.token)
            self.assertLessEqual(one.logprob, 0)

    def test_a_schema_is_kept_to(self):
        answer = self.ask(max_tokens=60, reasoning_effort="none",
                          response_format={"type": "json_schema", "json_schema": {"name": "trip", "strict": True, "schema": SCHEMA}})
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        trip = json.loads(answer.choices[0].message.content)
        self.assertEqual(list(trip), ["city", "days"])
        self.assertTrue(1 <= trip["days"] <= 9)

    def test_a_tool_is_called_and_its_arguments_are_streamed(self):
        fields = {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 80, "reasoning_effort": "none"}
        answer = self.ask(**fields).choices[0]
        self.assertEqual(answer.finish_reason, "tool_calls")
        call = answer.message.tool_calls[0]
        self.assertEqual(call.function.name, "weather")
        self.assertEqual(list(json.loads(call.function.arguments)), ["city", "days"])
        with self.ask(stream=True, **fields) as stream:
            pieces = [piece for chunk in stream for piece in chunk.choices[0].delta.tool_calls or []]
        self.assertEqual((pieces[0].id, pieces[0].function.name), (call.id, "weather"))
        self.assertEqual("".join(piece.function.arguments for piece in pieces), call.function.arguments)

    def test_the_clients_helpers_read_formats_and_streams(self):
        class Trip(pydantic.BaseModel):
            city: str = pydantic.Field(max_length=8)
            days: int = pydantic.Field(ge=1, le=9)

        fields = {"model": self.server.model, "messages": HI, "max_tokens": 60, "temperature": 1, "seed": 3,
                  "reasoning_effort": "none", "response_format": Trip}
        parsed = self.client.chat.completions.parse(**fields).choices[0].message.parsed
        self.assertTrue(1 <= parsed.days <= 9)
        with self.client.chat.completions.stream(**fields) as stream:
            self.assertEqual(stream.get_final_completion().choices[0].message.parsed, parsed)

    def test_a_stream_that_a_shutdown_cuts_is_an_exception(self):
        with Server("--log", "off", "--drain-seconds", "0", model=os.environ["MODEL"]) as server:
            with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", max_retries=0) as client:
                stream = client.completions.create(model=server.model, prompt="Once", max_tokens=1900, stream=True,
                                                   extra_body={"ignore_eos": True})
                with self.assertRaises(openai.APIError) as caught:
                    for number, _ in enumerate(stream):
                        if number == 0:
                            server.process.send_signal(signal.SIGTERM)
                self.assertEqual(caught.exception.code, "draining")
            self.assertEqual(server.process.wait(timeout=60), 0)

    def test_errors_are_the_clients_exceptions(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(temperature=3)
        self.assertEqual((caught.exception.param, caught.exception.code), ("temperature", "invalid_value"))
        with self.assertRaises(openai.NotFoundError) as caught:
            self.ask(model="other")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            self.client.embeddings.create(model=self.server.model, input="a")

    def test_keys_and_vectors(self):
        with Server("--log", "off", "--embeddings") as server:
            with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", max_retries=0) as client:
                answer = client.embeddings.create(model=server.model, input=["a", "The fox"], dimensions=8)
                self.assertEqual([len(one.embedding) for one in answer.data], [8, 8])
            self.assertEqual(server.end(), 0)
        with Server("--log", "off", environment={"LLUDA_API_KEYS": "alice:0123456789"}) as server:
            for key, raises in [("0123456789", False), ("wrong key", True)]:
                with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=key, max_retries=0) as client:
                    if raises:
                        self.assertRaises(openai.AuthenticationError, client.models.list)
                    else:
                        self.assertEqual(len(client.models.list().data), 1)
            self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
