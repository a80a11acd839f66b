/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-private.h"
#include "openssl-auto.h"

G_BEGIN_DECLS

/**
 * ClmCaSetup:
 * @role: which CA certificate is made
 * @pem: @crl: contents of the files, (nullable)
 * @bundle: @key: @entry: @der: what the steps have come to
 *
 * What one attempt to get ready, or the making of one CA certificate, carries along: the task data of its sequence.
 */
typedef struct {
  ClmCaRole    role;
  char        *path[CLM_CA_N_ROLES];
  char        *crl_path[CLM_CA_N_ROLES];
  char        *import_path;
  GBytes      *pem[CLM_CA_N_ROLES];
  GBytes      *crl[CLM_CA_N_ROLES];
  GBytes      *import_pem;
  ClmCaBundle *bundle;
  EVP_PKEY    *import_key;
  ClmKey      *key;
  const ClmCaAlgorithm *algorithm;
  ClmCaEntry  *entry;
  GBytes      *der;
} ClmCaSetup;

/** clm_ca_setup_new: Returns: (transfer full): a task of @self with a #ClmCaSetup as its data. */
GTask *clm_ca_setup_new (ClmCaLocal *self, ClmCaRole role, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_ca_setup_work: Runs @func with the #ClmCaSetup in a thread (of the store @lane, nullable); then the sequence of @task goes on, or ends with the error. */
void   clm_ca_setup_work (GTask *task, ClmKeyStore *lane, GTaskThreadFunc func);
/** clm_ca_setup_dup_text: Returns: (transfer full): @bytes as a string. */
char  *clm_ca_setup_dup_text (GBytes *bytes);

/* making.c */

/** clm_ca_setup_check_clock: Fails with %CLM_ERROR_CLOCK: what is made now would have the wrong dates for years. */
gboolean clm_ca_setup_check_clock (ClmCaLocal *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_ca_setup_save_file: clm_ca_setup_save_copy: The last two steps of every making: the file, then the ledger's copy; the latter returns the task. */
void clm_ca_setup_save_file (GTask *task);
void clm_ca_setup_save_copy (GTask *task);
/** clm_ca_setup_make_root: Runs the sequence that makes the root. */
void clm_ca_setup_make_root (GTask *task);

/* import.c */

/** clm_ca_setup_import_root: Runs the sequence that imports the root, or a subordinate CA in its place. */
void clm_ca_setup_import_root (GTask *task);

G_END_DECLS
