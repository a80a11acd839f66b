# SPDX-License-Identifier: MIT
"""Compares the witnesses and judges: verdict.py ADDRESS VAR SERVED REPORT

Prints what differs, then PASS or FAIL with the figures, and writes the report. The figures are the client's and the files';
that the daemon's history tells the same is one of the conditions.
"""
import re
import sys

import report
from evidence import ATTEMPTS, FAILURES, Evidence, parse_time

SLACK_S = 2.0     # the history counts whole seconds, the watcher looks ten times in each
SILENCE_S = 5.0   # longer without a connection: the client was not there to see


def check_certificate(evidence, name):
    """Files, watcher and history must tell the same story of one certificate."""
    on_disk = [(leaf.serial, leaf.not_after) for leaf in evidence.generations[name]]
    seen = [(sight.serial, sight.not_after) for sight in evidence.sights.current.get(name, [])]
    told = [(event.fields["serial"].lstrip("0"), parse_time(event.fields["not_after"])) for event in evidence.select(name, "issued", "renewed")]
    if on_disk != seen:
        yield "%s: the files hold %d generations, the watcher saw %d become current" % (name, len(on_disk), len(seen))
    if on_disk != told:
        yield "%s: the files hold %s, the history tells %s" % (name, describe(on_disk), describe(told))
    if len(on_disk) < 2:
        yield "%s was never renewed" % name
    if evidence.select(name, "issued", "renewed")[1:] != evidence.select(name, "renewed"):
        yield "%s: the history tells of more than one first issuance" % name
    for event in evidence.select(name, "policy-rejected", "delivery-failed", "rolled-back", "generation-damaged"):
        yield "%s: %s: %s" % (name, event.kind, event.message)


def describe(pairs):
    return ", ".join("%s until %d" % (serial[:8], end) for serial, end in pairs) or "nothing"


def check_gaps(evidence):
    """No certificate was past its end while it was current."""
    for name, sights in evidence.sights.current.items():
        for old, new in zip(sights, sights[1:]):
            if new.time > old.not_after + 1:
                yield "%s: expired at %d, replaced at %.1f" % (name, old.not_after, new.time)
    told = [event.subject for event in evidence.history if event.kind == "expired"]
    found = sorted({name for name, _ in evidence.sights.expired})
    if sorted(set(told)) != found:
        yield "expired: the watcher found %s, the history tells %s" % (found or "none", told or "none")
    for when, name, error in evidence.sights.missing:
        if when > evidence.get_begin() + SLACK_S:
            yield "%s: not to be read at %.1f: %s" % (name, when, error)


def check_client(evidence, served):
    """What nginx showed is what the history says it was given, in that order and at that time."""
    good = [connection for connection in evidence.connections if connection.error is None]
    order = list(dict.fromkeys(connection.serial for connection in good))
    files = {leaf.serial: leaf.not_after for leaf in evidence.generations[served]}
    if order != list(files):
        yield "the client met %d certificates of %s in the order %s, the files hold %d" % (len(order), served, order, len(files))
    for connection in good:
        if files.get(connection.serial) != connection.not_after:
            yield "the client met serial %s until %d, which the files do not hold" % (connection.serial, connection.not_after)
            break
    delivered = evidence.select(served, "delivered")
    if len(delivered) != len(files):
        yield "%s: %d generations, but the history tells of %d deliveries" % (served, len(files), len(delivered))
    for made, event, serial in zip(evidence.select(served, "renewed"), delivered[1:], list(files)[1:]):
        first = next((connection.time for connection in good if connection.serial == serial), None)
        if first is not None and not made.time - SLACK_S <= first <= event.time + SLACK_S:
            yield "%s: renewed at %d, delivered at %d, the client met it first at %.1f" % (served, made.time, event.time, first)
    times = [connection.time for connection in evidence.connections]
    longest = max((b - a for a, b in zip(times, times[1:])), default=float("inf"))
    if longest > SILENCE_S:
        yield "the client was silent for %.1f s" % longest


def check_outage(evidence):
    """It was felt, nothing was issued in it, and who was hit has a newer certificate now."""
    begin, end = evidence.outage
    tries = [event for event in evidence.history if event.kind in ATTEMPTS and event.subject_kind == "certificate"]
    if not any(begin <= event.time <= end for event in tries):
        yield "nobody needed the CA during the outage"
    for event in evidence.history:
        if event.kind in FAILURES and not begin - SLACK_S <= event.time <= end + SLACK_S:
            yield "%s at %d, outside of the outage: %s" % (event.kind, event.time, event.message)
    for name in evidence.names:
        made = [sight.time for sight in evidence.sights.current.get(name, [])]
        hit = [event.time for event in tries if event.subject == name]
        if any(begin + SLACK_S < when < end for when in made):
            yield "%s: renewed in the middle of the outage, without the CA's key" % name
        if hit and not any(when > end for when in made):
            yield "%s: failed in the outage and was not renewed after it" % name


def check_rest(evidence, daemon_log):
    if evidence.history[-1].number != evidence.later_history[-1].number:
        yield "the daemon was at work while its records were read"
    with open(daemon_log, encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.search(r"CRITICAL|runtime error|ERROR: .*Sanitizer", line):
                yield "the daemon's log says: " + line.strip()


def judge(evidence, served, daemon_log):
    """Returns the line with the figures, whether it is a pass, and what differs."""
    renewals = sum(len(leaves) - 1 for leaves in evidence.generations.values())
    expired = len({(name, sight.serial) for name, sight in evidence.sights.expired})
    failed = [connection for connection in evidence.connections if connection.error is not None]
    outage = list(check_outage(evidence))
    differs = [line for name in evidence.names for line in check_certificate(evidence, name)]
    differs += [*check_gaps(evidence), *check_client(evidence, served), *outage, *check_rest(evidence, daemon_log)]
    differs += ["connection at %.1f: %s" % (connection.time, connection.error) for connection in failed[:5]]
    passed = not differs and not expired
    line = "%s: %d renewals, %d expired, outage %s, %d failed connections" % (
        "PASS" if passed else "FAIL", renewals, expired, "not survived" if outage else "survived", len(failed))
    return line, passed, differs


def main(address, var, served, path):
    evidence = Evidence(address, var)
    line, passed, differs = judge(evidence, served, var + "/certloomd.log")
    report.write(path, evidence, served, line, differs)
    for text in differs:
        print("  differs: " + text)
    print("report     " + path)
    print(line)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
