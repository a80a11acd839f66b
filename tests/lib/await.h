/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/*
 * await: makes an asynchronous call look like a plain one in a test.
 *
 *   g_autoptr (GAsyncResult) result = NULL;
 *   clm_host_load_state_async (host, "key", NULL, clm_await_done, &result);
 *   clm_host_load_state_finish (host, clm_await (&result), &value, &error);
 */

/** clm_await_done: The callback; its user data is the address of a %NULL result. Called twice it aborts. */
static inline void
clm_await_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **slot = user_data;

  g_assert_null (*slot);
  *slot = g_object_ref (result);
}

/** clm_await: Iterates the main context until the result is there. Returns: (transfer none). */
static inline GAsyncResult *
clm_await (GAsyncResult **slot)
{
  while (*slot == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *slot;
}

/** clm_await_idle: Lets everything that is ready run. */
static inline void
clm_await_idle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}
