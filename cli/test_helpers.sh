# shellcheck shell=bash
# What the tests of the command line share; sourced where the test starts, it goes to a folder for the
# test alone. finish, last, says how many checks failed.
# shellcheck disable=SC2034  # not every test uses all of them
readonly lluda="$PWD/cli/lluda"
readonly stories="$PWD/reference_data/stories"
readonly tiny="$PWD/reference_data/tiny"
readonly helpers="$PWD/cli"
readonly tmp="${TEST_TMPDIR:-$(mktemp -d)}"
cd "$tmp" || exit 1

failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run_program PROGRAM ARGUMENTS...: leaves stdout in ./out, stderr in ./err, the exit code in $code.
run_program() {
  "$@" >out 2>err </dev/null
  code=$?
}

# without_token_ids TOKENIZER_CONFIG: all of it but added_tokens_decoder, for a model with other ids.
without_token_ids() {
  sed '/^  "added_tokens_decoder": {/,/^  },/d' "$1"
}

# make_chatty TOKENIZER_CONFIG: ./chatty, the stories with a chat template and tokens around thoughts and calls.
make_chatty() {
  PYTHONPATH=$helpers python3 -c 'import serving, sys; serving.make_chatty("chatty", *sys.argv[1:])' "$stories" "$1" ||
    fail "no model for chats"
}

run() {
  run_program "$lluda" "$@"
}

# expect CODE WHAT: the last run ended with CODE.
expect() {
  [[ $code == "$1" ]] || fail "$2: exit code $code, expected $1; stderr: $(cat err)"
}

# expect_error CODE TEXT: one line on stderr that has TEXT, and nothing on stdout.
expect_error() {
  expect "$1" "$2"
  [[ $(wc -l <err) == 1 && $(cat err) == "lluda"*": "* && $(cat err) == *"$2"* ]] ||
    fail "expected one line with '$2', got: $(cat err)"
  [[ ! -s out ]] || fail "$2: stdout has $(cat out)"
}

# expect_out TEXT: the last run succeeded and wrote TEXT.
expect_out() {
  [[ $code == 0 && $(cat out) == "$1" ]] ||
    fail "expected '$1' on stdout, got '$(cat out)', exit code $code, stderr: $(cat err)"
}

# json_value EXPRESSION: what a Python expression says of `j`, the JSON document in ./out.
json_value() {
  python3 -c 'import json, sys; j = json.load(open("out")); print(eval(sys.argv[1]))' "$1"
}

# expect_json SCHEMA EXPRESSION...: the last run wrote one line, a document of this schema, and each
# Python expression of `j`, the document, is true.
expect_json() {
  python3 - "$@" <<'CHECK' || fail "another document of $1 was expected; stderr: $(cat err)"
import json
import sys

lines = open("out").read().split("\n")
if len(lines) != 2 or lines[1]:
    sys.exit("not one line: %s" % lines)
j = json.loads(lines[0])
if next(iter(j.items())) != ("schema", sys.argv[1]):
    sys.exit("begins with %s" % lines[0][:60])
for expression in sys.argv[2:]:
    if not eval(expression):
        sys.exit("%s: does not hold for %s" % (expression, lines[0][:2000]))
CHECK
}

# flip_byte FILE OFFSET: inverts a byte, so that the file has changed whatever it held.
flip_byte() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %02x $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

finish() {
  ((failures == 0)) && exit 0
  echo "$failures checks failed" >&2
  exit 1
}
