#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A stranger's day: certloom installed somewhere, a plugin built against that alone, judged by the installed runner.
# Called with: build folder, prefix of the build, libdir, libexecdir (below the prefix), folder of the example, sanitizers in use.
set -u
build=$1 prefix=$2 libdir=$3 libexecdir=$4 example=$5 sanitize=$6

echo 1..8
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
daemons=
finish() {
  for pid in $daemons; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$work"
}
trap finish EXIT
root=$work/root
export PKG_CONFIG_LIBDIR="$root$prefix/$libdir/pkgconfig:$(pkg-config --variable pc_path pkg-config)"
export PKG_CONFIG_SYSROOT_DIR=
export LD_LIBRARY_PATH="$root$prefix/$libdir"


make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" \
    -subj "/CN=Vendor Root" -days 3650 -addext "keyUsage=critical,keyCertSign,cRLSign"
}

configure() {
  etc=$work/config/etc/certloom
  mkdir -p "$etc/keystores.d" "$etc/authorities.d" "$etc/certificates.d" &&
  printf '[Daemon]\nClock=rtc\n' >"$etc/certloom.conf" &&
  printf '[KeyStore]\nPlugin=key-file\n' >"$etc/keystores.d/file.keystore" &&
  printf '[Authority]\nPlugin=vendor-ca\nCertificate=%s\nKey=%s\n' "$work/ca.pem" "$work/ca.key" >"$etc/authorities.d/vendor.authority" &&
  printf '[Certificate]\nSubject=CN=gw\nDNS=gw.example\nUsages=server client\nAuthority=vendor\n' >"$etc/certificates.d/gw.certificate" &&
  chmod -R go-w "$work/config"
}

start_daemons() {
  cat >"$work/bus.conf" <<EOF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$work/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
EOF
  dbus-daemon --nofork --config-file="$work/bus.conf" & daemons=$!
  until_there "$work/bus" || return 1
  "$root$prefix/$libexecdir/certloom/certloomd" --address="unix:path=$work/bus" --config-root="$work/config" \
    --state-dir="$work/state" --plugin-dir="$root$prefix/$libdir/certloom-1/plugins" & daemons="$daemons $!"
}

until_there() {
  tries=0
  while [ ! -e "$1" ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || return 1
    sleep 0.1
  done
}

issued() {
  current=$work/state/certificates/gw/current
  until_there "$current/cert.pem" && openssl verify -CAfile "$work/ca.pem" "$current/cert.pem" &&
  openssl x509 -in "$current/cert.pem" -noout -ext subjectAltName | grep -q 'DNS:gw.example'
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
configure
step "the daemon starts with it" start_daemons
step "it issues a certificate through the daemon" issued
