/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "certloom-plugin.h"

G_BEGIN_DECLS

/**
 * ClmSpecifiers: what `%` and a letter stand for in a configuration file. Plain data; any thread.
 *
 * `%i` the instance of a template · `%H` the host name · `%m` the machine id · `%S` the device's serial number · `%%` a per cent
 * sign. A per cent sign before anything but a letter stands for itself, so `At=66%` and `%20` mean what they say; before any
 * other letter it is refused.
 */
typedef struct {
  char *host_name;      /* (nullable) */
  char *machine_id;     /* (nullable) */
  char *serial_number;  /* (nullable) */
} ClmSpecifiers;

/** clm_specifiers_new: all (nullable): the specifier then fails where it is used. Returns: (transfer full). */
ClmSpecifiers *clm_specifiers_new (const char *host_name, const char *machine_id, const char *serial_number);

/**
 * clm_specifiers_load:
 * @root: (nullable): prefix of the files that are read, for tests; the host name is the running machine's where @root is %NULL, else `etc/hostname`
 *
 * Asks the machine: host name; `/etc/machine-id`; serial number from `/sys/class/dmi/id/product_serial` or
 * `/proc/device-tree/serial-number`. Placeholders that makers leave there ("To be filled by O.E.M.", "Default string", zeros)
 * count as none. BLOCKING. Returns: (transfer full).
 */
ClmSpecifiers *clm_specifiers_load (const char *root);

ClmSpecifiers *clm_specifiers_copy (const ClmSpecifiers *self);
void           clm_specifiers_free (ClmSpecifiers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSpecifiers, clm_specifiers_free)

/**
 * clm_specifiers_expand:
 * @self: (nullable): nothing is known of the machine
 * @instance: (nullable): outside of templates
 *
 * Fills in @text once; what is filled in is not looked at again. A value with a character outside of `[A-Za-z0-9._:-]` is refused,
 * so that no serial number can bring a second attribute into a subject. Fails with %CLM_ERROR_CONFIG and a hint; the message names
 * the specifier only. Returns: (transfer full) (nullable).
 */
char *clm_specifiers_expand (const ClmSpecifiers *self, const char *text, const char *instance, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_specifiers_uses_instance: whether `%i` stands in @text. */
gboolean clm_specifiers_uses_instance (const char *text);

G_END_DECLS
