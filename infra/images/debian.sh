# shellcheck shell=bash
# Debian's part of the stand-ins: a root file system and .deb files, fetched by the host's own debootstrap and apt.
# Everything that needs the network happens here, with the mirrors, proxies, keys and certificates that the host is
# configured with; the builds themselves then run with no network, and nothing of that configuration gets into an image.
# Sourced by build.sh, which provides CACHE, REFRESH, say and fail.

readonly APT_DIR=$CACHE/apt
readonly ROOTFS=$CACHE/debian/rootfs.tar
readonly DPKG_STATUS=$CACHE/debian/status

debian_codename() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

require_debian() {
    [ -r /etc/debian_version ] && [ "$(id -u)" = 0 ] && return 0
    fail "the stand-ins are made from Debian packages: run this as root on Debian (or set the FACTORYSTREAM_*_IMAGE variables to images of your own)."
}

require_debootstrap() {
    command -v debootstrap >/dev/null && return 0
    say "going to install with apt-get: debootstrap"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap; } \
        >"$CACHE/apt-install.log" 2>&1 || fail "apt-get could not install debootstrap, see $CACHE/apt-install.log."
}

# Lines "URI suite signed-by" of Debian's own suites in the host's sources, whichever format they are written in.
host_mirrors() {
    local codename
    codename=$(debian_codename)
    # shellcheck disable=SC2016  # these are apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)' 'Created-By: Packages' |
        awk -v name="$codename" '$3 == "main" && ($2 == name || index($2, name "-") == 1) \
            && $2 !~ /backports|proposed/ {print $1, $2, ($4 ~ /^\// ? $4 : "")}' | sort -u
}

# apt-get of the host, with lists, cache and package state of the images instead of the host's.
image_apt() {
    apt-get -qq -o Dir::State="$APT_DIR/state" -o Dir::State::status="$DPKG_STATUS" -o Dir::Cache="$APT_DIR/cache" \
        -o Dir::Etc::sourcelist="$APT_DIR/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o APT::Keep-Downloaded-Packages=true "$@"
}

prepare_apt() {
    local uri suite key
    mkdir -p "$APT_DIR/state/lists/partial" "$APT_DIR/cache/archives/partial"
    host_mirrors | while read -r uri suite key; do
        echo "deb ${key:+[signed-by=$key] }$uri $suite main"
    done >"$APT_DIR/sources.list"
    [ -s "$APT_DIR/sources.list" ] || fail "apt's sources on this machine name no Debian suite of $(debian_codename)."
    image_apt update || fail "apt-get update failed with the mirrors of this machine; is one of them reachable?"
}

# Makes ROOTFS and DPKG_STATUS: Debian's minimal system, without documentation, lists and logs.
ensure_rootfs() {
    [ -s "$ROOTFS" ] && [ -s "$DPKG_STATUS" ] && [ "$REFRESH" = 0 ] && return 0
    require_debian
    require_debootstrap
    local tree mirror proxy
    tree=$(mktemp -d)
    mkdir -p "$(dirname "$ROOTFS")"
    mirror=$(host_mirrors | awk -v name="$(debian_codename)" '$2 == name {print $1; exit}')
    [ -n "$mirror" ] || fail "apt's sources on this machine name no Debian suite of $(debian_codename)."
    proxy=$(apt-config shell P Acquire::http::Proxy | sed "s/^P='\(.*\)'$/\1/")
    say "debootstrap of $(debian_codename)"
    if ! http_proxy=${http_proxy:-$proxy} debootstrap --variant=minbase "$(debian_codename)" "$tree" "$mirror" \
        >"$CACHE/debootstrap.log" 2>&1; then
        tail -n 3 "$CACHE/debootstrap.log" >&2
        fail "debootstrap failed (its last lines are above, all of them in $CACHE/debootstrap.log)."
    fi
    cp "$tree/var/lib/dpkg/status" "$DPKG_STATUS"
    find "$tree/usr/share/doc" -type f ! -name copyright -delete
    rm -rf "$tree"/usr/share/{man,info,locale} "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* \
        "$tree"/var/log/* "$tree"/etc/apt/sources.list "$tree"/etc/resolv.conf "$tree"/etc/hostname
    tar -C "$tree" --numeric-owner --one-file-system -cf "$ROOTFS.part" .
    mv "$ROOTFS.part" "$ROOTFS"
    rm -rf "$tree"
}

# fetch_debs NAME PACKAGE...: fills CACHE/debs/NAME with the packages, what they need beyond the minimal system, and
# the updates of the minimal system that have come out since.
fetch_debs() {
    local folder=$CACHE/debs/$1
    shift
    [ -e "$folder/complete" ] && [ "$(cat "$folder/complete")" = "$*" ] && [ "$REFRESH" = 0 ] && return 0
    require_debian
    [ -n "${APT_READY:-}" ] || prepare_apt
    APT_READY=1
    rm -rf "$folder" "$APT_DIR"/cache/archives/*.deb
    mkdir -p "$folder"
    image_apt --download-only -y dist-upgrade || fail "apt-get could not fetch the updates of the minimal system."
    if [ $# -gt 0 ]; then
        image_apt --download-only -y install "$@" || fail "apt-get could not fetch $*."
    fi
    find "$APT_DIR/cache/archives" -maxdepth 1 -name '*.deb' -exec mv -t "$folder" {} +
    echo "$*" >"$folder/complete"
}
