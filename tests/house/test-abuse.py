# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each abuse case is tested where tests/abuse/cases.txt says so, or waits for a part that does not exist yet."""
import os
import re

import tap

TABLE = "tests/abuse/cases.txt"
LAST = 55


def list_rows():
    for line in tap.read(TABLE).splitlines():
        if line and not line.startswith("#"):
            number, what, where = (field.strip() for field in line.split("|"))
            yield int(number), what, where


def has_test(path, name):
    """The name is in quotes in the file, alone or at the end of a path."""
    return os.path.exists(os.path.join(tap.root, path)) and re.search(r'["/]%s["\']' % re.escape(name), tap.read(path))


def each_case_has_a_row():
    rows = list(list_rows())
    numbers = [number for number, what, where in rows]
    if numbers != sorted(numbers):
        yield "%s is not sorted" % TABLE
    for number in sorted(set(range(1, LAST + 1)).symmetric_difference(numbers)):
        yield "case %d is missing or too much" % number
    for number in sorted(set(numbers)):
        if not next(what for other, what, where in rows if other == number):
            yield "case %d does not say what happens" % number


def each_test_is_there():
    for number, what, where in list_rows():
        if where.startswith("waits for "):
            continue
        path, name = where.split(" ", 1)
        if not has_test(path, name):
            yield "case %d: %s has no test %s" % (number, path, name)


def each_case_is_carried_by_a_name():
    rows = list(list_rows())
    for number in sorted({number for number, what, where in rows}):
        own = [where for other, what, where in rows if other == number]
        if not any(where.startswith("waits for ") or " safety-%d-" % number in where for where in own):
            yield "case %d: no test is called safety-%d-…" % (number, number)


def each_numbered_test_has_a_row():
    listed = {where for number, what, where in list_rows()}
    for path in tap.list_files("tests", ends=(".c", ".py")):
        if path.startswith("tests/house/"):
            continue
        for number, name in re.findall(r'["/](?=(safety-\d+)-)([a-z0-9%-]+)"', tap.read(path)):
            if "%s %s" % (path, name) not in listed:
                yield "%s %s is not in %s" % (path, name, TABLE)


tap.run(each_case_has_a_row=each_case_has_a_row, each_test_is_there=each_test_is_there,
        each_case_is_carried_by_a_name=each_case_is_carried_by_a_name, each_numbered_test_has_a_row=each_numbered_test_has_a_row)
