# SPDX-License-Identifier: LGPL-2.1-or-later
"""A place to run certloomd in: configuration, state, a consumer's directory, a message bus of its own."""

import os
import shutil
import signal
import subprocess
import time

import judge
import wire

NAME = "org.certloom.Certloom1"
ROOT = "/org/certloom/Certloom1"
PROPERTIES = "org.freedesktop.DBus.Properties"
LONG_AGO = 1_000_000_000

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={0}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""

CERTIFICATE = """[Certificate]
Subject=CN={0}
DNS={1}
Usages=server
Authority=plant
Profile=server
Validity=30d
KeepGenerations=2
{2}"""

DELIVERY = """[Delivery]
For=*
Certificate={0}/target/cert.pem
Key={0}/target/key.pem
Combined={0}/target/combined.pem
Owner={1}
Group={2}
[Action]
Command=/bin/true
Timeout=5s
"""


class Failure(Exception):
    """The rig itself cannot go on."""


class Tools:
    """What is tested, and with what."""

    def __init__(self, build, plugins):
        self.daemon = f"{build}/bus/certloomd"
        self.deliver = f"{build}/core/delivery/certloom-deliver"
        self.inject = f"{build}/tests/faults/inject"
        self.plugins = plugins


class Place:
    def __init__(self, directory, tools):
        self.directory = directory
        self.tools = tools
        self.process = None
        self.traced = False
        self.bus_process = None
        self.state = judge.State(f"{directory}/state")
        os.makedirs(directory, exist_ok=True)
        self.start_bus()

    def path(self, name):
        return f"{self.directory}/{name}"

    # The bus

    def start_bus(self):
        with open(self.path("bus.conf"), "w", encoding="utf-8") as file:
            file.write(BUS.format(self.path("bus")))
        self.bus_process = subprocess.Popen(["dbus-daemon", f"--config-file={self.path('bus.conf')}", "--nofork", "--print-address"],
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self.bus_process.stdout.readline():
            raise Failure("dbus-daemon does not start")

    def close(self):
        self.kill()
        if self.bus_process:
            self.bus_process.terminate()
            self.bus_process.wait()
            self.bus_process.stdout.close()

    def connect(self):
        return wire.Bus(self.path("bus"))

    # Configuration

    def write(self, name, text):
        path = self.path(f"root/etc/certloom/{name}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def write_certificate(self, name, dns=None, more=""):
        self.write(f"certificates.d/{name}.certificate", CERTIFICATE.format(name, dns or f"{name}.plant.example", more))

    def write_delivery(self):
        self.write("deliveries.d/consumer.delivery", DELIVERY.format(self.directory, os.geteuid(), os.getegid()))

    def remove_file(self, name):
        os.unlink(self.path(f"root/etc/certloom/{name}"))

    def configure(self, names=("a", "b", "c")):
        self.write("certloom.conf", "[Daemon]\nClock=rtc\n")
        self.write("keystores.d/file.keystore", "[KeyStore]\nPlugin=key-file\n")
        self.write("authorities.d/plant.authority", "[Authority]\nPlugin=ca-local\nSubject=CN=Plant Root\n")
        self.write_delivery()
        for name in names:
            self.write_certificate(name, more="[Delivery]\nDeliver=consumer\n" if name == "a" else "")
        os.makedirs(self.path("target"), exist_ok=True)
        os.makedirs(self.path("root/run"), exist_ok=True)

    def reset(self, template=None):
        """Everything as it was in the template, or nothing."""
        for name in ("state", "root", "target"):
            shutil.rmtree(self.path(name), ignore_errors=True)
            if template and os.path.isdir(f"{template}/{name}"):
                shutil.copytree(f"{template}/{name}", self.path(name), symlinks=True)
        if template:
            self.write_delivery()

    def age(self):
        """All generations but the current ones were retired long ago, so that the next rotation removes them."""
        for name in self.state.names():
            for number in self.state.generations(name):
                path = f"{self.state.directory(name, number)}/retired"
                if os.path.exists(path):
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(f"{LONG_AGO}\n")

    # The daemon

    def command(self):
        return [self.tools.daemon, "--config-root", self.path("root"), "--state-dir", self.path("state"), "--plugin-dir", self.tools.plugins,
                f"--address=unix:path={self.path('bus')}", "--deliver-program", self.tools.deliver]

    def start(self, injection=None, trees=("state", "target", "root/run")):
        """injection: arguments for inject, or None to run it alone. trees: that it watches."""
        command = self.command()
        self.traced = injection is not None
        if self.traced:
            trees = [a for name in trees for a in ("--tree", self.path(name))]
            command = [self.tools.inject, *trees, "--log", self.path("calls"), *injection, "--", *command]
        environment = dict(os.environ, G_MESSAGES_DEBUG="", G_DEBUG="")
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.directory)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, bus, timeout=15):
        """Whether it owns its name. False: it has ended."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if bus.has_owner(NAME):
                return True
            if not self.is_running():
                return False
            time.sleep(0.003)
        raise Failure("certloomd neither ended nor got its name")

    def wait_no_owner(self, bus, timeout=5):
        end = time.monotonic() + timeout
        while bus.has_owner(NAME):
            if time.monotonic() > end:
                raise Failure("the bus name is still owned")
            time.sleep(0.003)

    def stop(self, timeout=15):
        """Its exit status: as Popen's, with 128 + signal for one under inject; None: it did not end, and was killed."""
        if self.process is None:
            return 0
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def calls(self):
        """Lines of the injection log."""
        try:
            with open(self.path("calls"), encoding="utf-8", errors="replace") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def count_calls(self):
        for line in reversed(self.calls()):
            if line[:1].isdigit():
                return int(line.split(" ", 1)[0])
        return 0

    def take_log(self):
        """What the daemon said since it was asked last."""
        try:
            with open(self.path("log"), encoding="utf-8", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            return ""
        with open(self.path("log"), "w", encoding="utf-8"):
            pass
        return text


# Calls

def escape(name):
    return "".join(c if c.isalnum() and not (i == 0 and c.isdigit()) else f"_{ord(c):02x}" for i, c in enumerate(name))


def manager(bus, method, signature="", *arguments, timeout=10):
    return bus.call(NAME, ROOT, f"{NAME}.Manager", method, signature, *arguments, timeout=timeout)


def certificate(bus, name, method, signature="", *arguments, timeout=10):
    return bus.call(NAME, f"{ROOT}/certificate/{escape(name)}", f"{NAME}.Certificate", method, signature, *arguments, timeout=timeout)


def rows(bus):
    """Certificates by name."""
    listed, _ = manager(bus, "ListCertificates", "a{sv}sua{sv}", {}, "", 1000, {})
    keys = ("path", "name", "state", "delivery", "authority", "store", "not_before", "not_after", "action", "time", "attempts", "message")
    return {row[1]: dict(zip(keys, row)) for row in listed}


def wait_job(bus, path, timeout=15):
    """Error name and message of a job; ("", "") where it succeeded."""
    end = time.monotonic() + timeout
    while True:
        values = bus.call(NAME, path, PROPERTIES, "GetAll", "s", f"{NAME}.Job")[0]
        if values["State"] != "running":
            return (values["Error"], values["Message"])
        if time.monotonic() > end:
            return ("timeout", f"the job is still running, at {values['Stage']}")
        time.sleep(0.004)


def renew(bus, names, timeout=15):
    job, = manager(bus, "Renew", "asa{sv}", list(names), {})
    return wait_job(bus, job, timeout)


def is_settled(row, now):
    """Nothing is left to be done for it now."""
    if row["delivery"] not in ("none", "delivered"):
        return False
    if row["action"] not in ("none", "renew") or (row["action"] == "renew" and row["time"] <= now):
        return False
    return row["state"] in ("ready", "held", "revoked", "waiting")


def is_put_off(row, now):
    """It failed, and is tried again later."""
    return row["action"] != "none" and row["time"] > now + 1


def wait_settled(bus, timeout):
    """Names of what has not come to rest; at once where all of that waits for another time."""
    end = time.monotonic() + timeout
    while True:
        now = time.time()
        rest = {n: r for n, r in rows(bus).items() if not is_settled(r, now)}
        if not rest or time.monotonic() > end or all(is_put_off(r, now) for r in rest.values()):
            return rest
        time.sleep(0.006)
