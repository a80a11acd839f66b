/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <string.h>

static const ClmVerb *const verbs[] = {
  &clm_verb_status, &clm_verb_show, &clm_verb_request, &clm_verb_renew, &clm_verb_revoke, &clm_verb_remove, &clm_verb_hold,
  &clm_verb_unhold, &clm_verb_wait, &clm_verb_monitor, &clm_verb_history, &clm_verb_export, &clm_verb_rollback,
  &clm_verb_deliver, &clm_verb_reload, &clm_verb_config_check, &clm_verb_config_show, &clm_verb_config_diff,
  &clm_verb_ca_list, &clm_verb_ca_show, &clm_verb_ca_crl, &clm_verb_ca_anchors, &clm_verb_key_list, &clm_verb_plugin_list,
  &clm_verb_plugin_info, &clm_verb_help, &clm_verb_complete, NULL,
};

const ClmVerb *const *
clm_verb_list (void)
{
  return verbs;
}

const ClmVerb *
clm_verb_find (const char *name)
{
  for (gsize i = 0; verbs[i] != NULL; i++) {
    if (g_str_equal (verbs[i]->name, name))
      return verbs[i];
  }
  return NULL;
}

gboolean
clm_verb_is_noun (const char *word)
{
  gsize length = strlen (word);
  for (gsize i = 0; verbs[i] != NULL; i++) {
    if (strncmp (verbs[i]->name, word, length) == 0 && verbs[i]->name[length] == ' ')
      return TRUE;
  }
  return FALSE;
}

GStrv
clm_verb_list_words (const char *noun)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  for (gsize i = 0; verbs[i] != NULL; i++) {
    g_auto (GStrv) parts = g_strsplit (verbs[i]->name, " ", 2);
    const char *word = noun == NULL ? parts[0] : g_str_equal (parts[0], noun) ? parts[1] : NULL;
    gboolean again = words->len > 0 && g_strcmp0 (words->pdata[words->len - 1], word) == 0;
    if (word != NULL && !verbs[i]->hidden && !again)
      g_ptr_array_add (words, g_strdup (word));
  }
  g_ptr_array_add (words, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&words), FALSE);
}
