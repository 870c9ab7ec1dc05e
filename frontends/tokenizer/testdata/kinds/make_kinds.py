"""Writes small tokenizers, one of each kind that published models have, and what Hugging Face's library makes of texts.

    pip install tokenizers==0.23.3
    python3 make_kinds.py ../../../../reference_data/qwen3_tokenizer/tok_dev.jsonl

KIND.json is a tokenizer.json, trained on the texts of tok_dev.jsonl. KIND.jsonl has a line for each of the texts below: what it
encodes to with and without the tokens around it, and what these decode to with and without special tokens. Its last line has, for
each text of tok_dev.jsonl in turn, a 64-bit FNV-1a hash of "ids, with blanks between|decoded".
"""

import json
import pathlib
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).parent
BLANK = "\u2581"

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = TEKKEN.replace(f"{LOWER}+|", f"{LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|").replace(
    f"{LOWER}*|", rf"{LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
)
O200K = O200K.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

TEXTS = [
    "", " ", "  ", "   a", "a   ", "Hello world", " Hello  world ", "it's I'LL we've DON'T", "camelCaseHTTPServer's x",
    "1234567 12 3.14 \u0664\u0665", "a\r\nb\r\n\r\nc\n\n\n  d\t\te", "\r", "\n", "\x00", "a\x00b", "\x7f\x1b[0m",
    "e\u0301 \u00e9 a\u0327\u0301", "\u0301\u0327", "\uac00\ub098 \u1112\u1161\u11ab", "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd", "\ufffd", "\ufeffx", "\u2581", "a\u2581\u2581b \u2581",
    "\u00a0\u2003x\u3000y", "\u0b15\u0b4d\u0b37 \u0e01\u0e33", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u0130\u0131\u017f\u1e9e",
    "<s>", "<s>a", "a<s>b </s> c", "<s><s> x", "<|end|>  a", "a  <|end|>\n b", "<tool>", "x <tool> y", "<to<tool>ol>", "<0x41>", "<0xE6>\u65e5",
    "<unk>", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "-" * 40, " " * 33, "\n" * 17, "\t \t ", "0" * 30, "\u65e5" * 20, "ab" * 20 + " " + "AB" * 9,
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "https://example.org/a?b=c&d=%20#e", "def f(x):\n    return x ** 2\n", "  \n  x\n\t y",
    "\u0391\u03b8\u03ae\u03bd\u03b1 \u041c\u043e\u0441\u043a\u0432\u0430 \u6771\u4eac", "\ud7a3\u11a8", "\U00010348\U000e0041", "\u0378\U00011000",
]


def word_texts(lines):
    return [line["text"] for line in lines]


def special(content, **flags):
    return AddedToken(content, special=True, normalized=False, **flags)


ADDED = [special("<|end|>", rstrip=True), AddedToken("<tool>", normalized=False)]


def split(regex, behavior="isolated", invert=False):
    from tokenizers import Regex

    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), behavior, invert), byte_level()])


def byte_level(prefix=False, use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def template(tokenizer, before=(), after=()):
    ids = [(token, tokenizer.token_to_id(token)) for token in dict.fromkeys([*before, *after])]
    return processors.TemplateProcessing(single=" ".join([*before, "$A", *after]), special_tokens=ids)


def byte_level_bpe(texts, size, pre, normalizer=None, first=(), ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(first), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def character_bpe(texts, size, normalizer=None, pre=None, decoder=None, bytes_=range(256), first=("<unk>", "<s>", "</s>"), unk="<unk>", fuse=True):
    """Trained on words, as a trainer without pieces would merge across them, then used on whole texts as the real ones are."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(BLANK, "always", True)
    alphabet = sorted({c for text in texts for c in text if ord(c) < 0x250 and c not in " \r\n"})
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, limit_alphabet=len(alphabet) + 20, show_progress=False)
    trained.train_from_iterator(texts, trainer)
    old = json.loads(trained.to_str())["model"]
    names = [*first, *[f"<0x{b:02X}>" for b in bytes_]]
    vocab = {name: i for i, name in enumerate(names)}
    merged = ["".join(m) if isinstance(m, list) else m.replace(" ", "") for m in old["merges"]]
    for token in merged + [t for t in old["vocab"] if t not in set(merged)] + [BLANK * 2, BLANK * 4]:
        vocab.setdefault(token, len(vocab))
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in old["merges"]]
    merges = [(BLANK, BLANK), (BLANK * 2, BLANK * 2), *merges]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token=unk, fuse_unk=fuse, byte_fallback=bool(bytes_)))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoder
    tokenizer.add_tokens([special(name) for name in first])
    tokenizer.add_tokens(ADDED)
    return tokenizer


def llama_decoder(strip=True):
    steps = [decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] * strip)


def kinds(texts):
    gpt2 = byte_level_bpe(texts, 480, byte_level(prefix=True, use_regex=True))
    yield "gpt2_prefix", gpt2
    qwen = byte_level_bpe(texts, 480, split(QWEN2), normalizers.NFC())
    qwen.post_processor = template(qwen, after=["<|end|>"])
    yield "qwen", qwen
    llama3 = byte_level_bpe(texts, 560, split(LLAMA3), ignore_merges=True)
    llama3.add_tokens([special("<s>")])
    llama3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template(llama3, ["<s>"])])
    # Tokens that no merge makes are found as whole pieces.
    model = json.loads(llama3.to_str())
    model["model"]["merges"] = model["model"]["merges"][::2]
    yield "llama3", Tokenizer.from_str(json.dumps(model))
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)])
    yield "smollm2", byte_level_bpe(texts, 480, digits, first=["<s>", "</s>"])
    tekken = byte_level_bpe(texts, 520, split(TEKKEN), first=["<unk>", "<s>", "</s>"], ignore_merges=True)
    tekken.post_processor = template(tekken, ["<s>"])
    yield "tekken", tekken
    yield "o200k", byte_level_bpe(texts, 480, split(O200K, "removed", True))
    prepend = normalizers.Sequence([normalizers.Prepend(BLANK), normalizers.Replace(" ", BLANK)])
    llama2 = character_bpe(texts, 420, prepend, decoder=llama_decoder())
    llama2.post_processor = template(llama2, ["<s>"])
    yield "llama2", llama2
    mistral = character_bpe(texts, 420, pre=pre_tokenizers.Metaspace(BLANK, "first", False), decoder=llama_decoder())
    mistral.post_processor = template(mistral, ["<s>"], ["</s>"])
    yield "mistral", mistral
    some_bytes = [b for b in range(256) if b not in (0xE6, 0xF0)]
    metaspace = pre_tokenizers.Metaspace(BLANK, "always", True)
    partial = character_bpe(texts, 420, pre=metaspace, decoder=decoders.Metaspace(BLANK, "always", True), bytes_=some_bytes)
    yield "metaspace", partial
    no_bytes = character_bpe(texts, 380, pre=pre_tokenizers.Metaspace(BLANK, "never", True), bytes_=[], fuse=False,
                             decoder=decoders.Sequence([decoders.Metaspace(BLANK, "never", True)]))
    yield "unknown", no_bytes
    gemma = character_bpe(
        texts, 440, normalizers.Replace(" ", BLANK), pre_tokenizers.Split(" ", "merged_with_previous"),
        llama_decoder(strip=False), first=["<pad>", "<eos>", "<bos>", "<unk>"],
    )
    gemma.add_tokens([AddedToken("\n\n", normalized=False), AddedToken(BLANK * 2, normalized=False), AddedToken("x y", normalized=True)])
    gemma.post_processor = template(gemma, ["<bos>"])
    yield "gemma", gemma


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        dev = word_texts(map(json.loads, lines))
    for name, made in kinds(dev):
        file = json.loads(made.to_str())
        (FOLDER / f"{name}.json").write_text(json.dumps(file, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_str(json.dumps(file))
        with open(FOLDER / f"{name}.jsonl", "w", encoding="utf-8") as out:
            for text in TEXTS:
                ids = tokenizer.encode(text).ids
                plain = tokenizer.encode(text, add_special_tokens=False).ids
                line = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
                if plain != ids:
                    line["plain"] = plain
                if (clean := tokenizer.decode(ids, skip_special_tokens=True)) != line["decoded"]:
                    line["clean"] = clean
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
            hashes = []
            for text in dev:
                ids = tokenizer.encode(text).ids
                decoded = tokenizer.decode(ids, skip_special_tokens=False)
                hashes.append(fnv1a(f"{' '.join(map(str, ids))}|{decoded}".encode()))
            out.write(json.dumps({"tok_dev": hashes}, separators=(",", ":")) + "\n")


main()
