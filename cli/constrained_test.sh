#!/bin/bash
# Texts that a JSON schema or a regular expression allows, and what is refused of these.
set -u

# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh

cat >person.json <<'SCHEMA'
{"type": "object",
 "properties": {"name": {"type": "string", "maxLength": 10}, "age": {"type": "integer", "minimum": 1, "maximum": 99},
                "pet": {"enum": ["dog", "cat", null]}},
 "required": ["name", "age", "pet"], "additionalProperties": false}
SCHEMA

for seed in 1 2 3; do
  run generate -p "Once upon a time" -n 80 --temperature 1 --seed "$seed" --json-schema person.json
  expect 0 "--json-schema"
  python3 - <<'CHECK' || fail "--json-schema with seed $seed: $(cat out)"
import json
person = json.load(open("out"))
assert list(person) == ["name", "age", "pet"], person
assert len(person["name"]) <= 10 and 1 <= person["age"] <= 99 and person["pet"] in ["dog", "cat", None], person
CHECK
done
cp out first
"$lluda" generate -p "Once upon a time" -n 80 --temperature 1 --seed 3 --json-schema - <person.json >out 2>err
cmp -s out first || fail "a schema on stdin gave another text: $(cat out)"

run generate -p "Once upon a time" -n 40 --temperature 1 --regex '[A-Z][a-z]{2,6} (ran|sat)\.' --json
expect_json lluda.generate/1 'j["finish_reason"] == "stop"' \
  '__import__("re").fullmatch(r"[A-Z][a-z]{2,6} (ran|sat)\.", j["text"])'
run generate -p "Once upon a time" -n 40 --temperature 0 --regex 'yes|no'
[[ $(cat out) == yes || $(cat out) == no ]] || fail "--regex: $(cat out)"

echo '{"properties": {"a/b": {"items": {"uniqueItems": true}}}}' >unique.json
run generate -p x --json-schema unique.json
expect_error 2 "unique.json: #/properties/a~1b/items: 'uniqueItems' is not supported"
echo '{"type": "strin"}' >typo.json
run generate -p x --json-schema typo.json
expect_error 2 "typo.json: #: 'type' must be one of JSON's types"
echo '{"type": "string", "maxLength": 10000000}' >large.json
run generate -p x --json-schema large.json
expect_error 2 "large.json: #: it is too complex"
run generate -p x --json-schema none.json
expect_error 2 "none.json: No such file or directory"
run generate -p x --regex '(?=a)b'
expect_error 2 "--regex: the pattern is refused: look-ahead '(?=' at byte 0 is not supported"
run generate -p x --regex 'a(b'
expect_error 2 "--regex: the pattern is refused: '(' has no ')' at byte 1"
run generate -p x --regex a --json-schema person.json
expect_error 2 "--json-schema"

# Told before the model is looked for.
run generate no/such/model -p x --regex '['
expect_error 2 "--regex"
run chat no/such/model -p x --json-schema unique.json
expect_error 2 "unique.json"

finish
