/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certificate.h"

#include "der.h"
#include "openssl-error.h"

#include <openssl/pem.h>
#include <string.h>

#define PEM_MAX_SIZE (CLM_CHAIN_MAX * 2 * CLM_CERTIFICATE_MAX_SIZE)

GPtrArray *
clm_x509_list_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) X509_free);
}

static X509 *
parse (const guint8 *data, gsize size, GError **error)
{
  X509 *certificate;

  if (!clm_x509_der_check ("certificate", data, size, CLM_CERTIFICATE_MAX_SIZE, error))
    return NULL;

  ERR_clear_error ();
  certificate = d2i_X509 (NULL, &data, (long) size);
  if (!certificate)
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "certificate is malformed");
  return certificate;
}

X509 *
clm_x509_parse (GBytes *der, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (der, &size);

  return parse (data, size, error);
}

static gboolean
check_count (guint count, GError **error)
{
  if (count <= CLM_CHAIN_MAX)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "more than %d certificates", CLM_CHAIN_MAX);
  return FALSE;
}

GPtrArray *
clm_x509_parse_list (GPtrArray *ders, GError **error)
{
  g_autoptr (GPtrArray) list = clm_x509_list_new ();

  if (!check_count (ders->len, error))
    return NULL;
  for (guint i = 0; i < ders->len; i++) {
    X509 *certificate = clm_x509_parse (ders->pdata[i], error);
    if (!certificate) {
      g_prefix_error (error, "certificate %u: ", i + 1);
      return NULL;
    }
    g_ptr_array_add (list, certificate);
  }
  return g_steal_pointer (&list);
}

/* The next block, or NULL at the end; @error tells the two apart. */
static X509 *
read_pem_block (BIO *bio, GError **error)
{
  char *name = NULL, *header = NULL;
  unsigned char *data = NULL;
  X509 *certificate = NULL;
  long size;

  if (PEM_read_bio (bio, &name, &header, &data, &size) != 1) {
    if (ERR_GET_REASON (ERR_peek_last_error ()) != PEM_R_NO_START_LINE)
      clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "PEM text is malformed");
    ERR_clear_error ();
    return NULL;
  }
  if (g_str_equal (name, PEM_STRING_X509))
    certificate = parse (data, (gsize) size, error);
  else
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "PEM text holds a block that is no certificate");
  OPENSSL_free (name);
  OPENSSL_free (header);
  OPENSSL_clear_free (data, (size_t) size);   /* may have been somebody's private key */
  return certificate;
}

GPtrArray *
clm_x509_parse_pem (const char *pem, gssize size, GError **error)
{
  g_autoptr (GPtrArray) list = clm_x509_list_new ();
  g_autoptr (BIO) bio = NULL;
  g_autoptr (GError) local_error = NULL;
  gsize length = size < 0 ? strlen (pem) : (gsize) size;
  X509 *certificate;

  if (length > PEM_MAX_SIZE) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "PEM text is too large");
    return NULL;
  }
  ERR_clear_error ();
  bio = BIO_new_mem_buf (pem, (int) length);
  while ((certificate = read_pem_block (bio, &local_error))) {
    g_ptr_array_add (list, certificate);
    if (!check_count (list->len, error))
      return NULL;
  }
  if (local_error) {
    g_propagate_error (error, g_steal_pointer (&local_error));
    return NULL;
  }
  if (!list->len) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "PEM text holds no certificate");
    return NULL;
  }
  return g_steal_pointer (&list);
}

GBytes *
clm_x509_to_der (X509 *certificate)
{
  g_autoptr (ClmOpenSSLBytes) der = NULL;
  int size = i2d_X509 (certificate, &der);

  return g_bytes_new (der, size > 0 ? (gsize) size : 0);
}

GPtrArray *
clm_x509_list_to_der (GPtrArray *certificates)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < certificates->len; i++)
    g_ptr_array_add (list, clm_x509_to_der (certificates->pdata[i]));
  return list;
}

char *
clm_x509_to_pem (X509 *certificate)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());
  char *data;

  PEM_write_bio_X509 (bio, certificate);
  long size = BIO_get_mem_data (bio, &data);
  return g_strndup (data, (gsize) size);
}

char *
clm_x509_list_to_pem (GPtrArray *certificates)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < certificates->len; i++) {
    g_autofree char *pem = clm_x509_to_pem (certificates->pdata[i]);
    g_string_append (text, pem);
  }
  return g_string_free (text, FALSE);
}
