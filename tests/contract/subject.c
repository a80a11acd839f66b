/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "subject.h"

#include <string.h>

#include "await.h"

static void
set_option (ClmOptions *options, const char *pair)
{
  const char *equals = strchr (pair, '=');
  g_autofree char *key = g_strndup (pair, equals - pair);

  clm_options_set (options, key, equals + 1, NULL, 0);
}

gpointer
subject_make (const Subject *self, gboolean bare, const char *extra)
{
  g_autoptr (ClmOptions) options = clm_options_new ("the command line");

  for (guint i = 0; !bare && self->options[i] != NULL; i++)
    set_option (options, self->options[i]);
  if (extra != NULL)
    set_option (options, extra);
  return g_object_new (self->type, "name", "contract", "host", self->host, "options", options, NULL);
}

gpointer
subject_start (const Subject *self, gboolean bare, const char *extra, GError **error)
{
  g_autoptr (ClmBackend) instance = subject_make (self, bare, extra);
  g_autoptr (GAsyncResult) result = NULL;

  clm_backend_start_async (instance, NULL, clm_await_done, &result);
  if (!clm_backend_start_finish (instance, report_await (&result, "start"), error))
    return NULL;
  return g_steal_pointer (&instance);
}

void
subject_stop (gpointer instance)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_backend_stop_async (instance, NULL, clm_await_done, &result);
  clm_backend_stop_finish (instance, report_await (&result, "stop"), NULL);
  g_object_unref (instance);
}
