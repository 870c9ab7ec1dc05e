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
grep -q $'\033' out && fail "--diff has colours where it is no terminal"
run ir --diff --json
expect_json lluda.ir_diff/1 'len(j["passes"]) >= 8' \
  '[p["number"] for p in j["passes"]] == sorted(p["number"] for p in j["passes"])' \
  'all(s["lines"] for p in j["passes"] for s in p["sections"])' \
  '{line["mark"] for p in j["passes"] for s in p["sections"] for line in s["lines"]} == set("+-~ ")'
run ir --diff --func mlp --json
expect_json lluda.ir_diff/1 '{s["name"] for p in j["passes"] for s in p["sections"]} == {"@mlp"}'
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
expect_error 2 "--func: the module has no 'mlq', but load, attn, mlp, logits, step, mlp_rows, attn_rows"
run ir --plan
expect 0 "ir --plan"
for text in 'frames: [0-9]* bytes' 'workspace: [0-9]* \* ceil(C / [0-9]*) bytes for the parts of attention_' '@attn: [0-9]* bytes' '  %h at [0-9]*, [0-9]* bytes, statements 0..1' \
  'loaded: [0-9]* bytes' '  @k_cache: 6 x 256 \* S \* C bytes, ' 'step: [0-9]* calls' '  5 times:' '  mlp_rows\[5\].y  matmul_.*' \
  '    attn\[0\].q4  matmul_[^(]*(frame+[0-9]*, loaded+[0-9]*, .*) -> frame+[0-9]*' \
  '    & attn\[0\].ks  matmul_[^(]*(frame+[0-9]*, .*) -> k_cache\[0\]'; do
  grep -q -- "^$text" out || fail "--plan lacks '$text': $(cat out)"
done
[[ $(wc -l <out) -lt 100 ]] || fail "--plan has $(wc -l <out) lines"
run ir --plan --json
expect_json lluda.ir_plan/1 'j["frame_bytes"] >= max(f["bytes"] for f in j["frames"]) > 0' \
  '{"attn", "mlp", "logits", "step", "attn_rows", "mlp_rows"} == {f["func"] for f in j["frames"]}' \
  'all(0 <= v["offset"] and v["offset"] + v["bytes"] <= f["bytes"] for f in j["frames"] for v in f["values"])' \
  'j["workspaces"][0]["factors"][0]["symbol"] == "C"' \
  'j["states"][0] == {"name": "k_cache", "copies": 6, "bytes": 256, "symbols": ["S", "C"],
                      "type": j["states"][0]["type"]}' \
  'sum(g["copies"] * g["bytes"] for g in j["loaded"]) <= j["loaded_bytes"]' \
  '[e["name"] for e in j["entries"]] == ["load", "step"]' \
  'all(e["calls"] == sum(r["times"] * len(r["calls"]) for r in e["rounds"]) for e in j["entries"])' \
  '5 in [r["times"] for r in j["entries"][1]["rounds"]]' \
  'any(c["name"] == "attn[0].ks" and c["beside_previous"] and c["writes"] == "k_cache[0]"
       for r in j["entries"][1]["rounds"] for c in r["calls"])'
run ir --plan --func attn --json
expect_json lluda.ir_plan/1 '"frame_bytes" not in j' '[f["func"] for f in j["frames"]] == ["attn"]' \
  'all(c["name"].startswith("attn[") for e in j["entries"] for r in e["rounds"] for c in r["calls"])'
run ir --plan --passes fuse-rope
expect_error 2 "run plan-memory"

# --- a dump goes on ---
run ir
cp out last
passes=$(sed -n 's/^  passes //p' last | tr ',' '\n' | wc -l)
run ir --all dumps
for dump in dumps/*.lluda; do
  "$lluda_opt" "$dump" >out 2>err || fail "lluda_opt $dump: $(cat err)"
  cmp -s out last || fail "$dump does not go on to the last one"
done
run ir --ir dumps/04-fuse-rope.lluda
cmp -s out last || fail "ir --ir does not go on"
for dump in dumps/00-input.lluda dumps/*-fuse-epilogue.lluda dumps/*-plan-memory.lluda; do
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
for text in '"name": "attn\[4\].q4 attn\[4\].ks attn\[4\].vs", "cat": "call"' '"cat": "work"' '"cat": "wait"' '"name": "step 2"' \
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
run asm --list --json
expect_json lluda.asm_list/1 '[s["calls"] for s in j["statements"] if s["name"] == "attn.q4"] == [5]' \
  '[s["calls"] for s in j["statements"] if s["name"] == "attn_rows.q4"] == [1]' \
  'all(s["kernels"] for s in j["statements"])'
readonly kernel=$(json_value '[s["kernels"][0] for s in j["statements"] if s["name"] == "attn.q4"][0]')
for name in attn.q4 '@attn %q4' 'attn[3].q4' "$kernel"; do
  run asm --op "$name"
  expect 0 "asm --op $name"
  [[ $(sed -n 1,2p out) == "# attn.q4, 5 calls"$'\n'"# %q4 = matmul %h "* ]] || fail "asm: $(head -2 out)"
  grep -q "^$kernel:" out || fail "asm --op $name has no label $kernel"
  grep -q "ret" out || fail "asm --op $name has no return"
done
run asm --op attn.q4 --emit llvm
grep -q "^; %q4 = matmul %h " out || fail "asm --emit llvm: $(head -3 out)"
grep -q "^define void @$kernel(" out || fail "asm --emit llvm defines no $kernel"
run asm --op load.wgu --json
expect_json lluda.asm/1 '[k["name"][:5] for k in j["kernels"]] == ["pack_"]' 'j["emit"] == "asm"'
run asm --op attn.y --json
expect_json lluda.asm/1 'j["statements"][0]["lines"][0].startswith("%o = merge ")' \
  'j["statements"][0]["lines"][-1].startswith("%y = matmul %o ")'
run asm --op mlp.h --json --emit llvm
expect_json lluda.asm/1 'j["statements"][0]["name"] == "mlp.h"' 'j["statements"][0]["calls"] == 5' \
  'j["emit"] == "llvm"' '"define void @" + j["kernels"][0]["name"] in j["kernels"][0]["code"]'
run asm --op attn.q4 --isa generic --json
expect_json lluda.asm/1 'len(j["kernels"]) == 1' '"zmm" not in j["kernels"][0]["code"]'
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
grep -qx "no near misses" out || fail "explain: a near miss: $(tail -3 out)"
run explain --depth 5 --json
readonly statement='[s for s in j["statements"] if s["name"] == "%s"][0]'
# shellcheck disable=SC2059
expect_json lluda.explain/1 'j["misses"] == []' '"note" not in j' \
  "$(printf "$statement" attn.ks)['passes'][:2] == ['fuse-rope', 'fuse-projection']" \
  "$(printf "$statement" mlp.m)['calls'] == 5" \
  "3.93e6 < $(printf "$statement" mlp.m)['bytes'] < 3.94e6" \
  "3.93e6 < $(printf "$statement" mlp.m)['flops'] < 3.94e6" \
  "$(printf "$statement" attn_rows.o0)['ops'] == $(printf "$statement" attn.o0)['ops']" \
  "$(printf "$statement" attn_rows.o0)['passes'][-1] == 'peel-last-layer'"
"$lluda" ir --before | sed 's/%s3 = sub /%s3 = add /' >near.lluda
run explain --depth 5 --ir near.lluda --json
expect_json lluda.explain/1 \
  '{"pass": "fuse-softmax", "func": "attn", "statement": "p", "reason": "'"'s3'"' is add, expected sub"} in j["misses"]'
run explain --tokens 20 --json
expect_json lluda.explain/1 'j["run"] == "a prompt of 20 tokens"' \
  'all(s["limit"] in j["limits"] for s in j["statements"])' \
  'any(s["share_of_limit"] is not None for s in j["statements"])'
run explain --tokens 3000
expect_error 2 "--tokens: 3000 tokens do not fit the context of 2048"
run explain --depth 2048
expect_error 2 "--depth: 2049 tokens do not fit"

# --- verify ---
run verify
expect 0 "verify"
grep -qE "^ok: $passes passes and [0-9]+ kernels, 6 layers, 13 tokens and one more$" out ||
  fail "verify: $(cat out)"
for flags in "--precision f32" "--isa generic" "--layers 1"; do
  # shellcheck disable=SC2086
  run verify "$tiny" $flags --json
  expect 0 "verify $flags: $(cat out)"
  expect_json lluda.verify/1 'j["ok"]' "j['passes'] == $passes" 'j["kernels"] > 10' 'j["tokens"] == 13' \
    'not j["import_verified"]' 'not j["dump_verified"]' 'not j["bundle"]' '"finding" not in j'
done
[[ ! -e repro.lluda ]] || fail "verify wrote a repro of nothing"
run verify "$tiny" --reference "$tiny/reference.json" --json
expect 0 "verify --reference: $(cat out)"
expect_json lluda.verify/1 'j["ok"]' 'j["import_verified"]' "j['passes'] == $passes"
sed 's/{mask = causal, out = bf16, scale = [0-9.]*}/{mask = causal, out = bf16, scale = 0.3}/' last >edited.lluda
line=$(grep -n -m 1 "scale = 0.3}" edited.lluda | cut -d: -f1)
run verify --ir last --layers 1 --json
expect 0 "verify --ir: $(cat out)"
expect_json lluda.verify/1 'j["ok"]' 'j["dump_verified"]' 'j["passes"] == 0' 'j["layers"] == 1' '"remark" not in j'
run verify --ir edited.lluda
expect 1 "verify --ir of an edited dump: $(cat out)"
[[ $(head -1 out) == "edited.lluda:$line: @attn[0] %o0 in step 0: NMSE "* && $(wc -l <out) == 3 ]] ||
  fail "verify --ir of an edited dump: $(cat out)"
[[ ! -e repro.lluda ]] || fail "verify wrote a repro of a line in a dump"
run verify --ir edited.lluda --layers 2 --json
expect 1 "verify --ir --json of an edited dump: $(cat out)"
expect_json lluda.verify/1 'not j["ok"]' 'not j["dump_verified"]' 'j["kernels"] == 0' '"repro" not in j' \
  "j['finding']['culprit'] == 'edited.lluda:$line'" 'j["finding"]["statement"] == "o0"' \
  'j["finding"]["nmse"] > j["finding"]["bound"]' '"the passes: " in j["finding"]["note"]'
run verify --ir edited.lluda --as-is --layers 1 --json
expect 0 "verify --as-is: $(cat out)"
expect_json lluda.verify/1 'j["ok"]' 'not j["dump_verified"]' 'j["passes"] == 0'
run verify --as-is
expect_error 2 "--ir"
sed 's/{mask = causal, out = bf16, /{out = bf16, /' last >edited.lluda
for command in "generate -p x" "verify --as-is --layers 2" "explain --json" "asm --list --json" "report -o no.html"; do
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
