/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "certificates.h"

#include <gio/gunixfdlist.h>

#include "errors.h"
#include "interfaces.h"
#include "names.h"
#include "service.h"

#define CERTIFICATE_INTERFACE "org.certloom.Certloom1.Certificate"
#define MANAGER_INTERFACE     "org.certloom.Certloom1.Manager"

/* A signal of 500 rows stays far below what any bus takes in one message. */
#define ROWS_PER_SIGNAL 500
/* When more change at once, subscribers get the rows only. */
#define SINGLY_MAX 100

/* --- what is told --- */

GVariant *
clm_bus_certificates_build_row (const ClmSummary *row)
{
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, row->name);
  return g_variant_new (CLM_BUS_ROW_TYPE, path, row->name, clm_state_get_nick (row->state),
                        clm_delivery_state_get_nick (row->delivery_state), row->authority, row->key_store, row->not_before,
                        row->not_after, clm_action_get_nick (row->next_action), row->next_time, row->attempts, row->message);
}

static void
add_state (GVariantDict *dict, const ClmRecord *record)
{
  g_variant_dict_insert (dict, "Name", "s", record->name);
  g_variant_dict_insert (dict, "State", "s", clm_state_get_nick (record->state));
  g_variant_dict_insert (dict, "Reason", "s", record->reason);
  g_variant_dict_insert (dict, "Message", "s", record->message);
  g_variant_dict_insert (dict, "Hint", "s", record->hint);
  g_variant_dict_insert (dict, "Error", "s", clm_bus_errors_get_name_of_nick (record->error));
  g_variant_dict_insert (dict, "NextAction", "s", clm_action_get_nick (record->next_action));
  g_variant_dict_insert (dict, "NextTime", "x", record->next_time);
  g_variant_dict_insert (dict, "Attempts", "u", record->attempts);
  g_variant_dict_insert (dict, "Held", "b", record->held);
  g_variant_dict_insert (dict, "Revision", "t", record->revision);
  g_variant_dict_insert (dict, "DeliveryState", "s", clm_delivery_state_get_nick (record->delivery_state));
}

static void
add_generation (GVariantDict *dict, const ClmRecord *record)
{
  g_auto (GStrv) alt_names = *record->alt_names != '\0' ? g_strsplit (record->alt_names, ", ", -1) : g_new0 (char *, 1);
  g_variant_dict_insert (dict, "Origin", "s", record->origin);
  g_variant_dict_insert (dict, "Template", "s", record->template_name);
  g_variant_dict_insert (dict, "Authority", "s", record->authority);
  g_variant_dict_insert (dict, "KeyStore", "s", record->key_store);
  g_variant_dict_insert (dict, "KeyType", "s", record->key_type);
  g_variant_dict_insert (dict, "KeyUri", "s", record->key_uri);
  g_variant_dict_insert (dict, "Generation", "t", record->generation);
  g_variant_dict_insert (dict, "Candidate", "t", record->candidate);
  g_variant_dict_insert (dict, "Subject", "s", record->subject);
  g_variant_dict_insert (dict, "AltNames", "^as", alt_names);
  g_variant_dict_insert (dict, "Issuer", "s", record->issuer);
  g_variant_dict_insert (dict, "Serial", "s", record->serial);
  g_variant_dict_insert (dict, "Fingerprint", "s", record->fingerprint);
  g_variant_dict_insert (dict, "NotBefore", "x", record->not_before);
  g_variant_dict_insert (dict, "NotAfter", "x", record->not_after);
  g_variant_dict_insert (dict, "Issued", "x", record->issued);
  g_variant_dict_insert (dict, "Revoked", "x", record->revoked);
}

GVariant *
clm_bus_certificates_describe (const ClmRecord *record)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  add_state (&dict, record);
  add_generation (&dict, record);
  return g_variant_dict_end (&dict);
}

static GVariant *
build_deliveries (GPtrArray *deliveries)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(stubxs)"));
  for (guint i = 0; i < deliveries->len; i++) {
    const ClmDeliveryRecord *row = deliveries->pdata[i];
    g_variant_builder_add (&builder, "(stubxs)", row->delivery, row->generation, row->attempts, row->failing, row->time,
                           row->error != NULL ? row->error : "");
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
build_generations (GPtrArray *generations)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(tssssxxxx)"));
  for (guint i = 0; i < generations->len; i++) {
    const ClmGenerationRow *row = generations->pdata[i];
    g_variant_builder_add (&builder, "(tssssxxxx)", row->number, row->status, row->serial, row->fingerprint, row->authority,
                           row->not_before, row->not_after, row->created, row->retired);
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
describe (ClmBusCall *call, GError **error)
{
  ClmManager *manager = clm_bus_call_get_manager (call);
  const char *name = clm_bus_call_get_name (call);
  g_autoptr (ClmRecord) record = clm_manager_get_record (manager, name, error);
  g_autoptr (GPtrArray) deliveries = record != NULL ? clm_manager_get_deliveries (manager, name, error) : NULL;
  g_autoptr (GPtrArray) generations = deliveries != NULL ? clm_manager_get_generations (manager, name, error) : NULL;
  if (generations == NULL)
    return NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  add_state (&dict, record);
  add_generation (&dict, record);
  g_variant_dict_insert_value (&dict, "Deliveries", build_deliveries (deliveries));
  g_variant_dict_insert_value (&dict, "Generations", build_generations (generations));
  return g_variant_dict_end (&dict);
}

/* --- what can be asked --- */

static void
handle_renew (ClmBusCall *call)
{
  const char *names[] = { clm_bus_call_get_name (call), NULL };
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_renew (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), names,
                                   clm_bus_call_get_boolean (call, "rekey"), &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static void
handle_deliver (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_deliver (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                     clm_bus_call_get_name (call), &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static GError *
make_reason_error (const char *word)
{
  g_autofree char *list = g_strjoinv (", ", (char **) clm_revocation_reason_list_nicks ());
  GError *error = g_error_new_literal (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "unknown reason for a revocation");
  clm_error_set_hint (error, "choose one of %s", list);
  return error;
}

static void
handle_revoke (ClmBusCall *call)
{
  const char *word;
  ClmRevocationReason reason;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(&s@a{sv})", &word, NULL);
  if (!clm_revocation_reason_from_nick (word, &reason)) {
    clm_bus_call_fail (call, make_reason_error (word));
    return;
  }
  ClmJob *job = clm_manager_revoke (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                    clm_bus_call_get_name (call), reason, &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static void
handle_remove (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_remove (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                    clm_bus_call_get_name (call), clm_bus_call_get_boolean (call, "keep-key"), &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static void
handle_rollback (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_rollback (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                      clm_bus_call_get_name (call), &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static void
on_held (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  if (!clm_manager_hold_finish (CLM_MANAGER (source), result, &error))
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
  else
    clm_bus_call_return (user_data, NULL);
}

static void
hold (ClmBusCall *call, gboolean held)
{
  clm_manager_hold_async (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), clm_bus_call_get_name (call), held,
                          clm_bus_call_get_cancellable (call), on_held, call);
}

static void
handle_hold (ClmBusCall *call)
{
  hold (call, TRUE);
}

static void
handle_release (ClmBusCall *call)
{
  hold (call, FALSE);
}

static void
handle_get_pem (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) pem = clm_manager_get_pem (clm_bus_call_get_manager (call), clm_bus_call_get_name (call), &error);
  if (pem == NULL)
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_bus_call_return (call, g_variant_new ("(@ay)", g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, pem, TRUE)));
}

/* --- descriptors --- */

static gboolean
add_fd (GVariantBuilder *builder, GUnixFDList *list, const char *name, int fd, GError **error)
{
  if (fd < 0)
    return TRUE;
  int handle = g_unix_fd_list_append (list, fd, error);
  if (handle < 0)
    return FALSE;
  g_variant_builder_add (builder, "{sh}", name, handle);
  return TRUE;
}

static GVariant *
build_fds (const ClmCredentialFds *fds, GUnixFDList *list, GError **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sh}"));
  if (!add_fd (&builder, list, "leaf", fds->leaf, error) || !add_fd (&builder, list, "chain", fds->chain, error)
      || !add_fd (&builder, list, "full-chain", fds->full_chain, error) || !add_fd (&builder, list, "key", fds->key, error)
      || !add_fd (&builder, list, "combined", fds->combined, error))
    return NULL;
  return g_variant_new ("(t@a{sh}s)", fds->generation, g_variant_builder_end (&builder), fds->key_uri);
}

static gboolean
open_fds (ClmBusCall *call, ClmCredentialFds **fds, GError **error)
{
  ClmManager *manager = clm_bus_call_get_manager (call);
  const char *name = clm_bus_call_get_name (call);
  gboolean with_key = clm_bus_call_get_boolean (call, "key");
  if (with_key && !clm_manager_authorize (manager, clm_bus_call_get_caller (call), CLM_VERB_USE, name, error))
    return FALSE;
  *fds = clm_manager_open_credential (manager, name, with_key, error);
  if (*fds == NULL || !with_key || (*fds)->key >= 0)
    return *fds != NULL;
  g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the key store does not let the key of %s out", name);
  clm_error_set_hint (*error, "use the key by its URI, or set KeyStore= to one that exports keys");
  return FALSE;
}

static void
handle_get_credential_fds (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmCredentialFds) fds = NULL;
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  GVariant *value = open_fds (call, &fds, &error) ? build_fds (fds, list, &error) : NULL;
  if (value != NULL)
    clm_bus_call_return_with_fds (call, value, list);
  else if (error->domain != CLM_ERROR)
    clm_bus_call_fail (call, g_error_new_literal (CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "no descriptors left"));
  else
    clm_bus_call_fail (call, g_steal_pointer (&error));
}

static const ClmBusMethod methods[] = {
  { "Renew", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_RENEW }, "rekey=b", handle_renew },
  { "Deliver", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_DELIVER }, "", handle_deliver },
  { "Revoke", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_REVOKE }, "", handle_revoke },
  { "Remove", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_REMOVE }, "keep-key=b", handle_remove },
  { "Hold", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_HOLD }, "", handle_hold },
  { "Release", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_HOLD }, "", handle_release },
  { "Rollback", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_ROLLBACK }, "", handle_rollback },
  { "GetPem", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_READ }, "", handle_get_pem },
  /* With the key it is CLM_VERB_USE, asked in addition. */
  { "GetCredentialFds", { CLM_BUS_SCOPE_OBJECT, CLM_VERB_READ }, "key=b", handle_get_credential_fds },
  { NULL },
};

const ClmBusInterface clm_bus_certificates_interface = {
  .element = CLM_BUS_CERTIFICATE,
  .info = &clm_bus_certificate_interface,
  .methods = methods,
  .read = { CLM_BUS_SCOPE_OBJECT, CLM_VERB_READ },
  .describe = describe,
};

/* --- signals --- */

typedef struct {
  ClmManager *manager;
  GPtrArray  *records;
  guint       first;
} Rows;

/* Those of the next 500 that this subscriber may read. */
static GVariant *
build_rows_for (const ClmCaller *caller, gpointer user_data)
{
  Rows *rows = user_data;
  guint64 revision = 0;
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a" CLM_BUS_ROW_TYPE));
  for (guint i = rows->first; i < MIN (rows->records->len, rows->first + ROWS_PER_SIGNAL); i++) {
    ClmSummary row = clm_record_summarize (rows->records->pdata[i]);
    if (!clm_manager_may (rows->manager, caller, CLM_VERB_READ, row.name))
      continue;
    g_variant_builder_add_value (&builder, clm_bus_certificates_build_row (&row));
    revision = MAX (revision, row.revision);
  }
  return revision > 0 ? g_variant_new ("(t@a" CLM_BUS_ROW_TYPE ")", revision, g_variant_builder_end (&builder)) : NULL;
}

static gboolean
may_read (const ClmCaller *caller, gpointer user_data)
{
  Rows *rows = user_data;
  const ClmRecord *record = rows->records->pdata[rows->first];
  return clm_manager_may (rows->manager, caller, CLM_VERB_READ, record->name);
}

static void
emit_properties (ClmBusService *service, Rows *rows, const ClmRecord *record)
{
  static const char *const read_anew[] = { "Deliveries", "Generations", NULL };
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, record->name);
  clm_bus_service_emit_properties (service, path, CERTIFICATE_INTERFACE, clm_bus_certificates_describe (record), read_anew,
                                   may_read, rows);
}

void
clm_bus_certificates_emit (ClmBusService *service, GPtrArray *records)
{
  Rows rows = { clm_bus_service_get_manager (service), records, 0 };
  for (rows.first = 0; rows.first < records->len; rows.first += ROWS_PER_SIGNAL)
    clm_bus_subscribers_emit_each (clm_bus_service_get_subscribers (service), CLM_BUS_PATH, MANAGER_INTERFACE,
                                   "CertificatesChanged", build_rows_for, &rows);
  for (rows.first = 0; records->len <= SINGLY_MAX && rows.first < records->len; rows.first++)
    emit_properties (service, &rows, records->pdata[rows.first]);
}
