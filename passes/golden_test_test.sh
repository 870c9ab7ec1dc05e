#!/bin/bash
# golden_test.sh must accept a good golden file and refuse those that would check less than they
# seem to.
set -u
golden_test=$1 lluda_opt=$2 file_check=$3
file=$(mktemp --suffix=.lluda) || exit 1
trap 'rm -f "$file"' EXIT
module='lluda 1
module @m {
  func @f(%x: f32 d[2]) -> f32 d[2] {
    %r = exp %x : f32 d[2]
    return %r
  }
}'
failures=0

# expect pass|fail REASON LINES: LINES stand before the module; REASON is part of the message.
expect() {
  printf '%s\n%s\n' "$3" "$module" >"$file"
  message=$("$golden_test" "$lluda_opt" "$file_check" "$file" 2>&1) && got=pass || got=fail
  if [[ $got != "$1" || $message != *"$2"* ]]; then
    echo "expected $1 '$2', got $got '$message' for:" "$3" >&2
    failures=$((failures + 1))
  fi
}

expect pass '' $'// RUN: dce\n// CHECK: %r = exp %x'
expect fail 'expected string not found' $'// RUN: dce\n// CHECK: %r = cos %x'
expect fail 'checks nothing' $'// RUN: dce'
expect fail 'checks nothing' $'// RUN: dce\n// CHECK-NOT: cos'
expect fail 'malformed directive' $'// RUN: dce\n// CHECK: exp\n// CHECK %r = cos %x'
expect fail 'malformed directive' $'// RUN: dce\n// CHECK: exp\n// CHECK-NXT: return'
expect fail 'malformed directive' $'// RUN: dce\n// CHECK: exp\n// Check: return'
expect fail 'malformed directive' $'// RUN: dce\n// CHECK: exp\n// CHECK:'
expect fail 'does not start with' $'\n// RUN: dce\n// CHECK: exp'
expect fail 'has 0 RUN lines' $'// CHECK: exp'
expect fail 'lluda_opt failed' $'// RUN: no-such-pass\n// CHECK: exp'
expect fail 'was expected to fail' $'// RUN: not dce\n// CHECK: exp'
exit $((failures > 0))
