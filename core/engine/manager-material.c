/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager-private.h"

#include <gio/gunixinputstream.h>
#include <unistd.h>

#define PEM_MAX (128 * 1024)

void
clm_credential_fds_free (ClmCredentialFds *self)
{
  int *const fds[] = { &self->leaf, &self->chain, &self->full_chain, &self->key, &self->combined };

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
    if (*fds[i] >= 0)
      close (*fds[i]);
  }
  g_free (self->key_uri);
  g_free (self);
}

static int
steal_fd (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

ClmCredentialFds *
clm_manager_open_credential (ClmManager *self,
                             const char *name,
                             gboolean    with_key,
                             GError    **error)
{
  g_autoptr (ClmRecord) record = clm_manager_get_record (self, name, error);
  g_autoptr (ClmGenerationFds) fds = NULL;
  g_autoptr (ClmGeneration) meta = NULL;
  ClmCredentialFds *credential;

  if (!record)
    return NULL;
  fds = clm_generation_open_fds (self->engine.generations, name, with_key, error);
  meta = fds ? clm_generation_read_meta (self->engine.generations, name, fds->number, error) : NULL;
  if (!meta)
    return NULL;
  credential = g_new0 (ClmCredentialFds, 1);
  credential->generation = fds->number;
  credential->leaf = steal_fd (&fds->cert);
  credential->chain = steal_fd (&fds->chain);
  credential->full_chain = steal_fd (&fds->fullchain);
  credential->key = steal_fd (&fds->key);
  credential->combined = steal_fd (&fds->combined);
  credential->key_uri = g_strdup (meta->key_uri);
  return credential;
}

GBytes *
clm_manager_get_pem (ClmManager *self,
                     const char *name,
                     GError    **error)
{
  g_autoptr (ClmCredentialFds) fds = clm_manager_open_credential (self, name, FALSE, error);
  g_autoptr (GInputStream) stream = NULL;

  if (!fds)
    return NULL;
  stream = g_unix_input_stream_new (fds->full_chain, FALSE);
  return g_input_stream_read_bytes (stream, PEM_MAX, NULL, error);
}
