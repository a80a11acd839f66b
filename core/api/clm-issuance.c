/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-issuance.h"

struct _ClmIssuance {
  gatomicrefcount ref_count;
  GPtrArray      *chain;
  GBytes         *ticket;
  gint64          retry_after_s;
};

G_DEFINE_BOXED_TYPE (ClmIssuance, clm_issuance, clm_issuance_ref, clm_issuance_unref)

static ClmIssuance *
issuance_new (void)
{
  ClmIssuance *self = g_new0 (ClmIssuance, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->retry_after_s = -1;
  return self;
}

ClmIssuance *
clm_issuance_new_issued (GPtrArray *chain)
{
  g_return_val_if_fail (chain != NULL && chain->len > 0, NULL);

  ClmIssuance *self = issuance_new ();
  self->chain = g_ptr_array_ref (chain);
  return self;
}

ClmIssuance *
clm_issuance_new_pending (GBytes *ticket, gint64 retry_after_s)
{
  g_return_val_if_fail (ticket != NULL, NULL);

  ClmIssuance *self = issuance_new ();
  self->ticket = g_bytes_ref (ticket);
  self->retry_after_s = MAX (retry_after_s, -1);
  return self;
}

ClmIssuance *
clm_issuance_ref (ClmIssuance *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_issuance_unref (ClmIssuance *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->chain, g_ptr_array_unref);
  g_clear_pointer (&self->ticket, g_bytes_unref);
  g_free (self);
}

gboolean
clm_issuance_is_pending (ClmIssuance *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return self->chain == NULL;
}

GPtrArray *
clm_issuance_get_chain (ClmIssuance *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->chain;
}

GBytes *
clm_issuance_get_ticket (ClmIssuance *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->ticket;
}

gint64
clm_issuance_get_retry_after (ClmIssuance *self)
{
  g_return_val_if_fail (self != NULL, -1);
  return self->retry_after_s;
}
