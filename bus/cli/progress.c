/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "progress.h"

#include <glib/gi18n.h>
#include <string.h>

#include "table.h"

#define BAR_WIDTH   20
#define BAR_COLUMNS 60   /* a narrower terminal has room for the stage alone */

struct _ClmProgress {
  ClmCli   *cli;
  char     *label;
  char     *stage;
  gboolean  drawn;
};

static const struct {
  const char *word;
  const char *label;
} stages[] = {
  { "queued", N_("waiting for its turn") },
  { "choose", N_("choosing the CA") },
  { "prepare", N_("asking what the CA demands") },
  { "intend", N_("writing down what is to be done") },
  { "key", N_("generating the key") },
  { "enroll", N_("enrolling at the CA") },
  { "anchors", N_("getting the trust anchors") },
  { "check", N_("checking the certificate") },
  { "stage", N_("writing the files") },
  { "confirm", N_("confirming to the CA") },
  { "switch", N_("switching over") },
  { "record", N_("recording") },
  { "deliver", N_("delivering to consumers") },
  { "adopt", N_("checking the consumers") },
  { "restore", N_("restoring the previous certificate") },
  { "retire", N_("tidying up old keys") },
  { "suggest", N_("asking when to renew") },
  { "finish", N_("finishing") },
  { "done", N_("done") },
};

const char *
clm_progress_get_stage_label (const char *stage)
{
  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++) {
    if (g_str_equal (stages[i].word, stage))
      return _(stages[i].label);
  }
  return stage;
}

ClmProgress *
clm_progress_new (ClmCli *cli, const char *label)
{
  ClmProgress *self = g_new0 (ClmProgress, 1);
  self->cli = cli;
  self->label = g_strdup (label);
  return self;
}

static gboolean
is_silent (ClmProgress *self)
{
  return self->cli->quiet || self->cli->json;
}

static void
erase (ClmProgress *self)
{
  if (self->drawn)
    fputs ("\r\033[K", stderr);
  self->drawn = FALSE;
}

static void
append_bar (GString *line, double fraction)
{
  char bar[BAR_WIDTH + 1];
  guint full = (guint) (CLAMP (fraction, 0, 1) * BAR_WIDTH);
  memset (bar, ' ', BAR_WIDTH);
  memset (bar, '=', full);
  if (full < BAR_WIDTH)
    bar[full] = '>';
  bar[BAR_WIDTH] = '\0';
  g_string_append_printf (line, "[%s] ", bar);
}

/* One row of the terminal and no more: what runs over into the next cannot be taken away again. */
static void
draw (ClmProgress *self, const char *text, double fraction)
{
  g_autoptr (GString) line = g_string_new (NULL);
  if (self->label != NULL)
    g_string_append_printf (line, "%s: ", self->label);
  if (fraction >= 0 && self->cli->terminal.err_columns >= BAR_COLUMNS)
    append_bar (line, fraction);
  g_string_append (line, text);
  g_autofree char *row = clm_table_cut (line->str, self->cli->terminal.err_columns - 1);
  fprintf (stderr, "\r\033[K%s", row);
  fflush (stderr);
  self->drawn = TRUE;
}

void
clm_progress_update (ClmProgress *self, const char *stage, double fraction, guint done, guint total)
{
  if (is_silent (self) || *stage == '\0')
    return;
  g_autofree char *text = total > 1 ? g_strdup_printf (_("%u of %u"), done, total) : g_strdup (clm_progress_get_stage_label (stage));
  g_autofree char *shown = clm_cli_dup_shown (self->cli, text);
  if (self->cli->terminal.err_is_tty && !self->cli->terminal.dumb) {
    draw (self, shown, fraction);
    return;
  }
  if (g_str_equal (stage, "done") || g_strcmp0 (self->stage, shown) == 0)
    return;
  g_free (self->stage);
  self->stage = g_strdup (shown);
  fprintf (stderr, "%s%s%s\n", self->label != NULL ? self->label : "", self->label != NULL ? ": " : "", shown);
}

void
clm_progress_note (ClmProgress *self, const char *text)
{
  g_autofree char *shown = clm_cli_dup_shown (self->cli, text);
  erase (self);
  if (!is_silent (self))
    fprintf (stderr, "%s\n", shown);
}

void
clm_progress_free (ClmProgress *self)
{
  erase (self);
  g_free (self->label);
  g_free (self->stage);
  g_free (self);
}
