# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is asked over the bus: issuing and listing."""

import json
import subprocess

import loom
from certmonger import Certmonger
from table import Goal, Row

NO_SYNC = "certmonger syncs nothing; certloom's key, certificate, ledger and record are durable when the job completes"
MISSING = "peer not installed"


def prepare(rig, name, count):
    """A daemon that manages `count` and one, just started."""
    bus = loom.MessageBus(rig.path(f"{name}.bus"))
    rig.keep(bus)
    daemon = loom.Loom(rig.path(name), rig.build, rig.plugins, bus)
    rig.keep(daemon)
    daemon.start()
    with loom.Client(bus) as client:
        client.issue(["first"])
    daemon.stop()
    if count:
        daemon.fill(count)
    daemon.start()
    return daemon


def prepare_peer(rig, name="certmonger"):
    if not rig.has_certmonger:
        return None
    peer = Certmonger(rig.path(name))
    rig.keep(peer)
    peer.start()
    peer.request()
    peer.wait_idle()
    return peer


# Issuing

def issue_one(rig):
    """Rows 1: a call to its job's end, and a command; with none and with many managed."""
    many = 1_000 if rig.short else 10_000
    samples = {"bus": [], "many": [], "command": [], "peer": []}
    with rig.room():
        peer = prepare_peer(rig)
        empty, full = prepare(rig, "empty", 0), prepare(rig, "full", many)
        clients = [rig.keep(loom.Client(daemon.bus)) for daemon in (empty, full)]
        for client in clients:
            client.issue(["warm"])
        for i in range(3 if rig.short else max(10, rig.pairs)):
            if peer:
                samples["peer"].append(peer.request() * 1e3)
            for client, what in zip(clients, ("bus", "many")):
                samples[what] += [client.issue([f"a{i}-{j}"]) * 1e3 for j in range(5)]
            samples["command"].append(empty.run("request", f"b{i}", f"--dns=b{i}.plant.example", "--ca=plant") * 1e3)
    missing = "" if samples["peer"] else MISSING
    return [
        Row("1", "issue one, bus call to job completed", "ms", samples["bus"], samples["peer"], Goal(50), Goal(130), missing=missing,
            note=f"P-256, key in a file, private CA. The peer is `getcert request -w`, which asks every 125 ms whether it is done. {NO_SYNC}"),
        Row("1", "issue one, certloom request", "ms", samples["command"], samples["peer"], Goal(50), Goal(most=7, text="<= 7 ms"), missing=missing,
            note="the command waits for the end, as the peer's does"),
        Row("1", f"issue one, {many:,} managed, as against none", "ms", samples["many"], samples["bus"],
            Goal(ratio=1 / 1.1, text="<= 1.1x"), note="the peer's figures are certloom's own with none managed; ratio: how many times faster"),
    ]


def issue_many(rig):
    """Rows 2."""
    count, peer_count = (30, 3) if rig.short else (100, 10)
    samples = {"row": [], "at once": [], "peer": []}
    with rig.room():
        peer = prepare_peer(rig)
        daemon = prepare(rig, "empty", 0)
        client = rig.keep(loom.Client(daemon.bus))
        client.issue(["warm"])
        for i in range(2 if rig.short else rig.pairs):
            if peer:
                samples["peer"].append(peer_count / peer.request_many(peer_count))
            samples["row"].append(count / sum(client.issue([f"r{i}-{j}"]) for j in range(count)))
            samples["at once"].append(count / client.issue([f"p{i}-{j}" for j in range(count)]))
    missing = "" if samples["peer"] else MISSING
    note = f"the peer is asked for {peer_count} a time, one call after the other, until all are issued; with 30 it was 0.55 a second, with 100 0.49. {NO_SYNC}"
    return [
        Row("2", f"{count} in a row", "1/s", samples["row"], samples["peer"], Goal(200), less=False, missing=missing, note=note),
        Row("2", f"{count} asked for at once", "1/s", samples["at once"], samples["peer"], Goal(200), Goal(1000), less=False, missing=missing,
            note=f"{loom.WINDOW} calls wait for an answer, at most; the jobs run on. {note}"),
    ]


# Listing

def list_from_command(rig):
    """Rows 3."""
    count, peer_count = 1_000, rig.peer_entries
    samples = {"json": [], "plain": [], "peer": []}
    with rig.room():
        peer = prepare_peer(rig)
        if peer:
            peer.stop()
            peer.fill(peer_count)
            peer.start()
            peer.wait_idle()
        daemon = prepare(rig, "full", count)
        for _ in range(rig.pairs):
            if peer:
                samples["peer"].append(peer.list())
            samples["json"].append(daemon.run("--json", "status"))
            samples["plain"].append(daemon.run("status"))
    missing = "" if samples["peer"] else MISSING
    scale = count / peer_count
    note = f"`getcert list`, measured with {peer_count} tracked, times {scale:g}: it costs the same for each"
    return [Row("3", f"certloom {words}, {count:,} managed", "s", samples[what], samples["peer"], Goal(100), Goal(300), missing=missing, scale=scale, note=note)
            for what, words in (("json", "--json status"), ("plain", "status"))]


def run_lister(rig, address, *words):
    done = subprocess.run([rig.program("lister"), address, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise loom.Failure(f"lister {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Objects:
    """The peer of a list: a GDBusObjectManagerServer."""

    def __init__(self, rig, bus, count):
        self.process = subprocess.Popen([rig.program("objects"), bus.address, str(count)], stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise loom.Failure("objects does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def get_objects_floor(rig, bus):
    with Objects(rig, bus, 0) as nothing:
        return loom.memory(nothing.process.pid)["Private_Dirty"]


LISTS = {"export": ("export",), "changes": ("changes", "1000"), "pages": ("pages",)}


def left_by(rig, daemon, *words):
    """MiB of private memory that a daemon holds after a list and did not before."""
    before = loom.memory(daemon.pid)["Private_Dirty"]
    run_lister(rig, daemon.bus.address, *words)
    return (loom.memory(daemon.pid)["Private_Dirty"] - before) / 1024


def list_over_bus(rig):
    """Rows 5 and 6."""
    count = 10_000 if rig.short else 100_000
    changed = 1_000
    samples = {what: [] for what in ("pages", "managed", "since", "changes", "export")}
    with rig.room():
        daemon, none = prepare(rig, "full", count), prepare(rig, "empty", 0)
        bus = rig.keep(loom.MessageBus(rig.path("objects.bus")))
        floor = get_objects_floor(rig, bus)
        objects = rig.keep(Objects(rig, bus, count))
        base = loom.memory(none.pid)["Private_Dirty"]
        small = prepare(rig, "small", 1_000)
        left = {what: left_by(rig, daemon, *words) - left_by(rig, small, *words) for what, words in LISTS.items()}
        for _ in range(rig.pairs):
            samples["managed"].append(run_lister(rig, bus.address, "managed")["seconds"])
            samples["pages"].append(run_lister(rig, daemon.bus.address, "pages")["seconds"])
            samples["since"].append(run_lister(rig, daemon.bus.address, "since")["seconds"])
            samples["changes"].append(run_lister(rig, daemon.bus.address, *LISTS["changes"])["seconds"])
            samples["export"].append(run_lister(rig, daemon.bus.address, "export")["seconds"])
        own = (loom.memory(daemon.pid)["Private_Dirty"] - base) / 1024
        other = (loom.memory(objects.process.pid)["Private_Dirty"] - floor) / 1024
    note = (f"the peer is a GDBusObjectManagerServer with a skeleton of the same {count:,} rows, asked for GetManagedObjects; both read by a C client. "
            "The bus takes longer messages here than the usual 32 MiB, else the answer for 100,000 would not arrive")
    flat = "more than the same leaves in a daemon that manages 1,000: flat"
    return [
        Row("5", f"list {count:,}, page by page", "s", samples["pages"], samples["managed"], Goal(10), note=note),
        Row("5", f"memory for {count:,} and their lists", "MiB", [own], [other], None if rig.short else Goal(100),
            note="private dirty after all lists of this run, above that with none managed"),
        Row("6", f"Export of {count:,}", "s", samples["export"], samples["managed"], Goal(most=0.3, text="<= 0.3 s"), Goal(most=0.1, text="<= 0.1 s"), note=note),
        Row("6", f"ListSince, {changed:,} of {count:,} changed", "s", samples["changes"], samples["managed"], Goal(most=0.3, text="<= 0.3 s"),
            Goal(most=0.1, text="<= 0.1 s"), note="the peer has no way to ask for what changed"),
        Row("6", f"ListSince, all of {count:,}", "s", samples["since"], samples["managed"], note="what a caller pays that knows nothing yet"),
        Row("6", f"memory left by Export of {count:,}", "MiB", [left["export"]], reach=Goal(most=1, text="<= 1 MiB"), note=flat),
        Row("6", "memory left by ListSince", "MiB", [left["changes"]], reach=Goal(most=1, text="<= 1 MiB"), note=flat),
    ]
