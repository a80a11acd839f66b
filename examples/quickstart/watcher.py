# SPDX-License-Identifier: MIT
"""Looks at the published files as a consumer does, ten times a second, until told to stop.

Writes a line whenever the current certificate changes, and whenever it finds one that is past its end:
time, name, "now" or "expired" or "missing", serial number, notAfter.
"""
import os
import signal
import sys
import time

import leaf

EVERY_S = 0.1
stopping = False


def on_stop(_number, _frame):
    global stopping
    stopping = True


def look(state, name, seen):
    link = os.path.join(state, "certificates", name, "current")
    try:
        target = os.readlink(link)
        if seen.get(name, (None,))[0] != target:
            shown = leaf.from_file(os.path.join(link, "cert.pem"))
            seen[name] = (target, shown)
            print("%.3f %s now %s %d" % (time.time(), name, shown.serial, shown.not_after), flush=True)
    except (OSError, ValueError, AttributeError) as error:
        print("%.3f %s missing %s" % (time.time(), name, error), flush=True)
        return
    shown = seen[name][1]
    if time.time() > shown.not_after + 1:   # valid through the second that notAfter names
        print("%.3f %s expired %s %d" % (time.time(), name, shown.serial, shown.not_after), flush=True)


def main(state, names):
    signal.signal(signal.SIGTERM, on_stop)
    seen = {}
    while not stopping:
        for name in names:
            look(state, name, seen)
        time.sleep(EVERY_S)


main(sys.argv[1], sys.argv[2:])
