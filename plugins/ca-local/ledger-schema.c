/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger-private.h"

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
  /* All that a CRL needs stands in the index: the certificates themselves need not be read. */
  { 2,
    "CREATE INDEX certificate_revocation ON certificate (role, not_after, serial, revoked_at, reason) WHERE revoked_at IS NOT NULL;"
    "DROP INDEX certificate_revoked;",
    NULL },
};

const ClmSqlSchema clm_ca_ledger_schema = { APPLICATION_ID, migrations, G_N_ELEMENTS (migrations) };
