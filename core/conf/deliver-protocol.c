/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deliver-protocol.h"
#include "clm-error.h"

#include <string.h>

#define MAX_NAME 64
#define MAX_TEXT 4096
#define MAX_ADDRESS 300

static const char *const verb_words[CLM_N_DELIVER_VERBS] = {"deliver", "describe", "list"};
static const char *const file_words[CLM_N_DELIVER_FILES] = {"leaf", "chain", "key", "anchors"};
static const char *const check_words[CLM_N_DELIVER_CHECKS] = {"none", "tls", "command"};
static const struct {
  const char *name, *type;
} request_keys[] = {
  {"version", "u"}, {"serial", "t"}, {"verb", "s"}, {"delivery", "s"}, {"certificate", "s"}, {"generation", "t"}, {"force", "b"}, {"files", "as"},
};

void
clm_deliver_request_clear (ClmDeliverRequest *self)
{
  g_clear_pointer (&self->delivery, g_free);
  g_clear_pointer (&self->certificate, g_free);
}

void
clm_deliver_check_clear (ClmDeliverCheck *self)
{
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->server_name, g_free);
}

void
clm_deliver_check_copy (ClmDeliverCheck *self, const ClmDeliverCheck *from)
{
  *self = *from;
  self->address = g_strdup (from->address);
  self->server_name = g_strdup (from->server_name);
}

void
clm_deliver_reply_clear (ClmDeliverReply *self)
{
  g_clear_pointer (&self->stage, g_free);
  g_clear_pointer (&self->message, g_free);
  g_clear_pointer (&self->hint, g_free);
  g_clear_pointer (&self->output, g_free);
  g_clear_pointer (&self->names, g_strfreev);
  clm_deliver_check_clear (&self->check);
}

gboolean
clm_deliver_name_is_valid (const char *name)
{
  gsize length = strlen (name);

  if (length == 0 || length > MAX_NAME || !(g_ascii_islower (name[0]) || g_ascii_isdigit (name[0])))
    return FALSE;
  return strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

gboolean
clm_deliver_address_is_valid (const char *address)
{
  g_autoptr (GSocketConnectable) parsed = strlen (address) < MAX_ADDRESS ? g_network_address_parse (address, 0, NULL) : NULL;
  const char *host;

  if (parsed == NULL || g_network_address_get_port (G_NETWORK_ADDRESS (parsed)) == 0)
    return FALSE;
  host = g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed));
  if (g_hostname_is_ip_address (host))
    return TRUE;
  return g_ascii_isalnum (host[0]) && strspn (host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen (host);
}

char *
clm_deliver_text_cut (const char *text, gssize length, gsize max)
{
  gsize size = length < 0 ? strlen (text) : (gsize) length;
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) MIN (size, max));

  if (strlen (valid) > max) {
    char *end = g_utf8_find_prev_char (valid, valid + max + 1);
    *end = '\0';
  }
  return g_steal_pointer (&valid);
}

static gboolean
find_word (const char *const *words, guint n, const char *word, guint *index)
{
  for (guint i = 0; i < n; i++) {
    if (g_str_equal (words[i], word)) {
      *index = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* Little endian on the wire, whatever the machine, so that a recorded datagram is a fuzz seed everywhere. */
static GVariant *
swap_if_big_endian (GVariant *value)
{
#if G_BYTE_ORDER == G_BIG_ENDIAN
  GVariant *swapped = g_variant_byteswap (value);
  g_variant_unref (value);
  return swapped;
#else
  return value;
#endif
}

static GBytes *
dict_to_bytes (GVariantDict *dict)
{
  g_autoptr (GVariant) value = swap_if_big_endian (g_variant_ref_sink (g_variant_dict_end (dict)));

  return g_bytes_new (g_variant_get_data (value), g_variant_get_size (value));
}

static GVariant *
parse_dict (const void *data, gsize size, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  guint32 version = 0;

  if (size == 0 || size > CLM_DELIVER_MAX_MESSAGE) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "message of %" G_GSIZE_FORMAT " bytes", size);
    return NULL;
  }
  g_autoptr (GBytes) copy = g_bytes_new (data, size);
  value = swap_if_big_endian (g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, copy, FALSE)));
  if (!g_variant_is_normal_form (value)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "malformed message");
    return NULL;
  }
  if (!g_variant_lookup (value, "version", "u", &version) || version != CLM_DELIVER_PROTOCOL_VERSION) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "protocol version %u, this side speaks %u", version,
                 CLM_DELIVER_PROTOCOL_VERSION);
    clm_error_set_hint (error ? *error : NULL, "restart certloomd and certloom-deliver, so that both are of one version");
    return NULL;
  }
  return g_steal_pointer (&value);
}

static void
insert_text (GVariantDict *dict, const char *key, const char *text, gsize max)
{
  g_autofree char *cut = NULL;

  if (text == NULL || text[0] == '\0')
    return;
  cut = clm_deliver_text_cut (text, -1, max);
  g_variant_dict_insert (dict, key, "s", cut);
}

static char *
lookup_text (GVariant *dict, const char *key, gsize max)
{
  const char *text = "";

  g_variant_lookup (dict, key, "&s", &text);
  return clm_deliver_text_cut (text, -1, max);
}

static void
init_dict (GVariantDict *dict, guint64 serial)
{
  g_variant_dict_init (dict, NULL);
  g_variant_dict_insert (dict, "version", "u", (guint32) CLM_DELIVER_PROTOCOL_VERSION);
  g_variant_dict_insert (dict, "serial", "t", serial);
}

GBytes *
clm_deliver_request_encode (const ClmDeliverRequest *self)
{
  g_auto (GVariantDict) dict;
  const char *files[CLM_N_DELIVER_FILES + 1] = {NULL};

  init_dict (&dict, self->serial);
  g_variant_dict_insert (&dict, "verb", "s", verb_words[self->verb]);
  insert_text (&dict, "delivery", self->delivery, MAX_NAME);
  insert_text (&dict, "certificate", self->certificate, MAX_NAME);
  g_variant_dict_insert (&dict, "generation", "t", self->generation);
  g_variant_dict_insert (&dict, "force", "b", self->force);
  for (guint i = 0; i < self->n_files; i++)
    files[i] = file_words[self->files[i]];
  g_variant_dict_insert (&dict, "files", "^as", files);
  return dict_to_bytes (&dict);
}

static gboolean
is_request_entry (const char *key, GVariant *value)
{
  for (guint i = 0; i < G_N_ELEMENTS (request_keys); i++)
    if (g_str_equal (request_keys[i].name, key))
      return g_str_equal (request_keys[i].type, g_variant_get_type_string (value));
  return FALSE;
}

static gboolean
refuse_unknown_keys (GVariant *dict, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *child;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  g_variant_iter_init (&iter, dict);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) value = child;

    if (is_request_entry (key, value) && g_hash_table_add (seen, (gpointer) key))
      continue;
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "request with an unknown or doubled key, or a value of another type");
    return FALSE;
  }
  return TRUE;
}

static gboolean
decode_files (ClmDeliverRequest *self, GVariant *dict, GError **error)
{
  g_autofree const char **words = NULL;

  if (!g_variant_lookup (dict, "files", "^a&s", &words))
    return TRUE;
  for (guint i = 0; words[i]; i++) {
    guint kind;
    gboolean known = i < CLM_N_DELIVER_FILES && find_word (file_words, CLM_N_DELIVER_FILES, words[i], &kind);
    for (guint j = 0; known && j < i; j++)
      known = self->files[j] != (ClmDeliverFile) kind;
    if (!known) {
      g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "request with an unknown or doubled file");
      return FALSE;
    }
    self->files[self->n_files++] = (ClmDeliverFile) kind;
  }
  return TRUE;
}

/* Names are optional where the verb does without them; where they are, they must be names. */
static gboolean
check_names (const ClmDeliverRequest *self, GError **error)
{
  gboolean needs_delivery = self->verb != CLM_DELIVER_LIST;
  gboolean needs_certificate = self->verb == CLM_DELIVER_DELIVER;
  const char *bad = NULL;

  if ((needs_delivery || self->delivery[0]) && !clm_deliver_name_is_valid (self->delivery))
    bad = "delivery";
  else if ((needs_certificate || self->certificate[0]) && !clm_deliver_name_is_valid (self->certificate))
    bad = "certificate";
  if (bad == NULL)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "request without a valid %s name", bad);
  return FALSE;
}

gboolean
clm_deliver_request_decode (ClmDeliverRequest *self, const void *data, gsize size, GError **error)
{
  g_autoptr (GVariant) dict = NULL;
  const char *word = "";
  guint verb;

  memset (self, 0, sizeof *self);
  dict = parse_dict (data, size, error);
  if (dict == NULL)
    return FALSE;
  g_variant_lookup (dict, "serial", "t", &self->serial);
  if (!refuse_unknown_keys (dict, error))
    return FALSE;
  g_variant_lookup (dict, "verb", "&s", &word);
  if (!find_word (verb_words, CLM_N_DELIVER_VERBS, word, &verb)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "request with an unknown verb");
    return FALSE;
  }
  self->verb = (ClmDeliverVerb) verb;
  /* one more than allowed, so that too long a name is refused rather than cut */
  self->delivery = lookup_text (dict, "delivery", MAX_NAME + 1);
  self->certificate = lookup_text (dict, "certificate", MAX_NAME + 1);
  g_variant_lookup (dict, "generation", "t", &self->generation);
  g_variant_lookup (dict, "force", "b", &self->force);
  return decode_files (self, dict, error) && check_names (self, error);
}

static void
insert_check (GVariantDict *dict, const ClmDeliverCheck *check)
{
  g_variant_dict_insert (dict, "check", "s", check_words[check->kind]);
  insert_text (dict, "check-address", check->address, MAX_ADDRESS);
  insert_text (dict, "check-server-name", check->server_name, MAX_ADDRESS);
  g_variant_dict_insert (dict, "check-delay", "x", check->delay_s);
  g_variant_dict_insert (dict, "check-within", "x", check->within_s);
  g_variant_dict_insert (dict, "rollback", "b", check->rollback);
  g_variant_dict_insert (dict, "order", "x", check->order);
}

GBytes *
clm_deliver_reply_encode (const ClmDeliverReply *self)
{
  g_auto (GVariantDict) dict;

  init_dict (&dict, self->serial);
  g_variant_dict_insert (&dict, "ok", "b", self->ok);
  insert_text (&dict, "stage", self->stage, MAX_NAME);
  if (!self->ok) {
    g_variant_dict_insert (&dict, "error", "s", clm_error_code_to_nick (self->code));
    insert_text (&dict, "message", self->message, MAX_TEXT);
    insert_text (&dict, "hint", self->hint, MAX_TEXT);
  }
  insert_text (&dict, "output", self->output, CLM_DELIVER_MAX_OUTPUT);
  g_variant_dict_insert (&dict, "changed", "b", self->changed);
  g_variant_dict_insert (&dict, "acted", "b", self->acted);
  insert_check (&dict, &self->check);
  if (self->names) {
    g_variant_dict_insert (&dict, "names", "^as", self->names);
    g_variant_dict_insert (&dict, "more", "b", self->more);
  }
  return dict_to_bytes (&dict);
}

static int
code_from_nick (const char *nick)
{
  for (int code = 0; code < CLM_N_ERRORS; code++)
    if (g_str_equal (clm_error_code_to_nick (code), nick))
      return code;
  return CLM_ERROR_DELIVERY;
}

static gboolean
decode_check (ClmDeliverCheck *check, GVariant *dict, GError **error)
{
  const char *word = "none";
  guint kind;

  g_variant_lookup (dict, "check", "&s", &word);
  if (!find_word (check_words, CLM_N_DELIVER_CHECKS, word, &kind)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED, "reply with an unknown check");
    return FALSE;
  }
  check->kind = (ClmDeliverCheckKind) kind;
  check->address = lookup_text (dict, "check-address", MAX_ADDRESS);
  check->server_name = lookup_text (dict, "check-server-name", MAX_ADDRESS);
  g_variant_lookup (dict, "check-delay", "x", &check->delay_s);
  g_variant_lookup (dict, "check-within", "x", &check->within_s);
  g_variant_lookup (dict, "rollback", "b", &check->rollback);
  g_variant_lookup (dict, "order", "x", &check->order);
  return TRUE;
}

gboolean
clm_deliver_reply_decode (ClmDeliverReply *self, const void *data, gsize size, GError **error)
{
  g_autoptr (GVariant) dict = NULL;
  const char *nick = "";

  memset (self, 0, sizeof *self);
  dict = parse_dict (data, size, error);
  if (dict == NULL)
    return FALSE;
  g_variant_lookup (dict, "serial", "t", &self->serial);
  if (!g_variant_lookup (dict, "ok", "b", &self->ok)) {
    g_set_error_literal (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "reply without an outcome");
    return FALSE;
  }
  g_variant_lookup (dict, "error", "&s", &nick);
  self->code = code_from_nick (nick);
  self->stage = lookup_text (dict, "stage", MAX_NAME);
  self->message = lookup_text (dict, "message", MAX_TEXT);
  self->hint = lookup_text (dict, "hint", MAX_TEXT);
  self->output = lookup_text (dict, "output", CLM_DELIVER_MAX_OUTPUT);
  g_variant_lookup (dict, "changed", "b", &self->changed);
  g_variant_lookup (dict, "acted", "b", &self->acted);
  g_variant_lookup (dict, "names", "^as", &self->names);
  g_variant_lookup (dict, "more", "b", &self->more);
  return decode_check (&self->check, dict, error);
}
