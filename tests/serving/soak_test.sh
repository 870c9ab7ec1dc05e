#!/bin/bash
# A minute of soak.py with 64 streams, a restart in between, and a model that holds conversations and calls tools.
set -u

readonly soak="$PWD/tests/serving/soak.py"
readonly helpers="$PWD/cli"
readonly token_config="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

mkdir chatty
cp "$stories"/*.json "$stories/model.safetensors" chatty/
chmod u+w chatty/*
without_token_ids "$token_config" >chatty/tokenizer_config.json
PYTHONPATH=$helpers python3 -c 'import serving; serving.give_markers("chatty")' || fail "markers"
PYTHONPATH=$helpers python3 "$soak" --lluda "$lluda" --model "$tmp/chatty" --chat --requests 60 --seconds 50 --restart-seconds 25 ||
  fail "answers under load"
finish
