/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agenda.h"
#include "job-table.h"
#include "manager.h"
#include "publication.h"
#include "registry.h"

G_BEGIN_DECLS

/* Inside of the manager, for manager*.c only: one object whose rooms are starting and stopping, lists, verbs, reload, backends. */

struct _ClmManager {
  GObject          parent_instance;
  char            *config_root;       /* (nullable) */
  char            *deliver_socket;    /* (nullable) */
  char            *deliver_program;   /* (nullable) */
  char            *plugin_dir;
  ClmTimeSource    time;              /* all %NULL: the kernel's clocks */
  ClmEngine        engine;
  int              lock_fd;
  gboolean         fresh;             /* the database is new: what it should know is on the disk, if anywhere */
  ClmLayers       *layers;
  ClmSpecifiers   *specifiers;
  ClmPluginLoader *loader;
  ClmAgenda       *agenda;
  GHashTable      *deferred;          /* names whose file changed while they were in flight */
  ClmJobTable     *jobs;
  ClmPublication  *publication;
  GNetworkMonitor *network;
  gboolean         network_available;
  gint64           time_offset;       /* the engine's time minus boot time, in seconds, as spans were last moved to */
  gint64           network_time;      /* when retries were brought forward last, boot time in µs */
  ClmJob          *reload;            /* (nullable): the running one */
  gboolean         reload_again;      /* asked for while it was running */
  gint64           denial_time;       /* start of the present minute */
  guint            denials;           /* in it */
};

/* manager.c */

/** clm_manager_get_own_uid: Returns: who besides root may own configuration and modules: the user itself, where it brought its own root folder. */
guint32         clm_manager_get_own_uid (ClmManager *self);
ClmConfigSource clm_manager_config_source (ClmManager *self);
ClmSpecContext  clm_manager_spec_context (ClmManager *self);
/** clm_manager_find_spec: What a certificate shall be: a file of that name wins over a request. @user_data: a #ClmManager. Returns: (transfer full) (nullable). */
ClmSpec        *clm_manager_find_spec (const char *name, gpointer user_data);
/** clm_manager_forward_signals: From now on what the parts have to say goes out as the manager's own. */
void            clm_manager_forward_signals (ClmManager *self);

/* manager-reload.c */

/** clm_manager_tell_problems: An event for each problem of the configuration in force. */
void            clm_manager_tell_problems (ClmManager *self);

G_END_DECLS
