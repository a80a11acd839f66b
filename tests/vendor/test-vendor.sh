#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A stranger's day: certloom installed somewhere, a plugin built against that alone, judged by the installed runner.
# Called with: build folder, prefix of the build, libdir, libexecdir (below the prefix), folder of the example, sanitizers in use.
set -u
build=$1 prefix=$2 libdir=$3 libexecdir=$4 example=$5 sanitize=$6

echo 1..6
n=0
step() {
  n=$((n + 1))
  what=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    echo "ok $n - $what"
  else
    echo "not ok $n - $what"
    sed 's/^/# /' "$work/log"
    exit 1
  fi
}

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
root=$work/root
export PKG_CONFIG_LIBDIR="$root$prefix/$libdir/pkgconfig:$(pkg-config --variable pc_path pkg-config)"
export PKG_CONFIG_SYSROOT_DIR=
export LD_LIBRARY_PATH="$root$prefix/$libdir"


make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" \
    -subj "/CN=Vendor Root" -days 3650 -addext "keyUsage=critical,keyCertSign,cRLSign"
}

at_most() {
  [ "$(wc -l <"$2")" -le "$1" ]
}

step "certloom is installed" meson install -C "$build" --no-rebuild --destdir "$root" --quiet
step "its plugin folder is told by pkg-config" sh -c "sed -i 's|^prefix=.*|prefix=$root$prefix|' '$root$prefix/$libdir/pkgconfig/certloom-plugin-1.pc' &&
  [ \"\$(pkg-config --variable=plugindir certloom-plugin-1)\" = '$root$prefix/$libdir/certloom-1/plugins' ] && [ \"\$(pkg-config --variable=abi certloom-plugin-1)\" = 1 ]"
step "the example has at most 100 lines" at_most 100 "$example/vendor-ca.c"
step "the plugin is built against the installed files, without a warning" sh -c "
  cp -r '$example' '$work/src' && cd '$work/src' && meson setup build -Db_sanitize='$sanitize' -Db_lundef=false --werror && meson compile -C build && meson install -C build"
step "a CA is made" make_ca
step "the installed runner finds nothing to complain of" "$root$prefix/$libexecdir/certloom/certloom-contract" \
  "$root$prefix/$libdir/certloom-1/plugins/vendor-ca.so" "Certificate=$work/ca.pem" "Key=$work/ca.key"
