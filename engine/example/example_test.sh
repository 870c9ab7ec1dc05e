#!/bin/sh
# The example program writes a story that continues what it is given.
set -eu
example=engine/example/example
story=$("$example" reference_data/stories "Once upon a time" 2>/dev/null)
case "$story" in
  "Once upon a time, there was"*) ;;
  *) echo "not a story: $story" >&2; exit 1 ;;
esac
if "$example" reference_data/nowhere "Hello" >out 2>err; then
  echo "a missing folder was no error" >&2
  exit 1
fi
grep -q "^example: .*nowhere" err
test ! -s out
