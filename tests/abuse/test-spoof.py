#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else on the bus sends the daemon's signals to the command: it heeds none of them."""
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import world  # noqa: E402

ROOT = "/org/certloom/Certloom1"
NAME = "org.certloom.Certloom1"


class Lines:
    """What a process prints, as it comes."""

    def __init__(self, *command, **more):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
        self.lines, self.news = [], threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line)
                self.news.notify_all()

    def wait_for(self, text, seconds=60):
        with self.news:
            return self.news.wait_for(lambda: any(text in line for line in self.lines), seconds)

    def wait_for_more(self, count, seconds):
        with self.news:
            return self.news.wait_for(lambda: len([line for line in self.lines if "spoofed" not in line]) >= count, seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.reader.join(60)
        return "".join(self.lines)


def list_connections(place):
    answer = subprocess.run(["dbus-send", f"--bus={place.address}", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                             "org.freedesktop.DBus.ListNames"], check=True, capture_output=True, text=True).stdout
    return [word for word in answer.replace("[", " ").replace("]", " ").split() if word.startswith(":")]


def send(place, to, path, member, *arguments):
    subprocess.run(["dbus-send", f"--bus={place.address}", "--type=signal", f"--dest={to}", path, f"{NAME}.{member}", *arguments], check=True)


def spoof(place):
    """An event, a removal, a change, the end of every job: to everybody, each from a connection of its own."""
    for to in list_connections(place):
        send(place, to, ROOT, "Manager.Event", "int64:1790000000", "string:revoked", "string:critical", "string:certificate", "string:web",
             "string:spoofed-event", "dict:string:string:serial,00")
        send(place, to, ROOT, "Manager.CertificateRemoved", "string:spoofed-removal", "uint64:99")
        for job in range(1, 9):
            send(place, to, f"{ROOT}/job/{job}", "Job.Completed", "boolean:false", f"string:{NAME}.Error.Failed", "string:spoofed-end")


def main():
    print("1..1")
    place = world.World()
    place.start_and_wait()
    monitor = Lines(world.CERTLOOM, f"--address={place.address}", "monitor", env=place.environment())
    heard = False
    for _ in range(60):   # until it listens
        place.run("hold", "web")
        place.run("unhold", "web")
        heard = monitor.wait_for("web", 1)
        if heard:
            break
    place.answer("hang")
    place.write("certificates.d/slow.certificate", "[Certificate]\nDNS=slow.example\nAuthority=fake\nValidity=10d\n")
    place.run("reload")
    waiting = Lines(world.CERTLOOM, f"--address={place.address}", "renew", "slow", env=place.environment())
    spoof(place)
    told = len(monitor.lines)
    for _ in range(60):   # and it still tells what is true
        place.run("hold", "web")
        place.run("unhold", "web")
        if monitor.wait_for_more(told + 2, 1):
            break
    seen = monitor.wait_for_more(told + 2, 0)
    alive = waiting.process.poll() is None
    said = monitor.stop() + waiting.stop()
    place.answer("issue")
    place.stop()
    wrong = [line for line in said.splitlines() if "spoofed" in line]
    if not heard or not seen:
        wrong.append("the monitor does not tell of what is true")
    if not alive:
        wrong.append("a renewal under way was ended by somebody else")
    for line in wrong:
        print("# " + line)
    print("%sok 1 /spoof/safety-10-signals-of-others-are-not-heeded" % ("not " if wrong else ""))
    sys.exit(bool(wrong))


main()
