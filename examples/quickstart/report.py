# SPDX-License-Identifier: MIT
"""The report: one HTML file with a timeline per certificate, drawn from the daemon's history. Nothing is loaded from elsewhere."""
import html
import time

from evidence import ATTEMPTS, parse_time

WIDTH, LEFT, RIGHT = 960, 120, 12
ROW, BAR, TOP = 26, 14, 34

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #667079; --paper: #ffffff; --line: #d8dde2;
  --held: #2f7d4f; --held2: #5aa878; --spare: #d5e8dc; --outage: #f6dcd6; --bad: #b3261e; --client: #2b5f9e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #98a2ab; --paper: #15181b; --line: #343a40;
  --held: #4fae78; --held2: #377e56; --spare: #24392e; --outage: #47241f; --bad: #ff8a7a; --client: #7db1ef; } }
@media print { :root { color-scheme: light; --ink: #000; --dim: #444; --paper: #fff; --line: #bbb; --held: #2f7d4f;
  --held2: #5aa878; --spare: #d5e8dc; --outage: #f6dcd6; --bad: #b3261e; --client: #2b5f9e; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } body { margin: 0; } svg, table { break-inside: avoid; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; } .verdict { font: 600 1.05rem ui-monospace, monospace; }
.dim, figcaption { color: var(--dim); } svg { width: 100%; height: auto; display: block; } figure { margin: 1rem 0; }
text { font: 12px system-ui, sans-serif; fill: var(--ink); } text.dim { fill: var(--dim); } .held { fill: var(--held); }
.held2 { fill: var(--held2); } .spare { fill: var(--spare); } .outage { fill: var(--outage); } .grid { stroke: var(--line); }
.bad { stroke: var(--bad); stroke-width: 2; } .client { fill: var(--client); } .lost { fill: var(--bad); }
.wrap { overflow-x: auto; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; } li { color: var(--bad); }
"""


class Scale:
    def __init__(self, begin, end):
        self.begin, self.end = begin, end

    def get_x(self, when):
        share = (min(max(when, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def box(x1, x2, y, height, kind, title):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>' % (
        x1, y, max(x2 - x1, 0.8), height, kind, html.escape(title))


def draw_axis(scale, height, outage):
    yield box(scale.get_x(outage[0]), scale.get_x(outage[1]), TOP - 8, height - TOP + 8, "outage", "the CA's key was unavailable")
    yield '<text x="%.1f" y="12" class="dim">the CA\'s key is away</text>' % scale.get_x(outage[0])
    for second in range(0, int(scale.end - scale.begin) + 1, 10):
        x = scale.get_x(scale.begin + second)
        yield '<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="grid"/>' % (x, x, TOP - 8, height)
        if second % 20 == 0:
            yield '<text x="%.1f" y="%d" class="dim" text-anchor="middle">%d s</text>' % (x, TOP - 10, second)


def draw_certificate(scale, events, y):
    """A bar for each generation while it was current; pale, what was left of it when it was replaced; crosses for failed attempts."""
    made = [event for event in events if event.kind in ("issued", "renewed")]
    ends = [event.time for event in made[1:]] + [scale.end]
    for i, (event, until) in enumerate(zip(made, ends)):
        x1, x2, x3 = (scale.get_x(when) for when in (event.time, until, parse_time(event.fields["not_after"])))
        title = "generation %s, serial %s, valid until %s" % (event.fields["generation"], event.fields["serial"], event.fields["not_after"])
        if x3 > x2:
            yield box(x2, x3, y + BAR - 3, 3, "spare", title)
        yield box(x1, x2 - 1, y, BAR - 3, "held2" if i % 2 else "held", title)
    for event in events:
        if event.kind in ATTEMPTS:
            x = scale.get_x(event.time)
            yield '<g class="bad"><title>%s</title><path d="M%.1f %.1fl6 6m0 -6l-6 6"/></g>' % (html.escape(event.message), x - 3, y + 2.5)


def draw_client(scale, connections, y):
    """One cell for each second of the client's connections."""
    seconds = {}
    for connection in connections:
        seconds.setdefault(int(connection.time - scale.begin), []).append(connection)
    for second, found in sorted(seconds.items()):
        lost = sum(connection.error is not None for connection in found)
        x = scale.get_x(scale.begin + second)
        yield box(x, scale.get_x(scale.begin + second + 1) - 1, y, BAR - 3, "lost" if lost else "client", "%d connections, %d failed" % (len(found), lost))


def draw(evidence, served):
    scale = Scale(evidence.get_begin(), evidence.get_end())
    height = TOP + ROW * (len(evidence.names) + 1) + 4
    yield '<svg viewBox="0 0 %d %d" role="img" aria-label="timeline of each certificate">' % (WIDTH, height)
    yield from draw_axis(scale, height, evidence.outage)
    for i, name in enumerate(evidence.names):
        y = TOP + ROW * i
        yield '<text x="0" y="%.1f">%s</text>' % (y + BAR - 3, html.escape(name))
        yield from draw_certificate(scale, [event for event in evidence.history if event.subject == name], y)
    y = TOP + ROW * len(evidence.names)
    yield '<text x="0" y="%.1f" class="dim">%s, as served</text>' % (y + BAR - 3, html.escape(served))
    yield from draw_client(scale, evidence.connections, y)
    yield "</svg>"


def tabulate(evidence):
    yield '<tr><th>certificate</th><th class="n">renewals</th><th class="n">failed attempts</th><th class="n">least time left at a renewal</th><th>last serial number</th></tr>'
    for name in evidence.names:
        sights = evidence.sights.current.get(name, [])
        left = min((old.not_after - new.time for old, new in zip(sights, sights[1:])), default=0)
        yield '<tr><td>%s</td><td class="n">%d</td><td class="n">%d</td><td class="n">%.0f s</td><td>%s</td></tr>' % (
            html.escape(name), len(evidence.generations[name]) - 1, len(evidence.select(name, *ATTEMPTS)), left, sights[-1].serial if sights else "")


def write(path, evidence, served, line, differs):
    good = sum(connection.error is None for connection in evidence.connections)
    page = ['<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            "<title>certloom quick start</title><style>%s</style></head><body><h1>certloom quick start</h1>" % STYLE,
            '<p class="verdict">%s</p>' % html.escape(line),
            '<p class="dim">%s. %d certificates, %d TLS connections to nginx, one every 50 ms. The CA\'s key was unavailable from %.0f s to %.0f s.</p>' % (
                time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(evidence.get_end())), len(evidence.names), good + sum(c.error is not None for c in evidence.connections),
                *(when - evidence.get_begin() for when in evidence.outage))]
    if differs:
        page += ["<ul>", *("<li>%s</li>" % html.escape(text) for text in differs), "</ul>"]
    page += ["<figure>", *draw(evidence, served),
             "<figcaption>Green: a generation while it is current (drawn from the daemon's history). Pale, below: what was left of the one before. "
             "Cross: an attempt that failed. Blue: seconds of the client.</figcaption></figure>",
             '<h2>By certificate</h2><div class="wrap"><table>', *tabulate(evidence), "</table></div></body></html>"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(page) + "\n")
