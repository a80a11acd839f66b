/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mint.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_REQ, X509_REQ_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_CRL, X509_CRL_free)

#define BEGIN 0
#define END G_GINT64_CONSTANT (4102444799)   /* 2099-12-31 */

struct _ClmMint {
  EVP_PKEY *root_key, *issuer_key;
  X509     *root, *issuer;
  GBytes   *root_der;
};

/* Some flaws change a step of making the certificate, the rest change the chain afterwards. */
static const char *const flaws[] = {
  "wrong-key", "other-names", "extra-name", "wildcard-name", "nul-name", "other-subject", "ca-true", "missing-usage",
  "extra-usage", "expired", "not-yet-valid", "validity-100y", "validity-10s", "version-1", "negative-serial", "zero-serial",
  "long-serial", "sha1", "critical-extension", "duplicate-extension", "self-signed", "wrong-signature", "wrong-order",
  "missing-intermediate", "looped", "crossed", "unrelated-root", "garbage", NULL
};

const char *const *
clm_mint_list_flaws (void)
{
  return flaws;
}

static gboolean
is (const char *flaw, const char *word)
{
  return g_strcmp0 (flaw, word) == 0;
}

/* Steps of making a certificate */

static gboolean
add_extension (X509 *certificate, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX context = { 0 };   /* X509V3_set_ctx() leaves members as they are */

  X509V3_set_ctx (&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
  gboolean ok = extension != NULL && X509_add_ext (certificate, extension, -1) == 1;
  X509_EXTENSION_free (extension);
  return ok;
}

static gboolean
set_serial (X509 *certificate, const char *flaw)
{
  guchar bytes[25];
  BIGNUM *number = BN_new ();

  RAND_bytes (bytes, sizeof bytes);
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  BN_bin2bn (bytes, is (flaw, "long-serial") ? 25 : 16, number);
  if (is (flaw, "zero-serial"))
    BN_zero (number);
  BN_set_negative (number, is (flaw, "negative-serial"));
  ASN1_INTEGER *serial = BN_to_ASN1_INTEGER (number, NULL);
  gboolean ok = X509_set_serialNumber (certificate, serial) == 1;
  ASN1_INTEGER_free (serial);
  BN_free (number);
  return ok;
}

static gboolean
set_validity (X509 *certificate, gint64 not_before, gint64 lifetime, const char *flaw)
{
  gint64 not_after = not_before + lifetime;

  if (is (flaw, "expired")) {
    not_before -= 2 * lifetime;
    not_after -= 2 * lifetime;
  } else if (is (flaw, "not-yet-valid")) {
    not_before += 10 * 86400;
    not_after += 10 * 86400;
  } else if (is (flaw, "validity-100y")) {
    not_after = not_before + G_GINT64_CONSTANT (100) * 365 * 86400;
  } else if (is (flaw, "validity-10s")) {
    not_after = not_before + 10;
  }
  return ASN1_TIME_set (X509_getm_notBefore (certificate), not_before) != NULL &&
         ASN1_TIME_set (X509_getm_notAfter (certificate), not_after) != NULL;
}

static X509 *
make_ca (const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
  g_autoptr (X509) ca = X509_new ();
  X509_NAME *subject = X509_get_subject_name (ca);
  X509 *parent = issuer != NULL ? issuer : ca;

  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_UTF8, (const guchar *) name, -1, -1, 0);
  if (X509_set_version (ca, 2) != 1 || !set_serial (ca, NULL) || !set_validity (ca, BEGIN, END, NULL) ||
      X509_set_pubkey (ca, key) != 1 || X509_set_issuer_name (ca, X509_get_subject_name (parent)) != 1 ||
      !add_extension (ca, parent, NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension (ca, parent, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension (ca, parent, NID_subject_key_identifier, "hash") ||
      !add_extension (ca, parent, NID_authority_key_identifier, "keyid") || X509_sign (ca, issuer_key, EVP_sha256 ()) == 0)
    return NULL;
  return g_steal_pointer (&ca);
}

static GBytes *
to_der (X509 *certificate)
{
  guchar *der = NULL;
  int size = i2d_X509 (certificate, &der);
  GBytes *bytes = g_bytes_new (der, size);

  OPENSSL_free (der);
  return bytes;
}

/* Opening and keeping */

static gboolean
make_both (ClmMint *self)
{
  self->root_key = EVP_EC_gen ("P-256");
  self->issuer_key = EVP_EC_gen ("P-256");
  self->root = make_ca ("Test Root", self->root_key, NULL, self->root_key);
  self->issuer = self->root != NULL ? make_ca ("Test Issuer", self->issuer_key, self->root, self->root_key) : NULL;
  return self->issuer != NULL;
}

static gboolean
load_both (ClmMint *self, const char *path)
{
  FILE *file = g_fopen (path, "re");

  if (file == NULL)
    return FALSE;
  self->root_key = PEM_read_PrivateKey (file, NULL, NULL, NULL);
  self->root = PEM_read_X509 (file, NULL, NULL, NULL);
  self->issuer_key = PEM_read_PrivateKey (file, NULL, NULL, NULL);
  self->issuer = PEM_read_X509 (file, NULL, NULL, NULL);
  fclose (file);
  return self->root_key != NULL && self->root != NULL && self->issuer_key != NULL && self->issuer != NULL;
}

static gboolean
save_both (ClmMint *self, const char *path)
{
  FILE *file = g_fopen (path, "wxe");

  if (file == NULL)
    return FALSE;
  gboolean ok = PEM_write_PrivateKey (file, self->root_key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_X509 (file, self->root) == 1 &&
                PEM_write_PrivateKey (file, self->issuer_key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_X509 (file, self->issuer) == 1;
  return fclose (file) == 0 && ok;
}

ClmMint *
clm_mint_open (const char *directory, GError **error)
{
  g_autoptr (ClmMint) self = g_new0 (ClmMint, 1);
  g_autofree char *path = directory != NULL ? g_build_filename (directory, "mint.pem", NULL) : NULL;

  if (path == NULL || !load_both (self, path)) {
    if (!make_both (self) || (path != NULL && !save_both (self, path))) {
      g_set_error_literal (error, CLM_ERROR, CLM_ERROR_FAILED, "cannot make a test CA");
      return NULL;
    }
  }
  self->root_der = to_der (self->root);
  return g_steal_pointer (&self);
}

void
clm_mint_free (ClmMint *self)
{
  if (self == NULL)
    return;
  EVP_PKEY_free (self->root_key);
  EVP_PKEY_free (self->issuer_key);
  X509_free (self->root);
  X509_free (self->issuer);
  g_clear_pointer (&self->root_der, g_bytes_unref);
  g_free (self);
}

GBytes *
clm_mint_get_root (ClmMint *self)
{
  return self->root_der;
}

char *
clm_mint_get_root_pem (ClmMint *self)
{
  BIO *bio = BIO_new (BIO_s_mem ());
  char *data = NULL;

  PEM_write_bio_X509 (bio, self->root);
  long size = BIO_get_mem_data (bio, &data);
  char *pem = g_strndup (data, size);
  BIO_free (bio);
  return pem;
}

/* Leaves */

static gboolean
set_usages (X509 *leaf, X509 *issuer, const char *const *usages, const char *flaw)
{
  static const char *const words[][2] = {
    {"server", "serverAuth"}, {"client", "clientAuth"}, {"email", "emailProtection"}, {"code", "codeSigning"},
    {"ocsp", "OCSPSigning"}, {"time", "timeStamping"},
  };
  g_autoptr (GString) text = g_string_new (usages[0] == NULL ? "serverAuth,clientAuth" : NULL);

  if (is (flaw, "missing-usage"))
    return add_extension (leaf, issuer, NID_ext_key_usage, "msSmartcardLogin");
  for (guint i = 0; usages[i] != NULL; i++) {
    const char *value = usages[i];
    for (guint j = 0; j < G_N_ELEMENTS (words); j++)
      if (g_str_equal (words[j][0], usages[i]))
        value = words[j][1];
    g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", value);
  }
  if (is (flaw, "extra-usage"))
    g_string_append (text, ",codeSigning");
  return add_extension (leaf, issuer, NID_ext_key_usage, text->str);
}

static void
push_dns (GENERAL_NAMES *names, const char *text, int size)
{
  GENERAL_NAME *name = GENERAL_NAME_new ();
  ASN1_IA5STRING *value = ASN1_IA5STRING_new ();

  ASN1_STRING_set (value, text, size);
  GENERAL_NAME_set0_value (name, GEN_DNS, value);
  sk_GENERAL_NAME_push (names, name);
}

static gboolean
set_names (X509 *leaf, X509_REQ *csr, const char *flaw)
{
  STACK_OF (X509_EXTENSION) *extensions = X509_REQ_get_extensions (csr);
  GENERAL_NAMES *names = X509V3_get_d2i (extensions, NID_subject_alt_name, NULL, NULL);

  sk_X509_EXTENSION_pop_free (extensions, X509_EXTENSION_free);
  if (is (flaw, "other-names"))
    g_clear_pointer (&names, GENERAL_NAMES_free);
  gboolean adds = is (flaw, "other-names") || is (flaw, "extra-name") || is (flaw, "wildcard-name") || is (flaw, "nul-name");
  if (names == NULL && !adds)
    return TRUE;
  if (names == NULL)
    names = GENERAL_NAMES_new ();
  if (is (flaw, "nul-name"))
    push_dns (names, "good.example\0.evil.example", 26);
  else if (is (flaw, "wildcard-name"))
    push_dns (names, "*.example.org", -1);
  else if (adds)
    push_dns (names, "other.example.org", -1);
  gboolean ok = X509_add1_ext_i2d (leaf, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
  GENERAL_NAMES_free (names);
  return ok;
}

static gboolean
set_subject (X509 *leaf, X509_REQ *csr, const char *flaw)
{
  if (!is (flaw, "other-subject"))
    return X509_set_subject_name (leaf, X509_REQ_get_subject_name (csr)) == 1;
  return X509_NAME_add_entry_by_txt (X509_get_subject_name (leaf), "CN", MBSTRING_UTF8, (const guchar *) "somebody else", -1, -1, 0) == 1;
}

static gboolean
set_key (X509 *leaf, X509_REQ *csr, const char *flaw)
{
  g_autoptr (EVP_PKEY) other = is (flaw, "wrong-key") ? EVP_EC_gen ("P-256") : NULL;

  return X509_set_pubkey (leaf, other != NULL ? other : X509_REQ_get0_pubkey (csr)) == 1;
}

static gboolean
set_extensions (X509 *leaf, X509 *issuer, X509_REQ *csr, const char *const *usages, const char *flaw)
{
  gboolean is_ca = is (flaw, "ca-true");
  gboolean is_rsa = EVP_PKEY_get_base_id (X509_REQ_get0_pubkey (csr)) == EVP_PKEY_RSA;
  const char *usage = is_ca ? "critical,digitalSignature,keyCertSign" : is_rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";

  if (is (flaw, "version-1"))
    return TRUE;
  if (!add_extension (leaf, issuer, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
      !add_extension (leaf, issuer, NID_key_usage, usage) || !set_usages (leaf, issuer, usages, flaw) ||
      !set_names (leaf, csr, flaw) || !add_extension (leaf, issuer, NID_subject_key_identifier, "hash") ||
      !add_extension (leaf, issuer, NID_authority_key_identifier, "keyid"))
    return FALSE;
  if (is (flaw, "duplicate-extension"))
    return add_extension (leaf, issuer, NID_key_usage, usage);
  if (is (flaw, "critical-extension"))
    return add_extension (leaf, issuer, NID_netscape_comment, "critical,nobody knows me");
  return TRUE;
}

static gboolean
sign_leaf (ClmMint *self, X509 *leaf, const char *flaw)
{
  g_autoptr (EVP_PKEY) other = EVP_EC_gen ("P-256");
  gboolean alone = is (flaw, "self-signed");

  if (X509_set_issuer_name (leaf, alone ? X509_get_subject_name (leaf) : X509_get_subject_name (self->issuer)) != 1)
    return FALSE;
  if (alone && X509_set_pubkey (leaf, other) != 1)
    return FALSE;
  EVP_PKEY *key = alone || is (flaw, "wrong-signature") ? other : self->issuer_key;
  return X509_sign (leaf, key, is (flaw, "sha1") ? EVP_sha1 () : EVP_sha256 ()) != 0;
}

/* Two CAs that have certified each other, and no root. */
static void
add_crossed (ClmMint *self, GPtrArray *chain)
{
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (X509) other = make_ca ("Crossed", key, self->issuer, self->issuer_key);
  g_autoptr (X509) issuer = make_ca ("Test Issuer", self->issuer_key, other, key);

  g_ptr_array_add (chain, to_der (issuer));
  g_ptr_array_add (chain, to_der (other));
}

static GPtrArray *
make_chain (ClmMint *self, X509 *leaf, const char *flaw)
{
  GPtrArray *chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  if (is (flaw, "garbage")) {
    g_ptr_array_add (chain, g_bytes_new_static ("\x30\x82\xff\xff not DER", 12));
    return chain;
  }
  g_ptr_array_add (chain, to_der (leaf));
  if (is (flaw, "missing-intermediate"))
    return chain;
  if (is (flaw, "unrelated-root")) {
    g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
    g_autoptr (X509) other = make_ca ("Unrelated Root", key, NULL, key);
    g_ptr_array_add (chain, to_der (other));
    return chain;
  }
  if (is (flaw, "crossed")) {
    add_crossed (self, chain);
    return chain;
  }
  g_ptr_array_insert (chain, is (flaw, "wrong-order") ? 0 : -1, to_der (self->issuer));
  for (guint i = 0; is (flaw, "looped") && i < 40; i++)
    g_ptr_array_add (chain, to_der (self->issuer));
  return chain;
}

GPtrArray *
clm_mint_issue (ClmMint *self, GBytes *csr_der, const char *const *usages, gint64 not_before, gint64 lifetime, const char *flaw,
                GError **error)
{
  const guchar *p = g_bytes_get_data (csr_der, NULL);
  g_autoptr (X509_REQ) csr = d2i_X509_REQ (NULL, &p, g_bytes_get_size (csr_der));
  g_autoptr (X509) leaf = X509_new ();

  if (csr == NULL || X509_REQ_verify (csr, X509_REQ_get0_pubkey (csr)) != 1) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the CSR cannot be read or does not verify");
    return NULL;
  }
  if (X509_set_version (leaf, is (flaw, "version-1") ? 0 : 2) == 1 && set_serial (leaf, flaw) &&
      set_validity (leaf, not_before, lifetime, flaw) && set_subject (leaf, csr, flaw) && set_key (leaf, csr, flaw) &&
      set_extensions (leaf, self->issuer, csr, usages, flaw) && sign_leaf (self, leaf, flaw))
    return make_chain (self, leaf, flaw);
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_FAILED, "cannot make the certificate");
  return NULL;
}

/* Revocation */

static void
add_revoked (X509_CRL *crl, GBytes *der, gint64 now)
{
  const guchar *p = g_bytes_get_data (der, NULL);
  g_autoptr (X509) certificate = d2i_X509 (NULL, &p, g_bytes_get_size (der));
  X509_REVOKED *entry = X509_REVOKED_new ();
  ASN1_TIME *date = ASN1_TIME_set (NULL, now);

  X509_REVOKED_set_serialNumber (entry, X509_get_serialNumber (certificate));
  X509_REVOKED_set_revocationDate (entry, date);
  ASN1_TIME_free (date);
  X509_CRL_add0_revoked (crl, entry);
}

GBytes *
clm_mint_make_crl (ClmMint *self, GPtrArray *revoked, guint number, gint64 now)
{
  g_autoptr (X509_CRL) crl = X509_CRL_new ();
  ASN1_TIME *begin = ASN1_TIME_set (NULL, now), *end = ASN1_TIME_set (NULL, now + 86400);
  ASN1_INTEGER *count = ASN1_INTEGER_new ();
  guchar *der = NULL;

  ASN1_INTEGER_set_uint64 (count, number);
  X509_CRL_set_version (crl, 1);
  X509_CRL_set_issuer_name (crl, X509_get_subject_name (self->issuer));
  X509_CRL_set1_lastUpdate (crl, begin);
  X509_CRL_set1_nextUpdate (crl, end);
  X509_CRL_add1_ext_i2d (crl, NID_crl_number, count, 0, 0);
  for (guint i = 0; i < revoked->len; i++)
    add_revoked (crl, g_ptr_array_index (revoked, i), now);
  X509_CRL_sort (crl);
  X509_CRL_sign (crl, self->issuer_key, EVP_sha256 ());
  ASN1_TIME_free (begin);
  ASN1_TIME_free (end);
  ASN1_INTEGER_free (count);
  int size = i2d_X509_CRL (crl, &der);
  GBytes *bytes = g_bytes_new (der, size);
  OPENSSL_free (der);
  return bytes;
}
