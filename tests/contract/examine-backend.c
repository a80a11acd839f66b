/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "await.h"
#include "subject.h"

static void
examine_options (const Subject *self)
{
  GError *error = NULL;
  ClmBackend *instance = subject_start (self, FALSE, "ContractUnknownKey=1", &error);

  if (instance != NULL)
    subject_stop (instance);
  report_check (g_error_matches (error, CLM_ERROR, CLM_ERROR_CONFIG) && strstr (error->message, "ContractUnknownKey") != NULL,
                error != NULL ? error->message : "it started", "%s: an unknown option is refused by name", self->name);
  g_clear_error (&error);

  instance = subject_start (self, TRUE, NULL, &error);
  report_check (instance != NULL || g_error_matches (error, CLM_ERROR, CLM_ERROR_CONFIG), error != NULL ? error->message : NULL,
                "%s: without options it works or says CONFIG", self->name);
  g_clear_error (&error);
  if (instance != NULL)
    subject_stop (instance);
}

static void
examine_cancelled_start (const Subject *self)
{
  g_autoptr (ClmBackend) instance = subject_make (self, FALSE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  clm_backend_start_async (instance, cancellable, clm_await_done, &result);
  g_cancellable_cancel (cancellable);
  gboolean ok = clm_backend_start_finish (instance, report_await (&result, "a cancelled start"), &error);
  report_no_error (ok || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED), &error,
                   "%s: a cancelled start succeeds or says CANCELLED", self->name);
  g_clear_error (&error);
  if (ok)
    subject_stop (g_steal_pointer (&instance));
}

static gboolean
stop_twice (ClmBackend *instance, GError **error)
{
  g_autoptr (GAsyncResult) stopped = NULL, again = NULL;

  clm_backend_stop_async (instance, NULL, clm_await_done, &stopped);
  if (!clm_backend_stop_finish (instance, report_await (&stopped, "stop"), error))
    return FALSE;
  clm_backend_stop_async (instance, NULL, clm_await_done, &again);
  return clm_backend_stop_finish (instance, report_await (&again, "a second stop"), error);
}

/* A thread of a lane may still be on its way out. */
static gboolean
is_freed (gpointer *weak)
{
  for (guint i = 0; i < 200 && *weak != NULL; i++) {
    clm_await_idle ();
    g_usleep (10000);
  }
  return *weak == NULL;
}

static void
examine_life (const Subject *self)
{
  GError *error = NULL;
  ClmBackend *instance = subject_start (self, FALSE, NULL, &error);

  if (!report_no_error (instance != NULL, &error, "%s: it starts with the options given", self->name))
    return;
  g_autoptr (GVariant) words = g_variant_ref_sink (clm_backend_describe (instance));
  report_check (g_variant_is_of_type (words, G_VARIANT_TYPE_VARDICT), NULL, "%s: it describes itself", self->name);
  report_no_error (stop_twice (instance, &error), &error, "%s: it stops, and stopping again is harmless", self->name);
  gpointer weak = instance;
  g_object_add_weak_pointer (G_OBJECT (instance), &weak);
  g_object_unref (instance);
  report_check (is_freed (&weak), "something still holds a reference", "%s: a stopped instance is freed", self->name);
}

static void
examine_unused (const Subject *self)
{
  gpointer instance = subject_make (self, FALSE, NULL), weak = instance;

  g_object_add_weak_pointer (instance, &weak);
  g_object_unref (instance);
  report_check (is_freed (&weak), "construction must neither block nor keep a reference", "%s: an instance that never started is freed",
                self->name);
}

void
examine_backend (const Subject *self)
{
  examine_unused (self);
  examine_options (self);
  examine_cancelled_start (self);
  examine_life (self);
  report_manners (self->name);
}
