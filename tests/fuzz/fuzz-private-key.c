/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/x509/private-key.c, and what key-file takes and reads. Input: how (DER or PEM, or a key file's bytes), then the key. */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "config-tree.h"
#include "directory.h"
#include "file-name.h"
#include "keyring.h"
#include "signer.h"

enum { FORM_DER, FORM_PEM, FORM_FILE, N_FORMS };

const gsize clm_fuzz_head = 1;

static ClmKeyring *
get_keyring (char **path)
{
  static ClmKeyring *keyring;
  static char *folder;
  g_autoptr (GError) error = NULL;

  if (keyring == NULL) {
    folder = tree_path (clm_fuzz_get_folder (), "keys");
    keyring = clm_keyring_open (folder, TRUE, &error);
    g_assert_no_error (error);
  }
  *path = tree_path (folder, "k.pem");
  return keyring;
}

/* Written and read again it is the same key, in both forms. */
static void
check_round_trip (EVP_PKEY *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSecret) der = clm_x509_key_to_pkcs8 (key, &error), pem = clm_x509_key_to_pem (key, &error);
  g_autoptr (EVP_PKEY) from_der = NULL, from_pem = NULL;

  if (der == NULL) {   /* a kind of key that libcrypto reads and cannot write */
    clm_fuzz_assert_error (error);
    return;
  }
  from_der = clm_x509_key_from_pkcs8 (der, &error);
  g_assert_no_error (error);
  from_pem = clm_x509_key_from_pem (pem, &error);
  g_assert_no_error (error);
  g_assert_true (EVP_PKEY_eq (key, from_der) == 1 && EVP_PKEY_eq (key, from_pem) == 1);
}

/* A key that was taken in has halves that fit: what it signs the public half verifies. */
static void
check_works (ClmKeyring *keyring)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) spki = clm_keyring_get_public_key (keyring, "k", &error);
  g_autoptr (EVP_PKEY) key = spki != NULL ? clm_x509_key_from_spki (spki, &error) : NULL;
  const char *type = key != NULL ? clm_x509_key_get_type (key) : "";
  gboolean ed = g_str_equal (type, "ed25519"), ec = g_str_has_prefix (type, "ec:");
  guint8 digest[32] = { 1, 2, 3 };
  g_autoptr (GBytes) signature = NULL;
  g_autoptr (EVP_PKEY_CTX) context = NULL;
  g_autoptr (EVP_MD_CTX) message = EVP_MD_CTX_new ();

  g_assert_no_error (error);
  g_assert_true (clm_x509_key_check (key, &error));
  g_assert_true (g_strv_contains (clm_keyring_get_key_types (), type));
  signature = clm_keyring_sign (keyring, "k", ed ? CLM_SIGN_ED25519 : ec ? CLM_SIGN_ECDSA : CLM_SIGN_RSA_PKCS1,
                                ed ? CLM_HASH_NONE : CLM_HASH_SHA256, digest, sizeof digest, &error);
  g_assert_no_error (error);
  if (ed) {
    g_assert_true (EVP_DigestVerifyInit (message, NULL, NULL, NULL, key) == 1);
    g_assert_true (EVP_DigestVerify (message, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), digest, sizeof digest) == 1);
    return;
  }
  context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  g_assert_true (EVP_PKEY_verify_init (context) == 1 && EVP_PKEY_CTX_set_signature_md (context, EVP_sha256 ()) > 0);
  g_assert_true (EVP_PKEY_verify (context, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), digest, sizeof digest) == 1);
}

static void
check_import (ClmSecret *pkcs8)
{
  g_autofree char *path = NULL;
  ClmKeyring *keyring = get_keyring (&path);
  g_autoptr (GError) error = NULL;

  g_unlink (path);
  if (clm_keyring_import (keyring, "k", pkcs8, &error)) {
    g_assert_no_error (error);
    check_works (keyring);
  } else
    clm_fuzz_assert_error (error);
}

/* A damaged file: an error that says so, or a key. */
static void
check_file (GBytes *content)
{
  g_autofree char *path = NULL;
  ClmKeyring *keyring = get_keyring (&path);
  g_autoptr (GError) error = NULL, export_error = NULL;
  g_autoptr (GBytes) spki = NULL;
  g_autoptr (ClmSecret) exported = NULL;

  g_unlink (path);
  g_assert_true (g_file_set_contents_full (path, g_bytes_get_data (content, NULL), (gssize) g_bytes_get_size (content), G_FILE_SET_CONTENTS_NONE, 0600, &error));
  spki = clm_keyring_get_public_key (keyring, "k", &error);
  exported = clm_keyring_export (keyring, "k", &export_error);
  if (spki == NULL)
    clm_fuzz_assert_error (error);
  if (exported == NULL)
    clm_fuzz_assert_error (export_error);
  else {
    g_assert_nonnull (spki);
    clm_fuzz_accept ();
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  guint form = clm_fuzz_take_byte (&in) % N_FORMS;
  g_autoptr (GBytes) rest = clm_fuzz_take_rest (&in);
  g_autoptr (ClmSecret) secret = clm_secret_new (g_bytes_get_data (rest, NULL), g_bytes_get_size (rest));
  g_autoptr (GError) error = NULL;
  g_autoptr (EVP_PKEY) key = NULL;

  if (form == FORM_FILE) {
    check_file (rest);
    return;
  }
  key = form == FORM_DER ? clm_x509_key_from_pkcs8 (secret, &error) : clm_x509_key_from_pem (secret, &error);
  if (key == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  check_round_trip (key);
  clm_fuzz_accept ();
  if (form == FORM_DER)
    check_import (secret);
}

static void
seed (const char *name, guint8 form, ClmSecret *secret)
{
  g_autoptr (GByteArray) out = g_byte_array_append (g_byte_array_new (), &form, 1);
  gsize size;
  const guint8 *data = clm_secret_peek (secret, &size);

  g_byte_array_append (out, data, (guint) size);
  clm_fuzz_seed (name, out->data, out->len);
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (ClmSecret) der = clm_x509_key_to_pkcs8 (clm_fuzz_get_key (CLM_FUZZ_LEAF), NULL);
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (clm_fuzz_get_key (CLM_FUZZ_LEAF), NULL);

  static const char p256[] = "\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20"
                             "certloom certloom certloom certl";
  g_autoptr (ClmSecret) bare = clm_secret_new (p256, sizeof p256 - 1), whole = NULL;
  g_autoptr (EVP_PKEY) key = clm_x509_key_from_pkcs8 (bare, NULL);

  g_assert_nonnull (key);
  whole = clm_x509_key_to_pkcs8 (key, NULL);   /* with the public half in it */
  seed ("p256", FORM_DER, bare);
  seed ("p256-with-public", FORM_DER, whole);
  seed ("ed25519", FORM_DER, der);
  seed ("pem", FORM_PEM, pem);
  seed ("file", FORM_FILE, pem);
}
