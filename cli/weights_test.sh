#!/bin/bash
# --weights: matrices are quantised while they are loaded and stay so; every command that loads takes it.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# --- what it does is in the IR ---
run ir "$stories" --weights q4_0
expect 0 "ir --weights q4_0"
for text in ' = quantize_blocks @wq\[layer\] {out = q4_0} : q4_0 q\[' '@wq_q4_0\[layer\] = pack %' \
  '@wg_q4_0u_q4_0\[layer\] = pack %wg_q4_0 %wu_q4_0 ' 'matmul %h @wq_q4_0\[layer\] ' 'gather @embed_q4_0 over vocab' '@panel(16x32, hid)'; do
  grep -q "$text" out || fail "ir --weights q4_0 has no '$text'"
done
! grep -q ' = dequantize' out || fail "ir --weights q4_0: a dequantize is left: $(grep ' = dequantize' out)"
run ir "$stories" --weights q4_0 --before
grep -q '%wq_q4_0_f32 = dequantize @wq_q4_0\[layer\]' out || fail "the importer wrote no dequantize"

# --- blocks and blocks of blocks compute what the interpreter does: every pass, every kernel ---
for type in q4_0 q6_k; do
  run verify "$stories" --weights "$type"
  expect 0 "verify --weights $type: $(cat out err)"
done

# --- text ---
readonly greedy=(-p "Once upon a time" -n 8 --temperature 0)
run generate "$stories" "${greedy[@]}"
plain=$(cat out)
run generate "$stories" "${greedy[@]}" --weights q8_0
expect_out "$plain"

printf 'Once upon a time, there was a little girl named Lily. She loved to play outside in the park.' >text.txt
# --- activations as integers, too ---
run ir "$stories" --weights q4_0 --activations int8
for text in '%h_int8 = quantize_blocks %h {out = q8_f32} : q8_f32 tok\[T\] hid' 'matmul %h_int8 @wq_q4_0\[layer\] '; do
  grep -q "$text" out || fail "ir --activations int8 has no '$text': $(grep matmul out)"
done
! grep -q ' = dequantize' out || fail "ir --activations int8: a dequantize is left: $(grep ' = dequantize' out)"
run ir "$stories" --activations int8
! grep -q 'q8_f32' out || fail "ir --activations int8 quantises what meets floats"
readonly exact="lluda: note: $stories: no matrix is in blocks of integers: activations stay exact"
grep -qxF "$exact" err || fail "ir --activations int8 does not say that it does nothing: $(cat err)"
run generate "$stories" "${greedy[@]}" --activations int8 --stats
grep -qxF "$exact" err || fail "generate --activations int8 does not say that it does nothing: $(cat err)"
grep -q '^activations  *exact$' err || fail "--stats says what was asked for: $(cat err)"
run eval "$stories" -f text.txt --weights iq4_nl --activations int8 --json
expect_json lluda.eval/1 '"activations" not in j'
run verify "$stories" --weights q4_1 --activations int8
expect 0 "verify --weights q4_1 --activations int8: $(cat out err)"
run generate "$stories" "${greedy[@]}" --weights q8_0 --activations int8 --stats
expect 0 "generate --activations int8"
grep -q '^activations  *int8$' err || fail "--stats does not say activations: $(cat err)"
run generate "$stories" "${greedy[@]}" --stats
grep -q '^activations  *exact$' err || fail "--stats does not say activations: $(cat err)"
run eval "$stories" -f text.txt --weights q8_0 --activations int8 --against-weights q8_0 --json
expect_json lluda.eval/1 'j["activations"] == "int8"' '"activations" not in j["against"]' '0 < j["against"]["kl_mean"] < 0.01'
run generate "$stories" -p x --activations int4
expect 2 "--activations int4: $(cat err)"

# --- a bundle holds the blocks ---
run compile "$stories" --weights q8_0 -o q8.llb
expect 0 "compile --weights q8_0"
run compile "$stories" -o plain.llb
expect 0 "compile"
(($(stat -c %s q8.llb) * 10 < $(stat -c %s plain.llb) * 8)) || fail "the bundle is not smaller: $(ls -l ./*.llb)"
run generate q8.llb "${greedy[@]}"
expect_out "$plain"
run generate q8.llb --weights q8_0 "${greedy[@]}"
expect_error 2 "q8.llb: is compiled with the weights and activations that it has"

# --- columns that count ---
run imatrix "$stories" -f text.txt -o columns.gguf
expect 0 "imatrix: $(cat err)"
grep -q '^columns.gguf: the importance of the columns of [0-9]* matrices, over [0-9]* tokens of text.txt in 1 windows$' out ||
  fail "imatrix says: $(cat out)"
run inspect columns.gguf
grep -q 'blk.0.ffn_down.weight.in_sum2' out || fail "inspect columns.gguf: $(cat out err)"
run ir "$stories" --weights q2_k --imatrix columns.gguf
grep -q '%wd_q2_k = quantize_blocks @wd\[layer\] @wd_importance\[layer\] {out = q2_k}' out ||
  fail "ir --imatrix: $(grep quantize_blocks out)"
kl_of() { # of the flags, against bf16, in units of 1e-9 nats
  run eval "$stories" -f text.txt --against-precision bf16 --json "$@"
  expect 0 "eval $*: $(cat err)"
  python3 -c 'import json; print(round(json.load(open("out"))["against"]["kl_mean"] * 1e9))'
}
plain_kl=$(kl_of --weights q2_k)
weighed_kl=$(kl_of --weights q2_k --imatrix columns.gguf)
((weighed_kl < plain_kl)) || fail "q2_k costs $plain_kl, by importance $weighed_kl"
run verify "$stories" --weights iq4_nl --imatrix columns.gguf
expect 0 "verify --imatrix: $(cat out err)"

# --- what it cannot do ---
run generate "$stories" -p x --weights mxfp4
expect_error 2 "weights can be quantised to q8_0, q4_0"
run generate "$stories" -p x --weights q8_1
expect_error 2 "weights can be quantised to q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, q8_f32, not"
run generate --help
tr -s ' \n' ' ' <out | grep -q 'loaded: q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, q8_f32;' ||
  fail "--help offers other types: $(grep -A3 -e --weights out)"
run generate "$stories" -p x --weights ''
expect 2 "--weights '': $(cat err)"
run generate "$stories" -p x --weights q8_0 --calibrate text.txt
expect_error 2 "--calibrate is for --weights auto alone"
run generate "$stories" -p x --imatrix columns.gguf
expect 2 "--imatrix alone: $(cat err)"
run generate "$stories" -p x --weights q2_k --imatrix text.txt
expect_error 2 "text.txt: is no GGUF file"

finish
