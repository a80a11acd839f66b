/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus.h"

G_BEGIN_DECLS

/** ClmArgumentKind: what stands where an argument is wanted; for completion. */
typedef enum {
  CLM_ARGUMENT_NONE,
  CLM_ARGUMENT_CERTIFICATE,
  CLM_ARGUMENT_AUTHORITY,
  CLM_ARGUMENT_KEY_STORE,
  CLM_ARGUMENT_PLUGIN,
  CLM_ARGUMENT_VERB
} ClmArgumentKind;

/**
 * ClmVerb: one thing the command can do. Static data; each lives in the file named after it.
 * @run: everything is parsed and counted already. It checks what else can be wrong before it asks for the bus, so that a typing
 *   error never wakes the daemon. With @error set the returned code does not matter.
 */
typedef struct {
  const char         *name;       /* one word, or noun and verb: "ca list" */
  const char         *arguments;  /* for the usage line, untranslated: "NAME…" */
  const char         *summary;    /* N_() */
  guint               least;      /* arguments */
  guint               most;
  ClmArgumentKind     kind;
  gboolean            hidden;
  const GOptionEntry *entries;    /* (nullable) */
  ClmExit           (*run) (ClmCli *cli, char **arguments, GError **error);
} ClmVerb;

/** clm_verb_list: Returns: (transfer none) (array zero-terminated=1): all verbs in the order of the manual. */
const ClmVerb *const *clm_verb_list (void);

/** clm_verb_find: Returns: (transfer none) (nullable). @name: "renew", "ca list". */
const ClmVerb *clm_verb_find (const char *name);

/** clm_verb_is_noun: whether @word begins a verb of two words. */
gboolean clm_verb_is_noun (const char *word);

/** clm_verb_list_words: Returns: (transfer container): the words that may follow @noun, or with %NULL the first words. */
GStrv clm_verb_list_words (const char *noun);

extern const ClmVerb clm_verb_status, clm_verb_show, clm_verb_request, clm_verb_renew, clm_verb_revoke, clm_verb_remove,
  clm_verb_hold, clm_verb_unhold, clm_verb_wait, clm_verb_monitor, clm_verb_history, clm_verb_export, clm_verb_rollback,
  clm_verb_deliver, clm_verb_reload, clm_verb_config_check, clm_verb_config_show, clm_verb_config_diff, clm_verb_ca_list,
  clm_verb_ca_show, clm_verb_ca_crl, clm_verb_ca_anchors, clm_verb_key_list, clm_verb_plugin_list, clm_verb_plugin_info,
  clm_verb_help, clm_verb_complete;

G_END_DECLS
