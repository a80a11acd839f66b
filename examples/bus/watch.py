#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lists all certificates, then tells what changes: watch.py [--address=ADDRESS] [--once]"""
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, ROOT = "org.certloom.Certloom1", "/org/certloom/Certloom1"
MANAGER = NAME + ".Manager"


def connect(address):
    if address is None:
        return Gio.bus_get_sync(Gio.BusType.SYSTEM)
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(address, flags, None, None)


def call(connection, method, arguments):
    return connection.call_sync(NAME, ROOT, MANAGER, method, arguments, None, Gio.DBusCallFlags.NONE, -1, None).unpack()


def show(row):
    path, name, state, delivery, authority, store, begin, end, action, when, attempts, message = row
    until = GLib.DateTime.new_from_unix_utc(end).format_iso8601() if end else "-"
    print(f"{name:20} {state:10} {until:22} {message}", flush=True)


def list_all(connection):
    """Page by page: there may be very many."""
    cursor = ""
    while True:
        rows, cursor = call(connection, "ListCertificates", GLib.Variant("(a{sv}sua{sv})", ({}, cursor, 500, {})))
        for row in rows:
            show(row)
        if not cursor:
            return


def on_changed(connection, sender, path, interface, signal, parameters):
    for row in parameters.unpack()[1]:
        show(row)


def main():
    address = next((a.split("=", 1)[1] for a in sys.argv if a.startswith("--address=")), None)
    connection = connect(address)
    connection.signal_subscribe(NAME, MANAGER, "CertificatesChanged", ROOT, None, Gio.DBusSignalFlags.NONE, on_changed)
    try:
        # Signals come only to those who ask for them.
        call(connection, "Subscribe", GLib.Variant("(a{sv})", ({},)))
        list_all(connection)
    except GLib.Error as error:
        Gio.DBusError.strip_remote_error(error)
        sys.exit(f"watch: {error.message}")
    if "--once" not in sys.argv:
        GLib.MainLoop().run()


main()
