#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the command share: a folder, a bus and a daemon of their own.

A test is called with CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES; then `world` is ready to be used.
"""
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

CERTLOOM, CERTLOOMD, DELIVER, PLUGINS, FAKES = (os.path.abspath(path) for path in sys.argv[1:6])
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>{denials}</policy></busconfig>
"""
FILES = {
    "certloom.conf": "[Daemon]\nClock=rtc\n",
    "keystores.d/file.keystore": "[KeyStore]\nPlugin=key-file\n",
    "authorities.d/lab.authority": "[Authority]\nPlugin=ca-local\nKeyStore=file\nSubject=CN=Lab Root\n",
    "authorities.d/fake.authority": "[Authority]\nPlugin=fake-ca\nControl={folder}/control\nRetryAfter=1\n",
    "certificates.d/web.certificate": "[Certificate]\nSubject=CN=web.example\nDNS=web.example\nAuthority=lab\nKeyStore=file\nValidity=10d\n",
    "certificates.d/app@.certificate": "[Certificate]\nSubject=CN=%i.example\nDNS=%i.example\nAuthority=lab\nValidity=5d\n",
}


class World:
    """A folder, a bus and a daemon."""

    def __init__(self, denials=""):
        self.folder = tempfile.TemporaryDirectory(prefix="certloom-cli-")
        self.path = pathlib.Path(self.folder.name)
        self.config = self.path / "root/etc/certloom"
        for name, text in FILES.items():
            self.write(name, text.replace("{folder}", str(self.path)))
        self.answer("issue")
        self.plugins = self.path / "plugins"
        self.plugins.mkdir()
        self.plugins.chmod(0o755)
        for module in [*pathlib.Path(PLUGINS).glob("*.so"), pathlib.Path(FAKES) / "fake-ca.so"]:
            shutil.copyfile(module, self.plugins / module.name)
            (self.plugins / module.name).chmod(0o644)
        self.address = f"unix:path={self.path}/bus"
        (self.path / "bus.conf").write_text(BUS.format(path=f"{self.path}/bus", denials=denials))
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={self.path}/bus.conf", "--nofork", "--nopidfile"])
        self.daemon = None

    def answer(self, outcome):
        """What the CA called fake does from now on: issue, reject, hang, pending."""
        (self.path / "control").write_text(outcome)

    def write(self, name, text):
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        for folder in path.parents:
            if folder.is_relative_to(self.path):
                folder.chmod(0o755)

    def start_daemon(self):
        self.log = open(self.path / "log", "a+")
        self.daemon = subprocess.Popen(
            [CERTLOOMD, f"--address={self.address}", f"--config-root={self.path}/root", f"--state-dir={self.path}/state",
             f"--plugin-dir={self.plugins}", f"--deliver-program={DELIVER}"], stderr=self.log, stdout=self.log)

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(60)
        self.log.close()
        self.daemon = None

    def stop(self):
        if self.daemon is not None:
            self.stop_daemon()
        self.bus.terminate()
        self.bus.wait(60)
        self.folder.cleanup()

    def environment(self, **more):
        return dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="C", DBUS_SYSTEM_BUS_ADDRESS=self.address, TZ="UTC", **more)

    def run(self, *words, env=None, **more):
        return subprocess.run([CERTLOOM, f"--address={self.address}", *words], capture_output=True, text=True, timeout=120,
                              env=env or self.environment(), **more)

    def until(self, *words):
        """Repeats a call until there is a daemon to answer it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.daemon.poll() is None:
            answer = self.run(*words)
            if answer.returncode != 5:
                return answer
            time.sleep(0.05)
        raise TimeoutError(answer.stderr + (self.path / "log").read_text())

    def start_and_wait(self):
        """Until there is a daemon and it has issued what is configured."""
        self.start_daemon()
        self.until("status")
        answer = self.run("wait", "web", "--for=ready", "--timeout=60s")
        if answer.returncode != 0:
            raise RuntimeError(answer.stderr + self.run("show", "web").stdout + (self.path / "log").read_text())


def read_ready(stream, seconds):
    """Whether there is something to read, or an end."""
    return bool(select.select([stream], [], [], seconds)[0])
