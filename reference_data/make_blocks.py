#!/usr/bin/env python3
"""Writes ir/type/testdata/blocks.txt: what the Python package gguf makes of seeded blocks.

  python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy
  venv/bin/python reference_data/make_blocks.py > ir/type/testdata/blocks.txt

Random numbers are SplitMix64's, as in base/random.h. A line `decode TYPE SEED BLOCKS OFFSETS SHA256`
is about that many blocks, whose bytes are those of successive numbers, and of whose f16s (at OFFSETS,
joined by commas, or `-`) the highest bit of the exponent is cleared, which keeps them finite; the hash
is that of the decoded values as f32. A line `encode TYPE SEED BLOCKS SOURCE SHA256` is about values
(unit - 0.5) * 4^(block % 7 - 3), computed in f64 and rounded to f32 (SOURCE f32) or once more to bf16
(SOURCE bf16), of which block 3 is zeros; the hash is that of the encoded bytes.
"""
import hashlib

import gguf
import numpy as np

MASK = (1 << 64) - 1
BLOCKS = 48
# type, and where its blocks have f16s
DECODED = [
    ("Q8_0", [0]), ("Q4_0", [0]), ("Q4_1", [0, 2]), ("Q5_0", [0]), ("Q5_1", [0, 2]), ("Q2_K", [80, 82]),
    ("Q3_K", [108]), ("Q4_K", [0, 2]), ("Q5_K", [0, 2]), ("Q6_K", [208]), ("IQ4_NL", [0]), ("IQ4_XS", [0]),
    ("MXFP4", []),
]
ENCODED = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def split_mix(seed):
  state = seed
  while True:
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    yield z ^ (z >> 31)


def random_blocks(seed, block_bytes, offsets):
  numbers = split_mix(seed)
  count = BLOCKS * block_bytes
  data = b"".join(next(numbers).to_bytes(8, "little") for _ in range(count // 8 + 1))[:count]
  blocks = np.frombuffer(data, np.uint8).reshape(BLOCKS, block_bytes).copy()
  for at in offsets:
    blocks[:, at + 1] &= 0xBF
  return blocks


def random_values(seed, source):
  numbers = split_mix(seed)
  units = np.array([(next(numbers) >> 11) * 2.0**-53 for _ in range(BLOCKS * 32)]).reshape(BLOCKS, 32)
  scales = np.array([4.0 ** (block % 7 - 3) for block in range(BLOCKS)]).reshape(BLOCKS, 1)
  values = ((units - 0.5) * scales).astype(np.float32)
  values[3] = 0
  if source == "bf16":
    bits = values.view(np.uint32)
    values = ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)
  return values


def main():
  for seed, (name, offsets) in enumerate(DECODED, 1):
    kind = gguf.GGMLQuantizationType[name]
    block_bytes = gguf.GGML_QUANT_SIZES[kind][1]
    with np.errstate(over="ignore"):
      values = gguf.quants.dequantize(random_blocks(seed, block_bytes, offsets), kind)
    text = ",".join(map(str, offsets)) or "-"
    print("decode", name.lower(), seed, BLOCKS, text, hashlib.sha256(values.astype("<f4").tobytes()).hexdigest())
  for seed, name in enumerate(ENCODED, 101):
    for source in ("f32", "bf16"):
      encoded = gguf.quants.quantize(random_values(seed, source), gguf.GGMLQuantizationType[name])
      print("encode", name.lower(), seed, BLOCKS, source, hashlib.sha256(encoded.tobytes()).hexdigest())


if __name__ == "__main__":
  main()
