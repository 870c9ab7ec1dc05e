#!/bin/sh
exec python3 "$(dirname "$0")/compare_test.py"
