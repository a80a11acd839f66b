/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "clm-error.h"

static ClmValidity
record_validity (const ClmRecord *record)
{
  if (record->generation == 0)
    return CLM_VALIDITY_NONE;
  return (ClmValidity) { record->not_before, record->not_after, record->issued };
}

static void
clear_error (ClmRecord *record)
{
  record->attempts = 0;
  clm_record_set (&record->reason, "");
  clm_record_set (&record->message, "");
  clm_record_set (&record->hint, "");
  clm_record_set (&record->error, "");
}

static void
set_next (ClmRecord *record,
          ClmAction  action,
          gint64     time,
          gboolean   clock_bound)
{
  record->next_action = action;
  record->next_time = time;
  record->clock_bound = clock_bound;
}

static void
set_next_alarm (ClmRecord            *record,
                const ClmPlanContext *context)
{
  ClmValidity validity = record_validity (record);
  gint64 next = record->generation ? clm_schedule_next_alarm (&validity, context->now) : CLM_SCHEDULE_NEVER;

  record->alarm_time = next == CLM_SCHEDULE_NEVER ? 0 : next;
}

void
clm_plan_ready (ClmRecord            *record,
                ClmSpec              *spec,
                const ClmPlanContext *context)
{
  g_autoptr (ClmCalendarWindows) windows = spec->window ? clm_calendar_windows_parse (spec->window, NULL) : NULL;
  ClmRenewalPolicy policy = {
    .share = spec->renew_at == CLM_RENEW_AT_LEFT ? 0 : spec->renew_share,
    .before_s = spec->renew_at == CLM_RENEW_AT_LEFT ? spec->renew_left : CLM_SCHEDULE_NEVER,
    .use_hint = spec->renew_at == CLM_RENEW_AT_SUGGESTED,
    .windows = windows,
    .spread_s = MAX (spec->spread, 0),
  };
  ClmRenewalHint hint = { record->hint_start, record->hint_end };
  ClmValidity validity = record_validity (record);

  clear_error (record);
  record->state = CLM_STATE_READY;
  set_next (record, CLM_ACTION_RENEW,
            clm_schedule_renewal_due (&policy, &validity, record->hint_end > 0 ? &hint : NULL, context->now, context->seed),
            TRUE);
  set_next_alarm (record, context);
}

/* Why it fails, as a word that stays the same over versions and languages. */
static const char *
error_to_reason (const GError *error)
{
  if (error->domain != CLM_ERROR)
    return "internal";
  switch ((ClmError) error->code) {
  case CLM_ERROR_UNREACHABLE:
    return "authority-unreachable";
  case CLM_ERROR_BUSY:
    return "authority-busy";
  case CLM_ERROR_REJECTED:
    return "authority-refused";
  case CLM_ERROR_CONFIG:
  case CLM_ERROR_NOT_SUPPORTED:
  case CLM_ERROR_INVALID_ARGUMENT:
    return "configuration";
  case CLM_ERROR_KEY_UNAVAILABLE:
    return "key-unavailable";
  case CLM_ERROR_CLOCK:
    return "clock-untrusted";
  case CLM_ERROR_INVALID_DATA:
    return "policy";
  case CLM_ERROR_DELIVERY:
    return "delivery";
  case CLM_ERROR_STORAGE:
    return "storage";
  case CLM_ERROR_FAILED:
  case CLM_ERROR_TICKET_LOST:
  case CLM_ERROR_NOT_FOUND:
  case CLM_ERROR_EXISTS:
  case CLM_ERROR_ACCESS_DENIED:
  case CLM_ERROR_LIMITS_EXCEEDED:
  case CLM_ERROR_CONFLICT:
  case CLM_N_ERRORS:
  default:
    return "failed";
  }
}

/* What only a person can change is not asked for again and again, but still once a day, lest a repaired CA be missed. */
static gboolean
needs_operator (const GError *error)
{
  return g_error_matches (error, CLM_ERROR, CLM_ERROR_REJECTED) || g_error_matches (error, CLM_ERROR, CLM_ERROR_CONFIG) ||
         g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED) ||
         g_error_matches (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
}

#define OPERATOR_ATTEMPTS 10  /* the back-off that so many failures in a row would have */

void
clm_plan_failed (ClmRecord            *record,
                 ClmSpec              *spec,
                 const ClmPlanContext *context,
                 ClmAction             action,
                 const GError         *error)
{
  ClmValidity validity = record_validity (record);
  gint64 retry_after = clm_error_get_retry_after (error);
  const char *hint = clm_error_get_hint (error);
  guint attempts;

  record->attempts++;
  record->state = CLM_STATE_FAILING;
  /* While there is another CA to ask, its turn comes soon. */
  attempts = record->attempts;
  if (needs_operator (error) && attempts >= (spec ? g_strv_length (spec->authorities) : 1))
    attempts = MAX (attempts, OPERATOR_ATTEMPTS);
  clm_record_set (&record->reason, error_to_reason (error));
  clm_record_set (&record->message, error->message);
  clm_record_set (&record->hint, hint);
  clm_record_set (&record->error, error->domain == CLM_ERROR ? clm_error_code_to_nick (error->code) : "Failed");
  set_next (record, action,
            context->now + clm_schedule_retry_delay (&validity, attempts, retry_after, context->now, context->seed), FALSE);
  set_next_alarm (record, context);
  if (record->alarm == CLM_EXPIRY_ALARM_EXPIRED)
    record->state = CLM_STATE_EXPIRED;
}

void
clm_plan_pending (ClmRecord            *record,
                  const ClmPlanContext *context,
                  guint                 polls,
                  gint64                suggested_s)
{
  ClmValidity validity = record_validity (record);

  clear_error (record);
  record->state = CLM_STATE_PENDING;
  clm_record_set (&record->reason, "authority-pending");
  clm_record_set (&record->message, "the CA has yet to decide");
  set_next (record, CLM_ACTION_POLL,
            context->now + clm_schedule_poll_delay (&validity, polls, suggested_s, context->now, context->seed), FALSE);
  set_next_alarm (record, context);
}

void
clm_plan_idle (ClmRecord  *record,
               ClmState    state,
               const char *reason,
               const char *message)
{
  clear_error (record);
  record->state = state;
  clm_record_set (&record->reason, reason);
  clm_record_set (&record->message, message);
  set_next (record, CLM_ACTION_NONE, 0, FALSE);
}

gboolean
clm_plan_raise_alarm (ClmRecord            *record,
                      const ClmPlanContext *context,
                      ClmExpiryAlarm       *level)
{
  ClmValidity validity = record_validity (record);

  *level = CLM_EXPIRY_ALARM_NONE;
  if (record->generation == 0 || !context->trusted) {
    /* Without trust in the clock nothing is declared; the manager looks again when trust comes. */
    record->alarm_time = 0;
    return FALSE;
  }
  *level = clm_schedule_alarm (&validity, context->now);
  set_next_alarm (record, context);
  if (*level == CLM_EXPIRY_ALARM_EXPIRED && record->state != CLM_STATE_REVOKED && record->state != CLM_STATE_HELD)
    record->state = CLM_STATE_EXPIRED;
  if (*level <= (ClmExpiryAlarm) record->alarm)
    return FALSE;
  record->alarm = *level;
  return TRUE;
}

gboolean
clm_plan_is_due (const ClmRecord *record,
                 gint64           now)
{
  return record->next_action != CLM_ACTION_NONE && record->next_time != 0 && record->next_time <= now;
}
