/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-key.h"

#include <string.h>

#include "clm-error.h"
#include "clm-key-store.h"

#define SCHEME "clm-key://"

struct _ClmKey {
  GObject      parent_instance;

  ClmKeyStore *store;
  char        *id;
  char        *uri;
  GBytes      *spki;
};

G_DEFINE_FINAL_TYPE (ClmKey, clm_key, G_TYPE_OBJECT)

gsize
clm_hash_size (ClmHash hash)
{
  switch (hash) {
    case CLM_HASH_SHA256: return 32;
    case CLM_HASH_SHA384: return 48;
    case CLM_HASH_SHA512: return 64;
    case CLM_HASH_NONE:
    default: return 0;
  }
}

static void
clm_key_finalize (GObject *object)
{
  ClmKey *self = CLM_KEY (object);

  g_clear_object (&self->store);
  g_free (self->id);
  g_free (self->uri);
  g_clear_pointer (&self->spki, g_bytes_unref);
  G_OBJECT_CLASS (clm_key_parent_class)->finalize (object);
}

static void
clm_key_class_init (ClmKeyClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_key_finalize;
}

static void
clm_key_init (ClmKey *self)
{
}

ClmKey *
clm_key_new (ClmKeyStore *store, const char *id, GBytes *spki)
{
  g_return_val_if_fail (CLM_IS_KEY_STORE (store), NULL);
  g_return_val_if_fail (id != NULL && *id != '\0' && strlen (id) <= CLM_KEY_ID_MAX, NULL);
  g_return_val_if_fail (spki != NULL, NULL);

  ClmKey *self = g_object_new (CLM_TYPE_KEY, NULL);
  self->store = g_object_ref (store);
  self->id = g_strdup (id);
  self->uri = clm_key_uri_build (clm_backend_get_name (CLM_BACKEND (store)), id);
  self->spki = g_bytes_ref (spki);
  return self;
}

const char *
clm_key_get_uri (ClmKey *self)
{
  g_return_val_if_fail (CLM_IS_KEY (self), NULL);
  return self->uri;
}

const char *
clm_key_get_id (ClmKey *self)
{
  g_return_val_if_fail (CLM_IS_KEY (self), NULL);
  return self->id;
}

ClmKeyStore *
clm_key_get_store (ClmKey *self)
{
  g_return_val_if_fail (CLM_IS_KEY (self), NULL);
  return self->store;
}

GBytes *
clm_key_get_spki (ClmKey *self)
{
  g_return_val_if_fail (CLM_IS_KEY (self), NULL);
  return self->spki;
}

GBytes *
clm_key_sign (ClmKey *self, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size,
              GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY (self), NULL);
  return clm_key_store_sign (self->store, self->id, scheme, hash, data, size, cancellable, error);
}

/* RFC 3986 §2.3: everything but the unreserved characters is encoded, so two different ids never share a URI. */
char *
clm_key_uri_build (const char *store_name, const char *id)
{
  g_return_val_if_fail (store_name != NULL && id != NULL, NULL);

  g_autofree char *store = g_uri_escape_string (store_name, NULL, FALSE);
  g_autofree char *escaped = g_uri_escape_string (id, NULL, FALSE);
  return g_strconcat (SCHEME, store, "/", escaped, NULL);
}

static char *
unescape_part (const char *start, gsize length)
{
  if (length == 0 || memchr (start, '/', length) != NULL)
    return NULL;

  g_autofree char *plain = g_uri_unescape_segment (start, start + length, NULL);
  if (plain == NULL || *plain == '\0')
    return NULL;
  /* One spelling for each key: what would not be written like this is refused. */
  g_autofree char *again = g_uri_escape_string (plain, NULL, FALSE);
  if (strlen (again) != length || strncmp (again, start, length) != 0)
    return NULL;
  return g_steal_pointer (&plain);
}

gboolean
clm_key_uri_parse (const char *uri, char **store_name, char **id, GError **error)
{
  g_return_val_if_fail (uri != NULL, FALSE);

  const char *rest = g_str_has_prefix (uri, SCHEME) ? uri + strlen (SCHEME) : NULL;
  const char *slash = rest != NULL ? strchr (rest, '/') : NULL;
  g_autofree char *store = slash != NULL ? unescape_part (rest, slash - rest) : NULL;
  g_autofree char *plain = slash != NULL ? unescape_part (slash + 1, strlen (slash + 1)) : NULL;
  if (store == NULL || plain == NULL || strlen (plain) > CLM_KEY_ID_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "\"%.300s\" is not a key URI (clm-key://STORE/ID)", uri);
    return FALSE;
  }
  if (store_name != NULL)
    *store_name = g_steal_pointer (&store);
  if (id != NULL)
    *id = g_steal_pointer (&plain);
  return TRUE;
}
