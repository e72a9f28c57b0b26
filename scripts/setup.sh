#!/bin/sh
# Makes $VENV (default .venv) hold what uv.lock says, and stamps it so that make need not ask again.
#
#   sh scripts/setup.sh runtime    what `agilab` needs to run
#   sh scripts/setup.sh dev        and what its developers need
#
# PYTHON=… chooses the interpreter; otherwise an existing environment keeps its own and a new one takes the best that
# scripts/interpreters.sh lists. Writes only into the checkout and the package cache of uv and pip.
set -eu
cd "$(dirname "$0")/.."
what=${1:-runtime}
VENV=${VENV:-.venv}
PYTHON=${PYTHON:-}
place=$(pwd -P)
OLDEST_UV="0.9"
NEVER_REACHED="databricks|google|pyasn1_modules|pygments/lexers|sqlalchemy/testing|opentelemetry/semconv|pycparser"
NEVER_REACHED="$NEVER_REACHED|pydantic/v1|mlflow/(server|genai|gateway|assistant|langchain|transformers)"

say() { printf 'setup: %s\n' "$*" >&2; }
refuse() { # subject, found, allowed, try: the form of every error of AGILab; 3 is "the environment is not right"
    printf 'error: %s\n  found     %s\n  allowed   %s\n  try       %s\n' "$1" "$2" "$3" "$4" >&2
    exit 3
}

# A shell's own settings must neither redirect nor redecorate this environment.
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE UV_PYTHON UV_NO_DEV UV_DEV UV_NO_SYNC \
    UV_NO_DEFAULT_GROUPS UV_NO_EDITABLE UV_COMPILE_BYTECODE CONDA_PREFIX
export UV_PROJECT_ENVIRONMENT="$VENV" UV_PYTHON_DOWNLOADS=never

choose_python() { # sets `python`
    if list=$(sh scripts/interpreters.sh ${PYTHON:+"$PYTHON"} 2>&1); then
        python=$(printf '%s\n' "$list" | sed -n '1s/^[^ ]* //p')
        case $list in 3.1[123]\ *) ;; *) say "${list%% *} is newer than what is tested (3.11 to 3.13); trying it" ;; esac
    elif [ -n "$PYTHON" ]; then
        refuse "PYTHON=$PYTHON is no interpreter that can run AGILab" "${list:-nothing that starts}" \
            "CPython 3.11, 3.12 or 3.13" "make setup PYTHON=/path/to/python3.12"
    else
        found=$(printf '%s' "$list" | tr '\n' ',' | sed 's/,$//; s/,/, /g')
        refuse "no Python that can run AGILab on PATH or under pyenv" "${found:-no Python at all}" \
            "CPython 3.11, 3.12 or 3.13" "install one, or name it: make setup PYTHON=/path/to/python3.12"
    fi
}

new_enough() { # a uv command; false for an old one, a broken one and a shim without a version behind it
    version=$("$1" --version 2>/dev/null </dev/null) || return 1
    version=$(printf '%s' "$version" | sed -n 's/^uv \([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p')
    [ -n "$version" ] || return 1
    [ "${version% *}" -gt "${OLDEST_UV%.*}" ] || [ "${version#* }" -ge "${OLDEST_UV#*.}" ]
}

find_uv() { # sets `uv`: the one on PATH, the one bootstrapped before, or a new one in .uv
    for uv in "$(command -v uv 2>/dev/null || true)" "$place/.uv/bin/uv"; do
        [ -n "$uv" ] && [ -x "$uv" ] && new_enough "$uv" && return 0
    done
    [ -n "$python" ] || choose_python
    # The very uv that uv.lock names, by its hashes: the first download is as pinned as all that follow.
    mkdir -p .uv
    awk '/^\[\[package\]\]/ { mine = 0 }
         /^name = "uv"$/ { mine = 1 }
         mine && /^version = / { gsub(/"/, ""); printf "uv==%s", $3 }
         mine && match($0, /sha256:[0-9a-f]+/) { printf " --hash=%s", substr($0, RSTART, RLENGTH) }' uv.lock >.uv/requirements.txt
    say "$(sed 's/ .*//; s/==/ /' .uv/requirements.txt) from PyPI into .uv"
    pip="-m pip --disable-pip-version-check --no-input install --quiet --no-user --require-hashes --only-binary=:all: --root-user-action=ignore"
    # Into a folder: quicker and smaller than a virtual environment, and a Debian Python has pip but often no venv.
    if "$python" -m pip --version >/dev/null 2>&1; then
        PIP_REQUIRE_VIRTUALENV=0 "$python" $pip --upgrade --target .uv -r .uv/requirements.txt
    elif "$python" -m venv .uv >/dev/null 2>&1; then
        .uv/bin/python $pip -r .uv/requirements.txt
    else
        refuse "uv cannot be installed with $python" "neither pip nor venv" "a Python that has one of the two" \
            "install python3-pip or python3-venv, or uv itself"
    fi || refuse "uv could not be downloaded" "pip failed, see above" "a package index that pip can reach" \
        "set PIP_INDEX_URL to a mirror, or put uv $OLDEST_UV or newer on PATH"
    uv="$place/.uv/bin/uv"
}

# What was developed with stays so: a proof after a test run uninstalls nothing.
case $what in runtime | dev) ;; *) refuse "scripts/setup.sh $what" "$what" "runtime, dev" "make help" ;; esac
[ -f "$VENV/.setup-dev" ] && what=dev

# An environment that was moved, or whose interpreter went away, is made anew: its scripts carry absolute paths.
if [ -d "$VENV" ] && [ -f "$VENV/.setup-place" ]; then
    if [ "$(cat "$VENV/.setup-place")" != "$place" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        say "$VENV was made in another place or lost its interpreter; making it anew"
        rm -rf "$VENV"
    fi
fi

python=""
if [ -n "$PYTHON" ] || ! [ -x "$VENV/bin/python" ]; then choose_python; fi
find_uv

sync() {
    "$uv" sync --frozen --quiet "$@" ${python:+--python "$python"} ||
        refuse "uv could not make $VENV from uv.lock" "see above" "what uv.lock names, from the package index" \
            "make setup again; for a mirror set UV_DEFAULT_INDEX, for a company's certificates SSL_CERT_FILE"
}

fresh=yes
[ -f "$VENV/.setup-dev" ] && fresh=no # compiled before, and now with far more in it
rm -f "$VENV/.setup-runtime" "$VENV/.setup-dev"

[ -z "$python" ] || say "$VENV with $python"
sync --no-dev --inexact
if [ $fresh = yes ]; then
    # Bytecode of what a run reaches, so that the first run is as quick as the next; all of it would add a third to
    # the environment. Python writes the rest when it is first imported.
    "$VENV/bin/python" -m compileall -qq -j 0 -x "/($NEVER_REACHED)/" "$VENV/lib" || true
fi
[ "$what" = runtime ] || sync

# The bootstrapped uv is the locked one, and uv is a dependency as well: keep one copy of its 38 MB.
if [ -f .uv/bin/uv ] && cmp -s .uv/bin/uv "$VENV/bin/uv"; then ln -f "$VENV/bin/uv" .uv/bin/uv; fi

printf '%s\n' "$place" >"$VENV/.setup-place"
printf '%s\n' "$PYTHON" >"$VENV/.setup-python"
: >"$VENV/.setup-runtime"
[ "$what" = runtime ] || : >"$VENV/.setup-dev"
