#!/usr/bin/env bash
# Makes the virtual environment. Each thing that can be missing is named in a sentence.
set -euo pipefail

venv=$1
need_gb=6

fail() { echo "dateline setup: $*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11.5 or newer was not found. Install it, or name it: make setup PYTHON=/path/to/python3.12"
}

python=$(find_python)
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv"
free_gb=$(df -Pk . | awk 'NR==2 {print int($4 / 1048576)}')
[ "$free_gb" -ge "$need_gb" ] || fail "$free_gb GB are free here, some $need_gb GB are needed for libraries and models. Free some space."

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
echo "Installing pinned dependencies into $venv (some minutes the first time) …" >&2
# constraints.txt pins everything, torch above all: left to itself, pip takes the newest build with gigabytes of CUDA libraries.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail "the installation failed (see above). Is the network there? Run the same command again once it is."
fi
