/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "await.h"
#include "certificate.h"
#include "config-tree.h"
#include "generation.h"

#define BENCH_PLUGINS "CERTLOOM_BENCH_PLUGINS"
#define PATIENCE_S 120   /* a test that waits longer is broken */

/* Folders and files */

/* One for the whole process: a module stays loaded, and its types exist once. */
static char *plugins;

static void
remove_plugins (void)
{
  tree_remove (g_steal_pointer (&plugins));
}

static void
copy_module (const char *from)
{
  g_autofree char *base = g_path_get_basename (from);
  g_autofree char *to = g_build_filename (plugins, base, NULL);
  g_autofree char *data = NULL;
  gsize size;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (from, &data, &size, &error);
  g_assert_no_error (error);
  g_file_set_contents_full (to, data, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (to, 0644), ==, 0);
}

static void
copy_modules (void)
{
  if (g_getenv (BENCH_PLUGINS)) {
    /* A child of a test uses its parent's: it may not live to remove its own. */
    plugins = g_strdup (g_getenv (BENCH_PLUGINS));
    return;
  }
  plugins = tree_new ();
  g_setenv (BENCH_PLUGINS, plugins, TRUE);
  atexit (remove_plugins);
  g_assert_cmpint (chmod (plugins, 0755), ==, 0);
  copy_module (KEY_FILE);
  copy_module (CA_LOCAL);
  copy_module (FAKE_DIR "/fake-ca.so");
  copy_module (FAKE_DIR "/fake-keys.so");
  copy_module (FAKE_DIR "/fake-notifier.so");
}

Bench *
bench_open (const char *root)
{
  Bench *self = g_new0 (Bench, 1);

  /* What goes wrong is told as a warning, and here it shall go wrong. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  if (!plugins)
    copy_modules ();
  self->root = g_strdup (root);
  self->state = g_build_filename (root, "state", NULL);
  self->out = g_build_filename (root, "out", NULL);
  self->events = g_ptr_array_new_with_free_func (g_free);
  return self;
}

Bench *
bench_new (gboolean owned)
{
  g_autofree char *root = tree_new ();
  Bench *self = bench_open (root);

  g_assert_cmpint (g_mkdir (self->out, 0755), ==, 0);
  if (owned)
    self->time = clm_virtual_clock_new (BENCH_NOW);
  bench_write (self, "certloom.conf", "[Daemon]\nClock=%s\n", owned ? "ntp" : "always");
  bench_write (self, "keystores.d/file.keystore", "[KeyStore]\nPlugin=key-file\n");
  bench_authority (self, "fake", "Control=@ROOT@/control\n");
  return self;
}

void
bench_close (Bench *self)
{
  if (self->manager)
    bench_stop (self);
  g_clear_pointer (&self->time, clm_virtual_clock_free);
  g_ptr_array_unref (self->events);
  g_free (self->root);
  g_free (self->state);
  g_free (self->out);
  g_free (self);
}

void
bench_free (Bench *self)
{
  char *root = g_strdup (self->root);

  bench_close (self);
  tree_remove (root);
}

static char *
replace (const char *text,
         const char *word,
         const char *by)
{
  g_auto (GStrv) parts = g_strsplit (text, word, -1);

  return g_strjoinv (by, parts);
}

void
bench_write (Bench      *self,
             const char *file,
             const char *format,
             ...)
{
  g_autofree char *path = g_strconcat ("etc/certloom/", file, NULL);
  g_autofree char *text = NULL;
  g_autofree char *with_out = NULL;
  g_autofree char *with_root = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  with_out = replace (text, "@OUT@", self->out);
  with_root = replace (with_out, "@ROOT@", self->root);
  tree_write (self->root, path, with_root);
}

void
bench_unlink (Bench      *self,
              const char *file)
{
  g_autofree char *path = g_strconcat ("etc/certloom/", file, NULL);

  tree_delete (self->root, path);
}

void
bench_certificate (Bench      *self,
                   const char *name,
                   const char *more)
{
  g_autofree char *file = g_strdup_printf ("certificates.d/%s.certificate", name);

  bench_write (self, file, "[Certificate]\nSubject=CN=%s\nDNS=%s.example\nUsages=server\nAuthority=fake\n%s", name, name, more);
}

void
bench_authority (Bench      *self,
                 const char *name,
                 const char *more)
{
  g_autofree char *file = g_strdup_printf ("authorities.d/%s.authority", name);

  bench_write (self, file, "[Authority]\nPlugin=fake-ca\nLog=@ROOT@/ledger-%s\n%s", name, more);
}

void
bench_say (Bench      *self,
           const char *outcome)
{
  g_autofree char *path = g_build_filename (self->root, "control", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, outcome, -1, &error);
  g_assert_no_error (error);
}

char *
bench_read (Bench      *self,
            const char *path)
{
  g_autofree char *whole = g_build_filename (self->root, path, NULL);
  char *text = NULL;

  g_file_get_contents (whole, &text, NULL, NULL);
  return text;
}

/* Running */

static gboolean
on_patience_over (gpointer data)
{
  g_test_message ("the engine is still busy after %d s", PATIENCE_S);
  g_assert_not_reached ();
  return G_SOURCE_REMOVE;
}

/* One main-loop turn that waits, but not for ever. */
static void
turn (void)
{
  guint id = g_timeout_add_seconds (PATIENCE_S, on_patience_over, NULL);

  g_main_context_iteration (NULL, TRUE);
  g_source_remove (id);
}

static void
wait_for (GAsyncResult **result)
{
  while (!*result)
    turn ();
}

static void
on_event (ClmManager *manager,
          ClmEvent   *event,
          Bench      *self)
{
  const char *subject = clm_event_get_subject (event);

  g_ptr_array_add (self->events, g_strdup_printf ("%s %s: %s", clm_event_kind_get_nick (clm_event_get_kind (event)),
                                                  subject ? subject : "", clm_event_get_message (event)));
  g_test_message ("%s", (char *) g_ptr_array_index (self->events, self->events->len - 1));
}

static ClmClock *
create_clock (gpointer     data,
              ClmClockMode mode,
              gint64       build_time,
              gint64       last_seen)
{
  return clm_virtual_clock_create_clock (data, mode, build_time, last_seen);
}

static ClmTimers *
create_timers (gpointer  data,
               ClmClock *clock)
{
  return clm_virtual_clock_create_timers (data, clock);
}

gboolean
bench_try_start (Bench   *self,
                 GError **error)
{
  ClmTimeSource time = { create_clock, create_timers, self->time };
  ClmManagerSettings settings = { .config_root = self->root, .state_dir = self->state, .plugin_dir = plugins,
                                  .deliver_program = DELIVER_EXECUTABLE, .time = self->time ? &time : NULL };
  g_autoptr (ClmManager) manager = clm_manager_new (&settings);
  g_autoptr (GAsyncResult) result = NULL;

  g_signal_connect (manager, "event", G_CALLBACK (on_event), self);
  clm_manager_start_async (manager, NULL, clm_await_done, &result);
  wait_for (&result);
  if (!clm_manager_start_finish (manager, result, error))
    return FALSE;
  self->manager = g_steal_pointer (&manager);
  return TRUE;
}

void
bench_start (Bench *self)
{
  g_autoptr (GError) error = NULL;

  bench_try_start (self, &error);
  g_assert_no_error (error);
}

void
bench_stop (Bench *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  ClmManager *manager = g_steal_pointer (&self->manager);

  clm_manager_stop_async (manager, NULL, clm_await_done, &result);
  wait_for (&result);
  clm_manager_stop_finish (manager, result, &error);
  g_assert_no_error (error);
  g_signal_handlers_disconnect_by_data (manager, self);
  g_clear_object (&result);
  clm_await_idle ();
  g_assert_finalize_object (manager);
}

void
bench_restart (Bench *self)
{
  bench_stop (self);
  bench_start (self);
}

void
bench_settle (Bench *self)
{
  clm_await_idle ();
  while (!clm_manager_is_quiet (self->manager)) {
    turn ();
    clm_await_idle ();
  }
}

void
bench_advance (Bench *self,
               gint64 seconds)
{
  gint64 left = seconds;

  bench_settle (self);
  while (left > 0) {
    left -= clm_virtual_clock_step (self->time, left);
    bench_settle (self);
  }
}

GError *
bench_run (Bench  *self,
           ClmJob *job)
{
  G_GNUC_UNUSED g_autoptr (ClmJob) kept = g_object_ref (job);

  while (!clm_job_is_completed (job))
    turn ();
  bench_settle (self);
  return clm_job_get_error (job) ? g_error_copy (clm_job_get_error (job)) : NULL;
}

GError *
bench_try_renew (Bench      *self,
                 const char *name,
                 gboolean    rekey)
{
  const char *names[] = { name, NULL };
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_renew (self->manager, NULL, names, rekey, &error);

  g_assert_no_error (error);
  return bench_run (self, job);
}

void
bench_renew (Bench      *self,
             const char *name)
{
  g_autoptr (GError) error = bench_try_renew (self, name, FALSE);

  g_assert_no_error (error);
}

GError *
bench_reload (Bench *self)
{
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_reload (self->manager, 0, &error);

  g_assert_no_error (error);
  return bench_run (self, job);
}

gboolean
bench_hold (Bench      *self,
            const char *name,
            gboolean    hold,
            GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_manager_hold_async (self->manager, NULL, name, hold, NULL, clm_await_done, &result);
  wait_for (&result);
  return clm_manager_hold_finish (self->manager, result, error);
}

/* Looking */

ClmRecord *
bench_record (Bench      *self,
              const char *name)
{
  g_autoptr (GError) error = NULL;
  ClmRecord *record = clm_manager_get_record (self->manager, name, &error);

  g_assert_no_error (error);
  return record;
}

void
bench_assert_state (Bench      *self,
                    const char *name,
                    ClmState    state)
{
  g_autoptr (ClmRecord) record = bench_record (self, name);

  if (record->state != state)
    g_test_message ("[%s] %s: %s", name, record->reason, record->message);
  g_assert_cmpstr (clm_state_get_nick (record->state), ==, clm_state_get_nick (state));
}

void
bench_assert_reason (Bench      *self,
                     const char *name,
                     ClmState    state,
                     const char *reason)
{
  g_autoptr (ClmRecord) record = bench_record (self, name);

  bench_assert_state (self, name, state);
  g_assert_cmpstr (record->reason, ==, reason);
}

guint
bench_count_ledger (Bench      *self,
                    const char *authority,
                    const char *prefix)
{
  g_autofree char *file = g_strconcat ("ledger-", authority, NULL);
  g_autofree char *text = bench_read (self, file);
  g_auto (GStrv) lines = g_strsplit (text ? text : "", "\n", -1);
  guint n = 0;

  for (guint i = 0; lines[i]; i++)
    n += g_str_has_prefix (lines[i], prefix);
  return n;
}

guint
bench_count_events (Bench      *self,
                    const char *prefix)
{
  guint n = 0;

  for (guint i = 0; i < self->events->len; i++)
    n += g_str_has_prefix (g_ptr_array_index (self->events, i), prefix);
  return n;
}

void
bench_forget_events (Bench *self)
{
  g_ptr_array_set_size (self->events, 0);
}

guint
bench_count_keys (Bench *self)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) keys = NULL;
  g_autoptr (GError) error = NULL;

  clm_manager_list_keys_async (self->manager, "file", NULL, clm_await_done, &result);
  wait_for (&result);
  keys = clm_manager_list_keys_finish (self->manager, result, &error);
  g_assert_no_error (error);
  return keys->len;
}

guint
bench_count_history (Bench      *self,
                     const char *name,
                     const char *kind)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0;

  clm_manager_history_async (self->manager, name, 0, 1000, NULL, clm_await_done, &result);
  wait_for (&result);
  rows = clm_manager_history_finish (self->manager, result, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < rows->len; i++)
    n += g_str_equal (((ClmHistoryRow *) g_ptr_array_index (rows, i))->kind, kind);
  return n;
}

/* What a consumer would find */

static void
assert_key_fits (Bench         *self,
                 const char    *name,
                 ClmGeneration *generation)
{
  g_autofree char *path = g_strdup_printf ("%s/certificates/%s/gen/%06u/key.pem", self->state, name, generation->number);
  g_autoptr (EVP_PKEY) key = NULL;
  g_autoptr (GBytes) spki = NULL;
  g_autoptr (GError) error = NULL;
  FILE *file;

  if (!generation->has_key)
    return;
  file = fopen (path, "re");
  g_assert_nonnull (file);
  key = PEM_read_PrivateKey (file, NULL, NULL, NULL);
  fclose (file);
  g_assert_nonnull (key);
  spki = clm_x509_key_to_spki (key, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (spki, generation->spki));
}

static void
add_all (X509_STORE     *store,
         STACK_OF (X509) *stack,
         GPtrArray      *ders)
{
  for (guint i = 0; i < ders->len; i++) {
    g_autoptr (X509) certificate = clm_x509_parse (g_ptr_array_index (ders, i), NULL);

    g_assert_nonnull (certificate);
    if (store)
      X509_STORE_add_cert (store, certificate);
    else
      sk_X509_push (stack, g_steal_pointer (&certificate));
  }
}

static void
assert_chain_holds (ClmGeneration *generation)
{
  X509_STORE *store = X509_STORE_new ();
  X509_STORE_CTX *context = X509_STORE_CTX_new ();
  STACK_OF (X509) *chain = sk_X509_new_null ();
  g_autoptr (X509) leaf = clm_x509_parse (generation->leaf, NULL);

  add_all (store, NULL, generation->anchors);
  add_all (NULL, chain, generation->chain);
  g_assert_true (X509_STORE_CTX_init (context, store, leaf, chain));
  X509_VERIFY_PARAM_set_flags (X509_STORE_CTX_get0_param (context), X509_V_FLAG_NO_CHECK_TIME);
  g_assert_cmpint (X509_verify_cert (context), ==, 1);
  X509_STORE_CTX_free (context);
  X509_STORE_free (store);
  sk_X509_pop_free (chain, X509_free);
}

guint
bench_assert_published (Bench      *self,
                        const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGenerationStore) store = clm_generation_store_open (self->state, &error);
  g_autoptr (ClmGeneration) generation = NULL;
  guint number;

  g_assert_no_error (error);
  number = clm_generation_get_current (store, name, NULL);
  if (number == 0)
    return 0;
  generation = clm_generation_read (store, name, number, &error);
  g_assert_no_error (error);
  assert_key_fits (self, name, generation);
  assert_chain_holds (generation);
  if (self->manager) {
    g_autoptr (ClmRecord) record = bench_record (self, name);

    g_assert_cmpuint (record->generation, ==, number);
    g_assert_cmpstr (record->serial, ==, generation->serial);
    g_assert_cmpstr (record->key_uri, ==, generation->key_uri);
    g_assert_cmpint (record->not_after, ==, generation->not_after);
  }
  return number;
}

static void
collect_files (const char *folder,
               const char *below,
               GPtrArray  *lines)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autofree char *shown = g_build_filename (below, name, NULL);
    g_autofree char *text = NULL;

    if (g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      text = g_file_read_link (path, NULL);
    else if (g_file_test (path, G_FILE_TEST_IS_DIR))
      collect_files (path, shown, lines);
    else
      g_file_get_contents (path, &text, NULL, NULL);
    if (text)
      g_ptr_array_add (lines, g_strdup_printf ("%s\n%s", shown, text));
  }
}

static int
compare_lines (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
bench_snapshot (Bench      *self,
                const char *name)
{
  g_autofree char *folder = g_build_filename (self->state, "certificates", name, NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  collect_files (folder, "", lines);
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

void
bench_assert_no_leftovers (Bench      *self,
                           const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGenerationStore) store = clm_generation_store_open (self->state, &error);
  g_autofree char *folder = g_build_filename (self->state, "certificates", name, "gen", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GArray) complete = NULL;
  guint removed = 0, n = 0;

  g_assert_no_error (error);
  g_assert_true (clm_generation_collect (store, name, &removed, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (removed, ==, 0);
  complete = clm_generation_list (store, name, &error);
  g_assert_no_error (error);
  while (dir && g_dir_read_name (dir))
    n++;
  g_assert_cmpuint (n, ==, complete->len);
}
