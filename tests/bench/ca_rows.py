# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CA's side alone: in memory, on disk, and its revocation lists."""

import json
import os
import statistics
import subprocess

import loom
from openssl_ca import OpensslCa
from table import Goal, Row

NO_SYNC = "openssl ca syncs nothing"


def run_program(rig, name, *arguments):
    """The lines of JSON that it prints."""
    scratch = rig.path("scratch")
    os.makedirs(scratch, exist_ok=True)
    done = subprocess.run([rig.program(name), *map(str, arguments)], capture_output=True, text=True, check=False, env=dict(os.environ, TMPDIR=scratch))
    if done.returncode != 0:
        raise loom.Failure(f"{name}: {done.stderr.strip()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rate(rig):
    """Rows 10."""
    rounds = run_program(rig, "ca-rate", 2 if rig.short else rig.pairs, 300 if rig.short else 2000)
    take = {way: [values[way] for values in rounds] for way in rounds[0]}
    rig.memory_rate = statistics.median(take["certloom"])
    note = ("from the bytes of a CSR to those of a certificate: parse, verify, lint, build, sign, and, as a faulty signature must not get out, verify what was "
            "signed: two verifications and a signature, without any of the rest")
    return [
        Row("10", "CA, in memory, against OpenSSL's interface", "1/CPU-s", take["certloom"], take["interface"], less=False,
            note="d2i_X509_REQ to i2d_X509 with X509V3_EXT_conf_nid, as openssl ca does it: no lint, no verification of its own signature, extensions copied from the CSR"),
        Row("10", "CA, in memory, against verify, sign, verify", "1/CPU-s", take["certloom"], take["verify+sign+verify"], less=False, note=note),
        Row("10", "CA, in memory, against verify, sign", "1/CPU-s", take["certloom"], take["verify+sign"], Goal(0.6, text="60 %"), Goal(0.75, text="75 %"),
            less=False, note="the floor of a CA that does not look at what it signed"),
    ]


def durable(rig):
    """Rows 11."""
    rows, count = [], 100 if rig.short else 500
    for entries, reach in ((1_000, 100), (10_000 if rig.short else 100_000, 500)):
        own, other = [], []
        peer = OpensslCa(rig.path("openssl-ca"))
        peer.fill(entries)
        for _ in range(2 if rig.short else rig.pairs):
            other.append(1 / peer.issue())
            result, = run_program(rig, "ca-durable", entries, count)
            own.append(result["count"] / result["seconds"])
        rows.append(Row("11", f"CA, durable, {entries:,} in its ledger", "1/s", own, other, Goal(reach) if entries != 10_000 else None, less=False,
                        note=f"{count} asked for at once, as against one `openssl ca` after the other. {NO_SYNC}"))
        if rig.memory_rate:
            rows.append(Row("11", "the same, against its rate in memory", "1/s", own, [rig.memory_rate], moonshot=Goal(0.5, text="half"), less=False,
                            note="the rate in memory is of CPU seconds"))
    return rows


def crl(rig):
    """Rows 12."""
    entries = 10_000 if rig.short else 100_000
    own, other, million = [], [], []
    peer = OpensslCa(rig.path("openssl-ca"))
    peer.fill(0)
    _, _, base = peer.make_crl()
    peer.fill(entries, revoked=True)
    for _ in range(2 if rig.short else rig.pairs):
        other.append(peer.make_crl())
        own += run_program(rig, "ca-crl", entries)
    if not rig.short:
        million += run_program(rig, "ca-crl", 1_000_000)
    rows = [
        Row("12", f"CRL of {entries:,}", "CPU-s", [r["cpu"] for r in own], [cpu for _, cpu, _ in other], Goal(30) if not rig.short else None,
            note=f"from the ledger to the published file, which is durable. {NO_SYNC}"),
        Row("12", f"CRL of {entries:,}, peak memory", "of its size", [r["peak"] / r["size"] for r in own], [(peak - base) / own[0]["size"] for _, _, peak in other],
            Goal(most=2, text="<= 2x") if not rig.short else None, note="above what it takes without a list; the peer's, too. Times the size of certloom's list"),
    ]
    if million:
        rows.append(Row("12", "CRL of 1,000,000", "s", [r["wall"] for r in million], moonshot=Goal(most=0.5, text="<= 0.5 s"), note="openssl ca was not run with so many"))
    return rows
