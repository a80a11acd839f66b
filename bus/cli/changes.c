/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "changes.h"

typedef struct {
  const ClmChangeHandlers *handlers;
  gpointer                 user_data;
} Subscriber;

static void
on_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  const Subscriber *self = user_data;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ta" CLM_ROW_TYPE ")")))
    return;
  g_autoptr (GVariant) rows = g_variant_get_child_value (parameters, 1);
  for (gsize i = 0; i < g_variant_n_children (rows); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (rows, i);
    g_autoptr (ClmCertificateRow) row = clm_certificate_row_new (child);
    self->handlers->changed (row, self->user_data);
  }
}

static void
on_removed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  const Subscriber *self = user_data;
  const char *name;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(st)")))
    return;
  g_variant_get_child (parameters, 0, "&s", &name);
  self->handlers->removed (name, self->user_data);
}

static void
subscribe (ClmCli *cli, const char *member, GDBusSignalCallback callback, const Subscriber *subscriber)
{
  Subscriber *own = g_memdup2 (subscriber, sizeof *subscriber);
  clm_bus_subscribe (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), member, callback, own, g_free);
}

gboolean
clm_changes_subscribe (ClmCli *cli, const ClmChangeHandlers *handlers, gpointer user_data, GError **error)
{
  const Subscriber subscriber = { handlers, user_data };
  if (!clm_bus_connect (cli, error))
    return FALSE;
  subscribe (cli, "CertificatesChanged", on_changed, &subscriber);
  subscribe (cli, "CertificateRemoved", on_removed, &subscriber);
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Subscribe", clm_bus_only_options (NULL),
                                              "()", error);
  return answer != NULL;
}
