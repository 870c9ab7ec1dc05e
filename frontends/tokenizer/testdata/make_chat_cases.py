"""Writes chat_cases.jsonl: conversations, and what Qwen3's own Jinja template makes of them.

    pip install jinja2==3.1.6
    python3 make_chat_cases.py ../../../reference_data/qwen3_tokenizer/tokenizer_config.json > chat_cases.jsonl

The environment is the one of transformers' apply_chat_template.
"""

import json
import sys

import jinja2.sandbox

S, U, A, T = "system", "user", "assistant", "tool"

CONVERSATIONS = [
    [(U, "Hi")],
    [(U, "")],
    [(S, "Be brief."), (U, "Hi")],
    [(S, "Be brief.")],
    [(A, "I speak first.")],
    [(A, "<think>\nalone\n</think>\n\nanswer")],
    [(U, "Hi"), (A, "Hello!"), (U, "Bye")],
    [(U, "Hi"), (A, "Hello!")],
    [(U, "Hi"), (A, "<think>\nA greeting.\n</think>\n\nHello!")],
    [(U, "Hi"), (A, "<think>\nA greeting.\n</think>\n\nHello!"), (U, "Bye")],
    [(U, "Hi"), (A, "<think>\n\n</think>\n\nHello!"), (U, "Bye")],
    [(U, "1"), (A, "<think>\na\n</think>\n\nb"), (U, "2"), (A, "<think>\nc\n</think>\n\nd"), (U, "3")],
    [(U, "1"), (A, "<think>\na\n</think>\n\nb"), (A, "<think>\nc\n</think>\n\nd")],
    [(U, "1"), (A, "no thought"), (A, "again none")],
    [(U, "1"), (A, "no thought"), (A, "<think>\nc\n</think>\n\nd")],
    [(U, "1"), (A, "</think>only the end")],
    [(U, "1"), (A, "before</think>\n\n\nafter\n\n")],
    [(U, "1"), (A, "<think>a<think>b</think>c</think>\nd"), (U, "2")],
    [(U, "1"), (A, "<think>a<think>b</think>c</think>\nd")],
    [(U, "1"), (A, "<think>never ends")],
    [(U, "1"), (A, "\n\nleading newlines")],
    [(U, "1"), (A, "\n\nleading newlines"), (U, "2")],
    [(U, "1"), (A, "answer", "\nthought apart\n")],
    [(U, "1"), (A, "answer", "")],
    [(U, "1"), (A, "answer", "thought apart"), (U, "2")],
    [(U, "1"), (A, "<think>x</think>\nanswer", "thought apart")],
    [(U, "1"), (A, "\nfirst", "early"), (A, "second")],
    [(U, "1"), (S, "a late system message"), (U, "2")],
    [(S, "one"), (S, "two"), (U, "3")],
    [(U, "<tool_response>\n42\n</tool_response>")],
    [(U, "q"), (A, "<think>\na\n</think>\n\nb"), (U, "<tool_response>\n42\n</tool_response>"), (A, "c")],
    [(U, "q"), (A, "<think>\na\n</think>\n\nb"), (U, "<tool_response>\n42")],
    [(U, "q"), (T, "42"), (T, "43"), (A, "c"), (U, "r")],
    [(U, "q"), (A, "<think>\na\n</think>\n\nb"), (T, "{\"x\": 1}")],
    [(S, "Sys with <|im_end|> inside\n"), (U, "  spaces \n\n kept  ")],
    [(U, "日本語 \U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301"), (A, "ça va"), (U, "\u0000\t\"'<>&{{x}}")],
]

TOOL = {"type": "function", "function": {"name": "wëather", "description": "It's <what>?\n", "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "number", "default": 1.0}}, "required": ["city"]}}}
# add_generation_prompt, enable_thinking, tools
SETTINGS = [(True, True, None), (True, False, None), (False, True, None), (True, None, None), (True, False, [TOOL]), (False, None, [TOOL, {"name": "b", "x": None}])]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        source = json.load(file)["chat_template"]
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda x: json.dumps(x, ensure_ascii=False)
    template = environment.from_string(source)
    for conversation in CONVERSATIONS:
        messages = []
        for role, content, *reasoning in conversation:
            message = {"role": role, "content": content}
            if reasoning:
                message["reasoning_content"] = reasoning[0]
            messages.append(message)
        for add_generation_prompt, enable_thinking, tools in SETTINGS:
            case = {"messages": messages, "add_generation_prompt": add_generation_prompt}
            if enable_thinking is not None:
                case["enable_thinking"] = enable_thinking
            text = template.render(**case, tools=tools, documents=None)
            if tools:
                case["tools"] = tools
            print(json.dumps({**case, "text": text}))


if __name__ == "__main__":
    main()
