/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * DER (X.690), as far as certificates and CRLs need it. The writer appends to one buffer, because a certificate is four
 * kilobytes of copying and a CRL of a hundred thousand entries is one encode instead of a hundred thousand objects (the
 * X509_CRL interface takes fifty times as long). The reader is strict: definite, shortest lengths, one-byte tags.
 */

#define CLM_CA_DER_BOOLEAN      0x01
#define CLM_CA_DER_INTEGER      0x02
#define CLM_CA_DER_BIT_STRING   0x03
#define CLM_CA_DER_OCTET_STRING 0x04
#define CLM_CA_DER_OID          0x06
#define CLM_CA_DER_ENUMERATED   0x0a
#define CLM_CA_DER_UTC_TIME     0x17
#define CLM_CA_DER_GENERALIZED  0x18
#define CLM_CA_DER_SEQUENCE     0x30
#define CLM_CA_DER_SET          0x31
/** CLM_CA_DER_CONTEXT: primitive context tag; CLM_CA_DER_EXPLICIT: constructed context tag. */
#define CLM_CA_DER_CONTEXT(n)   (0x80 | (n))
#define CLM_CA_DER_EXPLICIT(n)  (0xa0 | (n))

/** CLM_CA_DER_HEAD_MAX: bytes of tag and length, at most. */
#define CLM_CA_DER_HEAD_MAX     10
/** CLM_CA_DER_TIME_MAX: bytes of a whole GeneralizedTime. */
#define CLM_CA_DER_TIME_MAX     17

/** ClmCaDer: one element; pointers into the buffer that was read. @full includes tag and length. */
typedef struct {
  guint8        tag;
  const guint8 *full;
  gsize         full_size;
  const guint8 *value;
  gsize         size;
} ClmCaDer;

/** clm_ca_der_encode_head: Writes tag and length of an element that holds @size bytes. Returns: how many bytes that took. */
gsize clm_ca_der_encode_head (guint8 head[CLM_CA_DER_HEAD_MAX], guint8 tag, gsize size);
/** clm_ca_der_open: Begins a constructed (or wrapping) element. Returns: a mark for clm_ca_der_close(). */
gsize clm_ca_der_open (GByteArray *out, guint8 tag);
/** clm_ca_der_close: Ends the element begun at @mark: puts in its length. */
void clm_ca_der_close (GByteArray *out, gsize mark);
/** clm_ca_der_put: Appends a whole primitive element. */
void clm_ca_der_put (GByteArray *out, guint8 tag, const void *value, gsize size);
/** clm_ca_der_put_raw: Appends bytes that are DER already. */
void clm_ca_der_put_raw (GByteArray *out, const void *der, gsize size);
/** clm_ca_der_put_bytes: the same for a #GBytes. */
void clm_ca_der_put_bytes (GByteArray *out, GBytes *der);
/** clm_ca_der_put_unsigned: Appends an INTEGER (or ENUMERATED by @tag) that is not negative. */
void clm_ca_der_put_unsigned (GByteArray *out, guint8 tag, guint64 value);
/** clm_ca_der_encode_time: Writes what clm_ca_der_put_time() appends to @time. Returns: its size. */
gsize clm_ca_der_encode_time (guint8 time[CLM_CA_DER_TIME_MAX], gint64 seconds);
/** clm_ca_der_put_time: Appends @seconds since the epoch (until the end of 9999) as RFC 5280 §4.1.2.5 wants it: UTCTime until 2049, GeneralizedTime from 2050. */
void clm_ca_der_put_time (GByteArray *out, gint64 seconds);
/** clm_ca_der_read: Reads the element at *@cursor and moves behind it. Returns: %FALSE at malformed or missing data. */
gboolean clm_ca_der_read (const guint8 **cursor, const guint8 *end, ClmCaDer *element);
/** clm_ca_der_expect: the same, and the tag must be @tag. */
gboolean clm_ca_der_expect (const guint8 **cursor, const guint8 *end, guint8 tag, ClmCaDer *element);
/** clm_ca_der_read_time: @seconds: (out). Returns: %FALSE unless @element is a time in the one form that RFC 5280 §4.1.2.5 allows for its year. */
gboolean clm_ca_der_read_time (const ClmCaDer *element, gint64 *seconds);
/** clm_ca_der_read_unsigned: @value: (out). Returns: %FALSE for a negative, padded, or more than 63 bits long INTEGER. */
gboolean clm_ca_der_read_unsigned (const ClmCaDer *element, guint64 *value);

G_END_DECLS
