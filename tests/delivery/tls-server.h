/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sample.h"

/* Real TLS servers on loopback, for tests. */

typedef struct {
  char        *folder;   /* (nullable): its own */
  char        *address;  /* "127.0.0.1:PORT" */
  GSubprocess *process;
} Server;

/** server_choose_address: Returns: (transfer full): where nothing listens. */
char   *server_choose_address (void);
/** server_start_openssl: @options: words for `openssl s_server`. */
Server *server_start_openssl (const Sample *sample, const char *options);
Server *server_start_openssl_at (const char *address, const Sample *sample, const char *options);
/** server_start_nginx: @folder: holds nginx.conf, which must say `daemon off`. Returns once @address answers. */
Server *server_start_nginx (const char *folder, const char *address);
void    server_free (Server *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Server, server_free)
