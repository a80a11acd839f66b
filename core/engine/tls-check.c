/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls-check.h"
#include "certificate.h"
#include "clm-error.h"
#include "deliver-protocol.h"
#include "openssl-error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#define TRY_TIMEOUT_S 5
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 1000

/* A check at work: a few tries, one connection each. */
typedef struct {
  char              *address;
  char              *server_name;
  GBytes            *leaf;
  gint64             delay_s, within_s;
  gint64             end;        /* of the tries, monotonic µs; 0 before the first */
  guint              pause_ms;
  SSL_CTX           *context;
  SSL               *ssl;        /* of this try */
  X509              *shown;      /* of this try (nullable) */
  GSocketConnection *connection; /* of this try */
  GCancellable      *try_cancellable; /* also cancelled when the try has lasted too long */
  GSource           *source;     /* whatever this waits for besides the connect */
  GSource           *timeout;
  gboolean           timed_out;
  gboolean           done;
  gulong             cancelled_id;
} Check;

static void start_try (GTask *task);

static void
clear_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
end_try (Check *check)
{
  clear_source (&check->source);
  clear_source (&check->timeout);
  g_clear_pointer (&check->ssl, SSL_free);
  g_clear_pointer (&check->shown, X509_free);
  g_clear_object (&check->connection);
  g_clear_object (&check->try_cancellable);
}

static void
check_free (Check *check)
{
  end_try (check);
  g_clear_pointer (&check->context, SSL_CTX_free);
  g_bytes_unref (check->leaf);
  g_free (check->address);
  g_free (check->server_name);
  g_free (check);
}

static void
attach (GTask *task, GSource **place, GSource *source, GSourceFunc function)
{
  clear_source (place);
  *place = source;
  g_source_set_callback (source, function, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
complete (GTask *task, GError *error)
{
  G_GNUC_UNUSED g_autoptr (GTask) keep = g_object_ref (task);
  Check *check = g_task_get_task_data (task);

  check->done = TRUE;
  if (check->cancelled_id)
    g_cancellable_disconnect (g_task_get_cancellable (task), check->cancelled_id);
  check->cancelled_id = 0;
  end_try (check);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
on_pause_over (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Check *check = g_task_get_task_data (task);

  clear_source (&check->source);
  start_try (task);
  return G_SOURCE_REMOVE;
}

/* Takes @error: what this try met. Only the last one is told. */
static void
try_failed (GTask *task, GError *error)
{
  Check *check = g_task_get_task_data (task);
  gint64 now = g_get_monotonic_time ();
  guint pause_ms = check->pause_ms;

  end_try (check);
  if (now + (gint64) pause_ms * 1000 > check->end || g_error_matches (error, CLM_ERROR, CLM_ERROR_CONFIG)) {
    complete (task, error);
    return;
  }
  g_error_free (error);
  check->pause_ms = MIN (pause_ms * 2, LONGEST_PAUSE_MS);
  attach (task, &check->source, g_timeout_source_new (pause_ms), on_pause_over);
}

static GError *
describe_other (Check *check)
{
  g_autofree char *serial = clm_x509_get_serial (check->shown);
  g_autoptr (GDateTime) end = NULL;
  g_autofree char *until = NULL;
  gint64 not_before, not_after;
  GError *error;

  if (clm_x509_get_validity (check->shown, &not_before, &not_after, NULL) && (end = g_date_time_new_from_unix_utc (not_after)))
    until = g_date_time_format (end, "%Y-%m-%d %H:%M:%S UTC");
  error = g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "%s shows another certificate: serial %s, valid until %s", check->address, serial,
                       until ? until : "?");
  clm_error_set_hint (error, "look whether the server was reloaded, and whether its configuration names the delivered files");
  return error;
}

static gboolean
shows_leaf (Check *check)
{
  g_autoptr (GBytes) der = clm_x509_to_der (check->shown);

  return g_bytes_equal (der, check->leaf);
}

/* A server that misses our certificate says so after it has proved its own. */
static gboolean
is_complaint_about_us (unsigned long code)
{
  int alert = ERR_GET_REASON (code) - SSL_AD_REASON_OFFSET;

  return ERR_GET_LIB (code) == ERR_LIB_SSL &&
         (alert == SSL_AD_CERTIFICATE_REQUIRED || alert == SSL_AD_BAD_CERTIFICATE || alert == SSL_AD_HANDSHAKE_FAILURE ||
          alert == SSL_AD_ACCESS_DENIED || alert == SSL_AD_CERTIFICATE_UNKNOWN || alert == SSL_AD_UNKNOWN_CA);
}

static void
handshake_ended (GTask *task, gboolean whole)
{
  Check *check = g_task_get_task_data (task);
  unsigned long code = ERR_peek_last_error ();
  const char *reason = code ? ERR_reason_error_string (code) : NULL;

  ERR_clear_error ();
  if (check->shown && (whole || is_complaint_about_us (code))) {
    if (shows_leaf (check))
      complete (task, NULL);
    else
      try_failed (task, describe_other (check));
    return;
  }
  try_failed (task, g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "TLS handshake with %s failed: %s", check->address,
                                 reason ? reason : "the connection was closed"));
}

static void handshake (GTask *task);

static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Check *check = g_task_get_task_data (task);

  clear_source (&check->source);
  handshake (task);
  return G_SOURCE_REMOVE;
}

static void
handshake (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  GSocket *socket = g_socket_connection_get_socket (check->connection);
  GIOCondition condition;
  int result, reason;

  ERR_clear_error ();
  result = SSL_connect (check->ssl);
  reason = SSL_get_error (check->ssl, result);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
    condition = reason == SSL_ERROR_WANT_READ ? G_IO_IN : G_IO_OUT;
    attach (task, &check->source, g_socket_create_source (socket, condition, NULL), G_SOURCE_FUNC (on_socket_ready));
    return;
  }
  handshake_ended (task, result == 1);
}

/* Trusts nothing, only keeps what is shown; that the server holds its key is checked by the handshake itself. */
static int
keep_shown (X509_STORE_CTX *store, void *user_data)
{
  Check *check = user_data;
  X509 *leaf = X509_STORE_CTX_get0_cert (store);

  g_clear_pointer (&check->shown, X509_free);
  if (leaf && X509_up_ref (leaf))
    check->shown = leaf;
  return 1;
}

/* A server with an RSA and an ECDSA certificate shows the one that we can verify: ask for the kind that we expect. */
static const char *
get_signature_algorithms (X509 *leaf)
{
  const char *type = clm_x509_get_key_type (leaf);

  if (g_str_has_prefix (type, "ec:"))
    return "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
  if (g_str_has_prefix (type, "rsa:"))
    return "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
  return g_str_equal (type, "ed25519") ? "ed25519" : NULL;
}

static gboolean
make_context (Check *check, GError **error)
{
  g_autoptr (X509) leaf = clm_x509_parse (check->leaf, error);
  const char *algorithms = leaf ? get_signature_algorithms (leaf) : NULL;

  if (leaf == NULL)
    return FALSE;
  check->context = SSL_CTX_new (TLS_client_method ());
  if (check->context && SSL_CTX_set_min_proto_version (check->context, TLS1_2_VERSION) &&
      (algorithms == NULL || SSL_CTX_set1_sigalgs_list (check->context, algorithms))) {
    SSL_CTX_set_cert_verify_callback (check->context, keep_shown, check);
    SSL_CTX_set_verify (check->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode (check->context, SSL_SESS_CACHE_OFF);
    return TRUE;
  }
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot prepare a TLS handshake");
  return FALSE;
}

static gboolean
make_ssl (Check *check)
{
  GSocket *socket = g_socket_connection_get_socket (check->connection);

  g_socket_set_blocking (socket, FALSE);
  check->ssl = SSL_new (check->context);
  return check->ssl && SSL_set_fd (check->ssl, g_socket_get_fd (socket)) &&
         (check->server_name == NULL || SSL_set_tlsext_host_name (check->ssl, check->server_name));
}

static void
on_connected (GObject *client, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GError *cancelled = NULL;

  check->connection = g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (client), result, &error);
  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &cancelled))
    complete (task, cancelled);
  else if (check->timed_out)
    try_failed (task, g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "%s does not answer", check->address));
  else if (check->connection == NULL)
    try_failed (task, g_error_new (CLM_ERROR, g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT) ? CLM_ERROR_CONFIG : CLM_ERROR_DELIVERY,
                                   "cannot connect to %s: %s", check->address, error->message));
  else if (!make_ssl (check))
    handshake_ended (task, FALSE);
  else
    handshake (task);
}

/* In the connect: its own completion goes on from here. In the handshake: ends it. */
static gboolean
on_try_timeout (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Check *check = g_task_get_task_data (task);

  clear_source (&check->timeout);
  if (check->connection)
    try_failed (task, g_error_new (CLM_ERROR, CLM_ERROR_DELIVERY, "%s does not answer", check->address));
  else {
    check->timed_out = TRUE;
    g_cancellable_cancel (check->try_cancellable);
  }
  return G_SOURCE_REMOVE;
}

static void
start_try (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  g_autoptr (GSocketClient) client = g_socket_client_new ();

  if (check->end == 0)
    check->end = g_get_monotonic_time () + check->within_s * G_USEC_PER_SEC;
  check->timed_out = FALSE;
  check->try_cancellable = g_cancellable_new ();
  g_socket_client_set_enable_proxy (client, FALSE);
  attach (task, &check->timeout, g_timeout_source_new_seconds (TRY_TIMEOUT_S), on_try_timeout);
  g_socket_client_connect_to_host_async (client, check->address, 443, check->try_cancellable, on_connected, g_object_ref (task));
}

static gboolean
on_cancel_idle (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Check *check = g_task_get_task_data (task);

  if (check->done)
    return G_SOURCE_REMOVE;
  if (check->try_cancellable && check->connection == NULL)
    g_cancellable_cancel (check->try_cancellable); /* the connect completes it */
  else
    complete (task, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "operation was cancelled"));
  return G_SOURCE_REMOVE;
}

/* May run inside of g_cancellable_connect() or in another thread: act from the main loop. */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, on_cancel_idle, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

void
clm_tls_check_async (const ClmTlsCheck *what, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GError) error = NULL;
  Check *check = g_new0 (Check, 1);

  g_task_set_source_tag (task, clm_tls_check_async);
  g_task_set_task_data (task, check, (GDestroyNotify) check_free);
  check->address = g_strdup (what->address);
  check->server_name = what->server_name && what->server_name[0] ? g_strdup (what->server_name) : NULL;
  check->leaf = g_bytes_ref (what->leaf);
  check->delay_s = what->delay_s;
  check->within_s = what->within_s;
  check->pause_ms = FIRST_PAUSE_MS;
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!clm_deliver_address_is_valid (check->address)) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_CONFIG, "\"%s\" is not HOST:PORT", check->address);
    return;
  }
  if (!make_context (check, &error)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  attach (task, &check->source, g_timeout_source_new ((guint) (check->delay_s * 1000)), on_pause_over);
  if (cancellable)
    check->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), task, NULL);
}

gboolean
clm_tls_check_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
