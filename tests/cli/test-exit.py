#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each exit code of certloom(1) is what a real failure ends with, and the error says so in text and in JSON.

test-exit.py CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES
"""
import json
import os
import pathlib
import re
import signal
import sys
import unittest

from world import CERTLOOMD, World

PAGE = pathlib.Path(__file__).parents[2] / "bus/man/certloom.1.rst"
NAMES = PAGE.parent / "certloom-errors.7.rst"
DENIED = '<deny send_destination="org.certloom.Certloom1" send_interface="org.certloom.Certloom1.Certificate" send_member="Hold"/>'
NOBODY = 65534


def setUpModule():
    global world
    world = World(denials=DENIED)
    unittest.addModuleCleanup(world.stop)
    world.write("certificates.d/stubborn.certificate", "[Certificate]\nDNS=stubborn.example\nAuthority=fake\nValidity=10d\n")
    world.start_and_wait()
    assert world.run("wait", "stubborn", "--timeout=60s").returncode == 0


class Exit(unittest.TestCase):
    seen = set()

    def check(self, code, name, *words, where=None, **more):
        """Ends with @code and the error @name, in words and as JSON; returns the error."""
        place = where or world
        answer = place.run(*words, **more)
        self.assertEqual(answer.returncode, code, (words, answer.stderr))
        lines = answer.stderr.splitlines()
        self.assertTrue(any(line.startswith("certloom: ") for line in lines), answer.stderr)
        self.assertTrue(any(re.match("What to do: .", line) for line in lines), answer.stderr)
        if code != 2:
            self.assertIn(f"Error: org.certloom.Certloom1.Error.{name}", lines)
        answer = place.run("--json", *words, **more)
        self.assertEqual((answer.returncode, answer.stderr), (code, ""), words)
        document = json.loads(answer.stdout)
        self.assertEqual(document["version"], 1)
        error = document["error"]
        self.assertEqual((error["exit"], error["name"]), (code, f"org.certloom.Certloom1.Error.{name}"), words)
        self.assertTrue(error["message"] and error["hint"], error)
        self.assertRegex(NAMES.read_text(), rf"\n{name}\n-+\n")
        Exit.seen.add(code)
        return error

    def test_0_done_or_nothing_to_do(self):
        for words in (["status"], ["renew", "--due"], ["renew", "web"]):
            self.assertEqual(world.run(*words).returncode, 0, words)
            self.assertNotIn("error", json.loads(world.run("--json", *words).stdout))
        Exit.seen.add(0)

    def test_1_what_fits_nothing_else(self):
        self.assertEqual(world.run("request", "twin", "--template=app", "--instance=twin").returncode, 0)
        self.check(1, "Exists", "request", "twin", "--template=app", "--instance=twin")
        self.check(1, "Conflict", "rollback", "twin")
        self.check(1, "Failed", "export", "web", "--out=/nonexistent/x")

    def test_2_usage(self):
        self.check(2, "InvalidArgument", "shwo", "web")
        self.check(2, "InvalidArgument", "show", "web", "--lonely")
        self.check(2, "InvalidArgument", "request", "odd", "--ca=lab", "--ip=no-address")   # the daemon says so

    def test_3_not_found(self):
        self.check(3, "NotFound", "show", "nosuch")
        self.check(3, "NotFound", "history", "nosuch")
        self.check(3, "NotFound", "ca", "show", "nosuch")
        self.check(3, "NotFound", "key", "list", "nosuch")
        self.check(3, "NotFound", "plugin", "info", "nosuch")
        self.check(3, "NotFound", "request", "x", "--template=nosuch", "--instance=x")
        error = self.check(3, "NotFound", "renew", "web", "stubborm")
        self.assertIn("stubborn", error["hint"])

    def test_4_the_bus_does_not_allow_it(self):
        error = self.check(4, "AccessDenied", "hold", "web")
        self.assertIn("policy of the message bus", error["hint"])

    @unittest.skipIf(os.getuid() != 0, "only root can become somebody else")
    def test_4_the_daemon_does_not_allow_it(self):
        for words in (["show", "web"], ["renew", "web"], ["revoke", "web"], ["reload"], ["history"]):
            self.check(4, "AccessDenied", *words, user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertIn("No certificates that you may see.", world.run("status", user=NOBODY, group=NOBODY, extra_groups=[]).stdout)

    def test_5_no_bus_no_daemon(self):
        other = World()
        self.addCleanup(other.stop)
        error = self.check(5, "Unreachable", "status", where=other)
        self.assertIn("start certloomd", error["hint"])
        other.address = "unix:path=/nonexistent"
        self.check(5, "Unreachable", "status", where=other)

    def test_5_the_daemon_ends_meanwhile(self):
        other = World()
        self.addCleanup(other.stop)
        other.start_and_wait()
        other.answer("hang")
        job = other.run("--json", "request", "slow", "--ca=fake", "--dns=slow.example", "--no-wait")
        self.assertEqual(json.loads(job.stdout)["job"]["state"], "running", job.stderr)
        os.kill(other.daemon.pid, signal.SIGKILL)
        other.daemon.wait(60)
        self.check(5, "Unreachable", "wait", "slow", where=other)

    def test_6_timed_out(self):
        self.check(6, "TimedOut", "wait", "web", "--for=expired", "--timeout=1s")
        world.answer("hang")
        self.addCleanup(world.answer, "issue")
        words = ["request", "slow", "--ca=fake", "--dns=slow.example", "--wait=1s"]
        answer = world.run(*words)
        self.assertEqual(answer.returncode, 6, answer.stderr)
        self.check(6, "TimedOut", "renew", "slow", "--wait=1s")

    def test_7_the_authority_refuses(self):
        world.answer("reject")
        self.addCleanup(world.answer, "issue")
        self.check(7, "Rejected", "renew", "stubborn")
        world.answer("unreachable")
        self.check(7, "Unreachable", "renew", "stubborn")

    def test_8_some_of_several(self):
        world.answer("reject")
        self.addCleanup(world.answer, "issue")
        error = self.check(8, "Rejected", "renew", "stubborn", "web")
        self.assertIn("1 of 2 failed", error["message"])

    def test_9_configuration(self):
        world.write("certificates.d/bad.certificate", "[Certificate]\nDSN=x\n")
        self.addCleanup((world.config / "certificates.d/bad.certificate").unlink)
        self.check(9, "Config", "reload")
        answer = world.run("--json", "config", "check", f"--daemon={CERTLOOMD}", f"--config-root={world.path}/root")
        self.assertEqual(answer.returncode, 9)
        self.assertIn("bad.certificate", json.loads(answer.stdout)["problems"][0]["message"])

    def test_nothing_documented_is_left_out(self):
        section = PAGE.read_text().split("EXIT STATUS")[1].split("ENVIRONMENT")[0]
        documented = {int(code) for code in re.findall(r"^(\d+)$", section, re.M)}
        tested = {int(name.split("_")[1]) for name in dir(Exit) if re.match(r"test_\d", name)}
        self.assertEqual(documented, tested)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
