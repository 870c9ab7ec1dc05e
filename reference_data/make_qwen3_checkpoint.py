#!/usr/bin/env python3
"""Writes a Qwen3 checkpoint in Hugging Face layout with seeded random weights.

The weights have no meaning; the shapes, names, dtypes and files are those of a real Qwen3
checkpoint, so loaders, numerics, memory and speed can be exercised where the real
weights cannot be had. The same arguments give the same bytes on every machine.

  make_qwen3_checkpoint.py OUT_DIR [--size tiny|0.6b|1.7b|4b|8b] [--seed N] [--shards N]
                           [--tokenizer DIR]

Needs numpy only (Debian: python3-numpy). Tensor t (in file order) is drawn from
numpy.random.Generator(PCG64([seed, t])).standard_normal(float32), scaled, rounded to bfloat16
(round to nearest even).
"""
import argparse, json, os, shutil, struct, sys
import numpy as np

SIZES = {  # hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, tied
    "tiny": (64, 160, 2, 4, 2, 32, 512, True),
    "0.6b": (1024, 3072, 28, 16, 8, 128, 151936, True),
    "1.7b": (2048, 6144, 28, 16, 8, 128, 151936, True),
    "4b": (2560, 9728, 36, 32, 8, 128, 151936, True),
    "8b": (4096, 12288, 36, 32, 8, 128, 151936, False),
}


def to_bf16(x):
    u = x.view(np.uint32)
    return ((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype(np.uint16)


def tensors(size):
    h, i, layers, nh, nkv, d, vocab, tied = SIZES[size]
    out = [("model.embed_tokens.weight", (vocab, h), "w")]
    for l in range(layers):
        p = f"model.layers.{l}."
        out += [
            (p + "input_layernorm.weight", (h,), "n"),
            (p + "self_attn.q_proj.weight", (nh * d, h), "w"),
            (p + "self_attn.k_proj.weight", (nkv * d, h), "w"),
            (p + "self_attn.v_proj.weight", (nkv * d, h), "w"),
            (p + "self_attn.o_proj.weight", (h, nh * d), "w"),
            (p + "self_attn.q_norm.weight", (d,), "n"),
            (p + "self_attn.k_norm.weight", (d,), "n"),
            (p + "post_attention_layernorm.weight", (h,), "n"),
            (p + "mlp.gate_proj.weight", (i, h), "w"),
            (p + "mlp.up_proj.weight", (i, h), "w"),
            (p + "mlp.down_proj.weight", (h, i), "w"),
        ]
    out.append(("model.norm.weight", (h,), "n"))
    if not tied:
        out.append(("lm_head.weight", (vocab, h), "w"))
    return out


def draw(seed, index, shape, kind):
    x = np.random.Generator(np.random.PCG64([seed, index])).standard_normal(
        int(np.prod(shape)), dtype=np.float32)
    if kind == "n":
        x = np.float32(1.0) + np.float32(0.25) * x
    else:
        x *= np.float32(0.02 if len(shape) == 2 and shape[0] > 100000 else 1.0 / np.sqrt(shape[-1]))
    return to_bf16(x).reshape(shape)


def main():
    ap = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--size", choices=SIZES, default="0.6b")
    ap.add_argument("--seed", type=int, default=20260201)
    ap.add_argument("--shards", type=int, default=1)
    ap.add_argument("--tokenizer", help="folder whose tokenizer files are copied in")
    a = ap.parse_args()
    h, i, layers, nh, nkv, d, vocab, tied = SIZES[a.size]
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "config.json"), "w") as f:
        json.dump({
            "architectures": ["Qwen3ForCausalLM"], "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": 151643 if vocab > 151645 else 0,
            "eos_token_id": 151645 if vocab > 151645 else 0,
            "head_dim": d, "hidden_act": "silu", "hidden_size": h, "initializer_range": 0.02,
            "intermediate_size": i, "max_position_embeddings": 40960, "max_window_layers": layers,
            "model_type": "qwen3", "num_attention_heads": nh, "num_hidden_layers": layers,
            "num_key_value_heads": nkv, "rms_norm_eps": 1e-06, "rope_scaling": None,
            "rope_theta": 1000000, "sliding_window": None, "tie_word_embeddings": tied,
            "torch_dtype": "bfloat16", "use_cache": True, "use_sliding_window": False,
            "vocab_size": vocab}, f, indent=2)
    if a.tokenizer:
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json",
                     "vocab.json", "merges.txt"):
            src = os.path.join(a.tokenizer, name)
            if os.path.exists(src):
                shutil.copy(src, a.out)
    todo = tensors(a.size)
    sizes = [int(np.prod(s)) * 2 for _, s, _ in todo]
    total, groups, acc = sum(sizes), [[]], 0
    for t, n in enumerate(sizes):
        if acc >= total / a.shards * len(groups) and len(groups) < a.shards:
            groups.append([])
        groups[-1].append(t)
        acc += n
    weight_map = {}
    for g, members in enumerate(groups):
        name = "model.safetensors"
        if a.shards > 1:
            name = f"model-{g+1:05d}-of-{len(groups):05d}.safetensors"
        head, off = {"__metadata__": {"format": "pt"}}, 0
        for t in members:
            head[todo[t][0]] = {"dtype": "BF16", "shape": list(todo[t][1]),
                                "data_offsets": [off, off + sizes[t]]}
            off += sizes[t]
            weight_map[todo[t][0]] = name
        blob = json.dumps(head, separators=(",", ":")).encode()
        blob += b" " * (-len(blob) % 8)
        with open(os.path.join(a.out, name), "wb") as f:
            f.write(struct.pack("<Q", len(blob)))
            f.write(blob)
            for t in members:
                f.write(draw(a.seed, t, todo[t][1], todo[t][2]).tobytes())
        print(name, off, "bytes", file=sys.stderr)
    if a.shards > 1:
        with open(os.path.join(a.out, "model.safetensors.index.json"), "w") as f:
            json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, f, indent=1)


if __name__ == "__main__":
    main()
