#!/bin/sh
exec python3 "$(dirname "$0")/reference_data_test.py"
