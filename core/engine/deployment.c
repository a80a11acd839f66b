/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deployment.h"

#include "clm-error.h"
#include "disk-lane.h"
#include "tls-check.h"

typedef struct {
  ClmEngine             *engine;
  ClmSpec               *spec;
  guint64                number;
  ClmDeploymentMode      mode;
  ClmDeploymentProgress  progress;
  gpointer               progress_data;
  guint                  index;    /* into the spec's deliveries */
  ClmGenerationFds      *fds;
  GBytes                *leaf;
  GPtrArray             *known;    /* ClmDeliveryRecord, from the inventory */
  ClmDeploymentResult   *result;
  gboolean               rollback; /* of the consumer at hand */
} Work;

#define PROBE_WITHIN_S 10

static void deliver_next (GTask *task);

void
clm_deployment_result_free (ClmDeploymentResult *self)
{
  if (!self)
    return;
  g_ptr_array_unref (self->deliveries);
  g_clear_error (&self->error);
  g_free (self);
}

static void
work_free (Work *work)
{
  clm_spec_unref (work->spec);
  g_clear_pointer (&work->fds, clm_generation_fds_free);
  g_clear_pointer (&work->leaf, g_bytes_unref);
  g_clear_pointer (&work->known, g_ptr_array_unref);
  g_clear_pointer (&work->result, clm_deployment_result_free);
  g_free (work);
}

static ClmDeliveryRecord *
find_known (Work       *work,
            const char *delivery)
{
  for (guint i = 0; i < work->known->len; i++) {
    ClmDeliveryRecord *record = g_ptr_array_index (work->known, i);

    if (g_str_equal (record->delivery, delivery))
      return record;
  }
  return NULL;
}

static void
finish (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  g_task_return_pointer (task, g_steal_pointer (&work->result), (GDestroyNotify) clm_deployment_result_free);
  g_object_unref (task);
}

/* How the consumer at hand ended; decides how the round goes on. */
static void
note_outcome (GTask  *task,
              GError *error)
{
  Work *work = g_task_get_task_data (task);
  const char *delivery = work->spec->deliveries[work->index];
  ClmDeliveryRecord *before = find_known (work, delivery);
  ClmDeliveryRecord *record = clm_delivery_record_new (delivery);

  record->time = clm_clock_get_time (work->engine->clock);
  record->failing = error != NULL;
  record->generation = error ? (before ? before->generation : 0) : work->number;
  record->attempts = error ? (before ? before->attempts : 0) + 1 : 0;
  record->error = error ? g_strdup (error->message) : NULL;
  g_ptr_array_add (work->result->deliveries, record);

  if (error && !work->result->error) {
    g_prefix_error (&error, "delivery %s: ", delivery);
    work->result->error = g_error_copy (error);
  }
  if (error && work->rollback && work->mode != CLM_DEPLOYMENT_RESTORE) {
    work->result->wants_rollback = TRUE;
    g_error_free (error);
    finish (task);
    return;
  }
  g_clear_error (&error);
  work->index++;
  deliver_next (task);
}

static void
fail_or_note (GTask  *task,
              GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  note_outcome (task, error);
}

static void
on_checked (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (clm_tls_check_finish (result, &error))
    note_outcome (task, NULL);
  else
    fail_or_note (task, error);
}

static void
check_tls (GTask                 *task,
           const ClmDeliverCheck *check)
{
  Work *work = g_task_get_task_data (task);
  ClmTlsCheck tls = {
    .address = check->address,
    .server_name = *check->server_name ? check->server_name : NULL,
    .leaf = work->leaf,
    .delay_s = check->delay_s,
    .within_s = check->within_s,
  };

  clm_tls_check_async (&tls, g_task_get_cancellable (task), on_checked, task);
}

static void
on_delivered (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (ClmDeliverResult) delivered = clm_deliverer_deliver_finish (CLM_DELIVERER (source), result, &error);

  if (!delivered) {
    fail_or_note (task, error);
    return;
  }
  work->rollback = delivered->check.rollback;
  work->result->acted += delivered->changed || delivered->acted;
  if (delivered->check.kind == CLM_DELIVER_CHECK_TLS)
    check_tls (task, &delivered->check);
  else
    note_outcome (task, NULL);
}

static void
deliver_one (GTask      *task,
             const char *delivery)
{
  Work *work = g_task_get_task_data (task);
  ClmDeliveryRecord *known = find_known (work, delivery);
  ClmDeliverInput input = CLM_DELIVER_INPUT_INIT;

  input.generation = work->number;
  input.leaf = work->fds->cert;
  input.chain = work->fds->chain;
  input.key = work->fds->key;
  input.anchors = work->fds->trust;
  /* The helper does not hear of a failed handshake: files that are unchanged since then still want their action. */
  input.force = work->mode != CLM_DEPLOYMENT_PLAIN || (known && known->failing);
  clm_deliverer_deliver_async (work->engine->deliverer, delivery, work->spec->name, &input,
                               g_task_get_cancellable (task), on_delivered, task);
}

static void
on_described (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (ClmDeliverResult) described = clm_deliverer_describe_finish (CLM_DELIVERER (source), result, &error);

  if (!described) {
    fail_or_note (task, error);
    return;
  }
  /* Asked for first, because a failing delivery does not say any more what its recipe wants. */
  work->rollback = described->check.rollback;
  deliver_one (task, work->spec->deliveries[work->index]);
}

/* The spec's own proof, whatever the recipes check: somewhere a server shows the new leaf. */

static void
on_probed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);

  if (!clm_tls_check_finish (result, &work->result->error))
    g_prefix_error (&work->result->error, "probe %s: ", work->spec->probe);
  finish (task);
}

static void
probe (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  ClmTlsCheck tls = { .address = work->spec->probe, .leaf = work->leaf, .within_s = PROBE_WITHIN_S };

  if (work->spec->probe && !work->result->error && work->result->deliveries->len > 0)
    clm_tls_check_async (&tls, g_task_get_cancellable (task), on_probed, task);
  else
    finish (task);
}

static void
deliver_next (GTask *task)
{
  Work *work = g_task_get_task_data (task);
  guint n = g_strv_length (work->spec->deliveries);

  for (; work->index < n; work->index++) {
    const char *delivery = work->spec->deliveries[work->index];
    ClmDeliveryRecord *known = find_known (work, delivery);

    if (work->mode != CLM_DEPLOYMENT_FORCE && known && !known->failing && known->generation == work->number)
      continue;
    if (work->progress)
      work->progress (delivery, work->index + 1, n, work->progress_data);
    work->rollback = FALSE;
    clm_deliverer_describe_async (work->engine->deliverer, delivery, work->spec->name, g_task_get_cancellable (task),
                                  on_described, task);
    return;
  }
  probe (task);
}

static gboolean
open_generation (Work    *work,
                 GError **error)
{
  g_autoptr (ClmGeneration) generation = NULL;

  generation = clm_generation_read (work->engine->generations, work->spec->name, (guint) work->number, error);
  if (!generation)
    return FALSE;
  work->leaf = g_bytes_ref (generation->leaf);
  work->fds = clm_generation_open_fds_of (work->engine->generations, work->spec->name, (guint) work->number, TRUE, error);
  return work->fds != NULL;
}

static void
open_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  GError *error = NULL;

  if (open_generation (task_data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_opened (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    deliver_next (task);
    return;
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

void
clm_deployment_run_async (ClmEngine            *engine,
                          ClmSpec              *spec,
                          guint64               number,
                          ClmDeploymentMode     mode,
                          ClmDeploymentProgress progress,
                          gpointer              progress_data,
                          GCancellable         *cancellable,
                          GAsyncReadyCallback   callback,
                          gpointer              user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GTask) opening = NULL;
  Work *work = g_new0 (Work, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, clm_deployment_run_async);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  work->engine = engine;
  work->spec = clm_spec_ref (spec);
  work->number = number;
  work->mode = mode;
  work->progress = progress;
  work->progress_data = progress_data;
  work->result = g_new0 (ClmDeploymentResult, 1);
  work->result->deliveries = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_delivery_record_free);
  work->known = clm_inventory_get_deliveries (engine->inventory, spec->name, &error);
  if (!work->known) {
    g_task_return_error (task, error);
    return;
  }
  opening = g_task_new (NULL, cancellable, on_opened, g_object_ref (task));
  g_task_set_source_tag (opening, open_in_thread);
  g_task_set_task_data (opening, work, NULL);
  clm_disk_lane_run (opening, open_in_thread);
}

ClmDeploymentResult *
clm_deployment_run_finish (GAsyncResult *result,
                           GError      **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
