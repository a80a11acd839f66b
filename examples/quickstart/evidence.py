# SPDX-License-Identifier: MIT
"""What each witness saw: the client, the watcher, the files, and the daemon's own history."""
import calendar
import os
import time
from collections import namedtuple

import bus
import leaf

Connection = namedtuple("Connection", "time serial not_after error")
Sight = namedtuple("Sight", "time serial not_after")
FAILURES = ("enroll-failed", "key-unavailable", "authority-unreachable", "policy-rejected", "delivery-failed")
# The same failure tells its certificate and, once, its authority: attempts are counted by certificate.
ATTEMPTS = ("enroll-failed", "key-unavailable")


def parse_time(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def read_connections(path):
    connections = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            when, outcome, rest = (line.rstrip("\n") + " ").split(" ", 2)
            if outcome == "ok":
                serial, not_after = rest.split()
                connections.append(Connection(float(when), serial, int(not_after), None))
            else:
                connections.append(Connection(float(when), None, None, rest.strip()))
    return connections


class Sights:
    """The watcher's log: which certificate was current since when, and what it found wrong."""

    def __init__(self, path):
        self.current, self.expired, self.missing = {}, [], []
        with open(path, encoding="utf-8") as file:
            for line in file:
                when, name, what, rest = line.rstrip("\n").split(" ", 3)
                if what == "missing":
                    self.missing.append((float(when), name, rest))
                    continue
                serial, not_after = rest.split()
                sight = Sight(float(when), serial, int(not_after))
                if what == "now":
                    self.current.setdefault(name, []).append(sight)
                else:
                    self.expired.append((name, sight))


def read_generations(state):
    """By certificate, the generations on disk, oldest first."""
    generations = {}
    top = os.path.join(state, "certificates")
    for name in sorted(os.listdir(top)):
        folder = os.path.join(top, name, "gen")
        generations[name] = [leaf.from_file(os.path.join(folder, number, "cert.pem")) for number in sorted(os.listdir(folder))]
    return generations


class Evidence:
    def __init__(self, address, var):
        self.history = bus.load_history(address)
        self.rows = bus.list_certificates(address)
        self.generations = read_generations(os.path.join(var, "state"))
        self.later_history = bus.load_history(address)
        self.connections = read_connections(os.path.join(var, "client.log"))
        self.sights = Sights(os.path.join(var, "watcher.log"))
        with open(os.path.join(var, "outage"), encoding="ascii") as file:
            self.outage = [float(word) for word in file.read().split()]
        self.names = sorted(self.generations)

    def select(self, name, *kinds):
        return [event for event in self.history if event.subject == name and event.subject_kind == "certificate" and event.kind in kinds]

    def get_begin(self):
        return min(sights[0].time for sights in self.sights.current.values())

    def get_end(self):
        return max(connection.time for connection in self.connections)
