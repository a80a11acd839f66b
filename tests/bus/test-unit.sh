#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon's unit is exposed no more than 2.0, as systemd counts: test-unit.sh SYSTEMD-ANALYZE UNIT
"$1" security --offline=true --threshold=20 --no-pager "$2" | tail -n 1
"$1" security --offline=true --threshold=20 --no-pager "$2" >/dev/null
