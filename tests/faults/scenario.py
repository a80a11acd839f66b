# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon is asked to do while something goes wrong. Each works on a copy of the template (see prepare())."""

import shutil

import place as places
import wire

WHOLE_SPEC = {"Subject": ("s", "CN=d"), "DNS": ("s", "d.plant.example"), "Usages": ("s", "server"), "Authority": ("s", "plant"),
              "Profile": ("s", "server"), "Validity": ("s", "30d")}


class Scenario:
    """
    name: of the scenario. had: certificates that had a generation before. template: whether it begins with the prepared state.
    issues: how many certificates of each name the CA is to sign in a run without fault.
    """

    name = ""
    had = ("a", "b", "c", "d")
    gone = ()            # may be gone afterwards
    issues = {}
    template = True
    is_start = False     # the fault may come before the daemon is ready

    def act(self, place, bus):
        """Returns the error of the job, ("", "") for none. Raises BusError and BusLost."""
        return ("", "")

    def again(self, place, bus):
        """The same, once more, after an error. Must succeed."""
        return self.act(place, bus)

    def check(self, place, bus):
        """Problems, once all has come to rest after the operation or its interruption."""
        return []


class Start(Scenario):
    name = "start"
    is_start = True


class First(Scenario):
    """An empty state: database, root key, root certificate, list, three certificates, one of them handed to a consumer."""

    name = "first"
    had = ()
    template = False
    is_start = True
    issues = {"a": 1, "b": 1, "c": 1}

    def act(self, place, bus):
        rest = places.wait_settled(bus, 5)
        return ("", "") if not rest else ("rest", str(sorted(rest)))

    def again(self, place, bus):
        return places.renew(bus, ["a", "b", "c"])

    def check(self, place, bus):
        missing = {"a", "b", "c"} - set(places.rows(bus))
        return [f"{n}: not managed" for n in missing]


class Enrol(Scenario):
    """A certificate requested over the bus."""

    name = "enrol"
    issues = {"e": 1}

    def act(self, place, bus):
        spec = dict(WHOLE_SPEC, Subject=("s", "CN=e"), DNS=("s", "e.plant.example"))
        _, job = places.manager(bus, "Request", "sssa{sv}a{sv}", "e", "", "", spec, {})
        return places.wait_job(bus, job)

    def again(self, place, bus):
        try:
            return self.act(place, bus)
        except wire.BusError as error:
            if not error.name.endswith(".Exists"):
                raise
        return places.renew(bus, ["e"])

    def check(self, place, bus):
        listed = "e" in places.rows(bus)
        return [] if listed == (place.state.current("e") > 0) else [f"e: listed {listed}, current {place.state.current('e')}"]


class Renew(Scenario):
    """A new key, a new certificate, and an old generation with its key that go."""

    name = "renew"
    issues = {"b": 1}

    def act(self, place, bus):
        return places.renew(bus, ["b"])


class Deliver(Scenario):
    """The same for one that a consumer has."""

    name = "deliver"
    issues = {"a": 1}

    def act(self, place, bus):
        return places.renew(bus, ["a"])


class Rollback(Scenario):
    name = "rollback"

    def act(self, place, bus):
        job, = places.certificate(bus, "a", "Rollback", "a{sv}", {})
        return places.wait_job(bus, job)

    def again(self, place, bus):
        """Going back twice may have nothing to go back to."""
        try:
            name, message = self.act(place, bus)
        except wire.BusError as error:
            name, message = error.name, error.text
        if name and not name.endswith(".Conflict"):
            return (name, message)
        job, = places.certificate(bus, "a", "Deliver", "a{sv}", {})
        return places.wait_job(bus, job)


class Revoke(Scenario):
    name = "revoke"

    def act(self, place, bus):
        job, = places.certificate(bus, "c", "Revoke", "sa{sv}", "superseded", {})
        return places.wait_job(bus, job)

    def check(self, place, bus):
        """Who is told "revoked" finds it in the list."""
        serial = place.state.ledger("SELECT count (*) FROM certificate WHERE revoked_at IS NOT NULL")
        told = places.rows(bus)["c"]["state"] == "revoked"
        return ["c: told to be revoked, but the CA does not know"] if told and serial[0][0] == 0 else []


class Reload(Scenario):
    """One file changes, one comes, one goes."""

    name = "reload"
    issues = {"b": 1, "f": 1}

    def act(self, place, bus):
        place.write_certificate("b", dns="b.other.example")
        place.write_certificate("f")
        shutil.rmtree(place.path("root/etc/certloom/certificates.d/c.certificate"), ignore_errors=True)
        try:
            place.remove_file("certificates.d/c.certificate")
        except FileNotFoundError:
            pass
        job, = places.manager(bus, "Reload", "a{sv}", {})
        error = places.wait_job(bus, job)
        if error[0]:
            return error
        rest = places.wait_settled(bus, 5)
        return ("", "") if not rest else ("rest", str(sorted(rest)))

    def again(self, place, bus):
        error = self.act(place, bus)
        return places.renew(bus, ["b", "f"]) if error[0] == "rest" else error

    def check(self, place, bus):
        return [] if "f" in places.rows(bus) else ["f: its file is there, but it is not managed"]


class Remove(Scenario):
    name = "remove"
    had = ("a", "b", "c")
    gone = ("d",)

    def act(self, place, bus):
        job, = places.certificate(bus, "d", "Remove", "a{sv}", {})
        return places.wait_job(bus, job)

    def again(self, place, bus):
        try:
            return self.act(place, bus)
        except wire.BusError as error:
            if not error.name.endswith(".NotFound"):
                raise
        return ("", "")

    def check(self, place, bus):
        if "d" in places.rows(bus):
            return place.state.check_current(["d"])
        return ["d: not managed any more, but its files are there"] if place.state.current("d") else []


ALL = [Start(), First(), Enrol(), Renew(), Deliver(), Rollback(), Revoke(), Reload(), Remove()]


def prepare(place, directory):
    """Makes the template: a (which a consumer has), b, c from files and d by request, each with old generations that may go."""
    place.reset()
    place.configure()
    with place.connect() as bus:
        place.start()
        if not place.wait_ready(bus):
            raise places.Failure(f"certloomd does not start:\n{place.take_log()}")
        rest = places.wait_settled(bus, 10)
        _, job = places.manager(bus, "Request", "sssa{sv}a{sv}", "d", "", "", WHOLE_SPEC, {})
        error = places.wait_job(bus, job)
        for names in (["a", "b", "c", "d"], ["a", "b", "c", "d"]):
            if not rest and not error[0]:
                error = places.renew(bus, names)
        if rest or error[0]:
            raise places.Failure(f"the template cannot be made: {error} {rest}\n{place.take_log()}")
    place.stop()
    place.age()
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("state", "root", "target"):
        shutil.copytree(place.path(name), f"{directory}/{name}", symlinks=True)
