# SPDX-License-Identifier: LGPL-2.1-or-later
"""What we built is hardened. Called with NAME=PATH for each program, library and module; reads them with readelf."""
import re
import subprocess
import sys

import tap

files = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
fortified = "--fortified" in sys.argv
# What a module or the library may show to the outside.
EXPORTS = {"module": re.compile(r"clm_plugin_info$"), "library": re.compile(r"_?clm_|CLM_PLUGIN_")}


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, path], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def position_independent():
    for name, path in files.items():
        if not re.search(r"Type:\s+DYN", readelf(path, "-h")):
            yield "%s is not position independent" % name


def addresses_are_read_only():
    for name, path in files.items():
        if "GNU_RELRO" not in readelf(path, "-l"):
            yield "%s has no RELRO" % name
        if not re.search(r"BIND_NOW|FLAGS_1.*NOW", readelf(path, "-d")):
            yield "%s is not bound at start" % name


def stack_is_not_executable():
    for name, path in files.items():
        match = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}(\S+)", readelf(path, "-l"))
        if not match or "E" in match.group(1):
            yield "%s may execute its stack" % name


def no_text_relocation():
    for name, path in files.items():
        if "TEXTREL" in readelf(path, "-d"):
            yield "%s has text relocations" % name


def stack_is_guarded():
    for name, path in files.items():
        if "__stack_chk_fail" not in readelf(path, "--dyn-syms"):
            yield "%s has no stack protector" % name


def calls_are_fortified():
    """Only told by some: not every module calls something that can be checked."""
    if fortified and not any(re.search(r"__\w+_chk\b", readelf(path, "--dyn-syms").replace("__stack_chk_fail", "")) for path in files.values()):
        yield "nothing was built with _FORTIFY_SOURCE"


def modules_show_one_symbol():
    for name, path in files.items():
        allowed = EXPORTS.get(name.split(":")[0])
        for line in readelf(path, "--dyn-syms").splitlines():
            match = re.match(r"\s*\d+:\s+\w+\s+\d+\s+(?:FUNC|OBJECT)\s+(?:GLOBAL|WEAK)\s+DEFAULT\s+(\d+)\s+(\S+)", line)
            if allowed and match and not allowed.match(match.group(2)):
                yield "%s shows %s" % (name, match.group(2))


def something_was_built():
    if len(files) < 3:
        yield "only %d files" % len(files)


tap.run(something_was_built=something_was_built, position_independent=position_independent, addresses_are_read_only=addresses_are_read_only,
        stack_is_not_executable=stack_is_not_executable, no_text_relocation=no_text_relocation, stack_is_guarded=stack_is_guarded,
        calls_are_fortified=calls_are_fortified, modules_show_one_symbol=modules_show_one_symbol)
