#!/bin/bash
# lluda serve as a user meets it: flags here, requests in serve_test.py, OpenAI's client in
# serve_openai_test.py, the page in serve_page_test.py.
set -u

readonly requests_test="$PWD/cli/serve_test.py"
readonly chat_test="$PWD/cli/serve_chat_test.py"
readonly client_test="$PWD/cli/serve_openai_test.py"
readonly page_test="$PWD/cli/serve_page_test.py"
readonly guide="$PWD/docs/serving.md"
readonly runner="$PWD/cli/lluda-run"
readonly token_config="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# --- what is refused before anything is loaded ---
run serve no/such/model --port 0
expect_error 2 "no/such/model"
run serve --host 0.0.0.0 --port 0
expect_error 2 "--host 0.0.0.0 lets other machines in"
run serve --host no.such.host.invalid --no-auth --port 0
expect_error 2 "no.such.host.invalid"
echo "alice:0123456789" >keys
chmod 644 keys
run serve --api-key-file keys --port 0
expect_error 2 "keys: others than its owner may read or write it"
chmod 600 keys
echo "bob:short" >>keys
run serve --api-key-file keys --port 0
expect_error 2 "keys:2: a key is shorter than 8 bytes"
: >none
chmod 600 none
run serve --api-key-file none --port 0
expect_error 2 "none: has no key"
LLUDA_API_KEYS="a:01234567,a:76543210" run serve --port 0
expect_error 2 "the name 'a' is there twice"
run serve --unix keys  # a path from here: those of sockets are short
expect_error 1 "is there already"
for origin in chat.example "*" https://chat.example/; do
  run serve --allow-origin "$origin" --port 0
  expect_error 2 "--allow-origin: '$origin' is no origin of a page: SCHEME://HOST[:PORT]"
done
for flag in --drain-seconds --queue-seconds --request-seconds --step-ms; do
  run serve "$flag" nan
  expect_error 2 "$flag: Value nan not in range"
done
run serve --unix no_folder/socket
expect_error 1 "no_folder/socket: no such file or directory"
run serve --ctx 1 --port 0
expect_error 2 "8 texts side by side (--max-sequences) are more than the 1 tokens"
run serve --log loud
expect_error 2 "--log"
run serve --max-sequences 0
expect_error 2 "--max-sequences"

run serve --kv-memory 1000
expect_error 2 "of keys and values do not hold a context of 2048 tokens"
run serve --plan --embeddings
expect_error 2 "--plan"

run serve --plan --max-sequences 2
expect 0 "serve --plan"
[[ -s out ]] || fail "serve --plan printed nothing"

# --- a bundle where there is no compiler: a program beside lluda-run ---
run compile -o stories.llb
expect 0 "compile"
run_program "$runner" --serve
expect_error 2 "bundle is required"
run_program "$runner" stories.llb --serve --isa avx2
expect_error 2 "unknown flag '--isa'"
run_program "$runner" "$stories" --serve --port 0
expect_error 2 "$stories"
run serve stories.llb --plan --max-sequences 2
grep "keys and values" out >plan
run_program "$runner" --serve stories.llb --plan --max-sequences 2
[[ $code == 0 && $(grep "keys and values" out) == "$(cat plan)" ]] || fail "lluda-run --serve plans otherwise: $(cat out err)"
run_program "$runner" stories.llb --serve --version
[[ $code == 0 && $(cat out) == "lluda-serve "* ]] || fail "lluda-serve's version: $(cat out err)"
cp -L "$runner" lluda-alone
run_program ./lluda-alone stories.llb --serve
expect_error 2 "lluda-serve: cannot be run: No such file or directory"

# --- requests ---
echo "alice:0123456789" >keys
export lluda guide runner
python3 "$requests_test" || fail "requests"

# The default model has no chat template: with one, what it writes is no answer, but is one in form.
make_chatty "$token_config"
MODEL=$tmp/chatty python3 "$chat_test" || fail "chats"
MODEL=$tmp/chatty "${LLUDA_TEST_PYTHON:-python3}" "$client_test" || fail "OpenAI's client"

HOME=$tmp MODEL=$tmp/chatty /usr/bin/python3 "$page_test" || fail "the page in the browser"

finish
