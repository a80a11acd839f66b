/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-error.h"

typedef struct {
  gint64 retry_after_s;
  char  *hint;
} ClmErrorPrivate;

static const char *const nicks[] = {
  [CLM_ERROR_FAILED] = "Failed",
  [CLM_ERROR_UNREACHABLE] = "Unreachable",
  [CLM_ERROR_BUSY] = "Busy",
  [CLM_ERROR_REJECTED] = "Rejected",
  [CLM_ERROR_CONFIG] = "Config",
  [CLM_ERROR_KEY_UNAVAILABLE] = "KeyUnavailable",
  [CLM_ERROR_CLOCK] = "Clock",
  [CLM_ERROR_TICKET_LOST] = "TicketLost",
  [CLM_ERROR_NOT_SUPPORTED] = "NotSupported",
  [CLM_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
  [CLM_ERROR_NOT_FOUND] = "NotFound",
  [CLM_ERROR_EXISTS] = "Exists",
  [CLM_ERROR_ACCESS_DENIED] = "AccessDenied",
  [CLM_ERROR_LIMITS_EXCEEDED] = "LimitsExceeded",
  [CLM_ERROR_INVALID_DATA] = "InvalidData",
  [CLM_ERROR_DELIVERY] = "Delivery",
  [CLM_ERROR_STORAGE] = "Storage",
  [CLM_ERROR_CONFLICT] = "Conflict",
  [CLM_ERROR_RESYNC_NEEDED] = "ResyncNeeded",
};
G_STATIC_ASSERT (G_N_ELEMENTS (nicks) == CLM_N_ERRORS);

static void
clm_error_private_init (ClmErrorPrivate *priv)
{
  priv->retry_after_s = -1;
}

static void
clm_error_private_copy (const ClmErrorPrivate *source, ClmErrorPrivate *target)
{
  target->retry_after_s = source->retry_after_s;
  target->hint = g_strdup (source->hint);
}

static void
clm_error_private_clear (ClmErrorPrivate *priv)
{
  g_free (priv->hint);
}

G_DEFINE_EXTENDED_ERROR (ClmError, clm_error)

void
clm_error_set_retry_after (GError *error, gint64 seconds)
{
  if (error == NULL)
    return;
  g_return_if_fail (error->domain == CLM_ERROR);
  clm_error_get_private (error)->retry_after_s = MAX (seconds, 0);
}

gint64
clm_error_get_retry_after (const GError *error)
{
  if (error == NULL || error->domain != CLM_ERROR)
    return -1;
  return clm_error_get_private (error)->retry_after_s;
}

void
clm_error_set_hint (GError *error, const char *format, ...)
{
  va_list args;

  if (error == NULL)
    return;
  g_return_if_fail (error->domain == CLM_ERROR);
  ClmErrorPrivate *priv = clm_error_get_private (error);
  va_start (args, format);
  char *hint = g_strdup_vprintf (format, args);
  va_end (args);
  g_free (priv->hint);
  priv->hint = hint;
}

const char *
clm_error_get_hint (const GError *error)
{
  if (error == NULL || error->domain != CLM_ERROR)
    return NULL;
  return clm_error_get_private (error)->hint;
}

const char *
clm_error_code_to_nick (int code)
{
  return code >= 0 && code < CLM_N_ERRORS ? nicks[code] : nicks[CLM_ERROR_FAILED];
}
