#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each verb really writes with --json is what the installed schema says, and the schema says all of it.

test-schema.py CERTLOOM CERTLOOMD CERTLOOM-DELIVER PLUGINS FAKES
"""
import copy
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from world import CERTLOOM, CERTLOOMD, World, read_ready

try:
    import jsonschema
except ImportError:
    sys.exit(77)   # skipped: python3-jsonschema is not installed

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "bus/data/certloom-output.schema.json").read_text())
WITHOUT = {"help", "complete"}   # verbs that write text whatever is asked for


def close(node):
    """The same schema, but what is not described is an error. Programs must take what is new; this test must not."""
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            close(child)
    elif isinstance(node, list):
        for child in node:
            close(child)
    return node


STRICT = close(copy.deepcopy(SCHEMA))


def make_validator(name):
    part = {"$schema": SCHEMA["$schema"], "$ref": f"#/$defs/{name}", "$defs": STRICT["$defs"]}
    return jsonschema.Draft202012Validator(part, format_checker=jsonschema.FormatChecker())


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.stop)
    world.write("certificates.d/slow.certificate", "[Certificate]\nDNS=slow.example\nAuthority=fake\nValidity=10d\n[Delivery]\nDeliver=files\n")
    world.write("certificates.d/idle.certificate", "[Certificate]\nDNS=idle.example\nAuthority=lab\nEnabled=no\n")
    world.write("deliveries.d/files.delivery", f"[Delivery]\nFor=slow\nFullChain={world.path}/out.pem\nOwner={os.getuid()}\nGroup={os.getgid()}\n")
    world.start_and_wait()
    assert world.run("wait", "slow", "--timeout=60s").returncode == 0, (world.path / "log").read_text()


class Schema(unittest.TestCase):
    checked = set()

    def check(self, name, text):
        errors = [f"{error.json_path}: {error.message}" for error in make_validator(name).iter_errors(json.loads(text))]
        self.assertEqual(errors, [], f"{name}: {text}")
        Schema.checked.add(name)

    def run_and_check(self, name, *words, code=0):
        answer = world.run("--json", *words)
        self.assertEqual((answer.returncode, answer.stderr), (code, ""), words)
        self.check(name, answer.stdout)
        return json.loads(answer.stdout)

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_what_is_wrong_is_noticed(self):
        good = json.loads(world.run("--json", "show", "web").stdout)
        for spoil in (lambda d: d.pop("version"), lambda d: d["certificate"].pop("serial"), lambda d: d["certificate"].update(not_after=5),
                      lambda d: d["certificate"].update(new=1), lambda d: d["certificate"].update(state="READY"),
                      lambda d: d["certificate"]["generations"][0].update(number="1")):
            bad = copy.deepcopy(good)
            spoil(bad)
            self.assertFalse(make_validator("show").is_valid(bad))
        good["certificate"]["new"] = 1   # but programs take what is new
        jsonschema.Draft202012Validator(SCHEMA).validate(good)

    def test_every_verb(self):
        offline = (f"--daemon={CERTLOOMD}", f"--config-root={world.path}/root")
        self.run_and_check("status", "status")
        self.run_and_check("status", "status", "none*")
        for name in ("web", "idle", "slow"):
            self.run_and_check("show", "show", name)
        self.run_and_check("request", "request", "--template=app", "--instance=one")
        self.run_and_check("renew", "renew", "app-one")
        self.run_and_check("renew", "renew", "--due")
        self.run_and_check("renew", "renew", "web", "--no-wait")
        self.run_and_check("renew", "renew", "web", "slow")
        self.run_and_check("rollback", "rollback", "app-one")
        self.run_and_check("deliver", "deliver", "slow")
        self.run_and_check("show", "show", "slow")
        self.run_and_check("hold", "hold", "web")
        self.run_and_check("unhold", "unhold", "web")
        self.run_and_check("wait", "wait", "web", "--timeout=60s")
        self.run_and_check("export", "export", "web", f"--out={world.path}/chain.pem")
        self.run_and_check("export", "export", "web", f"--out={world.path}/leaf.der", "--format=der")
        self.run_and_check("revoke", "revoke", "app-one")
        self.run_and_check("show", "show", "app-one")
        self.run_and_check("remove", "remove", "app-one")
        self.run_and_check("reload", "reload")
        self.run_and_check("history", "history")
        self.run_and_check("config-check", "config", "check", *offline)
        self.run_and_check("config-show", "config", "show", "web", *offline)
        self.run_and_check("config-diff", "config", "diff", *offline)
        self.run_and_check("ca-list", "ca", "list")
        for name in ("lab", "fake"):
            self.run_and_check("ca-show", "ca", "show", name)
        self.run_and_check("ca-crl", "ca", "crl", "lab", f"--out={world.path}/crl.pem")
        self.run_and_check("ca-anchors", "ca", "anchors", "lab", f"--out={world.path}/anchors.pem")
        self.run_and_check("key-list", "key", "list")
        self.run_and_check("plugin-list", "plugin", "list")
        self.run_and_check("plugin-info", "plugin", "info", "ca-local")
        for words in (["status", "--all"], ["history", "--all"]):
            lines = world.run("--json", *words).stdout.splitlines()
            self.assertTrue(lines)
            for line in lines:
                self.check(f"{words[0]}-line", line)
        self.check_monitor()
        self.check_errors()
        self.assertEqual({name.removesuffix("-line") for name in Schema.checked} - {"error"}, self.list_verbs())
        self.assertEqual({each["$ref"].rpartition("/")[2] for each in SCHEMA["anyOf"]}, Schema.checked)

    def check_monitor(self):
        monitor = subprocess.Popen([CERTLOOM, f"--address={world.address}", "--json", "monitor"], stdout=subprocess.PIPE, text=True, bufsize=1)
        seen, number = set(), 0

        def read_until(word):
            while read_ready(monitor.stdout, 1):
                line = monitor.stdout.readline()
                self.check("monitor-line", line)
                seen.update(set(json.loads(line)) - {"version", "time"})
                if word in seen:
                    return

        # Until it listens nothing is told to it; and of what is removed at once only the removal is.
        while not seen >= {"certificate", "removed", "event"}:
            number += 1
            self.assertEqual(world.run("request", f"app-{number}x", "--template=app", f"--instance={number}x").returncode, 0)
            read_until("certificate")
            self.assertEqual(world.run("remove", f"app-{number}x").returncode, 0)
            read_until("removed")
        monitor.send_signal(signal.SIGINT)
        self.assertEqual(monitor.wait(60), 0)
        monitor.stdout.close()

    def check_errors(self):
        world.answer("reject")
        self.addCleanup(world.answer, "issue")
        for code, words in ((2, ["bogus"]), (2, ["show", "web", "--bogus"]), (3, ["show", "nosuch"]), (1, ["rollback", "idle"]), (7, ["renew", "slow"]),
                            (8, ["renew", "slow", "web"]), (6, ["wait", "web", "--for=expired", "--timeout=1s"]), (2, ["export", "web"])):
            self.run_and_check("error", *words, code=code)
        world.write("certificates.d/bad.certificate", "[Certificate]\nDSN=x\n")
        self.addCleanup((world.config / "certificates.d/bad.certificate").unlink)
        self.run_and_check("error", "reload", code=9)
        self.run_and_check("config-check", "config", "check", f"--daemon={CERTLOOMD}", f"--config-root={world.path}/root", code=9)

    def list_verbs(self):
        verbs = set()
        for word in subprocess.run([CERTLOOM, "complete", ""], capture_output=True, text=True).stdout.split():
            more = subprocess.run([CERTLOOM, "complete", word, ""], capture_output=True, text=True,
                                  env=world.environment() | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}).stdout.split()
            nouns = word in ("ca", "config", "key", "plugin")
            verbs |= {f"{word}-{second}" for second in more} if nouns else {word}
        return verbs - WITHOUT


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])
