# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every file must have and must not have."""
import os
import re

import tap

CORPUS = "tests/fuzz/corpus/"   # bytes as they are; one file beside them says their licence
files = [path for path in tap.list_files() if not path.startswith(CORPUS) or path == CORPUS + "REUSE.toml"]
NO_LICENCE_LINE = ("COPYING", "LICENSES/")
SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Whole words, so that e.g. "g_error_new" and "clm_strcat" are not meant.
FORBIDDEN_CALLS = re.compile(r"(?<![\w.>])(g_error|strcpy|strcat|sprintf|vsprintf|gets|system|popen|tmpnam|mktemp|alloca)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"", re.S)


def get_wanted_licences(path):
    if path.startswith("bus/xml/"):
        return ["CC0-1.0"]
    if path.startswith("examples/") or path.endswith((".delivery", ".keystore", ".authority", ".certificate", ".notifier")):
        return ["MIT", "CC0-1.0", "LGPL-2.1-or-later"]
    return ["LGPL-2.1-or-later"]


def has_licence_line():
    for path in files:
        if path.startswith(NO_LICENCE_LINE):
            continue
        found = SPDX.search("\n".join(tap.read(path).splitlines()[:6]))
        if not found:
            yield "%s has no SPDX-License-Identifier in its first lines" % path
        elif found.group(1) not in get_wanted_licences(path):
            yield "%s is under %s" % (path, found.group(1))


def corpus_is_licensed():
    text = tap.read(CORPUS + "REUSE.toml") if CORPUS + "REUSE.toml" in files else ""
    if not re.search(r'(?m)^path = "\*\*"$', text) or not re.search(r'(?m)^SPDX-License-Identifier = "LGPL-2.1-or-later"$', text):
        yield CORPUS + "REUSE.toml does not license all seeds"


def licences_are_there():
    for path in files:
        found = SPDX.search(tap.read(path)) if not path.startswith(NO_LICENCE_LINE) else None
        if found and "LICENSES/%s.txt" % found.group(1) not in files:
            yield "%s: LICENSES/%s.txt is missing" % (path, found.group(1))


def nothing_unfinished():
    for path in files:
        if path.startswith("LICENSES/") or path == "tests/house/test-files.py":
            continue
        for number, line in enumerate(tap.read(path).splitlines(), 1):
            if UNFINISHED.search(line):
                yield "%s:%d: %s" % (path, number, line.strip())


def no_forbidden_call():
    for path in files:
        if not path.startswith(("core/", "plugins/", "bus/")) or not path.endswith((".c", ".h")):
            continue
        text = COMMENT.sub("", tap.read(path))
        for match in FORBIDDEN_CALLS.finditer(text):
            yield "%s calls %s" % (path, match.group(1))
        if re.search(r"\bgoto\b", text):
            yield "%s has a goto" % path


def lines_are_whole():
    for path in files:
        if path.startswith("LICENSES/"):
            continue
        text = tap.read(path)
        if "\r" in text or "\t" in text and path.endswith((".c", ".h", ".py", ".xml")):
            yield "%s has tabs or carriage returns" % path
        if text and not text.endswith("\n"):
            yield "%s: its last line has no end" % path
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                yield "%s:%d: blanks at the end" % (path, number)


def headers_begin_once():
    for path in files:
        if path.endswith(".h") and path.startswith(("core/", "plugins/", "bus/")) and "#pragma once" not in tap.read(path):
            yield "%s has no #pragma once" % path


def links_lead_somewhere():
    """Relative links in Markdown."""
    for path in files:
        if not path.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", tap.read(path)):
            if not os.path.exists(os.path.join(tap.root, os.path.dirname(path), target)):
                yield "%s points to %s" % (path, target)


tap.run(has_licence_line=has_licence_line, corpus_is_licensed=corpus_is_licensed, licences_are_there=licences_are_there, nothing_unfinished=nothing_unfinished,
        no_forbidden_call=no_forbidden_call, lines_are_whole=lines_are_whole, headers_begin_once=headers_begin_once,
        links_lead_somewhere=links_lead_somewhere)
