#!/bin/bash
# Every instruction set has its benchmarks, and they run: one matmul and attention of each, briefly.
set -u

readonly kernels="$PWD/benchmarks/kernels"
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

names=$("$kernels" --benchmark_list_tests)
for what in qkv/prefill qkv/decode down/prefill head/decode attention/prefill attention/deep_prefill attention/decode; do
  [[ $names == *"generic/f32xf32/"*"/$what"* ]] || fail "no benchmark of $what: $names"
done
[[ $names != *"head/prefill"* ]] || fail "the head runs on one row only"

filter='f32xf32/.*/(o|attention)/decode|bf16xbf16/.*/(o|attention)/decode'
ran=$("$kernels" --benchmark_filter="$filter" --benchmark_min_time=0.001 --benchmark_format=csv 2>err)
# Of each instruction set at least o and attention with f32xf32.
[[ $(grep -c '/decode/real_time' <<<"$ran") -ge 2 ]] || fail "ran only: $ran; $(cat err)"
grep 'ERROR\|UNIMPLEMENTED\|INVALID' <<<"$ran" && fail "benchmarks ended with errors"

((failures == 0)) || exit 1
