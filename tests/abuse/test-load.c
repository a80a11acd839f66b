/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 256 connections of one user with eight calls each under way: each call gets exactly one answer, what is too much is refused, others
 * are served, memory stays bounded. `-m slow` goes on for minutes and also asserts how long others wait.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "names.h"
#include "test-bus.h"

#define CLIENTS      250   /* a bus allows 256 connections of one user */
#define IN_FLIGHT    8
#define SHORT_ROUNDS 3     /* calls of each client: eight times as many */
#define LONG_ROUNDS  400
#define GROWTH_MAX   (24 * 1024)           /* KiB */
#define PATIENCE     (5 * G_USEC_PER_SEC)  /* of the long form, for the innocent caller's worst call */

typedef struct {
  guint answered, refused, lost, pending;
} Tally;

typedef struct {
  GDBusConnection *connection;
  Tally           *tally;
  guint            left;
} Client;

static void next (Client *client);

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Client *client = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autofree char *name = error != NULL ? g_dbus_error_get_remote_error (error) : NULL;
  client->tally->pending--;
  if (reply != NULL) {
    client->tally->answered++;
  } else if (g_strcmp0 (name, CLM_BUS_NAME ".Error.LimitsExceeded") == 0) {
    client->tally->refused++;
  } else {
    g_test_message ("%s", error->message);
    client->tally->lost++;
  }
  next (client);
}

static void
next (Client *client)
{
  if (client->left == 0)
    return;
  client->left--;
  client->tally->pending++;
  g_dbus_connection_call (client->connection, CLM_BUS_NAME, CLM_BUS_PATH, "org.certloom.Certloom1.Manager", "ListCertificates",
                          g_variant_new_parsed ("(@a{sv} {}, '', uint32 0, @a{sv} {})"), G_VARIANT_TYPE ("(a(osssssxxsxus)s)"),
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, on_answer, client);
}

/* The innocent caller has a thread and a connection of its own. */

typedef struct {
  GDBusConnection *connection;
  gint             stop;
  guint            calls, failures;
  gint64           worst;
} Innocent;

static gpointer
ask_on_and_on (gpointer data)
{
  Innocent *innocent = data;
  while (!g_atomic_int_get (&innocent->stop)) {
    gint64 begun = g_get_monotonic_time ();
    g_autoptr (GVariant) reply = clm_test_call (innocent->connection, "certificate/web", "Certificate", "GetPem", g_variant_new_parsed ("(@a{sv} {},)"), NULL);
    innocent->calls++;
    innocent->failures += reply == NULL;
    innocent->worst = MAX (innocent->worst, g_get_monotonic_time () - begun);
  }
  return NULL;
}

static void
begin (Client *clients, Tally *tally, guint calls)
{
  for (guint i = 0; i < CLIENTS; i++) {
    clients[i].tally = tally;
    clients[i].left = calls;
  }
  for (guint n = 0; n < IN_FLIGHT; n++)
    for (guint i = 0; i < CLIENTS; i++)
      next (&clients[i]);
}

static void
run (ClmTestDaemon *daemon, Client *clients, guint rounds, Tally *tally)
{
  begin (clients, tally, rounds * IN_FLIGHT);
  while (tally->pending > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (tally->lost, ==, 0);
  g_assert_cmpuint (tally->answered + tally->refused, ==, CLIENTS * IN_FLIGHT * rounds);
}

static void
open_clients (ClmTestBus *bus, Client *clients)
{
  for (guint i = 0; i < CLIENTS; i++) {
    clients[i].connection = clm_test_bus_connect_as (bus, CLM_TEST_STRANGER);
    if (clients[i].connection == NULL)
      clients[i].connection = clm_test_bus_connect (bus);
  }
}

static void
test_load (void)
{
  g_autoptr (ClmTestBus) bus = clm_test_bus_new ();
  g_autoptr (ClmTestDaemon) daemon = clm_test_daemon_new (bus);
  Client clients[CLIENTS] = { 0 };
  Tally first = { 0 }, rest = { 0 };
  guint rounds = g_test_slow () ? LONG_ROUNDS : SHORT_ROUNDS;

  clm_test_daemon_configure_ca (daemon);
  clm_test_daemon_configure (daemon, "certificates.d/web.certificate", "[Certificate]\nAuthority=lan\nDNS=web.example\n");
  clm_test_daemon_start (daemon);
  Innocent innocent = { .connection = clm_test_bus_connect (bus) };
  clm_test_wait_state (innocent.connection, "web", "ready");
  open_clients (bus, clients);
  gboolean others = getuid () == 0;   /* the load is not of the innocent one's user */
  guint start = clm_test_daemon_read_memory (daemon, "Private_Dirty");
  g_autoptr (GThread) thread = g_thread_new ("innocent", ask_on_and_on, &innocent);

  run (daemon, clients, 1, &first);
  guint before = clm_test_daemon_read_memory (daemon, "Private_Dirty");
  run (daemon, clients, rounds, &rest);
  guint after = clm_test_daemon_read_memory (daemon, "Private_Dirty");
  g_atomic_int_set (&innocent.stop, 1);
  g_thread_join (g_steal_pointer (&thread));

  g_test_message ("%u calls: %u answered, %u refused", first.answered + first.refused + rest.answered + rest.refused,
                  first.answered + rest.answered, first.refused + rest.refused);
  g_test_message ("innocent caller: %u calls, %u not served, the worst took %.1f ms", innocent.calls, innocent.failures, innocent.worst / 1e3);
  g_test_message ("Private_Dirty: %u KiB, %u after one round, %u at the end", start, before, after);
  g_assert_cmpuint (first.answered + rest.answered, >, 0);
  g_assert_cmpuint (first.refused + rest.refused, >, 0);
  g_assert_cmpuint (innocent.calls, >, 0);
  if (others)
    g_assert_cmpuint (innocent.failures, ==, 0);
#ifndef __SANITIZE_ADDRESS__   /* which keeps for a while what was freed */
  g_assert_cmpuint (after, <, start + GROWTH_MAX);
#endif
  if (g_test_slow () && others)
    g_assert_cmpint (innocent.worst, <, PATIENCE);
  for (guint i = 0; i < CLIENTS; i++)
    g_object_unref (clients[i].connection);
  g_object_unref (innocent.connection);
}

int
main (int argc, char **argv)
{
  struct rlimit files = { 4096, 4096 };
  g_test_init (&argc, &argv, NULL);
  setrlimit (RLIMIT_NOFILE, &files);
  g_test_add_func ("/load/safety-7-each-call-has-one-answer", test_load);
  return g_test_run ();
}
