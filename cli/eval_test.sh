#!/bin/bash
# lluda eval: perplexity of a text, what a precision costs, what it refuses, and how it is stopped.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

head -c 3000 "$stories/text.txt" >text.txt

# --- perplexity ---
run eval "$stories" -f text.txt --ctx 64
expect 0 "eval"
for line in 'text        text.txt: [0-9]* tokens, in windows of 64, each 32 behind the last' \
  'perplexity  [0-9]*\.[0-9]* +- [0-9.]*: [0-9.]* nats a token, [0-9.]* bits a byte' \
  'worst       by NLL: token, numbers, the text before it, it'; do
  grep -q "^$line$" out || fail "eval: no line '$line': $(cat out)"
done
run eval "$stories" -f text.txt --ctx 64 --stride 64 --json
expect 0 "eval --json"
expect_json lluda.eval/1 'j["complete"]' 'j["positions"] == j["positions_wanted"]' \
  'j["positions"] == j["tokens"] - -(-j["tokens"] // 64)' '1 < j["perplexity"] < 40' \
  'len(j["worst"]) == 10' '"against" not in j' 'j["window"] == j["stride"] == 64'
# Any number of threads, and stdin.
run eval "$stories" -f text.txt --json -t 1
cp out one
run_program "$lluda" eval "$stories" -f text.txt --json -t 3
cmp -s out one || fail "3 threads: $(cat out)"
"$lluda" eval "$stories" -f - --json <text.txt | sed 's/"stdin"/"text.txt"/' | cmp -s - one ||
  fail "stdin gives something else"

# --- against another precision of the same model, and against itself ---
run eval "$stories" -f text.txt --weights q4_0 --against-precision f32 --json
expect 0 "eval --against-precision"
expect_json lluda.eval/1 'j["weights"] == "q4_0" and "weights" not in j["against"]' \
  'j["against"]["precision"] == "f32"' '0.001 < j["against"]["kl_mean"] < j["against"]["kl_p99"]' \
  'j["against"]["kl_p99"] < j["against"]["kl_worst"] == j["worst"][0]["kl"]' \
  '0.8 * j["positions"] < j["against"]["likeliest_equal"] < j["positions"]'
run eval "$stories" -f text.txt --against "$stories"
expect 0 "eval --against itself"
grep -q '^KL          mean 0.000e+00 nats, 99% below 0.000e+00, worst 0.000e+00$' out ||
  fail "against itself: $(cat out)"
run compile "$stories" -o model.llb --ctx 128
run eval model.llb -f text.txt --against "$stories" --json
expect 0 "eval of a bundle"
expect_json lluda.eval/1 'j["against"]["kl_worst"] == 0' 'j["window"] == 128'

# --- what is refused ---
printf a >short.txt
run eval "$stories" -f short.txt
expect_error 2 "short.txt: has 1 token, 2 are needed to predict one"
run eval "$stories" -f missing.txt
expect_error 2 "missing.txt"
run eval "$stories" -f text.txt --against "$tiny"
expect_error 2 "cannot be compared: their vocabularies have 4096 and 512 tokens"
run eval "$stories" -f text.txt --ctx 16 --stride 17
expect_error 2 "a stride of 17 tokens, must be 1 to 16"

# --- stopped, it tells what it has measured; without a text, it reads the one of the default model ---
# A signal while the model is loaded ends the process as if nobody had asked: then it came too early.
for delay in 3 10 30; do
  "$lluda" eval --ctx 32 --stride 1 -t 1 --json >out 2>err &
  pid=$!
  sleep "$delay"
  kill -TERM "$pid"
  wait "$pid"
  code=$?
  [[ $code == 143 ]] || break
done
expect 130 "a stopped eval"
expect_json lluda.eval/1 'not j["complete"]' 'j["positions"] < j["positions_wanted"]' \
  'j["text"].endswith("/stories/text.txt")'

finish
