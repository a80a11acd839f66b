/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"
#include "clm-error.h"
#include "config.h"
#include "openssl-error.h"
#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3
#define IDLE_S 30

static char *config_root, *listen_path, *runtime_dir, *user_name;
static int connection_fd = -1;
static gboolean show_version;

static const GOptionEntry entries[] = {
  {"listen", 0, 0, G_OPTION_ARG_FILENAME, &listen_path, "Listen at this socket", "PATH"},
  {"fd", 0, 0, G_OPTION_ARG_INT, &connection_fd, "Serve the connection on this descriptor, then end", "N"},
  {"user", 0, 0, G_OPTION_ARG_STRING, &user_name, "The daemon's user, the only one that may ask", "USER"},
  {"config-root", 0, 0, G_OPTION_ARG_FILENAME, &config_root, "Read recipes below this directory", "DIR"},
  {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &runtime_dir, "Keep locks here", "DIR"},
  {"version", 0, 0, G_OPTION_ARG_NONE, &show_version, "Print the version", NULL},
  {NULL},
};

static gboolean
parse_arguments (int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context, "Writes the files of certloom's consumers and tells them; started by systemd, an init script or certloomd.");
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error);
}

/* The socket that systemd passes (sd_listen_fds(3)); -1: none. */
static int
take_passed_socket (void)
{
  const char *pid = g_getenv ("LISTEN_PID"), *count = g_getenv ("LISTEN_FDS");
  gboolean ours = pid && count && (pid_t) atol (pid) == getpid () && atoi (count) >= 1;

  unsetenv ("LISTEN_PID");
  unsetenv ("LISTEN_FDS");
  unsetenv ("LISTEN_FDNAMES");
  if (!ours)
    return -1;
  if (fcntl (FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl (FIRST_PASSED_FD, F_SETFL, O_NONBLOCK) < 0)
    return -1;
  return FIRST_PASSED_FD;
}

static gboolean
find_daemon_user (uid_t *uid, GError **error)
{
  gid_t gid;

  if (clm_account_find_user (user_name ? user_name : CLM_USER, uid, &gid))
    return TRUE;
  /* a child of the daemon's own user, or a helper that is nobody's but its own, needs no such user */
  if (user_name == NULL && (connection_fd >= 0 || geteuid () != 0)) {
    *uid = geteuid ();
    return TRUE;
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "no user \"%s\" on this machine", user_name ? user_name : CLM_USER);
  return FALSE;
}

static char *
choose_runtime_dir (void)
{
  if (runtime_dir)
    return g_strdup (runtime_dir);
  if (config_root)
    return g_build_filename (config_root, "run", "certloom-deliver", NULL);
  if (geteuid () == 0)
    return g_strdup ("/run/certloom-deliver");
  return g_build_filename (g_get_user_runtime_dir (), "certloom-deliver", NULL);
}

/* Some systems reach /run through a symlink; root's own choice of a place may lead through it, other paths may not. */
static char *
resolve_parent (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  char *real = realpath (parent, NULL);
  char *resolved = real ? g_build_filename (real, name, NULL) : g_strdup (path);

  free (real);
  return resolved;
}

static gboolean
serve (const ClmDeliverContext *context, GError **error)
{
  uid_t uid;
  int listener = take_passed_socket ();
  guint idle_s = listener >= 0 ? IDLE_S : 0;

  if (!find_daemon_user (&uid, error))
    return FALSE;
  if (connection_fd >= 0) {
    fcntl (connection_fd, F_SETFD, FD_CLOEXEC);
    clm_server_serve (context, connection_fd, uid);
    return TRUE;
  }
  if (listener < 0 && listen_path)
    listener = clm_server_make_socket (listen_path, uid, error);
  else if (listener < 0)
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "no socket: neither passed by systemd, nor --listen, nor --fd");
  if (listener < 0)
    return FALSE;
  clm_server_run (context, listener, uid, idle_s);
  close (listener);
  return TRUE;
}

static gboolean
run (GError **error)
{
  g_autofree char *chosen = choose_runtime_dir ();
  g_autofree char *place = resolve_parent (chosen);
  g_autoptr (ClmWorkplace) workplace = clm_workplace_open (place, error);
  ClmDeliverContext context = {config_root, workplace};

  return workplace && serve (&context, error);
}

/* Keys pass through here: no core dump, no reading by a debugger of the same user, nothing readable by others at birth. */
static void
harden (void)
{
  prctl (PR_SET_DUMPABLE, 0);
  umask (077);
  signal (SIGPIPE, SIG_IGN);
  if (chdir ("/") < 0)
    g_warning ("cannot change to /");
  clm_x509_init ();
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  harden ();
  if (!parse_arguments (&argc, &argv, &error)) {
    g_printerr ("certloom-deliver: %s\n", error->message);
    return 2;
  }
  if (show_version) {
    g_print ("certloom-deliver %s\n", CLM_VERSION);
    return 0;
  }
  if (!run (&error)) {
    const char *hint = clm_error_get_hint (error);
    g_printerr ("certloom-deliver: %s\n", error->message);
    if (hint)
      g_printerr ("What to do: %s\n", hint);
    return 1;
  }
  return 0;
}
