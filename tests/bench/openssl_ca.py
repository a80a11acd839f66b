# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of the private CA: `openssl ca`. It reads and writes its whole index for each certificate, and never calls fsync."""

import os
import random
import shutil
import subprocess
import time

CONFIGURATION = """[ca]
default_ca=d
[d]
dir=.
database=$dir/index.txt
new_certs_dir=$dir/new
certificate=$dir/ca.pem
private_key=$dir/ca.key
rand_serial=yes
default_md=sha256
default_days=90
policy=p
unique_subject=no
copy_extensions=copy
x509_extensions=x
email_in_dn=no
[p]
commonName=supplied
[x]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


def watch_peak(pid):
    """Looks at it until it ends; bytes. What getrusage() tells of a child includes the process that forked it, which is larger here."""
    peak = 0
    while True:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            values = [line for line in file if line.startswith("VmHWM:")]
        if not values:
            return peak
        peak = max(peak, int(values[0].split()[1]) * 1024)
        time.sleep(0.002)


class OpensslCa:
    def __init__(self, directory):
        self.directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(f"{directory}/new")
        with open(f"{directory}/ca.cnf", "w", encoding="utf-8") as file:
            file.write(CONFIGURATION)
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Plant Root",
                     "-days", "3650", "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=device",
                     "-addext", "subjectAltName=DNS:device.plant.example", "-keyout", "l.key", "-out", "l.csr")

    def openssl(self, *arguments):
        """Returns wall seconds, CPU seconds and peak memory in bytes."""
        begun = time.perf_counter()
        process = subprocess.Popen(["openssl", *arguments], cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = watch_peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, arguments)
        return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, peak

    def fill(self, count, revoked=False):
        """Writes an index of so many entries."""
        chance = random.Random(1)
        line = "R\t371124080913Z\t261124080913Z,keyCompromise\t{:040X}\tunknown\t/CN=dev{}.example\n" if revoked else \
               "V\t371124080913Z\t\t{:040X}\tunknown\t/CN=dev{}.example\n"
        with open(f"{self.directory}/index.txt", "w", encoding="utf-8") as file:
            for i in range(count):
                file.write(line.format(chance.getrandbits(158) | 1 << 157, i))

    def issue(self):
        return self.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", "l.csr", "-out", "l.pem")[0]

    def make_crl(self):
        return self.openssl("ca", "-gencrl", "-config", "ca.cnf", "-crldays", "1", "-out", "l.crl")
