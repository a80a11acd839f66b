/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-key-store.h"

G_BEGIN_DECLS

/**
 * SECTION: what some key stores can besides
 *
 * One interface per ability; a store implements those it has, and `CLM_IS_KEY_EXPORTER (store)` and so on tells. Asynchronous
 * pairs follow #ClmBackend, blocking calls follow #ClmKeyStore.
 */

/** ClmKeyExporter: hands a key out. @export_finish: Returns: (transfer full): DER PrivateKeyInfo (RFC 5208 §5), unencrypted. Fails with %CLM_ERROR_NOT_SUPPORTED for a key not made exportable. */
#define CLM_TYPE_KEY_EXPORTER (clm_key_exporter_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmKeyExporter, clm_key_exporter, CLM, KEY_EXPORTER, ClmKeyStore)
struct _ClmKeyExporterInterface {
  GTypeInterface parent;
  void        (*export_async)  (ClmKeyExporter *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  ClmSecret * (*export_finish) (ClmKeyExporter *self, GAsyncResult *result, GError **error);
};
CLM_EXTERN void       clm_key_exporter_export_async (ClmKeyExporter *self, const char *id, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN ClmSecret *clm_key_exporter_export_finish (ClmKeyExporter *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmKeyImporter: takes a key in. @import_async: @pkcs8: DER PrivateKeyInfo, unencrypted. @import_finish: Returns: (transfer full): the id. Fails with %CLM_ERROR_EXISTS when another key has the label, %CLM_ERROR_INVALID_DATA, %CLM_ERROR_NOT_SUPPORTED. */
#define CLM_TYPE_KEY_IMPORTER (clm_key_importer_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmKeyImporter, clm_key_importer, CLM, KEY_IMPORTER, ClmKeyStore)
struct _ClmKeyImporterInterface {
  GTypeInterface parent;
  void   (*import_async)  (ClmKeyImporter *self, ClmSecret *pkcs8, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  char * (*import_finish) (ClmKeyImporter *self, GAsyncResult *result, GError **error);
};
CLM_EXTERN void  clm_key_importer_import_async (ClmKeyImporter *self, ClmSecret *pkcs8, const char *label, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
CLM_EXTERN char *clm_key_importer_import_finish (ClmKeyImporter *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmDecryptScheme: RFC 8017 §7.2 and §7.1 (MGF1 and label hash SHA-256). */
typedef enum { CLM_DECRYPT_RSA_PKCS1, CLM_DECRYPT_RSA_OAEP_SHA256 } ClmDecryptScheme;

/** ClmDecrypter: decrypts with a key. @decrypt: BLOCKING. Returns: (transfer full): the plain text. */
#define CLM_TYPE_DECRYPTER (clm_decrypter_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmDecrypter, clm_decrypter, CLM, DECRYPTER, ClmKeyStore)
struct _ClmDecrypterInterface {
  GTypeInterface parent;
  ClmSecret * (*decrypt) (ClmDecrypter *self, const char *id, ClmDecryptScheme scheme, const guint8 *data, gsize size, GCancellable *cancellable, GError **error);
};
CLM_EXTERN ClmSecret *clm_decrypter_decrypt (ClmDecrypter *self, const char *id, ClmDecryptScheme scheme, const guint8 *data, gsize size, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmHmac: computes HMACs (RFC 2104) with a secret that stays inside. @hmac: BLOCKING. Returns: (transfer full): as long as the digest. */
#define CLM_TYPE_HMAC (clm_hmac_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmHmac, clm_hmac, CLM, HMAC, ClmKeyStore)
struct _ClmHmacInterface {
  GTypeInterface parent;
  GBytes * (*hmac) (ClmHmac *self, const char *id, ClmHash hash, const guint8 *data, gsize size, GCancellable *cancellable, GError **error);
};
CLM_EXTERN GBytes *clm_hmac_hmac (ClmHmac *self, const char *id, ClmHash hash, const guint8 *data, gsize size, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ClmAttester: proves where a key lives (TPM 2.0 Library Part 1 §31). All BLOCKING; structures are in TPM wire form.
 * @get_endorsement: @certificate: (out) (nullable) (transfer full): DER EK certificate; @public_area: (out) (transfer full): TPM2B_PUBLIC of the EK.
 * @get_storage_root: Returns: (transfer full): TPM2B_PUBLIC of the storage root key.
 * @create_attestation_key: Returns: (transfer full): the id of a restricted signing key; @public_area: (out) (transfer full).
 * @activate_credential: Returns: (transfer full): the secret that TPM2_ActivateCredential recovers from @credential_blob and @secret.
 * @certify: @attest: (out) (transfer full): TPMS_ATTEST. Returns: (transfer full): TPMT_SIGNATURE over it by @attestation_id.
 * @quote: the same for the PCRs whose bits are set in @pcr_mask of the SHA-256 bank.
 * @import_hmac: Imports a duplicated HMAC key (TPM2_Import). Returns: (transfer full): its id, for #ClmHmac.
 */
#define CLM_TYPE_ATTESTER (clm_attester_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmAttester, clm_attester, CLM, ATTESTER, ClmKeyStore)
struct _ClmAttesterInterface {
  GTypeInterface parent;
  gboolean    (*get_endorsement)        (ClmAttester *self, GBytes **certificate, GBytes **public_area, GCancellable *cancellable, GError **error);
  GBytes *    (*get_storage_root)       (ClmAttester *self, GCancellable *cancellable, GError **error);
  char *      (*create_attestation_key) (ClmAttester *self, const char *label, GBytes **public_area, GCancellable *cancellable, GError **error);
  ClmSecret * (*activate_credential)    (ClmAttester *self, const char *attestation_id, GBytes *credential_blob, GBytes *secret, GCancellable *cancellable, GError **error);
  GBytes *    (*certify)                (ClmAttester *self, const char *id, const char *attestation_id, GBytes *qualifying_data, GBytes **attest, GCancellable *cancellable, GError **error);
  GBytes *    (*quote)                  (ClmAttester *self, const char *attestation_id, guint32 pcr_mask, GBytes *qualifying_data, GBytes **attest, GCancellable *cancellable, GError **error);
  char *      (*import_hmac)            (ClmAttester *self, const char *label, GBytes *public_area, GBytes *duplicate, GBytes *seed, ClmSecret *inner_key, GCancellable *cancellable, GError **error);
};
CLM_EXTERN gboolean   clm_attester_get_endorsement (ClmAttester *self, GBytes **certificate, GBytes **public_area, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN GBytes    *clm_attester_get_storage_root (ClmAttester *self, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN char      *clm_attester_create_attestation_key (ClmAttester *self, const char *label, GBytes **public_area, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN ClmSecret *clm_attester_activate_credential (ClmAttester *self, const char *attestation_id, GBytes *credential_blob, GBytes *secret, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN GBytes    *clm_attester_certify (ClmAttester *self, const char *id, const char *attestation_id, GBytes *qualifying_data, GBytes **attest, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN GBytes    *clm_attester_quote (ClmAttester *self, const char *attestation_id, guint32 pcr_mask, GBytes *qualifying_data, GBytes **attest, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN char      *clm_attester_import_hmac (ClmAttester *self, const char *label, GBytes *public_area, GBytes *duplicate, GBytes *seed, ClmSecret *inner_key, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmCertificateHolder: keeps the certificate beside the key (a PKCS#11 token), so that other software finds the pair. BLOCKING. */
#define CLM_TYPE_CERTIFICATE_HOLDER (clm_certificate_holder_get_type ())
CLM_EXTERN
G_DECLARE_INTERFACE (ClmCertificateHolder, clm_certificate_holder, CLM, CERTIFICATE_HOLDER, ClmKeyStore)
struct _ClmCertificateHolderInterface {
  GTypeInterface parent;
  gboolean (*store_certificate)  (ClmCertificateHolder *self, const char *id, GBytes *certificate, GCancellable *cancellable, GError **error);
  gboolean (*remove_certificate) (ClmCertificateHolder *self, const char *id, GCancellable *cancellable, GError **error);
};
CLM_EXTERN gboolean clm_certificate_holder_store_certificate (ClmCertificateHolder *self, const char *id, GBytes *certificate, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CLM_EXTERN gboolean clm_certificate_holder_remove_certificate (ClmCertificateHolder *self, const char *id, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
