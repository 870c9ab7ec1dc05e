#!/bin/bash
# Some 2,500 bad requests to a server of the default model, with a chat template and the markers of calls.
set -u

readonly program="$PWD/tests/serving/bad_requests_test.py"
readonly token_config="$PWD/reference_data/qwen3_tokenizer/tokenizer_config.json"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

make_chatty "$token_config"
export lluda
model=$tmp/chatty PYTHONPATH=$helpers python3 "$program" || fail "bad requests"
finish
