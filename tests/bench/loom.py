# SPDX-License-Identifier: LGPL-2.1-or-later
"""certloomd on a bus of its own: configured, filled, started, asked and measured."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "faults"))
import wire

NAME = "org.certloom.Certloom1"
ROOT = "/org/certloom/Certloom1"
MANAGER = f"{NAME}.Manager"
JOB = f"{NAME}.Job"
FAR = 10 * 365 * 86400
WINDOW = 8   # calls without an answer yet; a daemon allows 10 (MaxPerCaller=)

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={0}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/></policy>
<limit name="max_replies_per_connection">50000</limit><limit name="max_message_size">134217728</limit>
<limit name="max_incoming_bytes">1000000000</limit><limit name="max_outgoing_bytes">1000000000</limit></busconfig>
"""

FILES = {
    "certloom.conf": "[Daemon]\nClock=rtc\n",
    "keystores.d/file.keystore": "[KeyStore]\nPlugin=key-file\n",
    "authorities.d/plant.authority": "[Authority]\nPlugin=ca-local\nKeyStore=file\nSubject=CN=Plant Root\n",
}


class Failure(Exception):
    """Something that was to be measured did not work."""


class Connection(wire.Bus):
    """One on which signals matter, too."""

    def receive(self, timeout=120):
        """The next message: kind, fields, values."""
        self.socket.settimeout(timeout)
        return self._parse(self._next_message())


class MessageBus:
    """A private dbus-daemon."""

    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.path = f"{directory}/bus"
        self.address = f"unix:path={self.path}"
        with open(f"{directory}/bus.conf", "w", encoding="utf-8") as file:
            file.write(BUS.format(self.path))
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={directory}/bus.conf", "--nofork", "--nopidfile", "--nosyslog",
                                         "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self.process.stdout.readline():
            raise Failure("dbus-daemon does not start")

    def connect(self):
        return Connection(self.path, timeout=120)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Loom:
    """One configuration and state, and the daemon on it."""

    def __init__(self, directory, build, plugins, bus, files=None):
        self.directory = directory
        self.build = build
        self.plugins = plugins
        self.bus = bus
        self.process = None
        self.command_line = f"{build}/bus/cli/certloom"
        shutil.rmtree(directory, ignore_errors=True)
        for name, text in (FILES if files is None else files).items():
            path = f"{directory}/root/etc/certloom/{name}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        os.makedirs(self.state)

    @property
    def state(self):
        return f"{self.directory}/state"

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        return [f"{self.build}/bus/certloomd", "--config-root", f"{self.directory}/root", "--state-dir", self.state,
                "--plugin-dir", self.plugins, f"--address={self.bus.address}",
                "--deliver-program", f"{self.build}/core/delivery/certloom-deliver"]

    def start(self, before=()):
        """Returns the seconds until it owned its name. before: a program to run it under."""
        with self.bus.connect() as bus, open(f"{self.directory}/log", "ab") as log:
            bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                     f"type='signal',member='NameOwnerChanged',arg0='{NAME}'")
            begun = time.perf_counter()
            self.process = subprocess.Popen([*before, *self.command()], stdout=log, stderr=log, cwd=self.directory)
            while True:
                try:
                    kind, fields, values = bus.receive()
                except wire.BusLost as error:
                    raise Failure(f"certloomd does not come up, see {self.directory}/log") from error
                if kind == 4 and fields.get(3) == "NameOwnerChanged" and values[0] == NAME and values[2]:
                    return time.perf_counter() - begun

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def run(self, *arguments):
        """Runs the certloom command, its output into a pipe. Returns the seconds it took."""
        begun = time.perf_counter()
        done = subprocess.run([self.command_line, f"--address={self.bus.address}", *arguments], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            raise Failure(f"certloom {' '.join(arguments)}: {done.stderr.strip()}")
        return seconds

    # Many of them

    def fill(self, count):
        """Rows as the daemon wrote them for its one certificate, under `count` other names; nothing is due for years."""
        db = sqlite3.connect(f"{self.state}/certloom.db")
        db.execute("PRAGMA synchronous=OFF")
        first, revision = db.execute("SELECT name, (SELECT number FROM values_of_daemon WHERE key = 'revision') FROM certificates").fetchone()
        later = int(time.time()) + FAR
        for table in ("certificates", "records", "specs", "generations"):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            row = dict(zip(columns, db.execute(f"SELECT * FROM {table} WHERE name = ?", (first,)).fetchone()))
            fresh = {"name": "name", "next_time": "later", "alarm_time": "later", "wake": "later", "not_after": "later", "revision": "revision",
                     "key_uri": "uri"}
            values = ", ".join(f":{fresh[c]}" if c in fresh else f":row_{c}" for c in columns)
            fixed = {f"row_{c}": v for c, v in row.items()}
            db.executemany(f"INSERT INTO {table} VALUES ({values})",
                           ({**fixed, "name": f"device-{i:06}", "later": later + i, "revision": revision + 1 + i,
                             "uri": f"{row.get('key_uri', '')}-{i}"} for i in range(count)))
        db.execute("UPDATE values_of_daemon SET number = ? WHERE key = 'revision'", (revision + count + 1,))
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()


class Client:
    """A connection that asks for certificates and waits for the end of its jobs."""

    def __init__(self, bus):
        self.bus = bus.connect()
        self.bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                      f"type='signal',interface='{JOB}',member='Completed'")

    def send_request(self, name):
        return self.bus.send(NAME, ROOT, MANAGER, "Request", "sssa{sv}a{sv}", name, "", "",
                             {"DNS": ("as", [f"{name}.plant.example"]), "Authority": ("s", "plant"), "KeyType": ("s", "ec:P-256")}, {})

    def issue(self, names):
        """Asks for all of them, and returns when the last job has completed, with the seconds that took. No more calls wait for an answer than WINDOW."""
        begun = time.perf_counter()
        left, calls, running, ended = list(reversed(names)), set(), set(), set()
        while left or calls or running:
            while left and len(calls) < WINDOW:
                calls.add(self.send_request(left.pop()))
            kind, fields, values = self.bus.receive()
            if kind == 3:
                raise Failure(f"{fields.get(4)}: {values[0]}")
            if kind == 2 and fields.get(5) in calls:
                calls.remove(fields[5])
                running |= {values[1]} - ended
            if kind == 4 and fields.get(3) == "Completed":
                if not values[0]:
                    raise Failure(f"{values[1]}: {values[2]}")
                ended.add(fields[1])
                running.discard(fields[1])
        return time.perf_counter() - begun

    def renew(self, names):
        job, = self.bus.call(NAME, ROOT, MANAGER, "Renew", "asa{sv}", list(names), {}, timeout=120)
        while True:
            kind, fields, values = self.bus.receive()
            if kind == 4 and fields.get(3) == "Completed" and fields[1] == job:
                if not values[0]:
                    raise Failure(f"{values[1]}: {values[2]}")
                return

    def close(self):
        self.bus.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# The process

def memory(pid):
    """KiB by kind, from smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return {line.split()[0][:-1]: int(line.split()[1]) for line in file if line.rstrip().endswith("kB")}


def switches(pid):
    """Context switches so far, by thread."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
                found[thread] = sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        except (FileNotFoundError, ProcessLookupError):
            pass   # ended meanwhile
    return found


def count_switches(before, after):
    """How many there were in between. A thread that ended in between had one at least, and took its count along."""
    return sum(count - before.get(thread, 0) for thread, count in after.items()) + len(before.keys() - after.keys())


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        values = file.read().rsplit(")", 1)[1].split()
    return int(values[11]) + int(values[12])
