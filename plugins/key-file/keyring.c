/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyring.h"

#include "directory.h"
#include "file-name.h"
#include "openssl-error.h"

#include <glib/gstdio.h>
#include <string.h>

#define MAX_REMEMBERED 1024
#define UNREADABLE "unreadable"

/* Stands in front of the PEM block, where every reader skips text (RFC 7468 §2). */
#define NOT_EXPORTABLE "certloom: this key is not to be exported\n"

static const char *const key_types[] = {
  CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384, CLM_KEY_TYPE_RSA_2048, CLM_KEY_TYPE_RSA_3072, CLM_KEY_TYPE_RSA_4096, CLM_KEY_TYPE_ED25519, NULL
};

struct _ClmKeyring {
  ClmKeyDirectory *directory;
  GMutex           lock;
  GHashTable      *remembered;   /* file name → Remembered */
};

/* A public half, and which file it was read from */
typedef struct {
  GBytes         *spki;
  const char     *key_type;
  dev_t           device;
  ino_t           inode;
  struct timespec changed;
} Remembered;

static void
remembered_free (gpointer data)
{
  Remembered *remembered = data;

  g_bytes_unref (remembered->spki);
  g_free (remembered);
}

const char *const *
clm_keyring_get_key_types (void)
{
  return key_types;
}

ClmKeyring *
clm_keyring_open (const char *path, gboolean create, GError **error)
{
  ClmKeyDirectory *directory = clm_key_directory_open (path, create, error);
  ClmKeyring *self;

  if (!directory)
    return NULL;
  self = g_atomic_rc_box_new0 (ClmKeyring);
  self->directory = directory;
  g_mutex_init (&self->lock);
  self->remembered = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, remembered_free);
  return self;
}

ClmKeyring *
clm_keyring_ref (ClmKeyring *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  ClmKeyring *self = data;

  g_clear_pointer (&self->directory, clm_key_directory_unref);
  g_hash_table_unref (self->remembered);
  g_mutex_clear (&self->lock);
}

void
clm_keyring_unref (ClmKeyring *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

/* Public halves */

static void
remember (ClmKeyring *self, const char *name, const struct stat *status, GBytes *spki, const char *key_type)
{
  Remembered *remembered = g_new0 (Remembered, 1);

  *remembered = (Remembered) { g_bytes_ref (spki), key_type, status->st_dev, status->st_ino, status->st_ctim };
  g_mutex_lock (&self->lock);
  if (g_hash_table_size (self->remembered) >= MAX_REMEMBERED)
    g_hash_table_remove_all (self->remembered);
  g_hash_table_replace (self->remembered, g_strdup (name), remembered);
  g_mutex_unlock (&self->lock);
}

static void
forget (ClmKeyring *self, const char *name)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->remembered, name);
  g_mutex_unlock (&self->lock);
}

static GBytes *
recall (ClmKeyring *self, const char *name, const struct stat *status, const char **key_type)
{
  GBytes *spki = NULL;

  g_mutex_lock (&self->lock);
  Remembered *remembered = g_hash_table_lookup (self->remembered, name);
  if (remembered && remembered->device == status->st_dev && remembered->inode == status->st_ino &&
      memcmp (&remembered->changed, &status->st_ctim, sizeof remembered->changed) == 0) {
    spki = g_bytes_ref (remembered->spki);
    *key_type = remembered->key_type;
  }
  g_mutex_unlock (&self->lock);
  return spki;
}

/* Private halves */

static EVP_PKEY *
load_key (ClmKeyring *self, const char *name, gboolean *exportable, GError **error)
{
  g_autoptr (ClmSecret) pem = clm_key_directory_read (self->directory, name, error);
  g_autoptr (GError) local_error = NULL;
  EVP_PKEY *key;

  if (!pem)
    return NULL;
  if (exportable)
    *exportable = !g_str_has_prefix (clm_secret_peek (pem, NULL), NOT_EXPORTABLE);
  key = clm_x509_key_from_pem (pem, &local_error);
  if (!key) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the key file %s is damaged: %s", name, local_error->message);
    clm_error_set_hint (error ? *error : NULL, "restore the file from a backup, or remove it and renew the certificate with a new key");
  }
  return key;
}

static GBytes *
load_public (ClmKeyring *self, const char *name, const char **key_type, GError **error)
{
  g_autoptr (EVP_PKEY) key = NULL;
  g_autoptr (GBytes) spki = NULL;
  struct stat status;
  int fd = clm_key_directory_open_file (self->directory, name, &status, error);

  if (fd < 0)
    return NULL;
  g_close (fd, NULL);
  spki = recall (self, name, &status, key_type);
  if (spki)
    return g_steal_pointer (&spki);

  key = load_key (self, name, NULL, error);
  spki = key ? clm_x509_key_to_spki (key, error) : NULL;
  if (!spki)
    return NULL;
  *key_type = clm_x509_key_get_type (key);
  remember (self, name, &status, spki, *key_type);
  return g_steal_pointer (&spki);
}

GBytes *
clm_keyring_get_public_key (ClmKeyring *self, const char *id, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);
  const char *key_type;

  return name ? load_public (self, name, &key_type, error) : NULL;
}

ClmSecret *
clm_keyring_export (ClmKeyring *self, const char *id, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);
  g_autoptr (EVP_PKEY) key = NULL;
  gboolean exportable;

  key = name ? load_key (self, name, &exportable, error) : NULL;
  if (!key)
    return NULL;
  if (!exportable) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "key %s was not made to be exported", id);
    return NULL;
  }
  return clm_x509_key_to_pkcs8 (key, error);
}

/* Making */

/* It will be asked for at once. */
static void
remember_new (ClmKeyring *self, const char *name, EVP_PKEY *key)
{
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL);
  struct stat status;
  int fd = spki ? clm_key_directory_open_file (self->directory, name, &status, NULL) : -1;

  if (fd < 0)
    return;
  g_close (fd, NULL);
  remember (self, name, &status, spki, clm_x509_key_get_type (key));
}

static gboolean
write_key (ClmKeyring *self, const char *name, EVP_PKEY *key, gboolean exportable, GError **error)
{
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, error);
  g_autoptr (ClmSecret) note = clm_secret_new (NOT_EXPORTABLE, strlen (NOT_EXPORTABLE));
  ClmSecret *texts[] = { note, pem };

  if (!pem)
    return FALSE;
  return exportable ? clm_key_directory_write_new (self->directory, name, &pem, 1, error)
                    : clm_key_directory_write_new (self->directory, name, texts, 2, error);
}

static gboolean
refuse_other (const char *id, GError **error)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_EXISTS, "another key is there already as %s", id);
  return FALSE;
}

/* @found: whether there is a file at all. Returns FALSE for an error: one that does not fit, or cannot be read. */
static gboolean
check_existing (ClmKeyring *self, const char *id, const char *name, const char *key_type, gboolean exportable, gboolean *found, GError **error)
{
  g_autoptr (EVP_PKEY) key = NULL;
  g_autoptr (GError) local_error = NULL;
  gboolean may_leave = FALSE;

  key = load_key (self, name, &may_leave, &local_error);
  *found = !g_error_matches (local_error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  if (!*found)
    return TRUE;
  if (!key) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return FALSE;
  }
  if (!g_str_equal (clm_x509_key_get_type (key), key_type) || may_leave != exportable)
    return refuse_other (id, error);
  return TRUE;
}

gboolean
clm_keyring_create (ClmKeyring *self, const char *id, const char *key_type, gboolean exportable, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);
  g_autoptr (EVP_PKEY) key = NULL;
  gboolean found;

  if (!name || !check_existing (self, id, name, key_type, exportable, &found, error))
    return FALSE;
  if (found)
    return TRUE;
  key = clm_x509_key_generate (key_type, error);
  if (!key || !write_key (self, name, key, exportable, error))
    return FALSE;
  remember_new (self, name, key);
  return TRUE;
}

static gboolean
is_same_key (ClmKeyring *self, const char *id, EVP_PKEY *key)
{
  g_autoptr (GBytes) there = clm_keyring_get_public_key (self, id, NULL);
  g_autoptr (GBytes) given = clm_x509_key_to_spki (key, NULL);

  return there && given && g_bytes_equal (there, given);
}

/* PKCS#8 may hold both halves of a key, and libcrypto believes them; a certificate for the wrong one would be of no use. */
static gboolean
check_halves (EVP_PKEY *key, GError **error)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  gboolean fits = context && EVP_PKEY_pairwise_check (context) == 1;

  ERR_clear_error ();
  if (!fits)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the public half of the key does not belong to its private half");
  return fits;
}

gboolean
clm_keyring_import (ClmKeyring *self, const char *id, ClmSecret *pkcs8, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);
  g_autoptr (EVP_PKEY) key = name ? clm_x509_key_from_pkcs8 (pkcs8, error) : NULL;
  g_autoptr (GError) local_error = NULL;

  if (!key || !clm_x509_key_check (key, error))
    return FALSE;
  if (!g_strv_contains (key_types, clm_x509_key_get_type (key))) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "keys of type %s are not kept here", clm_x509_key_get_type (key));
    return FALSE;
  }
  if (!check_halves (key, error))
    return FALSE;
  if (write_key (self, name, key, TRUE, &local_error))
    return TRUE;
  if (g_error_matches (local_error, CLM_ERROR, CLM_ERROR_EXISTS))
    return is_same_key (self, id, key) || refuse_other (id, error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
clm_keyring_destroy (ClmKeyring *self, const char *id, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);

  if (!name)
    return FALSE;
  forget (self, name);
  return clm_key_directory_remove (self->directory, name, error);
}

GPtrArray *
clm_keyring_list (ClmKeyring *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_key_info_free);
  g_auto (GStrv) names = clm_key_directory_list (self->directory, error);

  for (guint i = 0; names && names[i]; i++) {
    const char *key_type = UNREADABLE;
    g_autofree char *id = clm_file_name_to_id (names[i]);
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return NULL;
    if (!id)
      continue;
    G_GNUC_UNUSED g_autoptr (GBytes) spki = load_public (self, names[i], &key_type, NULL);
    g_ptr_array_add (list, clm_key_info_new (id, id, key_type));
  }
  return names ? g_steal_pointer (&list) : NULL;
}

/* Signing */

static const EVP_MD *
get_digest (ClmHash hash)
{
  return hash == CLM_HASH_SHA256 ? EVP_sha256 () : hash == CLM_HASH_SHA384 ? EVP_sha384 () : hash == CLM_HASH_SHA512 ? EVP_sha512 () : NULL;
}

static gboolean
fits_scheme (EVP_PKEY *key, ClmSignScheme scheme)
{
  switch (scheme) {
  case CLM_SIGN_ECDSA: return EVP_PKEY_is_a (key, "EC");
  case CLM_SIGN_RSA_PKCS1:
  case CLM_SIGN_RSA_PSS: return EVP_PKEY_is_a (key, "RSA");
  case CLM_SIGN_ED25519: return EVP_PKEY_is_a (key, "ED25519");
  }
  return FALSE;
}

static GBytes *
sign_message (EVP_PKEY *key, const guint8 *data, gsize size)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  guint8 signature[64];
  gsize length = sizeof signature;

  if (!context || EVP_DigestSignInit (context, NULL, NULL, NULL, key) != 1 || EVP_DigestSign (context, signature, &length, data, size) != 1)
    return NULL;
  return g_bytes_new (signature, length);
}

static gboolean
set_scheme (EVP_PKEY_CTX *context, ClmSignScheme scheme, ClmHash hash)
{
  if (EVP_PKEY_CTX_set_signature_md (context, get_digest (hash)) <= 0)
    return FALSE;
  if (scheme == CLM_SIGN_RSA_PKCS1)
    return EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PADDING) > 0;
  if (scheme == CLM_SIGN_RSA_PSS)
    return EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen (context, RSA_PSS_SALTLEN_DIGEST) > 0;
  return TRUE;
}

static GBytes *
sign_digest (EVP_PKEY *key, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  gsize length = (gsize) EVP_PKEY_get_size (key);
  g_autofree guint8 *signature = g_malloc (length);

  if (!context || EVP_PKEY_sign_init (context) <= 0 || !set_scheme (context, scheme, hash) ||
      EVP_PKEY_sign (context, signature, &length, data, size) <= 0)
    return NULL;
  return g_bytes_new (signature, length);
}

GBytes *
clm_keyring_sign (ClmKeyring *self, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size, GError **error)
{
  g_autofree char *name = clm_file_name_from_id (id, error);
  g_autoptr (EVP_PKEY) key = name ? load_key (self, name, NULL, error) : NULL;
  GBytes *signature;

  if (!key)
    return NULL;
  if (!fits_scheme (key, scheme)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "a key of type %s does not sign like this", clm_x509_key_get_type (key));
    return NULL;
  }
  ERR_clear_error ();
  signature = scheme == CLM_SIGN_ED25519 ? sign_message (key, data, size) : sign_digest (key, scheme, hash, data, size);
  if (!signature)
    clm_x509_set_error (error, CLM_ERROR_KEY_UNAVAILABLE, "cannot sign with key %s", id);
  return signature;
}
