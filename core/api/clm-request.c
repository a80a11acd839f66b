/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-request.h"

#include "clm-error.h"
#include "guard.h"

typedef struct {
  char          *certificate;
  char          *subject;
  GStrv          dns_names;
  GStrv          ip_addresses;
  GStrv          uris;
  GStrv          emails;
  GStrv          usages;
  char          *profile;
  gint64         validity;
  gboolean       is_ca;
  int            path_length;
  ClmKey        *key;
  ClmCredential *current;
  GPtrArray     *bootstrap;
  GBytes        *replaces;
} ClmRequestPrivate;

enum {
  PROP_CERTIFICATE = 1,
  PROP_SUBJECT,
  PROP_DNS_NAMES,
  PROP_IP_ADDRESSES,
  PROP_URIS,
  PROP_EMAILS,
  PROP_USAGES,
  PROP_PROFILE,
  PROP_VALIDITY,
  PROP_IS_CA,
  PROP_PATH_LENGTH,
  PROP_KEY,
  PROP_CURRENT,
  PROP_BOOTSTRAP,
  PROP_REPLACES,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (ClmRequest, clm_request, G_TYPE_OBJECT)

static ClmRequestPrivate *
get_private (ClmRequest *self)
{
  return clm_request_get_instance_private (self);
}

static void
clm_request_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  ClmRequestPrivate *priv = get_private (CLM_REQUEST (object));

  switch (id) {
    case PROP_CERTIFICATE:
      g_value_set_string (value, priv->certificate);
      break;
    case PROP_SUBJECT:
      g_value_set_string (value, priv->subject);
      break;
    case PROP_DNS_NAMES:
      g_value_set_boxed (value, priv->dns_names);
      break;
    case PROP_IP_ADDRESSES:
      g_value_set_boxed (value, priv->ip_addresses);
      break;
    case PROP_URIS:
      g_value_set_boxed (value, priv->uris);
      break;
    case PROP_EMAILS:
      g_value_set_boxed (value, priv->emails);
      break;
    case PROP_USAGES:
      g_value_set_boxed (value, priv->usages);
      break;
    case PROP_PROFILE:
      g_value_set_string (value, priv->profile);
      break;
    case PROP_VALIDITY:
      g_value_set_int64 (value, priv->validity);
      break;
    case PROP_IS_CA:
      g_value_set_boolean (value, priv->is_ca);
      break;
    case PROP_PATH_LENGTH:
      g_value_set_int (value, priv->path_length);
      break;
    case PROP_KEY:
      g_value_set_object (value, priv->key);
      break;
    case PROP_CURRENT:
      g_value_set_boxed (value, priv->current);
      break;
    case PROP_BOOTSTRAP:
      g_value_set_boxed (value, priv->bootstrap);
      break;
    case PROP_REPLACES:
      g_value_set_boxed (value, priv->replaces);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
clm_request_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  ClmRequestPrivate *priv = get_private (CLM_REQUEST (object));

  switch (id) {
    case PROP_CERTIFICATE:
      priv->certificate = g_value_dup_string (value);
      break;
    case PROP_SUBJECT:
      priv->subject = g_value_dup_string (value);
      break;
    case PROP_DNS_NAMES:
      priv->dns_names = g_value_dup_boxed (value);
      break;
    case PROP_IP_ADDRESSES:
      priv->ip_addresses = g_value_dup_boxed (value);
      break;
    case PROP_URIS:
      priv->uris = g_value_dup_boxed (value);
      break;
    case PROP_EMAILS:
      priv->emails = g_value_dup_boxed (value);
      break;
    case PROP_USAGES:
      priv->usages = g_value_dup_boxed (value);
      break;
    case PROP_PROFILE:
      priv->profile = g_value_dup_string (value);
      break;
    case PROP_VALIDITY:
      priv->validity = g_value_get_int64 (value);
      break;
    case PROP_IS_CA:
      priv->is_ca = g_value_get_boolean (value);
      break;
    case PROP_PATH_LENGTH:
      priv->path_length = g_value_get_int (value);
      break;
    case PROP_KEY:
      priv->key = g_value_dup_object (value);
      break;
    case PROP_CURRENT:
      priv->current = g_value_dup_boxed (value);
      break;
    case PROP_BOOTSTRAP:
      priv->bootstrap = g_value_dup_boxed (value);
      break;
    case PROP_REPLACES:
      priv->replaces = g_value_dup_boxed (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ensure_strv (GStrv *strv)
{
  if (*strv == NULL)
    *strv = g_new0 (char *, 1);
}

static void
clm_request_constructed (GObject *object)
{
  ClmRequestPrivate *priv = get_private (CLM_REQUEST (object));

  G_OBJECT_CLASS (clm_request_parent_class)->constructed (object);
  ensure_strv (&priv->dns_names);
  ensure_strv (&priv->ip_addresses);
  ensure_strv (&priv->uris);
  ensure_strv (&priv->emails);
  ensure_strv (&priv->usages);
  if (priv->bootstrap == NULL)
    priv->bootstrap = g_ptr_array_new ();
}

static void
clm_request_finalize (GObject *object)
{
  ClmRequestPrivate *priv = get_private (CLM_REQUEST (object));

  g_free (priv->certificate);
  g_free (priv->subject);
  g_strfreev (priv->dns_names);
  g_strfreev (priv->ip_addresses);
  g_strfreev (priv->uris);
  g_strfreev (priv->emails);
  g_strfreev (priv->usages);
  g_free (priv->profile);
  g_clear_object (&priv->key);
  g_clear_pointer (&priv->current, clm_credential_unref);
  g_clear_pointer (&priv->bootstrap, g_ptr_array_unref);
  g_clear_pointer (&priv->replaces, g_bytes_unref);
  G_OBJECT_CLASS (clm_request_parent_class)->finalize (object);
}

static void
clm_request_class_init (ClmRequestClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = clm_request_get_property;
  object_class->set_property = clm_request_set_property;
  object_class->constructed = clm_request_constructed;
  object_class->finalize = clm_request_finalize;

  properties[PROP_CERTIFICATE] = g_param_spec_string ("certificate", NULL, NULL, NULL, flags);
  properties[PROP_SUBJECT] = g_param_spec_string ("subject", NULL, NULL, NULL, flags);
  properties[PROP_DNS_NAMES] = g_param_spec_boxed ("dns-names", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_IP_ADDRESSES] = g_param_spec_boxed ("ip-addresses", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_URIS] = g_param_spec_boxed ("uris", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_EMAILS] = g_param_spec_boxed ("emails", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_USAGES] = g_param_spec_boxed ("usages", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_PROFILE] = g_param_spec_string ("profile", NULL, NULL, NULL, flags);
  properties[PROP_VALIDITY] = g_param_spec_int64 ("validity", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_IS_CA] = g_param_spec_boolean ("is-ca", NULL, NULL, FALSE, flags);
  properties[PROP_PATH_LENGTH] = g_param_spec_int ("path-length", NULL, NULL, -1, G_MAXINT, -1, flags);
  properties[PROP_KEY] = g_param_spec_object ("key", NULL, NULL, CLM_TYPE_KEY, flags);
  properties[PROP_CURRENT] = g_param_spec_boxed ("current", NULL, NULL, CLM_TYPE_CREDENTIAL, flags);
  properties[PROP_BOOTSTRAP] = g_param_spec_boxed ("bootstrap", NULL, NULL, G_TYPE_PTR_ARRAY, flags);
  properties[PROP_REPLACES] = g_param_spec_boxed ("replaces", NULL, NULL, G_TYPE_BYTES, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
clm_request_init (ClmRequest *self)
{
}

const char *
clm_request_get_certificate (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->certificate;
}

const char *
clm_request_get_subject (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->subject;
}

const char *const *
clm_request_get_dns_names (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return (const char *const *) get_private (self)->dns_names;
}

const char *const *
clm_request_get_ip_addresses (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return (const char *const *) get_private (self)->ip_addresses;
}

const char *const *
clm_request_get_uris (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return (const char *const *) get_private (self)->uris;
}

const char *const *
clm_request_get_emails (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return (const char *const *) get_private (self)->emails;
}

const char *const *
clm_request_get_usages (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return (const char *const *) get_private (self)->usages;
}

const char *
clm_request_get_profile (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->profile;
}

gint64
clm_request_get_validity (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), 0);
  return get_private (self)->validity;
}

gboolean
clm_request_get_is_ca (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), FALSE);
  return get_private (self)->is_ca;
}

int
clm_request_get_path_length (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), -1);
  return get_private (self)->path_length;
}

ClmKey *
clm_request_get_key (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->key;
}

ClmCredential *
clm_request_get_current (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->current;
}

GPtrArray *
clm_request_get_bootstrap (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->bootstrap;
}

GBytes *
clm_request_get_replaces (ClmRequest *self)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);
  return get_private (self)->replaces;
}

void
clm_request_make_csr_async (ClmRequest *self, const char *challenge_password, GBytes *extra_attributes,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_REQUEST (self));

  ClmRequestClass *klass = CLM_REQUEST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "make a CSR", klass->make_csr_async != NULL && klass->make_csr_finish != NULL,
                                   clm_request_make_csr_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->make_csr_async (self, challenge_password, extra_attributes, cancellable, clm_guard_complete, call);
}

GBytes *
clm_request_make_csr_finish (ClmRequest *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_request_make_csr_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  GBytes *value = CLM_REQUEST_GET_CLASS (self)->make_csr_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "make a CSR", value != NULL, failure, error))
    g_clear_pointer (&value, g_bytes_unref);
  return value;
}

void
clm_request_checkpoint_async (ClmRequest *self, GBytes *ticket,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_REQUEST (self));
  g_return_if_fail (ticket != NULL);

  if (g_bytes_get_size (ticket) > CLM_TICKET_MAX) {
    GError *refusal = g_error_new (CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "a ticket holds at most %d bytes", CLM_TICKET_MAX);
    clm_guard_refuse (self, refusal, clm_request_checkpoint_async, cancellable, callback, user_data);
    return;
  }

  ClmRequestClass *klass = CLM_REQUEST_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "note a checkpoint", klass->checkpoint_async != NULL && klass->checkpoint_finish != NULL,
                                   clm_request_checkpoint_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->checkpoint_async (self, ticket, cancellable, clm_guard_complete, call);
}

gboolean
clm_request_checkpoint_finish (ClmRequest *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_REQUEST (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_request_checkpoint_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_REQUEST_GET_CLASS (self)->checkpoint_finish (self, inner, &failure);
  return clm_guard_settle (self, "note a checkpoint", ok, failure, error);
}
