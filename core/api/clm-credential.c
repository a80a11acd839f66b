/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-credential.h"

struct _ClmCredential {
  gatomicrefcount ref_count;
  GPtrArray      *chain;
  ClmKey         *key;
};

G_DEFINE_BOXED_TYPE (ClmCredential, clm_credential, clm_credential_ref, clm_credential_unref)

ClmCredential *
clm_credential_new (GPtrArray *chain, ClmKey *key)
{
  g_return_val_if_fail (chain != NULL && chain->len > 0, NULL);
  g_return_val_if_fail (key == NULL || CLM_IS_KEY (key), NULL);

  ClmCredential *self = g_new0 (ClmCredential, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->chain = g_ptr_array_ref (chain);
  self->key = key != NULL ? g_object_ref (key) : NULL;
  return self;
}

ClmCredential *
clm_credential_ref (ClmCredential *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_credential_unref (ClmCredential *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->chain);
  g_clear_object (&self->key);
  g_free (self);
}

GPtrArray *
clm_credential_get_chain (ClmCredential *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->chain;
}

ClmKey *
clm_credential_get_key (ClmCredential *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->key;
}
