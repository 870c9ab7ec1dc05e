#!/usr/bin/env python3
"""Writes what Hugging Face transformers computes for a checkpoint: the references of lluda's tests.

  extract_reference.py MODEL_DIR OUT [--prompts FILE.json] [--prompt TEXT]... [--new-tokens N]
                       [--activations 0,1|all|none] [--full-layers all|ends|none]

MODEL_DIR is a checkpoint folder (config.json, safetensors, tokenizer). Writes OUT.json and
OUT.safetensors; README.md beside this file describes both. Weights keep their stored (bfloat16)
values but are held, and computed with, in float32, with eager attention. The bfloat16 run that
`hf_bf16_vs_f32` measures, in the logits and in each activation written, is transformers' own.

A prompt file is a JSON list whose elements are texts or lists of token ids; ids need no tokenizer.
--activations names the prompts, by number, whose activations are written; --full-layers the layers
of which every module is (of the others, only the output).
Versions are pinned in requirements.txt and printed; another version gives a warning.
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import sys

SCRIPT_DIR = pathlib.Path(__file__).resolve().parent
TOP = 10
LAYER_MODULES = (
    "input_layernorm",
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "self_attn.o_proj",
    "post_attention_layernorm",
    "mlp",
)


def pinned_versions():
    """{package: version} of requirements.txt."""
    lines = (SCRIPT_DIR / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


def report_versions():
    for package, pinned in pinned_versions().items():
        found = importlib.metadata.version(package)
        note = "" if found == pinned else f"  (warning: pinned to {pinned})"
        print(f"{package} {found}{note}", file=sys.stderr)


def read_prompts(arguments):
    """The prompts as texts or lists of ids."""
    prompts = list(arguments.prompt)
    if arguments.prompts:
        prompts = json.loads(pathlib.Path(arguments.prompts).read_text(encoding="utf-8")) + prompts
    if not prompts:
        raise SystemExit("no prompts: use --prompts or --prompt")
    for i, prompt in enumerate(prompts):
        is_ids = isinstance(prompt, list) and prompt and all(type(x) is int for x in prompt)
        if not is_ids and not (isinstance(prompt, str) and prompt):
            raise SystemExit(f"prompt {i} is neither a text nor a list of token ids")
    return prompts


def prompts_with_activations(choice, count):
    """The indices that --activations names."""
    if choice == "all":
        return set(range(count))
    if choice == "none":
        return set()
    chosen = {int(index) for index in choice.split(",")}
    if not chosen <= set(range(count)):
        raise SystemExit(f"--activations {choice}: there are {count} prompts, counted from 0")
    return chosen


def full_layers(choice, layers):
    """The layers whose inner modules are written; the output of every layer is written anyway."""
    return {"all": set(range(layers)), "ends": {0, layers - 1}, "none": set()}[choice]


def metrics(ours, reference):
    """How far `ours` is from `reference`; both float32 vectors."""
    a, b = ours.double(), reference.double()
    return {
        "mse": ((a - b) ** 2).mean().item(),
        "cosine": (a @ b / (a.norm() * b.norm())).item(),
        "argmax_equal": bool(a.argmax() == b.argmax()),
    }


def nmse(ours, reference):
    """|ours - reference|^2 / |reference|^2 over all elements."""
    a, b = ours.double(), reference.double()
    return (((a - b) ** 2).sum() / (b**2).sum()).item()


def record_activations(model, inner_layers):
    """Hooks that copy each module's output, without the batch axis, into the returned dict."""
    recorded, handles = {}, []

    def hook(name):
        def copy(module, inputs, output):
            value = output[0] if isinstance(output, tuple) else output
            recorded[name] = value.detach().float()[0].clone()

        return copy

    handles.append(model.model.embed_tokens.register_forward_hook(hook("embed")))
    handles.append(model.model.norm.register_forward_hook(hook("final_norm")))
    for index, layer in enumerate(model.model.layers):
        handles.append(layer.register_forward_hook(hook(f"layer{index}.out")))
        for path in LAYER_MODULES if index in inner_layers else ():
            module = layer.get_submodule(path)
            handles.append(module.register_forward_hook(hook(f"layer{index}.{path}")))
    return recorded, handles


def greedy(model, input_ids, count):
    """`count` greedy tokens and, for each, how far its logit is above the second best.

    Goes on past an end-of-text token: what follows is as good a test.
    """
    import torch

    tokens, margins, past, step = [], [], None, input_ids
    for _ in range(count):
        out = model(input_ids=step, past_key_values=past, use_cache=True)
        best = out.logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        margins.append(round(float(best.values[0] - best.values[1]), 5))
        past, step = out.past_key_values, torch.tensor([[tokens[-1]]])
    return tokens, margins


def mean_nll(logits, ids):
    """Mean of -log p(token | those before), in nats; None for a single token."""
    import torch

    if len(ids) < 2:
        return None
    targets = torch.tensor(ids[1:])
    return torch.nn.functional.cross_entropy(logits[:-1].double(), targets).item()


def run_prompt(model, prompt, tokenizer, new_tokens, inner_layers):
    """One entry of the JSON's `prompts`, and its tensors without the `p<i>.` prefix."""
    import torch

    entry = {}
    if isinstance(prompt, str):
        entry["text"] = prompt
        ids = tokenizer(prompt)["input_ids"]
    else:
        ids = prompt
    entry["ids"] = ids
    input_ids = torch.tensor([ids])
    recorded, handles = {}, []
    if inner_layers is not None:
        recorded, handles = record_activations(model, inner_layers)
    logits = model(input_ids=input_ids, use_cache=False).logits[0]
    for handle in handles:
        handle.remove()
    last = logits[-1].float()
    top = last.topk(TOP)
    entry["next"] = int(last.argmax())
    entry["top10"] = top.indices.tolist()
    entry["top10_logits"] = [round(x, 5) for x in top.values.tolist()]
    entry["greedy"], entry["greedy_margin"] = greedy(model, input_ids, new_tokens)
    entry["mean_nll"] = mean_nll(logits, ids)
    entry["logit_std"] = last.double().std().item()
    tensors = {"input_ids": torch.tensor(ids, dtype=torch.int64), "logits_last": last}
    return entry, {**tensors, **recorded}


def bf16_error(model, ids, reference, inner_layers):
    """How far the bfloat16 `model` is from the tensors of the float32 run, `reference`.

    With `inner_layers`, the NMSE of every activation that the float32 run recorded as well.
    """
    import torch

    recorded, handles = {}, []
    if inner_layers is not None:
        recorded, handles = record_activations(model, inner_layers)
    logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float()
    for handle in handles:
        handle.remove()
    error = metrics(logits, reference["logits_last"])
    if recorded:
        error["activation_nmse"] = {
            name: nmse(value, reference[name]) for name, value in recorded.items()}
    return error


def load(model_dir, dtype):
    """The checkpoint with its stored values in `dtype`; loads nothing from the network."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        model_dir, dtype=dtype, attn_implementation="eager", local_files_only=True)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir")
    parser.add_argument("out", help="path of the two files without their extension")
    parser.add_argument("--prompts", help="JSON file")
    parser.add_argument("--prompt", action="append", default=[], help="a text; may be repeated")
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--activations", default="none",
                        help="prompts whose activations are written: 'all', 'none' or 0,1,...")
    parser.add_argument("--full-layers", choices=("all", "ends", "none"), default="ends",
                        help="layers written with their inner modules (default: first and last)")
    parser.add_argument("--threads", type=int, help="threads torch may use")
    arguments = parser.parse_args()
    prompts = read_prompts(arguments)
    report_versions()

    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers
    from safetensors.torch import save_file

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    tokenizer = None
    if any(isinstance(prompt, str) for prompt in prompts):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            arguments.model_dir, local_files_only=True)
    chosen = prompts_with_activations(arguments.activations, len(prompts))

    entries, tensors = [], []
    with torch.no_grad():
        model = load(arguments.model_dir, torch.float32)
        inner = full_layers(arguments.full_layers, len(model.model.layers))
        for index, prompt in enumerate(prompts):
            entry, recorded = run_prompt(model, prompt, tokenizer, arguments.new_tokens,
                                         inner if index in chosen else None)
            entries.append({"index": index, **entry})
            tensors.append(recorded)
            print(f"prompt {index}: {len(entry['ids'])} tokens, next {entry['next']}",
                  file=sys.stderr)
        del model
        model = load(arguments.model_dir, torch.bfloat16)
        for index, entry in enumerate(entries):
            entry["hf_bf16_vs_f32"] = bf16_error(model, entry["ids"], tensors[index],
                                                 inner if index in chosen else None)

    pathlib.Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
    document = {"transformers": transformers.__version__, "torch": torch.__version__,
                "dtype": "float32", "attn": "eager", "prompts": entries}
    with open(arguments.out + ".json", "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
        file.write("\n")
    save_file({f"p{index}.{name}": value.contiguous()
               for index, recorded in enumerate(tensors) for name, value in recorded.items()},
              arguments.out + ".safetensors")


if __name__ == "__main__":
    main()
