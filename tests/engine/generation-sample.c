/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-sample.h"

#include <ftw.h>
#include <stdio.h>

char *
clm_sample_make_state (void)
{
  g_autoptr (GError) error = NULL;
  char *path = g_dir_make_tmp ("certloom-generation-XXXXXX", &error);

  g_assert_no_error (error);
  return path;
}

static int
remove_entry (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  return remove (path);
}

void
clm_sample_remove_state (char *path)
{
  g_assert_cmpint (nftw (path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
  g_free (path);
}

ClmGenerationStore *
clm_sample_open (const char *state)
{
  g_autoptr (GError) error = NULL;
  ClmGenerationStore *store = clm_generation_store_open (state, &error);

  g_assert_no_error (error);
  return store;
}

static GBytes *
make_bytes (const char *what, guint number)
{
  /* Long enough for several lines of PEM */
  char *text = g_strdup_printf ("%s-%06u-0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz", what, number);

  return g_bytes_new_take (text, strlen (text));
}

ClmGeneration *
clm_sample_generation (guint number)
{
  ClmGeneration *generation = clm_generation_new ("web", number);
  g_autofree char *leaf = NULL;
  gsize size;

  generation->spki = make_bytes ("public", number);
  leaf = g_strdup_printf ("leaf(%.*s)", (int) g_bytes_get_size (generation->spki), (const char *) g_bytes_get_data (generation->spki, &size));
  generation->leaf = g_bytes_new (leaf, strlen (leaf));
  g_ptr_array_add (generation->chain, make_bytes ("issuer", number));
  g_ptr_array_add (generation->chain, make_bytes ("upper", number));
  g_ptr_array_add (generation->anchors, make_bytes ("anchor", number));
  generation->created = 1000 + number;
  generation->not_before = 900;
  generation->not_after = G_GINT64_CONSTANT (253402300799);
  generation->authority = g_strdup ("corp");
  generation->spec_digest = g_strdup ("0a1b");
  generation->key_uri = g_strdup_printf ("clm-key://file/web%%20%u", number);
  generation->serial = g_strdup ("00ff");
  return generation;
}

ClmSecret *
clm_sample_key (guint number)
{
  g_autofree char *text = g_strdup_printf ("-----BEGIN PRIVATE KEY-----\nkey-%06u\n-----END PRIVATE KEY-----\n", number);

  return clm_secret_new (text, strlen (text));
}

gboolean
clm_sample_write (ClmGenerationStore *store, guint number, GError **error)
{
  g_autoptr (ClmGeneration) generation = clm_sample_generation (number);
  g_autoptr (ClmSecret) key = clm_sample_key (number);

  return clm_generation_write (store, generation, key, error);
}

void
clm_sample_rotate (ClmGenerationStore *store, guint number, gint64 now)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_sample_write (store, number, &error));
  g_assert_no_error (error);
  g_assert_true (clm_generation_publish (store, "web", number, now, &error));
  g_assert_no_error (error);
}

static char *
read_fd (int fd)
{
  char buffer[8192];
  ssize_t n = pread (fd, buffer, sizeof buffer, 0);

  g_assert_cmpint (n, >, 0);
  return g_strndup (buffer, (gsize) n);
}

static GString *
make_pem (GBytes *leaf, GPtrArray *chain)
{
  GString *pem = g_string_new (NULL);

  for (guint i = 0; i <= chain->len; i++) {
    GBytes *der = i == 0 ? leaf : chain->pdata[i - 1];
    g_autofree char *text = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));

    g_string_append (pem, "-----BEGIN CERTIFICATE-----\n");
    for (gsize at = 0; at < strlen (text); at += 64)
      g_string_append_printf (pem, "%.64s\n", text + at);
    g_string_append (pem, "-----END CERTIFICATE-----\n");
  }
  return pem;
}

void
clm_sample_assert_pair (const ClmGenerationFds *fds)
{
  g_autoptr (ClmGeneration) expected = clm_sample_generation (fds->number);
  g_autoptr (ClmSecret) key = clm_sample_key (fds->number);
  GString *pem = make_pem (expected->leaf, expected->chain);
  g_autofree char *fullchain = read_fd (fds->fullchain);
  g_autofree char *key_text = read_fd (fds->key);
  g_autofree char *combined = read_fd (fds->combined);
  g_autofree char *both = g_strconcat (key_text, fullchain, NULL);

  g_assert_cmpstr (fullchain, ==, pem->str);
  g_assert_cmpstr (key_text, ==, clm_secret_peek (key, NULL));
  g_assert_cmpstr (combined, ==, both);
  g_string_free (pem, TRUE);
}

void
clm_sample_assert_whole (ClmGenerationStore *store, guint number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGenerationFds) fds = NULL;

  g_assert_cmpuint (clm_generation_get_current (store, "web", &error), ==, number);
  g_assert_no_error (error);
  g_assert_true (clm_generation_verify (store, "web", number, &error));
  g_assert_no_error (error);
  fds = clm_generation_open_fds (store, "web", TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fds->number, ==, number);
  clm_sample_assert_pair (fds);
}

guint
clm_sample_count (const char *state, const char *path)
{
  g_autofree char *full = g_build_filename (state, path, NULL);
  g_autoptr (GDir) dir = g_dir_open (full, 0, NULL);
  guint count = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

static int
sync_nothing (int fd)
{
  return 0;
}

ClmSyscalls
clm_sample_calls_without_sync (void)
{
  ClmSyscalls calls = *clm_durable_get_system_calls ();

  calls.sync = sync_nothing;
  return calls;
}
