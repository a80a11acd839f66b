/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "clm-secret.h"

G_BEGIN_DECLS

/**
 * ClmGenerationStore:
 *
 * The files of all certificates:
 *
 *     STATE/certificates/NAME/current -> gen/000041
 *     STATE/certificates/NAME/gen/000041/{cert,chain,fullchain,trust}.pem   0644
 *     STATE/certificates/NAME/gen/000041/{key,combined}.pem                 0600, only where the key was exported
 *     STATE/certificates/NAME/gen/000041/meta                               written last: with it the generation is complete
 *     STATE/certificates/NAME/gen/000041/retired                            when it ceased to be current
 *
 * A generation is immutable. Writing one changes nothing for a reader; clm_generation_publish() switches, by one rename. Reference
 * counted, any thread; every function blocks on the disk, so call it in a worker. Calls about one NAME must not run at the same
 * time, except readers (`open_fds`, `read`, `get_current`).
 *
 * Errors: %CLM_ERROR_STORAGE (the disk; nothing counts as done), %CLM_ERROR_NOT_FOUND, %CLM_ERROR_EXISTS, %CLM_ERROR_CONFLICT (it may
 * not be removed, or not yet), %CLM_ERROR_INVALID_DATA (damaged, or something planted; left as it is),
 * %CLM_ERROR_NOT_SUPPORTED (of a later version of this program; left as it is), %CLM_ERROR_INVALID_ARGUMENT (a bad name).
 */
typedef struct _ClmGenerationStore ClmGenerationStore;

/** CLM_GENERATION_GRACE_S: a generation is not removed sooner than this after it ceased to be current. */
#define CLM_GENERATION_GRACE_S 600
/** CLM_GENERATION_KEEP_MIN: so many complete generations are always kept. */
#define CLM_GENERATION_KEEP_MIN 2

/**
 * ClmGeneration:
 * @name: the certificate's name
 * @number: from 1
 * @created: when it was made, seconds since the epoch
 * @not_before: of @leaf
 * @not_after: of @leaf
 * @authority: the authority's name
 * @spec_digest: (nullable): what of the spec it was made for
 * @request: (nullable): what was asked for over the bus, as clm_spec_serialize() has it: the files then outlive the database
 * @key_uri: `clm-key://STORE/ID`
 * @serial: of @leaf, lower-case hex
 * @fingerprint: SHA-256 of @leaf, lower-case hex; computed by clm_generation_write()
 * @spki: (type GBytes): DER SubjectPublicKeyInfo of @leaf
 * @has_key: whether the files hold an exported key; set by reading and writing
 * @leaf: DER
 * @chain: (element-type GBytes): DER, from the leaf's issuer upwards; may be empty
 * @anchors: (element-type GBytes): DER; may be empty
 *
 * What one generation is. The `meta` file holds all of it but @leaf, @chain and @anchors.
 */
typedef struct {
  char      *name;
  guint      number;
  gint64     created;
  gint64     not_before;
  gint64     not_after;
  char      *authority;
  char      *spec_digest;
  char      *request;
  char      *key_uri;
  char      *serial;
  char      *fingerprint;
  GBytes    *spki;
  gboolean   has_key;
  GBytes    *leaf;
  GPtrArray *chain;
  GPtrArray *anchors;
} ClmGeneration;

/** clm_generation_new: Returns: (transfer full): an empty one; the caller fills in the fields, which it owns. */
ClmGeneration *clm_generation_new (const char *name, guint number);
void           clm_generation_free (ClmGeneration *generation);

/** clm_generation_store_open: @state_dir: must exist. Makes `certificates` in it. Returns: (transfer full) (nullable). */
ClmGenerationStore *clm_generation_store_open (const char *state_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ClmGenerationStore *clm_generation_store_ref (ClmGenerationStore *self);
void                clm_generation_store_unref (ClmGenerationStore *self);

/** clm_generation_store_list_names: Returns: (transfer full) (nullable): names that have a directory, sorted. */
GStrv clm_generation_store_list_names (ClmGenerationStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_write:
 * @generation: what to write; @fingerprint and @has_key are set
 * @key_pem: (nullable): the key as PEM PKCS#8, where store and spec let it be exported; goes straight to the disk
 *
 * Writes the files of a new generation and makes them durable. It is not current yet. A failure leaves nothing of it. What an
 * interrupted write of the same number left is replaced; a complete one fails with %CLM_ERROR_EXISTS. Refuses a @leaf in which
 * @spki does not occur (%CLM_ERROR_INVALID_ARGUMENT); that @key_pem is the key of @spki is the caller's to check.
 */
gboolean clm_generation_write (ClmGenerationStore *self, ClmGeneration *generation, ClmSecret *key_pem, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_publish:
 * @number: a complete generation; also an earlier one (rollback)
 * @now: seconds since the epoch, kept as the time when the one before ceased to be current; -1 while the clock is not trusted:
 *   then its grace begins when its removal is first asked for
 *
 * Makes it current: one atomic, durable switch, which is the commit. Verifies it first (clm_generation_verify()). On failure
 * the one before stays current. %TRUE, without a write, where it is current already.
 */
gboolean clm_generation_publish (ClmGenerationStore *self, const char *name, guint number, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_get_current: Returns: the number that `current` names; 0 with @error. No files are read, so it is cheap. */
guint clm_generation_get_current (ClmGenerationStore *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_list: Returns: (transfer full) (nullable) (element-type guint): numbers with a directory that have a `meta`, in
 * ascending order. Whether they are undamaged is clm_generation_verify()'s to say. Empty where there is no such certificate.
 */
GArray *clm_generation_list (ClmGenerationStore *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_verify: Checks that `meta` is whole, every file is there and is what it was, and leaf and public key belong together. */
gboolean clm_generation_verify (ClmGenerationStore *self, const char *name, guint number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_read: Verifies and reads everything. Returns: (transfer full) (nullable). */
ClmGeneration *clm_generation_read (ClmGenerationStore *self, const char *name, guint number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_read_meta: Reads `meta` alone, which its own seal protects; @leaf is %NULL, the lists are empty. For rebuilding records. */
ClmGeneration *clm_generation_read_meta (ClmGenerationStore *self, const char *name, guint number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ClmGenerationFds:
 *
 * Files of one generation, open for reading. fds are -1 where there is no such file; clm_generation_fds_free() closes them.
 */
typedef struct {
  guint number;
  int   cert;
  int   chain;
  int   fullchain;
  int   trust;
  int   key;
  int   combined;
} ClmGenerationFds;

/** clm_generation_open_fds: Opens the files of the current generation, all of the same one. @with_key: also `key` and `combined`. Returns: (transfer full) (nullable). */
ClmGenerationFds *clm_generation_open_fds (ClmGenerationStore *self, const char *name, gboolean with_key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/** clm_generation_open_fds_of: The same of a given generation. */
ClmGenerationFds *clm_generation_open_fds_of (ClmGenerationStore *self, const char *name, guint number, gboolean with_key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void              clm_generation_fds_free (ClmGenerationFds *fds);

/**
 * clm_generation_list_removable: Returns: (transfer full) (nullable) (element-type guint): retired generations that
 * clm_generation_remove() would remove now, one after the other, oldest first. Retire their keys, then remove them.
 */
GArray *clm_generation_list_removable (ClmGenerationStore *self, const char *name, guint keep, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_remove:
 * @keep: how many complete generations to keep, at least %CLM_GENERATION_KEEP_MIN
 * @now: seconds since the epoch, of a trusted clock
 *
 * Removes a retired generation. Fails with %CLM_ERROR_CONFLICT for the current one, for one that ceased to be current less
 * than %CLM_GENERATION_GRACE_S ago, and where fewer than @keep complete ones would remain. One whose time of retirement is not
 * known (a crash right after the switch) is marked as retired at @now and refused once. %TRUE where it is not there.
 */
gboolean clm_generation_remove (ClmGenerationStore *self, const char *name, guint number, guint keep, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_drop: Removes a generation that was never current: a candidate that is given up. Fails with %CLM_ERROR_CONFLICT for any other. */
gboolean clm_generation_drop (ClmGenerationStore *self, const char *name, guint number, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_generation_remove_all: Removes everything of @name, `current` first. %TRUE where there is nothing. Continues what an interrupted one left. */
gboolean clm_generation_remove_all (ClmGenerationStore *self, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * clm_generation_collect: Removes what an interrupted write, switch or removal left of @name: temporary names, and directories
 * without `meta` that are not current. Damaged and unknown things stay. Cheap where there is nothing; for start-up, only for names
 * with an open intent. @removed: (out) (optional): how many.
 */
gboolean clm_generation_collect (ClmGenerationStore *self, const char *name, guint *removed, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmGenerationStore, clm_generation_store_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmGeneration, clm_generation_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmGenerationFds, clm_generation_fds_free)

G_END_DECLS
