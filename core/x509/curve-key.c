/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "curve-key.h"

#include "clm-key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#define MAX_SCALAR 48
#define UNCOMPRESSED 0x04

/* What stands before and between scalar and point; sizes are fixed, so that this is all there is to the DER. */
typedef struct {
  const char *key_type;
  const char *curve;
  int         nid;
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
  { CLM_KEY_TYPE_EC_P256, "P-256", NID_X9_62_prime256v1, 32,
    BYTES ("\x30\x59\x30\x13" EC_PUBLIC_KEY PRIME256V1 "\x03\x42\x00"),
    BYTES ("\x30\x81\x87\x02\x01\x00\x30\x13" EC_PUBLIC_KEY PRIME256V1 "\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
    BYTES ("\xa1\x44\x03\x42\x00") },
  { CLM_KEY_TYPE_EC_P384, "P-384", NID_secp384r1, 48,
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

/* A key without a point, whose copy is given one: a quarter of what making each from its curve's name costs. Never freed. */
static EVP_PKEY *
get_blank (const Form *form)
{
  static EVP_PKEY *blanks[G_N_ELEMENTS (forms)];
  EVP_PKEY **blank = &blanks[form - forms];

  if (!g_atomic_pointer_get (blank)) {
    OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string (OSSL_PKEY_PARAM_GROUP_NAME, (char *) form->curve, 0),
      OSSL_PARAM_construct_end (),
    };
    EVP_PKEY *made = make_key (EVP_PKEY_KEY_PARAMETERS, parameters);

    if (!g_atomic_pointer_compare_and_exchange (blank, NULL, made))
      EVP_PKEY_free (made);
  }
  return g_atomic_pointer_get (blank);
}

/* Taking the point checks that it lies on the curve. */
static gboolean
set_point (EVP_PKEY *key, const Form *form, const guint8 *point)
{
  gboolean is_good;

  ERR_set_mark ();
  is_good = EVP_PKEY_set1_encoded_public_key (key, point, point_size (form)) == 1;
  ERR_pop_to_mark ();
  return is_good;
}

static EVP_PKEY *
make_public (const Form *form, const guint8 *point)
{
  EVP_PKEY *blank = get_blank (form);
  g_autoptr (EVP_PKEY) key = blank ? EVP_PKEY_dup (blank) : NULL;

  return key && set_point (key, form, point) ? g_steal_pointer (&key) : NULL;
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

static const Form *
find_form (const guint8 *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++) {
    const Form *form = &forms[i];

    if (size == form->spki_head_size + point_size (form) && memcmp (data, form->spki_head, form->spki_head_size) == 0)
      return data[form->spki_head_size] == UNCOMPRESSED ? form : NULL;
  }
  return NULL;
}

EVP_PKEY *
clm_x509_curve_key_from_spki (const guint8 *data, gsize size)
{
  const Form *form = find_form (data, size);

  return form ? make_public (form, data + form->spki_head_size) : NULL;
}

static void
free_key (gpointer key)
{
  EVP_PKEY_free (key);
}

static EVP_PKEY *
get_thread_key (const Form *form)
{
  static GPrivate keys[G_N_ELEMENTS (forms)] = { G_PRIVATE_INIT (free_key), G_PRIVATE_INIT (free_key) };
  GPrivate *slot = &keys[form - forms];
  EVP_PKEY *blank;

  if (!g_private_get (slot)) {
    blank = get_blank (form);
    g_private_set (slot, blank ? EVP_PKEY_dup (blank) : NULL);
  }
  return g_private_get (slot);
}

gboolean
clm_x509_curve_key_verify (const guint8 *spki, gsize spki_size, const guint8 *digest, gsize digest_size, const guint8 *signature, gsize signature_size)
{
  const Form *form = find_form (spki, spki_size);
  EVP_PKEY *key = form ? get_thread_key (form) : NULL;
  g_autoptr (EVP_PKEY_CTX) context = NULL;
  gboolean verified;

  if (!key || !set_point (key, form, spki + form->spki_head_size))
    return FALSE;
  ERR_set_mark ();
  /* A context of its own for each: what one has looked at when it began is no promise of the interface. */
  context = EVP_PKEY_CTX_new_from_pkey (NULL, key, "provider=default");
  verified = context && EVP_PKEY_verify_init (context) == 1 && EVP_PKEY_verify (context, signature, signature_size, digest, digest_size) == 1;
  ERR_pop_to_mark ();
  return verified;
}

/* Never freed. */
static const EC_GROUP *
get_group (const Form *form)
{
  static EC_GROUP *groups[G_N_ELEMENTS (forms)];
  EC_GROUP **group = &groups[form - forms];

  if (!g_atomic_pointer_get (group)) {
    EC_GROUP *made = EC_GROUP_new_by_curve_name (form->nid);

    if (!g_atomic_pointer_compare_and_exchange (group, NULL, made))
      EC_GROUP_free (made);
  }
  return g_atomic_pointer_get (group);
}

const char *
clm_x509_curve_key_check (const guint8 *data, gsize size)
{
  const Form *form = find_form (data, size);
  const EC_GROUP *group = form ? get_group (form) : NULL;
  g_autoptr (EC_POINT) point = group ? EC_POINT_new (group) : NULL;
  gboolean is_good;

  ERR_set_mark ();
  is_good = point && EC_POINT_oct2point (group, point, data + form->spki_head_size, point_size (form), NULL) == 1;
  ERR_pop_to_mark ();
  return is_good ? form->key_type : NULL;
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
