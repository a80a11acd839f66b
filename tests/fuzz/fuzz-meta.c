/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/engine/generation-meta.c. Input: whether to seal it; the text. */
#include "fuzz.h"

#include <string.h>

#include "generation-meta.h"

#define NAME "web"
#define NUMBER 41
#define SEAL_HEAD "\n[Seal]\nSha256="

static GBytes *
seal_text (GBytes *text)
{
  g_autofree char *body = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, body, -1);
  char *whole = g_strconcat (body, SEAL_HEAD, hash, "\n", NULL);

  return g_bytes_new_take (whole, strlen (whole));
}

static void
assert_same (const ClmGeneration *a, const ClmGeneration *b)
{
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpuint (a->number, ==, b->number);
  g_assert_true (a->created == b->created && a->not_before == b->not_before && a->not_after == b->not_after);
  g_assert_cmpstr (a->authority, ==, b->authority);
  g_assert_cmpstr (a->spec_digest, ==, b->spec_digest);
  g_assert_cmpstr (a->request, ==, b->request);
  g_assert_cmpstr (a->key_uri, ==, b->key_uri);
  g_assert_cmpstr (a->serial, ==, b->serial);
  g_assert_cmpstr (a->fingerprint, ==, b->fingerprint);
  g_assert_true (g_bytes_equal (a->spki, b->spki));
  g_assert_true (a->has_key == b->has_key);
}

static void
assert_same_files (GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer name, hash;

  g_assert_cmpuint (g_hash_table_size (a), ==, g_hash_table_size (b));
  g_hash_table_iter_init (&iter, a);
  while (g_hash_table_iter_next (&iter, &name, &hash)) {
    g_assert_nonnull (hash);
    g_assert_cmpstr (hash, ==, g_hash_table_lookup (b, name));
  }
}

static void
check_round_trip (const ClmGeneration *generation, GHashTable *files)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = clm_generation_meta_encode (generation, files, &error);
  g_autoptr (GHashTable) files_again = NULL;
  g_autoptr (ClmGeneration) again = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_no_error (error);
  bytes = g_bytes_new (text, strlen (text));
  again = clm_generation_meta_decode (bytes, generation->name, generation->number, &files_again, &error);
  g_assert_no_error (error);
  assert_same (generation, again);
  assert_same_files (files, files_again);
}

/* One bit elsewhere and it is refused: that is what the seal is for. */
static void
check_seal (GBytes *text, gsize at)
{
  gsize size = g_bytes_get_size (text);
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (text, NULL), size);
  g_autoptr (GBytes) damaged = NULL;
  g_autoptr (GError) error = NULL;

  copy[at % size] ^= 1;
  damaged = g_bytes_new (copy, size);
  g_assert_null (clm_generation_meta_decode (damaged, NAME, NUMBER, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  guint mode = clm_fuzz_take_byte (&in);
  g_autoptr (GBytes) rest = clm_fuzz_take_rest (&in);
  g_autoptr (GBytes) text = mode & 1 ? seal_text (rest) : g_bytes_ref (rest);
  g_autoptr (GHashTable) files = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmGeneration) generation = clm_generation_meta_decode (text, NAME, NUMBER, &files, &error);

  if (generation == NULL) {
    clm_fuzz_assert_error (error);
    g_assert_true (error->code == CLM_ERROR_INVALID_DATA || error->code == CLM_ERROR_NOT_SUPPORTED);
    return;
  }
  g_assert_cmpstr (generation->name, ==, NAME);
  g_assert_cmpuint (generation->number, ==, NUMBER);
  g_assert_true (generation->spki != NULL && generation->key_uri != NULL && generation->fingerprint != NULL);
  check_round_trip (generation, files);
  clm_fuzz_accept ();
  check_seal (text, size * 7 + mode);
  g_assert_null (clm_generation_meta_decode (text, "other", NUMBER, NULL, NULL));
  g_assert_null (clm_generation_meta_decode (text, NAME, NUMBER + 1, NULL, NULL));
}

void
clm_fuzz_make_seeds (void)
{
  static const char good[] =
    "\001[Generation]\nFormat=1\nName=web\nNumber=41\nCreated=1790000000\nNotBefore=1790000000\nNotAfter=1797776000\nAuthority=plant\n"
    "SpecDigest=abc\nRequest=[Request]\\nCertificate=web\\n\nKeyUri=clm-key://file/web\nSerial=4001\nFingerprint=00ff\nPublicKey=MCowBQYDK2VwAyEA\n\n"
    "[Files]\ncert.pem=00\nchain.pem=01\nfullchain.pem=02\ntrust.pem=03\nkey.pem=04\n";
  static const char newer[] = "\001[Generation]\nFormat=2\nName=web\nNumber=41\n";
  g_autoptr (GBytes) body = g_bytes_new_static (good + 1, sizeof good - 2), sealed = seal_text (body);
  g_autoptr (GByteArray) whole = g_byte_array_append (g_byte_array_new (), (const guint8 *) "", 1);

  g_byte_array_append (whole, g_bytes_get_data (sealed, NULL), (guint) g_bytes_get_size (sealed));
  clm_fuzz_seed ("good", good, sizeof good - 1);
  clm_fuzz_seed ("refused-newer", newer, sizeof newer - 1);
  clm_fuzz_seed ("sealed", whole->data, whole->len);
}
