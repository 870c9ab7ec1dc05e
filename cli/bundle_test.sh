#!/bin/bash
# `lluda compile`, bundles as MODEL, and lluda-run, as a user meets them.
set -u

readonly runner="$PWD/cli/lluda-run"
readonly c_program="$PWD/cli/run_model.c"
readonly reference="$PWD/reference_data/stories/reference.json"
readonly template="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# --- compile, and run without the compiler ---
run compile "$stories" -o stories.llb
expect_out ""
run_program "$runner" stories.llb -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
"$lluda" generate "$stories" -p "The fox" -n 40 --seed 5 >expected
run_program "$runner" stories.llb --prompt "The fox" -n 40 --seed 5
expect_out "$(cat expected)"
run_program "$runner" stories.llb -p "Once upon a time" -n 20 --temperature 0 --stop "girl" --check -t 2
expect_out ", there was a little "
run_program "$runner" stories.llb -p "Once upon a time" -n 4 --temperature 0 --json
expect_json lluda.generate/1 'j["tokens"] == [11, 398, 281, 258]' 'j["compile_seconds"] == 0'
run_program "$runner" stories.llb -p "Once upon a time" --ctx 6 -n 50 --temperature 0
expect_out ", there was"
grep -qx "lluda-run: the text ends here because the context of 6 tokens is full (see --ctx)" err ||
  fail "lluda-run does not tell of a full context: $(cat err)"
run_program "$runner" --version
[[ $code == 0 ]] || fail "lluda-run --version: exit code $code"
grep -qE '^lluda-run [0-9]+\.[0-9]+, for bundles of format [0-9]+$' out ||
  fail "lluda-run --version: $(cat out)"
run_program "$runner" stories.llb -p x --sed 5
expect_error 2 "unknown flag '--sed'; did you mean '--seed'?"
run_program "$runner" --help
[[ $code == 0 ]] || fail "lluda-run --help: exit code $code"

# A cache of int8 is compiled in.
run compile "$stories" -o int8.llb --kv-cache int8 --json
expect 0 "compile --json"
expect_json lluda.compile/1 'j["kv_cache"] == "int8"' 'j["precision"] == "bf16"' 'j["context"] == 2048' \
  'j["model"] == "stories"' "j['bundle'] == {'path': 'int8.llb', 'bytes': $(stat -c %s int8.llb)}" \
  'j["bundle"]["bytes"] > j["packed_bytes"] > 0' '"object" not in j and "header" not in j'
"$lluda" generate "$stories" -p "The fox" -n 40 --seed 5 --kv-cache int8 >expected
run_program "$runner" int8.llb -p "The fox" -n 40 --seed 5
expect_out "$(cat expected)"
run generate int8.llb -p "The fox" -n 40 --seed 5 --kv-cache int8
expect_out "$(cat expected)"
run generate stories.llb -p "The fox" --kv-cache int8
expect_error 2 "stories.llb: is compiled for a KV cache of bf16, not int8"

# It is small and needs no library of ours; a build for a sanitizer is neither.
if ! grep -q "libLLVM" "$lluda"; then fail "this test cannot tell what lluda links"; fi
if ldd "$runner" 2>&1 | grep -q "not a dynamic executable"; then
  strip -o stripped "$runner"
  size=$(stat -c %s stripped)
  [[ $size -lt 5000000 ]] || fail "lluda-run has $size bytes without symbols"
  if grep -qE "LLVM|N5lluda6passes|google8protobuf10Descriptor" stripped; then
    fail "lluda-run links LLVM, the passes or protobuf's full runtime"
  fi
fi

# --- every command takes a bundle ---
run generate stories.llb -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
"$lluda" tokenize "$stories" -p "Once upon a time, wörld" >expected
run tokenize stories.llb -p "Once upon a time, wörld"
expect_out "$(cat expected)"
# So do added tokens that only tokenizer_config.json lists.
cp -rL "$stories" listed
chmod -R u+w listed
sed -i 's/"added_tokens_decoder": *{/&"4096": {"content": "<plan>", "lstrip": true, "special": false},/' listed/tokenizer_config.json
"$lluda" tokenize listed -p "Once <plan> time" >expected
grep -q " 4096 " expected || fail "an added token of tokenizer_config.json is cut to pieces: $(cat expected)"
run compile listed -o listed.llb
expect_out ""
run tokenize listed.llb -p "Once <plan> time"
expect_out "$(cat expected)"
# A bundle has its keys and values in pages, for servers; what reads none is as in the folder.
run ir stories.llb
grep -qF "state @k_cache[layer < 6] : bf16 page[P] kv[2] pos[64] dim[64]" out ||
  fail "a bundle without pages: $(head -30 out)"
cp out bundle.lluda
run ir stories.llb --before
expect_error 2 "stories.llb: a bundle has the module after all passes only"
"$lluda" ir "$stories" --func mlp >expected
run ir stories.llb --func mlp
expect_out "$(cat expected)"
run generate stories.llb -p "Once upon a time" -n 8 --temperature 0
cp out expected
run generate "$stories" --ir bundle.lluda -p "Once upon a time" -n 8 --temperature 0
expect_out "$(cat expected)"
run generate stories.llb -p x -n 2 --perf
expect_error 2 "stories.llb: perf and GDB are told of kernels that are compiled now"
run generate stories.llb -p x -n 2 --trace trace.json
[[ $code == 0 ]] && grep -qF '"attn[0].' trace.json || fail "--trace of a bundle: $(cat err)"
run chat stories.llb -p "Hello" -n 4
expect_error 2 "stories.llb: when it was compiled, "

run validate stories.llb --reference "$reference"
[[ $code == 0 && $(grep -c " ok$" out) -gt 3 ]] || fail "validate of a bundle: $(cat out err)"
grep -qx "not compared: activations, which a bundle does not record" out || fail "validate: $(cat out)"
run validate int8.llb --reference "$reference" --json
expect 0 "validate of int8: $(cat err)"
expect_json lluda.validate/1 'j["passed"]' 'len(j["prompts"]) == 5' '"cache_error" not in j' \
  'j["skipped"] == ["activations, which a bundle does not record",
                    "the error of the int8 cache: a bundle has no other cache"]'

# What a bundle was compiled with takes no flag; asking for anything else is an error everywhere.
run generate int8.llb -p x -n 1 --precision bf16
[[ $code == 0 ]] || fail "the bundle's own precision: $(cat err)"
run compile "$stories" -o f32.llb --precision f32
expect_out ""
run generate f32.llb -p x -n 1 --kv-cache f32
[[ $code == 0 ]] || fail "the bundle's own KV cache: $(cat err)"
for command in "generate f32.llb -p x" "bench f32.llb" "explain f32.llb" "ir f32.llb" \
  "ir f32.llb --plan" "asm f32.llb --list" "verify f32.llb" "report f32.llb -o no.html" \
  "validate f32.llb --reference $reference"; do
  # shellcheck disable=SC2086
  run $command --precision bf16
  expect_error 2 "f32.llb: is compiled for precision f32, not bf16"
  # shellcheck disable=SC2086
  run $command --kv-cache int8
  expect_error 2 "f32.llb: is compiled for a KV cache of f32, not int8"
  # shellcheck disable=SC2086
  run $command --ctx 5000
  expect_error 2 "f32.llb: is compiled for a context of 2048 tokens, not 5000"
done
[[ ! -e no.html ]] || fail "a refused report wrote a page"
# A model that takes the chat template still does.
cp -rL "$stories" chatty
chmod -R u+w chatty
without_token_ids "$template" >chatty/tokenizer_config.json
"$lluda" chat chatty -p "Hello" -n 12 --temperature 0 >expected 2>err || fail "chat: $(cat err)"
run compile chatty -o chatty.llb
expect_out ""
run chat chatty.llb -p "Hello" -n 12 --temperature 0
expect_out "$(cat expected)"

[[ $("$lluda" cache verify stories.llb) == "stories.llb: intact" ]] || fail "cache verify FILE"
run cache verify stories.llb --json
expect_json lluda.cache_bundle/1 'j["bundle"] == "stories.llb"' 'j["intact"]'

# --- what is no good is refused ---
run compile stories.llb -o again.llb
expect_error 2 "stories.llb: is compiled already"
run compile "$stories"
expect_error 2 "--output is required"
run compile "$stories" -o no/such/folder.llb
expect_error 1 "no/such/folder.llb: No such file or directory"
[[ ! -e again.llb ]] || fail "a failed compilation left a file"
run_program "$runner" stories.llb -p x --ctx 3000
expect_error 2 "stories.llb: is compiled for a context of 2048 tokens, not 3000"
run_program "$runner" missing.llb -p x
expect_error 2 "missing.llb: "
run_program "$runner" "$stories" -p x
expect_error 2 "stories: is a folder"
run_program "$runner" stories.llb -p x --top-k -1
expect_error 2 "top_k"
run_program "$runner"
expect_error 2 "bundle is required"

for program in "$runner" "$lluda generate"; do
  cp stories.llb bad.llb
  truncate -s -1 bad.llb
  run_program $program bad.llb -p x
  expect_error 2 "bad.llb: is truncated: has "
  cp stories.llb bad.llb
  flip_byte bad.llb 100
  run_program $program bad.llb -p x
  expect_error 2 "bad.llb: is damaged: the header's hash is wrong"
  cp stories.llb bad.llb
  flip_byte bad.llb 8
  run_program $program bad.llb -p x
  expect_error 2 "bad.llb: is a bundle of format 247, this lluda reads formats 7 to 8"
  cp stories.llb bad.llb
  chmod o+w bad.llb
  run_program $program bad.llb -p x
  expect_error 2 "bad.llb: may be written to by everyone, so its code is not run"
  chmod o-w bad.llb
  cp stories.llb bad.llb
  flip_byte bad.llb $(($(stat -c %s bad.llb) - 1000))
  run_program $program bad.llb -p x --check
  expect_error 2 "bad.llb: is damaged: the hash of section weights is wrong"
  run cache verify bad.llb --json
  expect_error 2 "bad.llb: is damaged: the hash of section weights is wrong"
  rm -f bad.llb
done

# --- for C programs ---
for numbers in "--kv-cache int8" "--kv-cache bf16"; do
  # shellcheck disable=SC2086
  run compile "$stories" -o stories.llb --emit=object,header $numbers --json
  expect_json lluda.compile/1 'j["object"]["path"] == "stories.o"' 'j["header"]["path"] == "stories.h"' \
    "j['header']['bytes'] == $(stat -c %s stories.h)"
  gcc -std=c99 -D_DEFAULT_SOURCE -O1 -Wall -Wextra -Werror -I. "$c_program" stories.o -o run_model ||
    fail "the C program does not compile"
  read -r -a prompt < <("$lluda" tokenize "$stories" -p "Once upon a time")
  # shellcheck disable=SC2086
  run generate "$stories" -p "Once upon a time" -n 24 --temperature 0 --json $numbers
  json_value '" ".join(map(str, j["tokens"]))' >expected
  run_program ./run_model stories.llb 24 "${prompt[@]}"
  expect_out "$(cat expected)"
  run_program ./run_model stories.llb 3000 1
  [[ $code == 1 && $(cat err) == "run_model: the context is full" ]] || fail "C: $(cat err)"
done
[[ $(nm --defined-only -g stories.o | wc -l) == 1 ]] || fail "stories.o defines $(nm -g stories.o)"
[[ -z $(nm --undefined-only stories.o) ]] || fail "stories.o needs $(nm -u stories.o)"
run compile "$stories" -o x.llb --emit=assembly
expect_error 2 "--emit"
[[ ! -e x.llb ]] || fail "a wrong --emit left a file"

finish
