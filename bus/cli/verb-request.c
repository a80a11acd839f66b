/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "verb.h"

#include <glib/gi18n.h>
#include <string.h>

#include "certificates.h"
#include "date.h"
#include "error.h"
#include "job.h"

static struct {
  char  *template;
  char  *instance;
  char  *authority;
  char  *key_store;
  char  *key_type;
  char  *subject;
  char **names;
  char **dns;
  char **ip;
  char **deliveries;
  char  *validity;
  char  *profile;
} options;

static const GOptionEntry entries[] = {
  { "template", 0, 0, G_OPTION_ARG_STRING, &options.template, N_("Make it from the template TEMPLATE@.certificate"), "TEMPLATE" },
  { "instance", 0, 0, G_OPTION_ARG_STRING, &options.instance, N_("What %i stands for in the template"), "INSTANCE" },
  { "ca", 0, 0, G_OPTION_ARG_STRING, &options.authority, N_("Let the CA NAME issue it"), "NAME" },
  { "key", 0, 0, G_OPTION_ARG_STRING, &options.key_store, N_("Keep its key in STORE, of TYPE where one is given"), "STORE[:TYPE]" },
  { "subject", 0, 0, G_OPTION_ARG_STRING, &options.subject, N_("Its subject, e.g. CN=gw.example"), "DN" },
  { "san", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.names, N_("A further name: DNS:…, IP:…, URI:… or Email:…"), "KIND:NAME" },
  { "dns", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.dns, N_("A DNS name"), "NAME" },
  { "ip", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.ip, N_("An IP address"), "ADDRESS" },
  { "deliver", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.deliveries, N_("Hand it to the consumer of the delivery NAME"), "NAME" },
  { "for", 0, 0, G_OPTION_ARG_STRING, &options.validity, N_("Ask for this lifetime, e.g. 90d"), "SPAN" },
  { "profile", 0, 0, G_OPTION_ARG_STRING, &options.profile, N_("Ask for this profile of the CA"), "PROFILE" },
  CLM_JOB_ENTRIES,
  { NULL },
};

/* The names of each kind, as a certificate file calls them. */
enum { DNS, IP, URI, EMAIL, N_KINDS };
static const char *const kinds[] = { "DNS", "IP", "URI", "Email" };

static gboolean
add_name (GPtrArray **lists, const char *text, GError **error)
{
  for (guint i = 0; i < N_KINDS; i++) {
    gsize length = strlen (kinds[i]);
    if (g_ascii_strncasecmp (text, kinds[i], length) == 0 && text[length] == ':' && text[length + 1] != '\0') {
      g_ptr_array_add (lists[i], (gpointer) (text + length + 1));
      return TRUE;
    }
  }
  return clm_cli_error_set_usage (error, _("write it like DNS:gw.example, IP:192.0.2.1, URI:urn:x or Email:a@example"),
                                  _("“%s” is no name for --san"), text);
}

static void
add_all (GPtrArray *list, char **names)
{
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    g_ptr_array_add (list, names[i]);
}

static gboolean
add_names (GVariantDict *spec, GError **error)
{
  GPtrArray *lists[N_KINDS];
  gboolean good = TRUE;
  for (guint i = 0; i < N_KINDS; i++)
    lists[i] = g_ptr_array_new ();
  add_all (lists[DNS], options.dns);
  add_all (lists[IP], options.ip);
  for (gsize i = 0; good && options.names != NULL && options.names[i] != NULL; i++)
    good = add_name (lists, options.names[i], error);
  for (guint i = 0; i < N_KINDS; i++) {
    guint count = lists[i]->len;
    g_ptr_array_add (lists[i], NULL);
    if (count > 0)
      g_variant_dict_insert (spec, kinds[i], "^as", lists[i]->pdata);
    g_ptr_array_unref (lists[i]);
  }
  return good;
}

static void
add_text (GVariantDict *spec, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_dict_insert (spec, key, "s", value);
}

static void
add_key (GVariantDict *spec)
{
  g_auto (GStrv) parts = options.key_store != NULL ? g_strsplit (options.key_store, ":", 2) : NULL;
  if (parts != NULL && parts[0] != NULL && *parts[0] != '\0')
    add_text (spec, "KeyStore", parts[0]);
  if (parts != NULL && parts[0] != NULL)
    add_text (spec, "KeyType", parts[1]);
}

/* Returns: (transfer floating) (nullable). */
static GVariant *
build_spec (GError **error)
{
  gint64 seconds;
  GVariantDict spec;
  if (options.validity != NULL && !clm_date_parse_span (options.validity, &seconds, error))
    return NULL;
  g_variant_dict_init (&spec, NULL);
  if (!add_names (&spec, error)) {
    g_variant_dict_clear (&spec);
    return NULL;
  }
  add_text (&spec, "Authority", options.authority);
  add_text (&spec, "Subject", options.subject);
  add_text (&spec, "Validity", options.validity);
  add_text (&spec, "Profile", options.profile);
  add_key (&spec);
  if (options.deliveries != NULL)
    g_variant_dict_insert (&spec, "Deliver", "^as", options.deliveries);
  return g_variant_dict_end (&spec);
}

static gboolean
check (const char *name, GError **error)
{
  if (name != NULL && !clm_certificates_check_name (name, error))
    return FALSE;
  if (options.instance != NULL && options.template == NULL)
    return clm_cli_error_set_usage (error, _("say which with --template=TEMPLATE"), _("--instance= needs a template"));
  if (options.instance == NULL && options.template != NULL)
    return clm_cli_error_set_usage (error, _("say which with --instance=INSTANCE"), _("--template= needs an instance"));
  if (options.authority == NULL && options.template == NULL)
    return clm_cli_error_set_usage (error, _("say which with --ca=NAME (there are:  certloom ca list), or name a --template="),
                                    _("which CA shall issue it?"));
  if (name == NULL && (options.template == NULL || options.instance == NULL))
    return clm_cli_error_set_usage (error, _("give a NAME, or --template=TEMPLATE and --instance=INSTANCE"),
                                    _("the new certificate has no name"));
  return TRUE;
}

static char *
read_name (ClmCli *cli, const char *path, const char *name)
{
  g_autoptr (GVariant) properties = clm_bus_get_properties (cli, path, CLM_INTERFACE ("Certificate"), NULL);
  char *given = NULL;
  if (properties != NULL)
    g_variant_lookup (properties, "Name", "s", &given);
  return given != NULL ? given : g_strdup (name != NULL ? name : options.instance);
}

static ClmExit
run (ClmCli *cli, char **arguments, GError **error)
{
  const char *name = arguments[0], *certificate, *job;
  g_auto (ClmJobResult) result = { 0 };
  if (!check (name, error))
    return CLM_EXIT_USAGE;
  g_autoptr (GVariant) spec = build_spec (error);
  if (spec == NULL)
    return CLM_EXIT_USAGE;
  g_variant_ref_sink (spec);
  GVariant *parameters = g_variant_new ("(sss@a{sv}@a{sv})", name != NULL ? name : "", options.template != NULL ? options.template : "",
                                        options.instance != NULL ? options.instance : "", spec, clm_bus_no_options ());
  g_autoptr (GVariant) answer = clm_bus_call (cli, CLM_BUS_PATH, CLM_INTERFACE ("Manager"), "Request", parameters, "(oo)", error);
  if (answer == NULL) {
    if (error != NULL && (*error)->code == CLM_EXIT_NOT_FOUND && options.template != NULL && *clm_cli_error_get_hint (*error) == '\0')
      clm_cli_error_set_hint (*error, _("see what templates there are with:  certloom config show '*@*'"));
    return CLM_EXIT_FAILED;
  }
  g_variant_get (answer, "(&o&o)", &certificate, &job);
  g_autofree char *given = read_name (cli, certificate, name);
  if (!clm_job_follow (cli, job, given, &result, error))
    return CLM_EXIT_FAILED;
  clm_job_finish (cli, &result, given, _("issued"));
  return CLM_EXIT_DONE;
}

const ClmVerb clm_verb_request = {
  "request", "[NAME]", N_("Request a new certificate and keep it valid"), 0, 1, CLM_ARGUMENT_NONE, FALSE, entries, run,
};
