/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EC_GROUP_precompute_mult() is deprecated and has no successor; without it the table is not bought. */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#include "verifier.h"

#include "curve-key.h"
#include "der.h"
#include "key.h"

/* The table costs as much as it saves in so many verifications. */
#define CHECKS_BEFORE_TABLE 700
#define P256_SIZE 32

struct _ClmCaVerifier {
  GBytes   *spki;
  EVP_PKEY *key;
  guint     checks;
  gsize     is_settled;   /* whether there is a table is decided */
  EC_GROUP *curve;
  EC_GROUP *table;        /* the same curve with the key's point for its generator; NULL: none to be had */
  BIGNUM   *exponent;     /* the curve's order less 2: Fermat's way to an inverse, whose course no number changes, is the faster */
  BN_MONT_CTX *modulus;
};

ClmCaVerifier *
clm_ca_verifier_new (GBytes *spki)
{
  ClmCaVerifier *self = g_new0 (ClmCaVerifier, 1);

  self->spki = g_bytes_ref (spki);
  self->key = clm_x509_key_from_spki (spki, NULL);
  return self;
}

void
clm_ca_verifier_free (ClmCaVerifier *self)
{
  g_bytes_unref (self->spki);
  EVP_PKEY_free (self->key);
  EC_GROUP_free (self->curve);
  EC_GROUP_free (self->table);
  BN_free (self->exponent);
  BN_MONT_CTX_free (self->modulus);
  g_free (self);
}

static void
free_data (gpointer data)
{
  clm_ca_verifier_free (data);
}

ClmCaVerifier *
clm_ca_verifier_of (ClmKey *key)
{
  GQuark quark = g_quark_from_static_string ("clm-ca-verifier");
  ClmCaVerifier *known = g_object_get_qdata (G_OBJECT (key), quark), *made;

  if (known != NULL)
    return known;
  made = clm_ca_verifier_new (clm_key_get_spki (key));
  if (!g_object_replace_qdata (G_OBJECT (key), quark, NULL, made, free_data, NULL))
    clm_ca_verifier_free (made);
  return g_object_get_qdata (G_OBJECT (key), quark);
}

/* Only P-256 has the arithmetic that makes a table worth its price. */
static gboolean
is_p256 (ClmCaVerifier *self)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (self->spki, &size);

  return g_strcmp0 (clm_x509_curve_key_check (data, size), CLM_KEY_TYPE_EC_P256) == 0;
}

static gboolean
make_inverter (ClmCaVerifier *self)
{
  const BIGNUM *order = EC_GROUP_get0_order (self->curve);
  g_autoptr (BN_CTX) numbers = BN_CTX_new ();

  self->exponent = BN_dup (order);
  self->modulus = BN_MONT_CTX_new ();
  return self->exponent != NULL && self->modulus != NULL && numbers != NULL && BN_sub_word (self->exponent, 2) == 1 &&
         BN_MONT_CTX_set (self->modulus, order, numbers) == 1;
}

static EC_GROUP *
make_table (ClmCaVerifier *self)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (self->spki, &size);
  gsize point_size = 1 + 2 * P256_SIZE;
  g_autoptr (EC_POINT) point = EC_POINT_new (self->curve);
  g_autoptr (EC_GROUP) table = EC_GROUP_dup (self->curve);

  if (table == NULL || point == NULL || EC_POINT_oct2point (table, point, data + size - point_size, point_size, NULL) != 1 ||
      EC_GROUP_set_generator (table, point, EC_GROUP_get0_order (self->curve), BN_value_one ()) != 1 ||
      EC_GROUP_precompute_mult (table, NULL) != 1)
    return NULL;
  return g_steal_pointer (&table);
}

static gboolean
has_table (ClmCaVerifier *self)
{
  if (g_once_init_enter (&self->is_settled)) {
    if (is_p256 (self)) {
      ERR_set_mark ();
      self->curve = EC_GROUP_new_by_curve_name (NID_X9_62_prime256v1);
      self->table = self->curve != NULL && make_inverter (self) ? make_table (self) : NULL;
      ERR_pop_to_mark ();
    }
    g_once_init_leave (&self->is_settled, 1);
  }
  return self->table != NULL;
}

/* A number of an Ecdsa-Sig-Value (RFC 3279 §2.2.3): positive, in its shortest form, below @limit. */
static gboolean
read_number (const guint8 **at, const guint8 *end, const BIGNUM *limit, BIGNUM *number)
{
  ClmCaDer element;

  if (!clm_ca_der_expect (at, end, CLM_CA_DER_INTEGER, &element) || element.size == 0 || element.size > P256_SIZE + 1 || element.value[0] >= 0x80 ||
      (element.size > 1 && element.value[0] == 0 && element.value[1] < 0x80))
    return FALSE;
  return BN_bin2bn (element.value, (int) element.size, number) != NULL && !BN_is_zero (number) && BN_ucmp (number, limit) < 0;
}

static gboolean
read_signature (GBytes *signature, const BIGNUM *order, BIGNUM *r, BIGNUM *s)
{
  gsize size;
  const guint8 *at = g_bytes_get_data (signature, &size), *end = at + size;
  ClmCaDer outer;

  if (!clm_ca_der_expect (&at, end, CLM_CA_DER_SEQUENCE, &outer) || at != end)
    return FALSE;
  at = outer.value;
  return read_number (&at, end, order, r) && read_number (&at, end, order, s) && at == end;
}

/* FIPS 186-4 §6.4: whether the x coordinate of z/s G + r/s Q is r. */
static gboolean
is_confirmed (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature, BN_CTX *numbers)
{
  const EC_GROUP *curve = self->curve;
  const BIGNUM *order = EC_GROUP_get0_order (curve);
  g_autoptr (EC_POINT) by_generator = EC_POINT_new (curve), by_key = EC_POINT_new (curve);
  BIGNUM *r = BN_CTX_get (numbers), *s = BN_CTX_get (numbers), *z = BN_CTX_get (numbers), *u = BN_CTX_get (numbers), *x = BN_CTX_get (numbers);

  return by_generator != NULL && by_key != NULL && x != NULL && read_signature (signature, order, r, s) &&
         BN_bin2bn (digest->octets, (int) digest->size, z) != NULL &&
         BN_mod_exp_mont (s, s, self->exponent, order, numbers, self->modulus) == 1 &&
         BN_mod_mul (u, z, s, order, numbers) == 1 && EC_POINT_mul (curve, by_generator, u, NULL, NULL, numbers) == 1 &&
         BN_mod_mul (u, r, s, order, numbers) == 1 && EC_POINT_mul (self->table, by_key, u, NULL, NULL, numbers) == 1 &&
         EC_POINT_add (curve, by_key, by_generator, by_key, numbers) == 1 && EC_POINT_is_at_infinity (curve, by_key) == 0 &&
         EC_POINT_get_affine_coordinates (curve, by_key, x, NULL, numbers) == 1 && BN_nnmod (x, x, order, numbers) == 1 && BN_cmp (x, r) == 0;
}

gboolean
clm_ca_verifier_check_by_table (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature)
{
  g_autoptr (BN_CTX) numbers = digest->size == P256_SIZE && has_table (self) ? BN_CTX_new () : NULL;
  gboolean confirmed;

  if (numbers == NULL)
    return FALSE;
  ERR_set_mark ();
  BN_CTX_start (numbers);
  confirmed = is_confirmed (self, digest, signature, numbers);
  BN_CTX_end (numbers);
  ERR_pop_to_mark ();
  return confirmed;
}

static gboolean
check (EVP_PKEY *key, const ClmCaDigest *digest, GBytes *signature)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  gboolean verified;

  ERR_set_mark ();
  verified = context != NULL && EVP_PKEY_verify_init (context) == 1 &&
             EVP_PKEY_verify (context, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), digest->octets, digest->size) == 1;
  ERR_pop_to_mark ();
  return verified;
}

gboolean
clm_ca_verifier_check (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature)
{
  gboolean is_worth = (guint) g_atomic_int_add (&self->checks, 1) >= CHECKS_BEFORE_TABLE;

  if (is_worth && clm_ca_verifier_check_by_table (self, digest, signature))
    return TRUE;
  return self->key != NULL && check (self->key, digest, signature);
}
