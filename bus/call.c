/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "call-private.h"

#include <gio/gunixfdlist.h>

#include "errors.h"
#include "jobs.h"
#include "names.h"
#include "service.h"

ClmBusService *
clm_bus_call_get_service (ClmBusCall *self)
{
  return self->service;
}

ClmManager *
clm_bus_call_get_manager (ClmBusCall *self)
{
  return self->manager;
}

const ClmCaller *
clm_bus_call_get_caller (ClmBusCall *self)
{
  return self->caller;
}

const char *
clm_bus_call_get_sender (ClmBusCall *self)
{
  return self->sender;
}

const char *
clm_bus_call_get_name (ClmBusCall *self)
{
  return self->name;
}

GCancellable *
clm_bus_call_get_cancellable (ClmBusCall *self)
{
  return self->cancellable;
}

void
clm_bus_call_get (ClmBusCall *self, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_variant_get_va (g_dbus_method_invocation_get_parameters (self->invocation), format, NULL, &arguments);
  va_end (arguments);
}

gboolean
clm_bus_call_get_boolean (ClmBusCall *self, const char *option)
{
  gboolean value = FALSE;
  return self->options != NULL && g_variant_lookup (self->options, option, "b", &value) && value;
}

int
clm_bus_call_take_fd (ClmBusCall *self, gint32 handle, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (self->invocation));
  int fd = list != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (list) ? g_unix_fd_list_get (list, handle, NULL) : -1;
  if (fd < 0)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "no descriptor came with the call");
  return fd;
}

void
clm_bus_call_return_with_fds (ClmBusCall *self, GVariant *value, GUnixFDList *fds)
{
  g_return_if_fail (self->invocation != NULL);
  g_dbus_method_invocation_return_value_with_unix_fd_list (g_steal_pointer (&self->invocation), value, fds);
  clm_bus_dispatcher_drop (self);
}

void
clm_bus_call_return (ClmBusCall *self, GVariant *value)
{
  clm_bus_call_return_with_fds (self, value, NULL);
}

void
clm_bus_call_fail (ClmBusCall *self, GError *error)
{
  g_return_if_fail (self->invocation != NULL);
  clm_bus_errors_return (g_steal_pointer (&self->invocation), error);
  clm_bus_dispatcher_drop (self);
}

static char *
watch_job (ClmBusCall *self, ClmJob *job)
{
  clm_bus_jobs_watch (clm_bus_service_get_jobs (self->service), job, self->sender);
  return clm_bus_names_build_job_path (clm_job_get_id (job));
}

void
clm_bus_call_return_job (ClmBusCall *self, ClmJob *job, GError *error)
{
  if (job == NULL) {
    clm_bus_call_fail (self, error);
    return;
  }
  g_autofree char *path = watch_job (self, job);
  clm_bus_call_return (self, g_variant_new ("(o)", path));
}

void
clm_bus_call_return_job_and (ClmBusCall *self, ClmJob *job, const char *certificate)
{
  g_autofree char *path = watch_job (self, job);
  clm_bus_call_return (self, g_variant_new ("(oo)", certificate, path));
}
