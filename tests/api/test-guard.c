/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safety 48: whatever an implementation does, the caller hears once, in its own context, and after the call returned. */
#include "await.h"
#include "fake-host.h"

typedef enum { LATER, AT_ONCE, TWICE, TWICE_LATER, IN_THREAD, WITHOUT_RESULT, NOTHING, BOTH, NEVER } Manner;

struct _RudeCa {
  ClmAuthority parent_instance;

  Manner              manner;
  guint               started, stopped;
  GAsyncReadyCallback callback;
  gpointer            user_data;
};

G_DECLARE_FINAL_TYPE (RudeCa, rude_ca, RUDE, CA, ClmAuthority)
G_DEFINE_FINAL_TYPE (RudeCa, rude_ca, CLM_TYPE_AUTHORITY)

static gpointer
complete_in_thread (gpointer data)
{
  RudeCa *self = data;
  g_autoptr (GTask) result = g_task_new (self, NULL, NULL, NULL);

  self->callback (G_OBJECT (self), G_ASYNC_RESULT (result), self->user_data);
  g_object_unref (self);
  return NULL;
}

static gboolean
complete_later (gpointer data)
{
  RudeCa *self = data;
  g_autoptr (GTask) result = g_task_new (self, NULL, NULL, NULL);

  self->callback (G_OBJECT (self), G_ASYNC_RESULT (result), self->user_data);
  if (self->manner == TWICE_LATER)
    self->callback (G_OBJECT (self), G_ASYNC_RESULT (result), self->user_data);
  return G_SOURCE_REMOVE;
}

static void
revoke_async (ClmAuthority *authority, GBytes *certificate, ClmRevocationReason reason, GCancellable *cancellable,
              GAsyncReadyCallback callback, gpointer user_data)
{
  RudeCa *self = RUDE_CA (authority);
  g_autoptr (GTask) result = g_task_new (self, NULL, NULL, NULL);

  self->callback = callback;
  self->user_data = user_data;
  switch (self->manner) {
    case IN_THREAD:
      g_thread_unref (g_thread_new ("foreign", complete_in_thread, g_object_ref (self)));
      break;
    case WITHOUT_RESULT:
      callback (NULL, NULL, user_data);
      break;
    case LATER:
    case TWICE_LATER:
      g_idle_add_full (G_PRIORITY_DEFAULT, complete_later, g_object_ref (self), g_object_unref);
      break;
    case NEVER:
      break;
    case TWICE:
      callback (G_OBJECT (self), G_ASYNC_RESULT (result), user_data);
      G_GNUC_FALLTHROUGH;
    default:
      callback (G_OBJECT (self), G_ASYNC_RESULT (result), user_data);
  }
}

static gboolean
revoke_finish (ClmAuthority *authority, GAsyncResult *result, GError **error)
{
  Manner manner = RUDE_CA (authority)->manner;

  g_assert_true (G_IS_TASK (result));
  g_assert_true (g_task_get_source_object (G_TASK (result)) == authority);
  if (manner == BOTH)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_BUSY, "both");
  return manner != NOTHING;
}

static void
start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);

  RUDE_CA (backend)->started++;
  clm_options_get_string (clm_backend_get_options (backend), "Known", NULL);
  g_task_return_boolean (task, TRUE);
}

static void
stop_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (backend, cancellable, callback, user_data);

  RUDE_CA (backend)->stopped++;
  g_task_return_boolean (task, TRUE);
}

static gboolean
finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
describe (ClmBackend *self, GVariantDict *dict)
{
  g_variant_dict_insert (dict, "Manner", "u", RUDE_CA (self)->manner);
}

static void
rude_ca_class_init (RudeCaClass *klass)
{
  CLM_BACKEND_CLASS (klass)->start_async = start_async;
  CLM_BACKEND_CLASS (klass)->start_finish = finish;
  CLM_BACKEND_CLASS (klass)->stop_async = stop_async;
  CLM_BACKEND_CLASS (klass)->stop_finish = finish;
  CLM_BACKEND_CLASS (klass)->describe = describe;
  CLM_AUTHORITY_CLASS (klass)->revoke_async = revoke_async;
  CLM_AUTHORITY_CLASS (klass)->revoke_finish = revoke_finish;
}

static void
rude_ca_init (RudeCa *self)
{
}

static RudeCa *
rude_ca_new (Manner manner, const char *options)
{
  g_autoptr (ClmOptions) parsed = clm_options_new_from_text ("corp.authority", options);
  RudeCa *self = g_object_new (rude_ca_get_type (), "name", "corp", "options", parsed, NULL);

  self->manner = manner;
  return self;
}

static gboolean
try_revoke (RudeCa *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) certificate = g_bytes_new_static ("x", 1);

  clm_authority_revoke_async (CLM_AUTHORITY (self), certificate, CLM_REVOCATION_SUPERSEDED, NULL, clm_await_done, &result);
  g_assert_null (result);   /* never before the call returned */
  gboolean ok = clm_authority_revoke_finish (CLM_AUTHORITY (self), clm_await (&result), error);
  clm_await_idle ();        /* clm_await_done() aborts when it hears twice */
  return ok;
}

static void
good_manners (gconstpointer manner)
{
  g_autoptr (RudeCa) self = rude_ca_new (GPOINTER_TO_INT (manner), "");
  g_autoptr (GError) error = NULL;

  g_assert_true (try_revoke (self, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&self));
}

/* The warning names instance and operation; printed in a child, because structured logs have no expectations. */
static void
bad_manners (gconstpointer manner)
{
  static const char *const words[] = {
    [TWICE] = "*[authority corp] completed revoke more than once*",
    [TWICE_LATER] = "*[authority corp] completed revoke more than once*",
    [IN_THREAD] = "*[authority corp] completed revoke in a foreign thread*",
    [NOTHING] = "*[authority corp] revoke gave neither a result nor an error*",
    [BOTH] = "*[authority corp] revoke gave a result and an error*",
  };
  Manner how = GPOINTER_TO_INT (manner);

  if (g_test_subprocess ()) {
    g_autoptr (RudeCa) self = rude_ca_new (how, "");
    g_autoptr (GError) error = NULL;
    g_log_set_always_fatal (G_LOG_FATAL_MASK);
    gboolean ok = try_revoke (self, &error);
    if (how == NOTHING)
      g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
    else if (how == BOTH)
      g_assert_error (error, CLM_ERROR, CLM_ERROR_BUSY);
    else
      g_assert_no_error (error);
    g_assert_true (ok == (error == NULL));
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr (words[how]);
}

static void
no_result_is_an_error (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (WITHOUT_RESULT, "");
  g_autoptr (GError) error = NULL;

  g_assert_false (try_revoke (self, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_FAILED);
  g_assert_finalize_object (g_steal_pointer (&self));
}

static void
what_is_not_implemented_is_not_supported (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (LATER, "");
  ClmAuthority *ca = CLM_AUTHORITY (self);
  g_autoptr (GAsyncResult) crl = NULL, anchors = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (clm_authority_can_revoke (ca));
  g_assert_false (clm_authority_can_fetch_crls (ca) || clm_authority_can_prepare (ca) || clm_authority_can_confirm (ca));
  clm_authority_fetch_crls_async (ca, NULL, clm_await_done, &crl);
  g_assert_null (crl);
  g_assert_null (clm_authority_fetch_crls_finish (ca, clm_await (&crl), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
  g_assert_cmpstr (error->message, ==, "authority corp cannot fetch CRLs");
  g_clear_error (&error);
  clm_authority_fetch_anchors_async (ca, NULL, clm_await_done, &anchors);
  g_assert_null (clm_authority_fetch_anchors_finish (ca, clm_await (&anchors), &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED);
}

static void
cancelled_before_it_began (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (NEVER, "");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) certificate = g_bytes_new_static ("x", 1);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  clm_authority_revoke_async (CLM_AUTHORITY (self), certificate, 0, cancellable, clm_await_done, &result);
  g_assert_false (clm_authority_revoke_finish (CLM_AUTHORITY (self), clm_await (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Life of a backend */

static gboolean
start (RudeCa *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_backend_start_async (CLM_BACKEND (self), NULL, clm_await_done, &result);
  return clm_backend_start_finish (CLM_BACKEND (self), clm_await (&result), error);
}

static gboolean
stop (RudeCa *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_backend_stop_async (CLM_BACKEND (self), NULL, clm_await_done, &result);
  return clm_backend_stop_finish (CLM_BACKEND (self), clm_await (&result), error);
}

static void
started_once_and_stopped_once (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (LATER, "Known=1");
  g_autoptr (GError) error = NULL;

  g_assert_true (stop (self, &error));
  g_assert_cmpuint (self->stopped, ==, 0);
  g_assert_true (start (self, &error));
  g_assert_true (clm_backend_is_started (CLM_BACKEND (self)));
  g_assert_false (start (self, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFLICT);
  g_clear_error (&error);
  g_assert_true (stop (self, &error));
  g_assert_true (stop (self, &error));
  g_assert_false (clm_backend_is_started (CLM_BACKEND (self)));
  g_assert_cmpuint (self->started, ==, 1);
  g_assert_cmpuint (self->stopped, ==, 1);
}

static void
unread_options_undo_the_start (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (LATER, "Knwon=1");
  g_autoptr (GError) error = NULL;

  g_assert_false (start (self, &error));
  g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
  g_assert_cmpstr (error->message, ==, "corp.authority:1: Knwon=: unknown key, did you mean Known=");
  g_assert_false (clm_backend_is_started (CLM_BACKEND (self)));
  g_assert_cmpuint (self->stopped, ==, 1);
  g_clear_error (&error);
  clm_options_set (clm_backend_get_options (CLM_BACKEND (self)), "Knwon", "", NULL, 0);
  clm_options_get_string (clm_backend_get_options (CLM_BACKEND (self)), "Knwon", NULL);
  g_assert_true (start (self, &error));   /* a failed start may be tried again */
}

static void
a_backend_tells_of_itself (void)
{
  g_autoptr (RudeCa) self = rude_ca_new (NEVER, "");
  g_autoptr (GVariant) words = g_variant_ref_sink (clm_backend_describe (CLM_BACKEND (self)));
  g_autofree char *identity = clm_authority_get_identity (CLM_AUTHORITY (self));
  guint manner;

  g_assert_true (g_variant_lookup (words, "Manner", "u", &manner) && manner == NEVER);
  g_assert_cmpstr (identity, ==, "corp");
  g_assert_null (clm_backend_get_host (CLM_BACKEND (self)));
}

static void
revocation_reasons (void)
{
  const char *const *nicks = clm_revocation_reason_list_nicks ();
  ClmRevocationReason reason;

  for (guint i = 0; nicks[i] != NULL; i++) {
    g_assert_true (clm_revocation_reason_from_nick (nicks[i], &reason));
    g_assert_cmpstr (clm_revocation_reason_get_nick (reason), ==, nicks[i]);
  }
  g_assert_cmpuint (g_strv_length ((GStrv) nicks), ==, 7);
  g_assert_true (clm_revocation_reason_from_nick ("privilege-withdrawn", &reason) && reason == 9);
  g_assert_false (clm_revocation_reason_from_nick ("certificate-hold", &reason));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/guard/later", GINT_TO_POINTER (LATER), good_manners);
  g_test_add_data_func ("/guard/at-once-is-put-off", GINT_TO_POINTER (AT_ONCE), good_manners);
  g_test_add_data_func ("/guard/safety-48-twice-counts-once", GINT_TO_POINTER (TWICE), bad_manners);
  g_test_add_data_func ("/guard/twice-later-counts-once", GINT_TO_POINTER (TWICE_LATER), bad_manners);
  g_test_add_data_func ("/guard/safety-48-a-foreign-thread-is-brought-back", GINT_TO_POINTER (IN_THREAD), bad_manners);
  g_test_add_data_func ("/guard/neither-result-nor-error", GINT_TO_POINTER (NOTHING), bad_manners);
  g_test_add_data_func ("/guard/result-and-error", GINT_TO_POINTER (BOTH), bad_manners);
  g_test_add_func ("/guard/no-result-is-an-error", no_result_is_an_error);
  g_test_add_func ("/guard/what-is-not-implemented-is-not-supported", what_is_not_implemented_is_not_supported);
  g_test_add_func ("/guard/cancelled-before-it-began", cancelled_before_it_began);
  g_test_add_func ("/backend/started-once-and-stopped-once", started_once_and_stopped_once);
  g_test_add_func ("/backend/unread-options-undo-the-start", unread_options_undo_the_start);
  g_test_add_func ("/backend/a-backend-tells-of-itself", a_backend_tells_of_itself);
  g_test_add_func ("/authority/revocation-reasons", revocation_reasons);
  return g_test_run ();
}
