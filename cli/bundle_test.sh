#!/bin/bash
# `lluda compile`, bundles as MODEL, and lluda-run, as a user meets them.
set -u

readonly lluda="$PWD/cli/lluda"
readonly runner="$PWD/cli/lluda-run"
readonly c_program="$PWD/cli/run_model.c"
readonly stories="$PWD/reference_data/stories"
readonly reference="$PWD/reference_data/stories/reference.json"
readonly template="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
readonly tmp="${TEST_TMPDIR:-$(mktemp -d)}"
cd "$tmp" || exit 1
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run PROGRAM ARGUMENTS...: leaves stdout in ./out, stderr in ./err, the exit code in $code.
run() {
  "$@" >out 2>err </dev/null
  code=$?
}

expect_out() {
  [[ $code == 0 && $(cat out) == "$1" ]] ||
    fail "expected '$1' on stdout, got '$(cat out)', exit code $code, stderr: $(cat err)"
}

# expect_error CODE TEXT: one line on stderr that has TEXT, and nothing on stdout.
expect_error() {
  [[ $code == "$1" && $(wc -l <err) == 1 && $(cat err) == *"$2"* && ! -s out ]] ||
    fail "expected exit code $1 and '$2', got $code: $(cat err) $(cat out)"
}

# flip FILE OFFSET: inverts a byte of the file.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %02x $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# --- compile, and run without the compiler ---
run "$lluda" compile "$stories" -o stories.llb
expect_out ""
run "$runner" stories.llb -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
"$lluda" generate "$stories" -p "The fox" -n 40 --seed 5 >expected
run "$runner" stories.llb --prompt "The fox" -n 40 --seed 5
expect_out "$(cat expected)"
run "$runner" stories.llb -p "Once upon a time" -n 20 --temperature 0 --stop "girl" --check -t 2
expect_out ", there was a little "
run "$runner" stories.llb -p "Once upon a time" -n 4 --temperature 0 --json
grep -qF '"tokens": [11, 398, 281, 258]' out || fail "lluda-run --json: $(cat out err)"
run "$runner" stories.llb -p "Once upon a time" --ctx 6 -n 50 --temperature 0
expect_out ", there was"
run "$runner" --help
[[ $code == 0 ]] || fail "lluda-run --help: exit code $code"

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
run "$lluda" generate stories.llb -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
"$lluda" tokenize "$stories" -p "Once upon a time, wörld" >expected
run "$lluda" tokenize stories.llb -p "Once upon a time, wörld"
expect_out "$(cat expected)"
"$lluda" ir "$stories" >expected
run "$lluda" ir stories.llb
expect_out "$(cat expected)"
run "$lluda" ir stories.llb --before
expect_error 2 "stories.llb: a bundle has the module after all passes only"
run "$lluda" ir stories.llb --plan
expect_error 2 "stories.llb: a bundle has the module after all passes only"
"$lluda" ir "$stories" --func attn >expected
run "$lluda" ir stories.llb --func attn
expect_out "$(cat expected)"
run "$lluda" asm stories.llb --list
expect_error 2 "stories.llb: is compiled already"
run "$lluda" generate stories.llb -p x -n 2 --perf
expect_error 2 "stories.llb: perf and GDB are told of kernels that are compiled now"
run "$lluda" generate stories.llb -p x -n 2 --trace trace.json
[[ $code == 0 ]] && grep -qF '"attn[0].' trace.json || fail "--trace of a bundle: $(cat err)"
run "$lluda" bench stories.llb
expect_error 2 "stories.llb: operations are counted in the module before the passes"
run "$lluda" chat stories.llb -p "Hello" -n 4
expect_error 2 "stories.llb: when it was compiled, "

run "$lluda" validate stories.llb --reference "$reference"
[[ $code == 0 && $(grep -c " ok$" out) -gt 3 ]] || fail "validate of a bundle: $(cat out err)"
# A model that takes the chat template still does.
cp -rL "$stories" chatty
cp "$template" chatty/tokenizer_config.json
chmod -R u+w chatty
"$lluda" chat chatty -p "Hello" -n 12 --temperature 0 >expected 2>err || fail "chat: $(cat err)"
run "$lluda" compile chatty -o chatty.llb
expect_out ""
run "$lluda" chat chatty.llb -p "Hello" -n 12 --temperature 0
expect_out "$(cat expected)"

[[ $("$lluda" cache verify stories.llb) == "stories.llb: intact" ]] || fail "cache verify FILE"

# --- what is no good is refused ---
run "$lluda" compile stories.llb -o again.llb
expect_error 2 "stories.llb: is compiled already"
run "$lluda" compile "$stories"
expect_error 2 "--output is required"
run "$lluda" compile "$stories" -o no/such/folder.llb
expect_error 1 "no/such/folder.llb: No such file or directory"
[[ ! -e again.llb ]] || fail "a failed compilation left a file"
run "$runner" stories.llb -p x --ctx 3000
expect_error 2 "stories.llb: is compiled for a context of 2048 tokens, not 3000"
run "$runner" missing.llb -p x
expect_error 2 "missing.llb: "
run "$runner" "$stories" -p x
expect_error 2 "stories: is a folder"
run "$runner" stories.llb -p x --top-k -1
expect_error 2 "top_k"
run "$runner"
expect_error 2 "bundle is required"

for program in "$runner" "$lluda generate"; do
  cp stories.llb bad.llb
  truncate -s -1 bad.llb
  run $program bad.llb -p x
  expect_error 2 "bad.llb: is truncated: has "
  cp stories.llb bad.llb
  flip bad.llb 100
  run $program bad.llb -p x
  expect_error 2 "bad.llb: is damaged: the header's hash is wrong"
  cp stories.llb bad.llb
  flip bad.llb 8
  run $program bad.llb -p x
  expect_error 2 "bad.llb: is a bundle of format 254, this lluda reads format 1"
  cp stories.llb bad.llb
  chmod o+w bad.llb
  run $program bad.llb -p x
  expect_error 2 "bad.llb: may be written to by everyone, so its code is not run"
  chmod o-w bad.llb
  cp stories.llb bad.llb
  flip bad.llb $(($(stat -c %s bad.llb) - 1000))
  run $program bad.llb -p x --check
  expect_error 2 "bad.llb: is damaged: the hash of section weights is wrong"
  run "$lluda" cache verify bad.llb
  expect_error 2 "bad.llb: is damaged: the hash of section weights is wrong"
  rm -f bad.llb
done

# --- for C programs ---
run "$lluda" compile "$stories" -o stories.llb --emit=object,header
expect_out ""
if gcc -std=c99 -D_DEFAULT_SOURCE -O1 -Wall -Wextra -Werror -I. "$c_program" stories.o -o run_model
then
  read -r -a prompt < <("$lluda" tokenize "$stories" -p "Once upon a time")
  "$lluda" generate "$stories" -p "Once upon a time" -n 24 --temperature 0 --json |
    sed 's/.*"tokens": \[\([^]]*\)\].*/\1/; s/,//g' >expected
  run ./run_model stories.llb 24 "${prompt[@]}"
  expect_out "$(cat expected)"
  run ./run_model stories.llb 3000 1
  [[ $code == 1 && $(cat err) == "run_model: the context is full" ]] || fail "C: $(cat err)"
else
  fail "the C program does not compile"
fi
[[ $(nm --defined-only -g stories.o | wc -l) == 1 ]] || fail "stories.o defines $(nm -g stories.o)"
[[ -z $(nm --undefined-only stories.o) ]] || fail "stories.o needs $(nm -u stories.o)"
run "$lluda" compile "$stories" -o x.llb --emit=assembly
expect_error 2 "--emit"
[[ ! -e x.llb ]] || fail "a wrong --emit left a file"

[[ $failures == 0 ]] || exit 1
echo "all passed"
