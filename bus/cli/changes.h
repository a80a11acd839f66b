/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certificates.h"

G_BEGIN_DECLS

/** ClmChangeHandlers: what is called for each certificate that the daemon tells of. Static data. */
typedef struct {
  void (*changed) (const ClmCertificateRow *row, gpointer user_data);
  void (*removed) (const char *name, gpointer user_data);
} ClmChangeHandlers;

/**
 * clm_changes_subscribe:
 *
 * Asks for the signals about certificates, until the end of the command. They come in a #ClmLoop; whoever reads afterwards how
 * things stand sees what happens in between twice rather than not at all.
 */
gboolean clm_changes_subscribe (ClmCli *cli, const ClmChangeHandlers *handlers, gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
