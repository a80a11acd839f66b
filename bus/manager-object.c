/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "manager-object.h"

#include "certificates.h"
#include "errors.h"
#include "interfaces.h"
#include "lists.h"
#include "names.h"
#include "options.h"
#include "request-spec.h"
#include "service.h"

#define MANAGER_INTERFACE "org.certloom.Certloom1.Manager"
#define HISTORY_DEFAULT   100
#define NAMES_MAX         10000

/* --- properties --- */

static GVariant *
build_counts (ClmManager *manager)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{su}"));
  for (guint state = 0; state < CLM_N_STATES; state++)
    g_variant_builder_add (&builder, "{su}", clm_state_get_nick (state), clm_manager_get_count (manager, state));
  return g_variant_builder_end (&builder);
}

static GVariant *
describe (ClmBusCall *call, GError **error)
{
  ClmManager *manager = clm_bus_call_get_manager (call);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_variant_dict_insert (&dict, "Version", "s", CLM_VERSION);
  g_variant_dict_insert (&dict, "Revision", "t", clm_manager_get_revision (manager));
  g_variant_dict_insert (&dict, "Epoch", "s", clm_manager_get_epoch (manager));
  g_variant_dict_insert_value (&dict, "Counts", build_counts (manager));
  g_variant_dict_insert (&dict, "ClockState", "s", clm_manager_get_clock_state (manager));
  g_variant_dict_insert_value (&dict, "Features", g_variant_new_strv (NULL, 0));
  return g_variant_dict_end (&dict);
}

/* --- history --- */

static GVariant *
build_event (const ClmHistoryRow *row)
{
  return g_variant_new ("(txsssss@a{ss})", row->sequence, row->time, row->kind, row->severity, row->subject_kind, row->subject,
                        row->message, row->fields != NULL ? row->fields : g_variant_new ("a{ss}", NULL));
}

static void
on_history (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) rows = clm_manager_history_finish (CLM_MANAGER (source), result, &error);
  if (rows == NULL) {
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
    return;
  }
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(txsssssa{ss})"));
  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add_value (&builder, build_event (rows->pdata[i]));
  clm_bus_call_return (user_data, g_variant_new ("(@a(txsssssa{ss}))", g_variant_builder_end (&builder)));
}

static gboolean
may_read_history (ClmBusCall *call, GError **error)
{
  const char *subject;
  clm_bus_call_get (call, "(&stu@a{sv})", &subject, NULL, NULL, NULL);
  if (*subject == '\0')
    return clm_manager_authorize (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), CLM_VERB_ADMIN, NULL, error);
  return clm_bus_request_check_name (subject, error)
         && clm_manager_authorize (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), CLM_VERB_READ, subject, error);
}

static void
handle_get_history (ClmBusCall *call)
{
  const char *subject;
  guint64 before;
  guint limit;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(&stu@a{sv})", &subject, &before, &limit, NULL);
  if (!clm_bus_lists_check_limit (&limit, HISTORY_DEFAULT, &error))
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_manager_history_async (clm_bus_call_get_manager (call), *subject != '\0' ? subject : NULL, before, limit,
                               clm_bus_call_get_cancellable (call), on_history, call);
}

/* --- one certificate by name --- */

static gboolean
may_get (ClmBusCall *call, GError **error)
{
  const char *name;
  clm_bus_call_get (call, "(&s@a{sv})", &name, NULL);
  return clm_bus_request_check_name (name, error)
         && clm_manager_authorize (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), CLM_VERB_READ, name, error);
}

static void
handle_get (ClmBusCall *call)
{
  const char *name;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(&s@a{sv})", &name, NULL);
  g_autoptr (ClmRecord) record = clm_manager_get_record (clm_bus_call_get_manager (call), name, &error);
  if (record == NULL) {
    clm_bus_call_fail (call, g_steal_pointer (&error));
    return;
  }
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, record->name);
  clm_bus_call_return (call, g_variant_new ("(o)", path));
}

/* --- requests and renewals --- */

static gboolean
may_request (ClmBusCall *call, GError **error)
{
  const char *template_name;
  clm_bus_call_get (call, "(&s&s&s@a{sv}@a{sv})", NULL, &template_name, NULL, NULL, NULL);
  if (*template_name != '\0' && !clm_bus_request_check_name (template_name, error))
    return FALSE;
  return clm_manager_authorize_request (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                        *template_name != '\0' ? template_name : NULL, error);
}

static void
handle_request (ClmBusCall *call)
{
  const char *name, *template_name, *instance;
  g_autoptr (GVariant) spec = NULL;
  g_autofree char *certificate = NULL;
  g_autoptr (GError) error = NULL;
  clm_bus_call_get (call, "(&s&s&s@a{sv}@a{sv})", &name, &template_name, &instance, &spec, NULL);
  g_autoptr (ClmOptions) overrides = NULL;
  if ((*name == '\0' || clm_bus_request_check_name (name, &error)) && clm_bus_request_check_instance (instance, &error))
    overrides = clm_bus_request_make_options (spec, &error);
  ClmJob *job = overrides == NULL ? NULL
                : clm_manager_request (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call),
                                       *name != '\0' ? name : NULL, *template_name != '\0' ? template_name : NULL,
                                       *instance != '\0' ? instance : NULL, overrides, &certificate, &error);
  if (job == NULL) {
    clm_bus_call_fail (call, g_steal_pointer (&error));
    return;
  }
  g_autofree char *path = clm_bus_names_build_path (CLM_BUS_CERTIFICATE, certificate);
  clm_bus_call_return_job_and (call, job, path);
}

/* All or none: every name is asked for before anything starts. */
static gboolean
may_renew (ClmBusCall *call, GError **error)
{
  g_autofree const char **names = NULL;
  ClmManager *manager = clm_bus_call_get_manager (call);
  const ClmCaller *caller = clm_bus_call_get_caller (call);
  clm_bus_call_get (call, "(^a&s@a{sv})", &names, NULL);
  if (names[0] == NULL)
    return clm_manager_authorize (manager, caller, CLM_VERB_ADMIN, NULL, error);
  if (g_strv_length ((char **) names) > NAMES_MAX) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_LIMITS_EXCEEDED, "more than %d names", NAMES_MAX);
    return FALSE;
  }
  for (gsize i = 0; names[i] != NULL; i++) {
    if (!clm_bus_request_check_name (names[i], error)
        || !clm_manager_authorize (manager, caller, CLM_VERB_RENEW, names[i], error))
      return FALSE;
  }
  return TRUE;
}

static ClmJob *
renew_due (ClmBusCall *call, gboolean named, GError **error)
{
  if (!named && !clm_bus_call_get_boolean (call, "rekey"))
    return clm_manager_renew_due (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), error);
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "“due” goes with neither names nor “rekey”");
  return NULL;
}

static void
handle_renew (ClmBusCall *call)
{
  g_autofree const char **names = NULL;
  g_autoptr (GError) error = NULL;
  ClmJob *job = NULL;
  clm_bus_call_get (call, "(^a&s@a{sv})", &names, NULL);
  if (clm_bus_call_get_boolean (call, "due"))
    job = renew_due (call, names[0] != NULL, &error);
  else if (names[0] == NULL)
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "no certificate is named");
  else
    job = clm_manager_renew (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call), names,
                             clm_bus_call_get_boolean (call, "rekey"), &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

/* --- configuration --- */

static void
handle_reload (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  ClmJob *job = clm_manager_reload (clm_bus_call_get_manager (call), clm_bus_call_get_caller (call)->uid, &error);
  clm_bus_call_return_job (call, job, g_steal_pointer (&error));
}

static void
handle_get_config_problems (ClmBusCall *call)
{
  ClmConfig *config = clm_manager_get_config (clm_bus_call_get_manager (call));
  GPtrArray *problems = clm_config_list_problems (config);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(suss)"));
  for (guint i = 0; i < problems->len; i++) {
    const ClmProblem *problem = problems->pdata[i];
    g_autofree char *file = g_utf8_make_valid (problem->file, -1);
    g_autofree char *message = g_utf8_make_valid (problem->message, -1);
    g_variant_builder_add (&builder, "(suss)", file, problem->line, message, problem->hint != NULL ? problem->hint : "");
  }
  clm_bus_call_return (call, g_variant_new ("(@a(suss))", g_variant_builder_end (&builder)));
}

/* --- subscriptions --- */

static void
handle_subscribe (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  ClmBusSubscribers *subscribers = clm_bus_service_get_subscribers (clm_bus_call_get_service (call));
  if (!clm_bus_subscribers_add (subscribers, clm_bus_call_get_sender (call), clm_bus_call_get_caller (call), &error))
    clm_bus_call_fail (call, g_steal_pointer (&error));
  else
    clm_bus_call_return (call, NULL);
}

static void
handle_unsubscribe (ClmBusCall *call)
{
  clm_bus_subscribers_remove (clm_bus_service_get_subscribers (clm_bus_call_get_service (call)), clm_bus_call_get_sender (call));
  clm_bus_call_return (call, NULL);
}

static const ClmBusMethod methods[] = {
  { "ListCertificates", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST }, "", clm_bus_lists_handle_list },
  { "ListSince", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST }, "", clm_bus_lists_handle_list_since },
  { "Export", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST }, "", clm_bus_lists_handle_export },
  { "Get", { CLM_BUS_SCOPE_OWN, .check = may_get }, "", handle_get },
  { "Request", { CLM_BUS_SCOPE_OWN, .check = may_request }, "", handle_request },
  { "Renew", { CLM_BUS_SCOPE_OWN, .check = may_renew }, "rekey=b due=b", handle_renew },
  { "Reload", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_RELOAD }, "", handle_reload },
  { "GetConfigProblems", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_ADMIN }, "", handle_get_config_problems },
  { "GetHistory", { CLM_BUS_SCOPE_OWN, .check = may_read_history }, "", handle_get_history },
  { "Subscribe", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST }, "", handle_subscribe },
  { "Unsubscribe", { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST }, "", handle_unsubscribe },
  { NULL },
};

const ClmBusInterface clm_bus_manager_object_interface = {
  .element = "",
  .info = &clm_bus_manager_interface,
  .methods = methods,
  .read = { CLM_BUS_SCOPE_DAEMON, CLM_VERB_LIST },
  .describe = describe,
};

/* --- signals --- */

typedef struct {
  ClmManager *manager;
  const char *certificate;   /* NULL: for administrators */
} Sight;

static gboolean
may_know (const ClmCaller *caller, gpointer user_data)
{
  Sight *sight = user_data;
  return (sight->certificate != NULL && clm_manager_may (sight->manager, caller, CLM_VERB_READ, sight->certificate))
         || clm_manager_may (sight->manager, caller, CLM_VERB_ADMIN, NULL);
}

static GVariant *
build_fields (ClmEvent *event)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  g_auto (GStrv) keys = clm_event_list_fields (event);
  for (gsize i = 0; keys[i] != NULL; i++)
    g_variant_builder_add (&builder, "{ss}", keys[i], clm_event_get_field (event, keys[i]));
  return g_variant_builder_end (&builder);
}

void
clm_bus_manager_object_emit_event (ClmBusService *service, ClmEvent *event)
{
  const char *kind = clm_event_get_subject_kind (event), *subject = clm_event_get_subject (event);
  Sight sight = { clm_bus_service_get_manager (service), g_strcmp0 (kind, "certificate") == 0 ? subject : NULL };
  clm_bus_subscribers_emit (clm_bus_service_get_subscribers (service), CLM_BUS_PATH, MANAGER_INTERFACE, "Event",
                            g_variant_new ("(xsssss@a{ss})", clm_event_get_time (event),
                                           clm_event_kind_get_nick (clm_event_get_kind (event)),
                                           clm_severity_get_nick (clm_event_get_severity (event)), kind != NULL ? kind : "",
                                           subject != NULL ? subject : "", clm_event_get_message (event), build_fields (event)),
                            may_know, &sight);
}

static gboolean
may_list (const ClmCaller *caller, gpointer user_data)
{
  return clm_manager_may (user_data, caller, CLM_VERB_LIST, NULL);
}

void
clm_bus_manager_object_emit_moved (ClmBusService *service, guint64 revision)
{
  ClmManager *manager = clm_bus_service_get_manager (service);
  clm_bus_subscribers_emit (clm_bus_service_get_subscribers (service), CLM_BUS_PATH, MANAGER_INTERFACE, "CertificatesChanged",
                            g_variant_new ("(t@a" CLM_BUS_ROW_TYPE ")", revision, g_variant_new_array (G_VARIANT_TYPE (CLM_BUS_ROW_TYPE), NULL, 0)),
                            may_list, manager);
}

void
clm_bus_manager_object_emit_removed (ClmBusService *service, const char *name, guint64 revision)
{
  Sight sight = { clm_bus_service_get_manager (service), name };
  clm_bus_subscribers_emit (clm_bus_service_get_subscribers (service), CLM_BUS_PATH, MANAGER_INTERFACE, "CertificateRemoved",
                            g_variant_new ("(st)", name, revision), may_know, &sight);
}

void
clm_bus_manager_object_emit_clock (ClmBusService *service)
{
  ClmManager *manager = clm_bus_service_get_manager (service);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_variant_dict_insert (&dict, "ClockState", "s", clm_manager_get_clock_state (manager));
  clm_bus_service_emit_properties (service, CLM_BUS_PATH, MANAGER_INTERFACE, g_variant_dict_end (&dict), NULL, may_list, manager);
}
