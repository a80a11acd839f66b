/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-request.h"

#include "csr.h"

typedef struct {
  char   *challenge_password;
  GBytes *extra_attributes;
} Wish;

struct _ClmFakeRequest {
  ClmRequest     parent_instance;

  ClmFakeCsrFunc csr_func;
  gpointer       csr_data;
  GPtrArray     *tickets;
  GError        *failure;
  guint          csrs;
};

G_DEFINE_FINAL_TYPE (ClmFakeRequest, clm_fake_request, CLM_TYPE_REQUEST)

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_free (wish->challenge_password);
  g_clear_pointer (&wish->extra_attributes, g_bytes_unref);
  g_free (wish);
}

static void
make_csr (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ClmFakeRequest *self = source;
  Wish *wish = data;
  GError *error = NULL;
  GBytes *csr;

  if (self->csr_func != NULL)
    csr = self->csr_func (source, wish->challenge_password, wish->extra_attributes, self->csr_data, cancellable, &error);
  else
    csr = clm_csr_make (source, wish->challenge_password, wish->extra_attributes, cancellable, &error);
  if (csr != NULL)
    g_task_return_pointer (task, csr, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
make_csr_async (ClmRequest *request, const char *challenge_password, GBytes *extra_attributes, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (request, cancellable, callback, user_data);
  Wish *wish = g_new0 (Wish, 1);

  CLM_FAKE_REQUEST (request)->csrs++;
  wish->challenge_password = g_strdup (challenge_password);
  wish->extra_attributes = extra_attributes != NULL ? g_bytes_ref (extra_attributes) : NULL;
  g_task_set_task_data (task, wish, wish_free);
  if (clm_request_get_key (request) != NULL)
    clm_key_store_run_in_thread (clm_key_get_store (clm_request_get_key (request)), task, make_csr);
  else
    g_task_run_in_thread (task, make_csr);
}

static GBytes *
make_csr_finish (ClmRequest *request, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
checkpoint_async (ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmFakeRequest *self = CLM_FAKE_REQUEST (request);
  g_autoptr (GTask) task = g_task_new (request, cancellable, callback, user_data);

  if (self->failure != NULL) {
    g_task_return_error (task, g_steal_pointer (&self->failure));
    return;
  }
  g_ptr_array_add (self->tickets, g_bytes_ref (ticket));
  g_task_return_boolean (task, TRUE);
}

static gboolean
checkpoint_finish (ClmRequest *request, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
clm_fake_request_finalize (GObject *object)
{
  ClmFakeRequest *self = CLM_FAKE_REQUEST (object);

  g_ptr_array_unref (self->tickets);
  g_clear_error (&self->failure);
  G_OBJECT_CLASS (clm_fake_request_parent_class)->finalize (object);
}

static void
clm_fake_request_class_init (ClmFakeRequestClass *klass)
{
  ClmRequestClass *request_class = CLM_REQUEST_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = clm_fake_request_finalize;
  request_class->make_csr_async = make_csr_async;
  request_class->make_csr_finish = make_csr_finish;
  request_class->checkpoint_async = checkpoint_async;
  request_class->checkpoint_finish = checkpoint_finish;
}

static void
clm_fake_request_init (ClmFakeRequest *self)
{
  self->tickets = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

ClmFakeRequest *
clm_fake_request_new (const char *certificate, ClmKey *key, const char *subject, const char *dns_names)
{
  g_auto (GStrv) names = dns_names != NULL ? g_strsplit (dns_names, " ", -1) : NULL;

  return g_object_new (CLM_TYPE_FAKE_REQUEST, "certificate", certificate, "key", key, "subject", subject, "dns-names", names, NULL);
}

void
clm_fake_request_set_csr_func (ClmFakeRequest *self, ClmFakeCsrFunc func, gpointer user_data)
{
  self->csr_func = func;
  self->csr_data = user_data;
}

void
clm_fake_request_fail_next_checkpoint (ClmFakeRequest *self, GError *error)
{
  g_clear_error (&self->failure);
  self->failure = error;
}

GPtrArray *
clm_fake_request_get_tickets (ClmFakeRequest *self)
{
  return self->tickets;
}

guint
clm_fake_request_count_csrs (ClmFakeRequest *self)
{
  return self->csrs;
}
