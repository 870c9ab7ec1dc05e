#!/bin/bash
# The commands that look into a model, on a bundle: ir --plan, asm, explain, verify and bench. What
# they tell of a folder they tell of a bundle, as far as it is in it.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

"$lluda" compile "$stories" -o stories.llb 2>err || fail "compile: $(cat err)"

# --- inspect ---
run inspect stories.llb
expect 0 "inspect: $(cat err)"
grep -qE '^stories.llb: bundle, [0-9]+ keys, ' out || fail "inspect does not say what it is: $(head -1 out)"
run inspect stories.llb --json
expect_json lluda.inspect/1 'j["format"] == "bundle"' \
  '{k["key"]: k["value"] for k in j["keys"]}["precision"] == "bf16"' \
  'int({k["key"]: k["value"] for k in j["keys"]}["context"]) == 2048' \
  '{k["key"]: k["value"] for k in j["keys"]}["tokenizer"] == "yes"'
head -c 100 stories.llb >cut.llb
run inspect cut.llb
expect_error 2 "cut.llb: "

# --- ir --plan ---
run ir stories.llb --plan --json
expect_json lluda.ir_plan/1 'j["frame_bytes"] > 0' '"attn" in [f["func"] for f in j["frames"]]' \
  '[e["name"] for e in j["entries"]] == ["step"]' \
  'any(c["name"] == "attn[0].q4" and c["reads"][1].startswith("loaded+") and c["writes"].startswith("frame+")
       for r in j["entries"][0]["rounds"] for c in r["calls"])' \
  'any(c["name"] == "attn[0].ks" and c["beside_previous"] and c["writes"] == "k_cache[0]"
       for r in j["entries"][0]["rounds"] for c in r["calls"])'
run ir stories.llb --ctx 9
expect_error 2 "stories.llb: is compiled for a context of 2048 tokens, not 9"

# --- asm ---
run asm stories.llb --list --json
expect_json lluda.asm_list/1 'not any(s["name"].startswith("load") for s in j["statements"])' \
  '"attn.q4" in [s["name"] for s in j["statements"]]'
readonly kernel=$(json_value '[s["kernels"][0] for s in j["statements"] if s["name"] == "attn.q4"][0]')
for name in attn.q4 '@attn %q4' "$kernel"; do
  "$lluda" asm "$stories" --op "$name" >of_folder
  run asm stories.llb --op "$name"
  expect 0 "asm --op $name"
  cmp -s <(grep "^#" of_folder) <(grep "^#" out) || fail "another heading: $(head -3 out)"
  grep -qx "$kernel:" out || fail "asm --op $name has no label: $(head -6 out)"
done
grep -q "	retq$" out || fail "asm has no return"
[[ $(grep -o "\.L[C0-9]*\b" out | sort -u) == $(grep -o "^\.L[C0-9]*:" out | tr -d : | sort -u) ]] ||
  fail "asm names places that it does not show: $(cat out)"
for statement in $("$lluda" asm stories.llb --list | cut -d ' ' -f 1); do
  run asm stories.llb --op "$statement"
  [[ $code == 0 && $(wc -l <out) -gt 5 ]] || fail "asm --op $statement: $(cat err)"
done
run asm stories.llb --op attn.q4 --emit llvm
expect_error 2 "stories.llb: a bundle holds machine code and no LLVM IR"
run asm stories.llb --op load.wgu
expect_error 2 "stories.llb: the load block ran when the bundle was compiled"
run asm stories.llb --op attn.q5
expect_error 2 "no kernel computes 'attn.q5'; did you mean 'attn.q"
run asm stories.llb --list --isa generic
expect_error 2 "stories.llb: is compiled for "

# --- explain ---
run explain stories.llb --depth 5
expect 0 "explain"
grep -q "^one token after 5 others, " out || fail "explain: $(head -1 out)"
grep -A4 "^attn.ks  matmul_" out |
  grep -qF "from   matmul of model.layers.{layer}.self_attn.{k_proj, k_norm}" ||
  fail "explain does not say where attn.ks is from: $(cat out)"
passes=$("$lluda" ir stories.llb | sed -n 's/^  passes //p' | tr ',' '\n' | wc -l)
[[ $(tail -1 out) == "$passes passes had run before: "*"near misses are not known" ]] ||
  fail "explain does not say what it does not know: $(tail -1 out)"
run explain stories.llb --tokens 20 --json
expect_json lluda.explain/1 "j['note'].startswith('$passes passes had run before: ')" \
  '[s["passes"] for s in j["statements"] if s["name"] == "attn.q4"] == [["fuse-epilogue"]]' \
  '[s["calls"] for s in j["statements"] if s["name"] == "mlp.m"] == [5]' \
  '[s["calls"] for s in j["statements"] if s["name"] == "mlp_rows.m"] == [1]'
run explain stories.llb --depth 2048
expect_error 2 "--depth: 2049 tokens do not fit"

# --- verify ---
run verify stories.llb
expect 0 "verify"
grep -qE "^ok: [0-9]+ kernels, 6 layers, 13 tokens and one more; passes and packed weights were not verified" out ||
  fail "verify: $(cat out)"
for numbers in "--precision f32" "--kv-cache int8" "--isa generic"; do
  # shellcheck disable=SC2086
  "$lluda" compile "$tiny" $numbers -o tiny.llb || fail "compile $numbers"
  run verify tiny.llb --layers 1 --tokens 5 --json
  expect 0 "verify $numbers: $(cat out)"
  expect_json lluda.verify/1 'j["ok"]' 'j["bundle"]' 'j["layers"] == 1' 'j["tokens"] == 5' \
    'j["passes"] == 0' 'j["kernels"] > 10'
done
[[ ! -e repro.lluda ]] || fail "verify wrote a repro of nothing"
run verify stories.llb --reference "$stories/reference.json"
expect_error 2 "stories.llb: a bundle has no imported module to hold against --reference"

# The norms' epsilon becomes 1 in the code, which is the first section, and all hashes are right.
python3 - <<'PATCH' || fail "nothing was planted"
import hashlib
import struct

data = bytearray(open("stories.llb", "rb").read())
header = 64 + struct.unpack_from("<Q", data, 16)[0]
begin = end = (header + 4095) // 4096 * 4096
digest = hashlib.sha256()
while data.find(digest.digest(), 64, header) < 0:
    digest.update(data[end:end + 1])
    end += 1
place = data.find(digest.digest(), 64, header)
code = bytes(data[begin:end])
wrong = code.replace(struct.pack("<f", 1e-6), struct.pack("<f", 1.0))
assert wrong != code
data[begin:end] = wrong
data[place:place + 32] = hashlib.sha256(wrong).digest()
data[32:64] = hashlib.sha256(data[64:header]).digest()
open("wrong.llb", "wb").write(data)
PATCH
[[ $("$lluda" cache verify wrong.llb) == "wrong.llb: intact" ]] || fail "the fault shows in a hash"
run verify wrong.llb --repro norm.lluda
expect 1 "verify of a wrong bundle"
grep -qE "^kernel rmsnorm_.*: @attn\[0\] %h in step 0: NMSE .*, at most" out || fail "verify: $(cat out)"
grep -qx "wrote norm.lluda" out || fail "verify: $(cat out)"
run verify wrong.llb --repro norm.lluda --json
expect 1 "verify --json of a wrong bundle"
expect_json lluda.verify/1 'not j["ok"]' 'j["repro"] == "norm.lluda"' 'j["finding"]["func"] == "attn"' \
  'j["finding"]["statement"] == "h"' 'j["finding"]["index"] == 0' 'j["finding"]["step"] == 0'
grep -qE "%h = rmsnorm .*eps = 1e-06" norm.lluda || fail "the repro: $(cat norm.lluda)"

# --- bench ---
"$lluda" bench stories.llb --prompt-tokens 40 --gen-tokens 8 --repeat 1 -t 1 --json bench.json >out 2>err ||
  fail "bench: $(cat err)"
grep -q "^checked  .*against the interpreter on the bundle's own module and weights; prompts" out ||
  fail "bench: $(cat out)"
"$lluda" bench "$stories" --prompt-tokens 40 --gen-tokens 8 --repeat 1 -t 1 --json folder.json >out 2>err ||
  fail "bench: $(cat err)"
"$lluda" compile "$stories" --kv-cache int8 -o int8.llb || fail "compile"
"$lluda" bench int8.llb --prompt-tokens 40 --gen-tokens 8 --repeat 1 -t 1 --json int8.json >out 2>err ||
  fail "bench int8: $(cat err)"
grep -q "not the error of the int8 cache: a bundle has no other$" out || fail "bench int8: $(cat out)"
python3 - <<'CHECK' || fail "the figures of bench"
import json

bundle, folder, int8 = (json.load(open(name + ".json")) for name in ["bench", "folder", "int8"])
assert bundle["compile_ms"] == 0 < folder["compile_ms"]
assert bundle["load_ms"] < folder["load_ms"]
for name in ["precision", "kv_cache", "isa", "context", "weight_bytes", "kv_bytes"]:
    assert bundle[name] == folder[name], name
assert bundle["decode"]["bytes_per_token"] == folder["decode"]["bytes_per_token"]
assert int8["kv_cache"] == "int8" and "cache_error" not in int8
assert int8["kv_bytes"] < bundle["kv_bytes"]
CHECK
run bench stories.llb --prompt-tokens 5000
expect_error 2 "stories.llb: is compiled for a context of 2048 tokens, not 5000"
run bench wrong.llb --prompt-tokens 4 --gen-tokens 1 --repeat 1
expect_error 1 "the output is wrong: after 4 tokens the logits have NMSE"

finish
