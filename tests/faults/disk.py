# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What a disk may hold after a power cut. Takes a recording (record.h) and the files as they were before it, and builds what could be
found: all that a finished sync covers, and of the rest any part that a file system could have kept.

The rules are those that every Linux file system keeps, and no more: fsync(2) of a file makes its content, size and mode durable, not
its name; fsync(2) of a directory its entries; syncfs(2) everything. A sync covers what was over before it began, and counts when it
has ended. What no sync covers is kept or lost: a rename as a whole; entries of different directories, and content and names,
independently of each other; content also in part, by blocks of 512 bytes.
"""

import os
import stat

BLOCK = 512
NEVER = 1 << 60
CACHE_SIZE = 256 << 20


class Unreplayable(Exception):
    """The recording holds what this cannot replay."""


class Entry:
    """A file of a state. data: content, or target of a link."""

    __slots__ = ("kind", "mode", "data")

    def __init__(self, kind, mode, data=b""):
        self.kind, self.mode, self.data = kind, mode, data


class Node:
    """A file as it was in the beginning."""

    __slots__ = ("kind", "mode", "data", "entries")

    def __init__(self, kind, mode, data=b"", entries=None):
        self.kind, self.mode, self.data, self.entries = kind, mode, data, entries


class Operation:
    """
    what: "names", "write", "truncate" or "mode". files: inodes that it changes. effects: of names: (directory, name, inode or 0);
    else (offset, data), size or mode. durable: the cut from which on it is for good.
    """

    __slots__ = ("what", "files", "unsynced", "effects", "durable")

    def __init__(self, what, files, effects):
        self.what, self.files, self.unsynced, self.effects, self.durable = what, tuple(files), set(files), effects, NEVER


def snapshot(root, names):
    """Nodes by inode of these trees, which lie in root; the inode of root."""
    nodes = {}

    def add(path):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            node = Node("link", mode, os.readlink(path).encode())
        elif stat.S_ISDIR(status.st_mode):
            node = Node("directory", mode, entries={e: add(f"{path}/{e}") for e in sorted(os.listdir(path)) if not e.endswith("-shm")})
        else:
            with open(path, "rb") as file:
                node = Node("file", mode, file.read())
        nodes[status.st_ino] = node
        return status.st_ino

    inode = os.stat(root).st_ino
    nodes[inode] = Node("directory", 0o755, entries={n: add(f"{root}/{n}") for n in names if os.path.lexists(f"{root}/{n}")})
    return nodes, inode


class Disk:
    """The recording, ready to be replayed. Cuts are indices of lines of the recording: what lies before was done."""

    def __init__(self, nodes, root, recording):
        self.nodes = dict(nodes)
        self.root = root
        self.operations = {}     # index → Operation
        self.named = {}          # index → [(path of the directory, name, inode or 0)], as all went
        self.length = 0
        self.contents = {}
        self.contents_size = 0
        self.live = {i: dict(n.entries) for i, n in nodes.items() if n.kind == "directory"}
        self.ignored = set()
        with open(f"{recording}.data", "rb") as file:
            self.data = file.read()
        self.read(recording)
        self.by_file = {}
        for index, operation in self.operations.items():
            for file in operation.files:
                self.by_file.setdefault(file, []).append(index)

    # Reading

    def read(self, recording):
        begun = {}
        with open(recording, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.length = len(lines)
        for index, line in enumerate(lines):
            word, *fields = line.split("\t")
            if word == "begin":
                begun[fields[0]] = (index, fields[1], int(fields[2]))
            elif word == "end":
                self.sync(*begun.pop(fields[0]), index + 1)
            elif word in ("unknown", "map"):
                if not fields[1].endswith("-shm"):
                    raise Unreplayable(line)
            else:
                operation = getattr(self, f"read_{word}")(index, *fields)
                if operation:
                    self.operations[index] = operation

    def sync(self, begin, kind, file, end):
        for index, operation in self.operations.items():
            if index >= begin or operation.durable <= end:
                continue
            if kind == "fdatasync" and operation.what == "mode":
                continue
            if kind == "syncfs":
                operation.durable = end
                continue
            # A rename from one directory to another is as durable as the later of the two.
            operation.unsynced.discard(file)
            if not operation.unsynced:
                operation.durable = end

    def path(self, directory):
        """Of a directory, as it is now; "": not reachable."""
        if directory == self.root:
            return "."
        for parent, entries in self.live.items():
            for name, inode in entries.items():
                if inode == directory:
                    return f"{self.path(parent)}/{name}"[2 * (parent == self.root):]
        return ""

    def names(self, index, *effects):
        for directory, name, inode in effects:
            if directory in self.live:
                if inode:
                    self.live[directory][name] = inode
                else:
                    self.live[directory].pop(name, None)
        self.named[index] = [(self.path(d), n, i) for d, n, i in effects]
        return Operation("names", {d for d, _, _ in effects}, list(effects))

    def read_create(self, index, directory, name, file, mode):
        if name.endswith("-shm"):
            self.ignored.add(int(file))
            return None
        self.nodes[int(file)] = Node("file", int(mode, 8))
        return self.names(index, (int(directory), name, int(file)))

    def read_mkdir(self, index, directory, name, file, mode):
        self.nodes[int(file)] = Node("directory", int(mode, 8), entries={})
        self.live[int(file)] = {}
        return self.names(index, (int(directory), name, int(file)))

    def read_symlink(self, index, directory, name, file, target):
        self.nodes[int(file)] = Node("link", 0o777, target.encode())
        return self.names(index, (int(directory), name, int(file)))

    def read_link(self, index, directory, name, file):
        return self.names(index, (int(directory), name, int(file)))

    def read_unlink(self, index, directory, name, file):
        return None if name.endswith("-shm") else self.names(index, (int(directory), name, 0))

    read_rmdir = read_unlink

    def read_rename(self, index, directory, name, to_directory, to_name):
        inode = self.live[int(directory)][name]
        return self.names(index, (int(directory), name, 0), (int(to_directory), to_name, inode))

    def read_exchange(self, index, directory, name, to_directory, to_name):
        one, other = self.live[int(directory)][name], self.live[int(to_directory)][to_name]
        return self.names(index, (int(directory), name, other), (int(to_directory), to_name, one))

    def read_write(self, _index, file, offset, size, where):
        if int(file) not in self.nodes or int(file) in self.ignored:
            return None
        return Operation("write", {int(file)}, (int(offset), self.data[int(where):int(where) + int(size)]))

    def read_truncate(self, _index, file, size):
        if int(file) not in self.nodes or int(file) in self.ignored:
            return None
        return Operation("truncate", {int(file)}, int(size))

    def read_mode(self, _index, file, mode):
        return Operation("mode", {int(file)}, int(mode, 8)) if int(file) in self.nodes else None

    # Replaying

    def pending(self, cut):
        """Operations that no sync covers, indices by file; of names, then others."""
        names, contents = {}, {}
        for file, indices in self.by_file.items():
            for index in indices:
                if index < cut < self.operations[index].durable:
                    (names if self.operations[index].what == "names" else contents).setdefault(file, []).append(index)
        return names, contents

    def build(self, cut, lost=frozenset(), torn=()):
        """lost: indices of what is not there. torn: {index: Tear}. Returns entries by path."""
        tree = {}

        def add(inode, path):
            node = self.nodes[inode]
            kept = [i for i in self.by_file.get(inode, ()) if i < cut and i not in lost]
            if node.kind == "directory":
                entries = self.entries(inode, kept)
                tree[path] = Entry("directory", self.mode(node, kept))
                for name, child in entries.items():
                    add(child, f"{path}/{name}" if path != "." else name)
            elif node.kind == "file":
                tree[path] = Entry("file", self.mode(node, kept), self.content(inode, kept, torn))
            else:
                tree[path] = Entry("link", node.mode, node.data)

        add(self.root, ".")
        del tree["."]
        return tree

    def mode(self, node, kept):
        modes = [self.operations[i].effects for i in kept if self.operations[i].what == "mode"]
        return modes[-1] if modes else node.mode

    def entries(self, inode, kept):
        entries = dict(self.nodes[inode].entries)
        for index in kept:
            for directory, name, child in self.operations[index].effects if self.operations[index].what == "names" else ():
                if directory == inode and child:
                    entries[name] = child
                elif directory == inode:
                    entries.pop(name, None)
        return entries

    def content(self, inode, kept, torn):
        changes = [i for i in kept if self.operations[i].what in ("write", "truncate")]
        key = (inode, *changes)
        tears = any(i in torn for i in changes)
        if not tears and key in self.contents:
            return self.contents[key]
        content = bytearray(self.nodes[inode].data)
        for index in changes:
            apply(content, self.operations[index], torn[index] if index in torn else None)
        result = bytes(content)
        if not tears:
            self.remember(key, result)
        return result

    def remember(self, key, content):
        if self.contents_size > CACHE_SIZE:
            self.contents.clear()
            self.contents_size = 0
        self.contents[key] = content
        self.contents_size += len(content) + 200


class Tear:
    """Which blocks of a write were kept; mask: their bits. grown: whether the size was kept where the last blocks were not."""

    def __init__(self, mask, grown):
        self.mask, self.grown = mask, grown


def apply(content, operation, tear=None):
    if operation.what == "truncate":
        size = operation.effects
        del content[size:]
        content.extend(b"\0" * (size - len(content)))
        return
    offset, data = operation.effects
    end = offset + len(data)
    if tear is None or tear.grown:
        content.extend(b"\0" * (end - len(content)))
    if tear is None:
        content[offset:end] = data
        return
    for number, begin in enumerate(range(offset - offset % BLOCK, end, BLOCK)):
        if tear.mask >> number & 1:
            first, last = max(begin, offset), min(begin + BLOCK, end)
            content.extend(b"\0" * (last - len(content)))
            content[first:last] = data[first - offset:last - offset]


# Choosing

def lose_names(disk, pending, chance, ordered):
    """Of each directory the last ones; or, where the file system keeps no order, any."""
    lost = set()
    for indices in pending.values():
        if ordered:
            lost.update(indices[chance.randint(0, len(indices)):])
        else:
            lost.update(i for i in indices if chance.random() < 0.5)
    return lost


def lose_contents(disk, pending, chance):
    """Of each file all, nothing, the last changes, or some blocks of what was written."""
    lost, torn = set(), {}
    for indices in pending.values():
        how = chance.choice(("kept", "lost", "last", "torn", "torn"))
        if how == "kept":
            continue
        first = 0 if how == "lost" else chance.randint(0, len(indices))
        rest = indices[first:]
        if how == "torn":
            while rest and disk.operations[rest[0]].what != "truncate":
                index = rest.pop(0)
                if disk.operations[index].what == "write":
                    torn[index] = Tear(chance.getrandbits(len(disk.operations[index].effects[1]) // BLOCK + 2), chance.random() < 0.5)
        lost.update(rest)
    return lost, torn


EXTREMES = ("all", "none", "names", "contents")


def choose(disk, cut, how, chance):
    """
    how: "all" of what was not synced is there, "none", all "names" without content, all "contents" without names; or "ordered" or
    "loose": at random, names of one directory in their order or not. Returns (lost, torn) for build().
    """
    names, contents = disk.pending(cut)
    all_names = {i for indices in names.values() for i in indices}
    all_contents = {i for indices in contents.values() for i in indices}
    if how in EXTREMES:
        return {"all": set(), "none": all_names | all_contents, "names": all_contents, "contents": all_names}[how], {}
    lost, torn = lose_contents(disk, contents, chance)
    return lost | lose_names(disk, names, chance, how == "ordered"), torn
