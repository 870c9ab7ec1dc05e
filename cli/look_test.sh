#!/bin/bash
# The commands that look into the compiler, as a user meets them: ir --diff and --plan, generate --ir,
# --trace and --perf, asm, explain and verify.
set -u

readonly lluda_opt="$PWD/passes/lluda_opt"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# --- ir --diff ---
run ir --diff=fuse-rope
expect 0 "ir --diff=fuse-rope"
[[ $(sed -n 1,2p out) == $'=== 4 fuse-rope\n@attn' ]] || fail "--diff: $(sed -n 1,2p out)"
[[ $(grep -c '^+ .* = rope ' out) == 2 && $(grep -c '^+' out) == 2 ]] || fail "--diff: $(cat out)"
[[ $(grep -c '^-' out) == 18 && $(wc -l <out) -le 40 ]] || fail "--diff: $(cat out)"
cp out by_name
run ir --diff=4
cmp -s out by_name || fail "--diff=4 is not --diff=fuse-rope"
run ir --diff
[[ $(grep -c '^=== ' out) -ge 8 ]] || fail "--diff shows $(grep -c '^=== ' out) passes"
grep -q $'\033' out && fail "--diff has colours where it is no terminal"
run ir --diff --func mlp
grep '^@' out | grep -qvx '@mlp' && fail "--diff --func mlp: $(grep '^@' out)"
grep -q '^@mlp$' out || fail "--diff --func mlp shows no @mlp"
run ir --diff=fuse-rope --passes rest,canonicalize --color=always
grep -q $'\033\[32m+' out || fail "--color=always has no colours"
run ir --diff=fuse-everything
expect_error 2 "--diff: 'fuse-everything' is none of the passes: canonicalize, "
run ir --diff --plan
expect_error 2 "--plan"
run ir --color=blue
expect_error 2 "--color"

# --- ir --func, --plan ---
run ir --func @mlp
expect 0 "ir --func"
[[ $(head -1 out) == "func @mlp[layer < 6]("* ]] || fail "--func: $(head -1 out)"
grep -q "@attn" out && fail "--func mlp prints @attn"
run ir --func mlq
expect_error 2 "--func: the module has no 'mlq', but load, attn, mlp, logits, step"
run ir --plan
expect 0 "ir --plan"
for text in 'frames: [0-9]* bytes' 'workspace: [0-9]* \* ceil(C / [0-9]*) bytes for the parts of attention_' '@attn: [0-9]* bytes' '  %h at [0-9]*, [0-9]* bytes, statements 0..1' \
  'loaded: [0-9]* bytes' '  @k_cache: 6 x 256 \* S \* C bytes, ' 'step: [0-9]* calls' '  6 times:' \
  '    attn\[0\].q4  matmul_[^(]*(frame+[0-9]*, loaded+[0-9]*, .*) -> frame+[0-9]*' \
  '    & attn\[0\].ks  matmul_[^(]*(frame+[0-9]*, .*) -> k_cache\[0\]'; do
  grep -q -- "^$text" out || fail "--plan lacks '$text': $(cat out)"
done
[[ $(wc -l <out) -lt 100 ]] || fail "--plan has $(wc -l <out) lines"
run ir --plan --passes fuse-rope
expect_error 2 "run plan-memory"

# --- a dump goes on ---
run ir
cp out last
run ir --all dumps
for dump in dumps/*.lluda; do
  "$lluda_opt" "$dump" >out 2>err || fail "lluda_opt $dump: $(cat err)"
  cmp -s out last || fail "$dump does not go on to the last one"
done
run ir --ir dumps/04-fuse-rope.lluda
cmp -s out last || fail "ir --ir does not go on"
for dump in dumps/00-input.lluda dumps/10-*.lluda dumps/16-*.lluda; do
  run generate --ir "$dump" -p "Once upon a time" -n 8 --temperature 0
  [[ $(cat out) == ", there was a little girl named Lily" ]] || fail "--ir $dump: $(cat out) $(cat err)"
done
"$lluda" ir --after fuse-rope | "$lluda" generate --ir - -p "Once upon a time" -n 3 --temperature 0 >out
[[ $(cat out) == ", there was" ]] || fail "--ir -: $(cat out)"
"$lluda" ir --passes fuse-rope,cse >odd.lluda
run generate --ir odd.lluda -p x
expect_error 2 "has gone through fuse-rope, cse, which is not how the default pipeline begins"
run generate "$stories" --ir missing.lluda -p x
expect_error 2 "missing.lluda: No such file"
run generate "$stories" --ir <(echo "lluda 2") -p x
expect_error 2 "this is no version 1 file"
run generate "$tiny" --ir last -p x
expect_error 2 "last: func @step is (%tokens: i32 tok[T], "
run generate --ir last --ctx 100 -p x
expect_error 2 "--ctx"

# --- generate --trace, --perf, --gdb ---
run generate -p "Once upon a time" -n 3 --temperature 0 --trace trace.json
[[ $(cat out) == ", there was" ]] || fail "--trace: $(cat out)"
for text in '"name": "attn\[5\].q4 attn\[5\].ks attn\[5\].vs", "cat": "call"' '"cat": "work"' '"cat": "wait"' '"name": "step 2"' \
  '"kernel": "matmul_'; do
  grep -q -- "$text" trace.json || fail "the trace lacks $text"
done
run generate -p x -n 1 --trace no/such/folder/trace.json
expect 1 "--trace"
grep -qF "no/such/folder/trace.json: No such file" err || fail "--trace: $(cat err)"
"$lluda" generate -p "Once upon a time" -n 1 --temperature 0 --perf --gdb >out 2>err &
readonly pid=$!
wait "$pid" || fail "--perf: $(cat err)"
grep -q "^[0-9a-f]* [0-9a-f]* matmul_" "/tmp/perf-$pid.map" || fail "--perf wrote no map"
rm -f "/tmp/perf-$pid.map"

# --- asm ---
run asm --list
expect 0 "asm --list"
grep -q "^attn.q4  *matmul_" out || fail "asm --list lacks attn.q4: $(cat out)"
readonly kernel=$(sed -n 's/^attn.q4 *//p' out)
for name in attn.q4 '@attn %q4' 'attn[3].q4' "$kernel"; do
  run asm --op "$name"
  expect 0 "asm --op $name"
  [[ $(sed -n 1,2p out) == "# attn.q4, 6 calls"$'\n'"# %q4 = matmul %h "* ]] || fail "asm: $(head -2 out)"
  grep -q "^$kernel:" out || fail "asm --op $name has no label $kernel"
  grep -q "ret" out || fail "asm --op $name has no return"
done
run asm --op attn.q4 --emit llvm
grep -q "^; %q4 = matmul %h " out || fail "asm --emit llvm: $(head -3 out)"
grep -q "^define void @$kernel(" out || fail "asm --emit llvm defines no $kernel"
run asm --op load.wgu
[[ $(grep -c "^pack_.*:$" out) == 1 ]] || fail "asm --op load.wgu: $(grep "^pack_" out)"
run asm --op attn.y
grep -q "^# %o = merge " out || fail "asm does not show the view that attn.y reads: $(head -4 out)"
run asm --op mlp.h
[[ $(sed -n 1p out) == "# mlp.h, 6 calls" ]] || fail "asm --op mlp.h: $(head -1 out)"
run asm --op attn.q4 --isa generic
grep -q "zmm" out && fail "asm --isa generic uses zmm"
run asm --op attn.q5
expect_error 2 "no kernel computes 'attn.q5'; did you mean 'attn.q"
run asm
expect_error 2 "--op"

# --- explain ---
run explain --depth 5
expect 0 "explain"
grep -q "^one token after 5 others, " out || fail "explain: $(head -1 out)"
grep -A4 "^attn.ks  matmul_" out |
  grep -qF "cast, append of model.layers.{layer}.self_attn.{k_proj, k_norm}" ||
  fail "explain does not say where attn.ks is from: $(cat out)"
grep -A4 "^attn.ks  matmul_" out | grep -q "by     fuse-rope, fuse-projection" ||
  fail "explain: no passes"
grep -A4 "^mlp.m  matmul_" out | grep -q "work   6 calls, 4.72 MB, 4.72 MFLOP" || fail "explain: work"
grep -qx "no near misses" out || fail "explain: a near miss: $(tail -3 out)"
"$lluda" ir --before | sed 's/%s3 = sub /%s3 = add /' >near.lluda
run explain --depth 5 --ir near.lluda
grep -q "    fuse-softmax @attn %p: 's3' is add, expected sub" out || fail "explain: no near miss"
run explain --tokens 20 --json
expect 0 "explain --json"
grep -qF '"run": "a prompt of 20 tokens"' out || fail "explain --json: $(head -c 200 out)"
grep -qF '"share_of_limit": ' out || fail "explain --json lacks share_of_limit"
run explain --tokens 3000
expect_error 2 "--tokens: 3000 tokens do not fit the context of 2048"
run explain --depth 2048
expect_error 2 "--depth: 2049 tokens do not fit"

# --- verify ---
run verify
expect 0 "verify"
grep -qE "^ok: 16 passes and [0-9]+ kernels, 6 layers, 13 tokens and one more$" out ||
  fail "verify: $(cat out)"
for flags in "--precision f32" "--isa generic" "--layers 1"; do
  # shellcheck disable=SC2086
  run verify "$tiny" $flags
  expect 0 "verify $flags: $(cat out)"
done
[[ ! -e repro.lluda ]] || fail "verify wrote a repro of nothing"
run verify "$tiny" --reference "$tiny/reference.json"
expect 0 "verify --reference: $(cat out)"
[[ $(cat out) == "ok: the import, 16 passes "* ]] || fail "verify --reference: $(cat out)"
sed 's/{mask = causal, out = bf16, scale = [0-9.]*}/{mask = causal, out = bf16, scale = 0.3}/' last >edited.lluda
line=$(grep -n "scale = 0.3}" edited.lluda | cut -d: -f1)
run verify --ir last --layers 1
expect 0 "verify --ir: $(cat out)"
[[ $(cat out) == "ok: the dump, 0 passes and "* ]] || fail "verify --ir: $(cat out)"
run verify --ir edited.lluda
expect 1 "verify --ir of an edited dump: $(cat out)"
[[ $(head -1 out) == "edited.lluda:$line: @attn[0] %o0 in step 0: NMSE "* && $(wc -l <out) == 3 ]] ||
  fail "verify --ir of an edited dump: $(cat out)"
[[ ! -e repro.lluda ]] || fail "verify wrote a repro of a line in a dump"
run verify --ir edited.lluda --as-is --layers 1
expect 0 "verify --as-is: $(cat out)"
[[ $(cat out) == "ok: 0 passes and "* ]] || fail "verify --as-is: $(cat out)"
run verify --as-is
expect_error 2 "--ir"
sed 's/{mask = causal, out = bf16, /{out = bf16, /' last >edited.lluda
for command in "generate -p x" "verify --as-is --layers 1" "explain" "asm --list" "report -o no.html"; do
  # shellcheck disable=SC2086
  run $command --ir edited.lluda
  expect_error 2 "lluda: edited.lluda:$line: @attn: %o0: no kernel for attention"
done
run verify --reference missing.json
expect_error 2 "missing.json"
run verify --layers 0
expect_error 2 "--layers"
run verify no/such/folder
expect_error 2 "no/such/folder"

finish
