#!/bin/bash
# What the system refuses ends no run with a signal: it goes on with less, or says in one line why not, with exit code
# 1 or 2. Each run has a limit of its own.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# limited LIMIT COMMAND...: the command line under `ulimit LIMIT`.
limited() {
  local limit=$1
  shift
  # shellcheck disable=SC2086  # an option and its value
  (ulimit $limit && exec "$lluda" "$@") >out 2>err </dev/null
  code=$?
}

# no_crash WHAT: the last run succeeded, or gave one line and exit code 1 or 2.
no_crash() {
  [[ $code == 0 || ($code == 1 || $code == 2) && $(wc -l <err) == 1 ]] ||
    fail "$1: exit code $code, stderr: $(cat err)"
}

readonly greedy=(generate -p "Once upon a time" -n 3 --temperature 0 --no-cache)
readonly text=", there was"
run "${greedy[@]}"
expect_out "$text"

# --- memory ---
# Less than the program and its libraries take is the dynamic linker's to refuse.
for megabytes in 320 440 560 700 1000 2000; do
  limited "-v $((megabytes * 1000))" "${greedy[@]}" -t 2
  no_crash "generate with $megabytes MB of addresses"
  [[ $code != 0 || $(cat out) == "$text" ]] || fail "with $megabytes MB of addresses: $(cat out)"
done
limited "-v 4000000" "${greedy[@]}" -t 2
expect_out "$text"
for megabytes in 10 40 80 160; do
  limited "-d $((megabytes * 1000))" "${greedy[@]}" -t 2
  no_crash "generate with $megabytes MB of data"
done

# A control group's limit, made up where a file system may be mounted over the machine's.
grouped() {
  unshare -m bash -c 'mount -t tmpfs none /sys/fs/cgroup &&
    group=/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup) && mkdir -p "$group" &&
    echo 50000000 >"$group/memory.max" && echo 45000000 >"$group/memory.current" && exec "$@"' \
    bash "$lluda" "$@" >out 2>err </dev/null
  code=$?
}
if grep -q ^0:: /proc/self/cgroup && unshare -m mount -t tmpfs none /sys/fs/cgroup 2>/dev/null; then
  grouped "${greedy[@]}"
  expect_error 1 "the control group's memory.max leaves 5.0 MB; --force loads it all the same"
  grep -q "needs [0-9.]* MB of memory" err || fail "what is needed is not told: $(cat err)"
  grouped "${greedy[@]}" --force
  expect_out "$text"
  grouped compile -o refused.llb
  expect_error 1 "the control group's memory.max leaves 5.0 MB"
  [[ -e refused.llb ]] && fail "a bundle was written though its model did not fit"
fi

# --- threads ---
limited "-s 128" "${greedy[@]}"
expect_out "$text"
if ((EUID == 0)) && command -v setpriv >/dev/null; then
  chmod 755 "$tmp"
  for most in 1 2 3; do
    setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --nproc=$most \
      "$lluda" "${greedy[@]}" "$stories" -t 4 >out 2>err </dev/null
    code=$?
    # Another folder may keep the binary from this user.
    [[ $code == 126 || $code == 127 ]] && continue
    [[ $code == 0 || $(cat err) == *"ermission denied"* ]] || no_crash "$most processes"
    [[ $code != 0 || $(cat err) == "lluda: note: started "*" of 4 threads: "* ]] ||
      fail "of fewer threads nothing was said: $(cat err)"
  done
fi

# --- files ---
for most in 3 4 5 6 8; do
  limited "-n $most" "${greedy[@]}"
  # The dynamic linker needs one, too.
  [[ $code == 127 ]] || no_crash "generate with $most files"
done
# What is told of it goes through a pipe: stderr's file may not grow either.
(ulimit -f 0 && exec "$lluda" compile -o large.llb 2>&1 >/dev/null </dev/null) | cat >err
code=${PIPESTATUS[0]}
: >out
expect_error 1 "large.llb: File too large"
limited "-f 1" ir --all dumps
expect_error 1 "File too large"
[[ -z $(find . -name '*.llb*') ]] || fail "left behind: $(find . -name '*.llb*')"
: >out
"$lluda" "${greedy[@]}" >/dev/full 2>err </dev/null
code=$?
expect_error 1 "stdout: No space left on device"
"$lluda" --help >/dev/full 2>err </dev/null
code=$?
expect_error 1 "stdout"

# --- closed files ---
: >out
"$lluda" "${greedy[@]}" >&- 2>err </dev/null
code=$?
expect_error 1 "stdout: Bad file descriptor"
"$lluda" "${greedy[@]}" <&- >out 2>err
code=$?
expect_out "$text"
"$lluda" generate -n 3 <&- >out 2>err
code=$?
expect_error 2 "stdin: Bad file descriptor"
"$lluda" "${greedy[@]}" 2>&- >out </dev/null
code=$?
expect_out "$text"
# None of the standard numbers is given to a file that is written.
"$lluda" compile -o closed.llb <&- >&- 2>&-
"$lluda" cache verify closed.llb >out 2>err || fail "a bundle was damaged: $(cat err)"

finish
