# Sourced by ./lluda and ./test.sh with $root set and lists of this folder as arguments: installs the Debian packages in
# them that are missing, saying which.
missing=()
while read -r package; do
  case "$package" in '' | '#'*) continue ;; esac
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done < <(cd "$root/third_party" && cat "$@")
if [ "${#missing[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "lluda: missing packages and no apt-get to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "lluda: run as root, or install sudo: packages are missing: ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "lluda: installing Debian packages: ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq >&2 || {
    echo "lluda: apt-get update failed" >&2
    exit 1
  }
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >&2 || {
    echo "lluda: could not install: ${missing[*]}" >&2
    exit 1
  }
fi
