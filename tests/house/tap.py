# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the house rules share: the tree's files, and TAP output."""
import os
import sys

root = os.environ.get("HOUSE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def list_files(*tops, ends=("",)):
    """Paths below the root, of sources only: nothing that is built or git's."""
    found = []
    for top in tops or ("",):
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = [name for name in folders if not name.startswith("build") and name not in (".git", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(ends)]
    return sorted(path for path in found if path != ".git" and not os.path.islink(os.path.join(root, path)))


def read(path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def run(**rules):
    """Each rule yields what breaks it. Keywords name the rules: never_this → /house/never-this."""
    failed = False
    print("1..%d" % len(rules))
    for number, (name, rule) in enumerate(rules.items(), 1):
        broken = list(rule())
        for text in broken:
            print("# " + text)
        print("%sok %d /house/%s" % ("not " if broken else "", number, name.replace("_", "-")))
        failed = failed or bool(broken)
    sys.exit(failed)
