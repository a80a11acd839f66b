/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "await.h"
#include "subject.h"

static gboolean
tell (ClmNotifier *notifier, ClmEventKind kind, GCancellable *cancellable, gboolean cancel, GError **error)
{
  g_autoptr (ClmEvent) event = clm_event_new (kind, 1790000000, "certificate", "contract", "a test of the %s event", clm_event_kind_get_nick (kind));
  g_autoptr (GAsyncResult) result = NULL;

  clm_event_add_field (event, "detail", "\"quoted\" \\ and ünïcode");
  clm_notifier_notify_async (notifier, event, cancellable, clm_await_done, &result);
  if (cancel)
    g_cancellable_cancel (cancellable);
  return clm_notifier_notify_finish (notifier, report_await (&result, "notify"), error);
}

void
examine_notifier (const Subject *self)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GError *error = NULL;
  ClmNotifier *notifier = subject_start (self, FALSE, NULL, &error);

  if (!report_no_error (notifier != NULL, &error, "notifier: it starts"))
    return;
  for (ClmEventKind kind = 0; kind < CLM_N_EVENT_KINDS; kind++) {
    gboolean ok = tell (notifier, kind, NULL, FALSE, &error);
    report_check (ok || g_error_matches (error, CLM_ERROR, CLM_ERROR_UNREACHABLE) || g_error_matches (error, CLM_ERROR, CLM_ERROR_BUSY),
                  error != NULL ? error->message : NULL, "notifier: tells of %s, or says UNREACHABLE or BUSY", clm_event_kind_get_nick (kind));
    g_clear_error (&error);
  }
  gboolean ok = tell (notifier, CLM_EVENT_STARTED, cancellable, TRUE, &error);
  report_check (ok || error->domain == CLM_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
                error != NULL ? error->message : NULL, "notifier: a cancelled call is completed");
  g_clear_error (&error);
  subject_stop (notifier);
  clm_await_idle ();
  report_manners ("notifier");
}
