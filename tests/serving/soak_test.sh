#!/bin/bash
# Half a minute of soak.py with 64 streams, a restart in between, and a model that holds conversations and calls tools.
set -u

readonly soak="$PWD/tests/serving/soak.py"
readonly token_config="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

make_chatty "$token_config"
PYTHONPATH=$helpers python3 "$soak" --lluda "$lluda" --model "$tmp/chatty" --chat --requests 60 --seconds 30 --restart-seconds 15 ||
  fail "answers under load"
finish
