/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "loop.h"

#include <glib-unix.h>
#include <signal.h>

struct _ClmLoop {
  ClmCli     *cli;
  GMainLoop  *loop;
  ClmLoopEnd  end;
  void      (*first_interrupt) (gpointer user_data);
  gpointer    user_data;
};

ClmLoop *
clm_loop_new (ClmCli *cli)
{
  ClmLoop *self = g_new0 (ClmLoop, 1);
  self->cli = cli;
  self->loop = g_main_loop_new (NULL, FALSE);
  return self;
}

void
clm_loop_free (ClmLoop *self)
{
  g_main_loop_unref (self->loop);
  g_free (self);
}

void
clm_loop_set_first_interrupt (ClmLoop *self, void (*callback) (gpointer user_data), gpointer user_data)
{
  self->first_interrupt = callback;
  self->user_data = user_data;
}

static void
end (ClmLoop *self, ClmLoopEnd reason)
{
  self->end = reason;
  g_main_loop_quit (self->loop);
}

static gboolean
on_interrupt (gpointer user_data)
{
  ClmLoop *self = user_data;
  void (*first) (gpointer) = self->first_interrupt;
  self->first_interrupt = NULL;
  if (first != NULL)
    first (self->user_data);
  else
    end (self, CLM_LOOP_INTERRUPTED);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout (gpointer user_data)
{
  end (user_data, CLM_LOOP_TIMED_OUT);
  return G_SOURCE_CONTINUE;
}

static void
on_lost (gpointer user_data)
{
  end (user_data, CLM_LOOP_LOST);
}

ClmLoopEnd
clm_loop_run (ClmLoop *self, gint64 seconds)
{
  guint interrupt = g_unix_signal_add (SIGINT, on_interrupt, self);
  guint timeout = seconds >= 0 ? g_timeout_add_seconds ((guint) MIN (seconds, G_MAXUINT), on_timeout, self) : 0;
  clm_bus_watch (self->cli, on_lost, self);
  g_main_loop_run (self->loop);
  clm_bus_unwatch (self->cli);
  g_source_remove (interrupt);
  if (timeout != 0)
    g_source_remove (timeout);
  return self->end;
}

void
clm_loop_quit (ClmLoop *self)
{
  end (self, CLM_LOOP_QUIT);
}
