# Sourced by ./test.sh with $root set: installs the packages of test_python.txt in an environment in the user's cache,
# unless it has them already, and exports LLUDA_TEST_PYTHON, its interpreter. Where they cannot be had, the tests that
# need them say that they are skipped.
list="$root/third_party/test_python.txt"
environment="${XDG_CACHE_HOME:-$HOME/.cache}/lluda/test_python"
if ! cmp -s "$list" "$environment/installed.txt"; then
  echo "lluda: installing Python packages: $(grep -v '^#' "$list" | tr '\n' ' ')" >&2
  if rm -rf "$environment" && /usr/bin/python3 -m venv "$environment" >&2 &&
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$list" >&2; then
    cp "$list" "$environment/installed.txt"
  else
    echo "lluda: could not install them; tests that need them are skipped" >&2
  fi
fi
if [ -e "$environment/installed.txt" ]; then
  export LLUDA_TEST_PYTHON="$environment/bin/python"
fi
