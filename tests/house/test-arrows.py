# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom: the arrows that README.md draws. Reads every #include in core, plugins and bus."""
import os
import re
from collections import defaultdict

import tap

# Folder → the folders whose headers it may see, beside its own. For a plugin also what its meson.build declares (below).
MAY_SEE = {
    "core/api": [],
    "core/sql": ["core/api"],
    "core/conf": ["core/api"],
    "core/x509": ["core/api"],
    "core/http": ["core/api"],
    "core/engine": ["core/api", "core/conf", "core/sql", "core/x509"],
    "core/delivery": ["core/api", "core/conf", "core/x509"],
    "bus": ["core/api", "core/conf", "core/engine"],
    "bus/cli": [],
}
# Names that say where things are on the bus: what the command and the daemon have in common.
SHARED_BY_BUS = ["names.h"]
DECLARED = {"sql_dep": "core/sql", "x509_dep": "core/x509", "http_dep": "core/http"}
# Folder → system headers that it must not see: what belongs to one folder stays there.
FOREIGN = {
    "core/api": r"openssl/|tss2|libsoup|gnutls|sqlite3|json-glib|p11-kit",
    "core/sql": r"openssl/|tss2|libsoup|gnutls",
    "core/conf": r"openssl/|tss2|libsoup|gnutls|sqlite3",
    "core/x509": r"tss2|libsoup|gnutls|sqlite3",
    "core/engine": r"tss2|libsoup|gnutls|sqlite3|json-glib",
    "core/delivery": r"tss2|libsoup|gnutls|sqlite3|gio/gdbus",
    "bus": r"openssl/|tss2|libsoup|gnutls|sqlite3",
    "bus/cli": r"openssl/|tss2|libsoup|gnutls|sqlite3",
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)

sources = tap.list_files("core", "plugins", "bus", ends=(".c", ".h", ".h.in"))
homes = defaultdict(set)
for header in sources:
    if header.endswith(".h"):
        homes[os.path.basename(header)].add(os.path.dirname(header))


def list_visible(folder):
    if not folder.startswith("plugins/"):
        return MAY_SEE.get(folder)
    build = tap.read(folder + "/meson.build")
    return ["core/api"] + [home for name, home in DECLARED.items() if re.search(r"\b%s\b" % name, build)]


def list_includes(pattern_group):
    for path in sources:
        for match in INCLUDE.finditer(tap.read(path)):
            if match.group(pattern_group):
                yield path, os.path.dirname(path), match.group(pattern_group)


def is_seen(folder, header, where):
    visible = [folder] + list_visible(folder)
    if folder == "bus/cli" and os.path.basename(header) in SHARED_BY_BUS:
        visible += ["bus"]
    return bool(where & set(visible))


def only_along_the_arrows():
    for path, folder, header in list_includes(1):
        where = homes.get(os.path.basename(header))
        if list_visible(folder) is None:
            yield "%s: the folder is not in MAY_SEE" % path
        elif where and not is_seen(folder, header, where):
            yield "%s includes %s of %s" % (path, header, " or ".join(sorted(where)))


def no_foreign_library():
    for path, folder, header in list_includes(2):
        if folder in FOREIGN and re.match(FOREIGN[folder], header):
            yield "%s includes <%s>" % (path, header)


def no_bus_in_core_and_plugins():
    for path in sources:
        if path.startswith(("core/", "plugins/")) and re.search(r"\bGDBus|\bg_dbus_|\bg_bus_", COMMENT.sub("", tap.read(path))):
            yield "%s speaks D-Bus" % path


def no_plugin_by_name_in_core():
    names = [folder for folder in os.listdir(os.path.join(tap.root, "plugins")) if os.path.isdir(os.path.join(tap.root, "plugins", folder))]
    pattern = re.compile(r'"(%s)"' % "|".join(names))
    for path in sources:
        match = pattern.search(COMMENT.sub("", tap.read(path))) if path.startswith("core/") else None
        if match:
            yield "%s names the plugin %s" % (path, match.group(1))


def plugins_declare_no_more():
    for path in tap.list_files("plugins", ends=("meson.build",)):
        match = re.search(r"\b(engine|conf|delivery|bus|cli)_dep\b", re.sub("#.*", "", tap.read(path)))
        if match and path != "plugins/meson.build":
            yield "%s declares %s" % (path, match.group(0))


def api_shows_no_foreign_type():
    foreign = re.compile(r"\b(X509|EVP_|BIO|ASN1_|OSSL_|TSS2_|ESYS_|SoupSession|SoupMessage|GDBus|GKeyFile|sqlite3)\w*")
    for path in sources:
        match = foreign.search(COMMENT.sub("", tap.read(path))) if path.startswith("core/api/") and path.endswith((".h", ".h.in")) else None
        if match:
            yield "%s: %s" % (path, match.group(0))


def there_is_something_to_read():
    if len(sources) < 100:
        yield "only %d files found" % len(sources)


tap.run(there_is_something_to_read=there_is_something_to_read, includes_only_along_the_arrows=only_along_the_arrows,
        no_foreign_library=no_foreign_library, no_bus_in_core_and_plugins=no_bus_in_core_and_plugins,
        no_plugin_by_name_in_core=no_plugin_by_name_in_core, plugins_declare_no_more=plugins_declare_no_more,
        api_shows_no_foreign_type=api_shows_no_foreign_type)
