"""Holds conversations with `lluda serve`. Run by serve_test.sh; MODEL is one with Qwen3's chat template."""

import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from serving import Server  # noqa: E402

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Tell me a story."}]
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "Tells the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


class ChatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--log", "off", "--alias", "tales", model=os.environ["MODEL"])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.end()
        assert code == 0, code

    def chat(self, **fields):
        body = {"messages": HI, "max_tokens": 16, "temperature": 1, "seed": 3, **fields}
        status, answer = self.server.post(CHAT, body)
        self.assertEqual(status, 200, answer)
        return answer

    def render(self, **fields):
        status, answer = self.server.post("/apply-template", {"messages": HI, **fields})
        self.assertEqual(status, 200, answer)
        return answer["prompt"]

    def test_answers_a_conversation_under_any_of_its_names(self):
        answer = self.chat()
        self.assertEqual(answer["object"], "chat.completion")
        self.assertEqual(answer["choices"][0]["message"]["role"], "assistant")
        self.assertTrue(answer["choices"][0]["message"]["content"])
        other = self.chat(model="tales")
        self.assertEqual(other["model"], "tales")
        self.assertEqual(other["choices"], answer["choices"])

    def test_a_stream_has_what_the_whole_answer_has(self):
        for fields in [{}, {"n": 2}, {"logprobs": True, "top_logprobs": 2}, {"tools": [TOOL]}, {"stop": [" the"]}]:
            whole = self.chat(**fields)
            body = {"messages": HI, "max_tokens": 16, "temperature": 1, "seed": 3, **fields,
                    "stream_options": {"include_usage": True}}
            events = self.server.stream(CHAT, body)
            self.assertEqual(events.pop(), "[DONE]")
            self.assertEqual(events.pop()["usage"], whole["usage"])
            self.assertEqual({event["object"] for event in events}, {"chat.completion.chunk"})
            for choice in whole["choices"]:
                parts = [event["choices"][0] for event in events if event["choices"][0]["index"] == choice["index"]]
                self.assertEqual(parts[0]["delta"], {"role": "assistant", "content": ""})
                self.assertEqual("".join(part["delta"].get("content", "") for part in parts),
                                 choice["message"]["content"])
                self.assertEqual(parts[-1]["delta"], {})
                self.assertEqual(parts[-1]["finish_reason"], choice["finish_reason"])
                if choice["logprobs"]:
                    streamed = sum((part["logprobs"]["content"] for part in parts if part["logprobs"]), [])
                    self.assertEqual(streamed, choice["logprobs"]["content"])
                    self.assertEqual("".join(one["token"] for one in streamed), choice["message"]["content"])

    def test_a_required_call_is_streamed_as_it_is_written(self):
        fields = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 60, "reasoning_effort": "none"}
        call = self.chat(**fields)["choices"][0]["message"]["tool_calls"][0]
        events = self.server.stream(CHAT, {"messages": HI, "temperature": 1, "seed": 3, **fields})[:-1]
        pieces = [one for event in events for one in event["choices"][0]["delta"].get("tool_calls", [])]
        self.assertEqual({key: pieces[0][key] for key in ("index", "id", "type")},
                         {"index": 0, "id": call["id"], "type": "function"})
        self.assertEqual(pieces[0]["function"]["name"], "weather")
        mine = [piece["function"]["arguments"] for piece in pieces if piece["index"] == 0]
        self.assertGreater(len(mine), 2)
        self.assertEqual("".join(mine), call["function"]["arguments"])
        self.assertTrue(all(set(piece) == {"index", "function"} for piece in pieces[1:] if piece["index"] == 0))

    def test_a_stop_string_cuts_no_call(self):
        fields = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 200, "reasoning_effort": "none", "parallel_tool_calls": False}
        call = self.chat(**fields)["choices"][0]["message"]["tool_calls"][0]
        choice = self.chat(**fields, stop=["{", "}", "a", "\"", "<tool_call>", "</tool_call>"])["choices"][0]
        self.assertEqual(choice["message"]["tool_calls"][0], call)
        self.assertFalse(choice["message"]["content"])

    def test_a_call_that_is_cut_off_early_is_no_content(self):
        fields = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 4, "reasoning_effort": "none"}
        choice = self.chat(**fields)["choices"][0]
        self.assertEqual(choice["finish_reason"], "length")
        self.assertNotIn("tool_call", json.dumps(choice["message"].get("content")))

    def test_without_thinking_a_schema_begins_at_once(self):
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
        answer = self.chat(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
                           reasoning_effort="none", max_tokens=60)
        self.assertEqual(answer["choices"][0]["message"]["content"][:4], '{"a"')

    def test_streams_are_the_same_events_again(self):
        def events():
            data = self.server.stream(CHAT, {"messages": HI, "max_tokens": 12, "temperature": 1, "seed": 9})
            return [{key: value for key, value in event.items() if key not in ("id", "created")} for event in data[:-1]]

        self.assertEqual(events(), events())

    def test_the_template_is_given_thinking_tools_and_what_came_of_them(self):
        self.assertIn("<think>\n\n</think>", self.render(reasoning_effort="none"))
        self.assertNotIn("<think>", self.render(chat_template_kwargs={"enable_thinking": True}))
        text = self.render(tools=[TOOL], messages=HI + [
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "rain"}])
        self.assertIn("# Tools", text)
        self.assertIn('"name": "weather"', text)
        self.assertIn('<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>', text)
        self.assertIn("<tool_response>\nrain\n</tool_response>", text)
        self.assertNotIn("# Tools", self.render(tools=[TOOL], tool_choice="none"))

    def test_what_is_computed_is_told_only_if_asked_for(self):
        self.assertNotIn("prompt_tokens_details", self.chat()["usage"])
        usage = self.chat(lluda={"cached_tokens": True})["usage"]
        self.assertGreater(usage["prompt_tokens_details"]["cached_tokens"], 0)
        salted = self.chat(lluda={"cached_tokens": True}, cache_salt="of my own")["usage"]
        self.assertEqual(salted["prompt_tokens_details"]["cached_tokens"], 0)

    def test_a_conversation_that_does_not_fit_is_refused_with_both_numbers(self):
        status, answer = self.server.post(CHAT, {"messages": [{"role": "user", "content": "story " * 3000}]})
        self.assertEqual((status, answer["error"]["code"], answer["error"]["param"]),
                         (400, "context_length_exceeded", "messages"))
        self.assertIn("2048", answer["error"]["message"])

    def test_bad_messages_are_refused_by_their_place(self):
        for message, param in [({"role": "robot", "content": "a"}, "messages[1].role"), ({"role": "user"}, "messages[1].content"),
                               ({"role": "user", "content": [{"type": "image_url"}]}, "messages[1].content[0].type")]:
            status, answer = self.server.post(CHAT, {"messages": HI + [message]})
            self.assertEqual((status, answer["error"]["param"]), (400, param))
        status, answer = self.server.post(CHAT, {"messages": HI, "tool_choice": {"type": "function", "function": {"name": "x"}}})
        self.assertEqual((status, answer["error"]["code"]), (400, "unknown_tool"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
