/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory-schema.h"

/*
 * certificates is the narrow, hot table: what lists and the queue read. wake is the earlier one of next_time and alarm_time, or
 * NULL; its index is the queue. records holds the rest of each row. removals remembers the last names that went, for who lists
 * what changed; 'forgotten' is the newest revision that it no longer holds. Times are seconds since the epoch, 0 for none.
 */
static const char first[] =
  "CREATE TABLE values_of_daemon (key TEXT PRIMARY KEY, number INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL DEFAULT '') WITHOUT ROWID;"
  "INSERT INTO values_of_daemon (key, number) VALUES ('revision', 1), ('last-seen', 0), ('forgotten', 0);"
  "INSERT INTO values_of_daemon (key, text) VALUES ('epoch', lower (hex (randomblob (8))));"

  "CREATE TABLE certificates ("
  "  name TEXT PRIMARY KEY,"
  "  state INTEGER NOT NULL,"
  "  next_action INTEGER NOT NULL,"
  "  next_time INTEGER NOT NULL,"
  "  clock_bound INTEGER NOT NULL,"
  "  alarm_time INTEGER NOT NULL,"
  "  wake INTEGER,"
  "  not_after INTEGER NOT NULL,"
  "  not_before INTEGER NOT NULL,"
  "  attempts INTEGER NOT NULL,"
  "  delivery_state INTEGER NOT NULL,"
  "  authority TEXT NOT NULL,"
  "  key_store TEXT NOT NULL,"
  "  message TEXT NOT NULL,"
  "  origin TEXT NOT NULL,"
  "  revision INTEGER NOT NULL) WITHOUT ROWID;"
  "CREATE INDEX certificates_by_wake ON certificates (wake) WHERE wake IS NOT NULL;"
  "CREATE INDEX certificates_by_state ON certificates (state);"
  "CREATE INDEX certificates_by_revision ON certificates (revision);"

  "CREATE TABLE records ("
  "  name TEXT PRIMARY KEY,"
  "  reason TEXT NOT NULL, hint TEXT NOT NULL, error TEXT NOT NULL,"
  "  generation INTEGER NOT NULL, candidate INTEGER NOT NULL, held INTEGER NOT NULL,"
  "  template_name TEXT NOT NULL, key_uri TEXT NOT NULL, key_type TEXT NOT NULL,"
  "  subject TEXT NOT NULL, issuer TEXT NOT NULL, serial TEXT NOT NULL, fingerprint TEXT NOT NULL, alt_names TEXT NOT NULL,"
  "  issued INTEGER NOT NULL, issue_digest TEXT NOT NULL, alarm INTEGER NOT NULL,"
  "  hint_start INTEGER NOT NULL, hint_end INTEGER NOT NULL, revoked INTEGER NOT NULL) WITHOUT ROWID;"

  "CREATE TABLE removals (revision INTEGER PRIMARY KEY, name TEXT NOT NULL);"

  "CREATE TABLE specs ("
  "  name TEXT PRIMARY KEY, template_name TEXT, instance TEXT, owner INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;"

  "CREATE TABLE intents ("
  "  name TEXT PRIMARY KEY, number INTEGER NOT NULL, authority TEXT NOT NULL, authority_identity TEXT NOT NULL,"
  "  issue_digest TEXT NOT NULL, key_store TEXT NOT NULL, key_label TEXT NOT NULL, key_uri TEXT NOT NULL, ticket BLOB,"
  "  key_owned INTEGER NOT NULL, started INTEGER NOT NULL) WITHOUT ROWID;"
  "CREATE INDEX intents_by_key ON intents (key_uri);"

  "CREATE TABLE generations ("
  "  name TEXT NOT NULL, number INTEGER NOT NULL, status TEXT NOT NULL, serial TEXT NOT NULL, fingerprint TEXT NOT NULL,"
  "  authority TEXT NOT NULL, key_uri TEXT NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
  "  created INTEGER NOT NULL, retired INTEGER NOT NULL, PRIMARY KEY (name, number)) WITHOUT ROWID;"
  "CREATE INDEX generations_by_key ON generations (key_uri);"

  "CREATE TABLE deliveries ("
  "  name TEXT NOT NULL, delivery TEXT NOT NULL, generation INTEGER NOT NULL, failing INTEGER NOT NULL,"
  "  attempts INTEGER NOT NULL, time INTEGER NOT NULL, error TEXT, PRIMARY KEY (name, delivery)) WITHOUT ROWID;"

  "CREATE TABLE history ("
  "  sequence INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,"
  "  subject_kind TEXT NOT NULL, subject TEXT NOT NULL, message TEXT NOT NULL, fields BLOB NOT NULL);"
  "CREATE INDEX history_by_subject ON history (subject, sequence);"

  "CREATE TABLE backend_values ("
  "  kind TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, name, key)) WITHOUT ROWID;";

static const ClmSqlMigration migrations[] = {
  { 1, first, NULL },
};

#define APPLICATION_ID 0x636c6d31   /* "clm1" */

const ClmSqlSchema clm_inventory_schema = { APPLICATION_ID, migrations, G_N_ELEMENTS (migrations) };
