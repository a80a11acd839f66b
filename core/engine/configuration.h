/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clock.h"
#include "layers.h"
#include "spec.h"

G_BEGIN_DECLS

/** ClmConfigKind: the kinds of file. */
typedef enum {
  CLM_CONFIG_DAEMON,       /* certloom.conf */
  CLM_CONFIG_CERTIFICATE,
  CLM_CONFIG_AUTHORITY,
  CLM_CONFIG_KEY_STORE,
  CLM_CONFIG_NOTIFIER,
  CLM_CONFIG_LISTENER,
  CLM_CONFIG_DELIVERY,     /* only their names; root's hand reads what is in them */
  CLM_N_CONFIG_KINDS
} ClmConfigKind;

/** clm_config_kind_get_nick: Returns: (transfer none): "daemon", "certificate", "authority", "keystore", "notifier", "listener", "delivery". */
const char *clm_config_kind_get_nick (ClmConfigKind kind);

/**
 * ClmProblem: one thing wrong with the configuration. Plain data, owned by the config.
 */
typedef struct {
  ClmConfigKind  kind;
  char          *name;      /* of the thing that suffers; "" for the daemon or a whole folder */
  gboolean       is_error;  /* FALSE: a warning; the thing works all the same */
  gboolean       kept;      /* the thing goes on with its last good description */
  char          *file;      /* "" when unknown */
  guint          line;      /* 0 when unknown */
  char          *message;   /* "FILE:LINE: …" as the error had it */
  char          *hint;      /* (nullable): what a person can do */
} ClmProblem;

/**
 * ClmSettings: certloom.conf. Plain data, owned by the config.
 */
typedef struct {
  /* [Daemon] */
  ClmClockMode  clock;
  guint         max_concurrent;    /* rotations in flight */
  guint         max_per_caller;    /* calls in flight for one user */
  guint         max_callers;       /* calls in flight for all users */
  char         *serial_number;     /* (nullable): for %S, instead of the machine's */
  guint         keep_generations;  /* at least 2 */
  guint         history_limit;     /* rows */
  /* [Access]: Readers= and Operators= for everything */
  ClmAccess    *access;            /* never NULL */
} ClmSettings;

/**
 * ClmInstance: the description of one authority, key store, notifier or listener. Plain data, owned by the config; immutable.
 */
typedef struct {
  ClmConfigKind  kind;
  char          *name;
  char          *plugin;        /* `Plugin=`; (nullable) for a listener or delivery */
  char          *key_store;     /* (nullable): `KeyStore=` of an authority or notifier: where the backend's own keys live */
  GStrv          certificates;  /* `Certificates=`: managed certificates the backend may use; never NULL */
  char          *file;
  char          *digest;        /* of everything in it: equal digest = nothing to restart */
  ClmUnit       *unit;
} ClmInstance;

/** clm_instance_make_options: Returns: (transfer full): the keys of its main group, none of them read but those of the engine (`Plugin`, `KeyStore`, `Certificates`). A backend that is started again needs a fresh one. */
ClmOptions *clm_instance_make_options (const ClmInstance *self);

/**
 * ClmConfig:
 *
 * One reading of the whole configuration: a snapshot that never changes. Reference-counted; main thread only, or handed from the
 * worker that loaded it.
 */
typedef struct _ClmConfig ClmConfig;

/**
 * ClmConfigSource: what a configuration is read from. All members are borrowed for the call.
 */
typedef struct {
  ClmLayers                *layers;
  const ClmSpecifiers      *specifiers;
  const ClmAccountResolver *resolver;
  guint32                   admin_uid;  /* who besides uid 0 counts as root; 0: nobody */
} ClmConfigSource;

/**
 * clm_config_load:
 * @previous: (nullable): what is in force
 *
 * Reads everything. Never fails as a whole: what is wrong with a file is a #ClmProblem, and that one thing keeps its description
 * from @previous, or is absent where there was none. BLOCKING (file system and account look-up); any thread.
 * Returns: (transfer full).
 */
ClmConfig *clm_config_load (const ClmConfigSource *source, ClmConfig *previous);

/**
 * clm_config_is_current:
 *
 * Whether reading again would give the same: one stat for each file, nothing is opened. Makes a storm of SIGHUPs harmless.
 * A file that was written while it was being read counts as changed. BLOCKING; any thread.
 */
gboolean clm_config_is_current (ClmConfig *self, const ClmConfigSource *source);

ClmConfig *clm_config_ref (ClmConfig *self);
void       clm_config_unref (ClmConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmConfig, clm_config_unref)

/** clm_config_get_settings: Returns: (transfer none). */
const ClmSettings *clm_config_get_settings (ClmConfig *self);

/** clm_config_get_spec: Returns: (transfer none) (nullable): the certificate that a file describes. */
ClmSpec   *clm_config_get_spec (ClmConfig *self, const char *name);
/** clm_config_list_specs: Returns: (transfer none) (element-type ClmSpec): sorted by name. */
GPtrArray *clm_config_list_specs (ClmConfig *self);

/** clm_config_get_template: @name: without the `@`. Returns: (transfer none) (nullable). */
ClmUnit   *clm_config_get_template (ClmConfig *self, const char *name);
/** clm_config_get_template_access: Returns: (transfer none) (nullable): %CLM_VERB_REQUEST is asked of it. */
ClmAccess *clm_config_get_template_access (ClmConfig *self, const char *name);
/** clm_config_list_templates: Returns: (transfer none) (element-type ClmUnit): sorted by name. */
GPtrArray *clm_config_list_templates (ClmConfig *self);

/** clm_config_get_instance: @kind: not DAEMON or CERTIFICATE. Returns: (transfer none) (nullable). */
const ClmInstance *clm_config_get_instance (ClmConfig *self, ClmConfigKind kind, const char *name);
/** clm_config_list_instances: Returns: (transfer none) (element-type ClmInstance): sorted by name; the first key store is the default one. */
GPtrArray         *clm_config_list_instances (ClmConfig *self, ClmConfigKind kind);

/** clm_config_list_problems: Returns: (transfer none) (element-type ClmProblem): errors first, then by file and line. */
GPtrArray *clm_config_list_problems (ClmConfig *self);
/** clm_config_has_errors: whether one of the problems is an error. */
gboolean   clm_config_has_errors (ClmConfig *self);

/**
 * ClmConfigChange: what became of one thing between two readings. Plain data.
 */
typedef enum { CLM_CHANGE_ADDED, CLM_CHANGE_CHANGED, CLM_CHANGE_REMOVED } ClmConfigChangeKind;
typedef struct {
  ClmConfigKind  kind;
  ClmConfigChangeKind change;
  gboolean       is_template;   /* of kind CERTIFICATE */
  gboolean       reissue;       /* of kind CERTIFICATE, CHANGED: the issue digest differs */
  char          *name;
} ClmConfigChange;
void clm_config_change_free (ClmConfigChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmConfigChange, clm_config_change_free)

/** clm_config_diff: @old: (nullable): as an empty one. Returns: (transfer full) (element-type ClmConfigChange): sorted by kind, then name; empty when nothing differs. */
GPtrArray *clm_config_diff (ClmConfig *old, ClmConfig *new_config);

/*
 * Text for people, for `certloom config check|show|diff` without a daemon.
 */

/** clm_config_format_problems: Returns: (transfer full): one line a problem and one for its hint; "" without any. */
char *clm_config_format_problems (ClmConfig *self);
/** clm_config_format_effective: @pattern: (nullable): glob on the names. Returns: (transfer full): what is in force, as keyfile text with `# file:line` for each key. */
char *clm_config_format_effective (ClmConfig *self, const char *pattern);
/** clm_config_format_overrides: Returns: (transfer full): who wins over whom: files that replace, mask or extend others ("overridden", "masked", "extended", one a line); "" without any. */
char *clm_config_format_overrides (ClmConfig *self);

G_END_DECLS
