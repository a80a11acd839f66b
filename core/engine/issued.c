/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issued.h"

#include <string.h>

#include "certificate.h"
#include "disk-lane.h"

ClmGeneration *
clm_issued_to_generation (ClmSpec         *spec,
                          const ClmIntent *intent,
                          GPtrArray       *chain,
                          GPtrArray       *anchors,
                          gint64           now,
                          GError         **error)
{
  g_autoptr (ClmGeneration) generation = clm_generation_new (spec->name, (guint) intent->number);
  GBytes *leaf = g_ptr_array_index (chain, 0);
  g_autoptr (X509) certificate = clm_x509_parse (leaf, error);

  if (!certificate || !clm_x509_get_validity (certificate, &generation->not_before, &generation->not_after, error))
    return NULL;
  generation->created = now;
  clm_record_set (&generation->authority, intent->authority);
  clm_record_set (&generation->spec_digest, intent->issue_digest);
  clm_record_set (&generation->key_uri, intent->key_uri);
  if (spec->origin == CLM_ORIGIN_REQUEST)
    generation->request = clm_spec_serialize (spec);
  g_free (generation->serial);
  generation->serial = clm_x509_get_serial (certificate);
  generation->spki = clm_x509_get_spki (certificate);
  generation->leaf = g_bytes_ref (leaf);
  for (guint i = 1; i < chain->len; i++)
    g_ptr_array_add (generation->chain, g_bytes_ref (g_ptr_array_index (chain, i)));
  for (guint i = 0; i < anchors->len; i++)
    g_ptr_array_add (generation->anchors, g_bytes_ref (g_ptr_array_index (anchors, i)));
  return g_steal_pointer (&generation);
}

/* The spec's own policy */

static gboolean
check_key_size (ClmSpec *spec,
                X509    *certificate,
                GError **error)
{
  EVP_PKEY *key = X509_get0_pubkey (certificate);
  guint bits = key ? (guint) EVP_PKEY_get_bits (key) : 0;
  guint least = key && EVP_PKEY_is_a (key, "RSA") ? spec->min_rsa_bits : key && EVP_PKEY_is_a (key, "EC") ? spec->min_ec_bits : 0;

  if (bits >= least)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "key-size: a key of the chain has %u bits, policy wants %u", bits, least);
  return FALSE;
}

static const char *
algorithm_word (int pkey_nid)
{
  switch (pkey_nid) {
  case NID_X9_62_id_ecPublicKey:
    return "ecdsa";
  case NID_rsaEncryption:
    return "rsa";
  case NID_rsassaPss:
    return "rsa-pss";
  default:
    return OBJ_nid2sn (pkey_nid);
  }
}

/* "ecdsa-sha256", "rsa-pss-sha384", "ed25519": the words of `AllowedSignatures=`. */
static char *
signature_word (X509 *certificate)
{
  int hash = NID_undef, pkey = NID_undef;
  g_autofree char *word = NULL;

  if (!X509_get_signature_info (certificate, &hash, &pkey, NULL, NULL))
    return g_strdup ("unknown");
  word = hash == NID_undef ? g_strdup (algorithm_word (pkey)) :
                             g_strdup_printf ("%s-%s", algorithm_word (pkey), OBJ_nid2sn (hash));
  return g_ascii_strdown (word, -1);
}

static gboolean
check_signature (ClmSpec *spec,
                 X509    *certificate,
                 GError **error)
{
  g_autofree char *word = signature_word (certificate);

  if (!spec->allowed_signatures[0] || g_strv_contains ((const char *const *) spec->allowed_signatures, word))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "signature: %s is not among AllowedSignatures=", word);
  return FALSE;
}

static gboolean
check_one (ClmSpec *spec,
           GBytes  *der,
           GError **error)
{
  g_autoptr (X509) certificate = clm_x509_parse (der, error);

  return certificate && check_key_size (spec, certificate, error) && check_signature (spec, certificate, error);
}

#define LEAST_LIFETIME_S 60

/* A lifetime that short is only for whoever asked for it. */
static gboolean
check_lifetime (ClmSpec       *spec,
                ClmGeneration *generation,
                GError       **error)
{
  gint64 least = spec->validity > 0 ? MIN (spec->validity, LEAST_LIFETIME_S) : LEAST_LIFETIME_S;

  if (generation->not_after - generation->not_before >= least)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "validity-too-short: less than %" G_GINT64_FORMAT " s of validity", least);
  return FALSE;
}

gboolean
clm_issued_check_spec (ClmSpec       *spec,
                       ClmGeneration *generation,
                       GError       **error)
{
  if (!check_lifetime (spec, generation, error) || !check_one (spec, generation->leaf, error))
    return FALSE;
  for (guint i = 0; i < generation->chain->len; i++) {
    if (!check_one (spec, g_ptr_array_index (generation->chain, i), error))
      return FALSE;
  }
  return TRUE;
}

/* To a record */

static const struct {
  ClmNameKind kind;
  const char *label;
} name_kinds[] = {
  { CLM_NAME_DNS, "DNS" },
  { CLM_NAME_IP, "IP" },
  { CLM_NAME_URI, "URI" },
  { CLM_NAME_EMAIL, "email" },
};

static char *
list_names (X509    *certificate,
            GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (name_kinds); i++) {
    g_auto (GStrv) names = clm_x509_get_names (certificate, name_kinds[i].kind, NULL, error);

    if (!names)
      return NULL;
    for (guint k = 0; names[k]; k++)
      g_string_append_printf (text, "%s%s:%s", text->len ? ", " : "", name_kinds[i].label, names[k]);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
take (char **member,
      char  *value)
{
  g_free (*member);
  *member = value;
}

gboolean
clm_issued_to_record (ClmGeneration *generation,
                      ClmRecord     *record,
                      GError       **error)
{
  g_autoptr (X509) certificate = clm_x509_parse (generation->leaf, error);
  char *names = certificate ? list_names (certificate, error) : NULL;
  g_autofree char *key_store = NULL;
  g_autofree char *key_id = NULL;

  if (!names)
    return FALSE;
  take (&record->alt_names, names);
  take (&record->subject, clm_x509_get_subject (certificate));
  take (&record->issuer, clm_x509_get_issuer (certificate));
  take (&record->fingerprint, clm_x509_get_fingerprint (certificate));
  clm_record_set (&record->serial, generation->serial);
  clm_record_set (&record->key_type, clm_x509_get_key_type (certificate));
  clm_record_set (&record->key_uri, generation->key_uri);
  if (clm_key_uri_parse (generation->key_uri, &key_store, &key_id, NULL))
    clm_record_set (&record->key_store, key_store);
  clm_record_set (&record->authority, generation->authority);
  /* Another one: what was said of the one before says nothing of it. */
  if (record->generation != generation->number) {
    record->hint_start = record->hint_end = 0;
    record->alarm = 0;
    record->revoked = 0;
  }
  record->generation = generation->number;
  record->not_before = generation->not_before;
  record->not_after = generation->not_after;
  record->issued = generation->created;
  return TRUE;
}

ClmGenerationRow *
clm_issued_to_row (ClmGeneration *generation)
{
  ClmGenerationRow *row = clm_generation_row_new (generation->number);

  clm_record_set (&row->status, "current");
  clm_record_set (&row->serial, generation->serial);
  clm_record_set (&row->fingerprint, generation->fingerprint);
  clm_record_set (&row->authority, generation->authority);
  clm_record_set (&row->key_uri, generation->key_uri);
  row->not_before = generation->not_before;
  row->not_after = generation->not_after;
  row->created = generation->created;
  return row;
}

ClmIssuance *
clm_issued_to_issuance (ClmGeneration *generation)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  g_ptr_array_add (chain, g_bytes_ref (generation->leaf));
  for (guint i = 0; i < generation->chain->len; i++)
    g_ptr_array_add (chain, g_bytes_ref (g_ptr_array_index (generation->chain, i)));
  return clm_issuance_new_issued (chain);
}

char *
clm_issued_format_time (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);

  return date ? g_date_time_format_iso8601 (date) : g_strdup_printf ("%" G_GINT64_FORMAT, time);
}

void
clm_issued_describe (ClmGeneration *generation,
                     ClmEvent      *event)
{
  g_autofree char *until = clm_issued_format_time (generation->not_after);
  g_autofree char *number = g_strdup_printf ("%u", generation->number);

  clm_event_add_field (event, "serial", generation->serial);
  clm_event_add_field (event, "fingerprint", generation->fingerprint);
  clm_event_add_field (event, "not_after", until);
  clm_event_add_field (event, "generation", number);
  clm_event_add_field (event, "authority", generation->authority);
}

/* Staging */

typedef struct {
  ClmGenerationStore *store;
  ClmGeneration      *generation;  /* borrowed: the caller waits */
  ClmSecret          *pem;         /* (nullable) */
} StageWork;

static void
stage_work_free (StageWork *work)
{
  clm_generation_store_unref (work->store);
  g_clear_pointer (&work->pem, clm_secret_unref);
  g_free (work);
}

static gboolean
check_exported (StageWork *work,
                GError   **error)
{
  g_autoptr (EVP_PKEY) key = NULL;
  g_autoptr (GBytes) spki = NULL;

  if (!work->pem)
    return TRUE;
  key = clm_x509_key_from_pem (work->pem, error);
  spki = key ? clm_x509_key_to_spki (key, error) : NULL;
  if (!spki)
    return FALSE;
  if (g_bytes_equal (spki, work->generation->spki))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_KEY_UNAVAILABLE, "the key store exported another key than the certificate's");
  return FALSE;
}

/* An earlier try under the same intent may have left it complete, but failed before it knew so. What was ever current stays. */
static gboolean
write_generation (StageWork *work,
                  GError   **error)
{
  g_autoptr (GError) local = NULL;

  if (clm_generation_write (work->store, work->generation, work->pem, &local))
    return TRUE;
  if (!g_error_matches (local, CLM_ERROR, CLM_ERROR_EXISTS)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return clm_generation_drop (work->store, work->generation->name, work->generation->number, error) &&
         clm_generation_write (work->store, work->generation, work->pem, error);
}

static void
stage_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  StageWork *work = task_data;
  GError *error = NULL;

  if (check_exported (work, &error) && write_generation (work, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_exported (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  StageWork *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmSecret) pkcs8 = clm_key_exporter_export_finish (CLM_KEY_EXPORTER (source), result, &error);

  if (pkcs8)
    work->pem = clm_x509_pkcs8_to_pem (pkcs8);
  else if (!g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  clm_disk_lane_run (task, stage_in_thread);
}

void
clm_issued_stage_async (ClmGenerationStore *store,
                        ClmGeneration      *generation,
                        ClmKey             *key,
                        gboolean            exportable,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  ClmKeyStore *key_store = clm_key_get_store (key);
  StageWork *work = g_new0 (StageWork, 1);

  g_task_set_source_tag (task, clm_issued_stage_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, work, (GDestroyNotify) stage_work_free);
  work->store = clm_generation_store_ref (store);
  work->generation = generation;
  if (!exportable || !CLM_IS_KEY_EXPORTER (key_store)) {
    clm_disk_lane_run (task, stage_in_thread);
    return;
  }
  clm_key_exporter_export_async (CLM_KEY_EXPORTER (key_store), clm_key_get_id (key), cancellable, on_exported,
                                 g_steal_pointer (&task));
}

gboolean
clm_issued_stage_finish (GAsyncResult *result,
                         GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
