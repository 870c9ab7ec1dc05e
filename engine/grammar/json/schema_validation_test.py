"""Every text of a schema's grammar is valid JSON and valid against the schema, says `jsonschema`.

Usage: schema_validation_test.py RANDOM_TEXTS
"""
import datetime
import ipaddress
import json
import random
import re
import subprocess
import sys
import uuid

import jsonschema

SCHEMAS = 400
LEAST_TEXTS = 2500

FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]
PATTERNS = ["^[a-z]+$", "b", "^x|y$", r"^\d{2}-\w+$", r"[^\s]{2}", "^(ab|cd){1,3}$", "é.", "^$|z"]
WORDS = ["a", "b", "name", "é", "x y", 'q"', "ab", "abc"]

checker = jsonschema.FormatChecker(formats=())


def checks(name):
    """A check of strings; a format says nothing of other values."""
    def add(is_right):
        checker.checks(name, raises=ValueError)(lambda value: not isinstance(value, str) or is_right(value))
        return is_right
    return add


@checks("date")
def is_date(text):
    return bool(datetime.date.fromisoformat(text))


@checks("time")
def is_time(text):
    # fromisoformat wants three or six digits of a fraction.
    return bool(datetime.time.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")))


@checks("date-time")
def is_date_time(text):
    return is_date(text[:10]) and text[10] == "T" and is_time(text[11:])


@checks("duration")
def is_duration(text):
    part = re.fullmatch(r"P(?=.)((\d+)W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)", text)
    return bool(part)


@checks("email")
def is_email(text):
    local, _, host = text.rpartition("@")
    return 0 < len(local) <= 64 and len(text) <= 254 and is_hostname(host)


@checks("hostname")
def is_hostname(text):
    labels = text.split(".")
    return len(text) <= 253 and all(
        re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", label) for label in labels)


@checks("ipv4")
def is_ipv4(text):
    return bool(ipaddress.IPv4Address(text))


@checks("ipv6")
def is_ipv6(text):
    return ipaddress.IPv6Address(text) is not None


@checks("uuid")
def is_uuid(text):
    return str(uuid.UUID(text)) == text.lower()


def any_value(rng, depth):
    kind = rng.randrange(7 if depth > 0 else 5)
    if kind == 5:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    if kind == 6:
        return {rng.choice(WORDS): any_value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return [None, True, rng.randrange(-50, 50), rng.choice([0.5, -2.25, 1e30]), rng.choice(WORDS)][kind]


def any_schema(rng, depth):
    kind = rng.randrange(12 if depth > 0 else 6)
    if kind == 0:
        return {"type": rng.choice(["null", "boolean", "number", "integer", "string"])}
    if kind == 1:
        low = rng.randrange(-3000, 3000)
        bounds = [("minimum", low), ("maximum", low + rng.randrange(4000)),
                  ("exclusiveMinimum", low - 1), ("exclusiveMaximum", low + 5000)]
        return {"type": rng.choice(["integer", ["integer", "null"]]), **dict(rng.sample(bounds, rng.randrange(1, 3)))}
    if kind == 2:
        low = rng.randrange(4)
        lengths = [("minLength", low), ("maxLength", low + rng.randrange(4))]
        return {"type": "string", **dict(rng.sample(lengths, rng.randrange(1, 3)))}
    if kind == 3:
        schema = {"type": "string", "pattern": rng.choice(PATTERNS)}
        if rng.randrange(2):
            schema["minLength"] = rng.randrange(3)
        if rng.randrange(2):
            schema["maxLength"] = 3 + rng.randrange(20)
        return schema
    if kind == 4:
        return {"type": "string", "format": rng.choice(FORMATS)}
    if kind == 5:
        values = [any_value(rng, 2) for _ in range(rng.randrange(1, 5))]
        return {"const": values[0]} if rng.randrange(3) == 0 else {"enum": values}
    if kind in (6, 7):
        low = rng.randrange(3)
        schema = {"type": "array"}
        if rng.randrange(3):
            schema["items"] = any_schema(rng, depth - 1)
        if rng.randrange(3) == 0:
            schema["prefixItems"] = [any_schema(rng, depth - 1) for _ in range(rng.randrange(1, 3))]
        if rng.randrange(2):
            schema["minItems"] = low
        if rng.randrange(2):
            schema["maxItems"] = low + rng.randrange(3)
        return schema
    if kind in (8, 9):
        keys = rng.sample(WORDS, rng.randrange(5))
        schema = {"type": "object", "properties": {key: any_schema(rng, depth - 1) for key in keys}}
        if rng.randrange(2):
            schema["required"] = [word for word in keys + ["more"] if rng.randrange(2)]
        if rng.randrange(3):
            schema["additionalProperties"] = rng.choice([False, True, any_schema(rng, depth - 1)])
        if rng.randrange(4) == 0:
            del schema["type"]
        return schema
    if kind == 10:
        return {"anyOf": [any_schema(rng, depth - 1) for _ in range(rng.randrange(1, 4))]}
    branches = []
    for tag in rng.sample(WORDS, 2):
        branches.append({"type": "object", "properties": {"kind": {"const": tag}, "of": any_schema(rng, depth - 1)},
                         "required": ["kind"]})
    return {"oneOf": branches + [{"type": "null"}]}


def main():
    rng = random.Random(20)
    schemas = [any_schema(rng, 3) for _ in range(SCHEMAS)]
    schemas.append({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
        "value": {"type": "integer"}, "left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}},
        "required": ["value"], "additionalProperties": {"$ref": "#/$defs/tree"}}}})
    schemas += [{"type": "string", "format": name} for name in FORMATS]
    lines = "".join(json.dumps(schema) + "\n" for schema in schemas)
    run = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(schemas), "an answer for each schema"
    texts = refused = 0
    for schema, answer in zip(schemas, answers):
        if "error" in answer:
            # Some random schemas allow nothing.
            assert "nothing satisfies" in answer["error"], (schema, answer)
            refused += 1
            continue
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        for text in answer["texts"]:
            texts += 1
            try:
                value = json.loads(text)
            except ValueError as error:
                raise SystemExit(f"{schema}: {text!r} is not JSON: {error}")
            for error in validator.iter_errors(value):
                raise SystemExit(f"{schema}: {text!r}: {error.message}")
    print(f"{texts} texts of {len(schemas)} schemas are valid, {refused} schemas allow nothing")
    assert texts >= LEAST_TEXTS and refused < SCHEMAS / 5


main()
