#!/bin/bash
# What a model runs on: a GPU that is simulated, and drivers that there are not.
set -u

readonly fake="$PWD/runtime/cuda/libfake_cuda.so"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

run generate "$stories" -p "Once upon a time" -n 8 --temperature 0 --device gpu-sim
expect_out ", there was a little girl named Lily"
run generate "$stories" -p x --device gpu-sim --weights q8_0
expect_error 2 "a GPU runs no quantised weights yet"

# A driver that is none, found where the system's would be.
mkdir drivers && ln -s "$fake" drivers/libcuda.so.1
run_cuda() {
  run_program env LD_LIBRARY_PATH="$PWD/drivers" FAKE_CUDA="$1" "$lluda" generate "$stories" -p x \
    -n 1 --device cuda
}
run_cuda cuInit=100
expect_error 1 "no CUDA-capable device is detected"
run_cuda no_gpu=1
expect_error 2 "the NVIDIA driver offers no GPU"
run_cuda version=11000
expect_error 2 "the NVIDIA driver is too old: it is for CUDA 11.0, code for sm_90a needs 12.0"
run_cuda major=7
expect_error 2 "the GPU is too old: Fake GPU has compute capability 7.0"
run_cuda cuMemAlloc_v2=2
expect_error 1 "out of memory"
run_cuda cuStreamSynchronize=719
expect_error 1 "unspecified launch failure"

run ir "$tiny" --device cuda
expect 0 "ir"
grep -q "@panel(1x8, hid)" out || fail "a GPU's panels are not in the dump"
run ir "$tiny" --device cuda --plan
expect_error 2 "--plan shows what a CPU runs"

run asm "$tiny" --device cuda --op "@attn %o0"
expect 0 "asm"
grep -q "^.visible .entry attention_" out || fail "asm shows no kernel of attention: $(head -3 out)"
grep -q "^// attn.o0, 2 calls" out || fail "asm does not show the statement: $(head -3 out)"
run asm "$tiny" --device cuda --op "@attn %o0" --json
expect 0 "asm --json"
grep -q '"emit": *"ptx"' out || fail "asm does not say that it is PTX: $(head -3 out)"
run asm "$tiny" --device cuda --op attn.nothing
expect_error 2 "no kernel computes 'attn.nothing'"
run asm "$tiny" --device cuda --list --entry audio
expect_error 2 "'audio'"

run compile "$tiny" -o tiny.llb
expect 0 "compile"
run generate tiny.llb -p x --device gpu-sim
expect_error 2 "its code is for a CPU alone"

finish
