/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verifier.h"

#include "key.h"

struct _ClmCaVerifier {
  EVP_PKEY *key;   /* NULL: none that could be read */
};

ClmCaVerifier *
clm_ca_verifier_new (GBytes *spki)
{
  ClmCaVerifier *self = g_new0 (ClmCaVerifier, 1);

  self->key = clm_x509_key_from_spki (spki, NULL);
  return self;
}

void
clm_ca_verifier_free (ClmCaVerifier *self)
{
  EVP_PKEY_free (self->key);
  g_free (self);
}

static void
free_data (gpointer data)
{
  clm_ca_verifier_free (data);
}

ClmCaVerifier *
clm_ca_verifier_of (ClmKey *key)
{
  GQuark quark = g_quark_from_static_string ("clm-ca-verifier");
  ClmCaVerifier *known = g_object_get_qdata (G_OBJECT (key), quark), *made;

  if (known != NULL)
    return known;
  made = clm_ca_verifier_new (clm_key_get_spki (key));
  if (!g_object_replace_qdata (G_OBJECT (key), quark, NULL, made, free_data, NULL))
    clm_ca_verifier_free (made);
  return g_object_get_qdata (G_OBJECT (key), quark);
}

gboolean
clm_ca_verifier_check (ClmCaVerifier *self, const ClmCaDigest *digest, GBytes *signature)
{
  g_autoptr (EVP_PKEY_CTX) context = self->key != NULL ? EVP_PKEY_CTX_new_from_pkey (NULL, self->key, NULL) : NULL;
  gboolean verified;

  ERR_set_mark ();
  verified = context != NULL && EVP_PKEY_verify_init (context) == 1 &&
             EVP_PKEY_verify (context, g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), digest->octets, digest->size) == 1;
  ERR_pop_to_mark ();
  return verified;
}
