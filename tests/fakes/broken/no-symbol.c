/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A shared object, but no plugin. */
#include <glib.h>

static void __attribute__ ((constructor))
on_mapped (void)
{
  g_setenv ("CERTLOOM_TEST_CODE_RAN", "no-symbol", TRUE);
}
