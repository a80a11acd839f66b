/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-error.h"
#include "database.h"
#include "reader.h"
#include "statement.h"
#include "writer.h"

/* A directory of its own for each test, with one table `item (id INTEGER PRIMARY KEY, body BLOB)` in PATH. */
typedef struct {
  char *directory;
  char *path;
} Fixture;

extern const ClmSqlSchema item_schema;

void fixture_set_up (Fixture *self, gconstpointer unused);
void fixture_tear_down (Fixture *self, gconstpointer unused);

/* Opens the file or fails the test. */
ClmSqlConnection *fixture_open (Fixture *self);

/* ClmSqlFunc: inserts the item whose id is GPOINTER_TO_INT (data), with a small body. */
gboolean insert_item (ClmSqlConnection *connection, gpointer data, GError **error);

/* ClmSqlFunc: inserts the item whose id is data, with 20,000 bytes. */
gboolean insert_large_item (ClmSqlConnection *connection, gpointer data, GError **error);

/* ClmSqlFunc: data is a gint64, which receives the number of items. */
gboolean count_items (ClmSqlConnection *connection, gpointer data, GError **error);

/* The number of items as a fresh reader sees it. */
gint64 fixture_count (Fixture *self);

#define add_test(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
