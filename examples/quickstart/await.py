# SPDX-License-Identifier: MIT
"""Waits until every certificate is ready and delivered: await.py ADDRESS COUNT SECONDS [QUIET]

With QUIET also until nothing is planned for so many seconds, so that the records can be compared at rest.
"""
import sys
import time

import bus


def is_settled(rows, count, quiet_s):
    now = time.time()
    return len(rows) == count and all(
        row.state == "ready" and row.delivery in ("none", "delivered") and row.next_time - now > quiet_s for row in rows)


def main(address, count, seconds, quiet_s="0"):
    deadline, rows, trouble = time.time() + float(seconds), [], "it did not answer"
    while time.time() < deadline:
        try:
            rows, trouble = bus.list_certificates(address), ""
            if is_settled(rows, int(count), float(quiet_s)):
                return 0
        except OSError as error:
            trouble = str(error)
        time.sleep(0.1)
    waiting = ["%s is %s, delivery %s %s" % (row.name, row.state, row.delivery, row.message) for row in rows
               if row.state != "ready" or row.delivery not in ("none", "delivered")]
    print("not settled after %s s: %s" % (seconds, trouble or "; ".join(waiting) or "%d certificates" % len(rows)), file=sys.stderr)
    return 1


sys.exit(main(*sys.argv[1:]))
