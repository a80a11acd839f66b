# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer: certmonger, with state, lock file and message bus of its own. It never calls fsync."""

import os
import re
import shutil
import subprocess
import time

import loom

DAEMON = "/usr/sbin/certmonger"
NAME = "org.fedorahosted.certmonger"


def is_installed():
    return os.path.exists(DAEMON) and shutil.which("getcert") is not None


class Certmonger:
    def __init__(self, directory):
        self.directory = directory
        self.process = None
        self.number = 0
        shutil.rmtree(directory, ignore_errors=True)
        for name in ("requests", "cas", "local", "tmp", "config", "certs"):
            os.makedirs(f"{directory}/{name}")
        self.bus = loom.MessageBus(f"{directory}/bus.d")
        self.environment = dict(os.environ, CERTMONGER_REQUESTS_DIR=f"{directory}/requests", CERTMONGER_CAS_DIR=f"{directory}/cas",
                                CERTMONGER_LOCAL_CA_DIR=f"{directory}/local", CERTMONGER_TMPDIR=f"{directory}/tmp",
                                CERTMONGER_CONFIG_DIR=f"{directory}/config", CERTMONGER_SYSTEM_LOCK_FILE=f"{directory}/lock",
                                DBUS_SYSTEM_BUS_ADDRESS=self.bus.address, DBUS_SESSION_BUS_ADDRESS=self.bus.address)

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Returns the seconds until it owned its name."""
        begun = time.perf_counter()
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen([DAEMON, "-S", "-n"], stdout=log, stderr=log, env=self.environment)
        with self.bus.connect() as bus:
            while not bus.has_owner(NAME):
                if self.process.poll() is not None:
                    raise loom.Failure(f"certmonger does not come up, see {self.directory}/log")
                time.sleep(0.002)
        return time.perf_counter() - begun

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.bus.close()

    def request(self, wait=True):
        """Asks for one certificate; returns the seconds it took."""
        self.number += 1
        path = f"{self.directory}/certs/c{self.number}"
        begun = time.perf_counter()
        subprocess.run(["getcert", "request", "-c", "local", "-f", f"{path}.pem", "-k", f"{path}.key", "-G", "ec", "-g", "256",
                        "-N", f"CN=c{self.number}.plant.example", *(["-w"] if wait else [])],
                       env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    def count_issued(self):
        count = 0
        for entry in os.scandir(f"{self.directory}/requests"):
            try:
                with open(entry.path, encoding="utf-8") as file:
                    count += "state=MONITORING\n" in file.read()
            except FileNotFoundError:
                pass
        return count

    def request_many(self, count):
        """Asks for so many, one after the other; returns the seconds until all were issued."""
        wanted = self.count_issued() + count
        begun = time.perf_counter()
        for _ in range(count):
            self.request(wait=False)
        while self.count_issued() < wanted:
            if time.perf_counter() - begun > 60 + 10 * count:
                raise loom.Failure("certmonger does not issue")
            time.sleep(0.05)
        return time.perf_counter() - begun

    def list(self):
        """Returns the seconds that `getcert list` took."""
        begun = time.perf_counter()
        subprocess.run(["getcert", "list"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    def is_busy(self):
        """Whether it has helpers at work."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="utf-8") as file:
            return bool(file.read().split())

    def wait_idle(self):
        """Waits until it has had no helpers for a second."""
        since, end = time.monotonic(), time.monotonic() + 600
        while time.monotonic() - since < 1 and time.monotonic() < end:
            if self.is_busy():
                since = time.monotonic()
            time.sleep(0.02)

    def fill(self, count):
        """While it is stopped: copies of its one request, with files of their own, until there are so many."""
        directory = f"{self.directory}/requests"
        with open(f"{directory}/{os.listdir(directory)[0]}", encoding="utf-8") as file:
            text = file.read()
        first, key, certificate = (re.search(rf"^{field}=(\S+)", text, re.M)[1]
                                   for field in ("id", "key_storage_location", "cert_storage_location"))
        for i in range(count - len(os.listdir(directory))):
            stem = f"{self.directory}/certs/x{i}"
            shutil.copy(key, f"{stem}.key")
            os.chmod(f"{stem}.key", 0o600)
            shutil.copy(certificate, f"{stem}.pem")
            path = f"{directory}/2026{i:010}"
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(f"id={first}", f"id=2026{i:010}", 1).replace(key, f"{stem}.key").replace(certificate, f"{stem}.pem"))
            os.chmod(path, 0o600)
