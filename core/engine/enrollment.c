/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "enrollment.h"

#include "clm-error.h"
#include "csr.h"

struct _ClmEnrollment {
  ClmRequest  parent_instance;
  ClmEngine  *engine;            /* NULL once closed */
  char       *name;
  ClmIntent  *intent;
  GBytes     *extra_attributes;  /* (nullable) */
};

G_DEFINE_FINAL_TYPE (ClmEnrollment, clm_enrollment, CLM_TYPE_REQUEST)

ClmEnrollment *
clm_enrollment_new (ClmEngine       *engine,
                    ClmSpec         *spec,
                    const ClmIntent *intent,
                    ClmKey          *key,
                    ClmCredential   *current,
                    GPtrArray       *bootstrap,
                    GBytes          *extra_attributes)
{
  GBytes *replaces = current ? g_ptr_array_index (clm_credential_get_chain (current), 0) : NULL;
  ClmEnrollment *self = g_object_new (CLM_TYPE_ENROLLMENT,
                                      "certificate", spec->name,
                                      "subject", spec->subject,
                                      "dns-names", spec->dns_names,
                                      "ip-addresses", spec->ip_addresses,
                                      "uris", spec->uris,
                                      "emails", spec->emails,
                                      "usages", spec->usages,
                                      "profile", spec->profile,
                                      "validity", spec->validity,
                                      "is-ca", spec->is_ca,
                                      "path-length", spec->path_length,
                                      "key", key,
                                      "current", current,
                                      "bootstrap", bootstrap,
                                      "replaces", replaces,
                                      NULL);

  self->engine = engine;
  self->name = g_strdup (spec->name);
  self->intent = clm_intent_copy (intent);
  self->extra_attributes = extra_attributes ? g_bytes_ref (extra_attributes) : NULL;
  return self;
}

GBytes *
clm_enrollment_get_ticket (ClmEnrollment *self)
{
  return self->intent->ticket;
}

void
clm_enrollment_close (ClmEnrollment *self)
{
  self->engine = NULL;
}

static void
on_csr_built (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GBytes *csr = clm_csr_build_finish (result, &error);

  if (csr) {
    g_task_return_pointer (task, csr, (GDestroyNotify) g_bytes_unref);
    return;
  }
  clm_engine_mark_key_error (error);
  g_task_return_error (task, error);
}

static void
make_csr_async (ClmRequest         *request,
                const char         *challenge_password,
                GBytes             *extra_attributes,
                GCancellable       *cancellable,
                GAsyncReadyCallback callback,
                gpointer            user_data)
{
  ClmEnrollment *self = CLM_ENROLLMENT (request);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  ClmCsrTemplate csr = {
    .subject = clm_request_get_subject (request),
    .names.values = {
      [CLM_NAME_DNS] = clm_request_get_dns_names (request),
      [CLM_NAME_IP] = clm_request_get_ip_addresses (request),
      [CLM_NAME_URI] = clm_request_get_uris (request),
      [CLM_NAME_EMAIL] = clm_request_get_emails (request),
    },
    .usages = clm_request_get_usages (request),
    .is_ca = clm_request_get_is_ca (request),
    .path_length = clm_request_get_path_length (request),
    .challenge_password = challenge_password,
    .extra_attributes = extra_attributes ? extra_attributes : self->extra_attributes,
  };

  g_task_set_source_tag (task, make_csr_async);
  clm_csr_build_async (&csr, clm_request_get_key (request), cancellable, on_csr_built, g_steal_pointer (&task));
}

static GBytes *
make_csr_finish (ClmRequest   *request,
                 GAsyncResult *result,
                 GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_checkpoint_written (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (clm_inventory_apply_finish (CLM_INVENTORY (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
checkpoint_async (ClmRequest         *request,
                  GBytes             *ticket,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  ClmEnrollment *self = CLM_ENROLLMENT (request);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  ClmChange *change;

  g_task_set_source_tag (task, checkpoint_async);
  if (!self->engine) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_CONFLICT, "the rotation that this request was for has ended");
    return;
  }
  if (g_bytes_get_size (ticket) > CLM_TICKET_MAX) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the ticket is longer than %d bytes", CLM_TICKET_MAX);
    return;
  }
  g_clear_pointer (&self->intent->ticket, g_bytes_unref);
  self->intent->ticket = g_bytes_ref (ticket);
  change = clm_change_new (self->name);
  clm_change_put_intent (change, self->intent);
  clm_inventory_apply_async (self->engine->inventory, change, NULL, on_checkpoint_written, g_steal_pointer (&task));
}

static gboolean
checkpoint_finish (ClmRequest   *request,
                   GAsyncResult *result,
                   GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
clm_enrollment_init (ClmEnrollment *self)
{
}

static void
clm_enrollment_finalize (GObject *object)
{
  ClmEnrollment *self = CLM_ENROLLMENT (object);

  g_free (self->name);
  clm_intent_free (self->intent);
  g_clear_pointer (&self->extra_attributes, g_bytes_unref);
  G_OBJECT_CLASS (clm_enrollment_parent_class)->finalize (object);
}

static void
clm_enrollment_class_init (ClmEnrollmentClass *klass)
{
  ClmRequestClass *request_class = CLM_REQUEST_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = clm_enrollment_finalize;
  request_class->make_csr_async = make_csr_async;
  request_class->make_csr_finish = make_csr_finish;
  request_class->checkpoint_async = checkpoint_async;
  request_class->checkpoint_finish = checkpoint_finish;
}
