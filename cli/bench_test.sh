#!/bin/bash
# lluda bench on the default model: what it prints, its JSON, and its errors. No figure is compared
# with another run's: only that they are there and agree with each other.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# refused TEXT ARGUMENTS...: bench ends with 2 and one line on stderr that has TEXT.
refused() {
  run bench "${@:2}"
  expect_error 2 "$1"
}

refused "--prompt-tokens" --prompt-tokens 0
refused "--prompt-tokens" --prompt-tokens 8,many
refused "--gen-tokens" --gen-tokens 0
refused "--depth" --depth -1
refused "--repeat" --repeat 0
refused "--ctx 20 is too short: the longest sequence has 40 tokens" \
  --ctx 20 --prompt-tokens 10 --depth 30 --gen-tokens 10
refused "--streams: Value 65 not in range 1 to 64" --streams 65
refused "--batch: Value 0 not in range 1 to 64" --batch 0
refused "the model allows 1 to 2048" --prompt-tokens 5000
refused "--peer: 'llama-bench' is not LLAMA_BENCH,GGUF[,FLAG...]" --peer llama-bench
refused "--peer: no.gguf: no such file" --peer llama-bench,no.gguf
refused "--peer: no/llama-bench: no such program" --peer no/llama-bench,no.gguf
refused "--entry excludes --peer" --entry audio --peer llama-bench,no.gguf
refused "unknown isa 'z80'" --isa z80
refused "no/such/folder" no/such/folder

"$lluda" bench --prompt-tokens 40,70 --depth 0,30 --gen-tokens 20 --repeat 2 -t 1 --stats \
  --streams 1,3 --batch 1,4 --json bench.json >out 2>err </dev/null || fail "bench: $(cat err)"
grep -v "^lluda: warning: the machine is busy" err && fail "bench wrote to stderr"
[[ $(grep -c "^prefill  " out) == 2 && $(grep -c "^decode  " out) == 2 ]] || fail "$(cat out)"
"$lluda" bench --prompt-tokens 4 --gen-tokens 20 --repeat 2 -t 1 --streams 2 --partial-head \
  --json part.json >part.out 2>err </dev/null || fail "bench --partial-head: $(cat err)"
grep -q "^head  .* rows of the head a token" part.out || fail "$(cat part.out)"
[[ $(grep -c "^small step  .* x one token" out) == 2 ]] || fail "$(cat out)"
for text in "limit DRAM read" "^load  .* of which compile" "^memory  *peak" "^decode step" \
  "against the interpreter in f32"; do
  grep -q -- "$text" out || fail "the output lacks '$text': $(cat out)"
done
ls | grep -q "bench.json." && fail "a temporary file was left: $(ls)"

python3 - <<'CHECK' || failures=$((failures + 1))
import json

bench = json.load(open("bench.json"))
assert next(iter(bench.items())) == ("schema", "lluda.bench/1"), bench
number = (int, float)


def has(fields, where):
    for name, kind in fields.items():
        assert name in where, name
        assert isinstance(where[name], kind) and not isinstance(where[name], bool), (name, where)


has({"dram_read_gbps": number, "f32_gflops": number, "bf16_gflops": (*number, type(None)),
     "int8_gops": (*number, type(None)), "bf16_fed_gflops": (*number, type(None))}, bench["limits"])
has({"first_token_ms": number, "load_ms": number, "compile_ms": number, "peak_rss_bytes": int,
     "weight_bytes": int, "kv_bytes": int, "threads": int, "cpu": str, "isa": str}, bench)
speed = {"tokens": int, "tokens_per_s": number, "spread": number, "percent_of_limit": number}
assert bench["prefill"] == bench["prefills"][0] and bench["decode"] == bench["decodes"][0]
assert [p["tokens"] for p in bench["prefills"]] == [40, 70]
assert [(d["tokens"], d["depth"]) for d in bench["decodes"]] == [(20, 0), (20, 30)]
assert [(s["streams"], s["tokens"]) for s in bench["streams"]] == [(1, 20), (3, 20)]
assert [b["tokens"] for b in bench["batch"]] == [1, 4]
for batch in bench["batch"]:
    has({"ms": number, "ms_spread": number, "times_one": number, "times_one_spread": number}, batch)
    assert batch["ms"] > 0 and batch["times_one"] > 0, batch
part = json.load(open("part.json"))["decode"]
# Of 4096 rows, panels of 16.
assert 16 <= part["head_rows"] < 4096 and "head_rows" not in bench["decode"], part
assert part["bytes_per_token"] < bench["decode"]["bytes_per_token"], part
one, three = (s["tokens_per_s"] for s in bench["streams"])
assert abs(bench["streams"][1]["times_one"] / (three / one) - 1) < 1e-4, bench["streams"]
for result in bench["prefills"] + bench["decodes"] + bench["streams"]:
    has(speed, result)
    assert result["tokens_per_s"] > 0 and result["percent_of_limit"] > 0, result
    assert result["min"] <= result["tokens_per_s"] <= result["max"], result
    assert 0 <= result["spread"] <= result["max"] - result["min"], result
assert bench["threads"] == 1
assert 0 < bench["compile_ms"] < bench["load_ms"] < bench["start_to_first_token_ms"]
assert bench["peak_rss_bytes"] > bench["weight_bytes"] > 0
# Keys and values of 6 layers, 2 heads of 64, in bf16; 70 tokens lie in blocks of 64.
assert bench["kv_bytes"] >= 70 * 6 * 2 * 2 * 64 * 2, bench["kv_bytes"]
for decode in bench["decodes"]:
    depth = decode["depth"]
    assert decode["bytes_per_token"] == bench["weight_bytes"] + (depth + 1) * 6 * 2 * 2 * 64 * 2
    # Medians of turns and turns of medians are not the same, but near.
    assert bench["limits"][decode["limit"]] is not None
    if decode["limit"] == "dram_read_gbps":
        rate = decode["tokens_per_s"] * decode["bytes_per_token"] / 1e9
        share = 100 * rate / decode["limit_rate"]
        assert share / 2 < decode["percent_of_limit"] < share * 2, (share, decode)
layer = bench["decode_step"]
assert layer["calls"] >= 6 * layer["calls_per_layer"] > 0 and layer["regions"] == 0, layer
CHECK

"$lluda" bench --prompt-tokens 70 --gen-tokens 4 --repeat 1 -t 1 --kv-cache int8 \
  --json int8.json >out 2>err || fail "bench int8: $(cat err)"
grep -qE "^model .* KV cache int8" out || fail "bench int8: $(cat out)"
grep -qE "^cache error  logits of 256 tokens: NMSE .* of 1.0e-03 against a bf16 cache" out ||
  fail "bench int8: $(cat out)"
python3 - <<'CHECK' || failures=$((failures + 1))
import json

plain = json.load(open("bench.json"))
int8 = json.load(open("int8.json"))
assert plain["kv_cache"] == "bf16" and "cache_error" not in plain
assert int8["kv_cache"] == "int8"
# 64 elements of a byte and a scale of 4, where bf16 has 128 bytes.
per_position = 6 * 2 * 2 * (64 + 4)
assert int8["decode"]["bytes_per_token"] == int8["weight_bytes"] + per_position, int8["decode"]
assert int8["kv_bytes"] == 128 * per_position, int8["kv_bytes"]
error = int8["cache_error"]
assert error["tokens"] == 256
assert 0 < error["nmse"] <= error["largest_nmse"] and error["nmse"] < error["nmse_bound"], error
assert 0 < error["likeliest_equal"] <= 256
CHECK

# Another engine in turns: a script. The real one is as fast as it likes.
touch m.gguf
printf '#!/bin/sh\necho $* >>calls\necho "[{\\"avg_ts\\": 0.5}]"\n' >peer
printf '#!/bin/sh\necho no such tensor >&2\nexit 3\n' >broken
printf '#!/bin/sh\necho $$ >hanging.pid\nexec sleep 600\n' >hanging
chmod +x peer broken hanging
small=(bench --prompt-tokens 4 --gen-tokens 3 --repeat 2 -t 1)
"$lluda" "${small[@]}" --depth 5 --peer ./peer,m.gguf,-fa,1 --json peer.json >out 2>err ||
  fail "bench --peer: $(cat err)"
grep -qE "^peer prefill +4 tokens at depth 0: +0.50 tokens/s, .*; lluda is .* x as fast, spread" out &&
  grep -qE "^peer decode +3 tokens at depth 5: +0.50 tokens/s, " out || fail "$(cat out)"
[[ $(cat calls) == "-m m.gguf -o json -t 1 -r 1 -fa 1 -p 4 -n 0
-m m.gguf -o json -t 1 -r 1 -fa 1 -p 4 -n 0
-m m.gguf -o json -t 1 -r 1 -fa 1 -p 0 -n 3 -d 5
-m m.gguf -o json -t 1 -r 1 -fa 1 -p 0 -n 3 -d 5" ]] || fail "peer was called: $(cat calls)"
python3 - <<'CHECK' || failures=$((failures + 1))
import json

(peer,) = json.load(open("peer.json"))["peers"]
assert (peer["program"], peer["gguf"], peer["flags"]) == ("./peer", "m.gguf", ["-fa", "1"]), peer
for speed in peer["prefills"] + peer["decodes"]:
    assert speed["tokens_per_s"] == 0.5 and speed["spread"] == 0, speed
    # Turns that are compared each with two, and the median of all of them.
    share = speed["lluda_tokens_per_s"] / 0.5 / speed["lluda_is_times"]
    assert 0.2 < share < 5, speed
CHECK

run "${small[@]}" --peer ./broken,m.gguf
expect_error 1 "./broken: ended with 3: no such tensor"
run "${small[@]}" --peer /,m.gguf
expect_error 1 "/: cannot be run: Permission denied"
run "${small[@]}" --peer no-such-llama-bench,m.gguf
expect_error 2 "no-such-llama-bench: cannot be run: No such file or directory"

# Ctrl-C, which goes to all programs that a terminal runs together, ends both.
python3 - "$lluda" "${small[@]}" --peer ./hanging,m.gguf <<'CHECK' || failures=$((failures + 1))
import os, signal, subprocess, sys, time

lluda = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
for wait in range(1200):
    if os.path.exists("hanging.pid") and open("hanging.pid").read().endswith("\n"):
        break
    time.sleep(0.05)
os.killpg(lluda.pid, signal.SIGINT)
assert lluda.communicate(timeout=30) == (b"", b""), "it said something"
assert lluda.returncode == -signal.SIGINT, lluda.returncode
try:
    for wait in range(100):
        os.kill(int(open("hanging.pid").read()), 0)
        time.sleep(0.05)
    raise AssertionError("the peer runs on")
except ProcessLookupError:
    pass
CHECK

# Without a file, in place of the text.
run bench --prompt-tokens 4 --gen-tokens 1 --repeat 1 --json
expect_json lluda.bench/1 'j["prefill"]["tokens"] == 4' 'j["decode"]["tokens"] == 1' '"decode_step" not in j'

"$lluda" bench --prompt-tokens 4 --gen-tokens 1 --repeat 1 --json no/such/folder/b.json >out 2>err
code=$?
[[ $code == 1 && $(grep -v "machine is busy" err) == "lluda: no/such/folder/b.json"* ]] ||
  fail "a file that cannot be written: exit code $code, $(cat err)"

finish
