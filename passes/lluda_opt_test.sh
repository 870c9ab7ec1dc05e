#!/bin/bash
# The command line of lluda_opt: inputs, dumps, exit codes and messages.
set -u
lluda_opt=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cat >"$folder/m.lluda" <<'END'
lluda 1
module @m {
  func @f(%x: f32 d[2]) -> f32 d[2] {
    %dead = cos %x : f32 d[2]
    %r = exp %x : f32 d[2]
    return %r
  }
}
END
failures=0

# expect CODE STDOUT STDERR ARGUMENT...: both texts are patterns of the whole output.
expect() {
  local code=$1 out=$2 err=$3
  shift 3
  "$lluda_opt" "$@" >"$folder/out" 2>"$folder/err" <"$folder/m.lluda"
  local got=$?
  # shellcheck disable=SC2053
  if [[ $got != "$code" || $(<"$folder/out") != $out || $(<"$folder/err") != $err ]]; then
    printf 'lluda_opt %s: exit code %s, stdout:\n%s\nstderr:\n%s\n' "$*" "$got" \
      "$(<"$folder/out")" "$(<"$folder/err")" >&2
    failures=$((failures + 1))
  fi
}

swept=$'lluda 1\nmodule @m {\n*) -> f32 d\\[2\\] {\n    %r = exp %x : f32 d\\[2\\]\n    return %r\n  }\n}'
expect 0 "$swept" '' --passes=dce "$folder/m.lluda"
expect 0 "$swept" '' --passes=dce -
expect 0 "$swept" '' --passes=cse,dce --dump-dir="$folder/dumps" -
[[ $(ls "$folder/dumps") == $'00-input.lluda\n02-dce.lluda' ]] || {
  echo "dumps: $(ls "$folder/dumps")" >&2
  failures=$((failures + 1))
}
diff "$folder/m.lluda" "$folder/dumps/00-input.lluda" || failures=$((failures + 1))
expect 0 "$swept" '' --passes=cse,dce --dump-dir="$folder/filtered" --dump-filter=dce -
[[ $(ls "$folder/filtered") == '02-dce.lluda' ]] || failures=$((failures + 1))
expect 0 $'@f: 64 bytes\n  %dead at 0, 8 bytes, statements 0..0' '' --passes=cse --memory-plan -
expect 0 $'canonicalize\ncse\ndce\n*page-caches\npeel-last-layer\nplan-memory\nring-caches\nsplit-head' '' --list-passes
expect 0 '*' $' 1 cse *\\(unchanged\\)\n 2 dce *ms' --passes=cse,dce --timing -

expect 1 '' "lluda_opt: there is no pass 'dec'; the passes are canonicalize, *" --passes=dec -
expect 1 '' "lluda_opt: $folder/none: cannot be read" "$folder/none"
expect 1 '' "lluda_opt: $folder/out:1:1: *" "$folder/out"
expect 1 '' "lluda_opt: *: cannot be written" --passes=dce --dump-dir="$folder/m.lluda/x" -
expect 2 '' 'lluda_opt: names no input; use - for stdin'
expect 2 '' "lluda_opt: --dump-filter: '(' is no regex" --dump-filter='(' -
expect 2 '' '*' --no-such-flag -
exit $((failures > 0))
