# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other tests of the house can fail: each seeded fault is found by the rule that is made for it."""
import os
import shutil
import subprocess
import sys
import tempfile

import tap

# Rule that must break → test that holds it, file, what is added to its end (or None: the file is removed).
SEEDS = [
    ("includes-only-along-the-arrows", "arrows", "core/engine/engine.c", '#include "dispatcher.h"\n'),
    ("includes-only-along-the-arrows", "arrows", "core/api/clm-key.c", '#include "writer.h"\n'),
    ("includes-only-along-the-arrows", "arrows", "plugins/notify-exec/child.c", '#include "engine.h"\n'),
    ("includes-only-along-the-arrows", "arrows", "plugins/key-file/keyring.c", '#include "ledger.h"\n'),
    ("includes-only-along-the-arrows", "arrows", "bus/cli/meson.build.c", '#include "manager.h"\n'),
    ("no-foreign-library", "arrows", "core/api/clm-key.h", "#include <openssl/evp.h>\n"),
    ("no-bus-in-core-and-plugins", "arrows", "core/engine/engine.c", "static GDBusConnection *bus;\n"),
    ("no-plugin-by-name-in-core", "arrows", "core/engine/engine.c", 'const char *ca = "ca-local";\n'),
    ("plugins-declare-no-more", "arrows", "plugins/key-file/meson.build", "plugin_deps += [engine_dep]\n"),
    ("api-shows-no-foreign-type", "arrows", "core/api/clm-key.h", "X509 *clm_key_get (void);\n"),
    ("has-licence-line", "files", "core/engine/new.c", "int x;\n"),
    ("nothing-unfinished", "files", "core/engine/engine.c", "/* TO" "DO */\n"),
    ("no-forbidden-call", "files", "core/engine/engine.c", "void f (char *a) { strcpy (a, a); }\n"),
    ("lines-are-whole", "files", "core/engine/engine.c", "int x; \n"),
    ("corpus-is-licensed", "files", "tests/fuzz/corpus/REUSE.toml", None),
    ("links-lead-somewhere", "files", "bus/README.md", "[x](nowhere.md)\n"),
    ("one-plugin-abi", "promises", "core/api/clm-plugin.h", None),
    ("translatable-text-is-listed", "promises", "bus/new.c", 'const char *x = _("text");\n'),
    ("each-plugin-has-option-and-manual", "promises", "plugins/key-file/README.md", None),
    ("each-public-function-is-explained", "promises", "core/api/clm-key.h", "\nCLM_EXTERN void clm_key_unheard_of (void);\n"),
]


def copy_tree(target):
    for path in tap.list_files():
        os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
        shutil.copyfile(os.path.join(tap.root, path), os.path.join(target, path))


def plant(path, text):
    if path.endswith("clm-plugin.h") and text is None:
        with open(path, encoding="utf-8") as file:
            changed = file.read().replace("#define CLM_PLUGIN_ABI ", "#define CLM_PLUGIN_ABI 9")
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)
    elif text is None:
        os.remove(path)
    else:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def list_broken(tree, test):
    """The rules that the copy of the tree breaks."""
    done = subprocess.run([sys.executable, "-B", os.path.join(tap.root, "tests/house/test-%s.py" % test)],
                          env={**os.environ, "HOUSE_ROOT": tree}, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    return [line.split("/house/")[1] for line in done.stdout.splitlines() if line.startswith("not ok")]


def finds(tree, rule, test, path, text):
    full = os.path.join(tree, path)
    before = None
    if os.path.exists(full):
        with open(full, "rb") as file:
            before = file.read()
    plant(full, text)
    broken = list_broken(tree, test)
    if before is None:
        os.remove(full)
    else:
        with open(full, "wb") as file:
            file.write(before)
    return rule in broken


def each_seed_is_found():
    with tempfile.TemporaryDirectory() as tree:
        copy_tree(tree)
        for test in sorted({test for _, test, _, _ in SEEDS}):
            for rule in list_broken(tree, test):
                yield "%s is broken before anything is planted" % rule
        for rule, test, path, text in SEEDS:
            if not finds(tree, rule, test, path, text):
                yield "%s does not see what was done to %s" % (rule, path)


tap.run(each_seeded_fault_is_found=each_seed_is_found)
