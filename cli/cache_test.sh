#!/bin/bash
# The code cache as a user meets it.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh
export XDG_CACHE_HOME="$tmp/xdg"
readonly cache="$XDG_CACHE_HOME/lluda"

# generate FLAGS...: leaves stderr in ./err, and how many kernels came from the cache in $cached.
generate() {
  "$lluda" generate "$stories" -p "Once upon a time" -n 8 --temperature 0 --stats "$@" >out 2>err
  [[ $? == 0 && $(cat out) == ", there was a little girl named Lily" ]] ||
    fail "generate $*: $(cat out err)"
  cached=$(sed -n 's/^cached_kernels *//p' err)
  kernels=$(sed -n 's/^kernels *//p' err)
}

# --- off, a miss, a hit ---
generate --no-cache
[[ $cached == 0 && ! -e $cache ]] || fail "--no-cache left a cache"
generate
[[ $cached == 0 && $(stat -c %a "$cache") == 700 ]] || fail "first run: $cached, $(ls -ld "$cache")"
generate
[[ $cached == "$kernels" && $kernels -gt 10 ]] || fail "second run: $cached of $kernels"
generate --isa generic
[[ $cached == 0 ]] || fail "code of other features was used"

# --- ls, verify, prune ---
"$lluda" cache ls >out || fail "cache ls"
grep -q "matmul_.*_generic_" out || fail "cache ls lists no kernel: $(cat out)"
[[ $("$lluda" cache verify) == "$((2 * kernels)) kernels intact, 0 damaged" ]] ||
  fail "cache verify: $("$lluda" cache verify)"
run cache ls --json
expect_json lluda.cache/1 "j['folder'] == '$cache'" "len(j['entries']) == $((2 * kernels))" \
  'j["damaged"] == 0' 'all(e["intact"] and e["last_used"] > 1e9 for e in j["entries"])' \
  'j["bytes"] == sum(e["bytes"] for e in j["entries"])' 'any("_generic_" in e["kernel"] for e in j["entries"])'
victim=$(grep -l matmul "$cache"/*.code | head -1)
truncate -s -1 "$victim"
"$lluda" cache verify >out && fail "cache verify found nothing"
[[ $(tail -1 out) == "$((2 * kernels - 1)) kernels intact, 1 damaged" ]] || fail "verify: $(cat out)"
grep -qF "$victim: damaged" out || fail "cache verify does not name the file: $(cat out)"
run cache verify --json
expect 1 "cache verify --json"
expect_json lluda.cache/1 'j["damaged"] == 1' \
  "[e['path'] for e in j['entries'] if not e['intact']] == ['$victim']" \
  'all(e["intact"] == ("kernel" in e) for e in j["entries"])'
run cache prune --json
expect_json lluda.cache_prune/1 'j["freed_bytes"] > 100'
[[ ! -e $victim ]] || fail "cache prune kept a damaged entry"
"$lluda" cache prune --max-size 20KB >out || fail "cache prune --max-size"
[[ $(cat "$cache"/* | wc -c) -le 20480 ]] || fail "cache prune kept too much"
"$lluda" cache prune --max-size 0 >out
[[ $(find "$cache" -type f | wc -l) == 0 ]] || fail "cache prune --max-size 0 kept something"

# --- a damaged entry is compiled again ---
generate
generate
[[ $cached == "$kernels" ]] || fail "$cached of $kernels"
flip_byte "$(find "$cache" -name '*.code' | head -1)" 300
generate
[[ $cached == $((kernels - 1)) ]] || fail "a damaged entry: $cached of $kernels"
generate
[[ $cached == "$kernels" ]] || fail "it was not replaced: $cached of $kernels"

# --- an unsafe folder is not used, and told in one line ---
chmod 770 "$cache"
generate
[[ $cached == 0 && $(grep -c "^lluda: note: $cache: may be written to by others" err) == 1 ]] ||
  fail "unsafe folder: $(cat err)"
"$lluda" cache ls >out 2>err
[[ $? == 2 && $(wc -l <err) == 1 ]] || fail "cache ls of an unsafe folder: $(cat err)"
chmod 700 "$cache"

# --- several at a time, on a disk that is full ---
"$lluda" cache prune --max-size 0 >out
for i in 1 2 3; do
  "$lluda" generate "$stories" -p "Once upon a time" -n 8 --temperature 0 >"out$i" 2>"err$i" &
done
wait
for i in 1 2 3; do
  [[ $(cat "out$i") == ", there was a little girl named Lily" && ! -s err$i ]] ||
    fail "writer $i: $(cat "out$i" "err$i")"
done
[[ $("$lluda" cache verify) == "$kernels kernels intact, 0 damaged" ]] || fail "after three writers"
"$lluda" cache prune --max-size 0 >out
# No file may grow: the limit that stands for a full disk holds for stdout, too, so that is a pipe.
text=$(ulimit -f 0; trap '' XFSZ
  "$lluda" generate "$stories" -p "Once upon a time" -n 8 --temperature 0 2>&1 | cat)
[[ $text == ", there was a little girl named Lily" ]] || fail "a full disk: $text"
[[ $(find "$cache" -type f | wc -l) == 0 ]] || fail "a full disk left files"

env -u XDG_CACHE_HOME -u HOME "$lluda" cache ls >out 2>err
[[ $? == 2 && $(cat err) == "lluda: there is no cache: neither XDG_CACHE_HOME nor HOME is set" ]] ||
  fail "no home: $(cat err)"

finish
