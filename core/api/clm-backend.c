/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-backend.h"

#include "guard.h"

typedef enum { STOPPED, STARTING, STARTED, STOPPING } Life;

typedef struct {
  char       *name;
  ClmHost    *host;
  ClmOptions *options;
  Life        life;
} ClmBackendPrivate;

enum { PROP_NAME = 1, PROP_HOST, PROP_OPTIONS, N_PROPERTIES };

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (ClmBackend, clm_backend, G_TYPE_OBJECT)

static ClmBackendPrivate *
get_private (ClmBackend *self)
{
  return clm_backend_get_instance_private (self);
}

static void
clm_backend_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  ClmBackendPrivate *priv = get_private (CLM_BACKEND (object));

  switch (id) {
    case PROP_NAME:
      g_value_set_string (value, priv->name);
      break;
    case PROP_HOST:
      g_value_set_object (value, priv->host);
      break;
    case PROP_OPTIONS:
      g_value_set_object (value, priv->options);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
clm_backend_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  ClmBackendPrivate *priv = get_private (CLM_BACKEND (object));

  switch (id) {
    case PROP_NAME:
      priv->name = g_value_dup_string (value);
      break;
    case PROP_HOST:
      priv->host = g_value_dup_object (value);
      break;
    case PROP_OPTIONS:
      priv->options = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
clm_backend_constructed (GObject *object)
{
  ClmBackendPrivate *priv = get_private (CLM_BACKEND (object));

  G_OBJECT_CLASS (clm_backend_parent_class)->constructed (object);
  if (priv->name == NULL)
    priv->name = g_strdup ("unnamed");
  if (priv->options == NULL)
    priv->options = clm_options_new (priv->name);
}

static void
clm_backend_dispose (GObject *object)
{
  ClmBackendPrivate *priv = get_private (CLM_BACKEND (object));

  g_clear_object (&priv->host);
  G_OBJECT_CLASS (clm_backend_parent_class)->dispose (object);
}

static void
clm_backend_finalize (GObject *object)
{
  ClmBackendPrivate *priv = get_private (CLM_BACKEND (object));

  g_clear_object (&priv->options);
  g_free (priv->name);
  G_OBJECT_CLASS (clm_backend_parent_class)->finalize (object);
}

static void
clm_backend_class_init (ClmBackendClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = clm_backend_get_property;
  object_class->set_property = clm_backend_set_property;
  object_class->constructed = clm_backend_constructed;
  object_class->dispose = clm_backend_dispose;
  object_class->finalize = clm_backend_finalize;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_HOST] = g_param_spec_object ("host", NULL, NULL, CLM_TYPE_HOST, flags);
  properties[PROP_OPTIONS] = g_param_spec_object ("options", NULL, NULL, CLM_TYPE_OPTIONS, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
clm_backend_init (ClmBackend *self)
{
}

const char *
clm_backend_get_name (ClmBackend *self)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), NULL);
  return get_private (self)->name;
}

ClmHost *
clm_backend_get_host (ClmBackend *self)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), NULL);
  return get_private (self)->host;
}

ClmOptions *
clm_backend_get_options (ClmBackend *self)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), NULL);
  return get_private (self)->options;
}

gboolean
clm_backend_is_started (ClmBackend *self)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), FALSE);
  return get_private (self)->life == STARTED;
}

GVariant *
clm_backend_describe (ClmBackend *self)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), NULL);

  g_autoptr (GVariantDict) dict = g_variant_dict_new (NULL);
  if (CLM_BACKEND_GET_CLASS (self)->describe != NULL)
    CLM_BACKEND_GET_CLASS (self)->describe (self, dict);
  return g_variant_dict_end (dict);
}

/* Stop: the vfunc pair behind the guard, without looking at the life. */

static void
call_stop_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmBackendClass *klass = CLM_BACKEND_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "stop", klass->stop_finish != NULL, call_stop_async, cancellable, callback, user_data);

  if (call != NULL)
    klass->stop_async (self, cancellable, clm_guard_complete, call);
}

static gboolean
call_stop_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, call_stop_async, error);
  GError *failure = NULL;

  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_BACKEND_GET_CLASS (self)->stop_finish (self, inner, &failure);
  return clm_guard_settle (self, "stop", ok, failure, error);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmBackend *self = CLM_BACKEND (source);
  GError *error = NULL;

  /* However it ended, there is nothing more to ask of the instance. */
  get_private (self)->life = STOPPED;
  if (call_stop_finish (self, result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
clm_backend_stop_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_BACKEND (self));

  ClmBackendPrivate *priv = get_private (self);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_backend_stop_async);
  g_task_set_check_cancellable (task, FALSE);
  if (priv->life == STARTING || priv->life == STOPPING) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_CONFLICT, "%s is still being %s", priv->name,
                             priv->life == STARTING ? "started" : "stopped");
    return;
  }
  if (priv->life == STOPPED || CLM_BACKEND_GET_CLASS (self)->stop_async == NULL) {
    priv->life = STOPPED;
    g_task_return_boolean (task, TRUE);
    return;
  }
  priv->life = STOPPING;
  call_stop_async (self, cancellable, on_stopped, g_steal_pointer (&task));
}

gboolean
clm_backend_stop_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Start: the vfunc pair, then the refusal of what nobody read, then a stop if that fails. */

static void
call_start_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ClmBackendClass *klass = CLM_BACKEND_GET_CLASS (self);
  gpointer call = clm_guard_enter (self, "start", klass->start_finish != NULL, call_start_async, cancellable, callback, user_data);

  if (call != NULL)
    klass->start_async (self, cancellable, clm_guard_complete, call);
}

static gboolean
call_start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GAsyncResult) inner = clm_guard_leave (self, result, call_start_async, error);
  GError *failure = NULL;

  if (inner == NULL)
    return FALSE;
  gboolean ok = CLM_BACKEND_GET_CLASS (self)->start_finish (self, inner, &failure);
  return clm_guard_settle (self, "start", ok, failure, error);
}

static void
on_stopped_after_refusal (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  get_private (CLM_BACKEND (source))->life = STOPPED;
  if (!call_stop_finish (CLM_BACKEND (source), result, &error))
    g_debug ("[%s] stop after a refused start: %s", clm_backend_get_name (CLM_BACKEND (source)), error->message);
  g_task_return_error (task, g_error_copy (g_task_get_task_data (task)));
}

static void
end_start (ClmBackend *self, GTask *task)
{
  ClmBackendPrivate *priv = get_private (self);
  GError *error = NULL;

  if (clm_options_refuse_unread (priv->options, &error)) {
    priv->life = STARTED;
    g_task_return_boolean (task, TRUE);
  } else if (CLM_BACKEND_GET_CLASS (self)->stop_async == NULL) {
    priv->life = STOPPED;
    g_task_return_error (task, error);
  } else {
    g_task_set_task_data (task, error, (GDestroyNotify) g_error_free);
    call_stop_async (self, NULL, on_stopped_after_refusal, g_object_ref (task));
  }
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  ClmBackend *self = CLM_BACKEND (source);
  GError *error = NULL;

  if (call_start_finish (self, result, &error)) {
    end_start (self, task);
    return;
  }
  get_private (self)->life = STOPPED;
  g_task_return_error (task, error);
}

void
clm_backend_start_async (ClmBackend *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CLM_IS_BACKEND (self));

  ClmBackendPrivate *priv = get_private (self);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, clm_backend_start_async);
  g_task_set_check_cancellable (task, FALSE);
  if (priv->life != STOPPED) {
    g_task_return_new_error (task, CLM_ERROR, CLM_ERROR_CONFLICT, "%s was started already", priv->name);
    return;
  }
  if (CLM_BACKEND_GET_CLASS (self)->start_async == NULL) {
    end_start (self, task);
    return;
  }
  priv->life = STARTING;
  call_start_async (self, cancellable, on_started, g_steal_pointer (&task));
}

gboolean
clm_backend_start_finish (ClmBackend *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CLM_IS_BACKEND (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
