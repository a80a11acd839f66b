# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run: an operation, a fault in the midst of it, a restart, a judgement."""

import json
import re
import time

import judge
import place as places
import wire

ERROR = "org.certloom.Certloom1.Error."
GONE = ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown")
SETTLE_S = 10          # how long to wait before it counts as stuck
BAD_LOG = re.compile(r"CRITICAL|\*\*.*ERROR|assertion|WARNING \*\*.*GLib|Sanitizer|runtime error:|double-free|corrupt(ed)? (size|double)")


class Result:
    """One line of the log."""

    def __init__(self, scenario, fault, at):
        self.values = {"scenario": scenario, "fault": fault, "at": at, "fired": False, "call": "", "path": ""}
        self.problems = []
        self.again = 0       # how often it was asked once more

    def add(self, found, when=""):
        self.problems += [f"{when}: {p}" if when else p for p in found]

    def line(self):
        return json.dumps({**self.values, "result": "bad" if self.problems else "ok", "problems": self.problems}, ensure_ascii=False)


def note_fault(result, place):
    for line in place.calls():
        if line.startswith("! "):
            _, number, kind, _, call, rest = line.split(" ", 5)
            result.values.update(fired=True, hit=int(number), call=call, path=rest.rpartition(" ")[0][len(place.directory) + 1:], kind=kind)
            return


def check_files(result, place, scenario, when, torn_is_fine=False):
    """What must be true at any instant."""
    result.add(place.state.check_current(scenario.had), when)
    result.add(place.state.check_all(), when)
    if scenario.template or not torn_is_fine:
        result.add(judge.check_target(place.path("target"), torn_is_fine), when)


def check_log(result, place):
    text = place.take_log()
    found = [line for line in text.splitlines() if BAD_LOG.search(line)]
    result.add(found[:3], "log")
    if result.problems:
        result.values["log"] = text[-4000:]


def act(result, bus, function, when):
    """Calls it. Errors must be typed. Returns whether it succeeded."""
    try:
        name, message = function()
    except wire.BusError as error:
        if error.name in GONE:
            return f"lost: {error}"
        name, message = error.name, error.text
    except wire.BusLost as error:
        return f"lost: {error}"
    if name and not name.startswith(ERROR) and name not in ("timeout", "rest"):
        result.add([f"an error without type: {name}: {message}"], when)
    if name == "timeout":
        result.add([message], when)
    return f"{name.rpartition('.')[2]}: {message}" if name else "ok"


def ask_again(result, place, bus, scenario):
    result.again += 1
    return act(result, bus, lambda: scenario.again(place, bus), "again")


def release(bus):
    """All that are held; not before what goes on for one is over."""
    end = time.monotonic() + SETTLE_S
    for name, row in places.rows(bus).items():
        while row["state"] == "held":
            try:
                places.certificate(bus, name, "Release", "a{sv}", {})
                break
            except wire.BusError as error:
                if not error.name.endswith(".Busy") or time.monotonic() > end:
                    raise
                time.sleep(0.01)


def rotate_all(result, place, bus):
    """The next rotation of everything, after which nothing of the interruption may be left."""
    release(bus)
    names = [n for n, row in places.rows(bus).items() if row["state"] != "waiting"]
    outcome = act(result, bus, lambda: places.renew(bus, names), "next rotation")
    if outcome != "ok":
        result.add([outcome], "next rotation")
    rest = places.wait_settled(bus, SETTLE_S)
    for name, row in rest.items():
        result.add([f"{name}: {row['state']}, {row['delivery']}, next {row['action']}: {row['message']}"], "next rotation does not end")


def judge_end(result, place, scenario, before):
    """After the next rotation."""
    check_files(result, place, scenario, "in the end")
    result.add(place.state.check_keys(), "in the end")
    result.add(place.state.check_modes(), "in the end")
    result.add(place.state.check_authority(before["crl"]), "in the end")
    result.add(place.state.leftovers(), "leftover")
    result.add(judge.target_leftovers(place.path("target")), "leftover at the consumer")
    orphans = place.state.orphans()
    result.values["orphans"] = len(orphans)
    if len(orphans) > 1:
        result.add([str(orphans)], "keys that nothing names")


def count_extra(result, place, scenario, before):
    extra = 0
    for name, number in place.state.issued().items():
        extra += max(0, number - before["issued"].get(name, 0) - scenario.issues.get(name, 0) * (1 + result.again))
    result.values["extra"] = extra
    if extra > 1:
        result.add([f"{extra} certificates more than asked for"], "the CA's ledger")


def restart(result, place, bus, scenario, must_settle):
    """Starts it without faults, and measures how long it takes until all is as it should be."""
    place.wait_no_owner(bus)
    begin = time.monotonic()
    place.start()
    if not place.wait_ready(bus):
        result.add([f"does not start: {place.take_log()[-1500:]}"], "restart")
        return False
    result.values["start_s"] = round(time.monotonic() - begin, 3)
    rest = places.wait_settled(bus, SETTLE_S if must_settle else 0.3)
    result.values["recovered_s"] = round(time.monotonic() - begin, 3)
    for name, row in rest.items() if must_settle else ():
        result.add([f"{name}: {row['state']}, {row['delivery']}, next {row['action']}: {row['message']}"], "does not recover by itself")
    for name, row in rest.items():
        if not must_settle and (row["action"] == "none" or row["time"] == 0):
            result.add([f"{name}: {row['state']}, {row['delivery']}: nothing is planned: {row['message']}"], "stuck")
    return True


def after_restart(result, place, bus, scenario, before):
    count_extra(result, place, scenario, before)
    check_files(result, place, scenario, "after restart", torn_is_fine=result.values["fault"] not in ("kill", "killall", "power"))
    missing = sorted(set(scenario.had) - set(places.rows(bus)))
    result.add([f"{name}: not managed any more" for name in missing], "after restart")
    result.add(scenario.check(place, bus), "after restart")
    rotate_all(result, place, bus)
    judge_end(result, place, scenario, before)
    if place.stop() != 0:
        result.add(["did not end with 0 when told to stop"])


def prepare(place, scenario, template):
    place.take_log()
    place.reset(template if scenario.template else None)
    if not scenario.template:
        place.configure()
    return {"issued": place.state.issued(), "crl": place.state.crl_number() if scenario.template else 0}


def run_until_fault(result, place, bus, scenario):
    """Returns whether the daemon lives and is ready."""
    ready = place.wait_ready(bus, 30)
    if ready:
        result.values["outcome"] = act(result, bus, lambda: scenario.act(place, bus), "operation")
    return ready


def run_kill(result, place, bus, scenario, before, template, injection):
    run_until_fault(result, place, bus, scenario)
    helper_only = place.is_running() and result.values["fault"] == "kill"
    if place.is_running() and not scenario.is_start and not helper_only:
        time.sleep(0.05)
    # A fault in the start's scenario may come while it stops; one that hit only the helper leaves the daemon, which then is stopped.
    place.stop()
    note_fault(result, place)
    check_files(result, place, scenario, "at once", torn_is_fine=True)
    # A helper that died is an error like others: the daemon tries again later, in its own time.
    if restart(result, place, bus, scenario, must_settle=not helper_only):
        if helper_only:
            ask_again(result, place, bus, scenario)
            places.wait_settled(bus, SETTLE_S)
        after_restart(result, place, bus, scenario, before)


def run_error(result, place, bus, scenario, before, template, injection):
    ready = run_until_fault(result, place, bus, scenario)
    note_fault(result, place)
    check_files(result, place, scenario, "at once", torn_is_fine=True) if scenario.template else None
    if ready and not place.is_running():
        result.add(["the daemon ended"], "after an error")
    # One that has not come up yet may do so any time.
    if ready and place.is_running() and "--sticky" not in injection and result.values["fired"]:
        outcome = ask_again(result, place, bus, scenario)
        result.values["again"] = outcome
        if outcome != "ok" and not scenario.is_start:
            result.add([outcome], "asked again, without a restart")
    status = place.stop()
    if status not in (0, 1):
        result.add([f"ended with status {status}"], "after an error")
    result.values["status"] = status
    if restart(result, place, bus, scenario, must_settle=False):
        outcome = ask_again(result, place, bus, scenario)
        rest = places.wait_settled(bus, SETTLE_S)
        if outcome != "ok" or rest:
            result.add([f"{outcome} {sorted(rest)}"], "asked again after a restart")
        after_restart(result, place, bus, scenario, before)


def run(place, scenario, fault, at, template, sticky=False):
    """Returns the Result."""
    result = Result(scenario.name, fault + ("+" if sticky else ""), at)
    result.values["fault"] = fault
    injection = ["--at", str(at), "--fault", fault] + (["--sticky"] if sticky else [])
    begin = time.monotonic()
    before = prepare(place, scenario, template)
    try:
        with place.connect() as bus:
            place.wait_no_owner(bus)
            place.start(injection)
            (run_kill if fault.startswith("kill") else run_error)(result, place, bus, scenario, before, template, injection)
    except (places.Failure, wire.BusLost, wire.BusError, OSError) as error:
        result.add([f"{type(error).__name__}: {error}"], "the run broke off")
    finally:
        place.kill()
        check_log(result, place)
    result.values["fault"] = fault + ("+" if sticky else "")
    result.values["took_s"] = round(time.monotonic() - begin, 2)
    return result


class Point:
    """A system call of the dry run: number, class, call, path, faults that it can have."""

    def __init__(self, line, base):
        number, self.kind, self.process, self.call, rest = line.split(" ", 4)
        path, _, possible = rest.rpartition(" ")
        self.number = int(number)
        self.path = path[len(base) + 1:]
        self.faults = possible.split(",")


def enumerate_points(place, scenario, template):
    """Runs it without a fault. Returns the points of the operation, and of the stop where the scenario is about that."""
    prepare(place, scenario, template)
    with place.connect() as bus:
        place.wait_no_owner(bus)
        place.start([])
        if not place.wait_ready(bus, 30):
            raise places.Failure(f"{scenario.name}: certloomd does not start:\n{place.take_log()}")
        begin = 0 if scenario.is_start else place.count_calls()
        if not scenario.is_start:
            time.sleep(0.05)
            begin = place.count_calls()
        name, message = scenario.act(place, bus)
        rest = places.wait_settled(bus, SETTLE_S)
        if name or rest:
            raise places.Failure(f"{scenario.name}: fails without any fault: {name}: {message} {rest}\n{place.take_log()}")
        end = place.count_calls()
    status = place.stop()
    if status != 0:
        raise places.Failure(f"{scenario.name}: ended with {status}:\n{place.take_log()}")
    if scenario.name == "start":
        end = place.count_calls()
    points = [Point(line, place.directory) for line in place.calls() if line[:1].isdigit()]
    first = {p.process for p in points[:1]}
    for point in points:
        point.is_helper = point.process not in first
    return [p for p in points if begin < p.number <= end]
