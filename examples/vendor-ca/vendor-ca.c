/* SPDX-License-Identifier: MIT */
/* A complete certloom plugin: a CA whose certificate and key are two PEM files. Copy it, and put your CA's protocol in issue(). */
#include <certloom-plugin.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct _VendorCa { ClmAuthority parent_instance; X509 *certificate; EVP_PKEY *key; gint64 lifetime; };
G_DECLARE_FINAL_TYPE (VendorCa, vendor_ca, VENDOR, CA, ClmAuthority)
G_DEFINE_FINAL_TYPE (VendorCa, vendor_ca, CLM_TYPE_AUTHORITY)

/* start: read the options. An option that is not read here is refused by the daemon, by name and line. */
static gpointer read_pem (ClmOptions *options, const char *option, gboolean is_key, GError **error) {
  const char *path = clm_options_require_string (options, option, error);
  FILE *file = path != NULL ? fopen (path, "re") : NULL;
  gpointer thing = file == NULL ? NULL : is_key ? (gpointer) PEM_read_PrivateKey (file, NULL, NULL, "") : PEM_read_X509 (file, NULL, NULL, NULL);
  if (file != NULL) fclose (file);
  if (path != NULL && thing == NULL) clm_options_set_error (options, option, error, "%s cannot be read as PEM", path);
  return thing;
}
static void start_async (ClmBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data) {
  VendorCa *self = VENDOR_CA (backend); ClmOptions *options = clm_backend_get_options (backend);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data); GError *error = NULL;
  g_clear_pointer (&self->certificate, X509_free); g_clear_pointer (&self->key, EVP_PKEY_free);
  if (clm_options_get_span (options, "Lifetime", 90 * 86400, &self->lifetime, &error) &&
      (self->certificate = read_pem (options, "Certificate", FALSE, &error)) != NULL &&
      (self->key = read_pem (options, "Key", TRUE, &error)) != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}
static gboolean start_finish (ClmBackend *self, GAsyncResult *result, GError **error) { return g_task_propagate_boolean (G_TASK (result), error); }

/* enroll: ask for the CSR, then issue; a real CA would be talked to here. The daemon retries, waits and checks; try once and say what happened. */
static gboolean add_extension (X509 *leaf, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context = { 0 }; X509V3_set_ctx (&context, issuer, leaf, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
  gboolean ok = extension != NULL && X509_add_ext (leaf, extension, -1) == 1;
  X509_EXTENSION_free (extension); return ok;
}
static gboolean fill (VendorCa *self, X509 *leaf, X509_REQ *csr, ClmRequest *request) {
  const char *const *names = clm_request_get_dns_names (request);
  g_autofree char *joined = g_strjoinv (",DNS:", (GStrv) names), *dns = g_strconcat ("DNS:", joined, NULL);
  gint64 now = clm_host_get_time (clm_backend_get_host (CLM_BACKEND (self))), asked = clm_request_get_validity (request);
  guchar number[16];
  gboolean random = RAND_bytes (number, sizeof number) == 1;
  number[0] = (number[0] & 0x7f) | 0x40;   /* positive, and 16 bytes long */
  return random && X509_set_version (leaf, 2) == 1 && ASN1_STRING_set (X509_get_serialNumber (leaf), number, sizeof number) == 1 &&
         ASN1_TIME_set (X509_getm_notBefore (leaf), now - 60) != NULL && ASN1_TIME_set (X509_getm_notAfter (leaf), now + (asked > 0 ? asked : self->lifetime)) != NULL &&
         X509_set_pubkey (leaf, X509_REQ_get0_pubkey (csr)) == 1 && X509_set_issuer_name (leaf, X509_get_subject_name (self->certificate)) == 1 &&
         X509_set_subject_name (leaf, X509_REQ_get_subject_name (csr)) == 1 &&
         add_extension (leaf, self->certificate, NID_basic_constraints, "critical,CA:FALSE") && add_extension (leaf, self->certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension (leaf, self->certificate, NID_ext_key_usage, "serverAuth,clientAuth") && (names[0] == NULL || add_extension (leaf, self->certificate, NID_subject_alt_name, dns)) &&
         add_extension (leaf, self->certificate, NID_authority_key_identifier, "keyid") && X509_sign (leaf, self->key, EVP_sha256 ()) != 0;
}
static void add_der (GPtrArray *chain, X509 *certificate) {
  guchar *der = NULL; int size = i2d_X509 (certificate, &der);
  g_ptr_array_add (chain, g_bytes_new (der, size)); OPENSSL_free (der);
}
static ClmIssuance *issue (VendorCa *self, ClmRequest *request, GBytes *der, GError **error) {
  const guchar *p = g_bytes_get_data (der, NULL); X509_REQ *csr = d2i_X509_REQ (NULL, &p, g_bytes_get_size (der));
  X509 *leaf = X509_new ();
  ClmIssuance *issuance = NULL;
  if (csr == NULL || X509_REQ_verify (csr, X509_REQ_get0_pubkey (csr)) != 1)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_REJECTED, "the request does not verify");
  else if (!fill (self, leaf, csr, request))
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_FAILED, "the certificate cannot be made");
  else {
    g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    add_der (chain, leaf); add_der (chain, self->certificate);
    issuance = clm_issuance_new_issued (chain);
  }
  X509_free (leaf); X509_REQ_free (csr);
  return issuance;
}
static void on_csr (GObject *request, GAsyncResult *result, gpointer user_data) {
  g_autoptr (GTask) task = user_data; GError *error = NULL;
  g_autoptr (GBytes) csr = clm_request_make_csr_finish (CLM_REQUEST (request), result, &error);
  ClmIssuance *issuance = csr != NULL ? issue (g_task_get_source_object (task), CLM_REQUEST (request), csr, &error) : NULL;
  if (issuance != NULL) g_task_return_pointer (task, issuance, (GDestroyNotify) clm_issuance_unref); else g_task_return_error (task, error);
}
static void enroll_async (ClmAuthority *self, ClmRequest *request, GBytes *ticket, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data) {
  clm_request_make_csr_async (request, NULL, NULL, cancellable, on_csr, g_task_new (self, cancellable, callback, user_data));
}
static ClmIssuance *enroll_finish (ClmAuthority *self, GAsyncResult *result, GError **error) { return g_task_propagate_pointer (G_TASK (result), error); }

static void vendor_ca_finalize (GObject *object) {
  X509_free (VENDOR_CA (object)->certificate); EVP_PKEY_free (VENDOR_CA (object)->key);
  G_OBJECT_CLASS (vendor_ca_parent_class)->finalize (object);
}
static void vendor_ca_class_init (VendorCaClass *klass) {
  G_OBJECT_CLASS (klass)->finalize = vendor_ca_finalize;
  CLM_BACKEND_CLASS (klass)->start_async = start_async; CLM_BACKEND_CLASS (klass)->start_finish = start_finish;
  CLM_AUTHORITY_CLASS (klass)->enroll_async = enroll_async; CLM_AUTHORITY_CLASS (klass)->enroll_finish = enroll_finish;
}
static void vendor_ca_init (VendorCa *self) { }

CLM_DEFINE_PLUGIN ("vendor-ca", "1.0", "A CA whose certificate and key are two PEM files", vendor_ca_get_type)
