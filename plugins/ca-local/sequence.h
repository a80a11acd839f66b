/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmCaStep:
 * @name: for the debug log
 * @run: starts the step with the task; its completion calls clm_ca_sequence_next(), or returns the task
 *
 * One step of a sequence of asynchronous calls. A table of them, ended by an empty one, reads top-down what happens.
 */
typedef struct {
  const char *name;
  void      (*run) (GTask *task);
} ClmCaStep;

/** clm_ca_sequence_start: Runs @steps for @task from the first one on. The task stays alive through the references that the steps give to their callbacks. */
void clm_ca_sequence_start (GTask *task, const ClmCaStep *steps);
/** clm_ca_sequence_next: Goes on with the step after the present one; cancelled tasks end here. The last step returns the task itself. */
void clm_ca_sequence_next (GTask *task);
/** clm_ca_sequence_skip_to: Goes on with the step called @name, which lies ahead. */
void clm_ca_sequence_skip_to (GTask *task, const char *name);

G_END_DECLS
