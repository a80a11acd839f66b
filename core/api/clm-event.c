/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clm-event.h"

#include <string.h>

#include "clm-error.h"

#define MESSAGE_MAX 2048
#define FIELD_MAX 4096

/* The ids are random, chosen once, and never change; bus/data/certloom.catalog explains each of them. */
static const struct {
  const char *nick;
  const char *message_id;
  ClmSeverity severity;
} kinds[] = {
  [CLM_EVENT_STARTED] = {"started", "bf0c86aef2fd4ac4aec6a869f1766375", CLM_SEVERITY_INFO},
  [CLM_EVENT_STOPPED] = {"stopped", "8c10dc7dbede49c282010262a84863ef", CLM_SEVERITY_INFO},
  [CLM_EVENT_RECOVERED] = {"recovered", "56950b540dd5413482ea1f804978ff03", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_CONFIG_RELOADED] = {"config-reloaded", "872622b28a0146b0ad3792cd75019b4b", CLM_SEVERITY_INFO},
  [CLM_EVENT_CONFIG_REJECTED] = {"config-rejected", "7a13535d2f82421195377dbe09aeaabe", CLM_SEVERITY_WARNING},
  [CLM_EVENT_BACKEND_FAILED] = {"backend-failed", "0b7f88d8544e427f990a992da304eae1", CLM_SEVERITY_WARNING},
  [CLM_EVENT_CLOCK_CHANGED] = {"clock-changed", "c3e1aff8869e4231aef6037c20efb238", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_ADDED] = {"added", "8dc68d3313c644508a28193f8229d010", CLM_SEVERITY_INFO},
  [CLM_EVENT_REMOVED] = {"removed", "094af7086e5e4e9cb154d7a19cc9a7fd", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_ENROLL_FAILED] = {"enroll-failed", "1da8a205604842d692d1dd83bef7e1e4", CLM_SEVERITY_WARNING},
  [CLM_EVENT_PENDING] = {"pending", "e837d2cacdc64cba8b572b4e3a12249f", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_POLICY_REJECTED] = {"policy-rejected", "7d1f274d2f294e42840eda45076ea83b", CLM_SEVERITY_WARNING},
  [CLM_EVENT_ISSUED] = {"issued", "508ee6c763b942708d9ec042c45dfc33", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_RENEWED] = {"renewed", "61f2b68d73574ab6b5f2802ab3c85561", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_DELIVERED] = {"delivered", "77881013bdb948f6ba1d39d8f0885a80", CLM_SEVERITY_INFO},
  [CLM_EVENT_DELIVERY_FAILED] = {"delivery-failed", "c31d9157985b4d5db6c8283ed47b75fe", CLM_SEVERITY_WARNING},
  [CLM_EVENT_ROLLED_BACK] = {"rolled-back", "d28bb2992cce4d939ef2ee7dcf35c267", CLM_SEVERITY_WARNING},
  [CLM_EVENT_EXPIRING] = {"expiring", "4a8215d9a9b442519c49950dca5f0a7a", CLM_SEVERITY_WARNING},
  [CLM_EVENT_EXPIRED] = {"expired", "0f367dea623e4d65baf2637f686c81f6", CLM_SEVERITY_CRITICAL},
  [CLM_EVENT_REVOKED] = {"revoked", "694c7aa51737447e8e34b96d12319803", CLM_SEVERITY_WARNING},
  [CLM_EVENT_HELD] = {"held", "ebd392e8db494f22804dc27e6e265dd1", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_RELEASED] = {"released", "988f43121ae441f396199948a47aed41", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_GENERATION_DAMAGED] = {"generation-damaged", "08883a01d39847079bb369a0a831c891", CLM_SEVERITY_CRITICAL},
  [CLM_EVENT_KEY_CREATED] = {"key-created", "b7d944066bed418aa79b5a29c11e3a3d", CLM_SEVERITY_INFO},
  [CLM_EVENT_KEY_DESTROYED] = {"key-destroyed", "71883fcaa5824a6f9afbcf6bb603ce86", CLM_SEVERITY_INFO},
  [CLM_EVENT_KEY_UNAVAILABLE] = {"key-unavailable", "36705e5b5a904c9d8a7c007ecda01344", CLM_SEVERITY_WARNING},
  [CLM_EVENT_AUTHORITY_UNREACHABLE] = {"authority-unreachable", "a1c2b7af1d9e4021bdb8932f9c4cae0b", CLM_SEVERITY_WARNING},
  [CLM_EVENT_AUTHORITY_RECOVERED] = {"authority-recovered", "332d9e30957640e7812dd53711a8ae04", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_CRL_PUBLISHED] = {"crl-published", "3fff95892a7a4a099f1f2e1055b0ee8c", CLM_SEVERITY_INFO},
  [CLM_EVENT_CA_SIGNED] = {"ca-signed", "c902b7896240481dbcdbbee1fa4daf2c", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_ACCESS_DENIED] = {"access-denied", "0e53fa2a19ab40fe8f3b38aab210c423", CLM_SEVERITY_WARNING},
  [CLM_EVENT_STORAGE_FAILED] = {"storage-failed", "9d80d1548a2643ac97540920053377b7", CLM_SEVERITY_CRITICAL},
  [CLM_EVENT_STORAGE_RECOVERED] = {"storage-recovered", "7abceb22783746b38d1beaf65cefdb6c", CLM_SEVERITY_NOTICE},
  [CLM_EVENT_NOTIFIER_FAILED] = {"notifier-failed", "ac59e9fb5b0d4040964b94d3c53ce071", CLM_SEVERITY_WARNING},
};
G_STATIC_ASSERT (G_N_ELEMENTS (kinds) == CLM_N_EVENT_KINDS);

static const char *const severities[] = {
  [CLM_SEVERITY_DEBUG] = "debug",
  [CLM_SEVERITY_INFO] = "info",
  [CLM_SEVERITY_NOTICE] = "notice",
  [CLM_SEVERITY_WARNING] = "warning",
  [CLM_SEVERITY_CRITICAL] = "critical",
};

typedef struct {
  char *key;
  char *value;
} Field;

struct _ClmEvent {
  gatomicrefcount ref_count;
  ClmEventKind    kind;
  ClmSeverity     severity;
  gint64          time;
  char           *subject_kind;
  char           *subject;
  char           *message;
  GArray         *fields;
};

G_DEFINE_BOXED_TYPE (ClmEvent, clm_event, clm_event_ref, clm_event_unref)

static gboolean
is_kind (ClmEventKind kind)
{
  return (int) kind >= 0 && kind < CLM_N_EVENT_KINDS;
}

const char *
clm_event_kind_get_nick (ClmEventKind kind)
{
  return is_kind (kind) ? kinds[kind].nick : "unknown";
}

gboolean
clm_event_kind_from_nick (const char *nick, ClmEventKind *kind)
{
  g_return_val_if_fail (nick != NULL, FALSE);

  for (int i = 0; i < CLM_N_EVENT_KINDS; i++) {
    if (g_str_equal (kinds[i].nick, nick)) {
      *kind = i;
      return TRUE;
    }
  }
  return FALSE;
}

const char *
clm_event_kind_get_message_id (ClmEventKind kind)
{
  g_return_val_if_fail (is_kind (kind), NULL);
  return kinds[kind].message_id;
}

ClmSeverity
clm_event_kind_get_severity (ClmEventKind kind)
{
  g_return_val_if_fail (is_kind (kind), CLM_SEVERITY_INFO);
  return kinds[kind].severity;
}

const char *
clm_severity_get_nick (ClmSeverity severity)
{
  g_return_val_if_fail ((int) severity >= 0 && severity < G_N_ELEMENTS (severities), "info");
  return severities[severity];
}

gboolean
clm_severity_from_nick (const char *nick, ClmSeverity *severity)
{
  g_return_val_if_fail (nick != NULL, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (severities); i++) {
    if (g_str_equal (severities[i], nick)) {
      *severity = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* Control characters, and those that reorder or break lines on a terminal. */
static gboolean
is_unprintable (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

static void
append_escaped (GString *out, gunichar c)
{
  if (c == '\n')
    g_string_append (out, "\\n");
  else if (c == '\t')
    g_string_append (out, "\\t");
  else if (c == '\r')
    g_string_append (out, "\\r");
  else if (c < 0x80)
    g_string_append_printf (out, "\\x%02x", c);
  else if (is_unprintable (c))
    g_string_append_printf (out, "\\u%04x", c);
  else
    g_string_append_unichar (out, c);
}

static char *
clean_text (const char *text, gsize max)
{
  /* What is cut anyway need not be looked at. */
  g_autofree char *head = g_strndup (text, max + 4);
  g_autofree char *valid = g_utf8_make_valid (head, -1);
  g_autoptr (GString) out = g_string_sized_new (64);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    gsize before = out->len;
    if (is_unprintable (c))
      append_escaped (out, c);
    else
      g_string_append_unichar (out, c);
    if (out->len > max - strlen ("…")) {
      g_string_truncate (out, before);
      g_string_append (out, "…");
      break;
    }
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
field_clear (gpointer data)
{
  Field *field = data;

  g_free (field->key);
  g_free (field->value);
}

ClmEvent *
clm_event_new (ClmEventKind kind, gint64 time, const char *subject_kind, const char *subject, const char *format, ...)
{
  va_list args;

  g_return_val_if_fail (is_kind (kind), NULL);
  g_return_val_if_fail (format != NULL, NULL);

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);

  ClmEvent *self = g_new0 (ClmEvent, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->kind = kind;
  self->severity = kinds[kind].severity;
  self->time = time;
  self->subject_kind = g_strdup (subject_kind);
  self->subject = subject != NULL ? clean_text (subject, FIELD_MAX) : NULL;
  self->message = clean_text (message, MESSAGE_MAX);
  self->fields = g_array_new (FALSE, FALSE, sizeof (Field));
  g_array_set_clear_func (self->fields, field_clear);
  return self;
}

ClmEvent *
clm_event_ref (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
clm_event_unref (ClmEvent *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->subject_kind);
  g_free (self->subject);
  g_free (self->message);
  g_array_unref (self->fields);
  g_free (self);
}

void
clm_event_set_severity (ClmEvent *self, ClmSeverity severity)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail ((int) severity >= 0 && severity < G_N_ELEMENTS (severities));

  self->severity = severity;
}

static Field *
find_field (ClmEvent *self, const char *key)
{
  for (guint i = 0; i < self->fields->len; i++) {
    Field *field = &g_array_index (self->fields, Field, i);
    if (g_str_equal (field->key, key))
      return field;
  }
  return NULL;
}

static gboolean
is_field_key (const char *key)
{
  return key != NULL && g_ascii_islower (*key) &&
         strspn (key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen (key);
}

void
clm_event_add_field (ClmEvent *self, const char *key, const char *value)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (is_field_key (key));

  if (value == NULL)
    return;
  Field *old = find_field (self, key);
  if (old != NULL) {
    g_free (old->value);
    old->value = clean_text (value, FIELD_MAX);
    return;
  }
  Field field = {g_strdup (key), clean_text (value, FIELD_MAX)};
  g_array_append_val (self->fields, field);
}

static char *
describe_code (const GError *error)
{
  if (error->domain == CLM_ERROR)
    return g_strdup (clm_error_code_to_nick (error->code));
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_strdup ("Cancelled");
  return g_strdup_printf ("%s:%d", g_quark_to_string (error->domain), error->code);
}

void
clm_event_add_error (ClmEvent *self, const GError *error)
{
  g_return_if_fail (self != NULL);

  if (error == NULL)
    return;
  g_autofree char *code = describe_code (error);
  clm_event_add_field (self, "error", error->message);
  clm_event_add_field (self, "error_code", code);
  clm_event_add_field (self, "hint", clm_error_get_hint (error));
}

ClmEventKind
clm_event_get_kind (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, CLM_EVENT_STARTED);
  return self->kind;
}

ClmSeverity
clm_event_get_severity (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, CLM_SEVERITY_INFO);
  return self->severity;
}

gint64
clm_event_get_time (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->time;
}

const char *
clm_event_get_subject_kind (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->subject_kind;
}

const char *
clm_event_get_subject (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->subject;
}

const char *
clm_event_get_message (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->message;
}

const char *
clm_event_get_field (ClmEvent *self, const char *key)
{
  g_return_val_if_fail (self != NULL && key != NULL, NULL);

  Field *field = find_field (self, key);
  return field != NULL ? field->value : NULL;
}

GStrv
clm_event_list_fields (ClmEvent *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();
  for (guint i = 0; i < self->fields->len; i++)
    g_strv_builder_add (keys, g_array_index (self->fields, Field, i).key);
  return g_strv_builder_end (keys);
}
