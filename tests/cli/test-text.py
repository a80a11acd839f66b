#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command tells of itself agrees everywhere: help, completion, manual page, translation.

test-text.py SOURCE CERTLOOM
"""
import os
import pathlib
import re
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(sys.argv[1])
CERTLOOM = sys.argv[2]
NOUNS = ("config", "ca", "key", "plugin")


def run(*words):
    environment = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="C", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    return subprocess.run([CERTLOOM, *words], capture_output=True, text=True, timeout=60, env=environment)


def complete(*words):
    return run("complete", *words).stdout.split()


def list_verbs():
    verbs = []
    for word in complete(""):
        verbs += [f"{word} {second}" for second in complete(word, "")] if word in NOUNS else [word]
    return verbs


def find_options(text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", text))


def options_in_help(verb):
    lines = run("help", *verb.split()).stdout.splitlines()
    return set().union(*(find_options(line.split("  ")[1]) for line in lines if re.match(r"  -", line)))


class Text(unittest.TestCase):
    def test_help_and_completion_list_the_same_options(self):
        for verb in list_verbs():
            completed = {word.lstrip("-").rstrip("=") for word in complete(*verb.split(), "--")}
            self.assertTrue(completed, verb)
            self.assertEqual(options_in_help(verb), completed, verb)

    def test_help_of_each_verb_is_an_answer(self):
        for verb in list_verbs():
            for words in (["help", *verb.split()], [*verb.split(), "--help"]):
                answer = run(*words)
                self.assertEqual((answer.returncode, answer.stderr), (0, ""), words)
                self.assertIn(f"certloom {verb}", answer.stdout)

    def test_manual_page_names_each_verb_and_option(self):
        page = (SOURCE / "bus/man/certloom.1.rst").read_text()
        verbs, options = list_verbs(), set()
        for verb in verbs:
            self.assertIn(f"``{verb}``", page)
            options |= options_in_help(verb)
        self.assertEqual(find_options(page.replace("--wait=", "--wait ")), options)

    def test_manual_page_names_each_exit_code(self):
        page = (SOURCE / "bus/man/certloom.1.rst").read_text()
        section = page.split("EXIT STATUS")[1].split("ENVIRONMENT")[0]
        self.assertEqual(re.findall(r"^(\d)$", section, re.M), [str(code) for code in range(10)])

    def test_each_file_with_text_is_listed_for_translators(self):
        marked = {str(path.relative_to(SOURCE)) for path in (SOURCE / "bus/cli").glob("*.[ch]")
                  if re.search(r"\bN?_\(|ngettext \(", path.read_text())}
        listed = [line for line in (SOURCE / "po/POTFILES.in").read_text().splitlines() if line and not line.startswith("#")]
        self.assertEqual({path for path in listed if path.startswith("bus/cli/")}, marked)
        self.assertEqual(listed, sorted(listed))

    def test_german_is_complete(self):
        listed = [line for line in (SOURCE / "po/POTFILES.in").read_text().splitlines() if line.endswith((".c", ".h"))]
        pot = subprocess.run(["xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_", "--keyword=ngettext:1,2", "-o", "-", *listed],
                             cwd=SOURCE, capture_output=True, text=True, check=True).stdout
        po = str(SOURCE / "po/de.po")
        subprocess.run(["msgfmt", "--check-format", "--check-domain", "-o", "/dev/null", po], check=True, capture_output=True)
        # msgcmp fails for whatever is in the sources but not translated, or fuzzy
        compared = subprocess.run(["msgcmp", po, "-"], input=pot, capture_output=True, text=True)
        self.assertEqual(compared.returncode, 0, compared.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
