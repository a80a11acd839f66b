# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows of figures, what they were to reach, and how they are told."""

import statistics


class Goal:
    """At least so many times better than the peer (ratio), or at most so much (most)."""

    def __init__(self, ratio=None, most=None, text=None):
        self.ratio = ratio
        self.most = most
        self.text = text or (f"{ratio:g}x" if ratio is not None else None)

    def is_met(self, row):
        """None: cannot be told."""
        if self.ratio is not None:
            return row.ratio >= self.ratio if row.ratio is not None else None
        return statistics.median(row.ours) <= self.most

    def is_missed_widely(self, row):
        """What holds also on a loaded machine with few samples: a ratio that is not even half of what it was to be."""
        return self.ratio is not None and row.ratio is not None and row.ratio < self.ratio / 2


class Row:
    """
    ours, peer: samples in one unit. peer may be empty, with `missing` telling why. less: less is better. scale: what the peer's samples are
    multiplied with, where it was measured with fewer; the table marks such figures with ~, and `note` tells how it scales.
    """

    def __init__(self, number, what, unit, ours, peer=(), reach=None, moonshot=None, less=True, missing="", note="", scale=1.0):
        self.number, self.what, self.unit, self.note, self.missing = number, what, unit, note, missing
        self.ours, self.measured, self.scale = list(ours), list(peer), scale
        self.peer = [sample * scale for sample in peer]
        self.reach, self.moonshot = reach, moonshot
        self.ratio = None
        if self.peer:
            own, other = statistics.median(self.ours), statistics.median(self.peer)
            best, worst = (own, other) if less else (other, own)
            self.ratio = worst / best if best > 0 else float("inf")

    def judge(self, short, strict):
        """Whether the row lets the run fail."""
        if self.missing and strict:
            return True
        if self.reach is None:
            return False
        return self.reach.is_missed_widely(self) if short else self.reach.is_met(self) is False

    def to_dict(self):
        reached = self.reach.is_met(self) if self.reach else None
        return {"row": self.number, "what": self.what, "unit": self.unit, "certloom": self.ours, "peer": self.measured or None,
                "peer_scale": self.scale, "ratio": self.ratio,
                "reach": self.reach.text if self.reach else None, "reached": reached,
                "moonshot": self.moonshot.text if self.moonshot else None,
                "moonshot_reached": self.moonshot.is_met(self) if self.moonshot else None, "missing": self.missing or None, "note": self.note}


def show_number(value):
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3 if abs(value) >= 0.1 else 4
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_samples(samples, scale=1.0):
    mark = "" if scale == 1 else "~"
    values = samples[:1] if len(set(samples)) == 1 else (min(samples), statistics.median(samples), max(samples))
    return " / ".join(mark + show_number(v) for v in values)


def show_answer(answer):
    return {True: "yes", False: "no", None: "?"}[answer]


def show_row(row):
    def goal(of):
        return (of.text, show_answer(of.is_met(row))) if of else ("–", "–")
    ratio = "–" if row.ratio is None else "inf" if row.ratio == float("inf") else f"{show_number(row.ratio)}x"
    reach, reached = goal(row.reach)
    moonshot, landed = goal(row.moonshot)
    return [row.number, row.what, row.unit, show_samples(row.ours), show_samples(row.peer, row.scale) if row.peer else row.missing or "–", ratio, reach, reached,
            f"{moonshot}: {landed}" if row.moonshot else "–"]


HEAD = ["", "what", "unit", "certloom min / median / max", "peer min / median / max", "ratio", "reach", "reached", "moonshot"]


def print_rows(rows):
    lines = [HEAD] + [show_row(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    for i, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
        if i == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [row for row in rows if row.note]
    if notes:
        print()
    for row in notes:
        print(f"{row.number} {row.what}: {row.note}")
