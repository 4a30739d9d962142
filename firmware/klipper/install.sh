#!/bin/sh
# firmware/klipper/install.sh [-u] [KLIPPER [MOONRAKER_CONF]]: links the add-on into a checkout of Klipper (default
# ~/klipper) as klippy/extras/limpet, and tells Moonraker (default ~/printer_data/config/moonraker.conf, if it is there)
# to update it. As often as wanted; -u takes both away again. Changes nothing that Klipper's repository knows of.
set -eu

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

uninstall=no
if [ "${1:-}" = -u ]; then
    uninstall=yes
    shift
fi
[ $# -le 2 ] || fail "usage: install.sh [-u] [KLIPPER [MOONRAKER_CONF]]"
klipper=${1:-$HOME/klipper}
moonraker=${2:-$HOME/printer_data/config/moonraker.conf}
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
link=$klipper/klippy/extras/limpet

[ -d "$klipper/klippy/extras" ] || fail "$klipper is not Klipper: it has no klippy/extras"
if [ -e "$link" ] && [ ! -L "$link" ]; then
    fail "$link is there already, and is not a link"
fi

# Everything of the file but our block, and the empty line before it.
without_block() {
    awk '
        /^# limpet: begin/ { ours = 1 }
        !ours && /^$/ { if (empty) print ""; empty = 1; next }
        !ours { if (empty) print ""; empty = 0; print }
        /^# limpet: end/ { ours = 0; empty = 0 }
        END { if (empty) print "" }
    ' "$moonraker"
}

block() {
    cat << END

# limpet: begin (written by its install.sh, which replaces it)
[update_manager limpet]
type: git_repo
path: $root
origin: $origin
primary_branch: $branch
managed_services: klipper
# limpet: end
END
}

# Writes the file anew, unless nothing changes. It may be a link.
replace_moonraker() {
    if [ "$(cat "$moonraker"; echo .)" != "$(cat "$1"; echo .)" ]; then
        cat "$1" > "$moonraker"
        echo "changed $moonraker"
    fi
    rm -f "$1"
}

if [ "$uninstall" = yes ]; then
    if [ -L "$link" ]; then
        rm "$link"
        echo "removed $link"
    fi
    if [ -f "$moonraker" ]; then
        new=$(mktemp)
        without_block > "$new"
        replace_moonraker "$new"
    fi
    exit 0
fi

if [ "$(readlink "$link" || true)" != "$here/klippy/limpet" ]; then
    ln -sfn "$here/klippy/limpet" "$link"
    echo "linked $link"
fi
if [ -f "$moonraker" ]; then
    origin=$(git -C "$root" config --get remote.origin.url || true)
    branch=$(git -C "$root" symbolic-ref --short -q HEAD || echo main)
    if [ -n "$origin" ]; then
        new=$(mktemp)
        without_block > "$new"
        block >> "$new"
        replace_moonraker "$new"
    else
        echo "this copy of Limpet has no origin to be updated from: $moonraker stays as it is"
    fi
fi
echo "installed; add [limpet] to printer.cfg and restart Klipper"
