/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"
#include "account.h"
#include "clm-error.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAFE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PROBE_MS 50

/* A program on its way. */
typedef struct {
  pid_t    pid;
  int      output_fd;
  int      pid_fd;     /* -1 where the kernel has none */
  GString *output;
  gboolean ended;
  int      status;
} Run;

static GStrv
make_environment (const ClmCommand *command, const ClmCommandContext *context)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *delivery = g_strdup_printf ("CERTLOOM_DELIVERY=%s", context->delivery);
  g_autofree char *certificate = g_strdup_printf ("CERTLOOM_CERTIFICATE=%s", context->certificate);
  g_autofree char *generation = g_strdup_printf ("CERTLOOM_GENERATION=%" G_GUINT64_FORMAT, context->generation);
  struct passwd *entry = getpwuid (geteuid ());

  if (command->user) {
    entry = getpwnam (command->user);
  }
  g_strv_builder_add_many (builder, SAFE_PATH, "LANG=C.UTF-8", delivery, certificate, generation, NULL);
  if (entry) {
    g_autofree char *home = g_strdup_printf ("HOME=%s", entry->pw_dir);
    g_autofree char *user = g_strdup_printf ("USER=%s", entry->pw_name);
    g_autofree char *log_name = g_strdup_printf ("LOGNAME=%s", entry->pw_name);
    g_strv_builder_add_many (builder, home, user, log_name, NULL);
  }
  return g_strv_builder_end (builder);
}

/* Sealed, so that the program reads what we wrote and cannot keep us waiting. */
static int
make_input (const char *text)
{
  gsize size = text ? strlen (text) : 0;
  int fd = memfd_create ("certloom-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd < 0)
    return open ("/dev/null", O_RDONLY | O_CLOEXEC);
  if ((size > 0 && write (fd, text, size) != (ssize_t) size) || lseek (fd, 0, SEEK_SET) < 0 ||
      fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
    close (fd);
    return -1;
  }
  return fd;
}

/* In the child, between fork and exec; it answers with errno. */
static int
take_identity (const char *user, uid_t uid, gid_t gid)
{
  if (user == NULL || (uid == geteuid () && geteuid () != 0))
    return 0;
  if (initgroups (user, gid) < 0 || setresgid (gid, gid, gid) < 0 || setresuid (uid, uid, uid) < 0)
    return errno;
  return 0;
}

static void
reset_signals (void)
{
  sigset_t none;

  for (int number = 1; number < NSIG; number++)
    signal (number, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static G_NORETURN void
become (const ClmCommand *command, GStrv environment, int input_fd, int output_fd, int status_fd)
{
  uid_t uid = 0;
  gid_t gid = 0;
  int number = 0;

  setpgid (0, 0);
  reset_signals ();
  umask (022);
  if (command->user && !clm_account_find_user (command->user, &uid, &gid))
    number = ESRCH;
  if (number == 0 && (dup2 (input_fd, 0) < 0 || dup2 (output_fd, 1) < 0 || dup2 (output_fd, 2) < 0 || chdir ("/") < 0))
    number = errno;
  if (number == 0)
    number = take_identity (command->user, uid, gid);
  if (number == 0) {
    /* what we were started with must not live on in a daemon that the program starts; ours is close-on-exec already */
    syscall (SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    execve (command->argv[0], command->argv, environment);
    number = errno;
  }
  if (write (status_fd, &number, sizeof number) < 0)
    _exit (126);
  _exit (127);
}

static gboolean
start (Run *run, const ClmCommand *command, const ClmCommandContext *context, GError **error)
{
  g_auto (GStrv) environment = make_environment (command, context);
  int output[2] = {-1, -1}, status[2] = {-1, -1}, number = 0;
  int input_fd = make_input (context->input);

  if (input_fd < 0 || pipe2 (output, O_CLOEXEC) < 0 || pipe2 (status, O_CLOEXEC) < 0 || (run->pid = fork ()) < 0)
    number = errno;
  else if (run->pid == 0)
    become (command, environment, input_fd, output[1], status[1]);
  int unneeded[] = {input_fd, output[1], status[1]};
  for (guint i = 0; i < G_N_ELEMENTS (unneeded); i++)
    if (unneeded[i] >= 0)
      close (unneeded[i]);
  if (run->pid > 0) {
    setpgid (run->pid, run->pid); /* whoever comes first, so that the group is there before it may have to be killed */
    while (read (status[0], &number, sizeof number) < 0 && errno == EINTR)
      continue;
  }
  if (status[0] >= 0)
    close (status[0]);
  run->output_fd = output[0];
  if (number == 0)
    return TRUE;
  if (run->pid > 0)
    waitpid (run->pid, NULL, 0);
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "cannot start %s%s%s: %s", command->argv[0], command->user ? " as user " : "",
               command->user ? command->user : "", g_strerror (number));
  clm_error_set_hint (error ? *error : NULL, "look whether the program exists and may be executed by that user");
  return FALSE;
}

/* Reads what is there; what passes the cap is read and dropped, so that the program need not stop. Returns: whether more may come. */
static gboolean
drain (Run *run)
{
  char buffer[4096];
  ssize_t n;

  while ((n = read (run->output_fd, buffer, sizeof buffer)) > 0)
    if (run->output->len < CLM_DELIVER_MAX_OUTPUT)
      g_string_append_len (run->output, buffer, MIN (n, (ssize_t) (CLM_DELIVER_MAX_OUTPUT - run->output->len)));
    else
      return TRUE; /* a flood: look at the clock in between */
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
reap (Run *run, int flags)
{
  pid_t pid;

  do
    pid = waitpid (run->pid, &run->status, flags);
  while (pid < 0 && errno == EINTR);
  run->ended = pid == run->pid || (pid < 0 && errno == ECHILD);
}

static int
get_wait_ms (const Run *run, gint64 deadline)
{
  gint64 left_ms = (deadline - g_get_monotonic_time ()) / 1000 + 1;

  if (run->pid_fd < 0)
    left_ms = MIN (left_ms, PROBE_MS);
  return (int) CLAMP (left_ms, 0, G_MAXINT);
}

/* Until the program itself has ended, whoever else holds its output. Returns: whether it did so in time. */
static gboolean
attend (Run *run, gint64 deadline)
{
  struct pollfd fds[2] = {{run->output_fd, POLLIN, 0}, {run->pid_fd, POLLIN, 0}};

  fcntl (run->output_fd, F_SETFL, O_NONBLOCK);
  for (;;) {
    reap (run, WNOHANG);
    if (fds[0].fd >= 0 && !drain (run))
      fds[0].fd = -1;
    if (run->ended)
      return TRUE;
    if (g_get_monotonic_time () >= deadline)
      return FALSE;
    poll (fds, 2, get_wait_ms (run, deadline));
  }
}

static gboolean
judge (const Run *run, const ClmCommand *command, gboolean in_time, GError **error)
{
  if (!in_time)
    g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "%s did not end within %" G_GINT64_FORMAT " s and was killed", command->argv[0], command->timeout_s);
  else if (WIFSIGNALED (run->status))
    g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "%s was ended by signal %d", command->argv[0], WTERMSIG (run->status));
  else if (WEXITSTATUS (run->status) != 0)
    g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "%s failed with status %d", command->argv[0], WEXITSTATUS (run->status));
  else
    return TRUE;
  g_autofree char *line = g_strjoinv (" ", command->argv);
  clm_error_set_hint (error ? *error : NULL, "see its output, or run it by hand: %s", line);
  return FALSE;
}

static gboolean
run_program (const ClmCommand *command, const ClmCommandContext *context, char **output, GError **error)
{
  Run run = {.pid_fd = -1, .output_fd = -1, .output = g_string_new (NULL)};
  gboolean started = start (&run, command, context, error);
  gboolean in_time = FALSE;

  if (started) {
    run.pid_fd = (int) syscall (SYS_pidfd_open, run.pid, 0);
    in_time = attend (&run, g_get_monotonic_time () + command->timeout_s * G_USEC_PER_SEC);
    if (!in_time) {
      kill (-run.pid, SIGKILL);
      reap (&run, 0);
    }
  }
  if (run.pid_fd >= 0)
    close (run.pid_fd);
  if (run.output_fd >= 0)
    close (run.output_fd);
  *output = clm_deliver_text_cut (run.output->str, (gssize) run.output->len, CLM_DELIVER_MAX_OUTPUT);
  g_string_free (run.output, TRUE);
  return started && judge (&run, command, in_time, error);
}

/* A pid file that others can write would let them choose whom root signals. */
static gboolean
send_signal (const ClmCommand *command, GError **error)
{
  g_autoptr (ClmSecret) content = NULL;
  g_autofree char *text = NULL;
  guint64 pid = 0;
  gsize size;

  if (!g_file_test (command->pid_file, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "the consumer does not run: there is no %s", command->pid_file);
    clm_error_set_hint (error ? *error : NULL, "start the consumer; the files are in place");
    return FALSE;
  }
  content = clm_target_read_own (command->pid_file, 32, error);
  if (content == NULL) {
    clm_error_set_hint (error ? *error : NULL, "the pid file must belong to root, and only root may write it");
    return FALSE;
  }
  text = g_strndup (clm_secret_peek (content, &size), 32);
  if (!g_ascii_string_to_unsigned (g_strstrip (text), 10, 2, G_MAXINT32, &pid, NULL)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%s holds no process id", command->pid_file);
    return FALSE;
  }
  if (kill ((pid_t) pid, command->signal) == 0)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_DELIVERY, "cannot signal process %" G_GUINT64_FORMAT " of %s: %s", pid, command->pid_file, g_strerror (errno));
  clm_error_set_hint (error ? *error : NULL, "is the consumer running?");
  return FALSE;
}

gboolean
clm_command_run (const ClmCommand *command, const ClmCommandContext *context, char **output, GError **error)
{
  if (command->kind == CLM_COMMAND_NONE || command->kind == CLM_COMMAND_SIGNAL) {
    *output = g_strdup ("");
    return command->kind == CLM_COMMAND_NONE || send_signal (command, error);
  }
  return run_program (command, context, output, error);
}

char *
clm_command_get_key (const ClmCommand *command)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *head = g_strdup_printf ("%d %d %s", command->kind, command->signal, command->pid_file ? command->pid_file : "");

  if (command->kind == CLM_COMMAND_NONE || command->kind == CLM_COMMAND_RUN)
    return NULL;
  g_checksum_update (sum, (const guchar *) head, (gssize) strlen (head) + 1);
  for (guint i = 0; command->argv && command->argv[i]; i++)
    g_checksum_update (sum, (const guchar *) command->argv[i], (gssize) strlen (command->argv[i]) + 1);
  return g_strndup (g_checksum_get_string (sum), 32);
}
