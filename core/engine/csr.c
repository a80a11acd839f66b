/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "csr.h"

#include "certificate.h"
#include "clm-key-store.h"
#include "der.h"
#include "openssl-error.h"
#include "request.h"

#include <string.h>

#define CHALLENGE_MAX 255   /* RFC 2985 §5.4.1, pkcs-9-ub-challengePassword */

#define OID_EXTENSION_REQUEST "1.2.840.113549.1.9.14"

const char *const *
clm_csr_default_attributes (void)
{
  static const char *const oids[] = {
    OID_EXTENSION_REQUEST,
    "1.2.840.113549.1.9.2",    /* unstructuredName, RFC 2985 §5.4.2 */
    "1.3.6.1.4.1.311.20.2",    /* Microsoft's certificate template name */
    "1.3.6.1.4.1.311.21.7",    /* Microsoft's certificate template */
    "1.2.840.113549.1.9.16.2.59",   /* id-aa-evidence, attestation evidence */
    "2.23.133.20.1",           /* TCG attestation certificate attribute */
    NULL,
  };

  return oids;
}

/* Extensions the template decides */

static gboolean
add_extension (ClmExtensionStack *extensions, int nid, gboolean critical, gpointer value, GError **error)
{
  ClmExtensionStack *list = extensions;

  if (X509V3_add1_i2d (&list, nid, value, critical, X509V3_ADD_DEFAULT) == 1)
    return TRUE;
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot build the request");
  return FALSE;
}

static gboolean
add_names (ClmExtensionStack *extensions, const ClmCsrTemplate *csr, GError **error)
{
  g_autoptr (GENERAL_NAMES) names = clm_x509_names_build (&csr->names, error);

  if (!names)
    return FALSE;
  if (sk_GENERAL_NAME_num (names) == 0)
    return TRUE;
  /* RFC 5280 §4.2.1.6: critical where the subject is empty */
  gboolean critical = !csr->subject || !*csr->subject;
  return add_extension (extensions, NID_subject_alt_name, critical, names, error);
}

static gboolean
add_usages (ClmExtensionStack *extensions, const ClmCsrTemplate *csr, GError **error)
{
  g_autoptr (EXTENDED_KEY_USAGE) usages = sk_ASN1_OBJECT_new_null ();

  for (guint i = 0; csr->usages && csr->usages[i]; i++) {
    ASN1_OBJECT *usage = clm_x509_usage_to_object (csr->usages[i], error);
    if (!usage)
      return FALSE;
    sk_ASN1_OBJECT_push (usages, usage);
  }
  return sk_ASN1_OBJECT_num (usages) == 0 || add_extension (extensions, NID_ext_key_usage, FALSE, usages, error);
}

/* Everyone signs; only RSA can also take an encrypted key (TLS before 1.3, S/MIME). */
static guint32
get_key_usage (const ClmCsrTemplate *csr, EVP_PKEY *key)
{
  static const char *const encipher[] = { "server", "client", "email", NULL };
  guint32 bits = KU_DIGITAL_SIGNATURE;

  if (csr->is_ca)
    return bits | KU_KEY_CERT_SIGN | KU_CRL_SIGN;
  if (!EVP_PKEY_is_a (key, "RSA"))
    return bits;
  if (!csr->usages || !csr->usages[0])
    return bits | KU_KEY_ENCIPHERMENT;
  for (guint i = 0; csr->usages[i]; i++)
    if (g_strv_contains (encipher, csr->usages[i]))
      return bits | KU_KEY_ENCIPHERMENT;
  return bits;
}

static gboolean
add_key_usage (ClmExtensionStack *extensions, const ClmCsrTemplate *csr, EVP_PKEY *key, GError **error)
{
  g_autoptr (ASN1_BIT_STRING) value = ASN1_BIT_STRING_new ();
  guint32 bits = get_key_usage (csr, key);

  /* DER numbers bits from the left; OpenSSL's KU_ values follow the octets. */
  for (int i = 0; i < 8; i++)
    if (bits & (0x80u >> i))
      ASN1_BIT_STRING_set_bit (value, i, 1);
  return add_extension (extensions, NID_key_usage, TRUE, value, error);
}

static gboolean
add_constraints (ClmExtensionStack *extensions, const ClmCsrTemplate *csr, GError **error)
{
  g_autoptr (BASIC_CONSTRAINTS) constraints = BASIC_CONSTRAINTS_new ();

  if (!csr->is_ca)
    return TRUE;
  constraints->ca = 1;
  if (csr->path_length >= 0) {
    constraints->pathlen = ASN1_INTEGER_new ();
    ASN1_INTEGER_set (constraints->pathlen, csr->path_length);
  }
  return add_extension (extensions, NID_basic_constraints, TRUE, constraints, error);
}

/* Attributes the authority demands */

static gboolean
reject (GError **error, const char *what, const char *why)
{
  ERR_clear_error ();
  g_set_error (error, CLM_ERROR, CLM_ERROR_REJECTED, "the authority demands %s%s", what, why);
  return FALSE;
}

static gboolean
is_decided (ASN1_OBJECT *object)
{
  static const int nids[] = { NID_subject_alt_name, NID_ext_key_usage, NID_key_usage, NID_basic_constraints, NID_name_constraints };
  int nid = OBJ_obj2nid (object);

  for (guint i = 0; i < G_N_ELEMENTS (nids); i++)
    if (nids[i] == nid)
      return TRUE;
  return FALSE;
}

static gboolean
merge_extensions (ClmExtensionStack *extensions, X509_ATTRIBUTE *attribute, GError **error)
{
  ASN1_TYPE *value = X509_ATTRIBUTE_count (attribute) == 1 ? X509_ATTRIBUTE_get0_type (attribute, 0) : NULL;
  g_autoptr (ClmExtensionStack) more = NULL;

  if (value && value->type == V_ASN1_SEQUENCE)
    more = ASN1_item_unpack (value->value.sequence, ASN1_ITEM_rptr (X509_EXTENSIONS));
  if (!more)
    return reject (error, "extensions", " that cannot be read");

  for (int i = 0; i < sk_X509_EXTENSION_num (more); i++) {
    X509_EXTENSION *extension = sk_X509_EXTENSION_value (more, i);
    ASN1_OBJECT *object = X509_EXTENSION_get_object (extension);
    ClmExtensionStack *list = extensions;
    char oid[80];

    OBJ_obj2txt (oid, sizeof oid, object, 1);
    if (is_decided (object) || X509v3_get_ext_by_OBJ (extensions, object, -1) >= 0)
      return reject (error, "an extension that is decided here: ", oid);
    X509v3_add_ext (&list, extension, -1);
  }
  return TRUE;
}

static gboolean
add_attribute (X509_REQ *request, ClmExtensionStack *extensions, const ClmCsrTemplate *csr, X509_ATTRIBUTE *attribute, GError **error)
{
  const char *const *allowed = csr->allowed_attributes ? csr->allowed_attributes : clm_csr_default_attributes ();
  ASN1_OBJECT *object = X509_ATTRIBUTE_get0_object (attribute);
  char oid[80];

  OBJ_obj2txt (oid, sizeof oid, object, 1);
  if (!g_strv_contains (allowed, oid))
    return reject (error, "an attribute that policy does not allow: ", oid);
  if (g_str_equal (oid, OID_EXTENSION_REQUEST))
    return merge_extensions (extensions, attribute, error);
  if (X509_ATTRIBUTE_count (attribute) < 1 || X509_REQ_get_attr_by_OBJ (request, object, -1) >= 0)
    return reject (error, "an attribute without value or twice: ", oid);
  if (X509_REQ_add1_attr (request, attribute) == 1)
    return TRUE;
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot build the request");
  return FALSE;
}

static gboolean
add_attributes (X509_REQ *request, ClmExtensionStack *extensions, const ClmCsrTemplate *csr, GError **error)
{
  if (!csr->extra_attributes)
    return TRUE;

  gsize size;
  const guint8 *data = g_bytes_get_data (csr->extra_attributes, &size);
  if (!clm_x509_der_check ("set of attributes", data, size, CLM_CSR_ATTRIBUTES_MAX, error))
    return FALSE;

  g_autoptr (ASN1_SEQUENCE_ANY) set = d2i_ASN1_SET_ANY (NULL, &data, (long) size);
  for (int i = 0; i < sk_ASN1_TYPE_num (set); i++) {
    ASN1_TYPE *item = sk_ASN1_TYPE_value (set, i);
    g_autoptr (X509_ATTRIBUTE) attribute = NULL;
    if (item->type == V_ASN1_SEQUENCE)
      attribute = ASN1_item_unpack (item->value.sequence, ASN1_ITEM_rptr (X509_ATTRIBUTE));
    if (!attribute)
      return reject (error, "attributes", " that cannot be read");
    if (!add_attribute (request, extensions, csr, attribute, error))
      return FALSE;
  }
  return set ? TRUE : reject (error, "attributes", " that cannot be read");
}

static gboolean
add_challenge (X509_REQ *request, const ClmCsrTemplate *csr, GError **error)
{
  if (!csr->challenge_password)
    return TRUE;

  gsize size = strlen (csr->challenge_password);
  if (!size || size > CHALLENGE_MAX || !g_utf8_validate (csr->challenge_password, -1, NULL)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the challenge password must be 1 to %d bytes of UTF-8", CHALLENGE_MAX);
    return FALSE;
  }
  if (X509_REQ_add1_attr_by_NID (request, NID_pkcs9_challengePassword, MBSTRING_UTF8,
                                 (const unsigned char *) csr->challenge_password, (int) size) == 1)
    return TRUE;
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot build the request");
  return FALSE;
}

/* The request */

static X509_REQ *
build_request (const ClmCsrTemplate *csr, EVP_PKEY *key, GError **error)
{
  g_autoptr (X509_REQ) request = X509_REQ_new ();
  g_autoptr (X509_NAME) subject = clm_x509_name_parse (csr->subject, error);
  g_autoptr (ClmExtensionStack) extensions = sk_X509_EXTENSION_new_null ();

  if (!subject)
    return NULL;
  if (!add_names (extensions, csr, error) || !add_usages (extensions, csr, error) ||
      !add_key_usage (extensions, csr, key, error) || !add_constraints (extensions, csr, error) ||
      !add_attributes (request, extensions, csr, error) || !add_challenge (request, csr, error))
    return NULL;
  if (X509_REQ_set_version (request, X509_REQ_VERSION_1) == 1 && X509_REQ_set_subject_name (request, subject) == 1 &&
      X509_REQ_set_pubkey (request, key) == 1 && X509_REQ_add_extensions (request, extensions) == 1)
    return g_steal_pointer (&request);
  clm_x509_set_error (error, CLM_ERROR_FAILED, "cannot build the request");
  return NULL;
}

static gboolean
sign_request (X509_REQ *request, EVP_PKEY *key, GCancellable *cancellable, GError **error)
{
  ERR_clear_error ();
  if (cancellable)
    g_cancellable_push_current (cancellable);
  int size = X509_REQ_sign (request, key, clm_x509_get_digest (key));
  if (cancellable)
    g_cancellable_pop_current (cancellable);
  if (size > 0)
    return TRUE;
  clm_x509_set_error (error, CLM_ERROR_KEY_UNAVAILABLE, "cannot sign the request");
  return FALSE;
}

GBytes *
clm_csr_build (const ClmCsrTemplate *csr, ClmKey *key, GCancellable *cancellable, GError **error)
{
  g_autoptr (EVP_PKEY) opened = NULL;
  g_autoptr (X509_REQ) request = NULL;
  g_autoptr (X509_REQ) proof = NULL;
  g_autoptr (GBytes) der = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  opened = clm_x509_open_key (clm_key_get_uri (key), error);
  if (!opened)
    return NULL;
  request = build_request (csr, opened, error);
  if (!request || !sign_request (request, opened, cancellable, error))
    return NULL;

  /* A store that signs with another key than it says would only be found out by the authority. */
  der = clm_x509_request_to_der (request);
  proof = clm_x509_request_parse (der, error);
  if (!proof) {
    g_prefix_error (error, "key %s: ", clm_key_get_uri (key));
    return NULL;
  }
  return g_steal_pointer (&der);
}

/* The same in the store's lane */

typedef struct {
  ClmCsrTemplate csr;
  ClmKey        *key;
} Job;

static void
job_free (Job *job)
{
  g_free ((char *) job->csr.subject);
  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    g_strfreev ((char **) job->csr.names.values[kind]);
  g_strfreev ((char **) job->csr.usages);
  g_free ((char *) job->csr.challenge_password);
  g_clear_pointer (&job->csr.extra_attributes, g_bytes_unref);
  g_strfreev ((char **) job->csr.allowed_attributes);
  g_object_unref (job->key);
  g_free (job);
}

static const char *const *
copy_words (const char *const *words)
{
  return (const char *const *) g_strdupv ((char **) words);
}

static Job *
job_new (const ClmCsrTemplate *csr, ClmKey *key)
{
  Job *job = g_new0 (Job, 1);

  job->csr = *csr;
  job->csr.subject = g_strdup (csr->subject);
  for (ClmNameKind kind = 0; kind < CLM_N_NAME_KINDS; kind++)
    job->csr.names.values[kind] = copy_words (csr->names.values[kind]);
  job->csr.usages = copy_words (csr->usages);
  job->csr.challenge_password = g_strdup (csr->challenge_password);
  job->csr.extra_attributes = csr->extra_attributes ? g_bytes_ref (csr->extra_attributes) : NULL;
  job->csr.allowed_attributes = copy_words (csr->allowed_attributes);
  job->key = g_object_ref (key);
  return job;
}

static void
build_in_lane (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Job *job = data;
  GError *error = NULL;
  GBytes *der = clm_csr_build (&job->csr, job->key, cancellable, &error);

  if (der)
    g_task_return_pointer (task, der, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

void
clm_csr_build_async (const ClmCsrTemplate *csr, ClmKey *key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (key, cancellable, callback, user_data);

  g_task_set_source_tag (task, clm_csr_build_async);
  g_task_set_task_data (task, job_new (csr, key), (GDestroyNotify) job_free);
  clm_key_store_run_in_thread (clm_key_get_store (key), task, build_in_lane);
}

GBytes *
clm_csr_build_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, clm_csr_build_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
