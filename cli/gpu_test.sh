#!/bin/bash
# What a model runs on: a GPU that is simulated, and drivers that there are not.
set -u

readonly fake="$PWD/runtime/cuda/libfake_cuda.so"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

run generate "$stories" -p "Once upon a time" -n 8 --temperature 0 --device gpu-sim
expect_out ", there was a little girl named Lily"
run generate "$stories" -p "Once upon a time" -n 8 --temperature 0 --device gpu-sim --weights q8_0
expect_out ", there was a little girl named Lily"

run generate "$stories" -p x --device gpu-sim --weights q8_0 --activations int8
expect_error 2 "only a CPU multiplies activations of int8"

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
expect 0 "ir --plan"
grep -q "^step: .* calls" out || fail "no plan: $(head -3 out)"

run asm "$tiny" --device cuda --op "@attn %o0"
expect 0 "asm"
grep -q "^.visible .entry attention_" out || fail "asm shows no kernel of attention: $(head -3 out)"
grep -q "^// attn.o0, 2 calls" out || fail "asm does not show the statement: $(head -3 out)"
run asm "$tiny" --device cuda --isa sm_80 --op "@attn %o0" --json
expect 0 "asm --json"
grep -q '"emit": *"ptx"' out || fail "asm does not say that it is PTX: $(head -3 out)"
grep -q "target sm_80" out || fail "asm does not show what --isa names: $(head -3 out)"
run asm "$tiny" --device cuda --op attn.nothing
expect_error 2 "no kernel computes 'attn.nothing'"
run asm "$tiny" --device cuda --list --entry audio
expect_error 2 "'audio'"

# What looks into a model, on a GPU that is simulated; and what says why there is none.
run verify "$tiny" --device gpu-sim --layers 1 --tokens 3
expect 0 "verify"
grep -q "^ok: " out || fail "verify finds something: $(head -3 out)"
run explain "$tiny" --device gpu-sim --depth 3
expect 0 "explain"
grep -qF "peel-last-layer @step %xr: a GPU would need further kernels for these rows" out ||
  fail "explain does not say why the last layer computes all rows: $(tail -3 out)"
grep -q "3 matmul" out || fail "explain does not show what a group computes: $(head -9 out)"
run report "$tiny" --device gpu-sim --json --depth 3 --tokens 9
expect 0 "report"
grep -q '"isa": *"gpu-sim"' out || fail "report does not name the device: $(head -c 300 out)"
run report "$tiny" --device cuda --no-measure --json
expect 0 "report --no-measure"
grep -q '"isa": *"sm_90a"' out || fail "report does not name the GPU: $(head -c 300 out)"
run bench "$tiny" --device gpu-sim --prompt-tokens 3 --gen-tokens 2 --depth 0 --repeat 1 --ctx 64
expect 0 "bench"
for command in verify explain "report -o x.html" "bench --gen-tokens 1"; do
  # shellcheck disable=SC2086
  run_program env LD_LIBRARY_PATH="$PWD/drivers" FAKE_CUDA=no_gpu=1 "$lluda" $command "$tiny" \
    --device cuda
  expect_error 2 "the NVIDIA driver offers no GPU"
done

# Bundles: of a CPU for a CPU, of a GPU for GPUs.
run compile "$tiny" -o tiny.llb
expect 0 "compile"
run generate tiny.llb -p x --device gpu-sim
expect_error 2 "its code is for a CPU alone"
run compile "$tiny" -o gpu.llb --device gpu-sim
expect_error 2 "a simulated GPU's code is not kept"
run_program env LD_LIBRARY_PATH="$PWD/drivers" FAKE_CUDA=no_gpu=1 "$lluda" compile "$stories" \
  -o gpu.llb --device cuda
expect_error 2 "offers no GPU; --isa sm_90a, say, compiles for a GPU that is not here"
run compile "$stories" -o gpu.llb --device cuda --isa sm_80 --json
expect 0 "compile --device cuda"
grep -q '"isa": *"sm_80"' out || fail "compile does not say for which GPU: $(head -5 out)"
run generate gpu.llb -p x
expect_error 2 "its code is for a GPU, sm_80, and for nothing else; lluda runs it with --device cuda"
run asm gpu.llb --device cuda --list
expect 0 "asm of a bundle"
run ir gpu.llb
expect 0 "ir of a bundle"
run cache verify gpu.llb
expect 0 "cache verify"
run_program env LD_LIBRARY_PATH="$PWD/drivers" "$lluda" generate gpu.llb -p x -n 1 --device cuda
expect 0 "generate gpu.llb"
run_program env LD_LIBRARY_PATH="$PWD/drivers" FAKE_CUDA=major=7 "$lluda" generate gpu.llb -p x \
  --device cuda
expect_error 2 "gpu.llb: code for sm_80 does not run on the GPU: Fake GPU"
run_program "$lluda-run" gpu.llb -p x
expect_error 2 "its code is for a GPU, sm_80, and for nothing else; lluda runs it with --device cuda"

finish
