/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "await.h"
#include "fake-host.h"
#include "key.h"
#include "openssl-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW G_GINT64_CONSTANT (1800000000)
#define ID "web.000001"

/*
 * Faults: the module finds these before libc's. @fault.call is the name of the call that fails, @fault.nth which one of its kind;
 * it fails with @fault.error, or is the last thing that happens where @fault.die.
 */
static struct {
  const char *call;
  guint       nth, seen;
  int         error;
  gboolean    die;
} fault;

static gboolean
strikes (const char *call)
{
  if (!fault.call || !g_str_equal (fault.call, call) || ++fault.seen != fault.nth)
    return FALSE;
  if (fault.die)
    _exit (42);
  errno = fault.error;
  return TRUE;
}

int     fsync (int fd);
int     syncfs (int fd);
int     renameat2 (int from, const char *old, int to, const char *new, unsigned flags);
ssize_t write (int fd, const void *data, size_t size);
int     unlinkat (int fd, const char *name, int flags);

/* Which of the two it is depends on the file system. */
int
fsync (int fd)
{
  return strikes ("sync") ? -1 : (int) syscall (SYS_fsync, fd);
}

int
syncfs (int fd)
{
  return strikes ("sync") ? -1 : (int) syscall (SYS_syncfs, fd);
}

int
renameat2 (int from, const char *old, int to, const char *new, unsigned flags)
{
  return strikes ("renameat2") ? -1 : (int) syscall (SYS_renameat2, from, old, to, new, flags);
}

/* Not pipes and eventfds: the main loop wakes up by them. */
ssize_t
write (int fd, const void *data, size_t size)
{
  struct stat status;
  gboolean is_file = fault.call && fstat (fd, &status) == 0 && S_ISREG (status.st_mode);

  if (is_file && strikes ("write"))
    return -1;
  /* three bytes at a time: short writes are the rule here */
  return syscall (SYS_write, fd, data, is_file && size > 3 ? 3 : size);
}

int
unlinkat (int fd, const char *name, int flags)
{
  return strikes ("unlinkat") ? -1 : (int) syscall (SYS_unlinkat, fd, name, flags);
}

/* One store in its private directory */

typedef struct {
  ClmFakeHost *host;
  ClmKeyStore *store;
  const char  *path;
} Fixture;

static GType store_type;

static ClmKeyStore *
new_store (ClmFakeHost *host, const char *options)
{
  g_autoptr (ClmOptions) text = clm_options_new_from_text ("keys.keystore", options);

  return g_object_new (store_type, "name", "keys", "host", host, "options", text, NULL);
}

static gboolean
start (ClmKeyStore *store, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_backend_start_async (CLM_BACKEND (store), NULL, clm_await_done, &result);
  return clm_backend_start_finish (CLM_BACKEND (store), clm_await (&result), error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  memset (&fault, 0, sizeof fault);
  fixture->host = clm_fake_host_new (NOW);
  fixture->store = new_store (fixture->host, "");
  fixture->path = clm_host_get_private_directory (CLM_HOST (fixture->host), &error);
  g_assert_no_error (error);
  g_assert_true (start (fixture->store, &error));
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;

  memset (&fault, 0, sizeof fault);
  clm_backend_stop_async (CLM_BACKEND (fixture->store), NULL, clm_await_done, &result);
  g_assert_true (clm_backend_stop_finish (CLM_BACKEND (fixture->store), clm_await (&result), NULL));
  clm_await_idle ();
  g_clear_object (&fixture->store);
  g_clear_object (&fixture->host);
  clm_await_idle ();
}

static char *
create (ClmKeyStore *store, const char *key_type, gboolean exportable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  ClmKeySpec spec = { .key_type = key_type, .exportable = exportable };

  clm_key_store_create_async (store, &spec, ID, NULL, clm_await_done, &result);
  return clm_key_store_create_finish (store, clm_await (&result), error);
}

static void
create_good (Fixture *fixture, const char *key_type)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = create (fixture->store, key_type, TRUE, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, ID);
}

static ClmKey *
open_key (Fixture *fixture, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_open_async (fixture->store, ID, NULL, clm_await_done, &result);
  return clm_key_store_open_finish (fixture->store, clm_await (&result), error);
}

static ClmSecret *
export (Fixture *fixture, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_exporter_export_async (CLM_KEY_EXPORTER (fixture->store), ID, NULL, clm_await_done, &result);
  return clm_key_exporter_export_finish (CLM_KEY_EXPORTER (fixture->store), clm_await (&result), error);
}

static char *
import (Fixture *fixture, ClmSecret *pkcs8, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_importer_import_async (CLM_KEY_IMPORTER (fixture->store), pkcs8, ID, NULL, clm_await_done, &result);
  return clm_key_importer_import_finish (CLM_KEY_IMPORTER (fixture->store), clm_await (&result), error);
}

static gboolean
destroy (Fixture *fixture, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_key_store_destroy_async (fixture->store, ID, NULL, clm_await_done, &result);
  return clm_key_store_destroy_finish (fixture->store, clm_await (&result), error);
}

static GPtrArray *
list (Fixture *fixture)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_key_store_list_async (fixture->store, NULL, clm_await_done, &result);
  GPtrArray *keys = clm_key_store_list_finish (fixture->store, clm_await (&result), &error);
  g_assert_no_error (error);
  return keys;
}

static char *
key_path (Fixture *fixture)
{
  return g_build_filename (fixture->path, ID ".pem", NULL);
}

static guint
count_entries (Fixture *fixture)
{
  g_autoptr (GDir) directory = g_dir_open (fixture->path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (directory))
    n++;
  return n;
}

/* Signing, in a thread as it must be */

typedef struct {
  ClmKey       *key;
  ClmSignScheme scheme;
  ClmHash       hash;
  GBytes       *signature;
  GError       *error;
} Signing;

static gpointer
sign_in_thread (gpointer data)
{
  Signing *signing = data;
  guint8 digest[64] = { 1, 2, 3 };
  gsize size = signing->scheme == CLM_SIGN_ED25519 ? sizeof digest : clm_hash_size (signing->hash);

  signing->signature = clm_key_sign (signing->key, signing->scheme, signing->hash, digest, size, NULL, &signing->error);
  return NULL;
}

static Signing
sign (ClmKey *key, ClmSignScheme scheme, ClmHash hash)
{
  Signing signing = { key, scheme, hash, NULL, NULL };

  g_thread_join (g_thread_new ("signer", sign_in_thread, &signing));
  return signing;
}

static gboolean
verify_digest (EVP_PKEY *key, const Signing *signing)
{
  g_autoptr (EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey (NULL, key, NULL);
  guint8 digest[64] = { 1, 2, 3 };
  const EVP_MD *md = signing->hash == CLM_HASH_SHA256 ? EVP_sha256 () : signing->hash == CLM_HASH_SHA384 ? EVP_sha384 () : EVP_sha512 ();
  gsize size;
  const guint8 *data = g_bytes_get_data (signing->signature, &size);

  g_assert_cmpint (EVP_PKEY_verify_init (context), ==, 1);
  g_assert_cmpint (EVP_PKEY_CTX_set_signature_md (context, md), ==, 1);
  if (signing->scheme == CLM_SIGN_RSA_PSS) {
    EVP_PKEY_CTX_set_rsa_padding (context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen (context, RSA_PSS_SALTLEN_DIGEST);
  }
  return EVP_PKEY_verify (context, data, size, digest, clm_hash_size (signing->hash)) == 1;
}

static gboolean
verify_message (EVP_PKEY *key, const Signing *signing)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  guint8 message[64] = { 1, 2, 3 };
  gsize size;
  const guint8 *data = g_bytes_get_data (signing->signature, &size);

  return EVP_DigestVerifyInit (context, NULL, NULL, NULL, key) == 1 && EVP_DigestVerify (context, data, size, message, sizeof message) == 1;
}

static const struct {
  const char   *key_type;
  ClmSignScheme scheme;
  ClmHash       hash;
} sign_rows[] = {
  { CLM_KEY_TYPE_EC_P256, CLM_SIGN_ECDSA, CLM_HASH_SHA256 },      { CLM_KEY_TYPE_EC_P384, CLM_SIGN_ECDSA, CLM_HASH_SHA384 },
  { CLM_KEY_TYPE_EC_P256, CLM_SIGN_ECDSA, CLM_HASH_SHA512 },      { CLM_KEY_TYPE_RSA_2048, CLM_SIGN_RSA_PKCS1, CLM_HASH_SHA256 },
  { CLM_KEY_TYPE_RSA_2048, CLM_SIGN_RSA_PSS, CLM_HASH_SHA384 },   { CLM_KEY_TYPE_RSA_3072, CLM_SIGN_RSA_PSS, CLM_HASH_SHA512 },
  { CLM_KEY_TYPE_ED25519, CLM_SIGN_ED25519, CLM_HASH_NONE },
};

static void
test_sign (Fixture *fixture, gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;

  create_good (fixture, sign_rows[i].key_type);
  g_autoptr (ClmKey) key = open_key (fixture, &error);
  g_assert_no_error (error);
  g_autoptr (EVP_PKEY) public = clm_x509_key_from_spki (clm_key_get_spki (key), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (clm_x509_key_get_type (public), ==, sign_rows[i].key_type);

  Signing signing = sign (key, sign_rows[i].scheme, sign_rows[i].hash);
  g_assert_no_error (signing.error);
  g_assert_true (signing.scheme == CLM_SIGN_ED25519 ? verify_message (public, &signing) : verify_digest (public, &signing));
  g_bytes_unref (signing.signature);
}

static void
test_wrong_scheme (Fixture *fixture, gconstpointer data)
{
  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  g_autoptr (ClmKey) key = open_key (fixture, NULL);
  Signing signing = sign (key, CLM_SIGN_RSA_PSS, CLM_HASH_SHA256);

  g_assert_null (signing.signature);
  g_assert_error (signing.error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
  g_clear_error (&signing.error);
}

/* The file */

static void
test_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = key_path (fixture), *text = NULL;
  struct stat status;

  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_str_has_prefix (text, "-----BEGIN PRIVATE KEY-----\n"));
  g_assert_true (g_str_has_suffix (text, "-----END PRIVATE KEY-----\n"));
  g_assert_cmpuint (count_entries (fixture), ==, 1);
}

static void
test_create_again (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = key_path (fixture), *before = NULL, *after = NULL, *id = NULL;
  g_autoptr (GError) error = NULL;

  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  g_file_get_contents (path, &before, NULL, NULL);
  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  id = create (fixture->store, CLM_KEY_TYPE_EC_P384, TRUE, &error);
  g_assert_null (id);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_clear_error (&error);
  id = create (fixture->store, CLM_KEY_TYPE_EC_P256, FALSE, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_file_get_contents (path, &after, NULL, NULL);
  g_assert_cmpstr (before, ==, after);
}

static void
test_export_and_import (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  create_good (fixture, CLM_KEY_TYPE_RSA_2048);
  g_autoptr (ClmKey) key = open_key (fixture, &error);
  g_autoptr (ClmSecret) pkcs8 = export (fixture, &error);
  g_assert_no_error (error);
  G_GNUC_UNUSED g_autofree char *same = import (fixture, pkcs8, &error);   /* it is there already */
  g_assert_no_error (error);
  g_assert_true (destroy (fixture, &error));
  g_assert_null (export (fixture, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_autofree char *id = import (fixture, pkcs8, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (id, ==, ID);
  g_autoptr (ClmKey) again = open_key (fixture, &error);
  g_assert_true (g_bytes_equal (clm_key_get_spki (key), clm_key_get_spki (again)));

  g_autoptr (EVP_PKEY) other = clm_x509_key_generate (CLM_KEY_TYPE_EC_P256, NULL);
  g_autoptr (ClmSecret) other_pkcs8 = clm_x509_key_to_pkcs8 (other, NULL);
  G_GNUC_UNUSED g_autofree char *refused = import (fixture, other_pkcs8, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_EXISTS);
  g_clear_error (&error);
  g_autoptr (ClmSecret) junk = clm_secret_new ("\x30\x03\x02\x01\x00", 5);
  G_GNUC_UNUSED g_autofree char *none = import (fixture, junk, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA);
}

static void
test_not_exportable (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  G_GNUC_UNUSED g_autofree char *id = create (fixture->store, CLM_KEY_TYPE_EC_P256, FALSE, &error);

  g_assert_no_error (error);
  G_GNUC_UNUSED g_autoptr (ClmKey) key = open_key (fixture, &error);
  g_assert_no_error (error);
  g_assert_null (export (fixture, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

static void
test_destroy (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  g_autoptr (ClmKey) key = open_key (fixture, &error);
  g_assert_true (destroy (fixture, &error));
  g_assert_true (destroy (fixture, &error));
  g_assert_cmpuint (count_entries (fixture), ==, 0);
  Signing signing = sign (key, CLM_SIGN_ECDSA, CLM_HASH_SHA256);
  g_assert_error (signing.error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
  g_clear_error (&signing.error);
  G_GNUC_UNUSED g_autoptr (ClmKey) gone = open_key (fixture, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
}

static void
test_list (Fixture *fixture, gconstpointer data)
{
  g_autofree char *stranger = g_build_filename (fixture->path, "notes.txt", NULL);
  g_autofree char *damaged = g_build_filename (fixture->path, "old.pem", NULL);

  create_good (fixture, CLM_KEY_TYPE_EC_P384);
  g_file_set_contents (stranger, "x", -1, NULL);
  g_file_set_contents_full (damaged, "x", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
  g_autoptr (GPtrArray) keys = list (fixture);
  g_assert_cmpuint (keys->len, ==, 2);
  for (guint i = 0; i < keys->len; i++) {
    const ClmKeyInfo *info = keys->pdata[i];
    if (g_str_equal (info->id, ID))
      g_assert_cmpstr (info->key_type, ==, CLM_KEY_TYPE_EC_P384);
    else
      g_assert_cmpstr (info->key_type, ==, "unreadable");
  }
}

/* No id leaves the directory, and every id comes back as it was. */
static void
test_names (Fixture *fixture, gconstpointer data)
{
  static const char *const labels[] = { "../../x", ".hidden", "a/b", "%2e", "ä ö", ".", "..", "-rf", "new\nline" };
  ClmKeySpec spec = { .key_type = CLM_KEY_TYPE_EC_P256 };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    g_autoptr (GAsyncResult) result = NULL;
    g_autoptr (GError) error = NULL;
    clm_key_store_create_async (fixture->store, &spec, labels[i], NULL, clm_await_done, &result);
    g_autofree char *id = clm_key_store_create_finish (fixture->store, clm_await (&result), &error);
    g_assert_no_error (error);
    g_assert_cmpstr (id, ==, labels[i]);
  }
  g_assert_cmpuint (count_entries (fixture), ==, G_N_ELEMENTS (labels));
  g_autoptr (GPtrArray) keys = list (fixture);
  g_assert_cmpuint (keys->len, ==, G_N_ELEMENTS (labels));
}

/* Somebody was at the file */

static void
plant_empty (const char *path)
{
  g_assert_cmpint (truncate (path, 0), ==, 0);
}

static void
plant_damaged (const char *path)
{
  g_autofree char *text = NULL;
  gsize size;

  g_file_get_contents (path, &text, &size, NULL);
  text[size / 2] = '!';
  g_file_set_contents_full (path, text, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
}

static void
plant_truncated (const char *path)
{
  g_assert_cmpint (truncate (path, 100), ==, 0);
}

static void
plant_open_mode (const char *path)
{
  g_chmod (path, 0640);
}

static void
plant_second_name (const char *path)
{
  g_autofree char *other = g_strconcat (path, ".other", NULL);

  g_assert_cmpint (link (path, other), ==, 0);
}

static void
plant_symlink (const char *path)
{
  g_autofree char *other = g_strconcat (path, ".other", NULL);

  g_rename (path, other);
  g_assert_cmpint (symlink (other, path), ==, 0);
}

static void
plant_fifo (const char *path)
{
  g_unlink (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
}

static void
plant_directory (const char *path)
{
  g_unlink (path);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
}

static void
plant_huge (const char *path)
{
  g_assert_cmpint (truncate (path, G_GINT64_CONSTANT (4) << 30), ==, 0);
}

static const struct {
  const char *name;
  void      (*plant) (const char *path);
} plants[] = {
  { "empty", plant_empty },       { "damaged", plant_damaged }, { "truncated", plant_truncated }, { "open-mode", plant_open_mode },
  { "second-name", plant_second_name }, { "symlink", plant_symlink }, { "fifo", plant_fifo },     { "directory", plant_directory },
  { "huge", plant_huge },
};

/* Refused for use, and never replaced: the key may still be what a certificate in service needs. */
static void
test_plant (Fixture *fixture, gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  g_autofree char *path = key_path (fixture), *id = NULL;
  g_autoptr (GError) error = NULL;
  struct stat before, after;

  create_good (fixture, CLM_KEY_TYPE_EC_P256);
  g_autoptr (ClmKey) key = open_key (fixture, &error);
  plants[i].plant (path);
  g_assert_cmpint (lstat (path, &before), ==, 0);

  Signing signing = sign (key, CLM_SIGN_ECDSA, CLM_HASH_SHA256);
  g_assert_error (signing.error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_clear_error (&signing.error);
  G_GNUC_UNUSED g_autoptr (ClmKey) none = open_key (fixture, &error);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_clear_error (&error);
  id = create (fixture->store, CLM_KEY_TYPE_EC_P256, TRUE, &error);
  g_assert_null (id);
  g_assert_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE);
  g_assert_cmpint (lstat (path, &after), ==, 0);
  g_assert_true (before.st_ino == after.st_ino && before.st_size == after.st_size);
}

/* The directory */

static void
check_directory (const char *options, ClmError code)
{
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (NOW);
  g_autoptr (ClmKeyStore) store = new_store (host, options);
  g_autoptr (GError) error = NULL;

  g_assert_false (start (store, &error));
  g_assert_error (error, CLM_ERROR, (int) code);
  clm_await_idle ();
}

static void
test_directory (void)
{
  g_autofree char *base = g_dir_make_tmp ("clm-XXXXXX", NULL);
  g_autofree char *open_path = g_build_filename (base, "open", NULL), *link_path = g_build_filename (base, "link", NULL);
  g_autofree char *open_option = g_strdup_printf ("Directory=%s\n", open_path), *link_option = g_strdup_printf ("Directory=%s\n", link_path);
  g_autofree char *good_path = g_build_filename (base, "good", NULL), *good_option = g_strdup_printf ("Directory=%s\n", good_path);
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (NOW);
  g_autoptr (ClmKeyStore) store = new_store (host, good_option);
  g_autoptr (GError) error = NULL;
  struct stat status;

  g_mkdir (open_path, 0700);
  g_chmod (open_path, 0755);
  g_assert_cmpint (symlink (base, link_path), ==, 0);
  check_directory (open_option, CLM_ERROR_CONFIG);
  check_directory (link_option, CLM_ERROR_CONFIG);
  check_directory ("Directory=relative\n", CLM_ERROR_CONFIG);
  check_directory ("Direktory=/x\n", CLM_ERROR_CONFIG);
  g_assert_true (start (store, &error));   /* made where it is not there */
  g_assert_no_error (error);
  g_assert_cmpint (stat (good_path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0700);
  g_clear_object (&store);
  clm_await_idle ();
  g_rmdir (good_path);
  g_rmdir (open_path);
  g_unlink (link_path);
  g_rmdir (base);
}

/* Full disk and other failures: no key, nothing left, and the next try works. */

static const struct {
  const char *name, *call;
  guint       nth;
  int         error;
} fault_rows[] = {
  { "disk-full-first-write", "write", 1, ENOSPC }, { "disk-full-later-write", "write", 20, ENOSPC }, { "interrupted-write", "write", 2, EINTR },
  { "file-sync", "sync", 1, EIO },                 { "directory-sync", "sync", 2, EIO },             { "rename", "renameat2", 1, EROFS },
  { "rename-not-known", "renameat2", 1, EINVAL },
};

static void
test_fault (Fixture *fixture, gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  g_autofree char *id = NULL;
  gboolean survives = fault_rows[i].error == EINTR || fault_rows[i].error == EINVAL;

  fault.nth = fault_rows[i].nth;
  fault.error = fault_rows[i].error;
  fault.call = fault_rows[i].call;
  id = create (fixture->store, CLM_KEY_TYPE_EC_P256, TRUE, &error);
  g_assert_cmpuint (fault.seen, >=, fault_rows[i].nth);
  fault.call = NULL;
  if (survives) {
    g_assert_no_error (error);
  } else {
    g_assert_null (id);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_STORAGE);
    g_assert_cmpuint (count_entries (fixture), ==, 0);
    create_good (fixture, CLM_KEY_TYPE_EC_P256);
  }
  g_assert_cmpuint (count_entries (fixture), ==, 1);
  g_autoptr (ClmKey) key = open_key (fixture, NULL);
  g_assert_nonnull (key);
}

/* Killed at each call: what the next start finds is no key or a whole one, and nothing besides. */

static const struct {
  const char *call;
  guint       nth;
} kill_rows[] = { { "write", 1 }, { "write", 30 }, { "sync", 1 }, { "renameat2", 1 }, { "sync", 2 } };

static void
child_creates (const char *path)
{
  g_autofree char *option = g_strdup_printf ("Directory=%s\n", path);
  g_autoptr (ClmFakeHost) host = clm_fake_host_new (NOW);
  ClmKeyStore *store = new_store (host, option);
  gsize i = (gsize) g_ascii_strtoull (g_getenv ("CLM_TEST_KILL"), NULL, 10);

  g_assert_true (start (store, NULL));
  fault.nth = kill_rows[i].nth;
  fault.die = TRUE;
  fault.call = kill_rows[i].call;
  g_free (create (store, CLM_KEY_TYPE_EC_P256, TRUE, NULL));
  _exit (0);   /* not reached */
}

static void
test_kill (Fixture *fixture, gconstpointer data)
{
  g_autofree char *number = g_strdup_printf ("%" G_GSIZE_FORMAT, GPOINTER_TO_SIZE (data));
  const char *argv[] = { "/proc/self/exe", NULL };
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) error = NULL;
  int status;

  environment = g_environ_setenv (environment, "CLM_TEST_KILL", number, TRUE);
  environment = g_environ_setenv (environment, "CLM_TEST_DIRECTORY", fixture->path, TRUE);
  g_assert_true (g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error));
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 42);

  g_autofree char *option = g_strdup_printf ("Directory=%s\n", fixture->path);
  g_autoptr (ClmKeyStore) next = new_store (fixture->host, option);
  g_assert_true (start (next, &error));
  g_assert_cmpuint (count_entries (fixture), <=, 1);
  create_good (fixture, CLM_KEY_TYPE_EC_P256);   /* made now, or there already */
  g_assert_cmpuint (count_entries (fixture), ==, 1);
  G_GNUC_UNUSED g_autoptr (ClmKey) key = open_key (fixture, &error);
  g_assert_no_error (error);
  g_clear_object (&next);
  clm_await_idle ();
}

static void
load_module (void)
{
  GModule *module = g_module_open (CLM_TEST_MODULE, G_MODULE_BIND_LOCAL);
  const ClmPluginInfo *info;
  gpointer symbol = NULL;

  if (!module)
    g_printerr ("%s\n", g_module_error ());
  g_assert_nonnull (module);
  g_module_make_resident (module);
  g_assert_true (g_module_symbol (module, "clm_plugin_info", &symbol));
  info = symbol;
  g_assert_cmpstr (info->name, ==, "key-file");
  store_type = info->types[0] ();
}

#define ADD(path, data, function) g_test_add (path, Fixture, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  clm_x509_init ();
  load_module ();
  if (g_getenv ("CLM_TEST_KILL"))
    child_creates (g_getenv ("CLM_TEST_DIRECTORY"));

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (sign_rows); i++) {
    g_autofree char *path = g_strdup_printf ("/key-file/sign/%s/%d-%d", sign_rows[i].key_type, sign_rows[i].scheme, sign_rows[i].hash);
    ADD (path, GSIZE_TO_POINTER (i), test_sign);
  }
  ADD ("/key-file/sign/wrong-scheme", NULL, test_wrong_scheme);
  ADD ("/key-file/file", NULL, test_file);
  ADD ("/key-file/create-again", NULL, test_create_again);
  ADD ("/key-file/export-and-import", NULL, test_export_and_import);
  ADD ("/key-file/not-exportable", NULL, test_not_exportable);
  ADD ("/key-file/destroy", NULL, test_destroy);
  ADD ("/key-file/list", NULL, test_list);
  ADD ("/key-file/names-stay-in-the-directory", NULL, test_names);
  for (gsize i = 0; i < G_N_ELEMENTS (plants); i++) {
    g_autofree char *path = g_strdup_printf ("/key-file/refused-and-kept/%s", plants[i].name);
    ADD (path, GSIZE_TO_POINTER (i), test_plant);
  }
  g_test_add_func ("/key-file/directory", test_directory);
  for (gsize i = 0; i < G_N_ELEMENTS (fault_rows); i++) {
    g_autofree char *path = g_strdup_printf ("/key-file/fault/%s", fault_rows[i].name);
    ADD (path, GSIZE_TO_POINTER (i), test_fault);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (kill_rows); i++) {
    g_autofree char *path = g_strdup_printf ("/key-file/killed-at/%s-%u", kill_rows[i].call, kill_rows[i].nth);
    ADD (path, GSIZE_TO_POINTER (i), test_kill);
  }
  return g_test_run ();
}
