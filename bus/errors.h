/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CLM_BUS_ERROR_PREFIX "org.certloom.Certloom1.Error."

/** Begins the second line of a message, where a person can do something. */
#define CLM_BUS_HINT_PREFIX "What to do: "

/*
 * The one way by which errors leave the daemon. An error of CLM_ERROR goes out under the name of its code, with its message and
 * hint; a cancellation as "Cancelled"; an error of GDBus's own (unknown object, bad arguments) as it is. Anything else is a
 * fault of ours: the log gets its text, the caller only hears that it happened, for such texts may hold paths.
 */

/** clm_bus_errors_get_name: @error: (nullable). Returns: (transfer none): e.g. "org.certloom.Certloom1.Error.NotFound"; "" for %NULL. */
const char *clm_bus_errors_get_name (const GError *error);

/** clm_bus_errors_get_name_of_nick: @nick: as clm_error_code_to_nick() gives it. Returns: (transfer none): the same for a word from a record; "" for "", the name of "Failed" for an unknown word. */
const char *clm_bus_errors_get_name_of_nick (const char *nick);

/** clm_bus_errors_dup_sentence: @error: (nullable). Returns: (transfer full): what may be told, without the hint; "" for %NULL. */
char *clm_bus_errors_dup_sentence (const GError *error);

/** clm_bus_errors_get_hint: @error: (nullable). Returns: (transfer none): "" where there is none. */
const char *clm_bus_errors_get_hint (const GError *error);

/** clm_bus_errors_dup_message: Returns: (transfer full): the sentence and, where there is one, the hint in a second line. */
char *clm_bus_errors_dup_message (const GError *error);

/** clm_bus_errors_return: Answers @invocation (transfer full) with @error (transfer full). */
void clm_bus_errors_return (GDBusMethodInvocation *invocation, GError *error);

/** clm_bus_errors_make_reply: Returns: (transfer full): the answer to @call, for who has the message and no invocation; any thread. */
GDBusMessage *clm_bus_errors_make_reply (GDBusMessage *call, const GError *error);

G_END_DECLS
