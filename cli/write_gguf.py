#!/usr/bin/env python3
"""Writes a folder's Qwen3 checkpoint, tokenizer and sampling defaults as GGUF files, for tests.

  write_gguf.py FOLDER FILE.gguf [PARTS]   # or FILE-00001-of-0000N.gguf and so on
  write_gguf.py FOLDER FILE.gguf q8_0      # matrices in blocks
"""
import json
import os
import struct
import sys

F32, Q8_0, BF16 = 0, 8, 30
ALIGNMENT = 32
NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "embed_tokens": "token_embd", "norm": "output_norm",
}


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(number, packed):
    return struct.pack("<I", number) + packed


def u16(n): return value(2, struct.pack("<H", n))
def u32(n): return value(4, struct.pack("<I", n))
def i32(n): return value(5, struct.pack("<i", n))
def f32(x): return value(6, struct.pack("<f", x))
def boolean(b): return value(7, bytes([b]))
def text(s): return value(8, string(s))
def texts(items): return value(9, struct.pack("<IQ", 8, len(items)) + b"".join(map(string, items)))
def i32s(items): return value(9, struct.pack(f"<IQ{len(items)}i", 5, len(items), *items))


def tensors(folder):
    """Names, types, extents with the innermost first, and bytes; norms as f32, as converters do."""
    with open(f"{folder}/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        for name, entry in sorted(header.items()):
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            data = file.read(end - begin)
            stem = name.removeprefix("model.").removesuffix(".weight")
            layer = ""
            if stem.startswith("layers."):
                _, number, stem = stem.split(".", 2)
                layer = f"blk.{number}."
            kind = BF16
            if len(entry["shape"]) == 1:
                kind = F32
                data = b"".join(b"\0\0" + data[i:i + 2] for i in range(0, len(data), 2))
            yield f"{layer}{NAMES[stem]}.weight", kind, entry["shape"][::-1], data


def rounded(values):
    """As f32."""
    return struct.unpack(f"{len(values)}f", struct.pack(f"{len(values)}f", *values))


def q8_0(data):
    """The reference's blocks of bf16 numbers: a scale and 32 integers, halves rounded away from zero."""
    blocks = []
    widened = bytearray(2 * len(data))
    widened[2::4], widened[3::4] = data[::2], data[1::2]
    for at in range(0, len(widened), 128):
        numbers = struct.unpack("32f", widened[at:at + 128])
        (scale,) = rounded([max(map(abs, numbers)) / 127])
        (inverse,) = rounded([1 / scale if scale else 0])
        products = rounded([x * inverse for x in numbers])
        integers = [int(x + 0.5) if x >= 0 else int(x - 0.5) for x in products]
        blocks.append(struct.pack("<e32b", scale, *integers))
    return b"".join(blocks)


def keys(folder):
    config = json.load(open(f"{folder}/config.json"))
    defaults = json.load(open(f"{folder}/generation_config.json"))
    tokenizer = json.load(open(f"{folder}/tokenizer.json"))
    chat = json.load(open(f"{folder}/tokenizer_config.json")).get("chat_template")
    tokens = {i: (token, 1) for token, i in tokenizer["model"]["vocab"].items()}
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = (added["content"], 3 if added["special"] else 4)
    tokens = [tokens[i] for i in range(len(tokens))]
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    found = {
        "general.architecture": text("qwen3"),
        "general.sampling.temp": f32(defaults["temperature"]),
        "general.sampling.top_k": i32(defaults["top_k"]),
        "general.sampling.top_p": f32(defaults["top_p"]),
        "qwen3.context_length": u32(config["max_position_embeddings"]),
        "qwen3.embedding_length": u32(config["hidden_size"]),
        "qwen3.block_count": u32(config["num_hidden_layers"]),
        "qwen3.feed_forward_length": u32(config["intermediate_size"]),
        "qwen3.attention.head_count": u32(config["num_attention_heads"]),
        "qwen3.attention.head_count_kv": u32(config["num_key_value_heads"]),
        "qwen3.attention.key_length": u32(config["head_dim"]),
        "qwen3.attention.value_length": u32(config["head_dim"]),
        "qwen3.attention.layer_norm_rms_epsilon": f32(config["rms_norm_eps"]),
        "qwen3.rope.freq_base": f32(config["rope_parameters"]["rope_theta"]),
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text("qwen2"),
        "tokenizer.ggml.tokens": texts([token for token, _ in tokens]),
        "tokenizer.ggml.token_type": i32s([kind for _, kind in tokens]),
        "tokenizer.ggml.merges": texts(merges),
        "tokenizer.ggml.eos_token_id": u32(config["eos_token_id"]),
        "tokenizer.ggml.add_bos_token": boolean(False),
    }
    if chat:
        found["tokenizer.chat_template"] = text(chat)
    return found


def write(path, found, listed):
    padded = lambda data: data + b"\0" * (-len(data) % ALIGNMENT)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(found))
    header += b"".join(string(key) + packed for key, packed in found.items())
    offset = 0
    for name, kind, extents, data in listed:
        header += string(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, kind, offset)
        offset += len(padded(data))
    with open(path, "wb") as file:
        file.write(padded(header))
        for _, _, _, data in listed:
            file.write(padded(data))


def main():
    folder, path = sys.argv[1:3]
    how = sys.argv[3] if len(sys.argv) > 3 else "1"
    listed, found = list(tensors(folder)), keys(folder)
    if how == "q8_0":
        listed = [(name, Q8_0, extents, q8_0(data)) if kind == BF16 else (name, kind, extents, data)
                  for name, kind, extents, data in listed]
    parts = 1 if how == "q8_0" else int(how)
    if parts == 1:
        write(path, found, listed)
        return
    for part in range(parts):
        split = {"split.no": u16(part), "split.count": u16(parts), "split.tensors.count": i32(len(listed))}
        name = f"{os.path.splitext(path)[0]}-{part + 1:05d}-of-{parts:05d}.gguf"
        write(name, {**(found if part == 0 else {}), **split}, listed[part::parts])


if __name__ == "__main__":
    main()
