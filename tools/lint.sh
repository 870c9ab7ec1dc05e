#!/usr/bin/env bash
# Formatting and static analysis of the C++ sources; prints findings, exit code 0 if there are none.
#
#   tools/lint.sh                      # everything: clang-tidy takes up to half a minute a file
#   tools/lint.sh ir passes/tidy/cse.cc     # some folders or files
#   tools/lint.sh --format-only        # clang-format alone: seconds
#
# Needs clang-format-19 and clang-tidy-19, Debian packages of that name; ./lluda and ./test.sh do not.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

format_only=0
if [ "${1:-}" = --format-only ]; then
  format_only=1
  shift
fi
for tool in clang-format-19 clang-tidy-19; do
  if ! command -v "$tool" >/dev/null; then
    echo "lint: $tool is not installed" >&2
    exit 2
  fi
done
mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- "$@" | grep -E '\.(h|cc)$')
if [ "${#sources[@]}" -eq 0 ]; then
  echo "lint: no C++ sources in: $*" >&2
  exit 2
fi

status=0
clang-format-19 --dry-run -Werror "${sources[@]}" || status=1
[ "$format_only" = 1 ] && exit "$status"

# Headers that the build writes.
written=(//bundle:header_pb //codegen/cpu:fingerprint //codegen/nvptx:fingerprint //serve:page_source
  //tools/report:report_page_source)
if ! bazel build --noshow_progress "${written[@]}" 2>/dev/null; then
  echo "lint: the generated headers do not build" >&2
  exit 2
fi

# The flags of .bazelrc and third_party/llvm.BUILD. Headers are checked with the files that include them.
flags=(-std=c++17 -Wall -Wextra -fno-exceptions -fno-rtti -DSIMDJSON_EXCEPTIONS=0
  -isystem /usr/lib/llvm-19/include -isystem bazel-bin -I.)
for source in "${sources[@]}"; do
  case "$source" in *.cc) ;; *) continue ;; esac
  # CLI11 throws; the command line is the one folder that is compiled with exceptions.
  own=()
  case "$source" in cli/* | passes/lluda_opt_main.cc) own=(-fexceptions) ;; esac
  # --quiet still counts what it suppressed in system headers, on stderr; errors of its own stay visible there, too.
  if ! clang-tidy-19 --quiet "$source" -- "${flags[@]}" "${own[@]}" 2> >(grep -vE '^[0-9]+ warnings?( and [0-9]+ errors?)? generated\.$' >&2); then
    echo "lint: $source" >&2
    status=1
  fi
done
exit "$status"
