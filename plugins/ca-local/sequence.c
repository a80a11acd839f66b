/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sequence.h"

static GQuark
step_quark (void)
{
  return g_quark_from_static_string ("clm-ca-step");
}

static void
run_step (GTask *task, const ClmCaStep *step)
{
  g_object_set_qdata (G_OBJECT (task), step_quark (), (gpointer) step);
  if (g_task_return_error_if_cancelled (task))
    return;
  g_debug ("step %s", step->name);
  step->run (task);
}

void
clm_ca_sequence_start (GTask *task, const ClmCaStep *steps)
{
  run_step (task, steps);
}

void
clm_ca_sequence_next (GTask *task)
{
  const ClmCaStep *step = g_object_get_qdata (G_OBJECT (task), step_quark ());

  run_step (task, step + 1);
}

void
clm_ca_sequence_skip_to (GTask *task, const char *name)
{
  const ClmCaStep *step = g_object_get_qdata (G_OBJECT (task), step_quark ());

  do
    step++;
  while (g_strcmp0 (step->name, name) != 0);
  run_step (task, step);
}
