/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "specifiers.h"

#include <string.h>
#include <unistd.h>

/* What makers leave where the serial number should be; in lower case. */
static const char *const placeholders[] = {
  "to be filled by o.e.m.", "to be filled by oem", "default string", "system serial number", "not specified", "not applicable",
  "not available", "none", "n/a", "na", "unknown", "invalid", "serial", "o.e.m.", "oem", "chassis serial number", NULL
};

ClmSpecifiers *
clm_specifiers_new (const char *host_name, const char *machine_id, const char *serial_number)
{
  ClmSpecifiers *self = g_new0 (ClmSpecifiers, 1);

  self->host_name = g_strdup (host_name);
  self->machine_id = g_strdup (machine_id);
  self->serial_number = g_strdup (serial_number);
  return self;
}

ClmSpecifiers *
clm_specifiers_copy (const ClmSpecifiers *self)
{
  return clm_specifiers_new (self->host_name, self->machine_id, self->serial_number);
}

void
clm_specifiers_free (ClmSpecifiers *self)
{
  if (!self)
    return;
  g_free (self->host_name);
  g_free (self->machine_id);
  g_free (self->serial_number);
  g_free (self);
}

/* Firmware pads with NUL (device tree) or blanks (DMI). */
static char *
read_word (const char *root, const char *path)
{
  g_autofree char *whole = g_build_filename (root ? root : "/", path, NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (whole, &text, NULL, NULL))
    return NULL;
  g_strstrip (text);
  return *text ? g_steal_pointer (&text) : NULL;
}

static gboolean
is_placeholder (const char *serial)
{
  g_autofree char *lower = g_ascii_strdown (serial, -1);

  return g_strv_contains (placeholders, lower) || strspn (serial, "0") == strlen (serial);
}

static char *
read_serial_number (const char *root)
{
  const char *const paths[] = { "sys/class/dmi/id/product_serial", "proc/device-tree/serial-number", NULL };

  for (guint i = 0; paths[i]; i++) {
    g_autofree char *serial = read_word (root, paths[i]);

    if (serial && !is_placeholder (serial))
      return g_steal_pointer (&serial);
  }
  return NULL;
}

static char *
read_host_name (const char *root)
{
  char name[256] = "";

  if (root)
    return read_word (root, "etc/hostname");
  if (gethostname (name, sizeof name - 1) < 0 || !*name)
    return NULL;
  return g_strdup (name);
}

ClmSpecifiers *
clm_specifiers_load (const char *root)
{
  g_autofree char *host_name = read_host_name (root);
  g_autofree char *machine_id = read_word (root, "etc/machine-id");
  g_autofree char *serial_number = read_serial_number (root);

  return clm_specifiers_new (host_name, machine_id, serial_number);
}

static gboolean
is_plain (const char *value)
{
  for (const char *p = value; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("._:-", *p))
      return FALSE;
  return *value;
}

static const char *
look_up (const ClmSpecifiers *self, char letter, const char *instance)
{
  switch (letter) {
  case 'i':
    return instance;
  case 'H':
    return self ? self->host_name : NULL;
  case 'm':
    return self ? self->machine_id : NULL;
  case 'S':
    return self ? self->serial_number : NULL;
  default:
    return NULL;
  }
}

static void
set_unknown (char letter, GError **error)
{
  g_autoptr (GError) local = NULL;

  switch (letter) {
  case 'i':
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%%i has no meaning outside of a template");
    clm_error_set_hint (local, "name the file NAME@INSTANCE and link it to the template NAME@");
    break;
  case 'H':
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%%H: this machine has no host name");
    clm_error_set_hint (local, "set one in /etc/hostname");
    break;
  case 'm':
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%%m: this machine has no machine id");
    clm_error_set_hint (local, "make /etc/machine-id, for example with systemd-machine-id-setup or dbus-uuidgen");
    break;
  case 'S':
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%%S: this device tells no serial number");
    clm_error_set_hint (local, "set SerialNumber= in group [Daemon] of certloom.conf");
    break;
  default:
    local = g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "%%%c is no specifier", letter);
    clm_error_set_hint (local, "use %%i, %%H, %%m or %%S, and %%%% for a per cent sign before a letter");
  }
  g_propagate_error (error, g_steal_pointer (&local));
}

static gboolean
append_value (GString *result, const ClmSpecifiers *self, char letter, const char *instance, GError **error)
{
  const char *value = look_up (self, letter, instance);

  if (!value) {
    set_unknown (letter, error);
    return FALSE;
  }
  if (!is_plain (value)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_CONFIG, "%%%c stands for a text with other characters than A-Z a-z 0-9 . _ : -", letter);
    if (error && letter == 'S')
      clm_error_set_hint (*error, "set SerialNumber= in group [Daemon] of certloom.conf");
    return FALSE;
  }
  g_string_append (result, value);
  return TRUE;
}

char *
clm_specifiers_expand (const ClmSpecifiers *self, const char *text, const char *instance, GError **error)
{
  g_autoptr (GString) result = NULL;

  g_return_val_if_fail (text, NULL);

  if (!strchr (text, '%'))
    return g_strdup (text);
  result = g_string_sized_new (strlen (text) + 32);
  for (const char *p = text; *p; p++) {
    if (*p != '%' || !(g_ascii_isalpha (p[1]) || p[1] == '%')) {
      g_string_append_c (result, *p);
      continue;
    }
    p++;
    if (*p == '%')
      g_string_append_c (result, '%');
    else if (!append_value (result, self, *p, instance, error))
      return NULL;
  }
  return g_string_free (g_steal_pointer (&result), FALSE);
}

gboolean
clm_specifiers_uses_instance (const char *text)
{
  for (const char *p = strchr (text, '%'); p && p[1]; p = strchr (p + 2, '%'))
    if (p[1] == 'i')
      return TRUE;
  return FALSE;
}
