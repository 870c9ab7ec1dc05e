#!/bin/bash
# Runs lluda_opt on a golden file and FileCheck on what it prints.
#
#   golden_test.sh LLUDA_OPT FILE_CHECK FILE
#
# The file's first line is `// RUN: pass,pass` or `// RUN: not pass,pass`; after `not` the run must
# fail and its message is checked. A file whose directives FileCheck would silently skip fails.
set -u
lluda_opt=$1 file_check=$2 file=$3

fail() {
  echo "$file: $1" >&2
  exit 1
}

runs=$(grep -c 'RUN' "$file")
[[ $runs == 1 ]] || fail "has $runs RUN lines, needs one"
passes=$(sed -n '1s|^// RUN: ||p' "$file")
[[ -n $passes ]] || fail "does not start with '// RUN: pass,pass'"

directive='^ *// CHECK(-NEXT|-NOT|-SAME|-DAG|-LABEL|-EMPTY|-COUNT-[0-9]+)?: [^ ]'
malformed=$(grep -niE 'check' "$file" | grep -vE "^[0-9]+:${directive#^}")
[[ -z $malformed ]] || fail "malformed directive at line $malformed"
grep -qE '^ *// CHECK(-NEXT|-DAG|-LABEL|-COUNT-[0-9]+)?: ' "$file" || fail "checks nothing"

output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
if [[ $passes == "not "* ]]; then
  if "$lluda_opt" --passes="${passes#not }" "$file" >/dev/null 2>"$output"; then
    fail "was expected to fail"
  fi
else
  "$lluda_opt" --passes="$passes" "$file" >"$output" || fail "lluda_opt failed"
fi
exec "$file_check" "$file" --input-file="$output" --allow-unused-prefixes=false --dump-input=fail
