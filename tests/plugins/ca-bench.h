/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "await.h"
#include "authority.h"
#include "fake-host.h"
#include "fake-request.h"
#include "memory-keys.h"

#include <glib/gstdio.h>
#include <string.h>

/* What the tests of ca-local share: a CA on a fake host, plain calls of it, and the openssl command as judge. */

#ifndef BENCH_TYPE
#define BENCH_TYPE CLM_TYPE_CA_LOCAL
#endif

#define CA_NOW G_GINT64_CONSTANT (1790000000)   /* in 2026 */

typedef struct {
  ClmFakeHost  *host;
  ClmKeyStore  *keys;
  ClmAuthority *ca;
  char         *directory;   /* scratch, for openssl */
} Bench;

static inline Bench *
bench_new (gint64 now)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->host = clm_fake_host_new (now);
  bench->keys = clm_memory_keys_new ("soft");
  clm_fake_host_set_key_store (bench->host, bench->keys);
  bench->directory = g_dir_make_tmp ("certloom-ca-XXXXXX", NULL);
  g_assert_nonnull (bench->directory);
  return bench;
}

static inline gboolean
bench_try_start (Bench *bench, const char *options, GError **error)
{
  g_autoptr (ClmOptions) parsed = clm_options_new_from_text ("plant.authority", options);
  g_autoptr (GAsyncResult) result = NULL;

  g_assert_null (bench->ca);
  bench->ca = g_object_new (BENCH_TYPE, "name", "plant", "host", bench->host, "options", parsed, NULL);
  clm_backend_start_async (CLM_BACKEND (bench->ca), NULL, clm_await_done, &result);
  return clm_backend_start_finish (CLM_BACKEND (bench->ca), clm_await (&result), error);
}

static inline void
bench_start (Bench *bench, const char *options)
{
  g_autoptr (GError) error = NULL;

  bench_try_start (bench, options, &error);
  g_assert_no_error (error);
}

static inline void
bench_stop (Bench *bench)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (bench->ca == NULL)
    return;
  clm_backend_stop_async (CLM_BACKEND (bench->ca), NULL, clm_await_done, &result);
  clm_backend_stop_finish (CLM_BACKEND (bench->ca), clm_await (&result), NULL);
  g_clear_object (&result);
  clm_await_idle ();
  g_object_add_weak_pointer (G_OBJECT (bench->ca), (gpointer *) &bench->ca);
  g_object_unref (bench->ca);
  for (guint i = 0; bench->ca != NULL && i < 1000; i++) {
    g_usleep (1000);
    clm_await_idle ();
  }
  g_assert_null (bench->ca);
}

static inline void
bench_restart (Bench *bench, const char *options)
{
  ClmFakeHost *fresh;

  bench_stop (bench);
  fresh = clm_fake_host_restart (bench->host);
  g_object_unref (bench->host);
  bench->host = fresh;
  bench_start (bench, options);
}

/* Removes files only: the scratch directory is flat. */
static inline void
bench_free (Bench *bench)
{
  g_autoptr (GDir) dir = g_dir_open (bench->directory, 0, NULL);
  const char *name;

  bench_stop (bench);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (bench->directory, name, NULL);

    g_remove (path);
  }
  g_rmdir (bench->directory);
  g_object_unref (bench->host);
  g_object_unref (bench->keys);
  g_free (bench->directory);
  g_free (bench);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bench, bench_free)

static inline char *
bench_private (Bench *bench, const char *file)
{
  return g_build_filename (clm_host_get_private_directory (CLM_HOST (bench->host), NULL), file, NULL);
}

static inline ClmIssuance *
bench_try_enroll (Bench *bench, ClmFakeRequest *request, GBytes *ticket, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_authority_enroll_async (bench->ca, CLM_REQUEST (request), ticket, NULL, clm_await_done, &result);
  return clm_authority_enroll_finish (bench->ca, clm_await (&result), error);
}

static inline ClmIssuance *
bench_enroll (Bench *bench, ClmFakeRequest *request, GBytes *ticket)
{
  g_autoptr (GError) error = NULL;
  ClmIssuance *issuance = bench_try_enroll (bench, request, ticket, &error);

  g_assert_no_error (error);
  g_assert_nonnull (issuance);
  g_assert_false (clm_issuance_is_pending (issuance));
  return issuance;
}

static inline ClmFakeRequest *
bench_request (Bench *bench, const char *name, const char *subject, const char *dns)
{
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (bench->keys), CLM_KEY_TYPE_EC_P256, name);

  return clm_fake_request_new (name, key, subject, dns);
}

/* One certificate, whatever it says. */
static inline GBytes *
bench_issue (Bench *bench, const char *name)
{
  g_autofree char *subject = g_strdup_printf ("CN=%s", name), *dns = g_strdup_printf ("%s.plant.example", name);
  g_autoptr (ClmFakeRequest) request = bench_request (bench, name, subject, dns);
  g_autoptr (ClmIssuance) issuance = bench_enroll (bench, request, NULL);

  return g_bytes_ref (g_ptr_array_index (clm_issuance_get_chain (issuance), 0));
}

static inline gboolean
bench_try_revoke (Bench *bench, GBytes *certificate, ClmRevocationReason reason, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_authority_revoke_async (bench->ca, certificate, reason, NULL, clm_await_done, &result);
  return clm_authority_revoke_finish (bench->ca, clm_await (&result), error);
}

static inline void
bench_revoke (Bench *bench, GBytes *certificate, ClmRevocationReason reason)
{
  g_autoptr (GError) error = NULL;

  bench_try_revoke (bench, certificate, reason, &error);
  g_assert_no_error (error);
}

static inline GPtrArray *
bench_crls (Bench *bench)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GPtrArray *crls;

  clm_authority_fetch_crls_async (bench->ca, NULL, clm_await_done, &result);
  crls = clm_authority_fetch_crls_finish (bench->ca, clm_await (&result), &error);
  g_assert_no_error (error);
  return crls;
}

static inline GBytes *
bench_crl (Bench *bench)
{
  g_autoptr (GPtrArray) crls = bench_crls (bench);

  return g_bytes_ref (crls->pdata[0]);
}

static inline GBytes *
bench_anchor (Bench *bench)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) anchors = NULL;

  clm_authority_fetch_anchors_async (bench->ca, NULL, clm_await_done, &result);
  anchors = clm_authority_fetch_anchors_finish (bench->ca, clm_await (&result), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (anchors->len, ==, 1);
  return g_bytes_ref (g_ptr_array_index (anchors, 0));
}

static inline GVariantDict *
bench_describe (Bench *bench)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (clm_backend_describe (CLM_BACKEND (bench->ca)));

  return g_variant_dict_new (variant);
}

static inline guint64
bench_crl_number (Bench *bench, const char *key)
{
  g_autoptr (GVariantDict) dict = bench_describe (bench);
  guint64 number = 0;

  g_assert_true (g_variant_dict_lookup (dict, key, "t", &number));
  return number;
}

/* Writes DER as PEM of @kind into the scratch directory. Returns: the path. */
static inline char *
bench_write (Bench *bench, const char *file, const char *kind, GBytes *der)
{
  char *path = g_build_filename (bench->directory, file, NULL);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  g_autoptr (GString) pem = g_string_new (NULL);

  g_string_append_printf (pem, "-----BEGIN %s-----\n", kind);
  for (gsize at = 0, size = strlen (base64); at < size; at += 64)
    g_string_append_printf (pem, "%.64s\n", base64 + at);
  g_string_append_printf (pem, "-----END %s-----\n", kind);
  g_assert_true (g_file_set_contents (path, pem->str, -1, NULL));
  return path;
}

/* Runs a command line (words without quotes) in the scratch directory. Returns: its output, both streams; @ok: whether it succeeded. */
G_GNUC_PRINTF (3, 4)
static inline char *
bench_run (Bench *bench, gboolean *ok, const char *format, ...)
{
  g_autofree char *line = NULL, *out = NULL, *err = NULL;
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  int status;
  va_list args;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  g_assert_true (g_shell_parse_argv (line, NULL, &argv, NULL));
  g_spawn_sync (bench->directory, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, &error);
  g_assert_no_error (error);
  *ok = g_spawn_check_wait_status (status, NULL);
  return g_strconcat (out, err, NULL);
}

/* The same, and it must succeed. */
#define bench_openssl(bench, ...) bench_must_run (bench, TRUE, __VA_ARGS__)
#define bench_openssl_fails(bench, ...) bench_must_run (bench, FALSE, __VA_ARGS__)
#define bench_must_run(bench, expected, ...) \
  ({ \
    gboolean ran_; \
    char *output_ = bench_run (bench, &ran_, __VA_ARGS__); \
    if (ran_ != (expected)) \
      g_test_message ("%s", output_); \
    g_assert_cmpint (ran_, ==, expected); \
    output_; \
  })

#define assert_contains(text, part) \
  G_STMT_START { \
    if (strstr ((text), (part)) == NULL) \
      g_test_message ("no “%s” in: %s", (part), (text)); \
    g_assert_nonnull (strstr ((text), (part))); \
  } G_STMT_END

static inline guint
bench_count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint count = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

/* Runs the tests, then waits until only the main thread and GLib's spawner of threads are left: OpenSSL frees a thread's state with the
 * thread, and what it has not freed when the process ends counts as leaked. */
static inline int
bench_main (void)
{
  int result = g_test_run ();

  g_thread_pool_set_max_unused_threads (0);
  for (guint i = 0; i < 5000 && bench_count_threads () > 2; i++)
    g_usleep (1000);
  return result;
}
