/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "backends.h"

#include "interfaces.h"
#include "names.h"

static GVariant *
describe_backend (const ClmBackendInfo *info)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_variant_dict_insert (&dict, "Name", "s", info->name);
  g_variant_dict_insert (&dict, "Plugin", "s", info->plugin);
  g_variant_dict_insert (&dict, "State", "s", info->state);
  g_variant_dict_insert (&dict, "Error", "s", info->error);
  g_variant_dict_insert_value (&dict, "Details", info->details != NULL ? info->details : g_variant_new ("a{sv}", NULL));
  return g_variant_dict_end (&dict);
}

static GVariant *
describe_plugin (const ClmPluginRow *row)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_variant_dict_insert (&dict, "Name", "s", row->name);
  g_variant_dict_insert (&dict, "Version", "s", row->version);
  g_variant_dict_insert (&dict, "Summary", "s", row->summary);
  g_variant_dict_insert (&dict, "Loaded", "b", row->loaded);
  g_variant_dict_insert (&dict, "Error", "s", row->error);
  return g_variant_dict_end (&dict);
}

static GVariant *
describe (ClmBusCall *call, const char *kind, GError **error)
{
  g_autoptr (ClmBackendInfo) info = clm_manager_get_backend (clm_bus_call_get_manager (call), kind, clm_bus_call_get_name (call),
                                                             error);
  return info != NULL ? describe_backend (info) : NULL;
}

static GVariant *
describe_authority (ClmBusCall *call, GError **error)
{
  return describe (call, "authority", error);
}

static GVariant *
describe_key_store (ClmBusCall *call, GError **error)
{
  return describe (call, "keystore", error);
}

static GVariant *
describe_notifier (ClmBusCall *call, GError **error)
{
  return describe (call, "notifier", error);
}

static GVariant *
describe_plugin_called (ClmBusCall *call, GError **error)
{
  g_autoptr (GPtrArray) rows = clm_manager_list_plugins (clm_bus_call_get_manager (call));
  for (guint i = 0; i < rows->len; i++) {
    const ClmPluginRow *row = rows->pdata[i];
    if (g_str_equal (row->name, clm_bus_call_get_name (call)))
      return describe_plugin (row);
  }
  g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no plugin named “%s”", clm_bus_call_get_name (call));
  return NULL;
}

/* --- methods --- */

/* Whether the object called is there; a store that another thing's configuration misses is a different error. */
static gboolean
is_there (ClmBusCall *call, const char *kind, GError **error)
{
  g_autoptr (ClmBackendInfo) info = clm_manager_get_backend (clm_bus_call_get_manager (call), kind, clm_bus_call_get_name (call),
                                                             error);
  return info != NULL;
}

static void
return_bytes (ClmBusCall *call, GBytes *bytes, GError *error)
{
  if (bytes == NULL)
    clm_bus_call_fail (call, error);
  else
    clm_bus_call_return (call, g_variant_new ("(@ay)", g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE)));
}

static void
handle_get_crl (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) crl = clm_manager_get_crl (clm_bus_call_get_manager (call), clm_bus_call_get_name (call), &error);
  return_bytes (call, crl, g_steal_pointer (&error));
}

static void
handle_get_anchors (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) anchors = clm_manager_get_anchors (clm_bus_call_get_manager (call), clm_bus_call_get_name (call), &error);
  return_bytes (call, anchors, g_steal_pointer (&error));
}

static char *
dup_text (const char *text)
{
  return g_utf8_make_valid (text != NULL ? text : "", -1);
}

static void
on_keys_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) keys = clm_manager_list_keys_finish (CLM_MANAGER (source), result, &error);
  if (keys == NULL) {
    clm_bus_call_fail (user_data, g_steal_pointer (&error));
    return;
  }
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(sss)"));
  for (guint i = 0; i < keys->len; i++) {
    const ClmKeyInfo *key = keys->pdata[i];
    g_autofree char *id = dup_text (key->id);
    g_autofree char *label = dup_text (key->label);
    g_autofree char *type = dup_text (key->key_type);
    g_variant_builder_add (&builder, "(sss)", id, label, type);
  }
  clm_bus_call_return (user_data, g_variant_new ("(@a(sss))", g_variant_builder_end (&builder)));
}

static void
handle_list_keys (ClmBusCall *call)
{
  g_autoptr (GError) error = NULL;
  if (!is_there (call, "keystore", &error)) {
    clm_bus_call_fail (call, g_steal_pointer (&error));
    return;
  }
  clm_manager_list_keys_async (clm_bus_call_get_manager (call), clm_bus_call_get_name (call), clm_bus_call_get_cancellable (call),
                               on_keys_listed, call);
}

#define ADMIN { CLM_BUS_SCOPE_DAEMON, CLM_VERB_ADMIN }

static const ClmBusMethod no_methods[] = { { NULL } };

static const ClmBusMethod authority_methods[] = {
  /* Whoever checks certificates needs them; they are made to be published. */
  { "GetCrl", { CLM_BUS_SCOPE_ANYBODY }, "", handle_get_crl },
  { "GetAnchors", { CLM_BUS_SCOPE_ANYBODY }, "", handle_get_anchors },
  { NULL },
};

static const ClmBusMethod key_store_methods[] = {
  { "ListKeys", ADMIN, "", handle_list_keys },
  { NULL },
};

const ClmBusInterface clm_bus_authorities_interface = {
  CLM_BUS_AUTHORITY, &clm_bus_authority_interface, authority_methods, ADMIN, describe_authority
};
const ClmBusInterface clm_bus_key_stores_interface = {
  CLM_BUS_KEY_STORE, &clm_bus_key_store_interface, key_store_methods, ADMIN, describe_key_store
};
const ClmBusInterface clm_bus_notifiers_interface = {
  CLM_BUS_NOTIFIER, &clm_bus_notifier_interface, no_methods, ADMIN, describe_notifier
};
const ClmBusInterface clm_bus_plugins_interface = {
  CLM_BUS_PLUGIN, &clm_bus_plugin_interface, no_methods, ADMIN, describe_plugin_called
};

/* --- for the object manager --- */

void
clm_bus_backends_collect (ClmManager *manager, ClmBusCollect collect, gpointer user_data)
{
  static const struct {
    const char            *kind;
    const ClmBusInterface *interface;
  } kinds[] = {
    { "authority", &clm_bus_authorities_interface },
    { "keystore", &clm_bus_key_stores_interface },
    { "notifier", &clm_bus_notifiers_interface },
  };
  for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++) {
    g_autoptr (GPtrArray) infos = clm_manager_list_backends (manager, kinds[k].kind);
    for (guint i = 0; i < infos->len; i++) {
      const ClmBackendInfo *info = infos->pdata[i];
      g_autofree char *path = clm_bus_names_build_path (kinds[k].interface->element, info->name);
      collect (path, kinds[k].interface, describe_backend (info), user_data);
    }
  }
  g_autoptr (GPtrArray) rows = clm_manager_list_plugins (manager);
  for (guint i = 0; i < rows->len; i++) {
    const ClmPluginRow *row = rows->pdata[i];
    g_autofree char *path = clm_bus_names_build_path (CLM_BUS_PLUGIN, row->name);
    collect (path, &clm_bus_plugins_interface, describe_plugin (row), user_data);
  }
}
