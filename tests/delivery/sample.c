/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sample.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static X509 *
make_certificate (EVP_PKEY *key, const char *common_name, X509 *issuer, EVP_PKEY *issuer_key)
{
  X509 *certificate = X509_new ();
  g_autoptr (BIGNUM) serial = BN_new ();
  X509_NAME *name = X509_NAME_new ();
  X509_EXTENSION *names = X509V3_EXT_conf_nid (NULL, NULL, NID_subject_alt_name, "DNS:localhost");

  g_assert_true (X509_set_version (certificate, X509_VERSION_3));
  g_assert_true (BN_rand (serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY));
  BN_to_ASN1_INTEGER (serial, X509_get_serialNumber (certificate));
  g_assert_true (X509_NAME_add_entry_by_NID (name, NID_commonName, MBSTRING_UTF8, (const guchar *) common_name, -1, -1, 0));
  g_assert_true (X509_set_subject_name (certificate, name));
  g_assert_true (X509_set_issuer_name (certificate, issuer ? X509_get_subject_name (issuer) : name));
  X509_gmtime_adj (X509_getm_notBefore (certificate), -60);
  X509_gmtime_adj (X509_getm_notAfter (certificate), 3600);
  g_assert_true (X509_set_pubkey (certificate, key));
  g_assert_true (X509_add_ext (certificate, names, -1));
  g_assert_cmpint (X509_sign (certificate, issuer_key, EVP_sha256 ()), >, 0);
  X509_EXTENSION_free (names);
  X509_NAME_free (name);
  return certificate;
}

static char *
bio_to_text (BIO *bio)
{
  char *data;
  long size = BIO_get_mem_data (bio, &data);

  return g_strndup (data, (gsize) size);
}

static char *
certificate_to_text (X509 *certificate)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  g_assert_true (PEM_write_bio_X509 (bio, certificate));
  return bio_to_text (bio);
}

static char *
key_to_text (EVP_PKEY *key)
{
  g_autoptr (BIO) bio = BIO_new (BIO_s_mem ());

  g_assert_true (PEM_write_bio_PKCS8PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL));
  return bio_to_text (bio);
}

Sample *
sample_new (const char *common_name)
{
  Sample *self = g_new0 (Sample, 1);
  g_autoptr (EVP_PKEY) ca_key = EVP_EC_gen ("P-256");
  g_autoptr (X509) ca = make_certificate (ca_key, "Sample CA", NULL, ca_key);
  guchar *der = NULL;

  self->key = EVP_EC_gen ("P-256");
  self->leaf = make_certificate (self->key, common_name, ca, ca_key);
  self->leaf_pem = certificate_to_text (self->leaf);
  self->chain_pem = certificate_to_text (ca);
  self->key_pem = key_to_text (self->key);
  int size = i2d_X509 (self->leaf, &der);
  self->der = g_bytes_new (der, (gsize) size);
  OPENSSL_free (der);
  return self;
}

void
sample_free (Sample *self)
{
  EVP_PKEY_free (self->key);
  X509_free (self->leaf);
  g_bytes_unref (self->der);
  g_free (self->leaf_pem);
  g_free (self->chain_pem);
  g_free (self->key_pem);
  g_free (self);
}

int
sample_fd (const char *text)
{
  int fd = memfd_create ("sample", MFD_CLOEXEC);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  int reader;

  g_assert_cmpint (write (fd, text, strlen (text)), ==, strlen (text));
  reader = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (reader, >=, 0);
  close (fd);
  return reader;
}

char *
sample_folder (void)
{
  g_autofree char *made = g_dir_make_tmp ("certloom-XXXXXX", NULL);
  g_autofree char *real = realpath (made, NULL);

  return g_strdup (real);
}

void
sample_remove_folder (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    if (!g_file_test (child, G_FILE_TEST_IS_SYMLINK) && g_file_test (child, G_FILE_TEST_IS_DIR))
      sample_remove_folder (child);
    else
      g_unlink (child);
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (path);
}

void
sample_write (const char *folder, const char *name, const char *format, ...)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
}

char *
sample_read (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

guint
sample_count (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  if (dir)
    g_dir_close (dir);
  return n;
}
