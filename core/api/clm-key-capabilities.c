/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-key-capabilities.h"

#include "guard.h"
#include "lane.h"

G_DEFINE_INTERFACE (ClmKeyExporter, clm_key_exporter, CLM_TYPE_KEY_STORE)
G_DEFINE_INTERFACE (ClmKeyImporter, clm_key_importer, CLM_TYPE_KEY_STORE)
G_DEFINE_INTERFACE (ClmDecrypter, clm_decrypter, CLM_TYPE_KEY_STORE)
G_DEFINE_INTERFACE (ClmHmac, clm_hmac, CLM_TYPE_KEY_STORE)
G_DEFINE_INTERFACE (ClmAttester, clm_attester, CLM_TYPE_KEY_STORE)
G_DEFINE_INTERFACE (ClmCertificateHolder, clm_certificate_holder, CLM_TYPE_KEY_STORE)

static void
clm_key_exporter_default_init (ClmKeyExporterInterface *iface)
{
}

static void
clm_key_importer_default_init (ClmKeyImporterInterface *iface)
{
}

static void
clm_decrypter_default_init (ClmDecrypterInterface *iface)
{
}

static void
clm_hmac_default_init (ClmHmacInterface *iface)
{
}

static void
clm_attester_default_init (ClmAttesterInterface *iface)
{
}

static void
clm_certificate_holder_default_init (ClmCertificateHolderInterface *iface)
{
}

/* Asynchronous abilities */

void
clm_key_exporter_export_async (ClmKeyExporter *self, const char *id,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_EXPORTER (self));
  g_return_if_fail (id != NULL);

  ClmKeyExporterInterface *klass = CLM_KEY_EXPORTER_GET_IFACE (self);
  gpointer call = clm_guard_enter (self, "export a key", klass->export_async != NULL && klass->export_finish != NULL,
                                   clm_key_exporter_export_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->export_async (self, id, cancellable, clm_guard_complete, call);
}

ClmSecret *
clm_key_exporter_export_finish (ClmKeyExporter *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_EXPORTER (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_key_exporter_export_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmSecret *value = CLM_KEY_EXPORTER_GET_IFACE (self)->export_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "export a key", value != NULL, failure, error))
    g_clear_pointer (&value, clm_secret_unref);
  return value;
}

void
clm_key_importer_import_async (ClmKeyImporter *self, ClmSecret *pkcs8, const char *label,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_KEY_IMPORTER (self));
  g_return_if_fail (pkcs8 != NULL);
  g_return_if_fail (label != NULL && *label != '\0');

  ClmKeyImporterInterface *klass = CLM_KEY_IMPORTER_GET_IFACE (self);
  gpointer call = clm_guard_enter (self, "import a key", klass->import_async != NULL && klass->import_finish != NULL,
                                   clm_key_importer_import_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->import_async (self, pkcs8, label, cancellable, clm_guard_complete, call);
}

char *
clm_key_importer_import_finish (ClmKeyImporter *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_KEY_IMPORTER (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_key_importer_import_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  char *value = CLM_KEY_IMPORTER_GET_IFACE (self)->import_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "import a key", value != NULL, failure, error))
    g_clear_pointer (&value, g_free);
  return value;
}

/* Blocking abilities: each holds one place in the lane of its store. */

ClmSecret *
clm_decrypter_decrypt (ClmDecrypter *self, const char *id, ClmDecryptScheme scheme, const guint8 *data, gsize size,
                       GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_DECRYPTER (self), NULL);

  ClmDecrypterInterface *iface = CLM_DECRYPTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "decrypt", iface->decrypt != NULL, cancellable, error))
    return NULL;
  ClmSecret *value = iface->decrypt (self, id, scheme, data, size, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "decrypt", value != NULL, failure, error))
    g_clear_pointer (&value, clm_secret_unref);
  return value;
}

GBytes *
clm_hmac_hmac (ClmHmac *self, const char *id, ClmHash hash, const guint8 *data, gsize size,
               GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_HMAC (self), NULL);

  ClmHmacInterface *iface = CLM_HMAC_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "compute an HMAC", iface->hmac != NULL, cancellable, error))
    return NULL;
  GBytes *value = iface->hmac (self, id, hash, data, size, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "compute an HMAC", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

gboolean
clm_attester_get_endorsement (ClmAttester *self, GBytes **certificate, GBytes **public_area,
                              GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), FALSE);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "get the endorsement", iface->get_endorsement != NULL, cancellable, error))
    return FALSE;
  gboolean ok = iface->get_endorsement (self, certificate, public_area, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  return clm_guard_settle (self, "get the endorsement", ok, failure, error);
}

GBytes *
clm_attester_get_storage_root (ClmAttester *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "get the storage root", iface->get_storage_root != NULL, cancellable, error))
    return NULL;
  GBytes *value = iface->get_storage_root (self, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "get the storage root", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

char *
clm_attester_create_attestation_key (ClmAttester *self, const char *label, GBytes **public_area,
                                     GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "create an attestation key", iface->create_attestation_key != NULL, cancellable, error))
    return NULL;
  char *value = iface->create_attestation_key (self, label, public_area, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "create an attestation key", value != NULL, failure, error))
    g_clear_pointer (&value, g_free);
  return value;
}

ClmSecret *
clm_attester_activate_credential (ClmAttester *self, const char *attestation_id, GBytes *credential_blob, GBytes *secret,
                                  GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "activate a credential", iface->activate_credential != NULL, cancellable, error))
    return NULL;
  ClmSecret *value = iface->activate_credential (self, attestation_id, credential_blob, secret, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "activate a credential", value != NULL, failure, error))
    g_clear_pointer (&value, clm_secret_unref);
  return value;
}

GBytes *
clm_attester_certify (ClmAttester *self, const char *id, const char *attestation_id, GBytes *qualifying_data, GBytes **attest,
                      GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "certify a key", iface->certify != NULL, cancellable, error))
    return NULL;
  GBytes *value = iface->certify (self, id, attestation_id, qualifying_data, attest, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "certify a key", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

GBytes *
clm_attester_quote (ClmAttester *self, const char *attestation_id, guint32 pcr_mask, GBytes *qualifying_data, GBytes **attest,
                    GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "quote", iface->quote != NULL, cancellable, error))
    return NULL;
  GBytes *value = iface->quote (self, attestation_id, pcr_mask, qualifying_data, attest, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "quote", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

char *
clm_attester_import_hmac (ClmAttester *self, const char *label, GBytes *public_area, GBytes *duplicate, GBytes *seed, ClmSecret *inner_key,
                          GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_ATTESTER (self), NULL);

  ClmAttesterInterface *iface = CLM_ATTESTER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "import an HMAC key", iface->import_hmac != NULL, cancellable, error))
    return NULL;
  char *value = iface->import_hmac (self, label, public_area, duplicate, seed, inner_key, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  if (!clm_guard_settle (self, "import an HMAC key", value != NULL, failure, error))
    g_clear_pointer (&value, g_free);
  return value;
}

gboolean
clm_certificate_holder_store_certificate (ClmCertificateHolder *self, const char *id, GBytes *certificate,
                                          GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_CERTIFICATE_HOLDER (self), FALSE);

  ClmCertificateHolderInterface *iface = CLM_CERTIFICATE_HOLDER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "store a certificate", iface->store_certificate != NULL, cancellable, error))
    return FALSE;
  gboolean ok = iface->store_certificate (self, id, certificate, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  return clm_guard_settle (self, "store a certificate", ok, failure, error);
}

gboolean
clm_certificate_holder_remove_certificate (ClmCertificateHolder *self, const char *id,
                                           GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CLM_IS_CERTIFICATE_HOLDER (self), FALSE);

  ClmCertificateHolderInterface *iface = CLM_CERTIFICATE_HOLDER_GET_IFACE (self);
  GError *failure = NULL;
  if (!clm_lane_enter (CLM_KEY_STORE (self), "remove a certificate", iface->remove_certificate != NULL, cancellable, error))
    return FALSE;
  gboolean ok = iface->remove_certificate (self, id, cancellable, &failure);
  clm_lane_leave (CLM_KEY_STORE (self));
  return clm_guard_settle (self, "remove a certificate", ok, failure, error);
}
