/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-authority.h"

#include "guard.h"

G_DEFINE_ABSTRACT_TYPE (ClmAuthority, clm_authority, CLM_TYPE_BACKEND)

enum { SIGNAL_CRL_CHANGED, SIGNAL_ANCHORS_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

static char *
clm_authority_real_get_identity (ClmAuthority *self)
{
  return g_strdup (clm_backend_get_name (CLM_BACKEND (self)));
}

static void
clm_authority_class_init (ClmAuthorityClass *klass)
{
  klass->get_identity = clm_authority_real_get_identity;

  signals[SIGNAL_CRL_CHANGED] = g_signal_new ("crl-changed", CLM_TYPE_AUTHORITY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                              G_TYPE_NONE, 0);
  signals[SIGNAL_ANCHORS_CHANGED] = g_signal_new ("anchors-changed", CLM_TYPE_AUTHORITY, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                  NULL, G_TYPE_NONE, 0);
}

static void
clm_authority_init (ClmAuthority *self)
{
}

char *
clm_authority_get_identity (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), NULL);

  char *identity = CLM_AUTHORITY_GET_CLASS (self)->get_identity (self);
  return identity != NULL ? identity : clm_authority_real_get_identity (self);
}

void
clm_authority_emit_crl_changed (ClmAuthority *self)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_signal_emit (self, signals[SIGNAL_CRL_CHANGED], 0);
}

void
clm_authority_emit_anchors_changed (ClmAuthority *self)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_signal_emit (self, signals[SIGNAL_ANCHORS_CHANGED], 0);
}

gboolean
clm_authority_can_prepare (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->prepare_async != NULL && klass->prepare_finish != NULL;
}

gboolean
clm_authority_can_confirm (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->confirm_async != NULL && klass->confirm_finish != NULL;
}

gboolean
clm_authority_can_fetch_anchors (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->fetch_anchors_async != NULL && klass->fetch_anchors_finish != NULL;
}

gboolean
clm_authority_can_suggest_renewal (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->suggest_renewal_async != NULL && klass->suggest_renewal_finish != NULL;
}

gboolean
clm_authority_can_revoke (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->revoke_async != NULL && klass->revoke_finish != NULL;
}

gboolean
clm_authority_can_fetch_crls (ClmAuthority *self)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  return klass->fetch_crls_async != NULL && klass->fetch_crls_finish != NULL;
}

void
clm_authority_prepare_async (ClmAuthority *self, ClmRequest *request,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (CLM_IS_REQUEST (request));

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "prepare", klass->prepare_async != NULL && klass->prepare_finish != NULL,
                                   clm_authority_prepare_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->prepare_async (self, request, cancellable, clm_guard_complete, call);
}

ClmDemands *
clm_authority_prepare_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_prepare_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmDemands *value = CLM_AUTHORITY_GET_CLASS (self)->prepare_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "prepare", value != NULL, failure, error))
    g_clear_pointer (&value, clm_demands_free);
  return value;
}

void
clm_authority_enroll_async (ClmAuthority *self, ClmRequest *request, GBytes *ticket,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (CLM_IS_REQUEST (request));

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "enroll", klass->enroll_async != NULL && klass->enroll_finish != NULL,
                                   clm_authority_enroll_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->enroll_async (self, request, ticket, cancellable, clm_guard_complete, call);
}

ClmIssuance *
clm_authority_enroll_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_enroll_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  ClmIssuance *value = CLM_AUTHORITY_GET_CLASS (self)->enroll_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "enroll", value != NULL, failure, error))
    g_clear_pointer (&value, clm_issuance_unref);
  return value;
}

void
clm_authority_confirm_async (ClmAuthority *self, ClmIssuance *issuance, gboolean accepted, const char *reason,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (issuance != NULL);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "confirm", klass->confirm_async != NULL && klass->confirm_finish != NULL,
                                   clm_authority_confirm_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->confirm_async (self, issuance, accepted, reason, cancellable, clm_guard_complete, call);
}

gboolean
clm_authority_confirm_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_confirm_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_AUTHORITY_GET_CLASS (self)->confirm_finish (self, inner, &failure);
  return clm_guard_settle (self, "confirm", ok, failure, error);
}

void
clm_authority_abandon_async (ClmAuthority *self, GBytes *ticket,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (ticket != NULL);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "abandon", klass->abandon_async != NULL && klass->abandon_finish != NULL,
                                   clm_authority_abandon_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->abandon_async (self, ticket, cancellable, clm_guard_complete, call);
}

gboolean
clm_authority_abandon_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_abandon_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_AUTHORITY_GET_CLASS (self)->abandon_finish (self, inner, &failure);
  return clm_guard_settle (self, "abandon", ok, failure, error);
}

void
clm_authority_fetch_anchors_async (ClmAuthority *self,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "fetch anchors", klass->fetch_anchors_async != NULL && klass->fetch_anchors_finish != NULL,
                                   clm_authority_fetch_anchors_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->fetch_anchors_async (self, cancellable, clm_guard_complete, call);
}

GPtrArray *
clm_authority_fetch_anchors_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_fetch_anchors_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  GPtrArray *value = CLM_AUTHORITY_GET_CLASS (self)->fetch_anchors_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "fetch anchors", value != NULL, failure, error))
    g_clear_pointer (&value, g_ptr_array_unref);
  return value;
}

void
clm_authority_suggest_renewal_async (ClmAuthority *self, GBytes *certificate,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (certificate != NULL);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "suggest a renewal", klass->suggest_renewal_async != NULL && klass->suggest_renewal_finish != NULL,
                                   clm_authority_suggest_renewal_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->suggest_renewal_async (self, certificate, cancellable, clm_guard_complete, call);
}

gboolean
clm_authority_suggest_renewal_finish (ClmAuthority *self, GAsyncResult *result, ClmRenewalWindow *window, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_suggest_renewal_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_AUTHORITY_GET_CLASS (self)->suggest_renewal_finish (self, inner, window, &failure);
  return clm_guard_settle (self, "suggest a renewal", ok, failure, error);
}

void
clm_authority_revoke_async (ClmAuthority *self, GBytes *certificate, ClmRevocationReason reason,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));
  g_return_if_fail (certificate != NULL);

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "revoke", klass->revoke_async != NULL && klass->revoke_finish != NULL,
                                   clm_authority_revoke_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->revoke_async (self, certificate, reason, cancellable, clm_guard_complete, call);
}

gboolean
clm_authority_revoke_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), FALSE);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_revoke_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_AUTHORITY_GET_CLASS (self)->revoke_finish (self, inner, &failure);
  return clm_guard_settle (self, "revoke", ok, failure, error);
}

void
clm_authority_fetch_crls_async (ClmAuthority *self,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_AUTHORITY (self));

  ClmAuthorityClass *klass = CLM_AUTHORITY_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "fetch CRLs", klass->fetch_crls_async != NULL && klass->fetch_crls_finish != NULL,
                                   clm_authority_fetch_crls_async, cancellable, callback, user_data);
  if (call != NULL)
    klass->fetch_crls_async (self, cancellable, clm_guard_complete, call);
}

GPtrArray *
clm_authority_fetch_crls_finish (ClmAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_AUTHORITY (self), NULL);

  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, clm_authority_fetch_crls_async, error);
  GError *failure = NULL;
  if (inner == NULL)
    return NULL;
  GPtrArray *value = CLM_AUTHORITY_GET_CLASS (self)->fetch_crls_finish (self, inner, &failure);
  if (!clm_guard_settle (self, "fetch CRLs", value != NULL, failure, error))
    g_clear_pointer (&value, g_ptr_array_unref);
  return value;
}
