#!/bin/bash
# --weights auto --budget: each matrix gets a type, so that the model as a whole costs no more than it may.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# Compiled kernels are found by the measurements that follow.
export XDG_CACHE_HOME=$tmp/cache

head -c 2500 "$stories/text.txt" >text.txt
readonly auto=(--weights auto --calibrate text.txt)

# table_of FILE: what was chosen, without how long it took.
table_of() {
  sed -n '/^weights by --budget/,$p' "$1"
}

# --- a budget of KL divergence, held by another command ---
run compile "$stories" "${auto[@]}" --budget kl=0.02 -o kl.llb -t 2
expect 0 "compile --weights auto"
grep -q '^choosing types for 21 groups of matrices, about [0-9]* s$' err || fail "no estimate: $(cat err)"
for line in 'weights by --budget kl=0.02, measured on [0-9]* tokens of text.txt' \
  '  embedding and head *[a-z0-9_]* *[0-9.]* MB  KL alone [0-9.e-]*' \
  '  layers 0-1, q k *[a-z0-9_]* *[0-9.]* MB  KL alone [0-9.e-]*' \
  '  measured: KL [0-9.e-]* nats, the same likeliest token in [0-9.]*%, [0-9]* bytes in place of [0-9]*; the budget: kl=0.02'; do
  grep -q "^$line$" err || fail "compile --weights auto: no line '$line': $(cat err)"
done
table_of err >table
run eval kl.llb --against "$stories" -f text.txt --json
expect_json lluda.eval/1 '0.015 < j["against"]["kl_mean"] <= 0.02'
kl=$(json_value 'j["against"]["kl_mean"]')
positions=$(json_value 'j["positions"]')

# --- the bundle keeps the table, and explain shows it ---
run explain kl.llb
expect 0 "explain"
table_of out | sed '/budget: /q' | cmp -s - table || fail "explain has another table: $(table_of out)"
run explain kl.llb --json
expect_json lluda.explain/1 'j["weights"]["budget"] == "kl=0.02"' 'j["weights"]["text"] == "text.txt"' \
  "abs(j['weights']['kl_mean'] - $kl) < 1e-6" "j['weights']['positions'] == $positions" \
  'len(j["weights"]["rows"]) == 21' 'len({row["type"] for row in j["weights"]["rows"]}) > 2' \
  'j["weights"]["bytes"] < 0.4 * j["weights"]["plain_bytes"]'
run compile "$stories" -o plain.llb
run explain plain.llb --json
expect_json lluda.explain/1 '"weights" not in j'

# --- the same with another number of threads, and where a model is not compiled to a file ---
run generate "$stories" "${auto[@]}" --budget kl=0.02 -p "Once upon a time" -n 4 --temperature 0 -t 1
expect 0 "generate --weights auto"
table_of err | cmp -s - table || fail "1 thread finds another table: $(table_of err)"
cp out generated
run generate kl.llb -p "Once upon a time" -n 4 --temperature 0
cmp -s out generated || fail "the bundle says '$(cat out)', the model '$(cat generated)'"

# --- a share of likeliest tokens ---
run eval "$stories" "${auto[@]}" --budget top1=97% -f text.txt --against-precision bf16 --json
expect 0 "eval --weights auto"
expect_json lluda.eval/1 'j["weights"] == "auto top1=97%"' \
  '0.97 * j["positions"] <= j["against"]["likeliest_equal"] < j["positions"]'

# --- a size ---
run compile "$stories" "${auto[@]}" --budget bytes=4M -o small.llb
expect 0 "compile --budget bytes"
run explain small.llb --json
expect_json lluda.explain/1 '0.9 * (4 << 20) < j["weights"]["bytes"] <= 4 << 20' '0 < j["weights"]["kl_mean"] < 0.2'
plain_bytes=$(json_value 'j["weights"]["plain_bytes"]')
# What is not weights is in both files, but for code of more kernels.
more=$(($(stat -c %s small.llb) - (4 << 20) - $(stat -c %s plain.llb) + plain_bytes))
((more < 600000)) || fail "the bundle has $more bytes more than its budget"

# --- by importances: the types are searched by them ---
run imatrix "$stories" -f text.txt -o columns.gguf
run ir "$stories" "${auto[@]}" --budget kl=0.1 --imatrix columns.gguf
expect 0 "ir --weights auto --imatrix"
grep -q ' = quantize_blocks @[a-z_0-9]*\[[a-z_0-9]*\] @[a-z_0-9]*importance\[[a-z_0-9]*\] {out = ' out ||
  fail "no importance is used: $(grep quantize_blocks out)"

# --- what is refused ---
refuse() { # BUDGET TEXT
  run compile "$stories" --weights auto --budget "$1" -o refused.llb
  expect_error 2 "$2"
}
refuse kl= "--budget kl=: '' is not a number of nats above 0"
refuse kl=-1 "--budget kl=-1: '-1' is not a number of nats above 0"
refuse top1=200% "--budget top1=200%: '200%' is not a share of positions"
refuse bytes=5Q "--budget bytes=5Q: '5Q' is not a size"
refuse bits=4 "--budget must be kl=NATS, top1=PERCENT% or bytes=SIZE, is 'bits=4'"
[[ ! -e refused.llb ]] || fail "a bundle was written all the same"
run compile "$stories" "${auto[@]}" --budget bytes=1M -o refused.llb
expect 2 "a budget that is too small"
grep -q '^lluda: --budget bytes=1M allows 1048576 bytes, the smallest types of the matrices alone take [0-9]*$' err || fail "$(cat err)"
run generate "$stories" -p x --weights auto
expect_error 2 "--weights auto and --budget go together"
run generate "$stories" -p x --weights q4_0 --budget kl=0.1
expect_error 2 "--weights auto and --budget go together"
run generate plain.llb -p x --weights auto --budget kl=0.1
expect_error 2 "plain.llb: is compiled with the weights and activations that it has"
run generate "$stories" -p x --weights auto --budget kl=0.1 --calibrate missing.txt
expect_error 2 "missing.txt"

finish
