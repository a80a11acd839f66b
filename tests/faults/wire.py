# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client in a few lines: method calls, replies, file descriptors. Enough to drive certloomd without its libraries."""

import array
import os
import select
import socket
import struct
import time


class BusError(Exception):
    """An error reply. name: its D-Bus name."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class BusLost(Exception):
    """The other end is gone, or did not answer in time."""


ALIGN = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8, "s": 4, "o": 4, "g": 1, "h": 4, "a": 4, "v": 1, "(": 8, "{": 8}
PACK = {"y": "<B", "n": "<h", "q": "<H", "i": "<i", "u": "<I", "x": "<q", "t": "<Q", "d": "<d", "h": "<I", "b": "<I"}


def split_type(signature, i=0):
    """The end of the one complete type that begins at i."""
    c = signature[i]
    if c == "a":
        return split_type(signature, i + 1)
    if c in "({":
        depth = 0
        while True:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[i], 0)
            i += 1
            if depth == 0:
                return i
    return i + 1


def types_of(signature):
    types, i = [], 0
    while i < len(signature):
        end = split_type(signature, i)
        types.append(signature[i:end])
        i = end
    return types


class Writer:
    def __init__(self):
        self.data = bytearray()

    def align(self, n):
        self.data += b"\0" * (-len(self.data) % n)

    def put(self, kind, value):
        self.align(ALIGN[kind[0]])
        c = kind[0]
        if c in PACK:
            self.data += struct.pack(PACK[c], int(value) if c != "d" else value)
        elif c in "so":
            raw = value.encode()
            self.data += struct.pack("<I", len(raw)) + raw + b"\0"
        elif c == "g":
            raw = value.encode()
            self.data += bytes([len(raw)]) + raw + b"\0"
        elif c == "v":
            signature, inner = value
            self.put("g", signature)
            self.put(signature, inner)
        elif c == "a":
            self.put_array(kind[1:], value)
        else:
            for inner, item in zip(types_of(kind[1:-1]), value):
                self.put(inner, item)

    def put_array(self, inner, value):
        at = len(self.data)
        self.data += b"\0\0\0\0"
        self.align(ALIGN[inner[0]])
        begin = len(self.data)
        for item in value.items() if isinstance(value, dict) else value:
            self.put(inner, item)
        struct.pack_into("<I", self.data, at, len(self.data) - begin)


class Reader:
    def __init__(self, data, fds=()):
        self.data = data
        self.fds = fds
        self.at = 0

    def align(self, n):
        self.at += -self.at % n

    def get(self, kind):
        c = kind[0]
        self.align(ALIGN[c])
        if c in PACK:
            value, = struct.unpack_from(PACK[c], self.data, self.at)
            self.at += struct.calcsize(PACK[c])
            return bool(value) if c == "b" else self.fds[value] if c == "h" else value
        if c in "sog":
            size = self.data[self.at] if c == "g" else struct.unpack_from("<I", self.data, self.at)[0]
            self.at += 1 if c == "g" else 4
            value = bytes(self.data[self.at:self.at + size]).decode()
            self.at += size + 1
            return value
        if c == "v":
            return self.get(self.get("g"))
        if c == "a":
            return self.get_array(kind[1:])
        return tuple(self.get(inner) for inner in types_of(kind[1:-1]))

    def get_array(self, inner):
        size, = struct.unpack_from("<I", self.data, self.at)
        self.at += 4
        self.align(ALIGN[inner[0]])
        end = self.at + size
        if inner == "y":
            self.at = end
            return bytes(self.data[end - size:end])
        items = []
        while self.at < end:
            items.append(self.get(inner))
        return dict(items) if inner[0] == "{" else items


class Bus:
    """One connection to the message bus at a Unix socket."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.serial = 0
        self.buffer = bytearray()
        self.fds = []
        self._authenticate()
        self.name = self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")[0]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _authenticate(self):
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        answer = b""
        while answer.count(b"\r\n") < 2:
            answer += self._receive()
        if not answer.startswith(b"OK ") or b"AGREE_UNIX_FD" not in answer:
            raise BusLost(f"the bus refuses: {answer!r}")

    def _receive(self):
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(16 * 4))
        except socket.timeout:
            raise BusLost("no answer in time") from None
        except OSError as error:
            raise BusLost(str(error)) from None
        if not data:
            raise BusLost("the bus is gone")
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self.fds += array.array("i", raw[:len(raw) - len(raw) % 4])
        return data

    def _next_message(self):
        while True:
            if len(self.buffer) >= 16:
                body, _, fields = struct.unpack_from("<III", self.buffer, 4)
                total = 16 + fields + (-fields % 8) + body
                if len(self.buffer) >= total:
                    message = bytes(self.buffer[:total])
                    del self.buffer[:total]
                    return message
            self.buffer += self._receive()

    def _parse(self, message):
        kind = message[1]
        reader = Reader(message)
        reader.at = 12
        fields = dict(reader.get("a(yv)"))
        reader.align(8)
        count = fields.get(9, 0)
        fds, self.fds = self.fds[:count], self.fds[count:]
        body = Reader(message[reader.at:], fds)
        values = [body.get(t) for t in types_of(fields.get(8, ""))]
        return kind, fields, values

    def send(self, destination, path, interface, method, signature="", *arguments):
        """Sends a call. Returns its serial number."""
        self.serial += 1
        body = Writer()
        for kind, value in zip(types_of(signature), arguments):
            body.put(kind, value)
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", method)), (6, ("s", destination))]
        if signature:
            fields.append((8, ("g", signature)))
        head = Writer()
        head.data += struct.pack("<BBBBII", ord("l"), 1, 0, 1, len(body.data), self.serial)
        head.put("a(yv)", fields)
        head.align(8)
        try:
            self.socket.sendall(head.data + body.data)
        except OSError as error:
            raise BusLost(str(error)) from None
        return self.serial

    def wait(self, serial, timeout=10):
        end = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            kind, fields, values = self._parse(self._next_message())
            if fields.get(5) != serial or kind not in (2, 3):
                continue
            if kind == 3:
                raise BusError(fields.get(4, ""), values[0] if values else "")
            return values

    def call(self, destination, path, interface, method, signature="", *arguments, timeout=10):
        return self.wait(self.send(destination, path, interface, method, signature, *arguments), timeout)

    def has_owner(self, name):
        return self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", name)[0]

    def pending(self):
        return bool(select.select([self.socket], [], [], 0)[0])
