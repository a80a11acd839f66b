/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe.h"

#include "clm-error.h"
#include "cookbook.h"
#include "sample.h"

#include <signal.h>
#include <unistd.h>

#define FILES "For=*\nFullChain=/etc/x/%n.pem\nKey=/etc/x/%n.key\n"

static ClmRecipe *
parse (const char *delivery, const char *action, const char *check, GError **error)
{
  g_autoptr (ClmOptions) a = clm_options_new_from_text ("x.delivery", delivery);
  g_autoptr (ClmOptions) b = clm_options_new_from_text ("x.delivery", action);
  g_autoptr (ClmOptions) c = clm_options_new_from_text ("x.delivery", check);

  return clm_recipe_new_from_options ("x", a, b, c, error);
}

static void
test_whole (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecipe) recipe = parse ("For=web-* mail\nCertificate=/a/%n.crt\nKey=/a/100%%/%n.key\nOwner=0\nMode=0640\nKeyMode=0440\nOrder=3\n",
                                        "Command=/bin/echo \"one word\" two\nTimeout=1min\n",
                                        "Tls=[::1]:443\nServerName=web.example\nDelay=1s\nWithin=20s\nOnFailure=keep\n", &error);
  g_autofree char *path = NULL;

  g_assert_no_error (error);
  path = clm_recipe_get_path (recipe, CLM_RECIPE_KEY, "web-1");
  g_assert_cmpstr (path, ==, "/a/100%/web-1.key");
  g_assert_null (clm_recipe_get_path (recipe, CLM_RECIPE_COMBINED, "web-1"));
  g_assert_true (clm_recipe_takes (recipe, "web-1") && clm_recipe_takes (recipe, "mail"));
  g_assert_false (clm_recipe_takes (recipe, "web") || clm_recipe_takes (recipe, "mail2"));
  g_assert_true (recipe->has_owner && recipe->has_group && recipe->owner == 0);
  g_assert_cmphex (recipe->mode, ==, 0640);
  g_assert_cmphex (recipe->key_mode, ==, 0440);
  g_assert_cmpstr (recipe->action.argv[1], ==, "one word");
  g_assert_cmpint (recipe->action.timeout_s, ==, 60);
  g_assert_false (recipe->check.rollback);
}

static void
test_actions (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecipe) systemd = parse (FILES, "Systemd=reload nginx@a.service\n", "", &error);
  g_autoptr (ClmRecipe) script = parse (FILES, "InitScript=/etc/init.d/nginx reload\n", "Tls=none\n", &error);
  g_autoptr (ClmRecipe) signal = parse (FILES, "Signal=SIGHUP\nPidFile=/run/nginx.pid\n", "", &error);

  g_assert_no_error (error);
  g_assert_true (g_path_is_absolute (systemd->action.argv[0]));
  g_assert_cmpstr (systemd->action.argv[g_strv_length (systemd->action.argv) - 2], ==, "--");
  g_assert_cmpstr (script->action.argv[1], ==, "reload");
  g_assert_cmpint (script->check.kind, ==, CLM_DELIVER_CHECK_NONE);
  g_assert_cmpint (signal->action.signal, ==, SIGHUP);
  g_assert_true (systemd->check.rollback);
}

typedef struct {
  const char *delivery, *action, *check, *part;
} Wrong;

static const Wrong wrong[] = {
  {"FullChain=/a\n", "", "", "For="},
  {"For=*\n", "", "", "no file is delivered"},
  {"For=*\nFullChain=a/b\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a/../b\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a//b\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a/\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a/%x\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a/%\n", "", "", "FullChain="},
  {"For=*\nFullChain=/a\nKey=/a\n", "", "", "the same file"},
  {FILES "Owner=no-such-user\n", "", "", "no user"},
  {FILES "Group=no-such-group\n", "", "", "no group"},
  {FILES "Mode=0999\n", "", "", "Mode="},
  {FILES "Mode=4755\n", "", "", "Mode="},
  {FILES "KeyMode=0644\n", "", "", "KeyMode="},
  {FILES "Trust=/etc/x/ca.pem\n", "", "", "TrustAnchors="},
  {FILES "TrustAnchors=sha256:12\n", "", "", "TrustAnchors="},
  {FILES "Colour=red\n", "", "", "Colour"},
  {FILES, "Systemd=stop nginx.service\n", "", "Systemd="},
  {FILES, "Systemd=reload --force\n", "", "Systemd="},
  {FILES, "Systemd=reload a b\n", "", "Systemd="},
  {FILES, "Command=nginx -s reload\n", "", "absolute path"},
  {FILES, "Command=/bin/a\nInitScript=/bin/b\n", "", "only one action"},
  {FILES, "Signal=KILL\nPidFile=/run/a\n", "", "Signal="},
  {FILES, "Signal=HUP\n", "", "PidFile="},
  {FILES, "Timeout=2h\n", "", "Timeout="},
  {FILES, "Command=/bin/a\nUser=no-such-user\n", "", "no user"},
  {FILES, "", "Tls=nowhere\n", "HOST:PORT"},
  {FILES, "", "Tls=a:1\nServerName=a b\n", "ServerName="},
  {FILES, "", "Tls=a:1\nCommand=/bin/a\n", "only one check"},
  {FILES, "", "Tls=a:1\nWithin=1d\n", "Within="},
  {FILES, "", "OnFailure=panic\n", "OnFailure="},
};

static void
test_wrong (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    g_test_message ("%s%s%s", wrong[i].delivery, wrong[i].action, wrong[i].check);
    g_assert_null (parse (wrong[i].delivery, wrong[i].action, wrong[i].check, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (strstr (error->message, wrong[i].part));
  }
}

/* Own settings win; files, way and check are taken over or replaced as a whole. */
static void
test_preset (void)
{
  g_autofree char *root = sample_folder ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmRecipe) recipe = NULL;

  sample_write (root, "usr/share/certloom/deliveries.d/base.delivery",
                "[Delivery]\n" "For=*\nFullChain=/p/%%n.pem\nKey=/p/%%n.key\nMode=0600\n[Action]\nSignal=HUP\nPidFile=/run/p.pid\nTimeout=9s\n"
                "[Check]\nTls=127.0.0.1:443\nServerName=p\n");
  sample_write (root, "usr/lib/certloom/deliveries.d/middle.delivery", "[Delivery]\nPreset=base\nFor=web\nCombined=/m/%%n.pem\n");
  sample_write (root, "etc/certloom/deliveries.d/own.delivery", "[Delivery]\nPreset=middle\n[Action]\nInitScript=/etc/init.d/x reload\n");
  sample_write (root, "etc/certloom/deliveries.d/own.delivery.d/10.conf", "[Delivery]\nOrder=9\n");
  recipe = clm_cookbook_load (root, "own", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (recipe->certificates[0], ==, "web");
  g_assert_cmpstr (recipe->paths[CLM_RECIPE_COMBINED], ==, "/m/%n.pem");
  g_assert_null (recipe->paths[CLM_RECIPE_KEY]);
  g_assert_cmphex (recipe->mode, ==, 0600);
  g_assert_cmpint (recipe->action.kind, ==, CLM_COMMAND_INIT_SCRIPT);
  g_assert_cmpint (recipe->action.timeout_s, ==, 9);
  g_assert_cmpstr (recipe->check.server_name, ==, "p");
  g_assert_cmpint (recipe->check.order, ==, 9);
  sample_remove_folder (root);
}

static void
assert_not_loaded (const char *root, const char *name, int code, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (clm_cookbook_load (root, name, &error));
  g_assert_error (error, CLM_ERROR, code);
  g_assert_nonnull (strstr (error->message, part));
}

static void
test_cookbook (void)
{
  g_autofree char *root = sample_folder ();
  g_autofree char *mask = g_build_filename (root, "etc/certloom/deliveries.d/masked.delivery", NULL);
  g_auto (GStrv) names = NULL;

  assert_not_loaded (root, "own", CLM_ERROR_NOT_FOUND, "no delivery \"own\"");
  sample_write (root, "usr/lib/certloom/deliveries.d/masked.delivery", "[Delivery]\n%s", "For=*\n");
  sample_write (root, "etc/certloom/deliveries.d/a.delivery", "[Delivery]\nPreset=b\n");
  sample_write (root, "etc/certloom/deliveries.d/b.delivery", "[Delivery]\nPreset=a\n");
  sample_write (root, "etc/certloom/deliveries.d/c.delivery", "[Delivery]\nPreset=nothing\n");
  sample_write (root, "etc/certloom/deliveries.d/d.delivery", "[Delivry]\nFor=*\n");
  sample_write (root, "etc/certloom/deliveries.d/e.delivery", "[Delivery]\nFor=*\nFullChian=/a\n");
  g_assert_cmpint (symlink ("/dev/null", mask), ==, 0);
  assert_not_loaded (root, "a", CLM_ERROR_CONFIG, "circle");
  assert_not_loaded (root, "c", CLM_ERROR_NOT_FOUND, "Preset=: no delivery \"nothing\"");
  assert_not_loaded (root, "d", CLM_ERROR_CONFIG, "d.delivery:1");
  assert_not_loaded (root, "e", CLM_ERROR_CONFIG, "e.delivery");
  assert_not_loaded (root, "masked", CLM_ERROR_NOT_FOUND, "masked");
  names = clm_cookbook_list (root);
  g_assert_cmpuint (g_strv_length (names), ==, 5);
  sample_remove_folder (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recipe/whole", test_whole);
  g_test_add_func ("/recipe/actions", test_actions);
  g_test_add_func ("/recipe/wrong", test_wrong);
  g_test_add_func ("/recipe/preset", test_preset);
  g_test_add_func ("/recipe/cookbook", test_cookbook);
  return g_test_run ();
}
