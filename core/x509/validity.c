/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certificate.h"

#include "openssl-error.h"

#include <time.h>

#define DAY 86400
#define EARLIEST G_GINT64_CONSTANT (-631152000)     /* 1950-01-01T00:00:00Z */
#define LATEST G_GINT64_CONSTANT (253402300799)     /* 9999-12-31T23:59:59Z */
#define DAYS_PER_ERA 146097                         /* 400 years of the Gregorian calendar */
#define EPOCH_DAY 719468                            /* 1970-01-01, counted from 0000-03-01 */

/* Years begin in March here, so that the leap day is their last. Written out because time_t may have 32 bits. */
static gint64
days_from_date (gint64 year, int month, int day)
{
  year -= month <= 2;
  gint64 era = (year >= 0 ? year : year - 399) / 400;
  gint64 year_of_era = year - era * 400;
  gint64 day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  gint64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

  return era * DAYS_PER_ERA + day_of_era - EPOCH_DAY;
}

static void
date_from_days (gint64 days, int *year, int *month, int *day)
{
  days += EPOCH_DAY;
  gint64 era = days / DAYS_PER_ERA;
  gint64 day_of_era = days - era * DAYS_PER_ERA;
  gint64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
  gint64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  gint64 shifted = (5 * day_of_year + 2) / 153;

  *day = (int) (day_of_year - (153 * shifted + 2) / 5 + 1);
  *month = (int) (shifted < 10 ? shifted + 3 : shifted - 9);
  *year = (int) (year_of_era + era * 400 + (*month <= 2));
}

gboolean
clm_x509_time_to_epoch (const ASN1_TIME *time, gint64 *epoch, GError **error)
{
  struct tm tm;

  if (!time || ASN1_TIME_to_tm (time, &tm) != 1) {
    ERR_clear_error ();
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "a time cannot be read");
    return FALSE;
  }
  *epoch = days_from_date ((gint64) tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * DAY + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
  return TRUE;
}

ASN1_TIME *
clm_x509_time_from_epoch (gint64 epoch)
{
  ASN1_TIME *time = ASN1_TIME_new ();
  char text[64];
  int year, month, day;

  epoch = CLAMP (epoch, EARLIEST, LATEST);
  gint64 days = epoch >= 0 ? epoch / DAY : -((-epoch + DAY - 1) / DAY);
  int rest = (int) (epoch - days * DAY);
  date_from_days (days, &year, &month, &day);
  g_snprintf (text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", year, month, day, rest / 3600, rest / 60 % 60, rest % 60);
  ASN1_TIME_set_string_X509 (time, text);
  return time;
}
