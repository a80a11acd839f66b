/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "config-tree.h"

#define MAX_MESSAGE 16384

guint8
clm_fuzz_take_byte (ClmFuzzInput *input)
{
  if (input->left == 0)
    return 0;
  input->left--;
  return *input->at++;
}

gint64
clm_fuzz_take_int64 (ClmFuzzInput *input)
{
  guint64 value = 0;

  for (guint i = 0; i < 8; i++)
    value |= (guint64) clm_fuzz_take_byte (input) << (8 * i);
  return (gint64) value;
}

char *
clm_fuzz_take_text (ClmFuzzInput *input)
{
  gsize length = input->left > 0 ? strnlen ((const char *) input->at, input->left) : 0;
  char *text = g_strndup ((const char *) input->at, length);

  length += length < input->left;
  input->at += length;
  input->left -= length;
  return text;
}

char *
clm_fuzz_take_utf8 (ClmFuzzInput *input)
{
  g_autofree char *text = clm_fuzz_take_text (input);

  return g_utf8_make_valid (text, -1);
}

char *
clm_fuzz_take_line (ClmFuzzInput *input)
{
  char *text = clm_fuzz_take_utf8 (input);

  for (char *c = text; *c; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      memset (c, '_', (gsize) (g_utf8_next_char (c) - c));
  return text;
}

GBytes *
clm_fuzz_take_rest (ClmFuzzInput *input)
{
  guint8 *copy = g_malloc (MAX (input->left, 1));   /* as a file's contents are, never NULL */
  GBytes *rest = g_bytes_new_take (copy, input->left);

  if (input->left > 0)
    memcpy (copy, input->at, input->left);
  input->at += input->left;
  input->left = 0;
  return rest;
}

static gsize
measure_der (const ClmFuzzInput *input)
{
  gsize size = input->left > 1 ? input->at[1] : 0, head = 2;

  if (size >= 0x80) {
    guint octets = size & 0x7f;
    if (octets == 0 || octets > 3 || input->left < head + octets)
      return input->left;
    for (size = 0; octets > 0; octets--)
      size = size << 8 | input->at[head++];
  }
  return MIN (head + size, input->left);
}

GBytes *
clm_fuzz_take_der (ClmFuzzInput *input)
{
  gsize size = measure_der (input);
  GBytes *der;

  if (input->left == 0)
    return NULL;
  der = g_bytes_new (input->at, size);
  input->at += size;
  input->left -= size;
  return der;
}

void
clm_fuzz_assert_text (const char *text)
{
  g_assert_nonnull (text);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *c = text; *c; c = g_utf8_next_char (c))
    g_assert_true (!g_unichar_iscntrl (g_utf8_get_char (c)) || *c == '\t');
}

void
clm_fuzz_assert_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (error->domain == CLM_ERROR);
  g_assert_cmpuint (strlen (error->message), >, 0);
  g_assert_cmpuint (strlen (error->message), <, MAX_MESSAGE);
  clm_fuzz_assert_text (error->message);
}

static char *folder;

static void
remove_folder (void)
{
  tree_remove (folder);
}

const char *
clm_fuzz_get_folder (void)
{
  const char *memory = "/dev/shm";

  if (folder == NULL) {
    folder = g_build_filename (access (memory, W_OK) == 0 ? memory : g_get_tmp_dir (), "certloom-fuzz-XXXXXX", NULL);
    g_assert_nonnull (g_mkdtemp (folder));
    atexit (remove_folder);
  }
  return folder;
}
