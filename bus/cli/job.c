/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "job.h"

#include <glib/gi18n.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "loop.h"
#include "progress.h"

gboolean      clm_job_no_wait;
static gint64 wait_at_most = -1;   /* seconds; -1: until it ends */

gboolean
clm_job_parse_wait (const char *option, const char *value, gpointer data, GError **error)
{
  return value == NULL || clm_date_parse_span (value, &wait_at_most, error);
}

/* --- what a job says of itself --- */

void
clm_job_result_clear (ClmJobResult *self)
{
  g_free (self->path);
  g_free (self->kind);
  g_free (self->subject);
  g_free (self->state);
  g_free (self->stage);
  g_free (self->error);
  g_free (self->message);
  g_free (self->hint);
}

static void
read_text (GVariant *properties, const char *name, char **text)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, name, G_VARIANT_TYPE_STRING);
  if (value != NULL) {
    g_free (*text);
    *text = g_variant_dup_string (value, NULL);
  } else if (*text == NULL)
    *text = g_strdup ("");
}

void
clm_job_result_read (ClmJobResult *self, GVariant *properties)
{
  read_text (properties, "Kind", &self->kind);
  read_text (properties, "Subject", &self->subject);
  read_text (properties, "State", &self->state);
  read_text (properties, "Stage", &self->stage);
  read_text (properties, "Error", &self->error);
  read_text (properties, "Message", &self->message);
  read_text (properties, "Hint", &self->hint);
  g_variant_lookup (properties, "Total", "u", &self->total);
  g_variant_lookup (properties, "Done", "u", &self->done);
  g_variant_lookup (properties, "Failed", "u", &self->failed);
  g_variant_lookup (properties, "Progress", "d", &self->progress);
}

void
clm_job_result_add_json (const ClmJobResult *self, JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "job");
  json_builder_begin_object (builder);
  clm_json_add_string (builder, "path", self->path);
  clm_json_add_string (builder, "kind", self->kind);
  clm_json_add_string (builder, "subject", self->subject);
  clm_json_add_string (builder, "state", self->state);
  clm_json_add_int (builder, "total", self->total);
  clm_json_add_int (builder, "done", self->done);
  clm_json_add_int (builder, "failed", self->failed);
  json_builder_end_object (builder);
}

/* --- following it --- */

typedef struct {
  ClmCli       *cli;
  ClmJobResult *result;
  ClmProgress  *progress;
  ClmLoop      *loop;
  GCancellable *cancellable;   /* of our own calls, not of the job */
  gboolean      ended;
} Follow;

static gboolean
has_ended (const ClmJobResult *result)
{
  return *result->state != '\0' && !g_str_equal (result->state, "running");
}

static void
show (Follow *self)
{
  ClmJobResult *result = self->result;
  clm_progress_update (self->progress, result->stage, result->progress, result->done, result->total);
}

static void
end (Follow *self)
{
  self->ended = TRUE;
  clm_loop_quit (self->loop);
}

static void
on_properties_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
                       GVariant *parameters, gpointer user_data)
{
  Follow *self = user_data;
  g_autoptr (GVariant) changed = NULL;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  g_variant_get (parameters, "(&s@a{sv}@as)", NULL, &changed, NULL);
  clm_job_result_read (self->result, changed);
  show (self);
  if (has_ended (self->result))
    end (self);
}

static void
on_completed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
              GVariant *parameters, gpointer user_data)
{
  Follow *self = user_data;
  gboolean success;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(bssa{sv})")))
    return;
  g_free (self->result->error);
  g_free (self->result->message);
  g_autoptr (GVariant) more = NULL;
  g_variant_get (parameters, "(bss@a{sv})", &success, &self->result->error, &self->result->message, &more);
  g_free (self->result->state);
  self->result->state = g_strdup (success ? "succeeded" : "failed");
  if (g_variant_lookup (more, "hint", "s", NULL)) {
    g_free (self->result->hint);
    g_variant_lookup (more, "hint", "s", &self->result->hint);
  }
  end (self);
}

static void
on_cancelled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Follow *self = user_data;
  g_autoptr (GError) error = NULL;
  /* Cancelled: nobody follows the job any longer, and @self is gone. */
  if (clm_bus_call_finish (source, result, &error) || g_str_equal (clm_cli_error_get_name (error), CLM_ERROR_NAME ("Cancelled")))
    return;
  clm_progress_note (self->progress, error->message);
}

/* Without waiting for the answer: a daemon that hangs must not keep the second Ctrl-C from being heard. */
static void
on_first_interrupt (gpointer user_data)
{
  Follow *self = user_data;
  clm_progress_note (self->progress, _("Cancelling; Ctrl-C again leaves it running."));
  clm_bus_call_async (self->cli, self->result->path, CLM_INTERFACE ("Job"), "Cancel", clm_bus_only_options (NULL), self->cancellable,
                      on_cancelled, self);
}

/* Signals first, then the properties: what happens in between is seen twice rather than not at all. */
static gboolean
follow (Follow *self, ClmLoopEnd *why, GError **error)
{
  guint changed = clm_bus_subscribe (self->cli, self->result->path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                     on_properties_changed, self, NULL);
  guint completed = clm_bus_subscribe (self->cli, self->result->path, CLM_INTERFACE ("Job"), "Completed", on_completed, self, NULL);
  g_autoptr (GVariant) properties = clm_bus_get_properties (self->cli, self->result->path, CLM_INTERFACE ("Job"), error);
  if (properties != NULL) {
    clm_job_result_read (self->result, properties);
    show (self);
    self->ended = has_ended (self->result);
    if (!self->ended && !clm_job_no_wait)
      *why = clm_loop_run (self->loop, wait_at_most);
  }
  clm_bus_unsubscribe (self->cli, changed);
  clm_bus_unsubscribe (self->cli, completed);
  g_cancellable_cancel (self->cancellable);
  return properties != NULL;
}

/* --- what came of it --- */

/* The signal of the end may come before that of the last count. */
static void
read_final (ClmCli *cli, ClmJobResult *result)
{
  g_autoptr (GVariant) properties = clm_bus_get_properties (cli, result->path, CLM_INTERFACE ("Job"), NULL);
  const char *state = "running";
  if (properties != NULL)
    g_variant_lookup (properties, "State", "&s", &state);
  if (!g_str_equal (state, "running"))
    clm_job_result_read (result, properties);
}

static gboolean
judge (const ClmJobResult *result, const char *label, GError **error)
{
  if (g_str_equal (result->state, "succeeded"))
    return TRUE;
  if (g_str_equal (result->state, "cancelled"))
    return clm_cli_error_set (error, CLM_EXIT_FAILED, CLM_ERROR_NAME ("Cancelled"), _("nothing is wrong; start it again when you want it"),
                              "%s%s%s", label != NULL ? label : "", label != NULL ? ": " : "", _("it was cancelled"));
  const char *name = *result->error != '\0' ? result->error : CLM_ERROR_NAME ("Failed");
  const char *message = *result->message != '\0' ? result->message : _("it failed");
  if (result->total > 1 && result->failed > 0 && result->failed < result->total)
    return clm_cli_error_set (error, CLM_EXIT_PARTLY, name, *result->hint != '\0' ? result->hint : _("see which with:  certloom status"),
                              _("%u of %u failed: %s"), result->failed, result->total, message);
  g_autofree char *sentence = label != NULL ? g_strdup_printf ("%s: %s", label, message) : g_strdup (message);
  return clm_cli_error_set_named (error, name, sentence, result->hint);
}

static gboolean
set_left_running (const ClmJobResult *result, GError **error)
{
  return clm_cli_error_set (error, CLM_EXIT_TIMED_OUT, CLM_ERROR_NAME ("TimedOut"), _("see how it stands with:  certloom status"),
                            _("not waiting any longer; it goes on as %s"), result->path);
}

gboolean
clm_job_follow (ClmCli *cli, const char *path, const char *label, ClmJobResult *result, GError **error)
{
  g_autoptr (ClmProgress) progress = clm_progress_new (cli, label);
  g_autoptr (ClmLoop) loop = clm_loop_new (cli);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Follow self = { .cli = cli, .result = result, .progress = progress, .loop = loop, .cancellable = cancellable };
  ClmLoopEnd why = CLM_LOOP_QUIT;
  result->path = g_strdup (path);
  clm_loop_set_first_interrupt (loop, on_first_interrupt, &self);
  if (!follow (&self, &why, error))
    return FALSE;
  if (why == CLM_LOOP_LOST)
    return clm_bus_set_lost (error);
  if (!self.ended)
    return clm_job_no_wait || set_left_running (result, error);
  read_final (cli, result);
  return judge (result, label, error);
}

static gboolean
run_on (ClmCli *cli, const char *name, const char *method, GVariant *parameters, ClmJobResult *result, GError **error)
{
  g_autoptr (GVariant) answer = clm_certificates_call (cli, name, method, parameters, "(o)", error);
  const char *path;
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &path);
  return clm_job_follow (cli, path, name, result, error);
}

static void
print_json (const ClmJobResult *result, const char *name, GVariant *certificate)
{
  g_autoptr (JsonBuilder) builder = clm_json_new ();
  gint64 not_after = 0;
  const char *state = "";
  clm_job_result_add_json (result, builder);
  if (certificate != NULL) {
    g_variant_lookup (certificate, "NotAfter", "x", &not_after);
    g_variant_lookup (certificate, "State", "&s", &state);
    json_builder_set_member_name (builder, "certificate");
    json_builder_begin_object (builder);
    clm_json_add_string (builder, "name", name);
    clm_json_add_string (builder, "state", state);
    clm_json_add_time (builder, "not_after", not_after);
    clm_json_add_left (builder, not_after, clm_cli_get_time ());
    json_builder_end_object (builder);
  }
  g_autofree char *text = clm_json_end (builder, TRUE);
  fputs (text, stdout);
}

static gboolean
issues (const ClmJobResult *result)
{
  return g_str_equal (result->kind, "request") || g_str_equal (result->kind, "renew");
}

void
clm_job_finish (ClmCli *cli, const ClmJobResult *result, const char *name, const char *done)
{
  g_autoptr (GVariant) certificate = name != NULL ? clm_certificates_get (cli, name, NULL) : NULL;
  const char *state = "";
  gint64 not_after = 0;
  if (cli->json) {
    print_json (result, name, certificate);
    return;
  }
  if (certificate != NULL)
    g_variant_lookup (certificate, "State", "&s", &state);
  const char *about = name != NULL ? name : result->subject;
  const char *colon = *about != '\0' ? ": " : "";
  if (certificate != NULL)
    g_variant_lookup (certificate, "NotAfter", "x", &not_after);
  if (!has_ended (result)) {
    clm_cli_say (cli, _("%s%sstarted as %s"), about, colon, result->path);
  } else if (g_str_equal (state, "pending") && issues (result)) {
    clm_cli_say (cli, _("%s: the CA has yet to decide; wait for it with:  certloom wait %s"), name, name);
  } else if (not_after != 0 && !g_str_equal (state, "revoked")) {
    g_autofree char *date = clm_date_format_full (not_after);
    g_autofree char *left = clm_date_format_span (not_after - clm_cli_get_time ());
    clm_cli_say (cli, _("%s%s%s; valid until %s (%s)"), about, colon, done, date, left);
  } else
    clm_cli_say (cli, "%s%s%s", about, colon, done);
}

ClmExit
clm_job_run_verb (ClmCli *cli, const char *name, const char *method, GVariant *parameters, const char *done, GError **error)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (parameters);
  g_auto (ClmJobResult) result = { 0 };
  if (!clm_certificates_check_name (name, error))
    return CLM_EXIT_USAGE;
  if (!run_on (cli, name, method, sunk, &result, error))
    return CLM_EXIT_FAILED;
  clm_job_finish (cli, &result, name, done);
  return CLM_EXIT_DONE;
}
