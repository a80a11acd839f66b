/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access.h"
#include "accounts.h"

#include <string.h>

/* The table once more, by hand: a verb that appears without a row here fails the test. */
typedef struct {
  ClmVerb     verb;
  const char *allowed;   /* one letter a role: stranger, reader, operator, Owner (w), root (#) */
} Row;

static const Row rows[] = {
  { CLM_VERB_LIST, "srow#" },
  { CLM_VERB_READ, "row#" },
  { CLM_VERB_USE, "w#" },
  { CLM_VERB_REQUEST, "w#" },
  { CLM_VERB_RENEW, "ow#" },
  { CLM_VERB_DELIVER, "ow#" },
  { CLM_VERB_ROLLBACK, "ow#" },
  { CLM_VERB_HOLD, "ow#" },
  { CLM_VERB_REVOKE, "w#" },
  { CLM_VERB_REMOVE, "w#" },
  { CLM_VERB_RELOAD, "#" },
  { CLM_VERB_ADMIN, "#" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (rows) == CLM_N_VERBS);

static const char role_letters[] = { 'n', 's', 'r', 'o', 'w', '#' };
G_STATIC_ASSERT (G_N_ELEMENTS (role_letters) == CLM_N_ROLES);

/* Somebody of each role for the access below. */
static ClmCaller *
make_caller (ClmRole role)
{
  const guint32 tls = 114;

  switch (role) {
  case CLM_ROLE_NOBODY:
    return clm_caller_new_unknown ();
  case CLM_ROLE_STRANGER:
    return clm_caller_new (4711, NULL, 0);
  case CLM_ROLE_READER:
    return clm_caller_new (4712, &tls, 1);
  case CLM_ROLE_OPERATOR:
    return clm_caller_new (1000, NULL, 0);
  case CLM_ROLE_OWNER:
    return clm_caller_new (33, NULL, 0);
  default:
    return clm_caller_new (0, NULL, 0);
  }
}

static ClmAccess *
make_access (void)
{
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("web.certificate", "Owner=web\nOperators=bob\nReaders=@tls 77\n");
  g_autoptr (GError) error = NULL;
  ClmAccess *access = clm_access_new_from_options (options, &accounts, NULL, &error);

  g_assert_no_error (error);
  return access;
}

static void
test_table (void)
{
  g_autoptr (ClmAccess) access = make_access ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (ClmRole role = 0; role < CLM_N_ROLES; role++) {
      g_autoptr (ClmCaller) caller = make_caller (role);
      g_autoptr (GError) error = NULL;
      gboolean expected = strchr (rows[i].allowed, role_letters[role]) != NULL;

      g_assert_cmpint (clm_access_get_role (access, caller), ==, role);
      g_assert_cmpint (clm_role_may (role, rows[i].verb), ==, expected);
      g_assert_cmpint (clm_access_check (access, caller, rows[i].verb, &error), ==, expected);
      if (!expected)
        g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
    }
}

static void
test_deny_by_default (void)
{
  g_autoptr (ClmAccess) nobody = clm_access_new (0);
  g_autoptr (ClmCaller) caller = clm_caller_new (33, NULL, 0);

  g_assert_cmpint (clm_access_get_role (nobody, caller), ==, CLM_ROLE_STRANGER);
  g_assert_false (clm_role_may (CLM_N_ROLES, CLM_VERB_LIST));
  g_assert_false (clm_role_may (CLM_ROLE_ROOT, CLM_N_VERBS));
}

/* A zeroed struct says uid 0; it must not be taken for root (CVE-2021-3560). */
static void
test_unknown_is_nobody (void)
{
  g_autoptr (ClmAccess) access = make_access ();
  ClmCaller zero = { 0 };
  ClmCaller minus_one = { (guint32) -1, NULL, TRUE };
  g_autoptr (ClmCaller) unknown = clm_caller_new_unknown ();

  for (ClmVerb verb = 0; verb < CLM_N_VERBS; verb++) {
    const ClmCaller *callers[] = { &zero, &minus_one, unknown, NULL };

    for (guint i = 0; i < G_N_ELEMENTS (callers); i++) {
      g_autoptr (GError) error = NULL;

      g_assert_false (clm_access_check (access, callers[i], verb, &error));
      g_assert_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED);
    }
  }
}

/* Whether there is such a certificate must not show. */
static void
test_no_oracle (void)
{
  g_autoptr (ClmAccess) access = make_access ();
  g_autoptr (ClmCaller) stranger = make_caller (CLM_ROLE_STRANGER);
  g_autoptr (GError) there = NULL, absent = NULL;

  g_assert_false (clm_access_check (access, stranger, CLM_VERB_READ, &there));
  g_assert_false (clm_access_check (NULL, stranger, CLM_VERB_READ, &absent));
  g_assert_cmpstr (there->message, ==, absent->message);
  g_assert_cmpstr (clm_error_get_hint (there), ==, clm_error_get_hint (absent));
}

static void
test_admin (void)
{
  g_autoptr (ClmAccess) base = clm_access_new (5000);
  g_autoptr (ClmOptions) options = clm_options_new_from_text ("x", "");
  g_autoptr (GError) error = NULL;
  g_autoptr (ClmAccess) access = clm_access_new_from_options (options, &accounts, base, &error);
  g_autoptr (ClmCaller) admin = clm_caller_new (5000, NULL, 0);
  g_autoptr (ClmCaller) other = clm_caller_new (5001, NULL, 0);

  g_assert_no_error (error);
  g_assert_cmpint (clm_access_get_role (access, admin), ==, CLM_ROLE_ROOT);
  g_assert_cmpint (clm_access_get_role (access, other), ==, CLM_ROLE_STRANGER);
}

/* Two who may instantiate the same template do not get at each other's keys. */
static void
test_requester_owns_alone (void)
{
  g_autoptr (ClmAccess) template_access = make_access ();
  g_autoptr (ClmAccess) access = clm_access_new_for_owner (template_access, 4711);
  g_autoptr (ClmCaller) requester = clm_caller_new (4711, NULL, 0);
  g_autoptr (ClmCaller) other = make_caller (CLM_ROLE_OWNER);
  g_autoptr (ClmCaller) operator_caller = make_caller (CLM_ROLE_OPERATOR);

  g_assert_cmpint (clm_access_get_role (access, requester), ==, CLM_ROLE_OWNER);
  g_assert_cmpint (clm_access_get_role (access, other), ==, CLM_ROLE_STRANGER);
  g_assert_cmpint (clm_access_get_role (access, operator_caller), ==, CLM_ROLE_OPERATOR);
}

static void
test_unknown_account (void)
{
  const char *const texts[] = { "Owner=weB", "Readers=@web", "Operators=@", "Owner=4294967295", "Owner=-1", "Owner=*" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (ClmOptions) options = clm_options_new_from_text ("web.certificate", texts[i]);
    g_autoptr (GError) error = NULL;

    g_assert_null (clm_access_new_from_options (options, &accounts, NULL, &error));
    g_assert_error (error, CLM_ERROR, CLM_ERROR_CONFIG);
    g_assert_nonnull (strstr (error->message, "web.certificate:1"));
    g_assert_nonnull (clm_error_get_hint (error));
  }
}

static void
test_system_accounts (void)
{
  const ClmAccountResolver *resolver = clm_account_resolver_system ();
  guint32 id = 1;

  g_assert_true (resolver->find_user ("root", &id, resolver->user_data));
  g_assert_cmpuint (id, ==, 0);
  g_assert_true (resolver->find_group ("root", &id, resolver->user_data));
  g_assert_false (resolver->find_user ("no-such-user-here", &id, resolver->user_data));
  g_assert_false (resolver->find_group ("no-such-group-here", &id, resolver->user_data));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/access/every-verb-by-every-role", test_table);
  g_test_add_func ("/access/denies-by-default", test_deny_by_default);
  g_test_add_func ("/access/unknown-credentials-may-nothing", test_unknown_is_nobody);
  g_test_add_func ("/access/denial-tells-nothing", test_no_oracle);
  g_test_add_func ("/access/admin-uid-is-root", test_admin);
  g_test_add_func ("/access/requester-owns-alone", test_requester_owns_alone);
  g_test_add_func ("/access/refuses/unknown-account", test_unknown_account);
  g_test_add_func ("/access/system-accounts", test_system_accounts);
  return g_test_run ();
}
