/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration-private.h"

void
clm_settings_init (ClmSettings *self, guint32 admin_uid)
{
  *self = (ClmSettings) {
    .clock = CLM_CLOCK_NTP,
    .max_concurrent = 64,
    .max_per_caller = 10,
    .max_callers = 100,
    .keep_generations = 3,
    .history_limit = 10000,
    .access = clm_access_new (admin_uid),
  };
}

void
clm_settings_clear (ClmSettings *self)
{
  g_clear_pointer (&self->serial_number, g_free);
  g_clear_pointer (&self->access, clm_access_unref);
}

void
clm_settings_copy (ClmSettings *self, const ClmSettings *other)
{
  ClmSettings copy = *other;

  copy.serial_number = g_strdup (other->serial_number);
  copy.access = clm_access_ref (other->access);
  clm_settings_clear (self);
  *self = copy;
}

static gboolean
read_number (ClmOptions *options, const char *key, guint min, guint max, guint *value, GError **error)
{
  gint64 number;

  if (!clm_options_get_int (options, key, *value, min, max, &number, error))
    return FALSE;
  *value = (guint) number;
  return TRUE;
}

static gboolean
read_daemon (ClmSettings *self, ClmOptions *options, GError **error)
{
  const char *const clock_words[] = { "ntp", "rtc", "always", NULL };
  guint clock;

  if (!clm_options_get_choice (options, "Clock", clock_words, self->clock, &clock, error) ||
      !read_number (options, "MaxConcurrent", 1, 1024, &self->max_concurrent, error) ||
      !read_number (options, "MaxPerCaller", 1, 1000, &self->max_per_caller, error) ||
      !read_number (options, "MaxCallers", 1, 10000, &self->max_callers, error) ||
      !read_number (options, "KeepGenerations", 2, 100, &self->keep_generations, error) ||
      !read_number (options, "HistoryLimit", 100, 10000000, &self->history_limit, error))
    return FALSE;
  self->clock = (ClmClockMode) clock;
  self->serial_number = g_strdup (clm_options_get_string (options, "SerialNumber", NULL));
  return clm_options_refuse_unread (options, error);
}

/* Nobody owns every certificate but root. */
static gboolean
read_access (ClmSettings *self, ClmOptions *options, const ClmAccountResolver *resolver, guint32 admin_uid, GError **error)
{
  g_autoptr (ClmAccess) base = clm_access_new (admin_uid);

  if (clm_options_has (options, "Owner")) {
    clm_options_set_error (options, "Owner", error, "only a certificate or a template has an owner");
    return FALSE;
  }
  g_clear_pointer (&self->access, clm_access_unref);
  self->access = clm_access_new_from_options (options, resolver, base, error);
  return self->access && clm_options_refuse_unread (options, error);
}

gboolean
clm_settings_read (ClmSettings *self, ClmUnit *unit, const ClmAccountResolver *resolver, guint32 admin_uid, GError **error)
{
  const char *const groups[] = { "Daemon", "Access", NULL };
  g_autoptr (ClmOptions) daemon = clm_unit_make_options (unit, "Daemon");
  g_autoptr (ClmOptions) access = clm_unit_make_options (unit, "Access");
  ClmSettings fresh;

  clm_settings_init (&fresh, admin_uid);
  if (!clm_unit_refuse_unknown_groups (unit, groups, error) ||
      !read_daemon (&fresh, daemon, error) ||
      !read_access (&fresh, access, resolver, admin_uid, error)) {
    clm_settings_clear (&fresh);
    return FALSE;
  }
  clm_settings_clear (self);
  *self = fresh;
  return TRUE;
}
