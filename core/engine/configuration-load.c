/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configuration-private.h"

#include <string.h>

#include "unit-set.h"

static const struct {
  const char *folder;
  const char *suffix;
} places[] = {
  [CLM_CONFIG_DAEMON] = { NULL, ".conf" },
  [CLM_CONFIG_CERTIFICATE] = { "certificates.d", ".certificate" },
  [CLM_CONFIG_AUTHORITY] = { "authorities.d", ".authority" },
  [CLM_CONFIG_KEY_STORE] = { "keystores.d", ".keystore" },
  [CLM_CONFIG_NOTIFIER] = { "notifiers.d", ".notifier" },
  [CLM_CONFIG_LISTENER] = { "listeners.d", ".listener" },
  [CLM_CONFIG_DELIVERY] = { "deliveries.d", ".delivery" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (places) == CLM_N_CONFIG_KINDS);

/** Loading: one reading while it happens. */
typedef struct {
  ClmConfig             *config;
  ClmConfig             *previous;   /* (nullable) */
  const ClmConfigSource *source;
  ClmUnitSet            *sets[CLM_N_CONFIG_KINDS];
  gboolean               incomplete[CLM_N_CONFIG_KINDS];   /* something of the kind could not even be listed */
  ClmSpecifiers         *specifiers;
  ClmAccountResolver     resolver;
} Loading;

static gboolean
resolve (Loading *loading, const char *name, gboolean is_group, guint32 *id)
{
  const ClmAccountResolver *inner = loading->source->resolver;
  gboolean found = (is_group ? inner->find_group : inner->find_user) (name, id, inner->user_data);

  g_hash_table_replace (loading->config->accounts, g_strconcat (is_group ? "@" : "", name, NULL),
                        GSIZE_TO_POINTER (found ? (gsize) *id + 1 : 0));
  return found;
}

static gboolean
find_user (const char *name, guint32 *uid, gpointer user_data)
{
  return resolve (user_data, name, FALSE, uid);
}

static gboolean
find_group (const char *name, guint32 *gid, gpointer user_data)
{
  return resolve (user_data, name, TRUE, gid);
}

static void
scan (Loading *loading, ClmConfigKind kind)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

  loading->sets[kind] = clm_unit_set_scan (loading->source->layers, places[kind].folder, places[kind].suffix,
                                           kind == CLM_CONFIG_CERTIFICATE, errors);
  loading->incomplete[kind] = errors->len > 0;
  for (guint i = 0; i < errors->len; i++)
    clm_config_add_problem (loading->config, kind, "", TRUE, FALSE, g_ptr_array_index (errors, i));
}

/* A layer that may not be read is met once for each kind of file in it. */
static void
drop_repeated_problems (ClmConfig *config)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < config->problems->len;) {
    const ClmProblem *problem = g_ptr_array_index (config->problems, i);

    if (*problem->name == '\0' && g_hash_table_contains (seen, problem->message)) {
      g_ptr_array_remove_index (config->problems, i);
      continue;
    }
    g_hash_table_add (seen, problem->message);
    i++;
  }
}

static ClmUnit *
load_unit (Loading *loading, ClmConfigKind kind, const char *name, GError **error)
{
  g_autoptr (ClmUnit) raw = clm_unit_set_load (loading->sets[kind], name, error);

  if (!raw || clm_unit_is_template (raw) || kind == CLM_CONFIG_DELIVERY)
    return g_steal_pointer (&raw);
  return clm_unit_expand (raw, loading->specifiers, error);
}

static void
keep_settings (Loading *loading, const GError *error)
{
  ClmConfig *previous = loading->previous;

  clm_config_add_problem (loading->config, CLM_CONFIG_DAEMON, "", TRUE, previous != NULL, error);
  if (!previous)
    return;
  clm_settings_copy (&loading->config->settings, &previous->settings);
  loading->config->settings_unit = previous->settings_unit ? clm_unit_ref (previous->settings_unit) : NULL;
}

static void
load_settings (Loading *loading)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = NULL;

  if (!clm_unit_set_has (loading->sets[CLM_CONFIG_DAEMON], "certloom"))
    return;
  unit = load_unit (loading, CLM_CONFIG_DAEMON, "certloom", &error);
  if (unit && clm_settings_read (&loading->config->settings, unit, &loading->resolver, loading->source->admin_uid, &error))
    loading->config->settings_unit = g_steal_pointer (&unit);
  else
    keep_settings (loading, error);
}

static void
keep_instance (Loading *loading, ClmConfigKind kind, const char *name)
{
  const ClmInstance *old = loading->previous ? clm_config_get_instance (loading->previous, kind, name) : NULL;

  if (old)
    clm_config_add_instance (loading->config, clm_instance_copy (old));
}

static void
load_instance (Loading *loading, ClmConfigKind kind, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = load_unit (loading, kind, name, &error);
  ClmInstance *instance = unit ? clm_instance_new_from_unit (kind, unit, &error) : NULL;
  gboolean had = loading->previous && clm_config_get_instance (loading->previous, kind, name);

  if (instance) {
    clm_config_add_instance (loading->config, instance);
    return;
  }
  clm_config_add_problem (loading->config, kind, name, TRUE, had, error);
  keep_instance (loading, kind, name);
}

static void
keep_missing_instances (Loading *loading, ClmConfigKind kind)
{
  GPtrArray *olds = loading->previous->instances[kind];

  for (guint i = 0; i < olds->len; i++) {
    const ClmInstance *old = g_ptr_array_index (olds, i);

    if (!clm_config_get_instance (loading->config, kind, old->name))
      keep_instance (loading, kind, old->name);
  }
}

static void
load_instances (Loading *loading, ClmConfigKind kind)
{
  g_autoptr (GPtrArray) names = clm_unit_set_list (loading->sets[kind]);

  for (guint i = 0; i < names->len; i++)
    load_instance (loading, kind, g_ptr_array_index (names, i));
  if (loading->previous && loading->incomplete[kind])
    keep_missing_instances (loading, kind);
}

static ClmSpecContext
make_context (Loading *loading)
{
  return (ClmSpecContext) { loading->specifiers, &loading->resolver, loading->config->settings.access };
}

static gboolean
keep_template (Loading *loading, const char *name)
{
  ClmUnit *old = loading->previous ? clm_config_get_template (loading->previous, name) : NULL;

  if (old)
    clm_config_add_template (loading->config, old, clm_config_get_template_access (loading->previous, name));
  return old != NULL;
}

static void
load_template (Loading *loading, const char *unit_name)
{
  ClmSpecContext context = make_context (loading);
  g_autofree char *name = g_strndup (unit_name, strlen (unit_name) - 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = load_unit (loading, CLM_CONFIG_CERTIFICATE, unit_name, &error);
  g_autoptr (ClmAccess) access = NULL;

  if (unit && clm_spec_check_template (unit, &context, &error))
    access = clm_spec_load_template_access (unit, &context, &error);
  if (access)
    clm_config_add_template (loading->config, unit, access);
  else
    clm_config_add_problem (loading->config, CLM_CONFIG_CERTIFICATE, unit_name, TRUE, keep_template (loading, name), error);
}

static char *
make_spec_name (const char *unit_name)
{
  const char *at = strchr (unit_name, '@');
  g_autofree char *template_name = at ? g_strndup (unit_name, at - unit_name) : NULL;

  return at ? clm_spec_make_name (template_name, at + 1) : g_strdup (unit_name);
}

static gboolean
keep_spec (Loading *loading, const char *name)
{
  ClmSpec *old = loading->previous ? clm_config_get_spec (loading->previous, name) : NULL;

  if (!old || clm_config_get_spec (loading->config, name))
    return FALSE;
  clm_config_add_spec (loading->config, old, g_hash_table_lookup (loading->previous->spec_units, name));
  return TRUE;
}

static void
report_conflict (Loading *loading, const char *unit_name, const ClmSpec *spec, const ClmSpec *other)
{
  g_autoptr (GError) error = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s: %s describes \"%s\" already",
                                          clm_unit_set_get_path (loading->sets[CLM_CONFIG_CERTIFICATE], unit_name), other->file, spec->name);

  clm_error_set_hint (error, "remove one of the two files");
  clm_config_add_problem (loading->config, CLM_CONFIG_CERTIFICATE, unit_name, TRUE, FALSE, error);
}

static void
load_spec (Loading *loading, const char *unit_name)
{
  ClmSpecContext context = make_context (loading);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = load_unit (loading, CLM_CONFIG_CERTIFICATE, unit_name, &error);
  g_autoptr (ClmSpec) spec = unit ? clm_spec_new_from_unit (unit, &context, &error) : NULL;
  g_autofree char *name = make_spec_name (unit_name);
  const ClmSpec *other = clm_config_get_spec (loading->config, name);

  if (spec && other)
    report_conflict (loading, unit_name, spec, other);
  else if (spec)
    clm_config_add_spec (loading->config, spec, unit);
  else
    clm_config_add_problem (loading->config, CLM_CONFIG_CERTIFICATE, unit_name, TRUE, keep_spec (loading, name), error);
}

static void
keep_missing_certificates (Loading *loading)
{
  for (guint i = 0; i < loading->previous->templates->len; i++) {
    const char *name = clm_unit_get_template_name (g_ptr_array_index (loading->previous->templates, i));

    if (!clm_config_get_template (loading->config, name))
      keep_template (loading, name);
  }
  for (guint i = 0; i < loading->previous->specs->len; i++)
    keep_spec (loading, ((ClmSpec *) g_ptr_array_index (loading->previous->specs, i))->name);
}

static void
load_certificates (Loading *loading)
{
  g_autoptr (GPtrArray) names = clm_unit_set_list (loading->sets[CLM_CONFIG_CERTIFICATE]);

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);

    if (g_str_has_suffix (name, "@"))
      load_template (loading, name);
    else
      load_spec (loading, name);
  }
  if (loading->previous && loading->incomplete[CLM_CONFIG_CERTIFICATE])
    keep_missing_certificates (loading);
}

/* A thing that is declared but broken is there for this purpose: its own problem says enough. */
static gboolean
is_declared (Loading *loading, ClmConfigKind kind, const char *name)
{
  if (kind == CLM_CONFIG_CERTIFICATE)
    return clm_config_get_spec (loading->config, name) || clm_unit_set_has (loading->sets[kind], name);
  return clm_config_get_instance (loading->config, kind, name) || clm_unit_set_has (loading->sets[kind], name);
}

static const char *
find_nearest (Loading *loading, ClmConfigKind kind, const char *name)
{
  g_autoptr (GPtrArray) names = clm_unit_set_list (loading->sets[kind]);

  g_ptr_array_add (names, NULL);
  return clm_word_nearest (name, (const char *const *) names->pdata);
}

static void
check_reference (Loading *loading, ClmConfigKind owner_kind, const char *owner, ClmUnit *unit, const char *group, const char *key,
                 ClmConfigKind kind, const char *name)
{
  g_autoptr (GError) error = NULL;
  const char *file = unit ? clm_unit_get_file (unit) : owner;
  const char *nearest;
  guint line = 0;

  if (!name || is_declared (loading, kind, name))
    return;
  if (unit)
    clm_unit_get_value (unit, group, key, &file, &line);
  error = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%s:%u: %s=: there is no %s \"%s\"", file, line, key, clm_config_kind_get_nick (kind), name);
  nearest = find_nearest (loading, kind, name);
  if (nearest)
    clm_error_set_hint (error, "did you mean %s?", nearest);
  else
    clm_error_set_hint (error, "describe it in %s/%s%s", places[kind].folder ? places[kind].folder : "", name, places[kind].suffix);
  clm_config_add_problem (loading->config, owner_kind, owner, FALSE, FALSE, error);
}

static void
check_references (Loading *loading, const ClmSpec *spec)
{
  const ClmConfigKind certificate = CLM_CONFIG_CERTIFICATE;
  ClmUnit *unit = g_hash_table_lookup (loading->config->spec_units, spec->name);

  for (guint i = 0; spec->authorities[i]; i++)
    check_reference (loading, certificate, spec->name, unit, "Certificate", "Authority", CLM_CONFIG_AUTHORITY, spec->authorities[i]);
  for (guint i = 0; spec->bootstrap[i]; i++)
    check_reference (loading, certificate, spec->name, unit, "Certificate", "Bootstrap", certificate, spec->bootstrap[i]);
  check_reference (loading, certificate, spec->name, unit, "Certificate", "KeyStore", CLM_CONFIG_KEY_STORE, spec->key_store);
  for (guint i = 0; spec->deliveries[i]; i++)
    check_reference (loading, certificate, spec->name, unit, "Delivery", "Deliver", CLM_CONFIG_DELIVERY, spec->deliveries[i]);
}

static void
check_all_references (Loading *loading)
{
  for (guint i = 0; i < loading->config->specs->len; i++)
    check_references (loading, g_ptr_array_index (loading->config->specs, i));
  for (guint kind = CLM_CONFIG_AUTHORITY; kind < CLM_N_CONFIG_KINDS; kind++)
    for (guint i = 0; i < loading->config->instances[kind]->len; i++) {
      const ClmInstance *instance = g_ptr_array_index (loading->config->instances[kind], i);

      check_reference (loading, kind, instance->name, instance->unit, clm_instance_get_group (kind), "KeyStore", CLM_CONFIG_KEY_STORE,
                       instance->key_store);
    }
}

static void
digest_text (GChecksum *checksum, const char *text)
{
  g_checksum_update (checksum, (const guchar *) (text ? text : ""), (gssize) (text ? strlen (text) : 0) + 1);
}

/* Files, and what they are filled in with. @settled: (out): from when on the stamps can be believed. */
static char *
make_stamp (const ClmConfigSource *source, ClmUnitSet *const *sets, gint64 *settled)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *admin = g_strdup_printf ("%u", source->admin_uid);

  *settled = 0;
  digest_text (checksum, source->specifiers ? source->specifiers->host_name : NULL);
  digest_text (checksum, source->specifiers ? source->specifiers->machine_id : NULL);
  digest_text (checksum, source->specifiers ? source->specifiers->serial_number : NULL);
  digest_text (checksum, admin);
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    *settled = MAX (*settled, clm_unit_set_add_stamps (sets[kind], checksum));
  return g_strdup (g_checksum_get_string (checksum));
}

static void
take_overrides (Loading *loading)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++) {
    g_autofree char *part = clm_unit_set_format_overrides (loading->sets[kind]);

    g_string_append (text, part);
  }
  loading->config->overrides = g_string_free (g_steal_pointer (&text), FALSE);
}

static ClmSpecifiers *
make_specifiers (Loading *loading)
{
  const ClmSpecifiers *given = loading->source->specifiers;
  const char *serial_number = loading->config->settings.serial_number;

  if (!serial_number && given)
    serial_number = given->serial_number;
  return clm_specifiers_new (given ? given->host_name : NULL, given ? given->machine_id : NULL, serial_number);
}

static void
load_all (Loading *loading)
{
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    scan (loading, kind);
  loading->specifiers = make_specifiers (loading);
  load_settings (loading);
  clm_specifiers_free (loading->specifiers);
  loading->specifiers = make_specifiers (loading);
  for (guint kind = CLM_CONFIG_AUTHORITY; kind < CLM_N_CONFIG_KINDS; kind++)
    load_instances (loading, kind);
  load_certificates (loading);
  check_all_references (loading);
  drop_repeated_problems (loading->config);
  clm_config_sort (loading->config);
}

ClmConfig *
clm_config_load (const ClmConfigSource *source, ClmConfig *previous)
{
  /* Compared with the file system's stamps, so it must be the system's clock and no other. */
  gint64 begun = g_get_real_time ();
  ClmConfig *self = clm_config_new_empty (source->admin_uid);
  Loading loading = { .config = self, .previous = previous, .source = source };
  gint64 settled;

  loading.resolver = (ClmAccountResolver) { find_user, find_group, &loading };
  load_all (&loading);
  take_overrides (&loading);
  self->stamp = make_stamp (source, loading.sets, &settled);
  self->settled = begun > settled;
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    clm_unit_set_free (loading.sets[kind]);
  clm_specifiers_free (loading.specifiers);
  return self;
}

static gboolean
are_accounts_current (ClmConfig *self, const ClmAccountResolver *resolver)
{
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, self->accounts);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    const char *name = key;
    guint32 id = 0;
    gboolean found = *name == '@' ? resolver->find_group (name + 1, &id, resolver->user_data)
                                  : resolver->find_user (name, &id, resolver->user_data);

    if (GPOINTER_TO_SIZE (value) != (found ? (gsize) id + 1 : 0))
      return FALSE;
  }
  return TRUE;
}

gboolean
clm_config_is_current (ClmConfig *self, const ClmConfigSource *source)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  ClmUnitSet *sets[CLM_N_CONFIG_KINDS];
  g_autofree char *stamp = NULL;
  gint64 settled;

  if (!self->settled)
    return FALSE;
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    sets[kind] = clm_unit_set_scan (source->layers, places[kind].folder, places[kind].suffix, kind == CLM_CONFIG_CERTIFICATE, errors);
  stamp = make_stamp (source, sets, &settled);
  for (guint kind = 0; kind < CLM_N_CONFIG_KINDS; kind++)
    clm_unit_set_free (sets[kind]);
  return errors->len == 0 && g_str_equal (stamp, self->stamp) && are_accounts_current (self, source->resolver);
}
