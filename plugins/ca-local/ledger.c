/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger.h"

#include "clm-error.h"
#include "database.h"
#include "statement.h"
#include "writer.h"

#define APPLICATION_ID 0x434c4341   /* "CLCA" */

static const ClmSqlMigration migrations[] = {
  { 1,
    "CREATE TABLE certificate ("
    "  id INTEGER PRIMARY KEY, role INTEGER NOT NULL, serial BLOB NOT NULL, state INTEGER NOT NULL, digest BLOB, name TEXT,"
    "  profile TEXT, subject TEXT, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, tbs BLOB, der BLOB,"
    "  revoked_at INTEGER, reason INTEGER, UNIQUE (role, serial));"
    "CREATE INDEX certificate_revoked ON certificate (role, not_after) WHERE revoked_at IS NOT NULL;"
    "CREATE TABLE crl ("
    "  role INTEGER PRIMARY KEY, number INTEGER NOT NULL DEFAULT 0, this_update INTEGER NOT NULL DEFAULT 0,"
    "  next_update INTEGER NOT NULL DEFAULT 0, revision INTEGER NOT NULL DEFAULT 0, published INTEGER NOT NULL DEFAULT 0);"
    "INSERT INTO crl (role) VALUES (0), (1);"
    "CREATE TABLE authority (role INTEGER PRIMARY KEY, pem TEXT NOT NULL);",
    NULL },
};

static const ClmSqlSchema schema = { APPLICATION_ID, migrations, G_N_ELEMENTS (migrations) };

struct _ClmCaLedger {
  ClmSqlWriter *writer;
};

/* One operation on its way through the writer's thread: what it needs and what it found. */
typedef struct {
  ClmSqlFunc func;
  ClmCaRole  role;
  ClmCaEntry *entry;
  ClmCaEntry *found;
  ClmCaSummary *summary;
  char        *pem;
  GPtrArray   *revoked;
  ClmCaCrlInfo info;
  ClmCaIssuer *issuer;
  ClmCaCrlDraft *draft;
  guint64      floor;
  gboolean     answer;
} Operation;

const char *
clm_ca_role_get_nick (ClmCaRole role)
{
  return role == CLM_CA_ROOT ? "root" : "intermediate";
}

ClmCaEntry *
clm_ca_entry_new (void)
{
  return g_new0 (ClmCaEntry, 1);
}

void
clm_ca_entry_free (ClmCaEntry *self)
{
  g_clear_pointer (&self->serial, g_bytes_unref);
  g_clear_pointer (&self->digest, g_bytes_unref);
  g_clear_pointer (&self->tbs, g_bytes_unref);
  g_clear_pointer (&self->der, g_bytes_unref);
  g_free (self->certificate);
  g_free (self->profile);
  g_free (self->subject);
  g_free (self);
}

static GBytes *
ref_bytes (GBytes *bytes)
{
  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

ClmCaEntry *
clm_ca_entry_copy (const ClmCaEntry *entry)
{
  ClmCaEntry *copy = clm_ca_entry_new ();

  *copy = *entry;
  copy->serial = ref_bytes (entry->serial);
  copy->digest = ref_bytes (entry->digest);
  copy->tbs = ref_bytes (entry->tbs);
  copy->der = ref_bytes (entry->der);
  copy->certificate = g_strdup (entry->certificate);
  copy->profile = g_strdup (entry->profile);
  copy->subject = g_strdup (entry->subject);
  return copy;
}

void
clm_ca_summary_free (ClmCaSummary *self)
{
  for (guint role = 0; role < CLM_CA_N_ROLES; role++)
    g_free (self->certificates[role]);
  g_free (self);
}

void
clm_ca_crl_draft_free (ClmCaCrlDraft *self)
{
  g_clear_pointer (&self->tbs, g_bytes_unref);
  g_free (self);
}

static void
operation_free (gpointer data)
{
  Operation *op = data;

  g_clear_pointer (&op->entry, clm_ca_entry_free);
  g_clear_pointer (&op->found, clm_ca_entry_free);
  g_clear_pointer (&op->summary, clm_ca_summary_free);
  g_clear_pointer (&op->revoked, g_ptr_array_unref);
  g_clear_pointer (&op->issuer, clm_ca_issuer_unref);
  g_clear_pointer (&op->draft, clm_ca_crl_draft_free);
  g_free (op->pem);
  g_free (op);
}

ClmCaLedger *
clm_ca_ledger_open (const char *path, GError **error)
{
  g_autoptr (ClmSqlConnection) connection = clm_sql_database_open (path, &schema, error);
  ClmCaLedger *self;

  if (connection == NULL)
    return NULL;
  self = g_new0 (ClmCaLedger, 1);
  self->writer = clm_sql_writer_new (g_steal_pointer (&connection));
  return self;
}

void
clm_ca_ledger_close (ClmCaLedger *self)
{
  clm_sql_writer_close (self->writer);
}

void
clm_ca_ledger_free (ClmCaLedger *self)
{
  clm_sql_writer_close (self->writer);
  g_object_unref (self->writer);
  g_free (self);
}

/* Takes @op, which lives until the caller's callback has returned. */
static void
run (ClmCaLedger *self, Operation *op, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  clm_sql_writer_run_async (self->writer, op->func, op, operation_free, cancellable, callback, user_data);
}

static Operation *
finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return clm_sql_writer_run_finish (self->writer, result, error) ? g_task_get_task_data (G_TASK (result)) : NULL;
}

static Operation *
new_operation (ClmSqlFunc func, ClmCaRole role)
{
  Operation *op = g_new0 (Operation, 1);

  op->func = func;
  op->role = role;
  return op;
}

/* Summary */

static gboolean
load_certificates (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "SELECT role, pem FROM authority", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    gint64 role = clm_sql_statement_get_int64 (statement, 0);

    if (role >= 0 && role < CLM_CA_N_ROLES && summary->certificates[role] == NULL)
      summary->certificates[role] = clm_sql_statement_dup_text (statement, 1);
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
load_crls (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "SELECT role, number, this_update, next_update, revision > published FROM crl", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    gint64 role = clm_sql_statement_get_int64 (statement, 0);

    if (role < 0 || role >= CLM_CA_N_ROLES)
      continue;
    summary->crls[role].number = (guint64) clm_sql_statement_get_int64 (statement, 1);
    summary->crls[role].this_update = clm_sql_statement_get_int64 (statement, 2);
    summary->crls[role].next_update = clm_sql_statement_get_int64 (statement, 3);
    summary->crls[role].needed = clm_sql_statement_get_boolean (statement, 4);
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
load_counts (ClmSqlConnection *connection, ClmCaSummary *summary, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT count (*) FILTER (WHERE state = 1), count (revoked_at), count (*) FILTER (WHERE state = 0) FROM certificate", error);

  if (statement == NULL || clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  summary->issued = clm_sql_statement_get_int64 (statement, 0);
  summary->revoked = clm_sql_statement_get_int64 (statement, 1);
  summary->unfinished = clm_sql_statement_get_int64 (statement, 2);
  return TRUE;
}

static gboolean
load (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;

  op->summary = g_new0 (ClmCaSummary, 1);
  return load_certificates (connection, op->summary, error) && load_crls (connection, op->summary, error) &&
         load_counts (connection, op->summary, error);
}

void
clm_ca_ledger_load_async (ClmCaLedger *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, new_operation (load, CLM_CA_ROOT), cancellable, callback, user_data);
}

ClmCaSummary *
clm_ca_ledger_load_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  Operation *op = finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->summary) : NULL;
}

static gboolean
save_certificate (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  g_autoptr (ClmSqlStatement) statement =
    clm_sql_statement_prepare (connection, "INSERT OR REPLACE INTO authority (role, pem) VALUES (?, ?)", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_text (statement, 2, op->pem);
  return clm_sql_statement_run (statement, error);
}

void
clm_ca_ledger_save_certificate_async (ClmCaLedger *self, ClmCaRole role, const char *pem, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (save_certificate, role);

  op->pem = g_strdup (pem);
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_save_certificate_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error) != NULL;
}

/* Entries */

static ClmCaEntry *
find (ClmSqlConnection *connection, ClmCaRole role, GBytes *serial, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT state, digest, name, profile, subject, not_before, not_after, tbs, der, revoked_at, reason"
    " FROM certificate WHERE role = ? AND serial = ?", error);
  ClmCaEntry *entry;

  if (statement == NULL)
    return NULL;
  clm_sql_statement_bind_int64 (statement, 1, role);
  clm_sql_statement_bind_blob (statement, 2, serial);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return NULL;
  entry = clm_ca_entry_new ();
  entry->role = role;
  entry->serial = g_bytes_ref (serial);
  entry->state = (ClmCaEntryState) clm_sql_statement_get_int64 (statement, 0);
  entry->digest = clm_sql_statement_get_blob (statement, 1);
  entry->certificate = clm_sql_statement_dup_text (statement, 2);
  entry->profile = clm_sql_statement_dup_text (statement, 3);
  entry->subject = clm_sql_statement_dup_text (statement, 4);
  entry->not_before = clm_sql_statement_get_int64 (statement, 5);
  entry->not_after = clm_sql_statement_get_int64 (statement, 6);
  entry->tbs = clm_sql_statement_get_blob (statement, 7);
  entry->der = clm_sql_statement_get_blob (statement, 8);
  entry->revoked_at = clm_sql_statement_get_int64 (statement, 9);
  entry->reason = (int) clm_sql_statement_get_int64 (statement, 10);
  return entry;
}

static gboolean
find_entry (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  GError *failure = NULL;

  op->found = find (connection, op->role, op->entry->serial, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

static Operation *
new_serial_operation (ClmSqlFunc func, ClmCaRole role, GBytes *serial)
{
  Operation *op = new_operation (func, role);

  op->entry = clm_ca_entry_new ();
  op->entry->role = role;
  op->entry->serial = g_bytes_ref (serial);
  return op;
}

void
clm_ca_ledger_find_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, new_serial_operation (find_entry, role, serial), cancellable, callback, user_data);
}

ClmCaEntry *
clm_ca_ledger_find_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  Operation *op = finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->found) : NULL;
}

static gboolean
insert (ClmSqlConnection *connection, const ClmCaEntry *entry, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "INSERT INTO certificate (role, serial, state, digest, name, profile, subject, not_before, not_after, tbs, der, revoked_at, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, entry->role);
  clm_sql_statement_bind_blob (statement, 2, entry->serial);
  clm_sql_statement_bind_int64 (statement, 3, entry->state);
  clm_sql_statement_bind_blob (statement, 4, entry->digest);
  clm_sql_statement_bind_text (statement, 5, entry->certificate);
  clm_sql_statement_bind_text (statement, 6, entry->profile);
  clm_sql_statement_bind_text (statement, 7, entry->subject);
  clm_sql_statement_bind_int64 (statement, 8, entry->not_before);
  clm_sql_statement_bind_int64 (statement, 9, entry->not_after);
  clm_sql_statement_bind_blob (statement, 10, entry->tbs);
  clm_sql_statement_bind_blob (statement, 11, entry->der);
  if (entry->revoked_at != 0) {
    clm_sql_statement_bind_int64 (statement, 12, entry->revoked_at);
    clm_sql_statement_bind_int64 (statement, 13, entry->reason);
  } else {
    clm_sql_statement_bind_null (statement, 12);
    clm_sql_statement_bind_null (statement, 13);
  }
  return clm_sql_statement_run (statement, error);
}

/* A void entry gave its serial back; only the order it was made for may take it. */
static gboolean
delete_void (ClmSqlConnection *connection, const ClmCaEntry *entry, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "DELETE FROM certificate WHERE role = ? AND serial = ? AND state = 2 AND digest IS ? AND revoked_at IS NULL", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, entry->role);
  clm_sql_statement_bind_blob (statement, 2, entry->serial);
  clm_sql_statement_bind_blob (statement, 3, entry->digest);
  return clm_sql_statement_run (statement, error);
}

static gboolean
journal (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;

  op->entry->state = CLM_CA_ENTRY_UNFINISHED;
  return delete_void (connection, op->entry, error) && insert (connection, op->entry, error);
}

void
clm_ca_ledger_journal_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (journal, entry->role);

  op->entry = clm_ca_entry_copy (entry);
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_journal_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error) != NULL;
}

static gboolean
complete (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE certificate SET state = 1, der = ?, tbs = NULL WHERE role = ? AND serial = ? AND state = 0", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_blob (statement, 1, op->entry->der);
  clm_sql_statement_bind_int64 (statement, 2, op->role);
  clm_sql_statement_bind_blob (statement, 3, op->entry->serial);
  if (!clm_sql_statement_run (statement, error))
    return FALSE;
  if (clm_sql_connection_get_changes (connection) == 1)
    return TRUE;
  g_set_error_literal (error, CLM_ERROR, CLM_ERROR_CONFLICT, "the serial number is not waiting for its signature");
  return FALSE;
}

void
clm_ca_ledger_complete_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GBytes *der, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_serial_operation (complete, role, serial);

  op->entry->der = g_bytes_ref (der);
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_complete_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error) != NULL;
}

static gboolean
set_void (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE certificate SET state = 2, tbs = NULL WHERE role = ? AND serial = ? AND state = 0", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_blob (statement, 2, op->entry->serial);
  return clm_sql_statement_run (statement, error);
}

void
clm_ca_ledger_void_async (ClmCaLedger *self, ClmCaRole role, GBytes *serial, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (self, new_serial_operation (set_void, role, serial), cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_void_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error) != NULL;
}

/* Revocation */

static gboolean
count_revocation (ClmSqlConnection *connection, ClmCaRole role, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, "UPDATE crl SET revision = revision + 1 WHERE role = ?", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, role);
  return clm_sql_statement_run (statement, error);
}

/* Marks or adds one revoked serial; the first revocation of a serial stands. */
static gboolean
mark_revoked (ClmSqlConnection *connection, const ClmCaEntry *revocation, gboolean *is_new, GError **error)
{
  GError *failure = NULL;
  g_autoptr (ClmCaEntry) known = find (connection, revocation->role, revocation->serial, &failure);
  g_autoptr (ClmSqlStatement) statement = NULL;

  *is_new = FALSE;
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (known == NULL) {
    *is_new = TRUE;
    return insert (connection, revocation, error);
  }
  if (known->revoked_at != 0)
    return TRUE;
  statement = clm_sql_statement_prepare (connection, "UPDATE certificate SET revoked_at = ?, reason = ? WHERE role = ? AND serial = ?", error);
  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, revocation->revoked_at);
  clm_sql_statement_bind_int64 (statement, 2, revocation->reason);
  clm_sql_statement_bind_int64 (statement, 3, revocation->role);
  clm_sql_statement_bind_blob (statement, 4, revocation->serial);
  *is_new = TRUE;
  return clm_sql_statement_run (statement, error);
}

static gboolean
revoke_entry (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;

  op->entry->state = CLM_CA_ENTRY_FOREIGN;
  return mark_revoked (connection, op->entry, &op->answer, error) && (!op->answer || count_revocation (connection, op->role, error));
}

void
clm_ca_ledger_revoke_async (ClmCaLedger *self, const ClmCaEntry *entry, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (revoke_entry, entry->role);

  op->entry = clm_ca_entry_copy (entry);
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_revoke_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *is_new, GError **error)
{
  Operation *op = finish (self, result, error);

  *is_new = op != NULL && op->answer;
  return op != NULL;
}

/* CRL */

static gboolean
raise_number (ClmSqlConnection *connection, ClmCaRole role, const ClmCaCrlInfo *info, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET number = max (number, ?), this_update = max (this_update, ?), next_update = max (next_update, ?) WHERE role = ?", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) info->number);
  clm_sql_statement_bind_int64 (statement, 2, info->this_update);
  clm_sql_statement_bind_int64 (statement, 3, info->next_update);
  clm_sql_statement_bind_int64 (statement, 4, role);
  return clm_sql_statement_run (statement, error);
}

static gboolean
merge_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  gboolean is_new;

  for (guint i = 0; i < op->revoked->len; i++)
    if (!mark_revoked (connection, g_ptr_array_index (op->revoked, i), &is_new, error))
      return FALSE;
  return raise_number (connection, op->role, &op->info, error);
}

void
clm_ca_ledger_merge_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlInfo *info, GPtrArray *revoked, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (merge_crl, role);

  op->info = *info;
  op->revoked = g_ptr_array_ref (revoked);
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_merge_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  return finish (self, result, error) != NULL;
}

/* Takes the next number and tells what the last CRL was. @last_update: (out). */
static gboolean
take_number (ClmSqlConnection *connection, Operation *op, gint64 *last_update, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET number = max (number, ?) + 1 WHERE role = ? RETURNING number, revision, this_update", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, (gint64) op->floor);
  clm_sql_statement_bind_int64 (statement, 2, op->role);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  op->draft->number = (guint64) clm_sql_statement_get_int64 (statement, 0);
  op->draft->revision = clm_sql_statement_get_int64 (statement, 1);
  *last_update = clm_sql_statement_get_int64 (statement, 2);
  return TRUE;
}

static gboolean
write_entries (ClmSqlConnection *connection, Operation *op, ClmCaCrlWriter *writer, gint64 last_update, GError **error)
{
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "SELECT serial, revoked_at, reason FROM certificate WHERE role = ? AND not_after >= ? AND revoked_at IS NOT NULL ORDER BY not_after, id", error);
  ClmSqlStep step;

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->role);
  clm_sql_statement_bind_int64 (statement, 2, last_update);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW) {
    g_autoptr (GBytes) serial = clm_sql_statement_get_blob (statement, 0);

    clm_ca_crl_writer_add (writer, g_bytes_get_data (serial, NULL), g_bytes_get_size (serial),
                           clm_sql_statement_get_int64 (statement, 1), (int) clm_sql_statement_get_int64 (statement, 2));
    op->draft->entries++;
  }
  return step == CLM_SQL_STEP_DONE;
}

static gboolean
begin_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  g_autoptr (ClmCaCrlWriter) writer = NULL;
  gint64 last_update;

  op->draft->entries = 0;
  if (!take_number (connection, op, &last_update, error))
    return FALSE;
  writer = clm_ca_crl_writer_new (op->issuer, op->draft->number, op->draft->this_update, op->draft->next_update);
  if (!write_entries (connection, op, writer, last_update, error))
    return FALSE;
  g_clear_pointer (&op->draft->tbs, g_bytes_unref);
  op->draft->tbs = clm_ca_crl_writer_end (writer);
  return TRUE;
}

void
clm_ca_ledger_begin_crl_async (ClmCaLedger *self, ClmCaRole role, ClmCaIssuer *issuer, guint64 floor, gint64 this_update, gint64 next_update, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (begin_crl, role);

  op->issuer = clm_ca_issuer_ref (issuer);
  op->floor = floor;
  op->draft = g_new0 (ClmCaCrlDraft, 1);
  op->draft->this_update = this_update;
  op->draft->next_update = next_update;
  run (self, op, cancellable, callback, user_data);
}

ClmCaCrlDraft *
clm_ca_ledger_begin_crl_finish (ClmCaLedger *self, GAsyncResult *result, GError **error)
{
  Operation *op = finish (self, result, error);

  return op != NULL ? g_steal_pointer (&op->draft) : NULL;
}

static gboolean
end_crl (ClmSqlConnection *connection, gpointer data, GError **error)
{
  Operation *op = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection,
    "UPDATE crl SET this_update = ?, next_update = ?, published = ? WHERE role = ? RETURNING revision > published", error);

  if (statement == NULL)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, op->draft->this_update);
  clm_sql_statement_bind_int64 (statement, 2, op->draft->next_update);
  clm_sql_statement_bind_int64 (statement, 3, op->draft->revision);
  clm_sql_statement_bind_int64 (statement, 4, op->role);
  if (clm_sql_statement_step (statement, error) != CLM_SQL_STEP_ROW)
    return FALSE;
  op->answer = clm_sql_statement_get_boolean (statement, 0);
  return TRUE;
}

void
clm_ca_ledger_end_crl_async (ClmCaLedger *self, ClmCaRole role, const ClmCaCrlDraft *draft, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Operation *op = new_operation (end_crl, role);

  op->draft = g_new0 (ClmCaCrlDraft, 1);
  *op->draft = *draft;
  op->draft->tbs = NULL;
  run (self, op, cancellable, callback, user_data);
}

gboolean
clm_ca_ledger_end_crl_finish (ClmCaLedger *self, GAsyncResult *result, gboolean *needed, GError **error)
{
  Operation *op = finish (self, result, error);

  *needed = op != NULL && op->answer;
  return op != NULL;
}
