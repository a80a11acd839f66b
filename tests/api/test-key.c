/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "await.h"
#include "memory-keys.h"

static void
uris_round_trip (void)
{
  static const char *const ids[] = {"web", "a/b?c#d", "ünï", "100%", "..", "a b\"c", "\x7f\x01", "~-._"};

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_autofree char *uri = clm_key_uri_build ("file", ids[i]);
    g_autofree char *store = NULL, *id = NULL;
    g_autoptr (GError) error = NULL;
    g_assert_true (g_str_has_prefix (uri, "clm-key://file/"));
    g_assert_null (strchr (uri + strlen ("clm-key://file/"), '/'));
    g_assert_true (clm_key_uri_parse (uri, &store, &id, &error));
    g_assert_cmpstr (store, ==, "file");
    g_assert_cmpstr (id, ==, ids[i]);
  }
  g_autofree char *plain = clm_key_uri_build ("file", "A-z_0.9~");
  g_assert_cmpstr (plain, ==, "clm-key://file/A-z_0.9~");
  g_autofree char *umlaut = clm_key_uri_build ("file", "ü");
  g_assert_cmpstr (umlaut, ==, "clm-key://file/%C3%BC");
}

static void
bad_uris_are_refused (void)
{
  static const char *const uris[] = {
    "", "clm-key:", "clm-key://", "clm-key:///x", "clm-key://file", "clm-key://file/", "clm-key://file/a/b", "file:///etc/passwd",
    "clm-key:file/web", "CLM-KEY://file/x", "clm-key://file/%", "clm-key://file/%zz", "clm-key://file/%00", "clm-key://file/%61",
    "clm-key://file/%c3%bc", "clm-key://file/a b", "clm-key://file/ü", "clm-key://fi%2Fle/",
  };

  for (guint i = 0; i < G_N_ELEMENTS (uris); i++) {
    g_autofree char *store = NULL, *id = NULL;
    g_autoptr (GError) error = NULL;
    g_assert_false (clm_key_uri_parse (uris[i], &store, &id, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    g_assert_null (id);
  }
  g_autofree char *id = g_strnfill (CLM_KEY_ID_MAX, '/');
  g_autofree char *longest = clm_key_uri_build ("s", id), *longer = g_strconcat (longest, "x", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (clm_key_uri_parse (longest, NULL, NULL, &error));
  g_assert_false (clm_key_uri_parse (longer, NULL, NULL, &error));
}

static void
a_key_knows_its_store (void)
{
  g_autoptr (ClmKeyStore) store = clm_memory_keys_new ("memory");
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), CLM_KEY_TYPE_EC_P256, "web");
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_assert_true (clm_key_get_store (key) == store);
  g_assert_cmpstr (clm_key_get_id (key), ==, "key/web?");
  g_assert_cmpuint (g_bytes_get_size (clm_key_get_spki (key)), >, 50);
  g_assert_true (CLM_IS_KEY_EXPORTER (store) && CLM_IS_KEY_IMPORTER (store));
  g_assert_false (CLM_IS_ATTESTER (store) || CLM_IS_DECRYPTER (store));
  g_ptr_array_add (chain, g_bytes_new_static ("x", 1));
  g_autoptr (ClmCredential) credential = clm_credential_new (chain, key);
  g_assert_true (clm_credential_get_key (credential) == key);
  g_assert_cmpuint (clm_credential_get_chain (credential)->len, ==, 1);
}

static void
a_wrong_digest_never_reaches_the_store (void)
{
  g_autoptr (ClmKeyStore) store = clm_memory_keys_new ("memory");
  g_autoptr (ClmKey) key = clm_memory_keys_make (CLM_MEMORY_KEYS (store), CLM_KEY_TYPE_EC_P256, "web");
  guint8 digest[64] = {0};
  g_autoptr (GError) error = NULL;

  g_autoptr (GBytes) good = clm_key_sign (key, CLM_SIGN_ECDSA, CLM_HASH_SHA256, digest, 32, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (good);
  g_assert_null (clm_key_sign (key, CLM_SIGN_ECDSA, CLM_HASH_SHA256, digest, 31, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (clm_key_sign (key, CLM_SIGN_ECDSA, CLM_HASH_NONE, digest, 0, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (clm_key_sign (key, CLM_SIGN_RSA_PSS, CLM_HASH_SHA256, digest, 32, NULL, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

static void
what_a_store_cannot_is_an_error (void)
{
  g_autoptr (ClmKeyStore) store = clm_memory_keys_new ("memory");
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *long_id = g_strnfill (CLM_KEY_ID_MAX + 1, 'x');

  clm_key_store_open_async (store, "absent", NULL, clm_await_done, &result);
  g_assert_null (clm_key_store_open_finish (store, clm_await (&result), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_clear_object (&result);
  clm_key_store_open_async (store, long_id, NULL, clm_await_done, &result);
  g_assert_null (clm_key_store_open_finish (store, clm_await (&result), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/key/uris-round-trip", uris_round_trip);
  g_test_add_func ("/key/bad-uris-are-refused", bad_uris_are_refused);
  g_test_add_func ("/key/a-key-knows-its-store", a_key_knows_its_store);
  g_test_add_func ("/key/a-wrong-digest-never-reaches-the-store", a_wrong_digest_never_reaches_the_store);
  g_test_add_func ("/key/what-a-store-cannot-is-an-error", what_a_store_cannot_is_an_error);
  return g_test_run ();
}
