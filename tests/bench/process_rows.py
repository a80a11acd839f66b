# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process: its start, its memory, its sleep, and how often it makes the disk sync."""

import collections
import re
import subprocess
import time

import bus_rows
import loom
from table import Goal, Row

SYNCS = "fsync,fdatasync,sync_file_range,syncfs,msync,sync"
# certmonger 0.79.17, start until its name is owned, 50 to 400 tracked: 2.8, 6.2, 17, 47 s.
GROWTH = 1.35
POOL = 18   # seconds, more than GLib keeps an idle thread


def settle(pid, quiet=0.5):
    """Waits until it has not run for so many seconds; what it does after its start is over then. Returns its memory in KiB."""
    seen, since = loom.switches(pid), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(0.05)
        now = loom.switches(pid)
        if now != seen:
            seen, since = now, time.monotonic()
    return loom.memory(pid)


def start_with(rig, daemon, results, count):
    seconds = daemon.start()
    results["start", count].append(seconds)
    results["memory", count].append(settle(daemon.pid)["Private_Dirty"])
    daemon.stop()


def measure_starts(rig, results, counts):
    with rig.room():
        daemons = {count: bus_rows.prepare(rig, f"n{count}", count) for count in counts}
        for daemon in daemons.values():
            daemon.stop()
        peer = bus_rows.prepare_peer(rig)
        if peer:
            results["peer memory", 1].append(loom.memory(peer.pid)["Private_Dirty"])
            peer.stop()
            peer.fill(rig.peer_entries)
        for _ in range(2 if rig.short else rig.pairs):
            if peer:
                results["peer start"].append(peer.start())
                peer.wait_idle()
                results["peer memory"].append(loom.memory(peer.pid)["Private_Dirty"])
                peer.stop()
            for count, daemon in daemons.items():
                start_with(rig, daemon, results, count)


def start_and_memory(rig):
    """Rows 4 and 7."""
    most = 10_000 if rig.short else 100_000
    counts = (0, 1_000, most)
    results = collections.defaultdict(list)
    measure_starts(rig, results, counts)
    missing = "" if results["peer start"] else bus_rows.MISSING
    entries = rig.peer_entries
    scale = (1_000 / entries) ** GROWTH
    base = sum(results["memory", 0]) / len(results["memory", 0])
    peer_base = sum(results["peer memory", 1]) / max(1, len(results["peer memory", 1]))
    own = [max(0, value - base) * 1024 / most for value in results["memory", most]]
    other = [(value - peer_base) * 1024 / (entries - 1) for value in results["peer memory"]]
    return [
        Row("4", "start to name owned, 1,000 managed", "s", results["start", 1_000], results["peer start"], Goal(1000), missing=missing, scale=scale,
            note=f"certmonger measured with {entries} tracked, times (1000/{entries})^{GROWTH} = {scale:.1f}: between 50 and 400 its start grows so; "
                 "run once with 1,000 it took 629 s on a busy machine"),
        Row("4", f"start to name owned, {most:,} managed", "s", results["start", most], reach=Goal(most=0.5, text="<= 0.5 s"),
            moonshot=Goal(most=0.1, text="<= 0.1 s"), note="no peer gets there"),
        Row("7", f"memory of each of {most:,} managed", "B", own, other, Goal(most=100, text="<= 100 B"), Goal(most=5, text="~0 (<= 5 B)"), missing=missing,
            note="private dirty, after the start has settled, above that with none"),
    ]


# Empty

def measure_floor(rig):
    with subprocess.Popen([rig.program("floor")], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        values = loom.memory(process.pid)
        process.kill()
    return values


def measure_empty(rig, name, files):
    with rig.room():
        bus = rig.keep(loom.MessageBus(rig.path(f"{name}.bus")))
        daemon = rig.keep(loom.Loom(rig.path(name), rig.build, rig.plugins, bus, files))
        daemon.start()
        return settle(daemon.pid)


def measure_empty_peer(rig):
    with rig.room():
        peer = rig.keep(bus_rows.Certmonger(rig.path("certmonger")))
        peer.start()
        peer.wait_idle()
        return loom.memory(peer.pid)


def empty(rig):
    """Rows 8."""
    bare = {"certloom.conf": loom.FILES["certloom.conf"]}
    results = collections.defaultdict(list)
    for _ in range(2 if rig.short else rig.pairs):
        results["floor"].append(measure_floor(rig))
        if rig.has_certmonger:
            results["peer"].append(measure_empty_peer(rig))
        results["bare"].append(measure_empty(rig, "bare", bare))
        results["ca"].append(measure_empty(rig, "ca", None))
    missing = "" if results["peer"] else bus_rows.MISSING
    rows = []
    for field, word, reach in (("Rss", "resident", 6), ("Private_Dirty", "private dirty", 0.8)):
        take = {what: [values[field] / 1024 for values in samples] for what, samples in results.items()}
        floor = sorted(take["floor"])[len(take["floor"]) // 2] * 1.3
        moonshot = Goal(most=floor, text=f"<= {floor:.2f} MiB")
        rows.append(Row("8", f"empty daemon, {word}", "MiB", take["bare"], take.get("peer", ()), Goal(most=reach, text=f"<= {reach} MiB"), moonshot, missing=missing,
                        note="nothing configured; the moonshot is 1.3 times a process that has GLib's bus types and a main loop. certmonger runs its CAs as other processes"))
        rows.append(Row("8", f"with ca-local and key-file, {word}", "MiB", take["ca"], take.get("peer", ()), missing=missing,
                        note="a CA in the same process, which has made its key and certificate"))
    return rows


# Asleep

def idle(rig):
    """Rows 9."""
    seconds, most = (10, 10_000) if rig.short else (60, 100_000)
    with rig.room():
        daemons = {count: bus_rows.prepare(rig, f"n{count}", count) for count in (1_000, most)}
        for daemon in daemons.values():
            settle(daemon.pid, POOL)
        before = {count: (loom.switches(d.pid), loom.ticks(d.pid)) for count, d in daemons.items()}
        time.sleep(seconds)
        after = {count: (loom.switches(d.pid), loom.ticks(d.pid)) for count, d in daemons.items()}
    zero = Goal(most=0, text="0")
    note = f"once it has slept for {POOL} s: 15 s after its last work a thread of GLib's pool ends, once. certmonger does not wake up either: parity"
    rows = []
    for count in daemons:
        rows.append(Row("9", f"context switches in {seconds} s, {count:,} managed", "", [loom.count_switches(before[count][0], after[count][0])], reach=zero, note=note))
        rows.append(Row("9", f"CPU ticks in {seconds} s, {count:,} managed", "", [after[count][1] - before[count][1]], reach=zero, note=note))
    return rows


# Syncs

def count_syncs(rig, pid, work):
    """How many system calls of that kind were made by the process during work()."""
    path = rig.path("syncs")
    tracer = subprocess.Popen(["strace", "-f", "-e", f"trace={SYNCS}", "-o", path, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    if "attached" not in tracer.stderr.readline():
        raise loom.Failure("strace does not attach")
    try:
        work()
        settle(pid)
    finally:
        tracer.terminate()
        tracer.wait()
        tracer.stderr.close()
    with open(path, encoding="utf-8") as file:
        return sum(1 for line in file if re.match(r"\d+ +\w*sync\w*\(", line))


def syncs(rig):
    """Rows 13."""
    batch = 64
    with rig.room():
        daemon = bus_rows.prepare(rig, "empty", 0)
        client = rig.keep(loom.Client(daemon.bus))
        names = [f"m{i}" for i in range(batch)]
        client.issue(names)
        settle(daemon.pid)
        alone = [count_syncs(rig, daemon.pid, lambda: client.renew(["first"])) for _ in range(1 if rig.short else 3)]
        together = [count_syncs(rig, daemon.pid, lambda: client.renew(names)) / batch for _ in range(1 if rig.short else 3)]
        asked = [count_syncs(rig, daemon.pid, lambda: client.issue([f"q{i}" for i in range(batch)])) / batch]
    note = f"all of {SYNCS.replace(',', ', ')} in the daemon: intents, keys, ledger, files, record. certmonger makes none"
    return [
        Row("13", "syncs of a renewal alone", "", alone, reach=Goal(most=12, text="<= 12"), note=note),
        Row("13", f"syncs of each in a renewal of {batch}", "", together, reach=Goal(most=2, text="<= 2"), moonshot=Goal(most=1, text="<= 1"), note=note),
        Row("13", f"syncs of each of {batch} first issues at once", "", asked, note=note),
    ]
