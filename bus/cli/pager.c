/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "pager.h"

#include <gio/gio.h>
#include <signal.h>
#include <unistd.h>

static const char *
find_pager (void)
{
  const char *pager = g_getenv ("CERTLOOM_PAGER");
  if (pager == NULL)
    pager = g_getenv ("PAGER");
  return pager != NULL ? pager : "less";
}

gboolean
clm_pager_show (const char *text)
{
  g_auto (GStrv) argv = NULL;
  const char *pager = find_pager ();
  /* Run with another user's rights, a pager that can start programs or write files would give them away. */
  gboolean lent_rights = getuid () != geteuid ();
  if (g_str_equal (pager, "cat") || lent_rights || !g_shell_parse_argv (pager, NULL, &argv, NULL))
    return FALSE;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE);
  g_subprocess_launcher_setenv (launcher, "LESS", "FRSX", FALSE);
  g_subprocess_launcher_setenv (launcher, "LESSSECURE", "1", TRUE);
  g_autoptr (GSubprocess) process = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, NULL);
  if (process == NULL)
    return FALSE;
  /* Who leaves the pager early closes the pipe; Ctrl-C is the pager's. */
  signal (SIGPIPE, SIG_IGN);
  signal (SIGINT, SIG_IGN);
  if (!g_subprocess_communicate_utf8 (process, text, NULL, NULL, NULL, NULL))
    g_subprocess_wait (process, NULL, NULL);
  return TRUE;
}
