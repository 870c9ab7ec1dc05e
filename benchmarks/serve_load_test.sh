#!/bin/sh
exec python3 "$(dirname "$0")/serve_load_test.py"
