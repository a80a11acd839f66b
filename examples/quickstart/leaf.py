# SPDX-License-Identifier: MIT
"""Reads serial number and validity of a certificate. Own code, so that the quick start believes nothing certloom says."""
import base64
import calendar
import re
from collections import namedtuple

Leaf = namedtuple("Leaf", "serial not_before not_after")


def read_element(data, at):
    """One DER element: tag, where its content begins, where it ends."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        n = length & 0x7F
        length, at = int.from_bytes(data[at:at + n], "big"), at + n
    return tag, at, at + length


def read_time(data, at):
    tag, begin, end = read_element(data, at)
    text = data[begin:end].decode("ascii")
    if tag == 0x17:                         # UTCTime: two digits of the year, RFC 5280 §4.1.2.5.1
        text = ("19" if text[:2] >= "50" else "20") + text
    fields = [int(text[:4])] + [int(text[i:i + 2]) for i in range(4, 14, 2)]
    return calendar.timegm(tuple(fields)), end


def from_der(data):
    _, at, _ = read_element(data, 0)        # Certificate
    _, at, _ = read_element(data, at)       # TBSCertificate
    if data[at] == 0xA0:                    # version
        at = read_element(data, at)[2]
    _, begin, at = read_element(data, at)   # serialNumber
    serial = "%x" % int.from_bytes(data[begin:at], "big")
    at = read_element(data, at)[2]          # signature
    at = read_element(data, at)[2]          # issuer
    _, at, _ = read_element(data, at)       # validity
    not_before, at = read_time(data, at)
    not_after, _ = read_time(data, at)
    return Leaf(serial, not_before, not_after)


def from_file(path):
    with open(path, encoding="ascii") as file:
        first = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", file.read(), re.S)
    return from_der(base64.b64decode(first.group(1)))
