/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What root's hand obeys: core/delivery/recipe.c. Input: a `.delivery` file; behind a NUL the name of a certificate. */
#include "fuzz.h"

#include <string.h>

#include "recipe.h"
#include "unit.h"

/* Opened is what is written there: nothing leads elsewhere. */
static void
assert_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);

  g_assert_true (*path == '/' && g_utf8_validate (path, -1, NULL) && strpbrk (path, "\n\r") == NULL);
  for (guint i = 1; parts[i] != NULL; i++)
    g_assert_true (*parts[i] != '\0' && !g_str_equal (parts[i], ".") && !g_str_equal (parts[i], ".."));
}

static void
check_command (const ClmCommand *command)
{
  g_assert_true (command->timeout_s >= 1 && command->timeout_s <= 600);
  switch (command->kind) {
    case CLM_COMMAND_NONE:
      g_assert_null (command->argv);
      break;
    case CLM_COMMAND_SIGNAL:
      g_assert_cmpint (command->signal, >, 0);
      g_assert_cmpint (command->signal, !=, 9);
      assert_path (command->pid_file);
      break;
    case CLM_COMMAND_SYSTEMD:
      g_assert_cmpuint (g_strv_length (command->argv), ==, 6);
      g_assert_cmpstr (command->argv[4], ==, "--");
      g_assert_true (*command->argv[5] != '-');
      assert_path (command->argv[0]);
      break;
    case CLM_COMMAND_INIT_SCRIPT:
    case CLM_COMMAND_RUN:
      assert_path (command->argv[0]);
      break;
    default:
      g_assert_not_reached ();
  }
}

static void
check_paths (const ClmRecipe *recipe, const char *certificate)
{
  guint n = 0;

  for (guint i = 0; i < CLM_N_RECIPE_FILES; i++) {
    g_autofree char *path = clm_recipe_get_path (recipe, (ClmRecipeFile) i, certificate);
    if (path == NULL)
      continue;
    assert_path (path);
    n++;
  }
  g_assert_cmpuint (n, >, 0);
}

static void
check_recipe (const ClmRecipe *recipe, const char *certificate)
{
  clm_fuzz_accept ();
  g_assert_true (recipe->certificates[0] != NULL);
  g_assert_cmpuint (recipe->mode & ~0777u, ==, 0);
  g_assert_cmpuint (recipe->key_mode & ~0660u, ==, 0);
  g_assert_true ((recipe->mode & 0400) && (recipe->key_mode & 0400));
  g_assert_true (recipe->check.order >= 0 && recipe->check.order <= 999);
  g_assert_true (recipe->check.delay_s >= 0 && recipe->check.within_s >= 0);
  g_assert_true (recipe->paths[CLM_RECIPE_TRUST] == NULL || recipe->anchors[0] != NULL);
  if (recipe->check.kind == CLM_DELIVER_CHECK_TLS)
    g_assert_true (clm_deliver_address_is_valid (recipe->check.address));
  g_assert_true ((recipe->check.kind == CLM_DELIVER_CHECK_COMMAND) == (recipe->check_command.kind == CLM_COMMAND_RUN));
  check_command (&recipe->action);
  check_command (&recipe->check_command);
  for (guint i = 0; recipe->anchors[i] != NULL; i++)
    if (!g_str_has_prefix (recipe->anchors[i], "sha256:"))
      assert_path (recipe->anchors[i]);
  clm_recipe_takes (recipe, certificate);
  if (clm_name_is_valid (certificate))
    check_paths (recipe, certificate);
  check_paths (recipe, "web");
}

void
clm_fuzz_one (const guint8 *data, gsize size)
{
  ClmFuzzInput in = { data, size };
  g_autofree char *text = clm_fuzz_take_text (&in), *certificate = clm_fuzz_take_text (&in);
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmUnit) unit = clm_unit_new_from_text ("nginx", "/etc/certloom/deliveries.d/nginx.delivery", text, &error);
  g_autoptr (ClmOptions) delivery = NULL, action = NULL, check = NULL;
  g_autoptr (ClmRecipe) recipe = NULL;

  if (unit == NULL) {
    clm_fuzz_assert_error (error);
    return;
  }
  delivery = clm_unit_make_options (unit, "Delivery");
  action = clm_unit_has_group (unit, "Action") ? clm_unit_make_options (unit, "Action") : NULL;
  check = clm_unit_has_group (unit, "Check") ? clm_unit_make_options (unit, "Check") : NULL;
  recipe = clm_recipe_new_from_options ("nginx", delivery, action, check, &error);
  if (recipe == NULL) {
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    clm_fuzz_assert_error (error);
  } else
    check_recipe (recipe, certificate);
}

void
clm_fuzz_make_seeds (void)
{
  static const char *const texts[][2] = {
    { "files", "[Delivery]\nFor=web vpn-*\nKey=/etc/x/%n.key\nFullChain=/etc/x/%n%%.pem\nOwner=root\nGroup=root\nMode=0644\nKeyMode=0640\nOrder=7\n[Action]\nSystemd=reload nginx.service\n[Check]\nTls=127.0.0.1:443\nServerName=web.example\nDelay=1s\nWithin=20s\nOnFailure=keep\n" },
    { "trust", "[Delivery]\nFor=*\nTrust=/etc/x/ca.pem\nTrustAnchors=/etc/ssl/root.pem sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n[Action]\nSignal=SIGHUP\nPidFile=/run/x.pid\nTimeout=5s\n" },
    { "command", "[Delivery]\nFor=web\nCombined=/etc/x/all.pem\nChain=/etc/x/chain\nCertificate=/etc/x/cert\n[Action]\nCommand=/usr/bin/tool \"two words\" %n\nUser=root\n[Check]\nCommand=/bin/true\nTimeout=10min\n" },
    { "script", "[Delivery]\nFor=web\nFullChain=/a\n[Action]\nInitScript=/etc/init.d/nginx reload\n[Check]\nTls=none\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    clm_fuzz_seed (texts[i][0], texts[i][1], strlen (texts[i][1]));
}
