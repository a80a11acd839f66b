# SPDX-License-Identifier: LGPL-2.1-or-later
"""What two places must say alike, and what must be written down."""
import os
import re

import tap

HEADINGS = ["Talks to", "Options", "Reaches outside", "Secrets", "Since"]
MARKED = re.compile(r'(?<!\w)(?:_|N_|C_|NC_|ngettext|g_dngettext)\s*\(\s*"')
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def find(pattern, path):
    return re.search(pattern, tap.read(path)).group(1)


def list_plugins():
    top = os.path.join(tap.root, "plugins")
    return sorted(name for name in os.listdir(top) if os.path.isdir(os.path.join(top, name)))


def one_plugin_abi():
    header, build = find(r"#define CLM_PLUGIN_ABI (\d+)", "core/api/clm-plugin.h"), find(r"(?m)^plugin_abi = (\d+)", "meson.build")
    if header != build:
        yield "CLM_PLUGIN_ABI is %s, plugin_abi in meson.build is %s" % (header, build)


def translatable_text_is_listed():
    listed = [line for line in tap.read("po/POTFILES.in").splitlines() if line and not line.startswith("#")]
    marked = [path for path in tap.list_files("bus", "core", "plugins", ends=(".c", ".h")) if MARKED.search(COMMENT.sub("", tap.read(path)))]
    if listed != sorted(listed):
        yield "po/POTFILES.in is not sorted"
    for path in sorted(set(marked) - set(listed)):
        yield "%s has text to translate and is not in po/POTFILES.in" % path
    for path in listed:
        if not os.path.exists(os.path.join(tap.root, path)):
            yield "po/POTFILES.in lists %s, which is not there" % path


def languages_are_there():
    languages = [word for line in tap.read("po/LINGUAS").splitlines() if not line.startswith("#") for word in line.split()]
    for language in languages:
        if not os.path.exists(os.path.join(tap.root, "po", language + ".po")):
            yield "po/LINGUAS lists %s, po/%s.po is not there" % (language, language)


def each_plugin_has_option_and_manual():
    options = tap.read("meson_options.txt")
    for name in list_plugins():
        if not re.search(r"option\('%s', type: 'feature'" % re.escape(name), options):
            yield "plugins/%s has no feature option" % name
        path = "plugins/%s/README.md" % name
        if not os.path.exists(os.path.join(tap.root, path)):
            yield "%s is missing" % path
            continue
        found = re.findall(r"(?m)^##+ (.+?)\s*$", tap.read(path))
        if [word for word in found if word in HEADINGS] != HEADINGS:
            yield "%s has not the headings %s" % (path, " · ".join(HEADINGS))


def each_room_has_a_readme():
    for path in ["README.md", "core/README.md", "core/api/README.md", "plugins/README.md", "bus/README.md", "tests/README.md"]:
        if not os.path.exists(os.path.join(tap.root, path)):
            yield "%s is missing" % path


def each_public_function_is_explained():
    """The header says something about it: a comment with its name, or one right above a group of declarations."""
    for path in tap.list_files("core/api", ends=(".h",)):
        text = tap.read(path)
        for match in re.finditer(r"(?m)^(?:CLM_EXTERN)\b[^;]*?\b(clm_\w+)\s*\(", text):
            name = match.group(1)
            if name.endswith("_get_type") or re.search(r"\*[^\n]*\b%s\b" % name, text):
                continue
            block = text[:match.start()].rsplit("\n\n", 1)[-1]
            if "*/" not in block:
                yield "%s: %s is not explained" % (path, name)


tap.run(one_plugin_abi=one_plugin_abi, translatable_text_is_listed=translatable_text_is_listed, languages_are_there=languages_are_there,
        each_plugin_has_option_and_manual=each_plugin_has_option_and_manual, each_room_has_a_readme=each_room_has_a_readme,
        each_public_function_is_explained=each_public_function_is_explained)
