/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "access.h"
#include "certloom-plugin.h"
#include "configuration.h"
#include "job.h"
#include "page.h"
#include "record.h"
#include "timers.h"

G_BEGIN_DECLS

/**
 * ClmTimeSource: where clock and timers come from, for tests that own time. Both functions return (transfer full).
 */
typedef struct {
  ClmClock  *(*create_clock)  (gpointer data, ClmClockMode mode, gint64 build_time, gint64 last_seen);
  ClmTimers *(*create_timers) (gpointer data, ClmClock *clock);
  gpointer     data;
} ClmTimeSource;

/**
 * ClmManagerSettings: what main() knows. All strings (nullable) unless said otherwise; NULL takes the built-in path.
 */
typedef struct {
  const char *config_root;    /* prefix of all three configuration layers */
  const char *state_dir;
  const char *plugin_dir;
  const char *deliver_socket; /* where certloom-deliver listens; NULL: start it as a child */
  const char *deliver_program;/* executable for the child */
  const ClmTimeSource *time;  /* (nullable): %NULL: the kernel's clocks */
} ClmManagerSettings;

/**
 * ClmManager:
 *
 * The engine's front door: everything the bus may ask. It neither knows the bus nor who is on it: the caller of a verb is
 * authorised before, by clm_manager_authorize(). Main thread only; asynchronous calls complete in the caller's main context.
 *
 * Signals:
 * - "certificate-changed" (ClmRecord *record): after the change is durable
 * - "certificate-removed" (char *name, guint64 revision)
 * - "job-added" (ClmJob *), "job-removed" (ClmJob *): removed 60 s after its end
 * - "certificates-moved" (guint64 revision): the next times of any number changed at once; who shows them lists them anew
 * - "inventory-damaged": start anew: the next manager rebuilds the database from the certificates on disk
 * - "event" (ClmEvent *)
 * - "backends-changed": the lists of authorities, key stores, notifiers or plugins changed
 * - "notify::revision", "notify::clock-state"
 */
#define CLM_TYPE_MANAGER (clm_manager_get_type ())
G_DECLARE_FINAL_TYPE (ClmManager, clm_manager, CLM, MANAGER, GObject)

ClmManager *clm_manager_new (const ClmManagerSettings *settings);

/** clm_manager_start_async: Locks the state directory, opens the inventory, loads configuration, starts backends, recovers what was interrupted. Fails only where the state cannot be used: locked by another instance, not writable, of another user. */
void     clm_manager_start_async (ClmManager *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_manager_start_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_stop_async: Lets running writes end, stops the backends, closes the inventory. */
void     clm_manager_stop_async (ClmManager *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_manager_stop_finish (ClmManager *self, GAsyncResult *result, GError **error);

/** clm_manager_is_quiet: Returns: whether nothing is in flight, waits for its turn or is being written: all that is left is to wait for time. */
gboolean clm_manager_is_quiet (ClmManager *self);

/** clm_manager_get_config: Returns: (transfer none): the configuration in force. */
ClmConfig  *clm_manager_get_config (ClmManager *self);
/** clm_manager_get_revision: Returns: counts every durable change of the inventory. */
guint64     clm_manager_get_revision (ClmManager *self);
/** clm_manager_get_epoch: Returns: (transfer none): changes when revisions start anew (another database). */
const char *clm_manager_get_epoch (ClmManager *self);
/** clm_manager_get_clock_state: Returns: (transfer none): "unset", "suspect" or "trusted". */
const char *clm_manager_get_clock_state (ClmManager *self);
gint64      clm_manager_get_time (ClmManager *self);
/** clm_manager_get_count: Returns: number of certificates in @state. */
guint       clm_manager_get_count (ClmManager *self, ClmState state);

/**
 * clm_manager_authorize:
 * @verb: what is to be done
 * @name: (nullable): a certificate; %NULL for verbs on the daemon
 *
 * Fails with %CLM_ERROR_ACCESS_DENIED, in the same words whether @name exists or not, and notes the denial (rate-limited).
 * A caller who may know of the thing gets %CLM_ERROR_NOT_FOUND from the verb itself.
 */
gboolean clm_manager_authorize (ClmManager *self, const ClmCaller *caller, ClmVerb verb, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_may: Returns: what clm_manager_authorize() would say, without noting a denial: for deciding what to show or signal to @caller. */
gboolean clm_manager_may (ClmManager *self, const ClmCaller *caller, ClmVerb verb, const char *name);
/** clm_manager_authorize_request: The same for a new certificate from @template_name (nullable: a whole spec; root only). */
gboolean clm_manager_authorize_request (ClmManager *self, const ClmCaller *caller, const char *template_name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_manager_get_record: One indexed read. Returns: (transfer full) (nullable). Fails with %CLM_ERROR_NOT_FOUND, %CLM_ERROR_INVALID_ARGUMENT for what cannot be a name. */
ClmRecord *clm_manager_get_record (ClmManager *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_get_deliveries: Returns: (transfer full) (element-type ClmDeliveryRecord). */
GPtrArray *clm_manager_get_deliveries (ClmManager *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_get_generations: Returns: (transfer full) (element-type ClmGenerationRow): newest first. */
GPtrArray *clm_manager_get_generations (ClmManager *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmListFilter: every member may be NULL or 0 for "any". Plain data on the caller's stack. */
typedef struct {
  const char        *pattern;     /* glob on the name */
  const char *const *states;      /* nicks */
  const char        *authority;
  gint64             expires_before;
} ClmListFilter;

/**
 * clm_manager_list_async:
 * @caller: only what it may read is returned
 * @cursor: "" for the first page, then what the last page gave
 * @limit: 1 to 1000
 *
 * A page by name, read in a worker. A page may be shorter than @limit; the end is an empty next cursor.
 */
void       clm_manager_list_async (ClmManager *self, const ClmCaller *caller, const ClmListFilter *filter, const char *cursor, guint limit,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_manager_list_finish: Returns: (transfer full): a page by name. */
ClmPage   *clm_manager_list_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_manager_list_since_async:
 * @caller: only what it may read is returned; of names that are gone, only what a file or its rights still let it know
 * @revision: where the last list ended
 * @limit: 1 to 1000 rows
 *
 * What changed since, in the order in which it did.
 */
void       clm_manager_list_since_async (ClmManager *self, const ClmCaller *caller, guint64 revision, guint limit,
                                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_manager_list_since_finish: Returns: (transfer full): a page of changes. Fails with %CLM_ERROR_RESYNC_NEEDED. */
ClmPage   *clm_manager_list_since_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_manager_history_async: @subject: (nullable): of one certificate. Newest first, older than sequence @before (0: from the newest), at most @limit (1 to 1000). */
void       clm_manager_history_async (ClmManager *self, const char *subject, guint64 before, guint limit, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_manager_history_finish: Returns: (transfer full) (element-type ClmHistoryRow). */
GPtrArray *clm_manager_history_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Verbs. Each returns (transfer none) a ClmJob at once, or NULL with an error; the job stays readable for 60 s after its end.
 * A second call for the same certificate and kind returns the running job: one CA request serves both.
 */

/** clm_manager_request: A new certificate. @template_name: (nullable). @instance: (nullable): `%i` of the template. @name: (nullable): its name; %NULL: `TEMPLATE-INSTANCE`. @overrides: options like a certificate file's, group "Certificate". @certificate: (out) (transfer full): the name. Fails with %CLM_ERROR_EXISTS, %CLM_ERROR_INVALID_ARGUMENT, %CLM_ERROR_NOT_FOUND (template), %CLM_ERROR_ACCESS_DENIED (names). */
ClmJob *clm_manager_request (ClmManager *self, const ClmCaller *caller, const char *name, const char *template_name, const char *instance,
                             ClmOptions *overrides, char **certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_renew: @names: (array zero-terminated=1). @rekey: make a new key even where `RotateKey=never`. One job for all. What is held is renewed too, since it is asked for, and stays held. */
ClmJob *clm_manager_renew (ClmManager *self, const ClmCaller *caller, const char *const *names, gboolean rekey, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_renew_due: Renews what is past its renewal time now, window or not. */
ClmJob *clm_manager_renew_due (ClmManager *self, const ClmCaller *caller, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_deliver: Delivers the current generation (or the candidate) again, now. */
ClmJob *clm_manager_deliver (ClmManager *self, const ClmCaller *caller, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_revoke: Revokes the current certificate at its CA; it is then not renewed until `renew` is asked. */
ClmJob *clm_manager_revoke (ClmManager *self, const ClmCaller *caller, const char *name, ClmRevocationReason reason, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_remove: Ends management; files, generations and (unless @keep_key) keys go. A certificate from a file is refused with %CLM_ERROR_CONFLICT: remove the file. */
ClmJob *clm_manager_remove (ClmManager *self, const ClmCaller *caller, const char *name, gboolean keep_key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_rollback: Makes the previous generation current, delivers it, and holds the certificate there. Fails with %CLM_ERROR_CONFLICT where there is none that is still valid. */
ClmJob *clm_manager_rollback (ClmManager *self, const ClmCaller *caller, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_reload: Reads the configuration anew. Bad files keep their last good meaning and are reported in the job's error. */
ClmJob *clm_manager_reload (ClmManager *self, guint32 uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_manager_hold_async: Stops everything automatic for one certificate until it is released; @hold %FALSE releases. Durable on completion. */
void     clm_manager_hold_async (ClmManager *self, const ClmCaller *caller, const char *name, gboolean hold, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gboolean clm_manager_hold_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_manager_get_job: Returns: (transfer none) (nullable). */
ClmJob *clm_manager_get_job (ClmManager *self, guint64 id);
/** clm_manager_list_jobs: Returns: (transfer container) (element-type ClmJob). */
GPtrArray *clm_manager_list_jobs (ClmManager *self);

/** ClmCredentialFds: one generation, opened as one. Close them with clm_credential_fds_free(). */
typedef struct {
  guint64 generation;
  int     leaf, chain, full_chain; /* read-only, PEM */
  int     key, combined;           /* -1 where the key is not exportable or was not asked for */
  char   *key_uri;
} ClmCredentialFds;
void clm_credential_fds_free (ClmCredentialFds *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCredentialFds, clm_credential_fds_free)

/** clm_manager_open_credential: @with_key: also the key and the combined file (verb %CLM_VERB_USE). Returns: (transfer full) (nullable): read-only descriptors of the current generation, all of the same one. */
ClmCredentialFds *clm_manager_open_credential (ClmManager *self, const char *name, gboolean with_key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_get_pem: Returns: (transfer full) (nullable): leaf and chain as PEM. */
GBytes *clm_manager_get_pem (ClmManager *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ClmBackendInfo: one configured instance, for lists. Plain data.
 */
typedef struct {
  char     *kind;      /* "authority", "keystore", "notifier" */
  char     *name;
  char     *plugin;
  char     *state;     /* "started", "starting", "failed" */
  char     *error;     /* "" */
  GVariant *details;   /* a{sv}, what the class describes */
} ClmBackendInfo;
void clm_backend_info_free (ClmBackendInfo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmBackendInfo, clm_backend_info_free)

/** clm_manager_list_backends: @kind: "authority", "keystore" or "notifier". Returns: (transfer full) (element-type ClmBackendInfo). */
GPtrArray *clm_manager_list_backends (ClmManager *self, const char *kind);
/** clm_manager_get_backend: Returns: (transfer full) (nullable). */
ClmBackendInfo *clm_manager_get_backend (ClmManager *self, const char *kind, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_get_crl: Returns: (transfer full) (nullable): DER of the CRL last published for @authority. Fails with %CLM_ERROR_NOT_FOUND. */
GBytes *clm_manager_get_crl (ClmManager *self, const char *authority, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_get_anchors: Returns: (transfer full) (nullable): PEM of the trust anchors of @authority. */
GBytes *clm_manager_get_anchors (ClmManager *self, const char *authority, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_manager_list_keys_async: Keys of one store. */
void       clm_manager_list_keys_async (ClmManager *self, const char *key_store, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** clm_manager_list_keys_finish: Returns: (transfer full) (element-type ClmKeyInfo). */
GPtrArray *clm_manager_list_keys_finish (ClmManager *self, GAsyncResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** ClmPluginRow: one module, for lists. Plain data. */
typedef struct {
  char    *name;
  char    *version;   /* "" while not loaded: nothing of a module runs before configuration names it */
  char    *summary;
  char    *path;
  gboolean loaded;
  char    *error;     /* why it could not be loaded; "" */
} ClmPluginRow;
void clm_plugin_row_free (ClmPluginRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmPluginRow, clm_plugin_row_free)
/** clm_manager_list_plugins: Returns: (transfer full) (element-type ClmPluginRow). */
GPtrArray *clm_manager_list_plugins (ClmManager *self);

G_END_DECLS
