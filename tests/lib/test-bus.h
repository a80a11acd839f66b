/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmTestBus:
 *
 * A private message bus like the system bus: a real dbus-daemon of type "system" that denies by default, with certloom's own
 * policy file included. Its socket and everything else of the test lies in one new folder, readable by other users as far as they
 * need it to call. Ends with the test.
 */
typedef struct _ClmTestBus ClmTestBus;

/** clm_test_bus_new: Starts it; aborts the test when it does not come up. */
ClmTestBus *clm_test_bus_new (void);
void        clm_test_bus_free (ClmTestBus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmTestBus, clm_test_bus_free)

/** clm_test_bus_stop: The bus goes away. */
void clm_test_bus_stop (ClmTestBus *self);
/** clm_test_bus_get_address: Returns: (transfer none): for `--address=`. */
const char *clm_test_bus_get_address (ClmTestBus *self);
/** clm_test_bus_get_folder: Returns: (transfer none): the test's folder. */
const char *clm_test_bus_get_folder (ClmTestBus *self);
/** clm_test_bus_connect: Returns: (transfer full): a new connection of the test's own user. */
GDBusConnection *clm_test_bus_connect (ClmTestBus *self);

/* Users that no configuration names but that every system has, as a bus refuses users without an account. */
#define CLM_TEST_STRANGER 65534  /* nobody */
#define CLM_TEST_SERVICE  1      /* daemon */

/** clm_test_bus_connect_as: Returns: (transfer full) (nullable): a new connection of user @uid, who has no group but one of the same number; %NULL when the test does not run as root. */
GDBusConnection *clm_test_bus_connect_as (ClmTestBus *self, guint32 uid);

/**
 * ClmTestDaemon:
 *
 * A real certloomd on such a bus: configuration below FOLDER/root, state in FOLDER/state, plugins of the build, certloom-deliver as
 * its child.
 */
typedef struct _ClmTestDaemon ClmTestDaemon;

/** clm_test_daemon_new: Not yet started. @bus: outlives it. */
ClmTestDaemon *clm_test_daemon_new (ClmTestBus *bus);
/** clm_test_daemon_free: Stops it; aborts the test when it does not end well (also by a leak that a sanitizer found). */
void           clm_test_daemon_free (ClmTestDaemon *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmTestDaemon, clm_test_daemon_free)

/** clm_test_daemon_configure: Writes @text to etc/certloom/@file of the configuration, e.g. "certificates.d/web.certificate". */
void clm_test_daemon_configure (ClmTestDaemon *self, const char *file, const char *text);
/** clm_test_daemon_configure_ca: A `key-file` store "file" and a private CA "lan" in it. */
void clm_test_daemon_configure_ca (ClmTestDaemon *self);

/** clm_test_daemon_add_fakes: Its plugins are those of the build and the fakes (CLM_TEST_FAKES), in a folder of the test. */
void clm_test_daemon_add_fakes (ClmTestDaemon *self);
/** clm_test_daemon_keep_log: From the next start on all that it says, debug messages too, goes to a file instead of the test's own output. */
void clm_test_daemon_keep_log (ClmTestDaemon *self);
/** clm_test_daemon_read_log: Returns: (transfer full): what it has said, all starts together. */
char *clm_test_daemon_read_log (ClmTestDaemon *self);

/** clm_test_daemon_start: Starts it and waits until it owns the name. */
void clm_test_daemon_start (ClmTestDaemon *self);
/** clm_test_daemon_stop: Ends it by SIGTERM. Returns: its exit status. */
int  clm_test_daemon_stop (ClmTestDaemon *self);
/** clm_test_daemon_kill: Ends it by SIGKILL. */
void clm_test_daemon_kill (ClmTestDaemon *self);
/** clm_test_daemon_wait: Waits for it to end by itself. Returns: its exit status. */
int  clm_test_daemon_wait (ClmTestDaemon *self);
/** clm_test_daemon_spawn: Starts it without waiting for the name. */
void clm_test_daemon_spawn (ClmTestDaemon *self);
/** clm_test_daemon_get_pid: Returns: its process, 0 while it does not run. */
int  clm_test_daemon_get_pid (ClmTestDaemon *self);
/** clm_test_daemon_read_memory: @field: of /proc/PID/smaps_rollup, e.g. "Private_Dirty". Returns: KiB, 0 where it may not be read. */
guint clm_test_daemon_read_memory (ClmTestDaemon *self, const char *field);
/** clm_test_daemon_get_root: Returns: (transfer none): what `--config-root=` is. */
const char *clm_test_daemon_get_root (ClmTestDaemon *self);
/** clm_test_daemon_get_state: Returns: (transfer none): what `--state-dir=` is. */
const char *clm_test_daemon_get_state (ClmTestDaemon *self);

/* --- calling --- */

/** clm_test_call: Calls METHOD of INTERFACE (after "org.certloom.Certloom1.") at @path below the root path ("" for the root itself). @parameters: (nullable): consumed if floating. Returns: (transfer full) (nullable). */
GVariant *clm_test_call (GDBusConnection *connection, const char *path, const char *interface, const char *method,
                         GVariant *parameters, GError **error);
/** clm_test_get: Returns: (transfer full) (nullable): a property. */
GVariant *clm_test_get (GDBusConnection *connection, const char *path, const char *interface, const char *property, GError **error);
/** clm_test_assert_error: @error carries the remote name "org.certloom.Certloom1.Error.@name". */
void      clm_test_assert_error (const GError *error, const char *name);
/** clm_test_wait_state: Waits until certificate @name is in @state; aborts after 30 s. */
void      clm_test_wait_state (GDBusConnection *connection, const char *name, const char *state);

G_END_DECLS
