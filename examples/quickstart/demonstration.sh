# SPDX-License-Identifier: MIT
# Sourced by ../../quickstart: starts a bus, certloomd and nginx, takes the CA's key away for a while, and lets verdict.py judge.
# shellcheck shell=bash disable=SC2154
#
#   $run/image   what an administrator would install and configure; as root it belongs to root
#   $run/var     what the running parts write; belongs to the user that they run as
demo=$PWD/examples/quickstart
served=web
outage_begins=40 outage_ends=60 ends=120      # seconds after the first issuance
pids=()

# Everything runs as an ordinary user, also when root tries it.
choose_user() {
  as_user=()
  user=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    user=nobody
    as_user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups --no-new-privs --)
  fi
}

choose_port() {
  "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

fill_in() {
  sed -e "s|@VAR@|$var|g; s|@PORT@|$port|g; s|@UID@|$(id -u "$user")|g; s|@GID@|$(id -g "$user")|g" "$1" >"$2"
}

# Folders differ from one machine to the next (lib, lib64, lib/TRIPLET).
find_installed() {
  find "$image/usr" -path '*/bash-completion' -prune -o -name "$1" ! -type d -print -quit | grep .
}

# As root: what `meson install` makes, under a root of its own. As a user: straight from the build folder; only the modules are
# copied, because the daemon refuses one that others could write, and who knows what lies above the build folder.
lay_out_programs() {
  if [ "$(id -u)" -eq 0 ]; then
    meson install -C "$build" --no-rebuild --quiet --destdir "$image" >/dev/null
    plugins=$(dirname "$(find_installed ca-local.so)")
    export LD_LIBRARY_PATH
    LD_LIBRARY_PATH=$(dirname "$(find_installed libcertloom-plugin-1.so)")
    certloomd=$(find_installed certloomd) deliver=$(find_installed certloom-deliver) certloom=$(find_installed certloom)
    say install "$image"
    return
  fi
  plugins=$image/plugins certloomd=$build/bus/certloomd deliver=$build/core/delivery/certloom-deliver certloom=$build/bus/cli/certloom
  mkdir -p "$plugins" "$image/usr/share/certloom/deliveries.d"
  cp "$build"/plugins/*.so "$plugins"
  cp core/delivery/presets/*.delivery "$image/usr/share/certloom/deliveries.d"
}

lay_out_configuration() {
  mkdir -p "$image/etc" "$image/demo" "$var/nginx"
  cp -r "$demo/etc/certloom" "$image/etc"
  cp "$demo"/*.py "$image/demo"
  fill_in "$demo/etc/certloom/deliveries.d/web-server.delivery" "$image/etc/certloom/deliveries.d/web-server.delivery"
  fill_in "$demo/nginx.conf" "$image/nginx.conf"
  fill_in "$demo/bus.conf" "$image/bus.conf"
  # nginx wants some certificate to begin with; the first delivery replaces it.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=before certloom" \
    -keyout "$var/nginx/$served.key" -out "$var/nginx/$served.pem" 2>/dev/null
  chmod -R go-w "$image"
  [ "$(id -u)" -ne 0 ] || chown -R "$user:" "$var"
}

# start NAME PROGRAM …: in the background, deaf to Ctrl-C (we end it ourselves), its output in $var/NAME.log
start() {
  local name=$1
  shift
  setsid "${as_user[@]}" "$@" >"$var/$name.log" 2>&1 </dev/null &
  pids+=($!)
  echo "$!" >"$run/$name.pid"
}

# stop NAME: asks, waits, insists.
stop() {
  local pid
  pid=$(cat "$run/$1.pid" 2>/dev/null) || return 0
  rm -f "$run/$1.pid"
  kill "$pid" 2>/dev/null || true
  for _ in {1..50}; do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}

clean_up() {
  trap - EXIT INT TERM HUP
  save_logs || true
  for name in client watcher certloomd nginx bus; do
    stop "$name"
  done
  rm -rf "$run"
}

save_logs() {
  cp "$var"/*.log "$results"
}

check_alive() {
  local file
  for file in "$run"/*.pid; do
    kill -0 "$(cat "$file")" 2>/dev/null || { tail -n 5 "$var/$(basename "$file" .pid).log"; die "$(basename "$file" .pid) ended by itself"; }
  done
}

# Waits until so many seconds after the first issuance, and sees that everything is still there.
wait_until() {
  while [ "$(date +%s)" -lt $((begun + $1)) ]; do
    sleep 0.5 &
    wait $!
    check_alive
  done
}

wait_for() {
  for _ in {1..100}; do
    ! [ -e "$1" ] || return 0
    sleep 0.1
    check_alive
  done
  die "$1 did not appear"
}

# Waits until everything is settled, or somebody ends who should not.
await() {
  local waiting
  "$python" -B "$demo/await.py" "$address" "$count" "$@" &
  waiting=$!
  while kill -0 "$waiting" 2>/dev/null; do
    sleep 0.2
    check_alive
  done
  wait "$waiting"
}

start_parts() {
  local -a names
  start bus dbus-daemon --config-file="$image/bus.conf" --nofork --nopidfile
  wait_for "$var/bus"
  start nginx "$nginx" -e "$var/nginx/error.log" -c "$image/nginx.conf"
  wait_for "$var/nginx/nginx.pid"
  start certloomd "$certloomd" --address="$address" --config-root="$image" --state-dir="$var/state" --plugin-dir="$plugins" \
    --deliver-program="$deliver"
  say start "bus, certloomd and nginx (127.0.0.1:$port), as $user, on this machine only"
  mapfile -t names < <(cd "$image/etc/certloom/certificates.d" && printf '%s\n' *.certificate | grep -v '@\.' | sed 's/\.certificate$//; s/@/-/')
  count=${#names[@]}
  start watcher "$python" -B "$image/demo/watcher.py" "$var/state" "${names[@]}"
  await 60
  begun=$(date +%s)
  start client "$python" -B "$image/demo/client.py" "$var/state/certificates/$served/current/trust.pem" "$port" "$served.plant.example"
  say issued "$count certificates that live for 90 to 150 s and are renewed at half of it; a client connects every 50 ms"
}

# A CA cannot sign without its key. The key is put out of its reach, and back.
cut_off() {
  local key=$var/state/backends/keystore/file/authority.plant.root.pem
  wait_until "$outage_begins"
  mv "$key" "$var/away.pem"
  date +%s.%N >"$var/outage"
  say outage "the CA's key is gone for $((outage_ends - outage_begins)) s; $((ends - outage_begins)) s to go"
  wait_until "$outage_ends"
  date +%s.%N >>"$var/outage"
  mv "$var/away.pem" "$key"
  say recovery "the key is back; what waited for it is renewed now"
  wait_until "$ends"
}

say_what_to_try() {
  cat <<END

It goes on running. Three things to try:
  $certloom --address=$address status
  $certloom --address=$address renew $served
  openssl s_client -connect 127.0.0.1:$port -CAfile $var/state/certificates/$served/current/trust.pem </dev/null | openssl x509 -noout -serial -dates
Its files are in $run. To end it:
  kill $(cat "$run"/*.pid | tr '\n' ' '); rm -r $run
END
}

demonstrate() {
  local status=0
  nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
  run=$(mktemp -d "${TMPDIR:-/tmp}/certloom-quickstart.XXXXXX")
  image=$run/image var=$run/var results=$build/quickstart address=unix:path=$run/var/bus port=$(choose_port)
  mkdir -p "$image" "$var" "$results"
  chmod 755 "$run"
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  choose_user
  lay_out_programs
  lay_out_configuration
  start_parts
  cut_off
  await 30 2.5
  "$python" -B "$demo/verdict.py" "$address" "$var" "$served" "$results/report.html" || status=1
  [ -n "$keep" ] || return "$status"
  stop client
  stop watcher
  save_logs
  trap - EXIT INT TERM HUP
  say_what_to_try
  return "$status"
}
