# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must not be missing, one line each: name, file, text as it is (once in the file), text without it, tests that shall notice."""

DURABLE = "core/engine/durable-file.c"
GENERATION = "core/engine/generation.c"
BARRIER = "core/api/clm-barrier.c"
KEYS = "plugins/key-file/directory.c"
CONNECTION = "core/sql/connection.c"
DATABASE = "core/sql/database.c"
ACCESS = "core/engine/access.c"
MANAGER = "core/engine/manager.c"
DISPATCHER = "bus/dispatcher.c"
SERVER = "core/delivery/server.c"
TARGET = "core/delivery/target.c"
DELIVER = "core/delivery/deliver.c"
MATERIAL = "core/delivery/material.c"

files = ["engine/durable-file", "engine/generation-faults", "engine/generation"]
keys = ["plugins/key-file"]
sql = ["sql/database", "sql/writer", "sql/damage"]
barrier = ["api/barrier"]
access = ["engine/access", "bus/bus-service", "bus/bus-lists", "abuse/abuse-random"]
delivery = ["delivery/target", "delivery/deliver", "delivery/server"]

MUTATIONS = [
    # files of the state
    ("durable: no fsync", DURABLE, "    result = calls ()->sync (fd);", "    result = 0;", files),
    ("durable: a failed fsync counts", DURABLE, "  return result == 0;\n}\n\ngboolean\nclm_durable_wait", "  return result == 0 || errno == EIO;\n}\n\ngboolean\nclm_durable_wait", files),
    ("durable: not added to the barrier", DURABLE, "    clm_barrier_add (barrier, fd);", "", files),
    ("durable: the barrier is not waited for", DURABLE, "  return calls ()->wait (barrier, error);", "  return TRUE;", files),
    ("durable: directories of others", DURABLE, '  if (st.st_uid != geteuid ())\n    return distrust (error, name, "belongs to another user");\n  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)\n    return distrust (error, name, "others may write to it");\n  return TRUE;', '  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)\n    return distrust (error, name, "others may write to it");\n  return TRUE;', files),
    ("durable: directories open to others", DURABLE, '  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)\n    return distrust (error, name, "others may write to it");\n  return TRUE;', "  return TRUE;", files),
    ("durable: files of others", DURABLE, '  if (st.st_uid != geteuid ())\n    return distrust (error, name, "belongs to another user");\n  if (st.st_nlink', "  if (st.st_nlink", files),
    ("durable: files with a second name", DURABLE, "  if (st.st_nlink != 1)", "  if (FALSE)", files),
    ("durable: files open to others", DURABLE, '  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)\n    return distrust (error, name, "others may write to it");\n  if (st.st_size', "  if (st.st_size", files),
    ("durable: no regular file", DURABLE, "  if (!S_ISREG (st.st_mode))", "  if (FALSE)", files),
    ("durable: files of any size", DURABLE, "  if (st.st_size < 0 || (guint64) st.st_size > max_size)", "  if (FALSE)", files),
    ("durable: the mode of files", DURABLE, '  if (calls ()->set_mode (fd, mode) < 0)\n    return fail (error, "set the mode of", name);\n', "", files),
    ("durable: the mode of directories", DURABLE, '  if (fd >= 0 && (calls ()->set_mode (fd, mode) == 0 || fail (error, "set the mode of", name)) &&', "  if (fd >= 0 &&", files),
    ("durable: a made directory is not synced", DURABLE, '      (sync_fd (parent, barrier) || fail (error, "sync the directory of", name)))\n    return clm_durable_steal_fd (&fd);', "      TRUE)\n    return clm_durable_steal_fd (&fd);", files),
    ("durable: a file's content is not synced", DURABLE, '  return sync_fd (fd, barrier) || fail (error, "sync", name);', "  return TRUE;", files),
    ("durable: a file's name is not synced", DURABLE, '      (sync_fd (parent, barrier) || fail (error, "sync the directory of", name)))\n    return TRUE;', "      TRUE)\n    return TRUE;", files),
    ("durable: closed until it has its mode", DURABLE, "O_WRONLY | O_CREAT | O_EXCL, 0600);", "O_WRONLY | O_CREAT | O_EXCL, 0666);", files),
    ("durable: new files only", DURABLE, "O_WRONLY | O_CREAT | O_EXCL, 0600);", "O_WRONLY | O_CREAT, 0600);", files),
    ("durable: a rename is not synced", DURABLE, '  return sync_fd (parent, barrier) || fail (error, "sync the directory of", to);', "  return TRUE;", files),
    ("durable: no rename", DURABLE, "  if (calls ()->rename_at (parent, from, to) < 0)", "  if (FALSE)", files),
    ("durable: the link is not switched", DURABLE, "  if (calls ()->rename_at (parent, temporary, name) == 0)\n    return TRUE;", "  if (TRUE)\n    return TRUE;", files),
    ("durable: the link is switched in place", DURABLE, "  if (calls ()->link_at (target, parent, temporary) < 0)", "  calls ()->unlink_at (parent, name, 0);\n  if (calls ()->link_at (target, parent, temporary) < 0)", files),
    ("durable: the switch is not synced", DURABLE, '  if ((sync_fd (parent, barrier) || fail (error, "sync the directory of", name)) && (barrier', "  if (TRUE && (barrier", files),
    ("durable: the switch is not waited for", DURABLE, "(barrier == NULL || clm_durable_wait (barrier, error)))", "TRUE)", files),
    ("durable: a failed switch stays", DURABLE, "  switch_back (parent, name, before);\n  return FALSE;", "  return FALSE;", files),
    ("durable: links are followed", DURABLE, "    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,", "    .resolve = 0,", files),
    ("durable: the last link is followed", DURABLE, "    .flags = (guint64) (flags | O_NOFOLLOW),", "    .flags = (guint64) flags,", files),
    ("durable: names with slashes", DURABLE, "strchr (name, '/') == NULL &&", "TRUE &&", files),
    ("durable: a FIFO holds us up", DURABLE, "O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);", "O_RDONLY | O_NOCTTY, 0);", files),
    ("durable: half of a write is all of it", DURABLE, "    data += n;\n    size -= (gsize) n;", "    data += n;\n    size = 0;", files),
    # generations
    ("generation: meta before the files", GENERATION, "         clm_durable_wait (barrier, error) && clm_durable_rename (directory, META_NEW, META, barrier, error);", "         clm_durable_rename (directory, META_NEW, META, barrier, error);", files),
    ("generation: meta has no name", GENERATION, "clm_durable_wait (barrier, error) && clm_durable_rename (directory, META_NEW, META, barrier, error);", "clm_durable_wait (barrier, error);", files),
    ("generation: removed without a barrier", GENERATION, "  clm_barrier_add (barrier, directory);\n  if (!clm_durable_wait (barrier, error))\n    return FALSE;\n", "", files),
    ("generation: names on the way are not synced", GENERATION, "  clm_barrier_add (barrier, directory);\n  clm_barrier_add (barrier, place->gen);\n  clm_barrier_add (barrier, place->certificate);\n  clm_barrier_add (barrier, self->certificates);\n", "", files),
    ("generation: current again without a wait", GENERATION, "    return clm_durable_wait (barrier, error);\n  generation = ", "    return TRUE;\n  generation = ", files),
    ("generation: published unread", GENERATION, "  generation = read_generation (&place, name, number, error);\n  if (generation == NULL)\n    return FALSE;\n  retire", "  retire", files),
    ("generation: no mark of retirement", GENERATION, "  retire (&place, name, before, now, barrier);", "", files),
    ("generation: adopted without a sync", GENERATION, "  return sync_files (directory, files, barrier, error) && clm_durable_rename (directory, META_NEW, META, barrier, error) &&", "  return clm_durable_rename (directory, META_NEW, META, barrier, error) &&", files),
    ("generation: an adopted name is not waited for", GENERATION, "clm_durable_rename (directory, META_NEW, META, barrier, error) &&\n         clm_durable_wait (barrier, error);", "clm_durable_rename (directory, META_NEW, META, barrier, error);", files),
    # barrier
    ("barrier: no syncfs", BARRIER, "    result = syncfs (volume->fd);", "    result = 0;", barrier),
    ("barrier: no fsync", BARRIER, "    result = fsync (fd);", "    result = 0;", barrier),
    ("barrier: a sync under way is enough", BARRIER, "  wanted = volume->begun + 1;", "  wanted = volume->running ? volume->begun : volume->begun + 1;", barrier),
    ("barrier: failures are of one only", BARRIER, "  number = volume->failed > *since ? volume->number : 0;", "  number = volume->failed == volume->ended ? volume->number : 0;", barrier),
    ("barrier: failures are forgotten", BARRIER, "    volume->failed = run;", "    volume->failed = 0;", barrier),
    ("barrier: only the last of each counts", BARRIER, "    number = number ? number : failed;", "    number = failed;", barrier),
    ("barrier: what cannot be kept is synced", BARRIER, "    int failed = fd < 0 ? EMFILE : sync_fd (fd);", "    int failed = fd < 0 ? 0 : sync_fd (fd);", barrier),
    ("barrier: any file system", BARRIER, "  default:\n    return FALSE;", "  default:\n    return TRUE;", barrier),
    # keys in files
    ("keys: the content is not waited for", KEYS, "  if (!clm_barrier_wait (barrier, error))\n    return FALSE;\n", "", keys),
    ("keys: the content is not synced", KEYS, "  clm_barrier_add (barrier, fd);\n", "", keys),
    ("keys: the name is not waited for", KEYS, "  *named = TRUE;\n  clm_barrier_add (barrier, self->fd);\n  return clm_barrier_wait (barrier, error);", "  *named = TRUE;\n  return TRUE;", keys),
    ("keys: the name is not synced", KEYS, "  *named = TRUE;\n  clm_barrier_add (barrier, self->fd);\n", "  *named = TRUE;\n", keys),
    ("keys: a removal is not synced", KEYS, "  clm_barrier_add (barrier, self->fd);\n  return clm_barrier_wait (barrier, error);\n}\n\nGStrv", "  return TRUE;\n}\n\nGStrv", keys),
    ("keys: an existing one is replaced", KEYS, "name, RENAME_NOREPLACE) == 0)", "name, 0) == 0)", keys),
    ("keys: no second way to publish", KEYS, "  if (errno != EINVAL && errno != ENOSYS)\n    return FALSE;", "  return FALSE;", keys),
    ("keys: a failed one stays", KEYS, "  unlinkat (self->fd, named ? name : temporary, 0);\n", "", keys),
    ("keys: leftovers stay", KEYS, "  remove_leftovers (self);\n", "", keys),
    ("keys: files of others", KEYS, "                    : status->st_uid != geteuid ()     ?", "                    : FALSE ?", keys),
    ("keys: files open to others", KEYS, "                    : status->st_mode & OTHERS         ?", "                    : FALSE ?", keys),
    ("keys: files with a second name", KEYS, "                    : status->st_nlink != 1            ?", "                    : FALSE ?", keys),
    ("keys: no regular file", KEYS, "!S_ISREG (status->st_mode)         ?", "FALSE ?", keys),
    ("keys: the directory of others", KEYS, "  if (status.st_uid != geteuid ())", "  if (FALSE)", keys),
    ("keys: the directory open to others", KEYS, "  if (status.st_mode & OTHERS)", "  if (FALSE)", keys),
    ("keys: links are followed", KEYS, "O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);", "O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);", keys),
    ("keys: open to others when made", KEYS, "S_IRUSR | S_IWUSR);", "0644);", keys),
    # database
    ("sql: not synchronous", CONNECTION, "PRAGMA synchronous = FULL;", "PRAGMA synchronous = OFF;", sql),
    ("sql: half synchronous", CONNECTION, "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", sql),
    ("sql: no write-ahead log", CONNECTION, "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = DELETE", sql),
    ("sql: readers write", CONNECTION, "PRAGMA query_only = ON", "PRAGMA query_only = OFF", sql),
    ("sql: open to others", DATABASE, "  if ((info.st_mode & 077) != 0 && chmod (path, FILE_MODE) != 0)", "  if (FALSE)", sql),
    ("sql: its name is not synced", DATABASE, "  return sync_directory (path, error);", "  return TRUE;", sql),
    ("sql: no regular file", DATABASE, "  if (!S_ISREG (info.st_mode)) {", "  if (FALSE) {", sql),
    # who may
    ("access: unknown callers", ACCESS, "  if (!caller || !caller->valid || caller->uid == NO_ID)\n    return CLM_ROLE_NOBODY;", "  if (!caller)\n    return CLM_ROLE_NOBODY;", access),
    ("access: everybody is root", ACCESS, "  if (caller->uid == 0 || ", "  if (TRUE || ", access),
    ("access: no user is root", ACCESS, "  if (caller->uid == 0 || ", "  if (", access),
    ("access: any admin uid", ACCESS, "self->admin_uid != 0 && caller->uid == self->admin_uid", "self->admin_uid != 0", access),
    ("access: owners are strangers", ACCESS, "  if (party_has (&self->owner, caller))", "  if (FALSE)", access),
    ("access: everybody owns", ACCESS, "  if (party_has (&self->owner, caller))", "  if (TRUE)", access),
    ("access: everybody operates", ACCESS, "  if (party_has (&self->operators, caller))", "  if (TRUE)", access),
    ("access: everybody reads", ACCESS, "  if (party_has (&self->readers, caller))", "  if (TRUE)", access),
    ("access: no role is too little", ACCESS, "least_role[verb] != CLM_ROLE_NOBODY && role >= least_role[verb];", "TRUE;", access),
    ("access: roles the wrong way", ACCESS, "role >= least_role[verb];", "role > least_role[verb];", access),
    ("access: nothing is refused", ACCESS, "  if (clm_role_may (clm_access_get_role (self, caller), verb))\n    return TRUE;", "  if (TRUE)\n    return TRUE;", access),
    ("access: an account that is not there", ACCESS, "  if (id == NO_ID)\n    return FALSE;\n", "", access),
    ("manager: nothing is checked", MANAGER, "  if (clm_access_check (access, caller, verb, error))\n    return TRUE;", "  if (TRUE)\n    return TRUE;", access),
    ("manager: denials are not noted", MANAGER, "  note_denial (self, caller, verb);\n", "", access),
    ("manager: denials without an end", MANAGER, "  if (++self->denials > DENIALS_PER_MINUTE)\n    return;\n", "", access),
    ("manager: lists hold everything", MANAGER, "  return spec && clm_role_may (clm_access_get_role (spec->access, caller), verb);", "  return spec != NULL;", access),
    ("manager: what is not there is nobody's", MANAGER, "check_access (self, spec ? spec->access : daemon_access (self), caller, verb, error);", "spec ? check_access (self, spec->access, caller, verb, error) : TRUE;", access),
    ("manager: whole requests by anybody", MANAGER, "    return check_access (self, daemon_access (self), caller, CLM_VERB_ADMIN, error);", "    return TRUE;", access),
    ("manager: requests by anybody", MANAGER, "  return check_access (self, access ? access : daemon_access (self), caller, CLM_VERB_REQUEST, error);", "  return TRUE;", access),
    ("manager: any name", MANAGER, "  if (clm_name_is_valid (name))\n    return TRUE;", "  if (TRUE)\n    return TRUE;", access),
    ("dispatcher: no permission", DISPATCHER, "!check_permission (call, permission, &error)", "FALSE", access),
    ("dispatcher: arguments before permission", DISPATCHER, "  if (!check_name (call, &error) || !check_permission", "  if (!check_name (call, &error) || (call->method != NULL && !check_arguments (call, &error)) || !check_permission", access),
    ("dispatcher: no look at names", DISPATCHER, "  if (!check_name (call, &error) || ", "  if (", access),
    ("dispatcher: no look at arguments", DISPATCHER, "(call->method != NULL && !check_arguments (call, &error))", "FALSE", access),
    ("dispatcher: daemon's methods by anybody", DISPATCHER, "    return clm_manager_authorize (call->manager, call->caller, permission->verb, NULL, error);", "    return TRUE;", access),
    ("dispatcher: objects' methods by anybody", DISPATCHER, "    return clm_manager_authorize (call->manager, call->caller, permission->verb, call->name, error);", "    return TRUE;", access),
    ("dispatcher: arguments of any size", DISPATCHER, "  if (g_variant_get_size (arguments) > CLM_BUS_CALL_SIZE_MAX) {", "  if (FALSE) {", access + ["abuse/abuse-misuse"]),
    ("dispatcher: unknown options", DISPATCHER, "  if (!clm_bus_options_check (call->method->options, last, error))\n    return FALSE;\n", "", access),
    # root's hand
    ("deliver: asked by anybody", SERVER, "  if (peer.uid == uid || peer.uid == geteuid ())", "  if (TRUE)", delivery),
    ("deliver: any certificate to any consumer", DELIVER, "  if (clm_recipe_takes (recipe, certificate))\n    return TRUE;", "  if (TRUE)\n    return TRUE;", delivery),
    ("deliver: keys that do not match", MATERIAL, "  if (self->key && !clm_x509_matches_key (", "  if (FALSE && !clm_x509_matches_key (", delivery),
    ("deliver: any descriptor", MATERIAL, "  if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode)) {", "  if (fstat (fd, &st) < 0) {", delivery),
    ("deliver: links are replaced", TARGET, 'S_ISLNK (st->st_mode) ? "a symlink" : !S_ISREG (st->st_mode) ? "not a regular file"', 'S_ISLNK (st->st_mode) ? NULL : !S_ISREG (st->st_mode) ? "not a regular file"', delivery),
    ("deliver: what is no file is replaced", TARGET, '!S_ISREG (st->st_mode) ? "not a regular file"', 'FALSE ? "not a regular file"', delivery),
    ("deliver: second names are replaced", TARGET, "st->st_nlink != 1 ?", "FALSE ?", delivery),
    ("deliver: the content is not synced", TARGET, "  if (fsync (fd) < 0) {", "  if (FALSE) {", delivery),
    ("deliver: the directory is not synced", TARGET, "  if (fsync (self->directory_fd) == 0)", "  if (TRUE)", delivery),
    ("deliver: the mode is not set", TARGET, "  if (fchmod (fd, mode) < 0) {", "  if (FALSE) {", delivery),
    ("deliver: the owner is not set", TARGET, "  else if ((st.st_uid != owner || st.st_gid != group) && fchown (fd, owner, group) < 0)", "  else if (FALSE)", delivery),
    ("deliver: open to others while it is written", TARGET, "O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;", "O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;", delivery),
    ("deliver: own files of others are read", TARGET, "(st.st_uid == 0 || st.st_uid == geteuid ()) &&", "TRUE &&", delivery),
    ("deliver: own files open to others are read", TARGET, "(st.st_mode & 022) == 0 && st.st_size > 0", "st.st_size > 0", delivery),
    ("deliver: nothing is put in place", TARGET, "renameat (self->directory_fd, self->temporary, self->directory_fd, self->name) < 0)", "FALSE)", delivery),
]
