/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key.h"

#include "curve-key.h"
#include "der.h"
#include "openssl-error.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const key_types[] = { CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384, CLM_KEY_TYPE_RSA_2048, CLM_KEY_TYPE_ED25519 };

static void
test_round_trip (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (key_types); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (EVP_PKEY) key = clm_x509_key_generate (key_types[i], &error);
    g_assert_no_error (error);
    g_autoptr (ClmSecret) pkcs8 = clm_x509_key_to_pkcs8 (key, &error);
    g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, &error), other_pem = clm_x509_pkcs8_to_pem (pkcs8);
    g_autoptr (EVP_PKEY) a = clm_x509_key_from_pkcs8 (pkcs8, &error);
    g_assert_no_error (error);
    g_autoptr (EVP_PKEY) b = clm_x509_key_from_pem (pem, &error);
    g_assert_no_error (error);
    g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, &error);
    g_autoptr (EVP_PKEY) public = clm_x509_key_from_spki (spki, &error);
    g_assert_no_error (error);

    g_assert_true (clm_secret_equal (pem, other_pem));
    g_assert_cmpint (EVP_PKEY_eq (key, a), ==, 1);
    g_assert_cmpint (EVP_PKEY_eq (key, b), ==, 1);
    g_assert_cmpint (EVP_PKEY_eq (key, public), ==, 1);
    g_assert_cmpstr (clm_x509_key_get_type (public), ==, key_types[i]);
    g_assert_true (clm_x509_key_check (public, &error));
    g_assert_null (clm_x509_key_to_pkcs8 (public, NULL));
  }
}

/* The short way takes the usual form, says of it what OpenSSL's own reader says, and takes nothing that that one refuses. */
static void
test_short_way (void)
{
  static const char *const types[] = { CLM_KEY_TYPE_EC_P256, CLM_KEY_TYPE_EC_P384 };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autoptr (EVP_PKEY) key = clm_x509_key_generate (types[i], NULL);
    g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL);
    g_autoptr (ClmSecret) pkcs8 = clm_x509_key_to_pkcs8 (key, NULL);
    gsize size, private_size;
    const guint8 *data = g_bytes_get_data (spki, &size), *private_data = clm_secret_peek (pkcs8, &private_size);
    g_autoptr (EVP_PKEY) public = clm_x509_curve_key_from_spki (data, size);
    g_autoptr (EVP_PKEY) private = clm_x509_curve_key_from_pkcs8 (private_data, private_size);
    g_autoptr (GBytes) again = clm_x509_key_to_spki (public, NULL);
    g_autoptr (ClmSecret) private_again = clm_x509_key_to_pkcs8 (private, NULL);

    g_assert_true (g_bytes_equal (spki, again));
    g_assert_true (clm_secret_equal (pkcs8, private_again));
    g_assert_null (clm_x509_curve_key_from_spki (data, size - 1));
    g_assert_null (clm_x509_curve_key_from_pkcs8 (private_data, private_size - 1));
    for (gsize at = 0; at < size; at++) {
      g_autofree guint8 *flipped = g_memdup2 (data, size);
      const guint8 *from = flipped;
      flipped[at] ^= 0x04;
      g_autoptr (EVP_PKEY) quick = clm_x509_curve_key_from_spki (flipped, size);
      g_autoptr (EVP_PKEY) thorough = quick ? d2i_PUBKEY (NULL, &from, (long) size) : NULL;
      g_assert_true (!quick || (thorough && EVP_PKEY_eq (quick, thorough) == 1));
      g_assert_cmpuint (ERR_peek_error (), ==, 0);
    }
  }
}

static void
test_type_not_known (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_x509_key_generate ("rsa:1024", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

/* Every cut, and a byte too many */
static void
test_damaged (void)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (ClmSecret) pkcs8 = clm_x509_key_to_pkcs8 (key, NULL), pem = clm_x509_key_to_pem (key, NULL);
  g_autoptr (GBytes) spki = clm_x509_key_to_spki (key, NULL);
  gsize size;
  const guint8 *data = clm_secret_peek (pkcs8, &size);
  g_autofree guint8 *longer = g_malloc0 (size + 1);

  memcpy (longer, data, size);
  for (gsize n = 0; n <= size + 1; n++) {
    g_autoptr (ClmSecret) cut = clm_secret_new (longer, n);
    g_autoptr (EVP_PKEY) parsed = clm_x509_key_from_pkcs8 (cut, NULL);
    g_assert_true ((parsed != NULL) == (n == size));
  }
  data = g_bytes_get_data (spki, &size);
  for (gsize n = 0; n < size; n++) {
    g_autoptr (GBytes) cut = g_bytes_new (data, n);
    g_assert_null (clm_x509_key_from_spki (cut, NULL));
  }
  data = clm_secret_peek (pem, &size);
  for (gsize n = 0; n < size - 1; n++) {
    g_autoptr (ClmSecret) cut = clm_secret_new (data, n);
    g_assert_null (clm_x509_key_from_pem (cut, NULL));
  }
}

static void
test_one_block_only (void)
{
  g_autoptr (EVP_PKEY) key = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, NULL);
  const char *text = clm_secret_peek (pem, NULL);
  g_autofree char *twice = g_strconcat (text, text, NULL), *titled = g_strconcat ("a remark\n", text, NULL);
  g_autoptr (ClmSecret) two = clm_secret_new (twice, strlen (twice)), one = clm_secret_new (titled, strlen (titled));
  g_autoptr (GError) error = NULL;
  g_autoptr (EVP_PKEY) good = clm_x509_key_from_pem (one, &error);

  g_assert_no_error (error);
  g_assert_nonnull (good);
  g_assert_null (clm_x509_key_from_pem (two, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
test_der_frame (void)
{
  static const struct {
    const char *bytes;
    gsize       size;
    gboolean    good;
  } rows[] = {
    { "\x30\x00", 2, TRUE },
    { "\x30\x03\x02\x01\x05", 5, TRUE },
    { "\x30\x80\x00\x00", 4, FALSE },          /* indefinite */
    { "\x30\x81\x03\x02\x01\x05", 6, FALSE },  /* length not shortest */
    { "\x30\x82\x00\x03\x02\x01\x05", 7, FALSE },
    { "\x30\x04\x02\x01\x05", 5, FALSE },      /* beyond the end */
    { "\x30\x03\x02\x02\x05", 5, FALSE },
    { "\x30\x00\x00", 3, FALSE },              /* a byte behind */
    { "\x1f\x81\x01\x00", 4, FALSE },          /* high tag */
    { "\x30\x85\x01\x00\x00\x00\x00", 7, FALSE },
    { "\x30", 1, FALSE },
    { "", 0, FALSE },
  };
  guint8 deep[2 * 100];

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_test_message ("row %u", i);
    g_assert_true (clm_x509_der_check ("thing", rows[i].bytes, rows[i].size, 1000, NULL) == rows[i].good);
  }
  for (guint i = 0; i < 50; i++) {
    deep[2 * i] = 0x30;
    deep[2 * i + 1] = (guint8) (2 * (49 - i));
  }
  g_assert_false (clm_x509_der_check ("thing", deep, 100, 1000, NULL));
  g_assert_true (clm_x509_der_check ("thing", deep + 60, 40, 1000, NULL));
  g_assert_false (clm_x509_der_check ("thing", deep + 60, 40, 39, NULL));
}

/* A store's error crosses libcrypto whole. */
static void
test_store_error (void)
{
  g_autoptr (GError) said = g_error_new_literal (CLM_ERROR, CLM_ERROR_BUSY, "token: 100% busy");
  g_autoptr (GError) heard = NULL;

  clm_error_set_retry_after (said, 7);
  clm_error_set_hint (said, "wait");
  ERR_raise (ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
  clm_x509_raise_error (said);
  ERR_raise (ERR_LIB_ASN1, ERR_R_EVP_LIB);
  clm_x509_set_error (&heard, CLM_ERROR_FAILED, "cannot sign %s", "it");
  g_assert_error (heard, CLM_ERROR, CLM_ERROR_BUSY);
  g_assert_cmpstr (heard->message, ==, "cannot sign it: token: 100% busy");
  g_assert_cmpint (clm_error_get_retry_after (heard), ==, 7);
  g_assert_cmpstr (clm_error_get_hint (heard), ==, "wait");
  g_assert_cmpuint (ERR_peek_error (), ==, 0);
  g_clear_error (&heard);
  clm_x509_set_error (&heard, CLM_ERROR_FAILED, "again");
  g_assert_cmpstr (heard->message, ==, "again");
  clm_x509_set_error (NULL, CLM_ERROR_FAILED, "nobody listens");
}

/* What the kernel answers to whoever asks for random numbers in this program, libcrypto included: errno values, then what is true. */
static const int *no_randomness;
static guint      asked_in_vain;

ssize_t
getrandom (void *buffer, size_t size, unsigned int flags)
{
  if (no_randomness != NULL && *no_randomness != 0) {
    asked_in_vain++;
    errno = *no_randomness++;
    return -1;
  }
  return syscall (SYS_getrandom, buffer, size, flags);
}

/* First boot: no key before the kernel has gathered randomness, however often a signal comes in between. */
static void
test_randomness (void)
{
  static const int interrupted[] = { EINTR, EINTR, EINTR, 0 }, none[] = { ENOSYS, 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (EVP_PKEY) key = NULL;

  no_randomness = interrupted;
  key = clm_x509_key_generate ("ec:P-256", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (asked_in_vain, ==, 3);
  no_randomness = none;
  g_assert_null (clm_x509_key_generate ("ec:P-256", &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  no_randomness = NULL;
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  clm_x509_init ();
  g_test_add_func ("/key/round-trip", test_round_trip);
  g_test_add_func ("/key/short-way", test_short_way);
  g_test_add_func ("/key/type-not-known", test_type_not_known);
  g_test_add_func ("/key/damaged", test_damaged);
  g_test_add_func ("/key/one-block-only", test_one_block_only);
  g_test_add_func ("/key/der-frame", test_der_frame);
  g_test_add_func ("/key/store-error", test_store_error);
  g_test_add_func ("/key/safety-47-no-key-before-randomness", test_randomness);
  return g_test_run ();
}
