/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "state.h"

#include <glib/gi18n.h>

#include "date.h"

/* Worst first. */
static const struct {
  const char *word;
  const char *label;
  const char *symbol;
  const char *ascii;
  ClmColor    color;
} states[] = {
  { "expired", N_("expired"), "✖", "x", CLM_COLOR_RED },
  { "revoked", N_("revoked"), "✖", "x", CLM_COLOR_RED },
  { "failing", N_("failing"), "▲", "!", CLM_COLOR_RED },
  { "waiting", N_("waiting"), "○", "o", CLM_COLOR_YELLOW },
  { "pending", N_("pending"), "↻", "~", CLM_COLOR_YELLOW },
  { "held", N_("held"), "‖", "=", CLM_COLOR_YELLOW },
  { "enrolling", N_("enrolling"), "↻", "~", CLM_COLOR_BLUE },
  { "renewing", N_("renewing"), "↻", "~", CLM_COLOR_BLUE },
  { "ready", N_("ready"), "●", "*", CLM_COLOR_GREEN },
};
#define RANK_UNKNOWN 3   /* after what is bad for certain */

const char *const *
clm_state_get_words (void)
{
  static const char *words[G_N_ELEMENTS (states) + 1];
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    words[i] = states[i].word;
  return words;
}

static gssize
find_state (const char *state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++) {
    if (g_str_equal (states[i].word, state))
      return (gssize) i;
  }
  return -1;
}

gboolean
clm_state_is_known (const char *state)
{
  return find_state (state) >= 0;
}

guint
clm_state_get_rank (const char *state)
{
  gssize index = find_state (state);
  return index < 0 ? RANK_UNKNOWN : (guint) index;
}

const char *
clm_state_get_label (const char *state)
{
  gssize index = find_state (state);
  return index < 0 ? state : _(states[index].label);
}

const char *
clm_state_get_symbol (const char *state, gboolean utf8)
{
  gssize index = find_state (state);
  if (index < 0)
    return "?";
  return utf8 ? states[index].symbol : states[index].ascii;
}

ClmColor
clm_state_get_color (const char *state)
{
  gssize index = find_state (state);
  return index < 0 ? CLM_COLOR_NONE : states[index].color;
}

ClmColor
clm_state_get_left_color (gint64 not_before, gint64 not_after, gint64 now)
{
  gint64 life = not_after - not_before, left = not_after - now;
  if (not_after == 0 || life <= 0)
    return CLM_COLOR_NONE;
  if (left < life / 10)
    return CLM_COLOR_RED;
  return left < life / 3 ? CLM_COLOR_YELLOW : CLM_COLOR_NONE;
}

static const char *
get_action_label (const char *action)
{
  static const struct { const char *word, *label; } actions[] = {
    { "enroll", N_("enroll") }, { "poll", N_("ask the CA") }, { "renew", N_("renew") },
    { "deliver", N_("deliver") }, { "remove", N_("remove") },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++) {
    if (g_str_equal (actions[i].word, action))
      return _(actions[i].label);
  }
  return action;
}

char *
clm_state_format_next (const char *state, const char *action, gint64 time, guint attempts, gint64 now)
{
  if (g_str_equal (state, "held") || g_str_equal (action, "none") || *action == '\0')
    return g_strdup ("–");
  const char *label = get_action_label (action);
  gboolean busy = g_str_equal (state, "enrolling") || g_str_equal (state, "renewing");
  if (busy && time <= now)
    return g_strdup (_("under way"));
  if (time == 0)
    return g_strdup (label);
  if (time <= now)
    /* Translators: an action, "renew now". */
    return g_strdup_printf (_("%s now"), label);
  g_autofree char *span = clm_date_format_span (time - now);
  if (attempts > 0)
    return g_strdup_printf (_("%s in %s (attempt %u)"), label, span, attempts + 1);
  /* Translators: an action and a span of time, "renew in 31d". */
  return g_strdup_printf (_("%s in %s"), label, span);
}
