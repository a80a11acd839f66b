/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments of calls: bus/request-spec.c, bus/options.c. Input: the number of a method (of the XML); its arguments as a GVariant's bytes. */
#include "fuzz.h"

#include <string.h>

#include "dispatcher.h"
#include "interfaces.h"
#include "options.h"
#include "request-spec.h"

#define OPTIONS "rekey=b due=b states=as authority=s n=x"

typedef struct {
  const GDBusMethodInfo *info;
  char                  *signature;   /* of all arguments: a tuple */
} Method;

static GArray *
list_methods (void)
{
  static const GDBusInterfaceInfo *const interfaces[] = {
    &clm_bus_manager_interface, &clm_bus_certificate_interface, &clm_bus_job_interface, &clm_bus_authority_interface, &clm_bus_key_store_interface,
  };
  static GArray *methods;

  if (methods != NULL)
    return methods;
  methods = g_array_new (FALSE, FALSE, sizeof (Method));
  for (guint i = 0; i < G_N_ELEMENTS (interfaces); i++)
    for (guint j = 0; interfaces[i]->methods != NULL && interfaces[i]->methods[j] != NULL; j++) {
      Method method = { interfaces[i]->methods[j], NULL };
      g_autoptr (GString) signature = g_string_new ("(");
      for (guint k = 0; method.info->in_args != NULL && method.info->in_args[k] != NULL; k++)
        g_string_append (signature, method.info->in_args[k]->signature);
      method.signature = g_strdup_printf ("%s)", signature->str);
      g_array_append_val (methods, method);
    }
  return methods;
}

static void
check_options (GVariant *dict)
{
  g_autoptr (GError) error = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *child;

  if (!clm_bus_options_check (OPTIONS, dict, &error)) {
    clm_fuzz_assert_error (error);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    return;
  }
  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) value = child;
    g_autofree char *word = g_strdup_printf (" %s=%s ", key, g_variant_get_type_string (value));
    g_assert_nonnull (strstr (" " OPTIONS " ", word));
  }
}

/* A list that was asked for is the list that the engine reads. */
static void
check_value (ClmOptions *options, const char *key, GVariant *value)
{
  g_autoptr (GError) error = NULL;
  g_autofree const char **words = NULL;
  g_auto (GStrv) list = NULL;

  clm_fuzz_assert_text (clm_options_get_string (options, key, ""));
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return;
  words = g_variant_get_strv (value, NULL);
  list = clm_options_get_list (options, key, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_strv_equal (words, (const char *const *) list));
}

static void
check_spec (GVariant *dict)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmOptions) options = clm_bus_request_make_options (dict, &error);
  GVariantIter iter;
  const char *key;
  GVariant *child;
  guint n = 0;

  if (options == NULL) {
    clm_fuzz_assert_error (error);
    g_assert_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT);
    return;
  }
  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) value = child;
    g_assert_true (clm_options_has (options, key));
    g_assert_cmpuint (strcspn (key, "=[]\n# "), ==, strlen (key));
    check_value (options, key, value);
    n++;
  }
  clm_fuzz_accept ();
  g_autoptr (GPtrArray) keys = clm_options_list_keys (options);
  g_assert_cmpuint (keys->len, ==, n);
}

static void
check_argument (GVariant *value)
{
  g_autoptr (GError) error = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
    check_options (value);
    check_spec (value);
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    if (!clm_bus_request_check_name (g_variant_get_string (value, NULL), &error))
      clm_fuzz_assert_error (error);
    g_clear_error (&error);
    if (!clm_bus_request_check_instance (g_variant_get_string (value, NULL), &error))
      clm_fuzz_assert_error (error);
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  GArray *methods = list_methods ();
  const Method *method = &g_array_index (methods, Method, clm_fuzz_take_byte (&in) % methods->len);
  g_autoptr (GBytes) bytes = clm_fuzz_take_rest (&in);
  g_autoptr (GVariant) arguments = g_variant_ref_sink (g_variant_new_from_bytes ((const GVariantType *) (gconstpointer) method->signature, bytes, FALSE));
  g_autoptr (GVariant) normal = g_variant_get_normal_form (arguments);

  /* As the bus has it: what arrives is in normal form. */
  for (gsize i = 0; i < g_variant_n_children (normal); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (normal, i);
    check_argument (child);
  }
}

static void
seed (const char *name, const char *member, const char *text)
{
  GArray *methods = list_methods ();

  for (guint i = 0; i < methods->len; i++) {
    const Method *method = &g_array_index (methods, Method, i);
    g_autoptr (GByteArray) out = g_byte_array_new ();
    g_autoptr (GVariant) value = NULL;
    g_autoptr (GError) error = NULL;

    if (!g_str_equal (method->info->name, member))
      continue;
    value = g_variant_parse ((const GVariantType *) (gconstpointer) method->signature, text, NULL, NULL, &error);
    g_assert_no_error (error);
    g_byte_array_append (out, (guint8[]) { (guint8) i }, 1);
    g_byte_array_append (out, g_variant_get_data (value), (guint) g_variant_get_size (value));
    clm_fuzz_seed (name, out->data, out->len);
  }
}

void
clm_fuzz_make_seeds (void)
{
  seed ("request", "Request", "('', 'vpn', 'eth0', {'DNS': <['a.example', 'b.example']>, 'Subject': <'CN=x y'>, 'Exportable': <true>, 'Validity': <int64 7>, 'Words': <['two words', 'one']>}, {'rekey': <true>, 'states': <['ready']>})");
  seed ("list", "ListCertificates", "({'pattern': <'web*'>, 'states': <['ready', 'failing']>, 'authority': <'plant'>, 'n': <int64 5>}, '', 10, {})");
}
