#!/bin/bash
# Vectors of texts as a user gets them, and what `embed` and `rerank` refuse.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh
export XDG_CACHE_HOME="$tmp/xdg"

# --- one text, lines, a document ---
run embed "$stories" -p "Once upon a time"
[[ $code == 0 && $(wc -l <out) == 1 ]] || fail "embed -p: $(cat out err)"
cp out alone
[[ $(json_value 'len(j["embedding"])') == 256 && $(json_value 'j["tokens"]') == 4 &&
  $(json_value 'abs(sum(x * x for x in j["embedding"]) - 1) < 1e-5') == True ]] ||
  fail "the vector of a text: $(cut -c1-200 out)"
printf '{"id": "a", "text": "A cat."}\n\n{"text": "Once upon a time"}\n' >texts.jsonl
run embed "$stories" -f texts.jsonl
[[ $(wc -l <out) == 2 && $(sed -n '2s/.*"embedding"//p' out) == "$(sed 's/.*"embedding"//' alone)" ]] ||
  fail "a text among others has another vector: $(cut -c1-200 out err)"
run embed "$stories" -f texts.jsonl --json --dimensions 8
expect_json lluda.embed/1 '[e["index"] for e in j["embeddings"]] == [0, 1]' \
  'j["embeddings"][0]["id"] == "a"' '"id" not in j["embeddings"][1]' \
  'all(len(e["embedding"]) == 8 for e in j["embeddings"])'

# --- prompts, as the folder and the flags have them ---
mkdir folder
cp "$stories"/* folder/
printf '{"prompts": {"query": "Once upon"}}' >folder/config_sentence_transformers.json
run embed folder -p " a time" --prompt-name query
cmp -s out alone || fail "--prompt-name: $(cut -c1-200 out err)"
run embed folder -p x --prompt-name other
expect_error 2 "folder: there is no prompt 'other'; the model has query"
run embed "$stories" -p x --instruct Find
[[ $(json_value 'j["tokens"]') == "$("$lluda" tokenize "$stories" -p $'Instruct: Find\nQuery:x' | wc -w)" ]] ||
  fail "--instruct: $(cut -c1-200 out err)"

# --- a bundle for embeddings ---
run compile "$stories" -o hidden.llb --result hidden
expect 0 "compile --result hidden"
run embed hidden.llb -p "Once upon a time"
cmp -s out alone || fail "a bundle has other vectors: $(cut -c1-200 out err)"
run generate hidden.llb -p x
expect_error 2 "hidden.llb: the model gives 256 numbers for a token, no logits of its 4096 tokens"
run ir hidden.llb --func hidden
expect_out "$("$lluda" ir "$stories" --func hidden --result hidden)"
run compile "$stories" -o logits.llb
run embed logits.llb -p x
expect_error 2 "logits.llb: is compiled to give logits, not hidden"

# --- what is refused ---
printf '{"text": 3}\n' >bad.jsonl
run embed "$stories" -f bad.jsonl
expect_error 2 "bad.jsonl:1: field 'text' must be a string"
run embed "$stories" -p x --dimensions 257
expect_error 2 "dimensions is 257, the model's embeddings have 1 to 256"
run embed "$stories" --ctx 64 -p "$(printf 'a cat %.0s' {1..500})"
expect_error 2 "--prompt: has "
printf '{"text": "short"}\n\n{"text": "%s"}\n' "$(printf 'a cat %.0s' {1..500})" >long.jsonl
"$lluda" embed "$stories" --ctx 64 <long.jsonl >out 2>err
code=$?
expect_error 2 "stdin:3: has "
mkdir folder/1_Pooling
printf '{"pooling_mode_mean_tokens": true}' >folder/1_Pooling/config.json
run embed folder -p x
expect_error 2 "pooling_mode_mean_tokens is not supported"
printf '{"query": "q", "documents": ["a"]}\n' >queries.jsonl
run rerank "$stories" -f queries.jsonl
[[ $code != 0 && $(wc -l <err) == 1 && ! -s out ]] || fail "rerank without a template: $(cat out err)"
printf '{"documents": ["a"]}\n' >queries.jsonl
run rerank "$stories" -f queries.jsonl
expect_error 2 "queries.jsonl:1: field 'query' is missing"

finish
