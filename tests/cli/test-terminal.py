#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command on a real terminal: bar, pager, width, colours, Ctrl-C.

test-terminal.py CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from world import CERTLOOM, World

MANY = 45


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.stop)
    world.write("certificates.d/slow.certificate", "[Certificate]\nDNS=slow.example\nAuthority=fake\nValidity=10d\n")
    for number in range(MANY):
        world.write(f"certificates.d/host-{number:02}.certificate", f"[Certificate]\nDNS=host-{number}.example\nAuthority=lab\nEnabled=no\n")
    world.start_and_wait()
    assert world.run("wait", "slow", "--timeout=60s").returncode == 0
    # a pager that leaves a note and what it was given
    pager = world.path / "pager"
    pager.write_text(f"#!/bin/sh\nexec tee {world.path}/paged\n")
    pager.chmod(0o755)


class Terminal:
    """The command with a terminal of its own as its only input and output."""

    def __init__(self, *words, columns=80, rows=24, split=False, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = world.environment() | {"TERM": "xterm", "PAGER": "cat"} | environment
        for name in ("COLUMNS", "LINES", "NO_COLOR", "CERTLOOM_PAGER"):
            if name not in environment:
                variables.pop(name, None)
        self.output = b""
        self.process = subprocess.Popen([CERTLOOM, f"--address={world.address}", *words], stdin=slave, stderr=slave,
                                        stdout=subprocess.PIPE if split else slave, env=variables, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def read(self, seconds=30):
        """What comes next; b"" at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            raise TimeoutError(self.output)
        try:
            piece = os.read(self.master, 65536)
        except OSError:   # the other side is closed
            piece = b""
        self.output += piece
        return piece

    def until(self, text):
        while text not in self.output:
            if self.read() == b"":
                raise EOFError(self.output)

    def press(self, key):
        os.write(self.master, key)

    def finish(self):
        """Returns: exit code, and all that the terminal got."""
        while self.read() != b"":
            pass
        code = self.process.wait(60)
        os.close(self.master)
        if self.process.stdout is not None:
            self.piped = self.process.stdout.read()
            self.process.stdout.close()
        return code, self.output.decode()


def show(*words, **more):
    code, output = Terminal(*words, **more).finish()
    assert code == 0, output
    return output.replace("\r\n", "\n")


def render(output, columns):
    """The rows that a terminal would show: enough of one for what the command writes."""
    rows, column = [""], 0
    for token in re.findall(r"\033\[[0-9;]*[A-Za-z]|.|\n", output.replace("\r\n", "\n")):
        if token == "\n":
            rows.append("")
            column = 0
        elif token == "\r":
            column = 0
        elif token == "\033[K":
            rows[-1] = rows[-1][:column]
        elif token[0] != "\033":
            if column == columns:
                rows.append("")
                column = 0
            rows[-1] = rows[-1][:column] + token + rows[-1][column + 1:]
            column += 1
    return rows


class Progress(unittest.TestCase):
    def test_the_bar_comes_and_goes(self):
        terminal = Terminal("renew", "slow")
        code, output = terminal.finish()
        self.assertEqual(code, 0, output)
        self.assertRegex(output, r"\r\033\[Kslow: \[=*>? *\] [a-z]")
        rows = [row for row in render(output, 80) if row]
        self.assertEqual(len(rows), 1, rows)
        self.assertRegex(rows[0], "^slow: renewed; valid until ")

    def test_a_narrow_terminal_is_cleaned_too(self):
        for columns in (20, 40):
            _, output = Terminal("renew", "slow", columns=columns, split=True).finish()
            self.assertIn("slow: ", output)
            self.assertEqual("".join(render(output, columns)), "", columns)

    def test_the_bar_stays_out_of_a_pipe(self):
        terminal = Terminal("renew", "slow", split=True)
        terminal.finish()
        self.assertNotIn(b"\033", terminal.piped)

    def test_a_dumb_terminal_gets_lines(self):
        output = show("renew", "slow", TERM="dumb")
        self.assertNotIn("\033", output)
        self.assertRegex(output, "^slow: [a-z][a-z ]+[a-z]\n(slow: .*\n)*slow: renewed; valid until .*\n$")

    def test_quiet_and_json_are_silent(self):
        self.assertEqual(show("--quiet", "renew", "slow"), "")
        self.assertTrue(show("--json", "renew", "slow").startswith("{"))


class CtrlC(unittest.TestCase):
    def setUp(self):
        world.answer("hang")
        self.addCleanup(world.answer, "issue")

    def test_once_cancels(self):
        terminal = Terminal("renew", "slow")
        terminal.until(b"enrolling at the CA")
        terminal.press(b"\x03")
        code, output = terminal.finish()
        self.assertEqual(code, 1, output)
        self.assertIn("Cancelling; Ctrl-C again leaves it running.", output)
        self.assertIn("certloom: slow: it was cancelled", output)
        self.assertIn("Error: org.certloom.Certloom1.Error.Cancelled", output)
        self.assertNotEqual(world.run("show", "slow").stdout.find("State:       ● ready"), -1, world.run("show", "slow").stdout)

    def test_twice_leaves_at_once_even_if_the_daemon_hangs(self):
        terminal = Terminal("renew", "slow")
        terminal.until(b"enrolling at the CA")
        world.daemon.send_signal(signal.SIGSTOP)
        try:
            terminal.press(b"\x03")
            terminal.until(b"Ctrl-C again leaves it running.")
            begun = time.monotonic()
            terminal.press(b"\x03")
            code, output = terminal.finish()
            took = time.monotonic() - begun
        finally:
            world.daemon.send_signal(signal.SIGCONT)
            # whether the first Ctrl-C still cancels it or not, it is over after this
            world.stop_daemon()
            world.answer("issue")
            world.start_and_wait()
            world.run("wait", "slow", "--timeout=60s")
        self.assertEqual(code, 6, output)
        self.assertIn("it goes on as /org/certloom/Certloom1/job/", output)
        self.assertLess(took, 20)   # an answer of the daemon would be waited for 30 s

    def test_wait_ends(self):
        world.answer("pending")
        self.assertIn("slow: the CA has yet to decide", world.run("renew", "slow").stdout)
        terminal = Terminal("wait", "slow")
        # SIGINT (2) is caught once it waits
        while not re.search(rb"SigCgt:\t[0-9a-f]{15}[2367abef]\n", read_status(terminal.process.pid)):
            self.assertIsNone(terminal.process.poll())
            time.sleep(0.01)
        terminal.press(b"\x03")
        code, output = terminal.finish()
        self.assertEqual(code, 6, output)
        self.assertIn("“slow” is still pending, not ready", output)
        world.answer("issue")
        self.assertEqual(world.run("wait", "slow", "--timeout=60s").returncode, 0)

    def test_monitor_ends_well(self):
        terminal = Terminal("monitor", "web")
        while world.run("hold", "web").returncode == 0 and not select.select([terminal.master], [], [], 0.2)[0]:
            world.run("unhold", "web")
        world.run("unhold", "web")
        terminal.press(b"\x03")
        code, output = terminal.finish()
        self.assertEqual(code, 0, output)
        self.assertIn("web", output)


def read_status(pid):
    with open(f"/proc/{pid}/status", "rb") as status:
        return status.read()


class Lists(unittest.TestCase):
    def paged(self):
        path = world.path / "paged"
        text = path.read_text() if path.exists() else None
        path.unlink(missing_ok=True)
        return text

    def test_long_lists_go_through_the_pager(self):
        shown = show("history", PAGER=f"{world.path}/pager")
        self.assertIn("TIME", self.paged())
        self.assertIn("TIME", shown)

    def test_what_is_short_or_piped_or_unwanted_does_not(self):
        pager = f"{world.path}/pager"
        show("status", "web", PAGER=pager)
        show("history", "--no-pager", PAGER=pager)
        show("--json", "history", PAGER=pager)
        show("history", PAGER="cat")
        show("history", PAGER=pager, TERM="dumb")
        show("history", PAGER=pager, CERTLOOM_PAGER="cat")
        Terminal("history", split=True, PAGER=pager).finish()
        self.assertIsNone(self.paged())

    def test_less_leaves_when_it_is_told(self):
        terminal = Terminal("history", PAGER="less")
        terminal.until(b"TIME")
        terminal.press(b"q")
        self.assertEqual(terminal.finish()[0], 0)

    def test_a_pager_that_is_not_there_is_done_without(self):
        self.assertIn("TIME", show("history", PAGER="/nonexistent/pager"))

    def test_many_certificates_become_a_summary(self):
        output = show("status", NO_COLOR="1")
        rows = [line for line in output.split("\n\n")[0].splitlines() if re.match("[^ ] [a-z]", line)]
        self.assertEqual(len(rows), 20, output)
        self.assertIn(f"{MANY + 2} certificates: 2 ready, {MANY} waiting.", output)
        self.assertIn(f"  lab: {MANY + 1}\n", output)
        self.assertIn("  fake: 1\n", output)
        self.assertIn("These are the 20 worst; all of them:  certloom status --all", output)
        self.assertNotIn("● web", output)
        self.assertEqual(len(re.findall("^[^ ] [a-z]", show("status", "--all", NO_COLOR="1"), re.M)), MANY + 2)
        self.assertEqual(len(re.findall("^[^ ] [a-z].* waiting ", world.run("status").stdout, re.M)), MANY)   # piped: every row

    def test_narrow(self):
        for columns in (20, 40, 60):
            for words in (["status", "host-0*"], ["status", "web"], ["history"], ["ca", "list"], ["key", "list"], ["plugin", "list"]):
                for line in show(*words, columns=columns).split("\n\n")[0].splitlines():
                    self.assertNotIn("\033", re.sub(r"\033\[[0-9]*m", "", line))
        forty = show("status", "host-0*", columns=40)
        head = forty.splitlines()[0]
        self.assertIn("STATE", head)
        self.assertNotIn("KEY", head)
        self.assertNotIn("EXPIRES", head)
        for line in re.sub(r"\033\[[0-9]*m", "", forty).splitlines()[:5]:
            self.assertLessEqual(len(line), 40)


class Colours(unittest.TestCase):
    def test_only_where_they_are_wanted(self):
        self.assertIn("\033[32m", show("status", "web"))
        self.assertNotIn("\033", show("status", "web", NO_COLOR="1"))
        self.assertIn("\033[32m", show("status", "web", NO_COLOR=""))
        self.assertNotIn("\033", show("status", "web", TERM="dumb"))
        self.assertNotIn("\033", show("status", "web", "--color=never"))
        self.assertIn("\033[32m", show("status", "web", "--color=always", NO_COLOR="1", TERM="dumb"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])
