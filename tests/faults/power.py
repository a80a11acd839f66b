# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Power cuts: records what the daemon and its helper do to their files, builds what a disk could hold after a cut at any point of it,
judges that as it lies there, and starts the daemon on a part of it.
"""

import copy
import json
import os
import random
import shutil
import sqlite3
import tempfile
import threading
import time

import disk as disks
import judge
import place as places
import scenario as scenarios
import trial

CERTIFICATES = "state/certificates"
KEYS = "state/backends/keystore/file"
AUTHORITY = "state/backends/authority/plant"
REQUESTED = ("d", "e")     # over the bus
SUFFIXES = ("", "-wal", "-journal")
RANDOM = ("ordered", "loose")
LINGER_MS = 20      # of each sync: long enough for others to do something meanwhile
LINGER_SHORT_MS = 2
TRIES = 40          # that found nothing new, after which a recording counts as exhausted


# Recording

class Recording:
    """
    A scenario, recorded. acknowledged: (index, what, name, value): from that line of the recording on it was told to somebody;
    what: "generation" (number), "gone", "revoked" (serial), "delivered" (number).
    """

    def __init__(self, scenario, way, directory, linger):
        self.scenario, self.way, self.directory, self.linger = scenario, way, directory, linger
        self.path = f"{directory}/{scenario.name.replace(' ', '-')}.{way}"
        self.acknowledged = []
        self.before = {}
        self.disk = None
        self.switches = {}     # name → [(index, number)], 0: removed
        self.leaves = {}       # (name, number) → the certificate

    def position(self):
        try:
            with open(self.path, "rb") as file:
                return file.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def note(self, what, name, value=0):
        self.acknowledged.append((self.position(), what, name, value))

    def note_current(self, place, names):
        """These are current now, which whoever asks is told."""
        for name in names:
            number = place.state.current(name)
            self.note("generation", name, number) if number else self.note("gone", name)

    def number(self, name, cut):
        """What must still be current: any of these; 0: nothing."""
        told = [(i, v if w == "generation" else 0) for i, w, n, v in self.acknowledged if n == name and w in ("generation", "gone") and i <= cut]
        switches = [(-1, 0), *[(i, number) for i, number in self.switches.get(name, []) if i < cut]]
        if not told:
            return {number for _, number in switches}
        last = max(position for position, (i, _) in enumerate(switches) if i < max(told[-1][0], 0) or position == 0)
        return {told[-1][1], *[number for _, number in switches[last:]]}


def follow_first(recording, place, bus):
    """Until all have come to rest: notes each when it is said to be ready."""
    ready, end = set(), time.monotonic() + trial.SETTLE_S
    while time.monotonic() < end:
        now = time.time()
        rows = places.rows(bus)
        for name, row in rows.items():
            if row["state"] == "ready" and name not in ready:
                ready.add(name)
                recording.note_current(place, [name])
        if rows and all(places.is_settled(row, now) for row in rows.values()):
            return ("", "")
        time.sleep(0.004)
    return ("rest", "it does not come to rest")


def act(recording, place, bus):
    scenario = recording.scenario
    if scenario.name == "first":
        name, message = follow_first(recording, place, bus)
    else:
        name, message = scenario.act(place, bus)
        recording.note_current(place, sorted(set(scenario.had) | set(scenario.issues) | set(scenario.gone)))
    if scenario.name == "revoke":
        leaf = judge.read(f"{place.state.directory('c', place.state.current('c'))}/cert.pem")
        recording.note("revoked", "c", judge.VERDICTS.serial(leaf).lstrip("0"))
    rest = places.wait_settled(bus, trial.SETTLE_S)
    if name or rest:
        raise places.Failure(f"{scenario.name}: fails without any fault: {name}: {message} {rest}\n{place.take_log()}")
    recording.note_current(place, place.state.names())
    recording.note("delivered", "a", place.state.current("a"))


def record(place, scenario, template, way, directory, linger):
    """way: "syncfs", or "fsync" where the file system is one that is not trusted. linger: how long a sync takes, in milliseconds."""
    recording = Recording(scenario, way, directory, linger)
    recording.before = trial.prepare(place, scenario, template)
    for name in scenario.had + scenario.gone:
        recording.acknowledged.append((0, "generation", name, place.state.current(name)))
    if scenario.template:
        recording.acknowledged.append((0, "delivered", "a", place.state.current("a")))
    run_recorded(recording, place, act)
    return recording


def record_again(place, spot, seed, number):
    """What the daemon does after a power cut, which another one may interrupt."""
    scenario = copy.copy(spot.recording.scenario)
    scenario.name = f"{scenario.name} again {number}"
    recording = Recording(scenario, spot.recording.way, spot.recording.directory, spot.recording.linger)
    place.take_log()
    materialize(spot.build(seed), place, spot.recording)
    scenario.had = tuple(n for n in place.state.names() if place.state.current(n))
    recording.leaves.update(spot.recording.leaves)
    recording.before = {"issued": place.state.issued(), "crl": spot.recording.before["crl"]}
    recording.acknowledged = [(0, "generation", n, place.state.current(n)) for n in scenario.had if n not in scenario.gone]
    recording.acknowledged += [(0, *told) for i, *told in spot.recording.acknowledged if i <= spot.cut and told[0] in ("revoked", "delivered")]
    run_recorded(recording, place, settle)
    return recording


def settle(recording, place, bus):
    rest = places.wait_settled(bus, trial.SETTLE_S)
    if rest:
        raise places.Failure(f"{recording.scenario.name}: does not come to rest: {rest}\n{place.take_log()}")
    recording.note_current(place, place.state.names())
    recording.note("delivered", "a", place.state.current("a"))


def run_recorded(recording, place, function):
    scenario, way = recording.scenario, recording.way
    nodes, root = disks.snapshot(place.directory, ("state", "target"))
    begun = {name: place.state.current(name) for name in place.state.names()}
    with place.connect() as bus:
        place.wait_no_owner(bus)
        place.start(["--record", recording.path, "--directory", place.directory, "--linger", str(recording.linger),
                     *(["--distrust"] if way == "fsync" else [])], trees=("state", "target"))
        if not place.wait_ready(bus, 30):
            raise places.Failure(f"{scenario.name}: certloomd does not start:\n{place.take_log()}")
        function(recording, place, bus)
    status = place.stop()
    if status != 0:
        raise places.Failure(f"{scenario.name}: ended with {status}:\n{place.take_log()}")
    shutil.copytree(place.path("root/etc"), f"{recording.path}.etc")
    recording.disk = disks.Disk(nodes, root, recording.path)
    find_switches(recording, begun)


def find_switches(recording, begun):
    for name, number in begun.items():
        recording.switches[name] = [(-1, number)]
    for index in sorted(recording.disk.named):
        for directory, entry, inode in recording.disk.named[index]:
            if entry == "current" and directory.startswith(f"{CERTIFICATES}/"):
                number = int(recording.disk.nodes[inode].data.rpartition(b"/")[2]) if inode else 0
                recording.switches.setdefault(directory.rpartition("/")[2], []).append((index, number))
    for name, switches in recording.switches.items():
        for index, number in switches:
            leaf = recording.disk.build(index + 1).get(f"{CERTIFICATES}/{name}/gen/{number:06d}/cert.pem")
            if leaf:
                recording.leaves[name, number] = leaf.data.decode()


# The judge of what lies there

class Bench:
    """Looks at states without starting anything. What it has seen before it knows by content."""

    def __init__(self):
        self.known = {}
        self.scratch = tempfile.mkdtemp(prefix="certloom-cut-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def once(self, key, function):
        short = hash(key)      # the contents themselves would fill the memory
        if short not in self.known:
            self.known[short] = function()
        return self.known[short]

    def query(self, tree, path, queries):
        """Rows of each query from a database as SQLite finds it after a cut; [] where there is no such table. Or a problem, as text."""
        contents = [tree[path + suffix].data if path + suffix in tree else None for suffix in SUFFIXES]
        return self.once((path, *contents), lambda: self.open(contents, queries))

    def open(self, contents, queries):
        name = f"{self.scratch}/database"
        for suffix in ("-shm", *SUFFIXES):
            if os.path.exists(name + suffix):
                os.unlink(name + suffix)
        for suffix, content in zip(SUFFIXES, contents):
            if content is not None:
                with open(name + suffix, "wb") as file:
                    file.write(content)
        answers = {}
        try:
            connection = sqlite3.connect(name)
            try:
                if connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                    return "damaged"
                for key, query in queries.items():
                    try:
                        answers[key] = connection.execute(query).fetchall()
                    except sqlite3.OperationalError as error:
                        if "no such table" not in str(error):
                            raise
                        answers[key] = []
            finally:
                connection.close()
        except sqlite3.Error as error:
            return f"cannot be opened: {error}"
        return answers

    def problems(self, recording, tree, cut):
        found = []
        ledger = self.query(tree, f"{AUTHORITY}/ledger.db", {
            "serials": "SELECT lower (hex (serial)) FROM certificate", "authority": "SELECT pem FROM authority",
            "revoked": "SELECT lower (hex (serial)) FROM certificate WHERE revoked_at IS NOT NULL"})
        inventory = self.query(tree, "state/certloom.db", {"names": "SELECT name FROM certificates", "specs": "SELECT name FROM specs"})
        for what, answer in (("ledger.db", ledger), ("certloom.db", inventory)):
            if isinstance(answer, str):
                found.append(f"{what}: {answer}")
        if found:
            return found
        serials = {row[0].lstrip("0") for row in ledger["serials"]}
        names = {path.split("/")[2] for path in tree if path.startswith(f"{CERTIFICATES}/")}
        for name in sorted(names | set(recording.switches)):
            found += self.check_name(recording, tree, cut, name, serials)
        found += check_inventory(recording, cut, inventory)
        found += self.check_authority(tree, ledger) + self.check_keys(tree)
        revoked = {row[0].lstrip("0") for row in ledger["revoked"]}
        found += [f"{n}: its revocation is forgotten" for i, what, n, serial in recording.acknowledged if what == "revoked" and i <= cut and serial not in revoked]
        return found + self.check_consumer(recording, tree, cut)

    def check_name(self, recording, tree, cut, name, serials):
        link = tree.get(f"{CERTIFICATES}/{name}/current")
        current = int(link.data.rpartition(b"/")[2]) if link else 0
        allowed = recording.number(name, cut)
        if current not in allowed:
            return [f"{name}: generation {current or 'none'} is current, but {sorted(allowed)} may be"]
        told = {v for i, w, n, v in recording.acknowledged if w == "generation" and n == name and i <= cut}
        found = []
        numbers = {path.split("/")[4] for path in tree if path.startswith(f"{CERTIFICATES}/{name}/gen/") and path.count("/") >= 4}
        for digits in sorted(numbers):
            directory = f"{CERTIFICATES}/{name}/gen/{digits}"
            number = int(digits)
            meta = tree.get(f"{directory}/meta")
            if meta is None and number == current and number not in told:
                meta = tree.get(f"{directory}/meta.new")
            if meta is None and number == current:
                found.append(f"{name}/{number}: current, but without meta")
            elif meta is not None:
                found += self.check_generation(tree, directory, meta, f"{name}/{number}", serials, number == current)
        return found if current == 0 or f"{current:06d}" in numbers else [*found, f"{name}: current points nowhere"]

    def check_generation(self, tree, directory, meta, what, serials, is_current):
        missing = [n for n in judge.FILES if f"{directory}/{n}" not in tree]
        if missing:
            return [f"{what}: {' '.join(missing)} not there"]
        contents = {n: tree[f"{directory}/{n}"].data for n in judge.FILES}
        found = list(self.once((what, meta.data, *contents.values()), lambda: judge.check_texts(
            text(meta.data), {n: text(c) for n, c in contents.items()}, what)))
        if found:
            return found
        if judge.VERDICTS.serial(text(contents["cert.pem"])).lstrip("0") not in serials:
            found.append(f"{what}: the CA knows nothing of it")
        if is_current:
            found += check_modes(tree, directory, what) + self.check_key(tree, meta, contents["cert.pem"], what)
        return found

    def check_key(self, tree, meta, leaf, what):
        key = tree.get(f"{KEYS}/{judge.meta_value(text(meta.data), 'KeyUri').rpartition('/')[2]}.pem")
        if key is None:
            return [f"{what}: its key is not in the store"]
        found = [] if key.mode == 0o600 else [f"{what}: its key has the mode {key.mode:o}"]
        return found + self.once(("key", key.data, leaf), lambda: judge.check_pair(f"{what}: key in the store", text(leaf), text(key.data)))

    def check_keys(self, tree):
        """What has its name in the store is whole, also where nothing names it yet."""
        found = []
        for path, entry in tree.items():
            if path.startswith(f"{KEYS}/") and path.endswith(".pem") and not path.startswith(f"{KEYS}/."):
                found += self.once(("whole", entry.data), lambda: [] if judge.VERDICTS.public_of_key(text(entry.data)) else ["is no key"])
        return [f"a key file {problem}" for problem in found]

    def check_authority(self, tree, ledger):
        if not any(path.endswith("/cert.pem") and path.startswith(CERTIFICATES) for path in tree):
            return []
        key, root = tree.get(f"{KEYS}/authority.plant.root.pem"), tree.get(f"{AUTHORITY}/root.pem")
        roots = [text(root.data)] if root else [row[0] for row in ledger["authority"]]
        if not key or not roots:
            return ["the CA: " + ("its certificate" if key else "its key") + " is lost"]
        return self.once(("root", key.data, roots[0]), lambda: judge.check_pair("the CA", roots[0], text(key.data)))

    def check_consumer(self, recording, tree, cut):
        told = [(i, v) for i, w, _, v in recording.acknowledged if w == "delivered" and i <= cut]
        files = {n: tree.get(f"target/{n}") for n in ("combined.pem", "key.pem", "cert.pem")}
        found = [f"consumer: {n} is not there" for n, file in files.items() if told and not file]
        if files["combined.pem"]:
            content = files["combined.pem"].data
            found += self.once(("combined", content), lambda: judge.check_combined("consumer/combined.pem", text(content)))
        for name, kind in (("key.pem", "PRIVATE KEY"), ("cert.pem", "CERTIFICATE")):
            if files[name] and not judge.blocks(text(files[name].data), kind):
                found.append(f"consumer: {name} is not whole")
        if told and not found:
            numbers = {v for i, v in recording.switches.get("a", []) if told[-1][0] - 1 <= i < cut} | {told[-1][1]}
            leaf = judge.blocks(text(files["cert.pem"].data), "CERTIFICATE")[0]
            if leaf not in {judge.blocks(recording.leaves[k], "CERTIFICATE")[0] for k in recording.leaves if k[0] == "a" and k[1] in numbers}:
                found.append(f"consumer: has an older one than {sorted(numbers)}")
        return found


def text(data):
    return data.decode(errors="surrogateescape")


def check_modes(tree, directory, what):
    found = [f"{what}/{n} has the mode {tree[f'{directory}/{n}'].mode:o}" for n, mode in judge.MODES.items() if tree[f"{directory}/{n}"].mode != mode]
    parent = directory
    while parent != CERTIFICATES:
        found += [f"{parent} has the mode {tree[parent].mode:o}"] if tree[parent].mode != 0o755 else []
        parent = parent.rpartition("/")[0]
    return found + [f"{p} has the mode {tree[p].mode:o}" for p in ("state", CERTIFICATES) if tree[p].mode != 0o711]


def check_inventory(recording, cut, inventory):
    last = {n: w for i, w, n, _ in recording.acknowledged if w in ("generation", "gone") and i <= cut}
    names, specs = {row[0] for row in inventory["names"]}, {row[0] for row in inventory["specs"]}
    # Who was asked to remove one may have got as far as that.
    kept = [n for n, w in last.items() if w == "generation" and n not in recording.scenario.gone]
    return [f"{n}: no record of it" for n in kept if n not in names] + [
        f"{n}: what was asked for is forgotten" for n in kept if n in REQUESTED and n not in specs]


# States

class Spot:
    """Where a state comes from. how: see disk.choose(). number: of those that are random."""

    def __init__(self, recording, cut, how, number):
        self.recording, self.cut, self.how, self.number = recording, cut, how, number

    def name(self):
        return f"{self.recording.scenario.name}/{self.recording.way}/{self.cut}/{self.how}/{self.number}"

    def choose(self, seed):
        chance = random.Random(f"{seed}/{self.name()}")
        return disks.choose(self.recording.disk, self.cut, self.how, chance)

    def build(self, seed):
        return self.recording.disk.build(self.cut, *self.choose(seed))

    def describe(self, seed):
        """What was lost, as the recording has it."""
        lost, torn = self.choose(seed)
        with open(self.recording.path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        return [f"{i} {'torn' if i in torn else 'lost'}: {lines[i]}" for i in sorted(lost | set(torn))]


def fingerprint(tree):
    return hash(frozenset((path, e.kind, e.mode, hash(e.data)) for path, e in tree.items()))


def list_cuts(recording):
    disk = recording.disk
    return sorted({0, *[i + 1 for i in disk.operations], *[o.durable for o in disk.operations.values() if o.durable < disks.NEVER]})


def list_spots(recordings, wanted, chance):
    """First the extremes of every cut, or a sample of them, then random ones without end."""
    spots = [Spot(r, cut, how, 0) for r in recordings for cut in list_cuts(r) for how in disks.EXTREMES]
    chance.shuffle(spots)
    yield from spots if wanted > 2 * len(spots) else spots[:wanted // 2]
    cuts = {r: list_cuts(r) for r in recordings}
    weights = [len(cuts[r]) for r in recordings]
    number = 0
    while True:
        number += 1
        recording = chance.choices(recordings, weights)[0]
        yield Spot(recording, chance.choice(cuts[recording]), chance.choice(RANDOM), number)


class Tally:
    def __init__(self):
        self.states = self.bad = self.restarted = self.restart_bad = 0


def judge_states(recordings, wanted, seed, note):
    """Returns the good ones' spots, without two that are equal."""
    bench, seen, spots, misses = Bench(), set(), [], 0
    tallies = {r: Tally() for r in recordings}
    try:
        for spot in list_spots(recordings, wanted, random.Random(seed)):
            if len(seen) >= wanted or misses > TRIES * len(recordings):
                break
            tree = spot.build(seed)
            key = (spot.recording, fingerprint(tree))
            misses = misses + 1 if key in seen else 0
            if key in seen:
                continue
            seen.add(key)
            problems = bench.problems(spot.recording, tree, spot.cut)
            tallies[spot.recording].states += 1
            tallies[spot.recording].bad += bool(problems)
            if problems:
                note(spot, problems, None)
            else:
                spots.append(spot)
    finally:
        bench.close()
    return spots, tallies


# Restarts

def materialize(tree, place, recording):
    for name in ("state", "target", "root"):
        shutil.rmtree(place.path(name), ignore_errors=True)
    shutil.copytree(f"{recording.path}.etc", place.path("root/etc"))
    os.makedirs(place.path("root/run"))      # what lay there is gone with the power
    place.write_delivery()
    for path in sorted(tree):
        entry, target = tree[path], place.path(path)
        if entry.kind == "directory":
            os.mkdir(target)
        elif entry.kind == "link":
            os.symlink(entry.data.decode(), target)
        else:
            with open(target, "wb") as file:
                file.write(entry.data)
        if entry.kind != "link":
            os.chmod(target, entry.mode)


def restart(place, spot, seed):
    """Starts the daemon on it, as after a kill. Returns the Result."""
    recording = spot.recording
    result = trial.Result(recording.scenario.name, "power", spot.cut)
    result.values.update(fired=True, state=spot.name())
    scenario = copy.copy(recording.scenario)
    scenario.had = tuple(n for n in recording.scenario.had if 0 not in recording.number(n, spot.cut))
    place.take_log()
    materialize(spot.build(seed), place, recording)
    try:
        with place.connect() as bus:
            if trial.restart(result, place, bus, scenario, must_settle=True):
                trial.after_restart(result, place, bus, scenario, recording.before)
    except (places.Failure, trial.wire.BusLost, trial.wire.BusError, OSError) as error:
        result.add([f"{type(error).__name__}: {error}"], "the run broke off")
    finally:
        place.kill()
        trial.check_log(result, place)
    return result


def restart_all(here, tools, spots, seed, jobs, done):
    """done: called with each spot and Result, one at a time."""
    spots, lock = list(spots), threading.Lock()

    def work(number):
        place = places.Place(f"{here}/power{number}", tools)
        try:
            while True:
                with lock:
                    if not spots:
                        return
                    spot = spots.pop()
                result = restart(place, spot, seed)
                with lock:
                    done(spot, result)
        finally:
            place.close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# All of it

def record_all(place, template, directory, is_long, chosen):
    os.makedirs(directory, exist_ok=True)
    for scenario in scenarios.ALL:
        if chosen and scenario.name not in chosen:
            continue
        for way in ("syncfs", "fsync") if is_long or scenario.name in ("first", "renew") else ("syncfs",):
            yield record(place, scenario, template, way, directory, LINGER_MS if is_long else LINGER_SHORT_MS)


def record_recoveries(place, recordings, number, seed, note):
    """Of random states, as many as number says."""
    chance = random.Random(seed)
    for i in range(number):
        recording = recordings[i % len(recordings)]
        spot = Spot(recording, chance.choice(list_cuts(recording)), "ordered", i)
        try:
            yield record_again(place, spot, seed, i)
        except places.Failure as failure:
            note(spot, [str(failure).partition("\n")[0]], str(failure))
            place.kill()


def run(here, place, template, tools, options, log):
    """Returns whether all was well."""
    begin = time.monotonic()
    wanted = options.states or (120 if options.short else 12000)
    recordings = list(record_all(place, template, f"{here}/recordings", not options.short, options.scenario))

    def note(spot, problems, said):
        values = {"power": spot.name(), "result": "bad", "problems": problems, "lost": spot.describe(options.seed)[:60]}
        log.write(json.dumps({**values, "log": said} if said else values, ensure_ascii=False) + "\n")
        log.flush()
        print(f"BAD power cut {spot.name()}", flush=True)
        for problem in problems[:6]:
            print(f"    {problem}", flush=True)

    failures = []
    recordings += record_recoveries(place, recordings, 0 if options.short else len(recordings), options.seed,
                                    lambda *told: (failures.append(told), note(*told)))
    recorded = time.monotonic()
    spots, tallies = judge_states(recordings, wanted, options.seed, note)
    judged = time.monotonic()
    times = []

    def done(spot, result):
        tallies[spot.recording].restarted += 1
        tallies[spot.recording].restart_bad += bool(result.problems)
        times.append(result.values.get("recovered_s", 0))
        log.write(result.line() + "\n")
        if result.problems:
            note(spot, result.problems, result.values.get("log", ""))

    chance = random.Random(options.seed)
    most = options.restarts or (6 if options.short else 300)
    restart_all(here, tools, chance.sample(spots, min(most, len(spots))), options.seed, options.jobs, done)
    print_table(tallies)
    total = sum(t.states for t in tallies.values())
    print(f"power cuts: {total} states built and judged in {judged - recorded:.0f} s, bad: {sum(t.bad for t in tallies.values())}; "
          f"{len(times)} restarted in {time.monotonic() - judged:.0f} s, bad: {sum(t.restart_bad for t in tallies.values())}; "
          f"recorded in {recorded - begin:.0f} s", flush=True)
    if times:
        print(f"recovered after a power cut: median {sorted(times)[len(times) // 2]:.2f} s, worst {max(times):.2f} s after start")
    return not failures and not any(t.bad or t.restart_bad for t in tallies.values())


def print_table(tallies):
    print("\n| power cut | synced by | operations | states | bad | restarted | bad |\n|---|---|---|---|---|---|---|")
    for recording, tally in tallies.items():
        print(f"| {recording.scenario.name} | {recording.way} | {len(recording.disk.operations)} | {tally.states} | {tally.bad} | "
              f"{tally.restarted} | {tally.restart_bad} |", flush=True)
