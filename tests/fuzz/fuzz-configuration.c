/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole configuration: core/conf/layers.c and unit-set.c, core/engine/configuration*.c. Input: files; each begins with a byte that chooses its path
 * among those of `paths`, or from 0xc0 on a symbolic link instead, and ends with NUL.
 */
#include "fuzz.h"

#include "accounts.h"
#include "config-tree.h"
#include "configuration.h"

#define MAX_FILES 8

static const char *const paths[] = {
  "etc/certloom/certloom.conf", "etc/certloom/certloom.conf.d/10-a.conf", "usr/lib/certloom/certificates.d/web.certificate",
  "etc/certloom/certificates.d/web.certificate", "etc/certloom/certificates.d/web.certificate.d/5.conf", "etc/certloom/certificates.d/vpn@.certificate",
  "etc/certloom/certificates.d/vpn@eth0.certificate", "etc/certloom/certificates.d/vpn@.certificate.d/x.conf", "run/certloom/certificates.d/-bad.certificate",
  "etc/certloom/authorities.d/corp.authority", "etc/certloom/keystores.d/tpm.keystore", "etc/certloom/notifiers.d/log.notifier",
  "etc/certloom/listeners.d/web.listener", "etc/certloom/deliveries.d/nginx.delivery",
};
static const char *const targets[] = { "/dev/null", "vpn@.certificate", "../../../../etc/passwd", "web.certificate" };

static void
write_file (const char *root, guint choice, const char *text)
{
  const char *path = paths[choice % G_N_ELEMENTS (paths)];
  g_autofree char *whole = tree_path (root, path);

  g_remove (whole);
  if (choice >= 0xc0)
    tree_link (root, path, targets[choice / G_N_ELEMENTS (paths) % G_N_ELEMENTS (targets)]);
  else
    tree_write (root, path, text);
}

static void
check_problems (ClmConfig *config)
{
  g_autofree char *text = clm_config_format_problems (config), *effective = clm_config_format_effective (config, NULL);
  g_autofree char *overrides = clm_config_format_overrides (config);
  GPtrArray *problems = clm_config_list_problems (config);
  gboolean errors = FALSE;

  g_assert_true (g_utf8_validate (text, -1, NULL) && g_utf8_validate (effective, -1, NULL) && g_utf8_validate (overrides, -1, NULL));
  for (guint i = 0; i < problems->len; i++) {
    const ClmProblem *problem = problems->pdata[i];
    clm_fuzz_assert_text (problem->message);
    errors |= problem->is_error;
  }
  g_assert_true (clm_config_has_errors (config) == errors);
}

static void
check_things (ClmConfig *config)
{
  GPtrArray *specs = clm_config_list_specs (config), *templates = clm_config_list_templates (config);

  for (guint i = 0; i < specs->len; i++) {
    ClmSpec *spec = specs->pdata[i];
    g_assert_true (clm_name_is_valid (spec->name) && clm_config_get_spec (config, spec->name) == spec);
    g_assert_true (spec->authorities[0] != NULL);
    clm_fuzz_accept ();
  }
  for (guint i = 0; i < templates->len; i++)
    g_assert_true (clm_unit_is_template (templates->pdata[i]));
  for (ClmConfigKind kind = CLM_CONFIG_AUTHORITY; kind < CLM_N_CONFIG_KINDS; kind++) {
    GPtrArray *instances = clm_config_list_instances (config, kind);
    for (guint i = 0; i < instances->len; i++) {
      const ClmInstance *instance = instances->pdata[i];
      g_autoptr (ClmOptions) options = clm_instance_make_options (instance);
      g_assert_true (options != NULL && clm_name_is_valid (instance->name) && instance->certificates != NULL);
    }
  }
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  g_autofree char *root = tree_path (clm_fuzz_get_folder (), "root");
  ClmFuzzInput in = { data, size };
  g_autoptr (ClmLayers) layers = NULL;
  ClmConfigSource source = { NULL, NULL, &accounts, getuid () };
  g_autoptr (ClmSpecifiers) machine = clm_specifiers_new ("gw", "m1", "SN-1");
  g_autoptr (ClmConfig) config = NULL, again = NULL;
  g_autoptr (GPtrArray) changes = NULL;

  g_assert_cmpint (g_mkdir_with_parents (root, 0755), ==, 0);
  for (guint i = 0; i < MAX_FILES && in.left > 0; i++) {
    guint choice = clm_fuzz_take_byte (&in);
    g_autofree char *text = clm_fuzz_take_text (&in);
    write_file (root, choice, text);
  }
  layers = clm_layers_new (root, getuid ());
  source.layers = layers;
  source.specifiers = machine;
  config = clm_config_load (&source, NULL);
  check_problems (config);
  check_things (config);
  /* The same files are the same configuration, also after one that is in force. */
  again = clm_config_load (&source, config);
  changes = clm_config_diff (config, again);
  g_assert_cmpuint (changes->len, ==, 0);
  tree_remove (g_steal_pointer (&root));
}

void
clm_fuzz_make_seeds (void)
{
  static const char whole[] =
    "\000[Daemon]\nSerialNumber=7\n[Access]\nReaders=@tls\n\000\003[Certificate]\nDNS=web.example\nAuthority=corp\n[Delivery]\nDeliver=nginx\n\000"
    "\004[Certificate]\nDNS=\nIP=10.0.0.1\n\000\005[Certificate]\nDNS=%i.example\nAuthority=corp\n[Access]\nOwner=web\n\000"
    "\011[Authority]\nPlugin=ca-local\nKeyStore=tpm\n\000\012[KeyStore]\nPlugin=key-file\n\000\013[Notifier]\nPlugin=notify-journal\n\000"
    "\015[Delivery]\nFor=web\nFullChain=/etc/x\n";
  static const char links[] = "\005[Certificate]\nDNS=%i.example\nAuthority=corp\n\000\xf4x\000\xe3y\000\xcdz\000\010z";

  clm_fuzz_seed ("whole", whole, sizeof whole - 1);
  clm_fuzz_seed ("links", links, sizeof links - 1);
}
