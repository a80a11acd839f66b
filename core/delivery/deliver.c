/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deliver.h"
#include "clm-error.h"
#include "consumer.h"
#include "cookbook.h"
#include "material.h"
#include "target.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One delivery at work. */
typedef struct {
  const ClmDeliverContext *context;
  const ClmDeliverRequest *request;
  ClmDeliverReply         *reply;
  const ClmRecipe         *recipe;
  ClmMaterial              material;
  char                    *note;       /* stands while files are in place that the consumer was not told of */
} Delivery;

static void
set_stage (ClmDeliverReply *reply, const char *stage)
{
  g_free (reply->stage);
  reply->stage = g_strdup (stage);
}

static gboolean
check_allowed (const ClmRecipe *recipe, const char *certificate, GError **error)
{
  if (clm_recipe_takes (recipe, certificate))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "delivery \"%s\" does not take certificate \"%s\"", recipe->name, certificate);
  clm_error_set_hint (error ? *error : NULL, "add it to For= in %s.delivery", recipe->name);
  return FALSE;
}

static ClmTarget *
prepare_target (Delivery *self, ClmRecipeFile file, const char *path, GError **error)
{
  const ClmRecipe *recipe = self->recipe;
  g_autoptr (ClmSecret) content = clm_material_compose (&self->material, file, error);
  gboolean is_secret = file == CLM_RECIPE_KEY || file == CLM_RECIPE_COMBINED;
  ClmTargetSpec spec = {
    .path = path, .content = content, .has_owner = recipe->has_owner, .has_group = recipe->has_group,
    .owner = recipe->owner, .group = recipe->group, .mode = is_secret ? recipe->key_mode : recipe->mode,
  };

  return content ? clm_target_prepare (&spec, error) : NULL;
}

static GPtrArray *
prepare_targets (Delivery *self, GError **error)
{
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_target_free);

  for (guint file = 0; file < CLM_N_RECIPE_FILES; file++) {
    g_autofree char *path = clm_recipe_get_path (self->recipe, file, self->request->certificate);
    ClmTarget *target;
    if (path == NULL)
      continue;
    target = prepare_target (self, file, path, error);
    if (target == NULL)
      return NULL;
    g_ptr_array_add (targets, target);
  }
  return g_steal_pointer (&targets);
}

static gboolean
put_in_place (Delivery *self, GError **error)
{
  g_autoptr (GPtrArray) targets = prepare_targets (self, error);

  if (targets == NULL)
    return FALSE;
  for (guint i = 0; i < targets->len; i++)
    self->reply->changed = self->reply->changed || clm_target_is_changed (g_ptr_array_index (targets, i));
  if (!self->reply->changed)
    return TRUE;
  /* the note first: killed between the two, the next try tells the consumer once too often rather than never */
  if (!clm_workplace_mark (self->context->workplace, self->note, error))
    return FALSE;
  return clm_target_commit_all (targets, error);
}

static gboolean
write_files (Delivery *self, GError **error)
{
  g_autofree char *lock_name = g_strdup_printf ("recipe-%s", self->recipe->name);
  int lock = clm_workplace_lock (self->context->workplace, lock_name, error);
  gboolean done;

  if (lock < 0)
    return FALSE;
  done = put_in_place (self, error);
  self->reply->changed = self->reply->changed && done;
  close (lock);
  return done;
}

static void
append_json_text (GString *out, const char *key, const char *value)
{
  g_string_append_printf (out, ",\"%s\":\"", key);
  for (const char *at = value; *at; at++) {
    if (*at == '"' || *at == '\\')
      g_string_append_printf (out, "\\%c", *at);
    else if ((guchar) *at < 0x20 || *at == 0x7f)
      g_string_append_printf (out, "\\u%04x", (guint) (guchar) *at);
    else
      g_string_append_c (out, *at);
  }
  g_string_append_c (out, '"');
}

/* One line of JSON: whatever a certificate's names hold, they are data here. */
static char *
make_input (Delivery *self)
{
  X509 *leaf = g_ptr_array_index (self->material.leaf, 0);
  g_autoptr (GString) out = g_string_new ("{\"version\":1");
  g_autofree char *subject = clm_x509_get_subject (leaf);
  g_autofree char *serial = clm_x509_get_serial (leaf);
  g_autofree char *fingerprint = clm_x509_get_fingerprint (leaf);
  g_autofree char *valid_subject = g_utf8_make_valid (subject, -1);
  gint64 not_before = 0, not_after = 0;

  append_json_text (out, "delivery", self->recipe->name);
  append_json_text (out, "certificate", self->request->certificate);
  append_json_text (out, "subject", valid_subject);
  append_json_text (out, "serial", serial);
  append_json_text (out, "fingerprint", fingerprint);
  if (clm_x509_get_validity (leaf, &not_before, &not_after, NULL))
    g_string_append_printf (out, ",\"notBefore\":%" G_GINT64_FORMAT ",\"notAfter\":%" G_GINT64_FORMAT, not_before, not_after);
  g_string_append_printf (out, ",\"generation\":%" G_GUINT64_FORMAT "}\n", self->request->generation);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
act (Delivery *self, GError **error)
{
  const ClmCommand *action = &self->recipe->action;
  g_autofree char *key = clm_command_get_key (action);
  g_autofree char *input = action->kind == CLM_COMMAND_RUN ? make_input (self) : NULL;
  ClmConsumerTicket ticket = clm_consumer_take_ticket (self->context->workplace, key);
  ClmCommandContext context = {self->recipe->name, self->request->certificate, self->request->generation, input};
  gboolean shared;

  self->reply->acted = action->kind != CLM_COMMAND_NONE;
  return clm_consumer_act (self->context->workplace, key, ticket, action, &context, &shared, &self->reply->output, error);
}

static void
pause_s (gint64 seconds)
{
  struct timespec left = {.tv_sec = seconds};

  while (nanosleep (&left, &left) < 0 && errno == EINTR)
    continue;
}

/* Again every second until the consumer has had its time. */
static gboolean
check (Delivery *self, GError **error)
{
  const ClmRecipe *recipe = self->recipe;
  g_autofree char *input = make_input (self);
  ClmCommandContext context = {recipe->name, self->request->certificate, self->request->generation, input};
  gint64 end;

  pause_s (recipe->check.delay_s);
  end = g_get_monotonic_time () + recipe->check.within_s * G_USEC_PER_SEC;
  for (;;) {
    g_autofree char *output = NULL;
    g_autoptr (GError) local = NULL;
    if (clm_command_run (&recipe->check_command, &context, &output, &local))
      return TRUE;
    if (g_get_monotonic_time () + G_USEC_PER_SEC >= end || local->code == CLM_ERROR_CONFIG) {
      g_free (self->reply->output);
      self->reply->output = g_steal_pointer (&output);
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "check: ");
      return FALSE;
    }
    pause_s (1);
  }
}

static gboolean
tell_consumer (Delivery *self, GError **error)
{
  gboolean pending = clm_workplace_is_marked (self->context->workplace, self->note);

  if (!self->reply->changed && !pending && !self->request->force)
    return TRUE;
  set_stage (self->reply, "action");
  if (!act (self, error))
    return FALSE;
  if (self->recipe->check.kind == CLM_DELIVER_CHECK_COMMAND) {
    set_stage (self->reply, "check");
    if (!check (self, error))
      return FALSE;
  }
  clm_workplace_unmark (self->context->workplace, self->note);
  return TRUE;
}

/* All of it for one certificate of one recipe at a time; other certificates may write while this one's action runs. */
static gboolean
deliver_locked (Delivery *self, GError **error)
{
  g_autofree char *lock_name = g_strdup_printf ("delivery-%s:%s", self->recipe->name, self->request->certificate);
  int lock = clm_workplace_lock (self->context->workplace, lock_name, error);
  gboolean done;

  if (lock < 0)
    return FALSE;
  done = write_files (self, error) && tell_consumer (self, error);
  close (lock);
  return done;
}

static gboolean
deliver (Delivery *self, const int *fds, GError **error)
{
  const ClmDeliverRequest *request = self->request;

  set_stage (self->reply, "material");
  if (!clm_material_read (&self->material, request->files, fds, request->n_files, self->recipe->paths[CLM_RECIPE_TRUST] != NULL, error))
    return FALSE;
  if (self->recipe->paths[CLM_RECIPE_TRUST] &&
      !clm_material_check_anchors (&self->material, (const char *const *) self->recipe->anchors, error))
    return FALSE;
  set_stage (self->reply, "files");
  return deliver_locked (self, error);
}

static gboolean
answer_with_recipe (const ClmDeliverContext *context, const ClmDeliverRequest *request, const int *fds, ClmDeliverReply *reply, GError **error)
{
  g_autoptr (ClmRecipe) recipe = NULL;
  Delivery delivery = {.context = context, .request = request, .reply = reply};
  gboolean done;

  set_stage (reply, "recipe");
  recipe = clm_cookbook_load (context->config_root, request->delivery, error);
  if (recipe == NULL)
    return FALSE;
  clm_deliver_check_clear (&reply->check);
  clm_deliver_check_copy (&reply->check, &recipe->check);
  if (request->certificate[0] && !check_allowed (recipe, request->certificate, error))
    return FALSE;
  if (request->verb == CLM_DELIVER_DESCRIBE)
    return TRUE;
  delivery.recipe = recipe;
  delivery.note = g_strdup_printf ("untold-%s:%s", request->delivery, request->certificate);
  done = deliver (&delivery, fds, error);
  clm_material_clear (&delivery.material);
  g_free (delivery.note);
  return done;
}

static void
answer_list (const ClmDeliverContext *context, const ClmDeliverRequest *request, ClmDeliverReply *reply)
{
  g_auto (GStrv) all = clm_cookbook_list (context->config_root);
  g_autoptr (GStrvBuilder) page = g_strv_builder_new ();
  guint n = 0;

  for (guint i = 0; all[i] && !reply->more; i++) {
    if (strcmp (all[i], request->delivery) <= 0)
      continue;
    if (n == CLM_DELIVER_MAX_LIST)
      reply->more = TRUE;
    else
      g_strv_builder_add (page, all[i]);
    n++;
  }
  reply->names = g_strv_builder_end (page);
}

static void
log_outcome (const ClmDeliverRequest *request, const ClmDeliverReply *reply)
{
  if (request->verb != CLM_DELIVER_DELIVER)
    return;
  if (!reply->ok)
    g_warning ("[cert %s] delivery %s failed at %s: %s", request->certificate, request->delivery, reply->stage, reply->message);
  else if (reply->changed || reply->acted)
    g_message ("[cert %s] generation %" G_GUINT64_FORMAT " delivered to %s", request->certificate, request->generation, request->delivery);
}

void
clm_deliver_answer (const ClmDeliverContext *context, const ClmDeliverRequest *request, const int *fds, guint n, ClmDeliverReply *reply)
{
  g_autoptr (GError) error = NULL;

  memset (reply, 0, sizeof *reply);
  reply->serial = request->serial;
  set_stage (reply, "request");
  if (n != request->n_files || (n > 0 && request->verb != CLM_DELIVER_DELIVER))
    g_set_error (&error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%u descriptors came where %u were announced", n, request->n_files);
  else if (request->verb == CLM_DELIVER_LIST)
    answer_list (context, request, reply);
  else if (!answer_with_recipe (context, request, fds, reply, &error) && error == NULL)
    g_set_error_literal (&error, CLM_ERROR, CLM_ERROR_FAILED, "failed without a reason");
  reply->ok = error == NULL;
  if (error) {
    const char *hint = clm_error_get_hint (error);
    reply->code = error->domain == CLM_ERROR ? error->code : CLM_ERROR_FAILED;
    reply->message = g_strdup (error->message);
    reply->hint = g_strdup (hint ? hint : "");
  }
  log_outcome (request, reply);
}
