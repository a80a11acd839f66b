/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "await.h"
#include "authority.h"
#include "csr.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "key.h"

/*
 * The test runs itself as a child that dies (SIGKILL, no clean-up) at a named point, then as one that goes on. Host, key store and
 * request keep everything in one directory, so that the second finds what the first left.
 */

#define NOW G_GINT64_CONSTANT (1790000000)

static char *directory = NULL;
static char *armed = NULL;   /* where to die; NULL while nothing is armed */

static void
reach (const char *point)
{
  if (g_strcmp0 (armed, point) == 0)
    kill (getpid (), SIGKILL);
}

static char *
in_directory (const char *file)
{
  return g_build_filename (directory, file, NULL);
}

/* Keys: one PEM file each */

#define TYPE_DISK_KEYS (disk_keys_get_type ())
G_DECLARE_FINAL_TYPE (DiskKeys, disk_keys, DISK, KEYS, ClmKeyStore)
struct _DiskKeys { ClmKeyStore parent_instance; };
G_DEFINE_FINAL_TYPE (DiskKeys, disk_keys, CLM_TYPE_KEY_STORE)

static EVP_PKEY *
read_key (const char *id, GError **error)
{
  g_autofree char *file = g_strconcat (id, ".key", NULL), *path = in_directory (file), *pem = NULL;
  g_autoptr (ClmSecret) secret = NULL;
  gsize size;

  if (!g_file_get_contents (path, &pem, &size, NULL)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no key %s", id);
    return NULL;
  }
  secret = clm_secret_new (pem, size);
  return clm_x509_key_from_pem (secret, error);
}

static void
write_key (const char *id)
{
  g_autofree char *file = g_strconcat (id, ".key", NULL), *path = in_directory (file);
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (ClmSecret) pem = clm_x509_key_to_pem (key, NULL);
  gsize size;
  const char *data = clm_secret_peek (pem, &size);

  g_assert_true (g_file_set_contents (path, data, (gssize) size, NULL));
}

static GBytes *
get_public_key (ClmKeyStore *store, const char *id, GCancellable *cancellable, GError **error)
{
  g_autoptr (EVP_PKEY) key = read_key (id, error);

  return key != NULL ? clm_x509_key_to_spki (key, error) : NULL;
}

static GBytes *
sign (ClmKeyStore *store, const char *id, ClmSignScheme scheme, ClmHash hash, const guint8 *data, gsize size, GCancellable *cancellable, GError **error)
{
  g_autoptr (EVP_PKEY) key = read_key (id, error);
  g_autoptr (EVP_PKEY_CTX) context = key != NULL ? EVP_PKEY_CTX_new (key, NULL) : NULL;
  g_autofree char *before = g_strdup_printf ("before-%s-signature", id), *after = g_strdup_printf ("after-%s-signature", id);
  guint8 signature[128];
  gsize length = sizeof signature;

  if (context == NULL)
    return NULL;
  reach (before);
  g_assert_true (EVP_PKEY_sign_init (context) == 1 && EVP_PKEY_sign (context, signature, &length, data, size) == 1);
  reach (after);
  return g_bytes_new (signature, length);
}

static void
disk_keys_class_init (DiskKeysClass *class)
{
  CLM_KEY_STORE_CLASS (class)->get_public_key = get_public_key;
  CLM_KEY_STORE_CLASS (class)->sign = sign;
}

static void
disk_keys_init (DiskKeys *self)
{
}

/* Host */

#define TYPE_DISK_HOST (disk_host_get_type ())
G_DECLARE_FINAL_TYPE (DiskHost, disk_host, DISK, HOST, ClmHost)
struct _DiskHost { ClmHost parent_instance; ClmKeyStore *keys; };
G_DEFINE_FINAL_TYPE (DiskHost, disk_host, CLM_TYPE_HOST)

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  ClmKey *key = clm_key_store_open_finish (CLM_KEY_STORE (source), result, &error);

  if (key != NULL)
    g_task_return_pointer (task, key, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
open_key_async (ClmHost *host, const char *label, const ClmKeySpec *create, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (host, cancellable, callback, user_data);
  g_autofree char *file = g_strconcat (label, ".key", NULL), *path = in_directory (file);

  if (create != NULL && !g_file_test (path, G_FILE_TEST_EXISTS))
    write_key (label);
  reach ("after-key");
  clm_key_store_open_async (DISK_HOST (host)->keys, label, cancellable, on_opened, task);
}

static ClmKey *
open_key_finish (ClmHost *host, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static const char *
get_private_directory (ClmHost *host, GError **error)
{
  return directory;
}

static gint64
get_time (ClmHost *host)
{
  return NOW;
}

static gboolean
is_clock_trusted (ClmHost *host)
{
  return TRUE;
}

/* Nothing here ever becomes due. */
static void
wait_until_async (ClmHost *host, gint64 time, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
}

static void
emit_event (ClmHost *host, ClmEvent *event)
{
  g_autofree char *point = g_strdup_printf ("event-%s", clm_event_kind_get_nick (clm_event_get_kind (event)));

  reach (point);
}

static void
disk_host_class_init (DiskHostClass *class)
{
  ClmHostClass *host_class = CLM_HOST_CLASS (class);

  host_class->open_key_async = open_key_async;
  host_class->open_key_finish = open_key_finish;
  host_class->get_private_directory = get_private_directory;
  host_class->get_time = get_time;
  host_class->is_clock_trusted = is_clock_trusted;
  host_class->wait_until_async = wait_until_async;
  host_class->emit_event = emit_event;
}

static void
disk_host_init (DiskHost *self)
{
}

/* Request */

#define TYPE_DISK_REQUEST (disk_request_get_type ())
G_DECLARE_FINAL_TYPE (DiskRequest, disk_request, DISK, REQUEST, ClmRequest)
struct _DiskRequest { ClmRequest parent_instance; };
G_DEFINE_FINAL_TYPE (DiskRequest, disk_request, CLM_TYPE_REQUEST)

static void
csr_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_task_return_pointer (task, clm_csr_make (source, NULL, NULL, cancellable, NULL), (GDestroyNotify) g_bytes_unref);
}

static void
make_csr_async (ClmRequest *request, const char *password, GBytes *attributes, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (request, cancellable, callback, user_data);

  clm_key_store_run_in_thread (clm_key_get_store (clm_request_get_key (request)), task, csr_in_lane);
}

static GBytes *
make_csr_finish (ClmRequest *request, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
checkpoint_async (ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (request, cancellable, callback, user_data);
  g_autofree char *path = in_directory ("ticket");

  reach ("before-checkpoint");
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (ticket, NULL), (gssize) g_bytes_get_size (ticket), NULL));
  reach ("after-checkpoint");
  g_task_return_boolean (task, TRUE);
}

static gboolean
checkpoint_finish (ClmRequest *request, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
disk_request_class_init (DiskRequestClass *class)
{
  ClmRequestClass *request_class = CLM_REQUEST_CLASS (class);

  request_class->make_csr_async = make_csr_async;
  request_class->make_csr_finish = make_csr_finish;
  request_class->checkpoint_async = checkpoint_async;
  request_class->checkpoint_finish = checkpoint_finish;
}

static void
disk_request_init (DiskRequest *self)
{
}

/* The child */

static GBytes *
read_ticket (void)
{
  g_autofree char *path = in_directory ("ticket");
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, NULL) ? g_bytes_new_take (data, size) : NULL;
}

static void
start (ClmAuthority *ca)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_backend_start_async (CLM_BACKEND (ca), NULL, clm_await_done, &result);
  if (!clm_backend_start_finish (CLM_BACKEND (ca), clm_await (&result), &error))
    g_error ("start: %s", error->message);
}

static void
settle_crl (ClmAuthority *ca)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) crls = NULL;

  clm_authority_fetch_crls_async (ca, NULL, clm_await_done, &result);
  crls = clm_authority_fetch_crls_finish (ca, clm_await (&result), &error);
  if (crls == NULL)
    g_error ("crl: %s", error->message);
}

static GBytes *
enroll (ClmAuthority *ca, ClmRequest *request)
{
  g_autoptr (GBytes) ticket = read_ticket ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmIssuance) issuance = NULL;

  clm_authority_enroll_async (ca, request, ticket, NULL, clm_await_done, &result);
  issuance = clm_authority_enroll_finish (ca, clm_await (&result), &error);
  if (issuance == NULL)
    g_error ("enroll: %s", error->message);
  return g_bytes_ref (g_ptr_array_index (clm_issuance_get_chain (issuance), 0));
}

static void
revoke_it (ClmAuthority *ca, GBytes *certificate)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  clm_authority_revoke_async (ca, certificate, CLM_REVOCATION_KEY_COMPROMISE, NULL, clm_await_done, &result);
  if (!clm_authority_revoke_finish (ca, clm_await (&result), &error))
    g_error ("revoke: %s", error->message);
}

/* Three phases; @point is armed in the one called @phase only. */
static int
run_child (const char *phase, const char *point, gboolean revokes)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("plant.authority", "");
  ClmKeyStore *keys = g_object_new (TYPE_DISK_KEYS, "name", "disk", NULL);
  DiskHost *host = g_object_new (TYPE_DISK_HOST, NULL);
  ClmAuthority *ca;
  g_autofree char *leaf_path = in_directory ("leaf.key");
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (ClmKey) key = NULL;
  g_autoptr (ClmRequest) request = NULL;
  g_autoptr (GBytes) certificate = NULL, again = NULL;
  g_autofree char *path = in_directory ("leaf.der"), *known = NULL;
  gsize size;
  const char *const names[] = { "gw.plant.example", NULL };

  host->keys = keys;
  if (!g_file_test (leaf_path, G_FILE_TEST_EXISTS))
    write_key ("leaf");
  armed = strcmp (phase, "start") == 0 ? g_strdup (point) : NULL;
  ca = g_object_new (CLM_TYPE_CA_LOCAL, "name", "plant", "host", host, "options", options, NULL);
  start (ca);
  settle_crl (ca);
  clm_key_store_open_async (keys, "leaf", NULL, clm_await_done, &result);
  key = clm_key_store_open_finish (keys, clm_await (&result), NULL);
  request = g_object_new (TYPE_DISK_REQUEST, "certificate", "web", "key", key, "subject", "CN=gw", "dns-names", names, NULL);
  armed = strcmp (phase, "enroll") == 0 ? g_strdup (point) : NULL;
  /* What was handed over is revoked, not enrolled again: its ticket is spent with it. */
  if (!revokes || !g_file_get_contents (path, &known, &size, NULL)) {
    certificate = enroll (ca, request);
    again = enroll (ca, request);
    g_assert_true (g_bytes_equal (certificate, again));
  } else {
    certificate = g_bytes_new_take (g_steal_pointer (&known), size);
  }
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (certificate, NULL), (gssize) g_bytes_get_size (certificate), NULL));
  armed = strcmp (phase, "revoke") == 0 ? g_strdup (point) : NULL;
  if (revokes)
    revoke_it (ca, certificate);
  return 0;
}

/* The parent */

static int
spawn (const char *phase, const char *point, gboolean revokes)
{
  const char *argv[] = { "/proc/self/exe", "--child", directory, phase, point, revokes ? "yes" : "no", NULL };
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL), *err = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  argv[0] = self;
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &err, &status, &error);
  g_assert_no_error (error);
  if (WIFEXITED (status) && WEXITSTATUS (status) != 0)
    g_test_message ("%s", err);
  return status;
}

G_GNUC_PRINTF (1, 2)
static char *
run (const char *format, ...)
{
  g_autofree char *line = NULL;
  g_auto (GStrv) argv = NULL;
  char *out = NULL;
  g_autofree char *err = NULL;
  int status;
  va_list args;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  g_assert_true (g_shell_parse_argv (line, NULL, &argv, NULL));
  g_assert_true (g_spawn_sync (directory, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, NULL));
  if (!g_spawn_check_wait_status (status, NULL))
    g_test_message ("%s: %s%s", line, out, err);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
  return out;
}

static void
remove_directory (void)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = in_directory (name);

    g_remove (path);
  }
  g_rmdir (directory);
  g_clear_pointer (&directory, g_free);
}

typedef struct { const char *phase, *point; gboolean revokes; } Point;

static const Point points[] = {
  { "start", "after-key", FALSE }, { "start", "before-root-signature", FALSE }, { "start", "after-root-signature", FALSE },
  { "start", "event-crl-published", FALSE },
  { "enroll", "before-leaf-signature", FALSE }, { "enroll", "before-checkpoint", FALSE }, { "enroll", "after-checkpoint", FALSE },
  { "enroll", "before-root-signature", FALSE }, { "enroll", "after-root-signature", FALSE }, { "enroll", "event-ca-signed", FALSE },
  { "revoke", "before-root-signature", TRUE }, { "revoke", "after-root-signature", TRUE }, { "revoke", "event-crl-published", TRUE },
};

static void
test_point (gconstpointer data)
{
  const Point *point = data;
  g_autofree char *live = NULL, *pem = NULL, *verify = NULL, *crl = NULL, *root = NULL, *before = NULL, *after = NULL;
  int status;

  directory = g_dir_make_tmp ("certloom-crash-XXXXXX", NULL);
  root = in_directory ("root.pem");
  status = spawn (point->phase, point->point, point->revokes);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  g_file_get_contents (root, &before, NULL, NULL);

  status = spawn ("", "", point->revokes);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  g_assert_true (g_file_get_contents (root, &after, NULL, NULL));
  if (before != NULL)
    g_assert_cmpstr (before, ==, after);
  /* One request, one serial that is or may be alive. */
  live = run ("sqlite3 ledger.db \"SELECT count (*), sum (state = 1) FROM certificate WHERE name = 'web' AND state != 2\"");
  g_assert_cmpstr (live, ==, "1|1\n");
  pem = run ("openssl x509 -inform DER -in leaf.der -out leaf.pem");
  crl = run ("openssl crl -inform DER -in root.crl -noout -text");
  verify = run ("openssl verify -attime %" G_GINT64_FORMAT " -CAfile root.pem leaf.pem", NOW + 5);
  if (point->revokes)
    g_assert_nonnull (strstr (crl, "Key Compromise"));
  remove_directory ();
}

int
main (int argc, char **argv)
{
  if (argc == 6 && strcmp (argv[1], "--child") == 0) {
    directory = argv[2];
    /* It leaves without tidying up, as a daemon that dies does. */
    _exit (run_child (argv[3], argv[4], strcmp (argv[5], "yes") == 0));
  }
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (points); i++) {
    g_autofree char *path = g_strdup_printf ("/ca-local/killed/%s/%s", points[i].phase, points[i].point);

    g_test_add_data_func (path, &points[i], test_point);
  }
  return g_test_run ();
}
