# SPDX-License-Identifier: MIT
"""Asks certloomd over D-Bus, with nothing but gdbus and the standard library."""
import ast
import re
import subprocess
from collections import namedtuple

NAME = "org.certloom.Certloom1"
PATH = "/org/certloom/Certloom1"
# What GVariant text has and Python has not, outside of strings: types of numbers and of empty containers, true and false.
TOKENS = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
                    r"""|(?:byte|u?int16|u?int32|u?int64|handle|objectpath|signature|@[a-z(){}]+) """
                    r"""|\btrue\b|\bfalse\b""")
WORDS = {"true": "True", "false": "False"}

Event = namedtuple("Event", "number time kind severity subject_kind subject message fields")
Row = namedtuple("Row", "path name state delivery authority store not_before not_after action next_time attempts message")


def parse(text):
    return ast.literal_eval(TOKENS.sub(lambda m: m.group(1) or WORDS.get(m.group(0), ""), text))


def call(address, method, *arguments):
    command = ["gdbus", "call", "--address", address, "--dest", NAME, "--object-path", PATH,
               "--method", NAME + ".Manager." + method, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise OSError(done.stderr.strip())
    return parse(done.stdout)


def list_certificates(address):
    rows, cursor = [], ""
    while True:
        page, cursor = call(address, "ListCertificates", "{}", cursor, "0", "{}")
        rows += [Row(*row) for row in page]
        if not cursor:
            return rows


def load_history(address):
    """Everything that happened, oldest first."""
    events, before = [], 0
    while True:
        page = call(address, "GetHistory", "", str(before), "1000", "{}")[0]
        if not page:
            return events[::-1]
        events += [Event(*row) for row in page]
        before = events[-1].number
