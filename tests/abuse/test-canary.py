#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets with known bytes go through the daemon; afterwards they are nowhere but where the manual says.

An imported CA key, the keys that it makes itself, and a token behind a secret reference that is of no use. Looked through are the
log with debug messages, what notify-exec is given, all messages of the bus, what the command prints, all files of the state, and,
as root, the whole memory of the daemon: after the operations nothing may be left in it, be it on the heap, on a stack, or freed.
"""
import base64
import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import world  # noqa: E402

TOKEN = "canary-7f1d-of-no-use-4c0e-but-long-enough-93ab"
DOCUMENTED = re.compile(r"backends/keystore/file/[^/]+\.pem|certificates/[^/]+/gen/\d+/(key|combined)\.pem")
NOTIFIER = "#!/bin/sh\ncat >> {folder}/told\necho >> {folder}/told\n"


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def get_scalar(pem):
    """The private half of an EC key, as 32 bytes."""
    text = subprocess.run(["openssl", "pkey", "-noout", "-text"], input=pem, check=True, capture_output=True, text=True).stdout
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)pub:", text).group(1)
    return bytes.fromhex(re.sub(r"[:\s]", "", digits))[-32:]


def list_shapes(secret, pem=""):
    """What the bytes look like raw, as the words of a big number, in hex, and in the lines of PEM."""
    shapes = {secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)}
    body = "".join(line for line in pem.splitlines() if line and not line.startswith("-"))
    body = body[body.index("MI"):] if body else ""
    offset = base64.b64decode(body).find(secret) if body else -1
    if offset >= 0:
        first, last = -(-offset // 3) * 4, (offset + len(secret)) // 3 * 4
        for begin in range(first, last, 4):
            piece = body[begin:min(last, (begin // 64 + 1) * 64)]
            if (begin == first or begin % 64 == 0) and len(piece) >= 12:
                shapes.add(piece.encode())
    return shapes


class Canaries:
    def __init__(self):
        self.shapes = {}   # bytes → whose

    def add(self, name, secret, pem=""):
        for shape in list_shapes(secret, pem):
            self.shapes[shape] = name

    def find(self, data):
        return sorted({name for shape, name in self.shapes.items() if shape in data})


class Report:
    def __init__(self):
        self.number = 0
        self.failed = False

    def tell(self, name, found, skip=""):
        self.number += 1
        for text in found:
            print("# " + text)
        print("%sok %d /canary/%s%s" % ("not " if found else "", self.number, name, " # SKIP " + skip if skip else ""), flush=True)
        self.failed = self.failed or bool(found)


def make_ca(path):
    """A CA with a key that is known."""
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{path}/ca-key.pem")
    os.chmod(f"{path}/ca-key.pem", 0o600)
    run("openssl", "req", "-x509", "-new", "-key", f"{path}/ca-key.pem", "-subj", "/CN=Canary root", "-days", "300",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", f"{path}/ca.pem")
    os.chmod(f"{path}/ca.pem", 0o644)
    return (path / "ca-key.pem").read_text()


def configure(place):
    secrets = place.path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "token").write_text(TOKEN)
    (secrets / "token").chmod(0o600)
    pem = make_ca(secrets)
    script = place.path / "notify"
    script.write_text(NOTIFIER.format(folder=place.path))
    script.chmod(0o755)
    place.write("authorities.d/lab.authority",
                f"[Authority]\nPlugin=ca-local\nKeyStore=file\nImportCertificate={secrets}/ca.pem\nImportKey=file:{secrets}/ca-key.pem\n")
    place.write("authorities.d/token.authority",
                f"[Authority]\nPlugin=ca-local\nKeyStore=file\nImportCertificate={secrets}/ca.pem\nImportKey=file:{secrets}/token\n")
    place.write("certificates.d/web.certificate",
                "[Certificate]\nDNS=web.example\nAuthority=lab\nKeyStore=file\nValidity=10d\nExportable=yes\nRotateKey=always\n")
    place.write("certificates.d/vain.certificate", "[Certificate]\nDNS=vain.example\nAuthority=token\nKeyStore=file\nValidity=10d\n")
    place.write("notifiers.d/all.notifier", f"[Notifier]\nPlugin=notify-exec\nCommand={script}\nMinSeverity=debug\n")
    return pem


def watch_bus(place):
    """Every message, as bytes."""
    path = place.path / "messages"
    monitor = subprocess.Popen(["dbus-monitor", "--address", place.address, "--pcap"], stdout=open(path, "wb"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while path.stat().st_size < 24 and time.monotonic() < deadline:   # the head of the file: it listens
        time.sleep(0.01)
    return monitor, path


def exercise(place):
    """Everything that touches keys. Returns what was printed."""
    said = ""
    for words in (["renew", "web"], ["renew", "web"], ["renew", "vain"], ["show", "web"], ["show", "vain"], ["ca", "show", "lab"],
                  ["ca", "show", "token"], ["history"], ["--json", "history"], ["--json", "show", "web"], ["rollback", "web"],
                  ["renew", "web"], ["revoke", "web", "--reason=superseded"], ["reload"], ["status"]):
        answer = place.run(*words)
        said += answer.stdout + answer.stderr
    for name in ("false", "true"):
        answer = subprocess.run(["busctl", f"--address={place.address}", "call", "org.certloom.Certloom1", "/org/certloom/Certloom1/certificate/web",
                                 "org.certloom.Certloom1.Certificate", "GetCredentialFds", "a{sv}", "1", "key", "b", name], capture_output=True, text=True)
        said += answer.stdout + answer.stderr
    return said


def gather_keys(place, canaries):
    for path in (place.path / "state/backends/keystore/file").glob("*.pem"):
        pem = path.read_text()
        canaries.add(path.name, get_scalar(pem), pem[pem.index("-----"):])


def search_state(place, canaries):
    documented, found = 0, []
    for path in sorted((place.path / "state").rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = str(path.relative_to(place.path / "state"))
        hits = canaries.find(path.read_bytes())
        if DOCUMENTED.fullmatch(name):
            documented += bool(hits)
            if path.stat().st_mode & 0o007:
                found.append(f"{name} is open to everybody")
        else:
            found += [f"{hit} is in {name}" for hit in hits]
    if documented < 3:
        found.append("the search does not even find keys in the files that hold them")
    return found


def list_mappings(pid):
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split(maxsplit=5)
        begin, end = (int(word, 16) for word in words[0].split("-"))
        if words[1].startswith("r") and words[-1] not in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
            yield begin, end, words[5] if len(words) > 5 else "anonymous"


def search_memory(pid, canaries, control):
    """What is where. control: bytes that must be there, or nothing was searched."""
    found, seen = [], False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name in list_mappings(pid):
            with contextlib.suppress(OSError):
                memory.seek(begin)
                data = memory.read(end - begin)
                seen = seen or control in data
                found += [f"{hit} is in {name} at {begin:x}" for hit in canaries.find(data)]
    return found if seen else found + ["the search does not even find what must be there"]


def is_sanitized(pid):
    return "asan" in pathlib.Path(f"/proc/{pid}/maps").read_text() or "asan" in os.environ.get("CLM_TEST_SANITIZED", "")


def check_cores(place):
    """An abort leaves nothing, though the process that starts it allows core files."""
    found = []
    daemon = place.daemon
    if not re.search(r"(?m)^Max core file size\s+0\s+0\s", pathlib.Path(f"/proc/{daemon.pid}/limits").read_text()):
        found.append("the limit of core files is not 0")
    daemon.send_signal(signal.SIGABRT)
    _, status = os.waitpid(daemon.pid, 0)
    daemon.returncode = -signal.SIGABRT
    if os.WCOREDUMP(status):
        found.append("a core file was written")
    return found


def main():
    print("1..6")
    os.environ["G_MESSAGES_DEBUG"] = "all"
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    place, canaries, report = world.World(), Canaries(), Report()
    pem = configure(place)
    canaries.add("the imported key", get_scalar(pem), pem)
    canaries.add("the token", TOKEN.encode())
    monitor, messages = watch_bus(place)
    place.start_and_wait()
    gather_keys(place, canaries)
    said = exercise(place)
    gather_keys(place, canaries)
    monitor.terminate()
    monitor.wait(60)

    log = (place.path / "log").read_bytes()
    report.tell("safety-46-not-in-the-log", canaries.find(log) + ([] if b"DEBUG" in log else ["there are no debug messages"]))
    report.tell("safety-46-not-in-answers", canaries.find(said.encode()) + ([] if "token" in said else ["the token was not even used"]))
    told = (place.path / "told").read_bytes()
    report.tell("safety-46-not-in-messages-and-events", canaries.find(messages.read_bytes()) + canaries.find(told)
                + ([] if b"web.example" in messages.read_bytes() and b"renewed" in told else ["nothing was recorded"]))
    report.tell("safety-46-no-secret-is-anywhere", search_state(place, canaries))
    pid = place.daemon.pid
    if os.getuid() != 0 or is_sanitized(pid):
        report.tell("safety-46-nothing-is-left-in-memory", [], "needs root, and memory as it is without a sanitizer")
    else:
        report.tell("safety-46-nothing-is-left-in-memory", search_memory(pid, canaries, b"org.certloom.Certloom1"))
    report.tell("safety-46-no-core-is-written", check_cores(place))
    place.daemon = None
    place.stop()
    sys.exit(report.failed)


main()
