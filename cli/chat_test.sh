#!/bin/bash
# `lluda chat` as a user meets it: messages on stdin, what does not fit, and a terminal with Ctrl-C.
set -u

readonly template="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
readonly terminal_test="$PWD/cli/chat_terminal_test.py"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

mkdir chatty
cp "$stories"/*.json "$stories/model.safetensors" chatty/
chmod u+w chatty/*
run chat chatty -p "Hi"
expect_error 2 "chat_template"
without_token_ids "$template" >chatty/tokenizer_config.json

# chat FLAGS...: answers what stdin has with few tokens, and says how. Not behind a pipe, which
# would keep $code to itself.
chat() {
  "$lluda" chat chatty -n 12 --temperature 0 --no-thinking --stats "$@" >out 2>err
  code=$?
}

# stat_of NAME: the values of a row of --stats, one for each answer.
stat_of() {
  sed -n "s/^$1  *//p" err | tr '\n' ' '
}

# --- without a model ---
run chat
expect_error 2 "the small default model tells stories and is no chat model; name one: "
grep -q "reference_data\|runfiles\|bazel" err && fail "a path inside the build: $(cat err)"

# --- messages ---
printf 'Tell me a story.\nAnother one.\n' >messages
chat <messages
expect 0 "chat"
cp out answers
prompts=$(stat_of prompt_tokens)
[[ $(wc -w <<<"$prompts") == 2 ]] || fail "chat did not answer twice: $(cat err)"
read -ra reused <<<"$(stat_of reused_tokens)"
[[ ${reused[0]} == 0 && ${reused[1]} -gt 0 ]] || fail "chat reused ${reused[*]} tokens"
run chat chatty -n 12 --temperature 0 --no-thinking -p "Tell me a story."
expect 0 "chat -p"
cmp -s out <(head -c "$(wc -c <out)" answers) || fail "chat -p: $(cat out), not $(cat answers)"

# As JSON: a line for each answer, with its message's number.
chat --json <messages
expect 0 "chat --json"
python3 - <<'CHECK' || fail "chat --json: $(cat out)"
import json

answers = [json.loads(line) for line in open("out")]
assert [a["schema"] for a in answers] == ["lluda.chat/1"] * 2, answers
assert [a["message"] for a in answers] == [1, 2], answers
assert "".join(a["answer"]["text"] + "\n" for a in answers) == open("answers").read(), answers
assert answers[0]["answer"]["reused_tokens"] == 0 < answers[1]["answer"]["reused_tokens"], answers
CHECK

# The same messages, however their lines end.
for input in 'Tell me a story.\r\nAnother one.\r\n' 'Tell me a story.\r\n\r\nAnother one.' \
  'Tell me a story.\n\n\nAnother one.\r'; do
  # shellcheck disable=SC2059  # the escapes are meant
  printf "$input" >messages
  chat <messages
  expect 0 "chat of $input"
  cmp -s out answers || fail "chat of $input: $(cat out)"
  [[ $(stat_of prompt_tokens) == "$prompts" ]] || fail "$input: $(stat_of prompt_tokens) tokens"
done
printf 'Tell me\ra story.\n' >messages
chat <messages
[[ $(stat_of prompt_tokens) != "${prompts%% *} " ]] || fail "a carriage return in a line was lost"
chat </dev/null
expect 0 "chat without messages"
[[ ! -s out && ! -s err ]] || fail "chat without messages: $(cat out err)"
: >empty.json
run chat chatty -p Hi --tools empty.json
expect_error 2 "empty.json: is empty, no JSON list"
"$lluda" chat chatty </dev/zero >out 2>err
code=$?
expect_error 2 "stdin: a line is longer than 64 MiB"
chat <&-
expect_error 2 "stdin: Bad file descriptor"
chat <.
expect_error 2 "stdin: Is a directory"

# --- messages that do not fit ---
read -ra counts <<<"$prompts"
long=$(printf 'word %.0s' $(seq 200))
{
  echo "Tell me a story."
  echo "$long"
  echo "Another one."
} >messages
chat --ctx $((counts[1] + 12)) <messages
expect 0 "chat with a message that does not fit"
cmp -s out answers || fail "what did not fit changed the conversation: $(cat out)"
[[ $(stat_of prompt_tokens) == "$prompts" ]] || fail "$(stat_of prompt_tokens), not $prompts tokens"
[[ $(grep -c "^lluda: " err) == 1 ]] || fail "not one line for one message: $(cat err)"
grep -qE "^lluda: message left out: the prompt has [0-9]+ tokens, the context holds" err ||
  fail "what does not fit is not told: $(cat err)"
chat --ctx $((counts[1] + 12)) --json <messages
[[ $(grep -o '"message": [0-9]*' out | tr '\n' ' ') == '"message": 1 "message": 3 ' ]] ||
  fail "an answer has another message's number: $(cat out)"
run chat chatty --ctx 40 -p "$long" --json
expect_error 2 "the context holds 40"
run chat chatty --temperature -1 -p "Hi"
expect_error 2 "temperature"

# An answer that fills the context is kept as far as it came; what then does not fit is left out.
printf 'Tell me a story.\nAnother one.\nA third.\n' >messages
chat --ctx $((counts[0] + 5)) <messages
expect 0 "chat with a full context"
grep -qx "lluda: the text ends here because the context of $((counts[0] + 5)) tokens is full (see --ctx)" err ||
  fail "a full context is not told: $(cat err)"
[[ $(grep -c "^lluda: message left out: " err) == 2 ]] || fail "full context: $(cat err)"

# --- a terminal ---
sed -i 's/"eos_token_id": *[0-9]*/"eos_token_id": 4095/' chatty/config.json chatty/generation_config.json
/usr/bin/python3 "$terminal_test" "$lluda" chatty "$stories" || fail "on a terminal"

finish
