#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes one manual page of the interface XML: interface-manual.py OUTPUT XML...

gdbus-codegen can write reStructuredText too, but leaves out what a method returns and writes DocBook's marks as they are.
"""
import re
import sys
import xml.etree.ElementTree as tree

HEADER = """\
======================
org.certloom.Certloom1
======================

----------------------------
D-Bus interfaces of certloom
----------------------------

:Manual section: 5
:Manual group: certloom

"""
FOOTER = """\
SEE ALSO
========

**certloom**\\ (1), **certloomd**\\ (8), **certloom-errors**\\ (7), **busctl**\\ (1)
"""


def mark_up(text):
    text = re.sub(r"<literal>(.*?)</literal>", lambda mark: f"``{mark.group(1).strip()}``", text, flags=re.S)
    text = re.sub(r"@(\w+)", r"*\1*", text)
    return re.sub(r"\borg\.certloom\.Certloom1\.(\w+)(?:::?|\.)(\w+)(\(\))?", r"**\1.\2**", text)


class Comment:
    """A documentation comment: its paragraphs, and what it says of each argument."""

    def __init__(self, text):
        lines = [line.strip() for line in text.strip().splitlines()]
        self.arguments, self.summary, self.since, body = {}, "", "", []
        first = re.match(r"[\w.]+:\s*(.*)", lines[0])
        body.append(first.group(1) if first else lines[0])
        for line in lines[1:]:
            argument, since = re.match(r"@(\w+): (.*)", line), re.match(r"Since: (.*)", line)
            if argument and argument.group(1) == "short_description":
                self.summary = argument.group(2)
            elif argument and not any(body[1:]):
                self.arguments[argument.group(1)] = argument.group(2)
            elif since:
                self.since = since.group(1)
            else:
                body.append(line)
        self.body = mark_up("\n".join(body)).strip()


def write_member(out, kind, element, comment):
    name = element.get("name")
    out.append(name if kind != "property" else f"{name} ({element.get('type')})")
    out.append("^" * len(out[-1]))
    arguments = element.findall("arg")
    if kind != "property":
        shown = ", ".join(f"{'→ ' if a.get('direction') == 'out' else ''}{a.get('type')} {a.get('name')}" for a in arguments)
        out += ["", "::", "", f"  {name} ({shown})"]
    out += ["", comment.body, ""]
    for argument in arguments:
        text = comment.arguments.get(argument.get("name"))
        if text and text != "None known.":
            out += [f"``{argument.get('name')}``", f"  {mark_up(text)}", ""]


def write_interface(out, element, comment):
    title = element.get("name")
    out += [title, "=" * len(title), "", f"{comment.summary}. Since {comment.since}.", "", comment.body, ""]
    for kind, heading in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
        members, last = [], None
        for child in element:
            if child.tag is tree.Comment:
                last = Comment(child.text)
            elif child.tag == kind:
                if last is None:
                    sys.exit(f"{title}: {child.get('name')} has no comment")
                members.append((child, last))
                last = None
            elif child.tag in ("method", "signal", "property"):
                last = None
        if members:
            out += [heading, "-" * len(heading), ""]
            for member, text in members:
                write_member(out, kind, member, text)


def main(output, files):
    out = [HEADER]
    for file in sorted(files, key=lambda f: ("Manager" not in f, "Certificate" not in f, f)):
        root = tree.parse(file, tree.XMLParser(target=tree.TreeBuilder(insert_comments=True))).getroot()
        comment = None
        for child in root:
            if child.tag is tree.Comment:
                comment = Comment(child.text)
            else:
                write_interface(out, child, comment)
    out.append(FOOTER)
    with open(output, "w", encoding="utf-8") as stream:
        stream.write("\n".join(out))


main(sys.argv[1], sys.argv[2:])
