/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "curve-key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#define MAX_SCALAR 48

/* What stands before and between scalar and point; sizes are fixed, so that this is all there is to the DER. */
typedef struct {
  const char *curve;
  gsize       scalar_size;
  const char *spki_head;
  gsize       spki_head_size;
  const char *pkcs8_head;
  gsize       pkcs8_head_size;
  const char *pkcs8_middle;
  gsize       pkcs8_middle_size;
} Form;

#define BYTES(text) text, sizeof (text) - 1
#define EC_PUBLIC_KEY "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define PRIME256V1 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define SECP384R1 "\x06\x05\x2b\x81\x04\x00\x22"

static const Form forms[] = {
  { "P-256", 32,
    BYTES ("\x30\x59\x30\x13" EC_PUBLIC_KEY PRIME256V1 "\x03\x42\x00"),
    BYTES ("\x30\x81\x87\x02\x01\x00\x30\x13" EC_PUBLIC_KEY PRIME256V1 "\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
    BYTES ("\xa1\x44\x03\x42\x00") },
  { "P-384", 48,
    BYTES ("\x30\x76\x30\x10" EC_PUBLIC_KEY SECP384R1 "\x03\x62\x00"),
    BYTES ("\x30\x81\xb6\x02\x01\x00\x30\x10" EC_PUBLIC_KEY SECP384R1 "\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"),
    BYTES ("\xa1\x64\x03\x62\x00") },
};

static gsize
point_size (const Form *form)
{
  return 1 + 2 * form->scalar_size;
}

static EVP_PKEY *
make_key (int selection, OSSL_PARAM *parameters)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name (NULL, "EC", "provider=default");
  EVP_PKEY *key = NULL;

  ERR_set_mark ();
  if (!context || EVP_PKEY_fromdata_init (context) <= 0 || EVP_PKEY_fromdata (context, &key, selection, parameters) <= 0)
    key = NULL;
  ERR_pop_to_mark ();
  return key;
}

static EVP_PKEY *
make_public (const Form *form, const guint8 *point)
{
  OSSL_PARAM parameters[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *) form->curve, 0),
    OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, (void *) point, point_size (form)),
    OSSL_PARAM_construct_end (),
  };

  return make_key (EVP_PKEY_PUBLIC_KEY, parameters);
}

/* A number among parameters is in the machine's byte order. */
static void
to_native (guint8 *native, const guint8 *scalar, gsize size)
{
  memcpy (native, scalar, size);
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  for (gsize i = 0; i < size; i++)
    native[i] = scalar[size - 1 - i];
#endif
}

static EVP_PKEY *
make_private (const Form *form, const guint8 *scalar, const guint8 *point)
{
  guint8 native[MAX_SCALAR];
  OSSL_PARAM parameters[] = {
    OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *) form->curve, 0),
    OSSL_PARAM_construct_octet_string (OSSL_PKEY_PARAM_PUB_KEY, (void *) point, point_size (form)),
    OSSL_PARAM_construct_BN (OSSL_PKEY_PARAM_PRIV_KEY, native, form->scalar_size),
    OSSL_PARAM_construct_end (),
  };
  EVP_PKEY *key;

  to_native (native, scalar, form->scalar_size);
  key = make_key (EVP_PKEY_KEYPAIR, parameters);
  explicit_bzero (native, sizeof native);
  return key;
}

EVP_PKEY *
clm_x509_curve_key_from_spki (const guint8 *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++) {
    const Form *form = &forms[i];

    if (size == form->spki_head_size + point_size (form) && memcmp (data, form->spki_head, form->spki_head_size) == 0)
      return make_public (form, data + form->spki_head_size);
  }
  return NULL;
}

EVP_PKEY *
clm_x509_curve_key_from_pkcs8 (const guint8 *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++) {
    const Form *form = &forms[i];
    const guint8 *scalar = data + form->pkcs8_head_size, *middle = scalar + form->scalar_size;

    if (size == form->pkcs8_head_size + form->scalar_size + form->pkcs8_middle_size + point_size (form) &&
        memcmp (data, form->pkcs8_head, form->pkcs8_head_size) == 0 && memcmp (middle, form->pkcs8_middle, form->pkcs8_middle_size) == 0)
      return make_private (form, scalar, middle + form->pkcs8_middle_size);
  }
  return NULL;
}
