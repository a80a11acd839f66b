/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

G_BEGIN_DECLS

/**
 * CLM_CLI_ERROR: the one domain of the command's errors. The code is a #ClmExit; beside the message an error has the name to
 * search for and what to do about it. What comes over the bus is turned into it by clm_cli_error_from_bus().
 */
#define CLM_CLI_ERROR (clm_cli_error_quark ())
GQuark clm_cli_error_quark (void);

#define CLM_ERROR_NAME(word) "org.certloom.Certloom1.Error." word

/** clm_cli_error_set: @name: of the error. @hint: (nullable): what to do. @format: what failed and why, translated. Returns: %FALSE, to be returned. */
gboolean clm_cli_error_set (GError **error, ClmExit code, const char *name, const char *hint, const char *format, ...) G_GNUC_PRINTF (5, 6);

/** clm_cli_error_set_usage: The command line is wrong. Returns: %FALSE. */
gboolean clm_cli_error_set_usage (GError **error, const char *hint, const char *format, ...) G_GNUC_PRINTF (3, 4);

/** clm_cli_error_set_system: What the system refused, e.g. a file. @name: (nullable). Returns: %FALSE. */
gboolean clm_cli_error_set_system (GError **error, const char *hint, const char *format, ...) G_GNUC_PRINTF (3, 4);

/** clm_cli_error_from_bus: @remote: (transfer full): as a call returned it. Returns: (transfer full): with name, hint and exit code. */
GError *clm_cli_error_from_bus (GError *remote);

/** clm_cli_error_set_named: As a job or a property tells it. @hint: (nullable). Returns: %FALSE. */
gboolean clm_cli_error_set_named (GError **error, const char *name, const char *message, const char *hint);

/** clm_cli_error_get_exit_of: Returns: the exit code for an error called @name on the bus. */
ClmExit clm_cli_error_get_exit_of (const char *name);

/** clm_cli_error_get_name: Returns: (transfer none). */
const char *clm_cli_error_get_name (const GError *error);
/** clm_cli_error_get_hint: Returns: (transfer none): "" without one. */
const char *clm_cli_error_get_hint (const GError *error);
/** clm_cli_error_set_hint: Replaces the hint. */
void clm_cli_error_set_hint (GError *error, const char *hint);

/** clm_cli_error_report: Tells the person (standard error) or the program (--json, standard output); always with something to do about it. Returns: the exit code. */
ClmExit clm_cli_error_report (ClmCli *cli, const GError *error);

G_END_DECLS
