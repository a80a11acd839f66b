/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe.h"
#include "account.h"
#include "clm-error.h"

#include <signal.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S 30
#define MAX_TIMEOUT_S 600
#define MAX_WITHIN_S 600

/* Whatever PATH says: where systemctl may live. */
static const char *const systemctl_paths[] = {"/usr/bin/systemctl", "/bin/systemctl", NULL};
static const char *const systemd_verbs[] = {
  "reload", "restart", "try-restart", "reload-or-restart", "try-reload-or-restart", NULL,
};
static const char *const path_keys[CLM_N_RECIPE_FILES] = {
  [CLM_RECIPE_KEY] = "Key", [CLM_RECIPE_COMBINED] = "Combined", [CLM_RECIPE_CHAIN] = "Chain",
  [CLM_RECIPE_TRUST] = "Trust", [CLM_RECIPE_CERTIFICATE] = "Certificate", [CLM_RECIPE_FULL_CHAIN] = "FullChain",
};
static const struct {
  const char *word;
  int         number;
} signals[] = {{"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"INT", SIGINT}, {"TERM", SIGTERM}, {"WINCH", SIGWINCH}};

static void
command_clear (ClmCommand *self)
{
  g_clear_pointer (&self->argv, g_strfreev);
  g_clear_pointer (&self->user, g_free);
  g_clear_pointer (&self->pid_file, g_free);
}

void
clm_recipe_free (ClmRecipe *self)
{
  g_free (self->name);
  g_strfreev (self->certificates);
  for (guint i = 0; i < CLM_N_RECIPE_FILES; i++)
    g_free (self->paths[i]);
  g_strfreev (self->anchors);
  command_clear (&self->action);
  command_clear (&self->check_command);
  clm_deliver_check_clear (&self->check);
  g_free (self);
}

/* Absolute and without "//", "." or ".." parts: what is opened is what is written there. */
static gboolean
path_is_plain (const char *path)
{
  g_auto (GStrv) parts = NULL;

  if (path[0] != '/' || path[1] == '\0' || !g_utf8_validate (path, -1, NULL))
    return FALSE;
  parts = g_strsplit (path + 1, "/", -1);
  for (guint i = 0; parts[i]; i++)
    if (parts[i][0] == '\0' || g_str_equal (parts[i], ".") || g_str_equal (parts[i], ".."))
      return FALSE;
  return TRUE;
}

/* `%n` is the certificate's name, `%%` a per cent sign. */
static gboolean
specifiers_are_known (const char *path)
{
  for (const char *at = strchr (path, '%'); at; at = strchr (at + 2, '%'))
    if (at[1] != 'n' && at[1] != '%')
      return FALSE;
  return TRUE;
}

static char *
expand (const char *path, const char *certificate)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *at = path; *at; at++) {
    if (*at != '%')
      g_string_append_c (out, *at);
    else if (*++at == 'n')
      g_string_append (out, certificate);
    else
      g_string_append_c (out, '%');
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
read_paths (ClmRecipe *self, ClmOptions *options, GError **error)
{
  guint n = 0;

  for (guint i = 0; i < CLM_N_RECIPE_FILES; i++) {
    const char *path = clm_options_get_string (options, path_keys[i], NULL);
    if (path == NULL)
      continue;
    if (!path_is_plain (path) || !specifiers_are_known (path)) {
      clm_options_set_error (options, path_keys[i], error, "not an absolute path without \"..\" (%%n is the certificate's name)");
      return FALSE;
    }
    for (guint j = 0; j < i; j++) {
      if (g_strcmp0 (self->paths[j], path) == 0) {
        clm_options_set_error (options, path_keys[i], error, "the same file as %s=", path_keys[j]);
        return FALSE;
      }
    }
    self->paths[i] = g_strdup (path);
    n++;
  }
  if (n > 0)
    return TRUE;
  clm_options_set_error (options, "FullChain", error, "no file is delivered; set FullChain= and Key=, or Combined=");
  return FALSE;
}

static gboolean
read_mode (ClmOptions *options, const char *key, mode_t fallback, mode_t allowed, mode_t *mode, GError **error)
{
  const char *text = clm_options_get_string (options, key, NULL);
  char *end = NULL;
  guint64 value;

  *mode = fallback;
  if (text == NULL)
    return TRUE;
  value = g_ascii_strtoull (text, &end, 8);
  if (!g_ascii_isdigit (text[0]) || *end != '\0' || (value & ~(guint64) allowed) != 0 || (value & 0400) == 0) {
    clm_options_set_error (options, key, error, "not an octal mode within %04o that its owner can read", (guint) allowed);
    return FALSE;
  }
  *mode = (mode_t) value;
  return TRUE;
}

static gboolean
read_owner (ClmRecipe *self, ClmOptions *options, GError **error)
{
  const char *owner = clm_options_get_string (options, "Owner", NULL);
  const char *group = clm_options_get_string (options, "Group", NULL);

  if (owner) {
    if (!clm_account_find_user (owner, &self->owner, &self->group)) {
      clm_options_set_error (options, "Owner", error, "no user \"%s\" on this machine", owner);
      return FALSE;
    }
    self->has_owner = self->has_group = TRUE;
  }
  if (group) {
    if (!clm_account_find_group (group, &self->group)) {
      clm_options_set_error (options, "Group", error, "no group \"%s\" on this machine", group);
      return FALSE;
    }
    self->has_group = TRUE;
  }
  return TRUE;
}

static gboolean
read_anchors (ClmRecipe *self, ClmOptions *options, GError **error)
{
  self->anchors = clm_options_get_list (options, "TrustAnchors", "", error);
  if (self->anchors == NULL)
    return FALSE;
  for (guint i = 0; self->anchors[i]; i++) {
    const char *word = self->anchors[i];
    gboolean is_digest = g_str_has_prefix (word, "sha256:") && strlen (word) == 7 + 64 && strspn (word + 7, "0123456789abcdef") == 64;
    if (is_digest || path_is_plain (word))
      continue;
    clm_options_set_error (options, "TrustAnchors", error, "\"%s\" is neither an absolute path nor sha256: with 64 lower-case digits", word);
    return FALSE;
  }
  if (self->paths[CLM_RECIPE_TRUST] == NULL || self->anchors[0] != NULL)
    return TRUE;
  clm_options_set_error (options, "Trust", error, "needs TrustAnchors=: only anchors named there are delivered");
  return FALSE;
}

static gboolean
read_delivery (ClmRecipe *self, ClmOptions *options, GError **error)
{
  self->certificates = clm_options_get_list (options, "For", "", error);
  if (self->certificates == NULL)
    return FALSE;
  if (self->certificates[0] == NULL) {
    clm_options_set_error (options, "For", error, "names no certificate; without it nothing is allowed");
    return FALSE;
  }
  return read_paths (self, options, error) && read_owner (self, options, error) &&
         read_mode (options, "Mode", 0644, 0777, &self->mode, error) &&
         read_mode (options, "KeyMode", 0600, 0660, &self->key_mode, error) && read_anchors (self, options, error) &&
         clm_options_get_int (options, "Order", 50, 0, 999, &self->check.order, error);
}

static gboolean
read_timeout (ClmCommand *command, ClmOptions *options, GError **error)
{
  if (!clm_options_get_span (options, "Timeout", DEFAULT_TIMEOUT_S, &command->timeout_s, error))
    return FALSE;
  if (command->timeout_s >= 1 && command->timeout_s <= MAX_TIMEOUT_S)
    return TRUE;
  clm_options_set_error (options, "Timeout", error, "not within 1s and %ds", MAX_TIMEOUT_S);
  return FALSE;
}

/* The words of a command; the first one is an absolute path. */
static gboolean
read_argv (ClmCommand *command, ClmOptions *options, const char *key, GError **error)
{
  command->argv = clm_options_get_list (options, key, NULL, error);
  if (command->argv == NULL)
    return FALSE;
  if (command->argv[0] && path_is_plain (command->argv[0]))
    return TRUE;
  clm_options_set_error (options, key, error, "does not start with the absolute path of a program");
  return FALSE;
}

static gboolean
read_user (ClmCommand *command, ClmOptions *options, GError **error)
{
  uid_t uid;
  gid_t gid;

  command->user = g_strdup (clm_options_get_string (options, "User", NULL));
  if (command->user == NULL || clm_account_find_user (command->user, &uid, &gid))
    return TRUE;
  clm_options_set_error (options, "User", error, "no user \"%s\" on this machine", command->user);
  return FALSE;
}

static const char *
find_systemctl (void)
{
  for (guint i = 0; systemctl_paths[i]; i++)
    if (g_file_test (systemctl_paths[i], G_FILE_TEST_IS_EXECUTABLE))
      return systemctl_paths[i];
  return systemctl_paths[0];
}

/* "reload nginx.service": a verb from a short list and one unit, which cannot be taken for an option. */
static gboolean
read_systemd (ClmCommand *command, ClmOptions *options, GError **error)
{
  g_auto (GStrv) words = clm_options_get_list (options, "Systemd", NULL, error);
  gboolean valid;

  if (words == NULL)
    return FALSE;
  valid = g_strv_length (words) == 2 && g_strv_contains (systemd_verbs, words[0]) && words[1][0] != '-' &&
          words[1][strspn (words[1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")] == '\0';
  if (!valid) {
    clm_options_set_error (options, "Systemd", error, "not \"VERB UNIT\" with reload, restart, try-restart, reload-or-restart or try-reload-or-restart");
    return FALSE;
  }
  const char *const argv[] = {find_systemctl (), "--no-ask-password", "--quiet", words[0], "--", words[1], NULL};
  command->argv = g_strdupv ((char **) argv);
  return TRUE;
}

static gboolean
read_signal (ClmCommand *command, ClmOptions *options, GError **error)
{
  const char *word = clm_options_get_string (options, "Signal", NULL);
  const char *pid_file = clm_options_get_string (options, "PidFile", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    if (g_str_equal (word, signals[i].word) || (g_str_has_prefix (word, "SIG") && g_str_equal (word + 3, signals[i].word)))
      command->signal = signals[i].number;
  if (command->signal == 0) {
    clm_options_set_error (options, "Signal", error, "not HUP, USR1, USR2, INT, TERM or WINCH");
    return FALSE;
  }
  if (pid_file == NULL || !path_is_plain (pid_file)) {
    clm_options_set_error (options, pid_file ? "PidFile" : "Signal", error, "needs the absolute path of a file with the process id in PidFile=");
    return FALSE;
  }
  command->pid_file = g_strdup (pid_file);
  return TRUE;
}

static const struct {
  const char    *key;
  ClmCommandKind kind;
} action_keys[] = {
  {"Systemd", CLM_COMMAND_SYSTEMD}, {"InitScript", CLM_COMMAND_INIT_SCRIPT}, {"Signal", CLM_COMMAND_SIGNAL}, {"Command", CLM_COMMAND_RUN},
};

/* At most one way of telling the consumer. */
static gboolean
choose_action (ClmCommand *command, ClmOptions *options, GError **error)
{
  const char *chosen = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (action_keys); i++) {
    if (clm_options_get_string (options, action_keys[i].key, NULL) == NULL)
      continue;
    if (chosen) {
      clm_options_set_error (options, action_keys[i].key, error, "only one action is possible, and %s= is set", chosen);
      return FALSE;
    }
    chosen = action_keys[i].key;
    command->kind = action_keys[i].kind;
  }
  return TRUE;
}

static gboolean
read_action (ClmCommand *command, ClmOptions *options, GError **error)
{
  if (!choose_action (command, options, error) || !read_timeout (command, options, error) || !read_user (command, options, error))
    return FALSE;
  /* looked at here, so that replacing a preset's way need not empty these too */
  (void) clm_options_get_string (options, "PidFile", NULL);
  switch (command->kind) {
    case CLM_COMMAND_SYSTEMD:
      return read_systemd (command, options, error);
    case CLM_COMMAND_INIT_SCRIPT:
      return read_argv (command, options, "InitScript", error);
    case CLM_COMMAND_SIGNAL:
      return read_signal (command, options, error);
    case CLM_COMMAND_RUN:
      return read_argv (command, options, "Command", error);
    case CLM_COMMAND_NONE:
    default:
      return TRUE;
  }
}

static gboolean
read_check_times (ClmDeliverCheck *check, ClmOptions *options, GError **error)
{
  static const char *const failure_words[] = {"rollback", "keep", NULL};
  guint failure;

  if (!clm_options_get_span (options, "Delay", 0, &check->delay_s, error) ||
      !clm_options_get_span (options, "Within", 10, &check->within_s, error) ||
      !clm_options_get_choice (options, "OnFailure", failure_words, 0, &failure, error))
    return FALSE;
  check->rollback = failure == 0;
  if (check->delay_s <= MAX_WITHIN_S && check->within_s <= MAX_WITHIN_S)
    return TRUE;
  clm_options_set_error (options, check->delay_s > MAX_WITHIN_S ? "Delay" : "Within", error, "longer than %ds", MAX_WITHIN_S);
  return FALSE;
}

static gboolean
is_server_name (const char *name)
{
  return strlen (name) < 254 && strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen (name);
}

static gboolean
read_check (ClmRecipe *self, ClmOptions *options, GError **error)
{
  const char *tls = clm_options_get_string (options, "Tls", NULL);
  const char *command = clm_options_get_string (options, "Command", NULL);
  const char *server_name = clm_options_get_string (options, "ServerName", NULL);

  if (!read_check_times (&self->check, options, error) || !read_timeout (&self->check_command, options, error) ||
      !read_user (&self->check_command, options, error))
    return FALSE;
  if (g_strcmp0 (tls, "none") == 0)
    return TRUE;
  if (tls && command) {
    clm_options_set_error (options, "Command", error, "only one check is possible, and Tls= is set");
    return FALSE;
  }
  if (command) {
    self->check.kind = CLM_DELIVER_CHECK_COMMAND;
    self->check_command.kind = CLM_COMMAND_RUN;
    return read_argv (&self->check_command, options, "Command", error);
  }
  if (tls == NULL)
    return TRUE;
  if (!clm_deliver_address_is_valid (tls)) {
    clm_options_set_error (options, "Tls", error, "not HOST:PORT");
    return FALSE;
  }
  if (server_name && !is_server_name (server_name)) {
    clm_options_set_error (options, "ServerName", error, "not a host name");
    return FALSE;
  }
  self->check.kind = CLM_DELIVER_CHECK_TLS;
  self->check.address = g_strdup (tls);
  self->check.server_name = g_strdup (server_name);
  return TRUE;
}

/* A group that is absent means all defaults. */
static ClmOptions *
group_or_empty (ClmOptions *options, const char *name)
{
  return options ? g_object_ref (options) : clm_options_new (name);
}

ClmRecipe *
clm_recipe_new_from_options (const char *name, ClmOptions *delivery, ClmOptions *action, ClmOptions *check, GError **error)
{
  g_autoptr (ClmRecipe) self = g_new0 (ClmRecipe, 1);
  g_autoptr (ClmOptions) action_group = group_or_empty (action, name);
  g_autoptr (ClmOptions) check_group = group_or_empty (check, name);

  self->name = g_strdup (name);
  if (!read_delivery (self, delivery, error) || !read_action (&self->action, action_group, error) || !read_check (self, check_group, error))
    return NULL;
  if (!clm_options_refuse_unread (delivery, error) || !clm_options_refuse_unread (action_group, error) ||
      !clm_options_refuse_unread (check_group, error))
    return NULL;
  return g_steal_pointer (&self);
}

gboolean
clm_recipe_takes (const ClmRecipe *self, const char *certificate)
{
  for (guint i = 0; self->certificates[i]; i++)
    if (g_pattern_match_simple (self->certificates[i], certificate))
      return TRUE;
  return FALSE;
}

char *
clm_recipe_get_path (const ClmRecipe *self, ClmRecipeFile file, const char *certificate)
{
  return self->paths[file] ? expand (self->paths[file], certificate) : NULL;
}

gboolean
clm_recipe_wants_key (const ClmRecipe *self)
{
  return self->paths[CLM_RECIPE_KEY] || self->paths[CLM_RECIPE_COMBINED];
}
