/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** CLM_CA_SERIAL_SIZE: octets of the serials made here: one that keeps the number positive and its length fixed, and 128 random bits. */
#define CLM_CA_SERIAL_SIZE 17
/** CLM_CA_SERIAL_MAX: octets of any serial, RFC 5280 §4.1.2.2. */
#define CLM_CA_SERIAL_MAX 20

/** clm_ca_serial_from_random: Makes a serial of @random: %CLM_CA_SERIAL_SIZE random octets. Returns: (transfer full): contents of a DER INTEGER, positive, shortest form. */
GBytes *clm_ca_serial_from_random (const guint8 random[CLM_CA_SERIAL_SIZE]);
/** clm_ca_serial_new: the same from the system's generator. Fails with %CLM_ERROR_FAILED where that gives nothing. */
GBytes *clm_ca_serial_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_serial_to_text: Returns: (transfer full): upper-case hexadecimal as `openssl x509 -serial` prints it. */
char *clm_ca_serial_to_text (GBytes *serial);
/** clm_ca_serial_is_valid: whether @octets are a positive INTEGER in shortest form of at most %CLM_CA_SERIAL_MAX octets. */
gboolean clm_ca_serial_is_valid (const guint8 *octets, gsize size);

G_END_DECLS
