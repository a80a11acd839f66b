/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake-host.h"
#include "memory-keys.h"
#include "report.h"

G_BEGIN_DECLS

/**
 * Subject: what is being examined: one class of a module, and what its instances are given.
 * @options: (array zero-terminated=1): `Key=value` from the command line
 * @quick: leaves out RSA keys above 2048 bits
 */
typedef struct {
  GType              type;
  const char        *name;
  const char *const *options;
  gboolean           quick;
  ClmFakeHost       *host;
  ClmKeyStore       *keys;
} Subject;

/** subject_make: Returns: (transfer full): a new instance. @extra: (nullable): one more `Key=value`. @bare: without the options given. */
gpointer subject_make (const Subject *self, gboolean bare, const char *extra);
/** subject_start: Returns: (transfer full) (nullable): a started instance. */
gpointer subject_start (const Subject *self, gboolean bare, const char *extra, GError **error);
/** subject_stop: Stops and lets go. */
void     subject_stop (gpointer instance);

/* What is examined of each class, of key stores, authorities and notifiers. */
void examine_backend (const Subject *self);
void examine_keys (const Subject *self);
void examine_authority (const Subject *self);
void examine_notifier (const Subject *self);

G_END_DECLS
