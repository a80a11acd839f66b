# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What is not one system call that fails: readers during rotations, a second instance, damaged and older databases, file systems that
are full or read-only for a while. Each function returns (what was done, problems).
"""

import base64
import hashlib
import multiprocessing
import os
import shutil
import subprocess

import judge
import place as places
import wire

NAMES = ["b", "c", "d"]
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")    # the head of such a public key


def begin(place, template):
    place.take_log()
    place.reset(template)


def start(place, bus):
    place.wait_no_owner(bus)
    place.start()
    return place.wait_ready(bus)


# Readers

def read_at(directory, name):
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(fd, encoding="utf-8") as file:
        return file.read()


def read_by_directory(place, bus, name):
    directory = os.open(place.path(f"state/certificates/{name}/current"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return read_at(directory, "key.pem"), read_at(directory, "cert.pem")
    finally:
        os.close(directory)


def read_by_bus(place, bus, name):
    _, fds, _ = places.certificate(bus, name, "GetCredentialFds", "a{sv}", {"key": ("b", True)})
    texts = {}
    for kind, fd in fds.items():
        with os.fdopen(fd, encoding="utf-8") as file:
            texts[kind] = file.read()
    return texts["key"], texts["leaf"]


def read_combined(place, bus, name):
    text = judge.read(place.path(f"state/certificates/{name}/current/combined.pem"))
    return judge.blocks(text, "PRIVATE KEY")[0], judge.blocks(text, "CERTIFICATE")[0]


READERS = {"directory descriptor": read_by_directory, "descriptors over the bus": read_by_bus, "combined.pem": read_combined}


def to_der(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))


def is_pair(key, leaf):
    """Whether the public key, which the file of a P-256 key holds as well, is the certificate's. Where not, openssl is to say."""
    der = to_der(leaf)
    at = der.find(P256)
    return at >= 0 and der[at + len(P256):at + len(P256) + 65] in to_der(key)


def reader(place, kind, stop, answers):
    """Reads until it is told to stop. Pairs are told apart by content."""
    reads, missing, seen, odd = 0, [], set(), []
    with place.connect() as bus:
        while not stop.is_set():
            for name in NAMES:
                try:
                    pair = READERS[kind](place, bus, name)
                    digest = hashlib.sha256("".join(pair).encode()).digest()
                    if digest not in seen and not is_pair(*pair):
                        odd.append((name, *pair))
                    seen.add(digest)
                except (OSError, IndexError, KeyError, ValueError, wire.BusError, wire.BusLost) as error:
                    missing.append(f"{name}: {type(error).__name__} {error}")
                reads += 1
    answers.put((kind, reads, missing, len(seen), odd))


def readers(place, template, rotations):
    begin(place, template)
    problems, counts = [], []
    stop, answers = multiprocessing.Event(), multiprocessing.Queue()
    with place.connect() as bus:
        if not start(place, bus):
            return "", ["certloomd does not start"]
        processes = [multiprocessing.Process(target=reader, args=(place, kind, stop, answers)) for kind in READERS]
        for process in processes:
            process.start()
        for _ in range(rotations):
            name, message = places.renew(bus, NAMES)
            if name:
                problems.append(f"renewal: {name}: {message}")
        stop.set()
        for _ in processes:
            kind, reads, missing, pairs, odd = answers.get()
            torn = [p[0] for p in odd if judge.check_pair(p[0], p[2], p[1])]
            counts.append(f"{kind}: {reads} reads, {pairs} pairs, {len(missing)} missing, {len(torn)} mismatched")
            problems += missing[:3] + [f"{kind}: mismatch of {name}" for name in torn]
        for process in processes:
            process.join()
    place.stop()
    return f"{rotations} rotations of {len(NAMES)}; " + "; ".join(counts), problems


# A second instance

def second_instance(place, template):
    begin(place, template)
    with place.connect() as bus:
        if not start(place, bus):
            return "", ["certloomd does not start"]
        second = subprocess.run(place.command(), capture_output=True, text=True, timeout=20, check=False)
        problems = [] if second.returncode == 1 and second.stderr.strip() else [f"the second ended with {second.returncode}"]
        name, message = places.renew(bus, NAMES)
        problems += [f"the first is disturbed: {name}: {message}"] if name else []
    place.stop()
    return second.stderr.strip().splitlines()[-1] if second.stderr else "", problems + place.state.check_current(["a", *NAMES])


# Databases

def try_database(place, template, spoil, what):
    """Starts with a spoilt database. It may refuse, saying so; or serve, and then everything. Nothing may be lost either way."""
    begin(place, template)
    spoil(place)
    before = {name: place.state.current(name) for name in place.state.names()}
    problems = []
    with place.connect() as bus:
        serves = start(place, bus)
        if serves:
            places.wait_settled(bus, 10)
            listed = places.rows(bus)
            names = [n for n in ("a", "b", "c", "d") if n in listed]
            problems += [f"{n} is not managed any more" for n in ("a", "b", "c") if n not in listed]
            name, message = places.renew(bus, names)
            problems += [f"renewal: {name}: {message}"] if name else []
        status = place.stop()
        if status not in (0, 1):
            problems.append(f"ended with {status}")
    problems += place.state.check_current(before)
    problems += [f"{n}: back from {number} to {place.state.current(n)}" for n, number in before.items() if place.state.current(n) < number]
    if not serves:
        # A refusal must be curable: without the database everything comes back from the files.
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(place.path(f"state/certloom.db{suffix}")):
                os.unlink(place.path(f"state/certloom.db{suffix}"))
        with place.connect() as bus:
            if not start(place, bus):
                problems.append("does not start without a database")
            else:
                rest = places.wait_settled(bus, 10)
                problems += [f"without a database: {n}: {r['state']}: {r['message']}" for n, r in rest.items()]
        place.stop()
        problems += place.state.check_current(before)
    return serves, [f"{what}: {p}" for p in problems]


def flip(page):
    def spoil(place):
        with open(place.path("state/certloom.db"), "r+b") as file:
            for offset in range(page * 4096, page * 4096 + 4096, 64):
                file.seek(offset)
                byte = file.read(1)
                file.seek(offset)
                file.write(bytes([byte[0] ^ 0x55]) if byte else b"")
    return spoil


def cut(page):
    def spoil(place):
        os.truncate(place.path("state/certloom.db"), page * 4096 + 100)
    return spoil


def damaged(place, template, most):
    pages = os.path.getsize(f"{template}/state/certloom.db") // 4096
    chosen = range(pages) if pages <= most else [i * pages // most for i in range(most)]
    problems, served = [], 0
    for page in chosen:
        for what, spoil in (("flipped", flip(page)), ("cut", cut(page))):
            serves, found = try_database(place, template, spoil, f"page {page} {what}")
            served += bool(serves)
            problems += found
    return f"{2 * len(chosen)} damaged databases: {served} served, the others refused and came back from the files", problems


def older(place, template):
    """A database from before the last rotations, beside the files of today; then also the CA's."""
    problems = []

    def restore(place):
        with place.connect() as bus:
            start(place, bus)
            places.renew(bus, NAMES)
            places.renew(bus, NAMES)
        place.stop()
        shutil.copy(f"{template}/state/certloom.db", place.path("state/certloom.db"))

    def restore_both(place):
        restore(place)
        shutil.copy(f"{template}/state/backends/authority/plant/ledger.db", place.path("state/backends/authority/plant/ledger.db"))

    def remove(place):
        os.unlink(place.path("state/certloom.db"))

    for what, spoil in (("older", restore), ("older, the CA's too", restore_both), ("missing", remove)):
        serves, found = try_database(place, template, spoil, what)
        problems += found + ([] if serves else [f"{what}: does not start"])
        problems += place.state.check_authority(place.state.crl_number())
    return "database older than the files, the CA's too, missing", problems


# File systems

def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def full(place, template):
    """A state directory on a full file system, for a while."""
    begin(place, template)
    state = place.path("state")
    kept = place.path("kept")
    os.rename(state, kept)
    os.makedirs(state, mode=0o711)
    problems = []
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=6m,mode=0711", "none", state):
        shutil.rmtree(kept)
        return "not done: mounting is not allowed", []
    try:
        shutil.copytree(kept, state, symlinks=True, dirs_exist_ok=True)
        with place.connect() as bus:
            if not start(place, bus):
                return "", ["certloomd does not start"]
            fill(f"{state}/filler")
            name, message = places.renew(bus, NAMES)
            if not name.endswith(".Storage"):
                problems.append(f"renewal on a full disk: {name or 'succeeded'}: {message}")
            for n in NAMES:
                places.certificate(bus, n, "GetPem", "a{sv}", {})
            problems += place.state.check_current(["a", *NAMES])
            os.unlink(f"{state}/filler")
            name, message = places.renew(bus, NAMES)
            problems += [f"renewal when there is room again: {name}: {message}"] if name else []
            problems += place.state.check_current(["a", *NAMES])
        status = place.stop()
        problems += [f"ended with {status}"] if status != 0 else []
        problems += read_only(place, state)
    finally:
        place.kill()
        subprocess.run(["umount", state], check=False)
        shutil.rmtree(kept, ignore_errors=True)
    return "full, and with room again; read-only at the start, and writable again", problems


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


def read_only(place, state):
    problems = []
    if not mount("-o", "remount,ro", state):
        return ["the file system cannot be made read-only"]
    with place.connect() as bus:
        if start(place, bus):
            name, message = places.renew(bus, NAMES)
            problems += [] if name.endswith(".Storage") else [f"renewal on a read-only disk: {name}: {message}"]
        status = place.stop()
        problems += [f"read-only: ended with {status}"] if status not in (0, 1) else []
        problems += place.state.check_current(["a", *NAMES])
        mount("-o", "remount,rw", state)
        if not start(place, bus):
            return problems + ["does not start when the disk is writable again"]
        name, message = places.renew(bus, NAMES)
        problems += [f"renewal when the disk is writable again: {name}: {message}"] if name else []
        problems += place.state.check_current(["a", *NAMES])
    place.stop()
    return problems


def run_all(place, template, is_long, rotations=0):
    """rotations: that readers are to see; 0: as many as is_long says. Yields (name, what was done, problems, what the daemon said)."""
    for name, function, arguments in (("readers", readers, (rotations or (10000 if is_long else 20),)), ("second instance", second_instance, ()),
                                      ("damaged database", damaged, (1000 if is_long else 3,)), ("restored database", older, ()),
                                      ("file systems", full, ())):
        try:
            done, problems = function(place, template, *arguments)
        except (places.Failure, wire.BusError, wire.BusLost, OSError) as error:
            done, problems = "broke off", [f"{type(error).__name__}: {error}"]
        finally:
            place.kill()
        log = place.take_log()
        yield name, done, problems, log
