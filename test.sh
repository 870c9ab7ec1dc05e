#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")
cd "$root"
. third_party/install_packages.sh packages.txt test_packages.txt
. third_party/install_python.sh
bazel build //...
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
bazel test //... 2>&1 | tee "$log" || status=$?
# One closing line with the counts: a line of Bazel's summary starts with a target and its verdict.
passed=$(grep -cE '^//[^ ]+ .*PASSED' "$log" || true)
failed=$(grep -cE '^//[^ ]+ .*(FAILED|TIMEOUT|NO STATUS)' "$log" || true)
echo "$passed passed, $failed failed"
exit "$status"
