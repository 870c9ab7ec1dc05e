#!/bin/bash
# A GGUF file as MODEL: every command takes it, and what comes of it is what comes of the folder that
# it was written from.
set -u

readonly write_gguf="$PWD/cli/write_gguf.py"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

python3 "$write_gguf" "$stories" stories.gguf || fail "write_gguf.py"
python3 "$write_gguf" "$stories" parts.gguf 3 || fail "write_gguf.py, in parts"

run generate stories.gguf -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
# Sampling defaults are in the file, too.
run generate "$stories" -p "The fox" -n 20 --seed 5
cp out sampled
run generate stories.gguf -p "The fox" -n 20 --seed 5
expect_out "$(cat sampled)"
run generate parts-00001-of-00003.gguf -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
run generate parts-00002-of-00003.gguf -p x
expect_error 2 "this is part 2 of 3; the first one names the model"

# The numbers of validate are those of the folder, to the last digit.
for model in "$stories" stories.gguf; do
  run validate "$model" --reference "$stories/reference.json" --json
  expect 0 "validate $model"
  json_value '{k: v for k, v in j.items() if k != "model"}' >"numbers.$(basename "$model")"
done
cmp -s numbers.stories numbers.stories.gguf || fail "validate differs from the folder"

run tokenize stories.gguf -p "Once upon a time"
cp out ids
run tokenize "$stories" -p "Once upon a time"
expect_out "$(cat ids)"
# The same module, but for norms, which such files have in f32.
run ir stories.gguf --before
grep -v "^  weight" out >module
run ir "$stories" --before
grep -v "^  weight" out | cmp -s - module || fail "ir: another module than the folder's"

run compile stories.gguf -o stories.llb
expect 0 "compile"
run generate stories.llb -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"

# --- matrices in blocks: the numbers of the same blocks made while loading, to the last digit ---
python3 "$write_gguf" "$stories" blocks.gguf q8_0 || fail "write_gguf.py, q8_0"
run validate blocks.gguf --reference "$stories/reference.json" --json
json_value '{k: v for k, v in j.items() if k != "model"}' >numbers.blocks
run validate "$stories" --weights q8_0 --reference "$stories/reference.json" --json
json_value '{k: v for k, v in j.items() if k != "model"}' | cmp -s - numbers.blocks ||
  fail "a file of Q8_0 differs from --weights q8_0"
run generate blocks.gguf -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
run generate blocks.gguf -p "Once upon a time" -n 4 --temperature 0 --device gpu-sim
expect_out ", there was a"
# The last tensor but a norm of 256 floats is a matrix of 128 * 256 numbers; a block of 32 begins with
# its scale, here infinity.
size=$(stat -c %s blocks.gguf)
python3 -c 'import sys; f = open("blocks.gguf", "r+b"); f.seek(int(sys.argv[1])); f.write(b"\x00\x7c")' \
  $((size - 1024 - 128 * 8 * 34))
run generate blocks.gguf -p x
expect_error 2 "blocks.gguf: tensor '"

# --- another tokenizer ---
LC_ALL=C sed 's/tokenizer.ggml.pre/tokenizer.ggml.old/' stories.gguf >old.gguf
run generate old.gguf -p x
expect_error 2 "old.gguf: key 'tokenizer.ggml.pre': is missing"
run generate old.gguf --tokenizer "$stories" -p "Once upon a time" -n 8 --temperature 0
expect_out ", there was a little girl named Lily"
run tokenize old.gguf --tokenizer "$stories" -p "Once upon a time"
expect_out "$(cat ids)"
run tokenize old.gguf --tokenizer nowhere -p x
expect_error 2 "nowhere"

# --- inspect ---
run inspect stories.gguf
expect 0 "inspect"
grep -q "qwen3.block_count  *u32  *6" out || fail "inspect lacks a key: $(head out)"
grep -q "blk.0.attn_q.weight  *BF16  *\[256, 256\]" out || fail "inspect lacks a tensor"
run inspect old.gguf --json
expect_json lluda.inspect/1 'j["format"] == "GGUF 3"' 'j["types"][0]["type"] == "BF16"' \
  'any("tokenizer.ggml.pre" in line for line in j["odd"])'
run inspect parts-00001-of-00003.gguf --json
expect_json lluda.inspect/1 'len(j["files"]) == 3' '{t["file"] for t in j["tensors"]} == {0, 1, 2}'
run inspect "$stories" --json
expect_json lluda.inspect/1 'j["format"] == "safetensors"' 'j["keys"] == []'

# --- bad files ---
run generate none.gguf -p x
expect_error 2 "there is no such GGUF file"
head -c 100000 stories.gguf >cut.gguf
run generate cut.gguf -p x
expect_error 2 "cut.gguf: "
head -c 8000000 stories.gguf >cut.gguf
run inspect cut.gguf
expect_error 2 "reach past the end of the data"
: >empty.gguf
run generate empty.gguf -p x
expect_error 2 "empty.gguf: is no GGUF file"
mkfifo fifo.gguf
run generate fifo.gguf -p x
expect_error 2 "fifo.gguf: "

finish
