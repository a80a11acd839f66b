#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completion in a real bash, against a running daemon, one that hangs, and none.

test-completion.py CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES
"""
import os
import pathlib
import pty
import shlex
import signal
import subprocess
import sys
import time
import unittest

from world import CERTLOOM, World, read_ready

SCRIPT = pathlib.Path(__file__).parents[2] / "bus/data/completion/certloom.bash"
LIBRARY = pathlib.Path("/usr/share/bash-completion/bash_completion")
# What readline does on TAB: it splits the line at COMP_WORDBREAKS, calls the function, and takes COMPREPLY.
DRIVER = """
source {library}
source {script}
line={line}
COMP_LINE=$line
COMP_POINT=${{#line}}
COMP_TYPE=9
COMP_KEY=9
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_certloom certloom "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def split(line):
    """As readline does, with its usual COMP_WORDBREAKS."""
    words, word = [], ""
    for letter in line:
        if letter in "=:":
            words += [word, letter] if word else [letter]
            word = ""
        elif letter == " ":
            words += [word] if word else []
            word = ""
        else:
            word += letter
    return words + [word]


def complete(line, folder=None, environment=None):
    script = DRIVER.format(library=LIBRARY, script=SCRIPT, line=shlex.quote(line), words=" ".join(map(shlex.quote, split(line))))
    variables = (environment or world.environment()) | {"PATH": os.path.dirname(CERTLOOM) + ":" + os.environ["PATH"]}
    answer = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=60, env=variables, cwd=folder)
    assert answer.stderr == "", answer.stderr
    return sorted(answer.stdout.split())


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.stop)
    world.write("certificates.d/mail.certificate", "[Certificate]\nDNS=mail.example\nAuthority=lab\nEnabled=no\n")
    world.write("certificates.d/mqtt.certificate", "[Certificate]\nDNS=mqtt.example\nAuthority=lab\nEnabled=no\n")


@unittest.skipUnless(LIBRARY.exists(), "bash-completion is not installed")
class WithoutDaemon(unittest.TestCase):
    def test_verbs_and_options_need_none(self):
        self.assertEqual(complete("certloom re"), ["reload", "remove", "renew", "request", "revoke"])
        self.assertEqual(complete("certloom ca "), ["anchors", "crl", "list", "show"])
        self.assertEqual(complete("certloom help pl"), ["plugin"])
        self.assertEqual(complete("certloom help plugin "), ["info", "list"])
        self.assertEqual(complete("certloom help show "), [])
        self.assertEqual(complete("certloom renew --re"), ["--rekey"])
        self.assertEqual(complete("certloom --js"), ["--json"])
        self.assertEqual(complete("certloom revoke web --reason=ca"), ["ca-compromise"])
        self.assertEqual(complete("certloom revoke web --reason ca"), ["ca-compromise"])
        self.assertEqual(complete("certloom status --color=a"), ["always", "auto"])
        self.assertEqual(complete("certloom wait web --for=re"), ["ready", "removed", "renewing", "revoked"])

    def test_names_are_silence(self):
        for bus in (world.address, "unix:path=/nonexistent", "nonsense"):
            environment = world.environment() | {"DBUS_SYSTEM_BUS_ADDRESS": bus}
            for line in ("certloom show ", "certloom ca show ", "certloom key list ", "certloom request --ca="):
                self.assertEqual(complete(line, environment=environment), [])


@unittest.skipUnless(LIBRARY.exists(), "bash-completion is not installed")
class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world.start_and_wait()

    @classmethod
    def tearDownClass(cls):
        world.stop_daemon()

    def test_names_of_certificates(self):
        self.assertEqual(complete("certloom show "), ["mail", "mqtt", "web"])
        self.assertEqual(complete("certloom show m"), ["mail", "mqtt"])
        self.assertEqual(complete("certloom --json renew web mq"), ["mqtt"])
        self.assertEqual(complete("certloom show web m"), [])   # it takes one
        self.assertEqual(complete("certloom show zz"), [])

    def test_names_of_others(self):
        self.assertEqual(complete("certloom ca show "), ["fake", "lab"])
        self.assertEqual(complete("certloom status --ca=l"), ["lab"])
        self.assertEqual(complete("certloom status --ca l"), ["lab"])
        self.assertEqual(complete("certloom key list "), ["file"])
        self.assertEqual(complete("certloom request x --key=f"), ["file"])
        self.assertIn("ca-local", complete("certloom plugin info ca"))

    def test_another_bus_is_asked_where_the_line_names_one(self):
        elsewhere = world.environment() | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        self.assertEqual(complete(f"certloom --address={world.address} show w", environment=elsewhere), ["web"])
        self.assertEqual(complete(f"certloom --address {world.address} show w", environment=elsewhere), ["web"])

    def test_files(self):
        (world.path / "folder").mkdir()
        (world.path / "folder/out.pem").touch()
        self.assertEqual(complete("certloom export web --out=ou", folder=world.path / "folder"), ["out.pem"])
        self.assertEqual(complete("certloom export web --out ou", folder=world.path / "folder"), ["out.pem"])

    def test_a_daemon_that_hangs_is_not_waited_for(self):
        world.daemon.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            self.assertEqual(complete("certloom show "), [])
            self.assertLess(time.monotonic() - begun, 20)   # a call would wait for 30 s
        finally:
            world.daemon.send_signal(signal.SIGCONT)

    def test_tab_on_a_terminal(self):
        """With all that readline does itself."""
        master, slave = pty.openpty()
        variables = world.environment() | {"PATH": os.path.dirname(CERTLOOM) + ":" + os.environ["PATH"], "PS1": "> ", "TERM": "dumb"}
        shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave, env=variables,
                                 start_new_session=True)
        os.close(slave)
        os.write(master, f"source {LIBRARY}; source {SCRIPT}; echo lo''aded\n".encode())
        self.assertIn(b"loaded", read_until(master, b"loaded\r\n"))
        os.write(master, b"certloom show w\t")
        self.assertIn(b"certloom show web ", read_until(master, b"show web "))
        os.write(master, b"\x15certloom status --ca=l\t")
        self.assertIn(b"certloom status --ca=lab ", read_until(master, b"--ca=lab "))
        os.write(master, b"\x15exit\n")
        read_until(master, None)
        self.assertEqual(shell.wait(60), 0)
        os.close(master)


def read_until(master, text):
    """Until @text is there; None: until the end."""
    output = b""
    while text is None or text not in output:
        if not read_ready(master, 60):
            raise TimeoutError(output)
        try:
            output += os.read(master, 4096)
        except OSError:
            break
    return output


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])
