/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "certificate.h"

#include "openssl-error.h"

#include <string.h>

static const struct {
  const char *word;
  int         nid;
} usages[] = {
  { "server", NID_server_auth },
  { "client", NID_client_auth },
  { "email", NID_email_protect },
  { "code", NID_code_sign },
  { "ocsp", NID_OCSP_sign },
  { "time", NID_time_stamp },
};

ASN1_OBJECT *
clm_x509_usage_to_object (const char *usage, GError **error)
{
  ASN1_OBJECT *object = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (usages); i++)
    if (g_str_equal (usages[i].word, usage))
      return OBJ_nid2obj (usages[i].nid);

  ERR_clear_error ();
  if (g_ascii_isdigit (usage[0]) && strchr (usage, '.'))
    object = OBJ_txt2obj (usage, 1);
  if (!object) {
    g_autofree char *shown = g_strescape (usage, NULL);
    ERR_clear_error ();
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "usage '%.60s' is not known", shown);
    clm_error_set_hint (error ? *error : NULL, "use server, client, email, code, ocsp, time or a dotted OID");
  }
  return object;
}

char *
clm_x509_usage_from_object (const ASN1_OBJECT *object)
{
  char oid[128];
  int nid = OBJ_obj2nid (object);

  for (guint i = 0; nid != NID_undef && i < G_N_ELEMENTS (usages); i++)
    if (usages[i].nid == nid)
      return g_strdup (usages[i].word);
  OBJ_obj2txt (oid, sizeof oid, object, 1);
  return g_strdup (oid);
}
