# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads meson's testlog.json: one line per suite, what failed, and a total: "N passed, N failed" and perhaps ", N skipped".

Counts the cases of TAP tests, and every other test as one. With CI=true a test program that skips everything has failed.
"""
import json
import os
import re
import sys
from collections import Counter, defaultdict

SKIPPED = re.compile(r"^ok \d+ (?:- )?([^#\n]*?)\s*# *SKIP *(.*)$", re.M | re.I)
CASE = re.compile(r"^(not ok|ok)\b[^#\n]*(# *SKIP)?", re.M | re.I)


def count_cases(test):
    """Passed, failed and skipped cases of one test program. One that has to fail, and does, is one that passed."""
    counts = Counter()
    if test["result"] == "EXPECTEDFAIL":
        return Counter(passed=1)
    for outcome, skip in CASE.findall(test.get("stdout") or ""):
        counts["skipped" if skip else "failed" if outcome.lower() == "not ok" else "passed"] += 1
    result = test["result"]
    if result == "SKIP":
        counts = Counter({"failed" if os.environ.get("CI") == "true" else "skipped": max(1, sum(counts.values()))})
    elif result != "OK" and not counts["failed"]:
        counts["failed"] += 1               # killed, timed out, or a plan that was not kept
    elif not counts:
        counts["passed"] += 1
    return counts


def show(counts):
    text = "%d passed, %d failed" % (counts["passed"], counts["failed"])
    return text + (", %d skipped" % counts["skipped"] if counts["skipped"] else "")


def main(path):
    suites, total, bad, skipped = defaultdict(Counter), Counter(), [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            counts = count_cases(test)
            suite = test["name"].split(" / ")[0].split(":")[-1]
            suites[suite] += counts
            suites[suite]["programs"] += 1
            total += counts
            skipped += SKIPPED.findall(test.get("stdout") or "")
            if counts["failed"]:
                bad.append(test)
    for name in sorted(suites):
        print("%-10s %2d programs: %s" % (name, suites[name]["programs"], show(suites[name])))
    for name, reason in skipped:
        print("skipped: %s: %s" % (name, reason))
    for test in bad:
        print("\n--- %s: %s" % (test["name"], test["result"]))
        print("\n".join(((test.get("stdout") or "") + (test.get("stderr") or "")).splitlines()[-40:]))
    print(show(total))
    return 1 if total["failed"] or not total["passed"] else 0


sys.exit(main(sys.argv[1]))
