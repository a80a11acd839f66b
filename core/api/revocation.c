/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-authority.h"

static const struct {
  ClmRevocationReason reason;
  const char         *nick;
} reasons[] = {
  {CLM_REVOCATION_UNSPECIFIED, "unspecified"},
  {CLM_REVOCATION_KEY_COMPROMISE, "key-compromise"},
  {CLM_REVOCATION_CA_COMPROMISE, "ca-compromise"},
  {CLM_REVOCATION_AFFILIATION_CHANGED, "affiliation-changed"},
  {CLM_REVOCATION_SUPERSEDED, "superseded"},
  {CLM_REVOCATION_CESSATION_OF_OPERATION, "cessation-of-operation"},
  {CLM_REVOCATION_PRIVILEGE_WITHDRAWN, "privilege-withdrawn"},
};

const char *
clm_revocation_reason_get_nick (ClmRevocationReason reason)
{
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (reasons[i].reason == reason)
      return reasons[i].nick;
  return reasons[0].nick;
}

gboolean
clm_revocation_reason_from_nick (const char *nick, ClmRevocationReason *reason)
{
  g_return_val_if_fail (nick != NULL, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    if (g_str_equal (reasons[i].nick, nick)) {
      *reason = reasons[i].reason;
      return TRUE;
    }
  }
  return FALSE;
}

const char *const *
clm_revocation_reason_list_nicks (void)
{
  static const char *nicks[G_N_ELEMENTS (reasons) + 1];
  static gsize filled = 0;

  if (g_once_init_enter (&filled)) {
    for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
      nicks[i] = reasons[i].nick;
    g_once_init_leave (&filled, 1);
  }
  return nicks;
}
