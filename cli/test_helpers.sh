# shellcheck shell=bash
# What the tests of the command line share; sourced after `lluda` is set to the binary and the
# working folder is one for the test. finish, last, says how many checks failed.
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run ARGUMENTS...: leaves stdout in ./out, stderr in ./err, the exit code in $code.
run() {
  "$lluda" "$@" >out 2>err </dev/null
  code=$?
}

# expect CODE WHAT: the last run ended with CODE.
expect() {
  [[ $code == "$1" ]] || fail "$2: exit code $code, expected $1; stderr: $(cat err)"
}

# expect_error CODE TEXT: one line on stderr that has TEXT, and nothing on stdout.
expect_error() {
  expect "$1" "$2"
  [[ $(wc -l <err) == 1 && $(cat err) == "lluda: "* && $(cat err) == *"$2"* ]] ||
    fail "expected one line with '$2', got: $(cat err)"
  [[ ! -s out ]] || fail "$2: stdout has $(cat out)"
}

expect_out() {
  [[ $(cat out) == "$1" ]] || fail "expected '$1' on stdout, got '$(cat out)'"
}

finish() {
  ((failures == 0)) && exit 0
  echo "$failures checks failed" >&2
  exit 1
}
