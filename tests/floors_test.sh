#!/bin/bash
# The project's dependencies go down its floors, and a dependency that goes up is found.
set -eu

python3 tests/floors_test.py docs/architecture.md tests/dependencies
cp tests/dependencies upward
echo '  "//ir:graph" -> "//passes:pipeline"' >>upward
if python3 tests/floors_test.py docs/architecture.md upward >found; then
  echo "a dependency of ir on passes was not found"
  exit 1
fi
grep -qF "//ir:graph -> //passes:pipeline: ir does not stand above passes" found
