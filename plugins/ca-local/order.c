/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "key.h"
#include "order-csr.h"

/* The refusals of this file all say REJECTED: the same order would be refused again. */
static gboolean
refuse (GError **error)
{
  if (error != NULL && *error != NULL)
    (*error)->code = CLM_ERROR_REJECTED;
  return FALSE;
}

/* "CN=x" of every attribute; DER holds them the other way round than the text. */
static GStrv
list_subject_parts (X509_NAME *name)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (int i = X509_NAME_entry_count (name) - 1; i >= 0; i--) {
    X509_NAME_ENTRY *entry = X509_NAME_get_entry (name, i);
    ASN1_OBJECT *object = X509_NAME_ENTRY_get_object (entry);
    int nid = OBJ_obj2nid (object);
    char oid[80];
    g_autoptr (ClmOpenSSLBytes) value = NULL;
    g_autofree char *part = NULL;

    OBJ_obj2txt (oid, sizeof oid, object, 1);
    if (ASN1_STRING_to_UTF8 (&value, X509_NAME_ENTRY_get_data (entry)) < 0)
      continue;
    part = g_strdup_printf ("%s=%s", nid == NID_undef ? oid : OBJ_nid2sn (nid), (const char *) value);
    g_strv_builder_add (builder, part);
  }
  return g_strv_builder_end (builder);
}

static gboolean
take_subject (ClmCaOrder *self, const char *text, GError **error)
{
  g_autoptr (X509_NAME) name = clm_x509_name_parse (text, error);
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size;

  if (name == NULL)
    return refuse (error);
  size = i2d_X509_NAME (name, &der);
  if (size < 0) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the subject cannot be encoded");
    return FALSE;
  }
  self->subject = X509_NAME_entry_count (name) > 0 ? g_strdup (text) : NULL;
  self->subject_name = g_bytes_new (der, (gsize) size);
  self->subject_parts = list_subject_parts (name);
  return TRUE;
}

static gboolean
take_names (ClmCaOrder *self, ClmNameKind kind, const char *const *names, GError **error)
{
  for (guint i = 0; names[i] != NULL; i++)
    if (!clm_x509_check_name (kind, names[i], error))
      return refuse (error);
  self->names[kind] = g_strdupv ((char **) names);
  return TRUE;
}

static gboolean
take_key (ClmCaOrder *self, ClmKey *key, GError **error)
{
  self->key_type = clm_x509_spki_check (clm_key_get_spki (key), error);
  if (self->key_type == NULL)
    return refuse (error);
  self->spki = g_bytes_ref (clm_key_get_spki (key));
  return TRUE;
}

static gboolean
check_usages (const char *const *usages, GError **error)
{
  for (guint i = 0; usages[i] != NULL; i++) {
    g_autoptr (ASN1_OBJECT) object = clm_x509_usage_to_object (usages[i], error);

    if (object == NULL)
      return refuse (error);
  }
  return TRUE;
}

ClmCaOrder *
clm_ca_order_new (ClmRequest *request, GError **error)
{
  g_autoptr (ClmCaOrder) self = g_atomic_rc_box_new0 (ClmCaOrder);

  self->certificate = g_strdup (clm_request_get_certificate (request));
  self->usages = g_strdupv ((char **) clm_request_get_usages (request));
  self->profile = g_strdup (clm_request_get_profile (request));
  self->validity = clm_request_get_validity (request);
  self->is_ca = clm_request_get_is_ca (request);
  self->path_length = clm_request_get_path_length (request);
  if (!take_subject (self, clm_request_get_subject (request), error) ||
      !take_names (self, CLM_NAME_DNS, clm_request_get_dns_names (request), error) ||
      !take_names (self, CLM_NAME_IP, clm_request_get_ip_addresses (request), error) ||
      !take_names (self, CLM_NAME_URI, clm_request_get_uris (request), error) ||
      !take_names (self, CLM_NAME_EMAIL, clm_request_get_emails (request), error) ||
      !check_usages ((const char *const *) self->usages, error) ||
      !take_key (self, clm_request_get_key (request), error))
    return NULL;
  return g_steal_pointer (&self);
}

ClmCaOrder *
clm_ca_order_ref (ClmCaOrder *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_order (gpointer data)
{
  ClmCaOrder *self = data;

  g_free (self->certificate);
  g_free (self->subject);
  g_clear_pointer (&self->subject_name, g_bytes_unref);
  g_strfreev (self->subject_parts);
  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    g_strfreev (self->names[kind]);
  g_strfreev (self->usages);
  g_free (self->profile);
  g_clear_pointer (&self->spki, g_bytes_unref);
}

void
clm_ca_order_unref (ClmCaOrder *self)
{
  g_atomic_rc_box_release_full (self, clear_order);
}

gboolean
clm_ca_order_has_names (const ClmCaOrder *self)
{
  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    if (self->names[kind][0] != NULL)
      return TRUE;
  return FALSE;
}

/* Length before text, so that no two orders read the same. */
static void
digest_text (GChecksum *checksum, const char *text)
{
  guint64 size = text != NULL ? strlen (text) : G_MAXUINT64;

  g_checksum_update (checksum, (const guchar *) &size, sizeof size);
  if (text != NULL)
    g_checksum_update (checksum, (const guchar *) text, (gssize) size);
}

static int
compare_texts (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
digest_list (GChecksum *checksum, GStrv list)
{
  g_auto (GStrv) sorted = g_strdupv (list);
  guint size = g_strv_length (sorted);

  qsort (sorted, size, sizeof *sorted, compare_texts);
  digest_text (checksum, "list");
  for (guint i = 0; i < size; i++)
    digest_text (checksum, sorted[i]);
}

GBytes *
clm_ca_order_get_digest (const ClmCaOrder *self)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *numbers = g_strdup_printf ("%" G_GINT64_FORMAT " %d %d", self->validity, self->is_ca, self->path_length);
  guint8 digest[32];
  gsize size = sizeof digest;

  digest_text (checksum, self->certificate);
  digest_text (checksum, self->subject);
  digest_text (checksum, self->profile);
  digest_text (checksum, numbers);
  for (guint kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    digest_list (checksum, self->names[kind]);
  digest_list (checksum, self->usages);
  g_checksum_update (checksum, g_bytes_get_data (self->spki, NULL), (gssize) g_bytes_get_size (self->spki));
  g_checksum_get_digest (checksum, digest, &size);
  return g_bytes_new (digest, size);
}

gboolean
clm_ca_order_check_csr (const ClmCaOrder *self, GBytes *csr, GError **error)
{
  return clm_ca_csr_is_as_ordered (csr, self) || clm_ca_csr_check (csr, self, error);
}
