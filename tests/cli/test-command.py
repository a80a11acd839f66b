#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command against a real bus and a real daemon with a private CA.

test-command.py CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES
"""
import json
import os
import signal
import stat
import subprocess
import sys
import unittest

from world import CERTLOOM, CERTLOOMD, World, read_ready


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.stop)


class WithoutDaemon(unittest.TestCase):
    def test_typing_errors_never_reach_the_bus(self):
        wrong = ["statsu", "status --state=redy", "renew", "renew a --due", "show", "show a b", "show UPPER", "export web --key --format=der",
                 "wait web --for=redy", "wait web --timeout=5x", "revoke web --reason=bad", "request", "request x --san=foo",
                 "request --instance=a", "history --limit=0", "--color=pink status", "--session status", "renew web --duee", "ca", "ca lsit",
                 "renew web --wait=5x"]
        for line in wrong:
            answer = world.run(*line.split())
            self.assertEqual(answer.returncode, 2, line)
            self.assertIn("certloom: ", answer.stderr)
            self.assertEqual(answer.stdout, "", line)

    def test_suggestions(self):
        for line, meant in (("statsu", "status"), ("renew web --duee", "--due"), ("ca lsit", "list"), ("status --state=redy", "ready")):
            self.assertIn(f"did you mean “{meant}”?", world.run(*line.split()).stderr)

    def test_errors_are_json_too(self):
        for words, code in (("bogus --json", 2), ("show --json web", 5)):
            answer = world.run(*words.split())
            error = json.loads(answer.stdout)["error"]
            self.assertEqual((answer.returncode, error["exit"], answer.stderr), (code, code, ""))
            self.assertTrue(error["name"].startswith("org.certloom.Certloom1.Error."))
            self.assertTrue(error["message"] and error["hint"])

    def test_no_daemon_says_how_to_start_one(self):
        answer = world.run("status")
        self.assertEqual(answer.returncode, 5)
        self.assertIn("What to do: start certloomd", answer.stderr)
        answer = subprocess.run([CERTLOOM, "--address=unix:path=/nonexistent", "status"], capture_output=True, text=True)
        self.assertEqual(answer.returncode, 5)

    def test_config_needs_no_daemon(self):
        words = (f"--daemon={CERTLOOMD}", f"--config-root={world.path}/root")
        self.assertEqual(world.run("config", "check", *words).stdout, "The configuration is good.\n")
        shown = world.run("config", "show", "web", *words).stdout
        self.assertIn("DNS=web.example", shown)
        self.assertNotIn("Lab Root", shown)
        self.assertEqual(world.run("config", "diff", *words).returncode, 0)

    def test_config_check_finds_what_is_wrong(self):
        other = World()
        self.addCleanup(other.stop)
        other.write("certificates.d/bad.certificate", "[Certificate]\nDSN=web.example\nAuthority=lab\n")
        words = ("config", "check", f"--daemon={CERTLOOMD}", f"--config-root={other.path}/root")
        answer = other.run(*words)
        self.assertEqual(answer.returncode, 9)
        self.assertIn("bad.certificate", answer.stdout)
        problems = json.loads(other.run("--json", *words).stdout)["problems"]
        self.assertEqual([problem["severity"] for problem in problems], ["error"])
        self.assertIn("DNS", problems[0]["hint"])


class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world.start_and_wait()

    @classmethod
    def tearDownClass(cls):
        world.stop_daemon()

    def json(self, *words):
        answer = world.run("--json", *words)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        document = json.loads(answer.stdout)
        self.assertEqual(document["version"], 1)
        return document

    def test_status(self):
        text = world.run("status").stdout
        self.assertRegex(text, r"CERTIFICATE +STATE +LEFT +EXPIRES +NEXT ACTION +CA +KEY\n")
        self.assertRegex(text, r"● web +ready +9d +\d{4}-\d\d-\d\d +renew in \dd +lab +file\n")
        row = next(row for row in self.json("status")["certificates"] if row["name"] == "web")
        self.assertEqual((row["state"], row["authority"], row["next_action"]), ("ready", "lab", "renew"))
        self.assertTrue(9 * 86400 < row["seconds_left"] <= 10 * 86400)
        self.assertRegex(row["not_after"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_narrow_tables_drop_columns_in_order(self):
        heads = [world.run("status", env=world.environment(COLUMNS=str(width))).stdout.splitlines()[0].split() for width in (100, 58, 50)]
        self.assertIn("KEY", heads[0])
        self.assertNotIn("KEY", heads[1])
        self.assertNotIn("CA", heads[2])
        self.assertIn("STATE", heads[2])

    def test_without_utf8_everything_is_ascii(self):
        answer = subprocess.run([CERTLOOM, f"--address={world.address}", "status"], capture_output=True, env=world.environment() | {"LC_ALL": "C"})
        self.assertTrue(answer.stdout.isascii())
        self.assertIn(b"* web", answer.stdout)

    def test_colour_only_when_wanted(self):
        self.assertNotIn("\033", world.run("status").stdout)
        self.assertIn("\033", world.run("status", "--color=always").stdout)

    def test_all_streams_one_object_a_line(self):
        lines = world.run("status", "--all", "--json").stdout.splitlines()
        self.assertIn("web", [json.loads(line)["certificate"]["name"] for line in lines])

    def test_show(self):
        self.assertIn("CN=web.example", world.run("show", "web").stdout)
        certificate = self.json("show", "web")["certificate"]
        self.assertEqual(certificate["alt_names"], ["DNS:web.example"])
        self.assertEqual(certificate["generations"][0]["kind"], "current")

    def test_unknown_name_suggests_the_near_one(self):
        for words in (("show", "wbe"), ("status", "wbe"), ("renew", "wbe"), ("hold", "wbe"), ("export", "wbe")):
            answer = world.run(*words)
            self.assertEqual(answer.returncode, 3, words)
            self.assertIn("did you mean “web”?", answer.stderr)

    def test_life_of_a_request(self):
        answer = world.run("request", "app-one", "--template=app", "--instance=one")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("app-one: issued; valid until", answer.stdout)
        self.assertIn("app-one: ", answer.stderr)   # a line for each stage
        first = self.json("show", "app-one")["certificate"]["serial"]
        self.assertIn("app-one: renewed", world.run("renew", "app-one").stdout)
        second = self.json("show", "app-one")["certificate"]["serial"]
        self.assertNotEqual(first, second)
        self.assertEqual(self.json("rollback", "app-one")["job"]["state"], "succeeded")
        self.assertEqual(self.json("show", "app-one")["certificate"]["serial"], first)
        self.assertEqual(self.json("revoke", "app-one", "--reason=superseded")["certificate"]["state"], "revoked")
        self.assertEqual(world.run("request", "app-one", "--template=app", "--instance=one").returncode, 1)   # exists
        self.assertEqual(world.run("remove", "app-one").returncode, 0)
        self.assertEqual(world.run("wait", "app-one", "--for=removed", "--timeout=10s").returncode, 0)
        self.assertEqual(world.run("show", "app-one").returncode, 3)

    def test_hold(self):
        self.assertEqual(self.json("hold", "web")["held"], True)
        self.assertEqual(self.json("unhold", "web")["held"], False)
        self.assertEqual(world.run("wait", "web", "--timeout=60s").returncode, 0)

    def test_nothing_due(self):
        answer = world.run("renew", "--due")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("Nothing is due.", answer.stdout)

    def test_waiting_ends(self):
        answer = world.run("wait", "web", "--for=expired", "--timeout=1s")
        self.assertEqual(answer.returncode, 6)
        self.assertIn("still ready", answer.stderr)

    def test_export(self):
        chain, pair, der = (world.path / name for name in ("chain.pem", "pair.pem", "leaf.der"))
        self.assertIn("BEGIN CERTIFICATE", world.run("export", "web").stdout)
        self.assertEqual(world.run("export", "web", f"--out={chain}").returncode, 0)
        self.assertNotIn("PRIVATE KEY", chain.read_text())
        os.umask(0)
        self.addCleanup(os.umask, 0o022)
        self.assertEqual(world.run("export", "web", "--key", f"--out={pair}").returncode, 0)
        self.assertIn("PRIVATE KEY", pair.read_text())
        self.assertEqual(stat.S_IMODE(pair.stat().st_mode), 0o600)
        self.assertEqual(world.run("export", "web", "--format=der", f"--out={der}").returncode, 0)
        subject = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", der, "-noout", "-subject"], capture_output=True, text=True)
        self.assertIn("web.example", subject.stdout)
        self.assertEqual(world.run("export", "web", "--out=/nonexistent/x").returncode, 1)

    def test_ca_keys_plugins(self):
        self.assertEqual([ca["name"] for ca in self.json("ca", "list")["authorities"]], ["fake", "lab"])
        shown = world.run("ca", "show", "lab").stdout
        self.assertRegex(shown, r"\nState: +started\n")
        self.assertRegex(shown, r"\nRoot CRL next update: +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n")
        self.assertRegex(shown, r"\nRoot not after: +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n")
        details = self.json("ca", "show", "lab")["authority"]["details"]
        self.assertRegex(details["root_not_after"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIsInstance(details["issued"], int)
        crl = subprocess.run(["openssl", "crl", "-noout", "-issuer"], input=world.run("ca", "crl", "lab").stdout, capture_output=True, text=True)
        self.assertIn("Lab Root", crl.stdout)
        self.assertIn("BEGIN CERTIFICATE", world.run("ca", "anchors", "lab").stdout)
        self.assertEqual(world.run("ca", "show", "labb").returncode, 3)
        self.assertTrue(self.json("key", "list")["keys"])
        self.assertEqual(self.json("plugin", "info", "ca-local")["plugin"]["loaded"], True)
        self.assertIn("key-file", world.run("plugin", "list").stdout)

    def test_history(self):
        events = self.json("history", "web")["events"]
        self.assertIn("issued", [event["kind"] for event in events])
        self.assertEqual(len(self.json("history", "-n", "1")["events"]), 1)
        self.assertIn("issued", world.run("history", "web").stdout)

    def test_reload(self):
        self.assertEqual(world.run("reload").returncode, 0)
        world.write("certificates.d/bad.certificate", "[Certificate]\nDSN=x\n")
        answer = world.run("reload")
        (world.config / "certificates.d/bad.certificate").unlink()
        self.assertEqual(answer.returncode, 9, answer.stderr)
        self.assertIn("bad.certificate", answer.stderr)
        self.assertEqual(world.run("reload").returncode, 0)

    def test_monitor(self):
        monitor = subprocess.Popen([CERTLOOM, f"--address={world.address}", "--json", "monitor", "web"], stdout=subprocess.PIPE, text=True)
        # it may not listen yet when the first renewal is over
        while world.run("renew", "web").returncode == 0 and not read_ready(monitor.stdout, 0.2):
            pass
        line = monitor.stdout.readline()
        monitor.send_signal(signal.SIGINT)
        self.assertEqual(monitor.wait(60), 0)
        monitor.stdout.close()
        self.assertEqual(json.loads(line)["version"], 1)

    def test_completion_knows_names(self):
        self.assertEqual(world.run("complete", f"--address={world.address}", "show", "w").stdout, "")
        answer = subprocess.run([CERTLOOM, "complete", f"--address={world.address}", "show", "w"], capture_output=True, text=True)
        self.assertEqual(answer.stdout, "web\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
