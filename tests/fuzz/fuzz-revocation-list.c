/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ca-local reads back of its CRL. Input: whether to sign; a CRL, or a TBSCertList. */
#include "fuzz.h"

#include "crl.h"
#include "signer.h"

#define LAST_REASON 10

const gsize clm_fuzz_head = 1;

static ClmCaIssuer *
get_issuer (void)
{
  static ClmCaIssuer *issuer;
  g_autoptr (GError) error = NULL;

  if (issuer == NULL)
    issuer = clm_ca_issuer_new (clm_fuzz_get_root (), &error);
  g_assert_no_error (error);
  return issuer;
}

static void
on_entry (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data)
{
  guint *n = user_data;

  g_assert_true (serial != NULL && size > 0);
  g_assert_true (reason >= 0 && reason <= LAST_REASON && reason != 7);   /* RFC 5280 §5.3.1 */
  (*n)++;
}

typedef struct {
  ClmCaCrlWriter *writer;
} Copy;

static void
on_copy (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data)
{
  clm_ca_crl_writer_add (((Copy *) user_data)->writer, serial, size, revoked_at, reason);
}

static void
ignore (const guint8 *serial, gsize size, gint64 revoked_at, int reason, gpointer user_data)
{
  g_checksum_update (user_data, serial, (gssize) size);
  g_checksum_update (user_data, (const guchar *) &revoked_at, sizeof revoked_at);
  g_checksum_update (user_data, (const guchar *) &reason, sizeof reason);
}

/* As many entries as libcrypto sees, and the same again when they are written anew: none may get lost. */
static void
check_entries (GBytes *der, const ClmCaCrlInfo *info, guint n)
{
  const guint8 *at = g_bytes_get_data (der, NULL);
  g_autoptr (X509_CRL) crl = d2i_X509_CRL (NULL, &at, (long) g_bytes_get_size (der));
  g_autoptr (ClmCaCrlWriter) writer = clm_ca_crl_writer_new (get_issuer (), info->number, info->this_update, info->next_update);
  g_autoptr (GChecksum) before = g_checksum_new (G_CHECKSUM_SHA256), after = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GBytes) tbs = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  ClmCaCrlInfo copied;
  Copy copy = { writer };

  g_assert_cmpint (MAX (sk_X509_REVOKED_num (X509_CRL_get_REVOKED (crl)), 0), ==, (int) n);
  if (info->this_update < 0 || info->next_update < 0 || info->number > G_MAXINT64)
    return;   /* such as the writer is never asked for */
  g_assert_true (clm_ca_crl_read (der, get_issuer (), &copied, on_copy, &copy, &error));
  g_assert_true (clm_ca_crl_read (der, get_issuer (), &copied, ignore, before, &error));
  tbs = clm_ca_crl_writer_end (writer);
  again = clm_fuzz_sign (tbs, CLM_FUZZ_ROOT);
  g_assert_true (clm_ca_crl_read (again, get_issuer (), &copied, ignore, after, &error));
  g_assert_cmpstr (g_checksum_get_string (before), ==, g_checksum_get_string (after));
  g_assert_true (copied.number == info->number && copied.this_update == info->this_update && copied.next_update == info->next_update);
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  gboolean sign = clm_fuzz_take_byte (&in) & 1;
  g_autoptr (GBytes) rest = clm_fuzz_take_rest (&in);
  g_autoptr (GBytes) der = sign ? clm_fuzz_sign (rest, CLM_FUZZ_ROOT) : g_bytes_ref (rest);
  g_autoptr (GError) error = NULL;
  ClmCaCrlInfo info = { 0 };
  guint n = 0;

  if (clm_ca_crl_read (der, get_issuer (), &info, on_entry, &n, &error)) {
    check_entries (der, &info, n);
    clm_fuzz_accept ();
  } else
    clm_fuzz_assert_error (error);
}

static void
seed (const char *name, guint8 sign, GBytes *der)
{
  g_autoptr (GByteArray) out = g_byte_array_append (g_byte_array_new (), &sign, 1);

  g_byte_array_append (out, g_bytes_get_data (der, NULL), (guint) g_bytes_get_size (der));
  clm_fuzz_seed (name, out->data, out->len);
}

static GBytes *
make_list (guint n)
{
  g_autoptr (ClmCaCrlWriter) writer = clm_ca_crl_writer_new (get_issuer (), 7, CLM_FUZZ_NOW, CLM_FUZZ_NOW + 86400);

  for (guint i = 0; i < n; i++)
    clm_ca_crl_writer_add (writer, (const guint8[]) { 0x40, (guint8) i }, 2, CLM_FUZZ_NOW - i, (int) i);
  return clm_ca_crl_writer_end (writer);
}

void
clm_fuzz_make_seeds (void)
{
  g_autoptr (GBytes) empty = make_list (0), full = make_list (3), whole = clm_fuzz_sign (full, CLM_FUZZ_ROOT);

  seed ("empty", 1, empty);
  seed ("entries", 1, full);
  seed ("whole", 0, whole);
}
