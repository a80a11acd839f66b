#!/bin/sh
# SPDX-License-Identifier: MIT
# Renews a certificate and waits for it, from a shell: renew.sh NAME [BUSCTL-OPTION...]
# For another bus than the system's: renew.sh web --address=unix:path=/run/user/1000/bus
set -eu
name=$1
shift
bus=org.certloom.Certloom1
root=/org/certloom/Certloom1

certificate=$(busctl "$@" --json=short call $bus $root $bus.Manager Get 'sa{sv}' "$name" 0 | sed 's/.*\["\(.*\)"\].*/\1/')
job=$(busctl "$@" --json=short call $bus "$certificate" $bus.Certificate Renew 'a{sv}' 0 | sed 's/.*\["\(.*\)"\].*/\1/')

# A job can be read until a minute after its end, so nothing is missed between two looks.
while :; do
  state=$(busctl "$@" get-property $bus "$job" $bus.Job State)
  case $state in
    's "running"') sleep 0.2 ;;
    's "succeeded"') break ;;
    *) busctl "$@" get-property $bus "$job" $bus.Job Message Hint >&2; exit 1 ;;
  esac
done
busctl "$@" get-property $bus "$certificate" $bus.Certificate State Serial NotAfter
