/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-private.h"

#include "clm-error.h"

/* Small reads: one query, its parameters, and what becomes of each row */

typedef struct {
  const char *sql;
  const char *text;             /* (nullable): parameter 1 */
  gint64      number;           /* parameter 2, or 1 without text */
  gboolean    has_number;
  void      (*take) (ClmSqlStatement *row, gpointer into);
  gpointer    into;
} Query;

static gboolean
run_query (ClmSqlConnection *connection,
           gpointer          data,
           GError          **error)
{
  Query *query = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, query->sql, error);
  guint parameter = 1;
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  if (query->text)
    clm_sql_statement_bind_text (statement, parameter++, query->text);
  if (query->has_number)
    clm_sql_statement_bind_int64 (statement, parameter, query->number);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    query->take (statement, query->into);
  return step == CLM_SQL_STEP_DONE;
}

static void
take_record (ClmSqlStatement *row,
             gpointer         into)
{
  *(ClmRecord **) into = clm_record_from_row (row);
}

ClmRecord *
clm_inventory_get_record (ClmInventory *self,
                          const char   *name,
                          GError      **error)
{
  ClmRecord *record = NULL;
  Query query = { CLM_RECORD_SELECT "WHERE c.name = ?", name, .take = take_record, .into = &record };

  if (!clm_sql_reader_query (self->reader, run_query, &query, error))
    return NULL;
  if (!record)
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no certificate named “%s”", name);
  return record;
}

static void
take_intent (ClmSqlStatement *row,
             gpointer         into)
{
  *(ClmIntent **) into = clm_intent_from_row (row);
}

gboolean
clm_inventory_get_intent (ClmInventory *self,
                          const char   *name,
                          ClmIntent   **intent,
                          GError      **error)
{
  Query query = { "SELECT " CLM_INTENT_COLUMNS " FROM intents WHERE name = ?", name, .take = take_intent, .into = intent };

  *intent = NULL;
  return clm_sql_reader_query (self->reader, run_query, &query, error);
}

static void
take_spec (ClmSqlStatement *row,
           gpointer         into)
{
  ClmSpecRow *spec = g_new0 (ClmSpecRow, 1);

  spec->template_name = clm_sql_statement_dup_text (row, 0);
  spec->instance = clm_sql_statement_dup_text (row, 1);
  spec->owner = (guint32) clm_sql_statement_get_int64 (row, 2);
  spec->text = clm_sql_statement_dup_text (row, 3);
  *(ClmSpecRow **) into = spec;
}

gboolean
clm_inventory_get_spec (ClmInventory *self,
                        const char   *name,
                        ClmSpecRow  **row,
                        GError      **error)
{
  Query query = { "SELECT template_name, instance, owner, text FROM specs WHERE name = ?", name, .take = take_spec, .into = row };

  *row = NULL;
  return clm_sql_reader_query (self->reader, run_query, &query, error);
}

static void
take_generation (ClmSqlStatement *row,
                 gpointer         into)
{
  g_ptr_array_add (into, clm_generation_row_from_row (row));
}

GPtrArray *
clm_inventory_get_generations (ClmInventory *self,
                               const char   *name,
                               GError      **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_generation_row_free);
  Query query = { "SELECT " CLM_GENERATION_COLUMNS " FROM generations WHERE name = ? ORDER BY number DESC", name,
                  .take = take_generation, .into = rows };

  return clm_sql_reader_query (self->reader, run_query, &query, error) ? g_steal_pointer (&rows) : NULL;
}

static void
take_delivery (ClmSqlStatement *row,
               gpointer         into)
{
  g_ptr_array_add (into, clm_delivery_record_from_row (row));
}

GPtrArray *
clm_inventory_get_deliveries (ClmInventory *self,
                              const char   *name,
                              GError      **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_delivery_record_free);
  Query query = { "SELECT " CLM_DELIVERY_COLUMNS " FROM deliveries WHERE name = ? ORDER BY delivery", name,
                  .take = take_delivery, .into = rows };

  return clm_sql_reader_query (self->reader, run_query, &query, error) ? g_steal_pointer (&rows) : NULL;
}

static void
take_number (ClmSqlStatement *row,
             gpointer         into)
{
  *(gint64 *) into = clm_sql_statement_is_null (row, 0) ? -1 : clm_sql_statement_get_int64 (row, 0);
}

gboolean
clm_inventory_is_key_named (ClmInventory *self,
                            const char   *key_uri,
                            gboolean     *named,
                            GError      **error)
{
  gint64 count = 0;
  Query query = { "SELECT (SELECT count (*) FROM generations WHERE key_uri = ?1) + (SELECT count (*) FROM intents WHERE key_uri = ?1)",
                  key_uri, .take = take_number, .into = &count };

  if (!clm_sql_reader_query (self->reader, run_query, &query, error))
    return FALSE;
  *named = count > 0;
  return TRUE;
}

/* Where the database cannot be read, nothing is due: the next write says why. */

static gint64
query_number (ClmInventory *self,
              Query        *query,
              gint64        fallback)
{
  g_autoptr (GError) error = NULL;
  gint64 number = fallback;

  query->take = take_number;
  query->into = &number;
  if (clm_sql_reader_query (self->reader, run_query, query, &error))
    return number;
  g_warning ("the inventory cannot be read: %s", error->message);
  return fallback;
}

gint64
clm_inventory_get_earliest_after (ClmInventory *self,
                                  gint64        now,
                                  gboolean      spans_only)
{
  Query query = { spans_only ? "SELECT min (next_time) FROM certificates WHERE clock_bound = 0 AND next_action <> 0 AND next_time > ?" :
                  "SELECT min (wake) FROM certificates WHERE wake > ?", NULL, now, TRUE };

  return query_number (self, &query, -1);
}

guint
clm_inventory_count (ClmInventory *self,
                     ClmState      state)
{
  Query query = { "SELECT count (*) FROM certificates WHERE state = ?", NULL, state, TRUE };

  return (guint) query_number (self, &query, 0);
}

static void
take_name (ClmSqlStatement *row,
           gpointer         into)
{
  g_strv_builder_add (into, clm_sql_statement_get_text (row, 0));
}

static GStrv
query_names (ClmInventory *self,
             Query        *query)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;

  query->take = take_name;
  query->into = builder;
  if (!clm_sql_reader_query (self->reader, run_query, query, &error))
    g_warning ("the inventory cannot be read: %s", error->message);
  return g_strv_builder_end (builder);
}

typedef struct {
  gint64        now;
  gint64        limit;
  gboolean      spans_only;
  GStrvBuilder *builder;
} DueWork;

static gboolean
read_due (ClmSqlConnection *connection,
          gpointer          data,
          GError          **error)
{
  DueWork *work = data;
  g_autoptr (ClmSqlStatement) statement = clm_sql_statement_prepare (connection, work->spans_only ?
    "SELECT name FROM certificates WHERE clock_bound = 0 AND next_action <> 0 AND next_time > 0 AND next_time <= ?"
    " ORDER BY not_after, next_time LIMIT ?" :
    "SELECT name FROM certificates WHERE wake <= ? ORDER BY not_after, wake LIMIT ?", error);
  ClmSqlStep step;

  if (!statement)
    return FALSE;
  clm_sql_statement_bind_int64 (statement, 1, work->now);
  clm_sql_statement_bind_int64 (statement, 2, work->limit);
  while ((step = clm_sql_statement_step (statement, error)) == CLM_SQL_STEP_ROW)
    take_name (statement, work->builder);
  return step == CLM_SQL_STEP_DONE;
}

GStrv
clm_inventory_list_due (ClmInventory *self,
                        gint64        now,
                        gboolean      spans_only,
                        guint         limit)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;
  DueWork work = { now, limit, spans_only, builder };

  if (!clm_sql_reader_query (self->reader, read_due, &work, &error))
    g_warning ("the inventory cannot be read: %s", error->message);
  return g_strv_builder_end (builder);
}

GStrv
clm_inventory_list_renewable (ClmInventory *self,
                              gint64        now)
{
  Query query = { "SELECT name FROM certificates WHERE next_action IN (1, 3) AND next_time > 0 AND next_time <= ? ORDER BY not_after",
                  NULL, now, TRUE };

  G_STATIC_ASSERT (CLM_ACTION_ENROLL == 1 && CLM_ACTION_RENEW == 3);
  return query_names (self, &query);
}

GStrv
clm_inventory_list_names (ClmInventory *self,
                          const char   *origin)
{
  Query query = { "SELECT name FROM certificates WHERE origin = ? ORDER BY name", origin };

  return query_names (self, &query);
}
