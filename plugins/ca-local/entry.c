/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry.h"

const char *
clm_ca_role_get_nick (ClmCaRole role)
{
  return role == CLM_CA_ROOT ? "root" : "intermediate";
}

ClmCaEntry *
clm_ca_entry_new (void)
{
  return g_new0 (ClmCaEntry, 1);
}

void
clm_ca_entry_free (ClmCaEntry *self)
{
  g_clear_pointer (&self->serial, g_bytes_unref);
  g_clear_pointer (&self->digest, g_bytes_unref);
  g_clear_pointer (&self->tbs, g_bytes_unref);
  g_clear_pointer (&self->der, g_bytes_unref);
  g_free (self->certificate);
  g_free (self->profile);
  g_free (self->subject);
  g_free (self);
}

static GBytes *
ref_bytes (GBytes *bytes)
{
  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

ClmCaEntry *
clm_ca_entry_copy (const ClmCaEntry *entry)
{
  ClmCaEntry *copy = clm_ca_entry_new ();

  *copy = *entry;
  copy->serial = ref_bytes (entry->serial);
  copy->digest = ref_bytes (entry->digest);
  copy->tbs = ref_bytes (entry->tbs);
  copy->der = ref_bytes (entry->der);
  copy->certificate = g_strdup (entry->certificate);
  copy->profile = g_strdup (entry->profile);
  copy->subject = g_strdup (entry->subject);
  return copy;
}
