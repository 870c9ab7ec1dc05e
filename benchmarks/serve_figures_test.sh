#!/bin/bash
# serve_figures.py on the default model, which is large enough for some rows: they print one line each.
set -u

readonly script="$PWD/benchmarks/serve_figures.py"
out=$(python3 "$script" --lluda "$PWD/cli/lluda" --model "$PWD/reference_data/stories" --ctx 1024 --vocabulary 2000 \
  --rows connections,waiting,disconnect) || exit 1
echo "$out"
grep -qE '^connections: an idle connection has [0-9.]+ KiB$' <<<"$out" || exit 1
grep -qE '^waiting: a stream that waits has -?[0-9.]+ KiB$' <<<"$out" || exit 1
grep -qE '^disconnect: .* median [0-9.]+, worst [0-9.]+ ms$' <<<"$out" || exit 1
[ "$(wc -l <<<"$out")" = 3 ] || exit 1
python3 "$script" --lluda x --rows other 2>&1 | grep -q "there are first, gaps" || exit 1
