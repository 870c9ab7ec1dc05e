#!/bin/bash
# Random texts of random schemas against an independent validator.
set -eu
/usr/bin/python3 engine/grammar/json/schema_validation_test.py engine/grammar/json/random_texts
