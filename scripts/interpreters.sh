#!/bin/sh
# Lists the Python interpreters that can run AGILab, best first: one line "MINOR PATH" for each minor version.
#
#   sh scripts/interpreters.sh            what PATH and pyenv offer; exit 1 when nothing fits
#   sh scripts/interpreters.sh PYTHON     that one alone (a name or a path)
#
# PATH is the real interpreter's path: never a pyenv shim (uv cannot use one) and never that of another
# environment. What was seen and does not fit goes to stderr as "MINOR PATH".
# Best is `python3` when it is 3.11 to 3.13, then the newest of those, then anything newer.
set -u
OLDEST=11 NEWEST=13

probe() { # a command -> "minor path", or nothing; free-threaded builds are left out, few wheels exist for them
    "$1" -I -S -c '
import sys, sysconfig
if sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    path = getattr(sys, "_base_executable", None) or sys.executable
    print(f"{sys.version_info[0]}.{sys.version_info[1]} {path}")
' </dev/null 2>/dev/null
}

found=""   # "minor path" lines in the order met, one a minor
seen=""    # the same for what does not fit
meet() {
    line=$(probe "$1") || return 0
    case $line in
    3.[0-9]*) minor=${line%% *} ;;
    *) seen="$seen? $1
"; return 0 ;;
    esac
    if [ "${minor#3.}" -ge "$OLDEST" ]; then
        case "
$found" in *"
$minor "*) ;; *) found="$found$line
" ;; esac
    else
        seen="$seen$line
"
    fi
}

if [ $# -gt 0 ]; then
    meet "$1"
else
    first=$(command -v python3 2>/dev/null) && meet "$first"
    first=${found%% *} # its minor, when it fits

    IFS=:
    set -f
    for folder in $PATH; do
        for name in python3.13 python3.12 python3.11 python3 python python3.14; do
            [ -x "$folder/$name" ] && meet "$folder/$name"
        done
    done
    set +f
    unset IFS

    pyenv=${PYENV_ROOT:-}
    [ -n "$pyenv" ] || pyenv=$(pyenv root 2>/dev/null </dev/null) || pyenv=${HOME:-}/.pyenv
    for candidate in "$pyenv"/versions/3.1[0-9]*/bin/python; do
        [ -x "$candidate" ] && meet "$candidate"
    done
fi

if [ -z "$found" ]; then
    printf '%s' "$seen" | sort -u >&2
    exit 1
fi
printf '%s' "$found" | awk -v first="${first:-}" -v newest="$NEWEST" '
    { split($1, v, "."); rank = v[2] <= newest ? 100 - v[2] : 100 + v[2]; if ($1 == first && v[2] <= newest) rank = 0
      print rank, $0 }' | sort -n -k1,1 | cut -d" " -f2-
