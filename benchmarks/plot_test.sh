#!/bin/sh
exec python3 "$(dirname "$0")/plot_test.py"
