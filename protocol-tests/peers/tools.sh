# Functions of the scripts that start other servers. Such a script sets `here`, its folder, and `self`, its file, whose
# first comment is its help, before it sources this file.
# shellcheck shell=bash

TUSD_VERSION=v2.9.1
VERSITYGW_VERSION=v1.8.0

root=$(dirname "$here")
target=$(cd "$root" && cargo metadata --no-deps --format-version 1 |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
tools=$target/tools
lab=$target/release/tus-lab

say() { echo "$(basename "$self"): $*" >&2; }

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$self" >&2
    exit 2
}

has() {
    command -v "$1" >/dev/null && return
    say "$2 is left out, because $1 is not on the PATH"
    return 1
}

# Builds longhaul and the given programs, in two steps: the tests build longhaul alone, and built together with other
# packages it would be compiled once more.
build_ours() {
    (cd "$root" && cargo build --quiet --release --bin longhaul)
    (cd "$root" && cargo build --quiet --release -p tus-lab -p protocol-tests "${@/#/--bin=}")
}

install_tusd() {
    [[ -x $tools/tusd-$TUSD_VERSION ]] && return
    has go tusd || return 1
    GOBIN=$tools go install "github.com/tus/tusd/v2/cmd/tusd@$TUSD_VERSION" || exit 1
    mv "$tools/tusd" "$tools/tusd-$TUSD_VERSION" || exit 1
}

# Built each time: Go knows whether there is anything to do.
install_tusd_mem() {
    has go tusd-mem || return 1
    (cd "$here/peers/tusd-mem" && go build -o "$tools/tusd-mem" .) || exit 1
}

# What nodes need: PostgreSQL, Redis, and the S3 server that protocol-tests/run installs as well.
has_cloud() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || {
        say "the works with an object store are left out, because PostgreSQL is not here"
        return 1
    }
    has redis-server "the work with an object store" || return 1
    [[ -x $target/go/versitygw ]] && return
    has go "the work with an object store" || return 1
    GOBIN=$target/go go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION" || exit 1
}

# show PART FILE: what the file says, where it was asked for.
show() {
    local results=$here/RESULTS.md new
    if [[ $write == no ]]; then
        cat "$2"
        return
    fi
    new=$(awk -v part="$1" -v text="$2" '
        $0 == "<!-- /" part " -->" { inside = 0; print "" }
        !inside { print }
        $0 == "<!-- " part " -->" { inside = 1; print ""; while ((getline line < text) > 0) print line }
    ' "$results")
    printf "%s\n" "$new" >"$results"
}
