# SPDX-License-Identifier: LGPL-2.1-or-later
"""The quick start's verdict can say FAIL: a run that is well passes, and each thing that may go wrong in it is found."""
import os
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(top, "examples", "quickstart"))

import bus
import leaf
import report
import verdict
from evidence import Connection, Evidence, Sight

BEGIN = 1_800_000_000
LIFETIMES = {"mqtt": 120, "web": 90}


def tell(world, when, kind, name, **fields):
    world.history.append(bus.Event(len(world.history) + 1, when, kind, "notice", "certificate", name, kind, fields))


def publish(world, when, name, serial):
    """One generation, as files, watcher and history tell of it."""
    end = when + LIFETIMES[name]
    first = name not in world.generations
    world.generations.setdefault(name, []).append(leaf.Leaf(serial, when, end))
    world.sights.current.setdefault(name, []).append(Sight(when + 0.1, serial, end))
    tell(world, when, "issued" if first else "renewed", name, serial=serial, generation=str(len(world.generations[name])),
         not_after=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    if name == "web":
        tell(world, when, "delivered", name)


def make_world():
    """A run that is well: web fails twice in the outage from 40 to 60, mqtt is not touched by it."""
    world = Evidence.__new__(Evidence)
    world.history, world.connections, world.generations, world.outage = [], [], {}, [BEGIN + 40, BEGIN + 60]
    world.sights = SimpleNamespace(current={}, expired=[], missing=[])
    publish(world, BEGIN, "web", "a1")
    publish(world, BEGIN, "mqtt", "b1")
    tell(world, BEGIN + 45, "key-unavailable", "web")
    tell(world, BEGIN + 52, "key-unavailable", "web")
    publish(world, BEGIN + 61, "web", "a2")
    publish(world, BEGIN + 65, "mqtt", "b2")
    world.later_history = list(world.history)
    world.names = sorted(world.generations)
    for second in range(1, 120):
        shown = world.generations["web"][second > 61]
        world.connections.append(Connection(BEGIN + second + 0.2, shown.serial, shown.not_after, None))
    return world


def replace(rows, index, **changes):
    rows[index] = rows[index]._replace(**changes)


def find_event(world, kind, name):
    return next(i for i, event in enumerate(world.history) if event.kind == kind and event.subject == name)


# What goes wrong → how, and a word of what is said then.
FAULTS = {
    "failed-connection": (lambda w: replace(w.connections, 30, serial=None, error="refused"), "refused"),
    "silent-client": (lambda w: w.connections.__delitem__(slice(30, 40)), "silent"),
    "strange-certificate-served": (lambda w: replace(w.connections, 30, serial="ff"), "the client met"),
    "other-end-served": (lambda w: replace(w.connections, 30, not_after=1), "until 1"),
    "old-one-served-for-long": (lambda w: [replace(w.connections, i, serial="a1", not_after=BEGIN + 90) for i in range(60, 75)], "met it first"),
    "never-reloaded": (lambda w: [replace(w.connections, i, serial="a1", not_after=BEGIN + 90) for i in range(119)], "the client met 1"),
    "expired-in-use": (lambda w: w.sights.expired.append(("mqtt", w.sights.current["mqtt"][0])), "expired"),
    "replaced-too-late": (lambda w: replace(w.sights.current["web"], 1, time=BEGIN + 95), "expired at"),
    "vanished": (lambda w: w.sights.missing.append((BEGIN + 30, "web", "gone")), "not to be read"),
    "history-tells-expired": (lambda w: tell(w, BEGIN + 50, "expired", "web"), "expired"),
    "history-lacks-a-renewal": (lambda w: w.history.pop(find_event(w, "renewed", "mqtt")), "the history tells"),
    "history-tells-another-serial": (lambda w: w.history[find_event(w, "renewed", "mqtt")].fields.update(serial="cc"), "the history tells"),
    "history-tells-another-end": (lambda w: w.history[find_event(w, "renewed", "mqtt")].fields.update(not_after="2030-01-01T00:00:00Z"), "the history tells"),
    "history-lacks-a-delivery": (lambda w: w.history.pop(find_event(w, "delivered", "web")), "deliveries"),
    "delivery-failed": (lambda w: tell(w, BEGIN + 50, "delivery-failed", "web"), "delivery-failed"),
    "generation-on-disk-too-many": (lambda w: w.generations["mqtt"].append(leaf.Leaf("dd", 0, 1)), "the files hold"),
    "watcher-saw-less": (lambda w: w.sights.current["mqtt"].pop(), "the watcher saw"),
    "never-renewed": (lambda w: [w.generations["mqtt"].pop(), w.sights.current["mqtt"].pop(), w.history.pop(find_event(w, "renewed", "mqtt"))],
                      "never renewed"),
    "outage-not-felt": (lambda w: [w.history.pop(find_event(w, "key-unavailable", "web")) for _ in range(2)], "nobody needed"),
    "failure-outside-of-the-outage": (lambda w: tell(w, BEGIN + 100, "enroll-failed", "mqtt"), "outside of the outage"),
    "renewed-in-the-outage": (lambda w: replace(w.sights.current["mqtt"], 1, time=BEGIN + 50), "in the middle"),
    "not-renewed-after-the-outage": (lambda w: tell(w, BEGIN + 59, "enroll-failed", "mqtt") or replace(w.sights.current["mqtt"], 1, time=BEGIN + 39),
                                     "not renewed after"),
    "records-moved": (lambda w: w.later_history.append(w.history[0]), "at work"),
}


def judge(world):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as log:
        return verdict.judge(world, "web", log.name)


def healthy_run_passes():
    line, passed, differs = judge(make_world())
    assert passed, differs
    assert line == "PASS: 2 renewals, 0 expired, outage survived, 0 failed connections", line


def each_fault_fails():
    for name, (harm, word) in FAULTS.items():
        world = make_world()
        harm(world)
        line, passed, differs = judge(world)
        assert not passed and line.startswith("FAIL: "), name
        assert any(word in text for text in differs), (name, differs)


def critical_log_line_fails():
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as log:
        log.write("(certloomd:1): GLib-CRITICAL **: assertion failed\n")
        log.flush()
        assert not verdict.judge(make_world(), "web", log.name)[1]


def leaf_reads_as_openssl_does():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "20000", "-subj", "/CN=x",
                        "-set_serial", "0x7f00112233", "-keyout", os.devnull, "-out", path], check=True, stderr=subprocess.DEVNULL)
        shown = leaf.from_file(path)
        assert shown.serial == "7f00112233", shown
        assert shown.not_after - shown.not_before == 20000 * 86400, shown    # beyond 2050: GeneralizedTime
        assert abs(shown.not_before - time.time()) < 60, shown


def answers_of_gdbus_are_read():
    text = """([(uint64 12, int64 -5, 'it\\'s "uint64 7" true', "a'b", objectpath '/x', true, @a{ss} {}, {'k': 'v'})], '')"""
    assert bus.parse(text) == ([(12, -5, 'it\'s "uint64 7" true', "a'b", "/x", True, {}, {"k": "v"})], "")


def report_is_whole_and_alone():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.html")
        report.write(path, make_world(), "web", "FAIL: <x>", ["a < b"])
        with open(path, encoding="utf-8") as file:
            page = file.read()
        assert "FAIL: &lt;x&gt;" in page and "a &lt; b" in page and page.rstrip().endswith("</html>")
        assert page.count('class="held"') == 2 and page.count('class="held2"') == 2 and page.count('<g class="bad">') == 2, page
        for word in ("http:", "https:", "src=", "url(", "@import", "<script"):
            assert word not in page, word


CASES = [healthy_run_passes, each_fault_fails, critical_log_line_fails, leaf_reads_as_openssl_does, answers_of_gdbus_are_read, report_is_whole_and_alone]
failures = 0
print("1..%d" % len(CASES))
for number, case in enumerate(CASES, 1):
    try:
        case()
        print("ok %d /quickstart/%s" % (number, case.__name__.replace("_", "-")))
    except Exception as error:
        failures += 1
        print("# %s: %s" % (type(error).__name__, error))
        print("not ok %d /quickstart/%s" % (number, case.__name__.replace("_", "-")))
sys.exit(failures > 0)
