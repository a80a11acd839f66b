/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus.h"
#include "json.h"

G_BEGIN_DECLS

/** ClmJobResult: a job as it was read last. Plain data; clear it. */
typedef struct {
  char    *path;
  char    *kind;
  char    *subject;
  char    *state;    /* "running", "succeeded", "failed", "cancelled" */
  char    *stage;
  char    *error;
  char    *message;
  char    *hint;
  guint    total;
  guint    done;
  guint    failed;
  double   progress;
} ClmJobResult;

void clm_job_result_clear (ClmJobResult *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmJobResult, clm_job_result_clear)

/** clm_job_result_add_json: Adds "job" with all of it. */
void clm_job_result_add_json (const ClmJobResult *self, JsonBuilder *builder);

/** clm_job_result_read: Takes what is in @properties (`a{sv}`, all or some). */
void clm_job_result_read (ClmJobResult *self, GVariant *properties);

/** CLM_JOB_ENTRIES: the options of every verb that starts a job. */
#define CLM_JOB_ENTRIES \
  { "wait", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, clm_job_parse_wait, N_("Wait for the end (as without it), at most SPAN"), "SPAN" }, \
  { "no-wait", 0, 0, G_OPTION_ARG_NONE, &clm_job_no_wait, N_("Start it and do not wait for its end"), NULL }

extern gboolean clm_job_no_wait;
gboolean clm_job_parse_wait (const char *option, const char *value, gpointer data, GError **error);

/**
 * clm_job_follow:
 * @label: (nullable): what it is about
 *
 * Shows progress until the job at @path ends. Ctrl-C asks it to stop, a second one leaves it running. With --no-wait it returns
 * at once. Fails with the job's own error; with %CLM_EXIT_PARTLY where some of several failed; with %CLM_EXIT_TIMED_OUT when --wait=
 * is over or it was left running.
 */
gboolean clm_job_follow (ClmCli *cli, const char *path, const char *label, ClmJobResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;


/** clm_job_finish: Says how it ended: JSON, or @done (translated) after the name. @name: (nullable): a certificate to show as it is now. */
void clm_job_finish (ClmCli *cli, const ClmJobResult *result, const char *name, const char *done);

/** clm_job_run_verb: A whole verb: calls @method of the certificate @name, which answers with a job, follows it, and says @done. @parameters: (transfer floating). */
ClmExit clm_job_run_verb (ClmCli *cli, const char *name, const char *method, GVariant *parameters, const char *done, GError **error);

G_END_DECLS
