# SPDX-License-Identifier: MIT
"""An independent client: a new TLS connection every 50 ms, verified against the CA, until told to stop.

Writes one line per connection: time, outcome, serial number and notAfter of the certificate that the server showed.
"""
import signal
import socket
import ssl
import sys
import time

import leaf

EVERY_S = 0.05
TIMEOUT_S = 5
stopping = False


def on_stop(_number, _frame):
    global stopping
    stopping = True


def connect(context, port, name):
    """One connection, one page. Returns the server's certificate."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            shown = leaf.from_der(tls.getpeercert(binary_form=True))
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while chunk := tls.recv(4096):
                answer += chunk
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError("answered %r" % answer[:40])
    return shown


def main(anchors, port, name):
    signal.signal(signal.SIGTERM, on_stop)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(anchors)
    while not stopping:
        begun = time.time()
        try:
            shown = connect(context, int(port), name)
            print("%.3f ok %s %d" % (begun, shown.serial, shown.not_after), flush=True)
        except (OSError, ValueError) as error:
            print("%.3f failed %s" % (begun, error), flush=True)
        time.sleep(max(0, begun + EVERY_S - time.time()))


main(*sys.argv[1:])
