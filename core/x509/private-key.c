/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key.h"

#include "curve-key.h"
#include "der.h"
#include "openssl-error.h"

#include <openssl/pem.h>
#include <string.h>

#define PEM_HEADER "-----BEGIN PRIVATE KEY-----\n"
#define PEM_FOOTER "-----END PRIVATE KEY-----\n"
#define LINE_BYTES 48   /* become 64 characters, RFC 7468 §2 */

static EVP_PKEY *
parse_pkcs8 (const guint8 *data, gsize size, GError **error)
{
  g_autoptr (PKCS8_PRIV_KEY_INFO) info = NULL;
  EVP_PKEY *key = NULL;

  clm_x509_init ();
  if (!clm_x509_der_check ("private key", data, size, CLM_PRIVATE_KEY_MAX_SIZE, error))
    return NULL;

  ERR_clear_error ();
  key = clm_x509_curve_key_from_pkcs8 (data, size);
  if (key)
    return key;
  info = d2i_PKCS8_PRIV_KEY_INFO (NULL, &data, (long) size);
  if (info)
    key = EVP_PKCS82PKEY_ex (info, NULL, "?provider=default");
  if (!key)
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "private key cannot be read");
  return key;
}

EVP_PKEY *
clm_x509_key_from_pkcs8 (ClmSecret *der, GError **error)
{
  gsize size;
  const guint8 *data = clm_secret_peek (der, &size);

  return parse_pkcs8 (data, size, error);
}

static void
fill_pkcs8 (void *data, gsize size, gpointer user_data)
{
  guint8 *end = data;

  i2d_PKCS8_PRIV_KEY_INFO (user_data, &end);
}

ClmSecret *
clm_x509_key_to_pkcs8 (EVP_PKEY *key, GError **error)
{
  g_autoptr (PKCS8_PRIV_KEY_INFO) info = NULL;

  ERR_clear_error ();
  info = EVP_PKEY2PKCS8 (key);
  int size = info ? i2d_PKCS8_PRIV_KEY_INFO (info, NULL) : -1;
  if (size <= 0) {
    clm_x509_set_error (error, CLM_ERROR_NOT_SUPPORTED, "the private key cannot be exported");
    return NULL;
  }
  return clm_secret_new_sized (size, fill_pkcs8, info);
}

typedef struct {
  char          *name, *header;
  unsigned char *data;
  long           size;
} PemBlock;

static void
pem_block_clear (PemBlock *block)
{
  OPENSSL_secure_free (block->name);
  OPENSSL_secure_free (block->header);
  OPENSSL_secure_clear_free (block->data, block->size > 0 ? (size_t) block->size : 0);
  memset (block, 0, sizeof *block);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PemBlock, pem_block_clear)

static gboolean
read_block (BIO *bio, PemBlock *block)
{
  return PEM_read_bio_ex (bio, &block->name, &block->header, &block->data, &block->size, PEM_FLAG_SECURE) == 1;
}

EVP_PKEY *
clm_x509_key_from_pem (ClmSecret *pem, GError **error)
{
  g_auto (PemBlock) block = { NULL }, second = { NULL };
  g_autoptr (BIO) bio = NULL;
  gsize size;
  const char *text = clm_secret_peek (pem, &size);

  clm_x509_init ();
  ERR_clear_error ();
  if (size > CLM_PRIVATE_KEY_MAX_SIZE) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "private key is malformed: too large");
    return NULL;
  }
  bio = BIO_new_mem_buf (text, (int) size);
  if (!read_block (bio, &block)) {
    clm_x509_set_error (error, CLM_ERROR_INVALID_DATA, "private key is no PEM text");
    return NULL;
  }
  if (!g_str_equal (block.name, PEM_STRING_PKCS8INF) || block.header[0]) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the PEM text is no unencrypted PKCS#8 private key");
    return NULL;
  }
  if (read_block (bio, &second)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "the PEM text holds more than one block");
    return NULL;
  }
  ERR_clear_error ();
  return parse_pkcs8 (block.data, (gsize) block.size, error);
}

static void
fill_pem (void *data, gsize size, gpointer user_data)
{
  gsize left;
  const guint8 *from = clm_secret_peek (user_data, &left);
  char *to = g_stpcpy (data, PEM_HEADER);

  while (left) {
    int n = (int) MIN (left, LINE_BYTES);
    to += EVP_EncodeBlock ((unsigned char *) to, from, n);
    *to++ = '\n';
    from += n;
    left -= n;
  }
  memcpy (to, PEM_FOOTER, strlen (PEM_FOOTER));
}

ClmSecret *
clm_x509_pkcs8_to_pem (ClmSecret *der)
{
  gsize size, lines;

  clm_secret_peek (der, &size);
  lines = (size + LINE_BYTES - 1) / LINE_BYTES;
  return clm_secret_new_sized (strlen (PEM_HEADER) + (size + 2) / 3 * 4 + lines + strlen (PEM_FOOTER), fill_pem, der);
}

ClmSecret *
clm_x509_key_to_pem (EVP_PKEY *key, GError **error)
{
  g_autoptr (ClmSecret) der = clm_x509_key_to_pkcs8 (key, error);

  return der ? clm_x509_pkcs8_to_pem (der) : NULL;
}
