# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Says whether a state directory is as it must be. Independent: the openssl command, the file system, and Python's own SQLite; nothing
of certloom's. What it knows is the documented layout.
"""

import hashlib
import os
import re
import sqlite3
import subprocess
import tempfile

BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.S)
MODES = {"cert.pem": 0o644, "chain.pem": 0o644, "fullchain.pem": 0o644, "trust.pem": 0o644, "key.pem": 0o600, "combined.pem": 0o600}
FILES = tuple(MODES)


class Verdicts:
    """What openssl said, by content: most files are the same in each run."""

    def __init__(self):
        self.known = {}

    def openssl(self, arguments, *contents):
        key = (tuple(arguments), *[hashlib.sha256(c.encode()).digest() for c in contents])
        if key not in self.known:
            with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as scratch:
                names = []
                for i, content in enumerate(contents):
                    names.append(os.path.join(scratch, str(i)))
                    with open(names[-1], "w", encoding="utf-8", errors="surrogateescape") as file:
                        file.write(content)
                command = ["openssl", *[names[int(a[1:])] if re.fullmatch(r"@\d", a) else a for a in arguments]]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                self.known[key] = (done.returncode, done.stdout, done.stderr)
        return self.known[key]

    def public_of_key(self, pem):
        return self.openssl(["pkey", "-in", "@0", "-pubout"], pem)[1]

    def public_of_certificate(self, pem):
        return self.openssl(["x509", "-in", "@0", "-noout", "-pubkey"], pem)[1]

    def chains(self, leaf, chain, trust):
        if not chain.strip():
            code, _, text = self.openssl(["verify", "-CAfile", "@0", "@1"], trust, leaf)
        else:
            code, _, text = self.openssl(["verify", "-CAfile", "@0", "-untrusted", "@1", "@2"], trust, chain, leaf)
        return code == 0, text.strip()

    def serial(self, pem):
        return self.openssl(["x509", "-in", "@0", "-noout", "-serial"], pem)[1].strip().partition("=")[2].lower()

    def crl(self, pem, anchors):
        """(signature is right, number, serials in it)"""
        code, out, err = self.openssl(["crl", "-in", "@0", "-noout", "-text", "-CAfile", "@1"], pem, anchors)
        number = re.search(r"X509v3 CRL Number:\s*\n?\s*(\w+)", out)
        serials = [s.lower().lstrip("0") for s in re.findall(r"Serial Number: ([0-9A-F]+)", out)]
        return code == 0 and "verify OK" in err + out, int(number.group(1), 0) if number else -1, serials


VERDICTS = Verdicts()


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def blocks(pem, kind):
    return [m.group(0) for m in BLOCK.finditer(pem) if m.group(1) == kind]


def check_pair(what, leaf, key):
    mine, other = VERDICTS.public_of_certificate(leaf), VERDICTS.public_of_key(key)
    if not mine or not other:
        return [f"{what}: cannot be parsed"]
    return [] if mine == other else [f"{what}: key and certificate do not belong together"]


def check_combined(what, text):
    """A file with key, leaf and issuers."""
    keys, certificates = blocks(text, "PRIVATE KEY"), blocks(text, "CERTIFICATE")
    if len(keys) != 1 or not certificates:
        return [f"{what}: {len(keys)} keys, {len(certificates)} certificates"]
    return check_pair(what, certificates[0], keys[0])


def check_generation(directory, what, just_cut=False):
    """
    Every file there, meta says what they are, pair matches, chain verifies. just_cut: its last name may be missing, as long as nobody
    has started the daemon again.
    """
    try:
        unnamed = just_cut and not os.path.exists(f"{directory}/meta")
        meta = read(f"{directory}/meta.new" if unnamed else f"{directory}/meta")
        texts = {name: read(f"{directory}/{name}") for name in FILES}
    except OSError as error:
        return [f"{what}: {error}"]
    return check_texts(meta, texts, what)


def check_texts(meta, texts, what):
    problems = []
    body, seal, rest = meta.rpartition("\n[Seal]\n")
    if not seal or f"Sha256={hashlib.sha256(body.encode()).hexdigest()}\n" not in rest:
        problems.append(f"{what}: the seal of meta is broken")
    for name, text in texts.items():
        digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        if f"\n{name}={digest}\n" not in meta:
            problems.append(f"{what}: {name} is not what meta says")
    problems += check_pair(f"{what}/cert.pem", texts["cert.pem"], texts["key.pem"])
    problems += check_combined(f"{what}/combined.pem", texts["combined.pem"])
    if blocks(texts["fullchain.pem"], "CERTIFICATE")[:1] != blocks(texts["cert.pem"], "CERTIFICATE"):
        problems.append(f"{what}: fullchain.pem begins with another certificate")
    good, text = VERDICTS.chains(texts["cert.pem"], texts["chain.pem"], texts["trust.pem"])
    if not good:
        problems.append(f"{what}: the chain does not verify: {text}")
    return problems


def meta_value(text, key):
    match = re.search(rf"^{key}=(.*)$", text, re.M)
    return match.group(1) if match else ""


class State:
    """A state directory."""

    def __init__(self, path):
        self.path = path

    def names(self):
        try:
            return sorted(os.listdir(f"{self.path}/certificates"))
        except FileNotFoundError:
            return []

    def current(self, name):
        """Number of the current generation; 0: none."""
        try:
            return int(os.readlink(f"{self.path}/certificates/{name}/current").rpartition("/")[2])
        except OSError:
            return 0

    def generations(self, name):
        try:
            return sorted(int(n) for n in os.listdir(f"{self.path}/certificates/{name}/gen") if n.isdigit())
        except FileNotFoundError:
            return []

    def complete(self, name):
        return [n for n in self.generations(name) if os.path.exists(f"{self.directory(name, n)}/meta")]

    def directory(self, name, number):
        return f"{self.path}/certificates/{name}/gen/{number:06d}"

    def check_current(self, names):
        """Each of these has one complete current generation."""
        problems = []
        for name in names:
            number = self.current(name)
            if number == 0:
                problems.append(f"{name}: lost, nothing is current")
            else:
                problems += check_generation(self.directory(name, number), f"{name}/{number}")
        return problems

    def check_all(self):
        """What counts as complete is so, not only what is current."""
        problems = []
        for name in self.names():
            for number in self.complete(name):
                found = check_generation(self.directory(name, number), f"{name}/{number}")
                # A running daemon may have begun to remove it meanwhile.
                problems += found if number in self.complete(name) else []
        return problems

    def check_modes(self):
        """Consumers can pass through to what is current, and read what they may."""
        found = []

        def check(path, mode):
            real = os.stat(f"{self.path}/{path}").st_mode & 0o7777
            found.extend([f"{path or 'the state directory'} has the mode {real:o}"] if real != mode else [])

        check("", 0o711)
        check("certificates", 0o711)
        for name in self.names():
            number = self.current(name)
            directories = [f"certificates/{name}", f"certificates/{name}/gen", f"certificates/{name}/gen/{number:06d}"] if number else []
            for directory in directories:
                check(directory, 0o755)
            for file, mode in MODES.items() if number else ():
                check(f"{directories[-1]}/{file}", mode)
        return found

    def key_files(self):
        try:
            return sorted(n for n in os.listdir(f"{self.path}/backends/keystore/file") if n.endswith(".pem"))
        except FileNotFoundError:
            return []

    def check_keys(self):
        """Of every kept generation the key is still in its store, and is the right one."""
        problems = []
        for name in self.names():
            for number in self.complete(name):
                meta = read(f"{self.directory(name, number)}/meta")
                path = f"{self.path}/backends/keystore/file/{meta_value(meta, 'KeyUri').rpartition('/')[2]}.pem"
                try:
                    problems += check_pair(f"{name}/{number}: key in the store", read(f"{self.directory(name, number)}/cert.pem"), read(path))
                except OSError as error:
                    problems.append(f"{name}/{number}: {error}")
        return problems

    def orphans(self):
        """Keys that no generation names."""
        named = set()
        for name in self.names():
            for number in self.complete(name):
                named.add(meta_value(read(f"{self.directory(name, number)}/meta"), "KeyUri").rpartition("/")[2] + ".pem")
        return [n for n in self.key_files() if n.startswith("cert.") and n not in named]

    def leftovers(self):
        """Temporary names, and generations that were never finished."""
        found = []
        for directory, folders, files in os.walk(self.path):
            for name in files + folders:
                if re.search(r"\.new|\.tmp|~$|\.removing|^\.current", name):
                    found.append(os.path.relpath(os.path.join(directory, name), self.path))
        for name in self.names():
            for number in sorted(set(self.generations(name)) - set(self.complete(name))):
                found.append(f"{name}: generation {number} without meta")
            if not self.generations(name):
                found.append(f"{name}: an empty directory")
        return found

    # The private CA's own records

    def ledger(self, query, authority="plant"):
        path = f"{self.path}/backends/authority/{authority}/ledger.db"
        if not os.path.exists(path):
            return []
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        except sqlite3.Error:
            return []
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def issued(self):
        """How many certificates the CA has signed, by name."""
        rows = self.ledger("SELECT name, count (*) FROM certificate WHERE state IN (0, 1) AND name IS NOT NULL GROUP BY name")
        return dict(rows)

    def revoked(self):
        return [row[0].hex().lstrip("0") for row in self.ledger("SELECT serial FROM certificate WHERE revoked_at IS NOT NULL")]

    def check_authority(self, least_number=0, authority="plant"):
        """The root is there, its key is, the published list is signed, not older than it was, and tells all revocations."""
        directory = f"{self.path}/backends/authority/{authority}"
        problems = []
        try:
            root = read(f"{directory}/root.pem")
            problems += check_pair("the CA", root, read(f"{self.path}/backends/keystore/file/authority.{authority}.root.pem"))
            good, number, serials = VERDICTS.crl(read_crl(f"{directory}/root.crl"), root)
            public_good, public_number, public = VERDICTS.crl(read(f"{self.path}/authorities/{authority}/crl.pem"), root)
        except OSError as error:
            return [f"the CA: {error}"]
        if not good or not public_good:
            problems.append("the CA: its list does not verify")
        if public_number < least_number or number < least_number:
            problems.append(f"the CA: list number {number}, published {public_number}, was {least_number}")
        for serial in self.revoked():
            if serial not in serials or serial not in public:
                problems.append(f"the CA: {serial} is revoked and not in the list")
        return problems

    def crl_number(self, authority="plant"):
        try:
            root = read(f"{self.path}/backends/authority/{authority}/root.pem")
            return VERDICTS.crl(read(f"{self.path}/authorities/{authority}/crl.pem"), root)[1]
        except OSError:
            return 0


def read_crl(path):
    """As PEM, whichever it is."""
    with open(path, "rb") as file:
        raw = file.read()
    if raw.startswith(b"-----"):
        return raw.decode()
    done = subprocess.run(["openssl", "crl", "-inform", "DER"], input=raw, capture_output=True, check=False)
    return done.stdout.decode()


def check_target(directory, torn_is_fine=False):
    """What a consumer has: combined.pem by itself, and key.pem with cert.pem."""
    problems = []
    texts = {}
    for name in ("combined.pem", "key.pem", "cert.pem"):
        try:
            texts[name] = read(f"{directory}/{name}")
        except OSError as error:
            problems.append(f"consumer: {error}")
    if problems:
        return problems
    problems += check_combined("consumer/combined.pem", texts["combined.pem"])
    if not torn_is_fine:
        problems += check_pair("consumer", blocks(texts["cert.pem"], "CERTIFICATE")[0], texts["key.pem"])
    return problems


def target_leftovers(directory):
    return [n for n in os.listdir(directory) if n not in ("combined.pem", "key.pem", "cert.pem", "told")] if os.path.isdir(directory) else []
