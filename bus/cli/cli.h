/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "terminal.h"

G_BEGIN_DECLS

/** ClmExit: what the command ends with; certloom(1), EXIT STATUS. Numbers never change. */
typedef enum {
  CLM_EXIT_DONE,         /* or nothing to do */
  CLM_EXIT_FAILED,       /* nothing better fits */
  CLM_EXIT_USAGE,
  CLM_EXIT_NOT_FOUND,
  CLM_EXIT_DENIED,
  CLM_EXIT_UNREACHABLE,  /* no daemon */
  CLM_EXIT_TIMED_OUT,
  CLM_EXIT_REFUSED,      /* the authority, a plugin or a consumer did not play along */
  CLM_EXIT_PARTLY,       /* some of several */
  CLM_EXIT_CONFIG
} ClmExit;

/** ClmBus: see bus.h. */
typedef struct _ClmBus ClmBus;

/**
 * ClmCli: one run of the command: the options that every verb takes, the terminal, and the bus once a verb has asked for it.
 * Plain data, lives as long as main().
 */
typedef struct {
  char        *address;     /* (nullable): of a private bus */
  gboolean     session;
  gboolean     json;
  gboolean     no_pager;
  gboolean     no_legend;
  gboolean     quiet;
  gboolean     help;
  gboolean     version;
  char        *color;       /* (nullable): "auto", "always" or "never" */
  gboolean     no_start;    /* take a daemon that runs, start none */
  char        *daemon;      /* (nullable): certloomd for offline work, instead of the installed one */
  ClmTerminal  terminal;
  ClmBus      *bus;         /* (nullable) */
} ClmCli;

/** clm_cli_get_time: Returns: now, in seconds since the epoch. */
gint64 clm_cli_get_time (void);

/** clm_cli_print: Writes @text to standard output: through the pager where that is a terminal and @text does not fit. */
void clm_cli_print (ClmCli *self, const char *text);

/** clm_cli_say: One line on standard output for a person: nothing with --quiet or --json. */
void clm_cli_say (ClmCli *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** clm_cli_dup_shown: Returns: (transfer full): @text as this terminal can show it: control characters become blanks, and where the locale is not UTF-8 the rest becomes ASCII. */
char *clm_cli_dup_shown (ClmCli *self, const char *text);

G_END_DECLS
