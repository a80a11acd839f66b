/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-meta.h"

#include "clm-error.h"
#include "durable-file.h"

#define GROUP "Generation"
#define GROUP_FILES "Files"
#define SEAL_HEAD "\n[Seal]\nSha256="
#define SEAL_SIZE (sizeof SEAL_HEAD - 1 + 64 + 1)

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END "-----END CERTIFICATE-----\n"

/* Always NULL */
static gpointer
refuse (GError **error, const char *what)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "meta: %s", what);
  return NULL;
}

/* writing */

static void
set_text (GKeyFile *file, const char *key, const char *value)
{
  if (value != NULL)
    g_key_file_set_string (file, GROUP, key, value);
}

static void
set_files (GKeyFile *file, GHashTable *files)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (files), (GCompareFunc) strcmp);

  for (GList *l = names; l != NULL; l = l->next)
    g_key_file_set_string (file, GROUP_FILES, l->data, g_hash_table_lookup (files, l->data));
}

char *
clm_generation_meta_encode (const ClmGeneration *generation, GHashTable *files, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  gsize spki_size;
  const guint8 *spki = g_bytes_get_data (generation->spki, &spki_size);
  g_autofree char *public_key = g_base64_encode (spki, spki_size);
  g_autofree char *body = NULL;
  g_autofree char *seal = NULL;

  g_key_file_set_integer (file, GROUP, "Format", CLM_GENERATION_META_FORMAT);
  set_text (file, "Name", generation->name);
  g_key_file_set_uint64 (file, GROUP, "Number", generation->number);
  g_key_file_set_int64 (file, GROUP, "Created", generation->created);
  g_key_file_set_int64 (file, GROUP, "NotBefore", generation->not_before);
  g_key_file_set_int64 (file, GROUP, "NotAfter", generation->not_after);
  set_text (file, "Authority", generation->authority);
  set_text (file, "SpecDigest", generation->spec_digest);
  set_text (file, "Request", generation->request);
  set_text (file, "KeyUri", generation->key_uri);
  set_text (file, "Serial", generation->serial);
  set_text (file, "Fingerprint", generation->fingerprint);
  set_text (file, "PublicKey", public_key);
  set_files (file, files);
  body = g_key_file_to_data (file, NULL, NULL);
  seal = clm_durable_hash_data (body, strlen (body), error);
  return seal != NULL ? g_strconcat (body, SEAL_HEAD, seal, "\n", NULL) : NULL;
}

/* reading */

/* The text before the seal, when the seal is its own */
static char *
open_seal (GBytes *text, GError **error)
{
  gsize size;
  const char *data = g_bytes_get_data (text, &size);
  g_autofree char *body = NULL;
  g_autofree char *hash = NULL;
  g_autofree char *seal = NULL;

  if (size < SEAL_SIZE || memchr (data, '\0', size) != NULL)
    return refuse (error, "cut short");
  body = g_strndup (data, size - SEAL_SIZE);
  hash = clm_durable_hash_data (body, strlen (body), error);
  if (hash == NULL)
    return NULL;
  seal = g_strconcat (SEAL_HEAD, hash, "\n", NULL);
  if (memcmp (data + size - SEAL_SIZE, seal, SEAL_SIZE) != 0)
    return refuse (error, "damaged, its seal does not match");
  return g_steal_pointer (&body);
}

static gboolean
check_identity (GKeyFile *file, const char *name, guint number, GError **error)
{
  g_autofree char *its_name = g_key_file_get_string (file, GROUP, "Name", NULL);
  gint64 format = g_key_file_get_int64 (file, GROUP, "Format", NULL);

  if (format > CLM_GENERATION_META_FORMAT) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "meta: format %" G_GINT64_FORMAT " is newer than this program", format);
    return FALSE;
  }
  if (format < 1)
    return refuse (error, "no format") != NULL;
  if (g_strcmp0 (its_name, name) != 0 || g_key_file_get_uint64 (file, GROUP, "Number", NULL) != number)
    return refuse (error, "belongs to another generation") != NULL;
  return TRUE;
}

/* NULL where a hash is no text */
static GHashTable *
get_files (GKeyFile *file)
{
  g_auto (GStrv) names = g_key_file_get_keys (file, GROUP_FILES, NULL, NULL);
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; names != NULL && names[i] != NULL; i++) {
    char *hash = g_key_file_get_string (file, GROUP_FILES, names[i], NULL);

    if (hash == NULL)
      return NULL;
    g_hash_table_insert (files, g_strdup (names[i]), hash);
  }
  return g_steal_pointer (&files);
}

static void
get_fields (GKeyFile *file, ClmGeneration *generation)
{
  g_autofree char *public_key = g_key_file_get_string (file, GROUP, "PublicKey", NULL);
  guchar *spki;
  gsize size = 0;

  generation->created = g_key_file_get_int64 (file, GROUP, "Created", NULL);
  generation->not_before = g_key_file_get_int64 (file, GROUP, "NotBefore", NULL);
  generation->not_after = g_key_file_get_int64 (file, GROUP, "NotAfter", NULL);
  generation->authority = g_key_file_get_string (file, GROUP, "Authority", NULL);
  generation->spec_digest = g_key_file_get_string (file, GROUP, "SpecDigest", NULL);
  generation->request = g_key_file_get_string (file, GROUP, "Request", NULL);
  generation->key_uri = g_key_file_get_string (file, GROUP, "KeyUri", NULL);
  generation->serial = g_key_file_get_string (file, GROUP, "Serial", NULL);
  generation->fingerprint = g_key_file_get_string (file, GROUP, "Fingerprint", NULL);
  if (public_key == NULL)
    return;
  spki = g_base64_decode (public_key, &size);
  generation->spki = g_bytes_new_take (spki, size);
}

ClmGeneration *
clm_generation_meta_decode (GBytes *text, const char *name, guint number, GHashTable **files, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (ClmGeneration) generation = NULL;
  g_autoptr (GHashTable) hashes = NULL;
  g_autofree char *body = open_seal (text, error);

  if (body == NULL)
    return NULL;
  if (!g_key_file_load_from_data (file, body, strlen (body), G_KEY_FILE_NONE, NULL))
    return refuse (error, "not a keyfile");
  if (!check_identity (file, name, number, error))
    return NULL;
  generation = clm_generation_new (name, number);
  get_fields (file, generation);
  hashes = get_files (file);
  if (hashes == NULL || generation->spki == NULL || generation->key_uri == NULL || generation->fingerprint == NULL)
    return refuse (error, "incomplete");
  generation->has_key = g_hash_table_contains (hashes, "key.pem");
  if (files != NULL)
    *files = g_steal_pointer (&hashes);
  return g_steal_pointer (&generation);
}

/* PEM */

void
clm_generation_pem_append (GString *pem, GBytes *der)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (der, &size);
  g_autofree char *text = g_base64_encode (data, size);

  g_string_append (pem, PEM_BEGIN);
  for (const char *line = text; *line != '\0'; line += strnlen (line, 64)) {
    g_string_append_len (pem, line, (gssize) strnlen (line, 64));
    g_string_append_c (pem, '\n');
  }
  g_string_append (pem, PEM_END);
}

GPtrArray *
clm_generation_pem_decode (GBytes *pem, GError **error)
{
  g_autoptr (GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  gsize size;
  const char *data = g_bytes_get_data (pem, &size);
  g_autofree char *text = g_strndup (data ? data : "", size);
  const char *at = text;

  while (*at != '\0') {
    const char *end = strstr (at, PEM_END);
    g_autofree char *base64 = NULL;
    guchar *der;
    gsize der_size = 0;

    if (!g_str_has_prefix (at, PEM_BEGIN) || end == NULL || end < at + strlen (PEM_BEGIN)) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "not PEM as it was written");
      return NULL;
    }
    at += strlen (PEM_BEGIN);
    base64 = g_strndup (at, (gsize) (end - at));
    der = g_base64_decode (base64, &der_size);
    g_ptr_array_add (certificates, g_bytes_new_take (der, der_size));
    at = end + strlen (PEM_END);
  }
  return g_steal_pointer (&certificates);
}
