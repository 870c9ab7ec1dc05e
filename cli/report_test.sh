#!/bin/bash
# lluda report as a user meets it: the command here, the page in a browser in report_test.py.
set -u

readonly browser_test="$PWD/cli/report_test.py"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

# --- the command ---
run report --tokens 32 --depth 4 -o page.html
expect 0 "report"
[[ ! -s out && $(head -c 15 page.html) == "<!DOCTYPE html>" ]] || fail "report: $(head -c 80 page.html)"
(($(stat -c %s page.html) < 3000000)) || fail "the page has $(stat -c %s page.html) bytes"
grep -qF '"run": "one token after 4 others"' page.html || fail "--depth 4 is not what was run"
grep -qF '"run": "a prompt of 32 tokens"' page.html || fail "--tokens 32 is not what was run"

run report --no-measure -o unmeasured.html --json
expect 0 "report --no-measure"
expect_json lluda.report/1 'j["runs"] == []' 'j["header"]["threads"] == 0' 'len(j["calls"]) > 50' \
  'j["steps"][0]["pass"] == ""' 'j["steps"][-1]["pass"] == "plan-memory"'
grep -qF "$(head -c 500 out)" unmeasured.html || fail "the page has other data than --json"
run report --no-measure -o again.html
sed 's/"seconds": [0-9.e-]*//g' unmeasured.html >one
sed 's/"seconds": [0-9.e-]*//g' again.html >two
cmp -s one two || fail "--no-measure is not the same page twice"
run report "$tiny" --no-measure --isa generic --ctx 16 --precision f32 --json
expect_json lluda.report/1 'j["header"]["isa"] == "generic"' 'j["header"]["context"] == 16' \
  'not j["header"]["is_bundle"]'

# Names that a page could take for markup.
readonly hostile="a<b>&\"c'"
mkdir "$hostile" '<'
cp "$tiny/config.json" "$hostile/"
"$lluda" ir "$hostile" --after fuse-rope >'</script>'
run report "$hostile" --ir '</script>' --no-measure -o hostile.html
expect 0 "report --ir, without weights"
[[ $(grep -c '"pass": "fuse-rope"' hostile.html) == 0 ]] || fail "--ir runs passes again"

"$lluda" ir >last.lluda
run report --ir last.lluda --no-measure -o dump.html
expect 0 "report of a dump that has gone through all passes"

# A bundle has the module after all passes.
"$lluda" compile -o model.llb 2>err || fail "compile: $(cat err)"
run report model.llb --tokens 32 --depth 4 -o bundle.html
expect 0 "report of a bundle"
run report model.llb --no-measure --json
expect_json lluda.report/1 'j["runs"] == []' 'j["header"]["is_bundle"]'

# --- what is refused ---
run report
expect_error 2 "--output is required"
run report --no-measure --tokens 3 -o no.html
expect_error 2 "--no-measure excludes --tokens"
run report --tokens 3000 -o no.html
expect_error 2 "--tokens: 3000 tokens are more than the 2048 there is room for"
run report --depth 2048 -o no.html
expect_error 2 "--depth: 2048 tokens are more than the 2047 there is room for"
run report no/such/folder -o no.html
expect_error 2 "no/such/folder"
run report --no-measure -o no/such/folder/page.html
expect_error 1 "no/such/folder/page.html: No such file"
run report --no-measure -o '<'
expect_error 1 "<: Is a directory"
run report model.llb --precision f32 -o no.html
expect_error 2 "model.llb: is compiled for precision bf16, not f32"
[[ ! -e no.html ]] || fail "a refused report wrote a page"
compgen -G '*.html.??????' >left && fail "left behind: $(cat left)"

# --- the page ---
"$lluda" ir --diff=fuse-rope >fuse_rope.diff
HOME=$tmp /usr/bin/python3 "$browser_test" || fail "the page in the browser"

finish
