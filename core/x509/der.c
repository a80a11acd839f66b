/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "der.h"

#define CONSTRUCTED 0x20
#define LONG_FORM 0x80
#define TAG_MASK 0x1f

typedef struct {
  const guint8 *at;
  gsize         left;
} Cursor;

static gboolean
read_byte (Cursor *cursor, guint8 *byte)
{
  if (!cursor->left)
    return FALSE;
  *byte = *cursor->at++;
  cursor->left--;
  return TRUE;
}

/* High tag numbers (more bytes) occur in none of the types we read. */
static gboolean
read_tag (Cursor *cursor, guint8 *tag)
{
  return read_byte (cursor, tag) && (*tag & TAG_MASK) != TAG_MASK;
}

static gboolean
read_length (Cursor *cursor, gsize *length)
{
  guint8 byte;

  if (!read_byte (cursor, &byte))
    return FALSE;
  if (byte < LONG_FORM) {
    *length = byte;
    return *length <= cursor->left;
  }

  guint n = byte & ~LONG_FORM;
  if (n == 0 || n > 4)   /* indefinite, or absurd */
    return FALSE;
  *length = 0;
  for (guint i = 0; i < n; i++) {
    if (!read_byte (cursor, &byte) || (i == 0 && byte == 0))
      return FALSE;
    *length = *length << 8 | byte;
  }
  return *length >= LONG_FORM && *length <= cursor->left;
}

/* Reads all values in @cursor and those in them. */
static const char *
check_values (Cursor *cursor, guint depth)
{
  if (depth > CLM_DER_MAX_DEPTH)
    return "nested too deep";

  while (cursor->left) {
    guint8 tag;
    gsize length;
    if (!read_tag (cursor, &tag) || !read_length (cursor, &length))
      return "not DER";
    if (tag & CONSTRUCTED) {
      Cursor inner = { cursor->at, length };
      const char *problem = check_values (&inner, depth + 1);
      if (problem)
        return problem;
    }
    cursor->at += length;
    cursor->left -= length;
  }
  return NULL;
}

static const char *
check_frame (const guint8 *data, gsize size, gsize max_size)
{
  Cursor cursor = { data, size };
  guint8 tag;
  gsize length;

  if (!size)
    return "empty";
  if (size > max_size)
    return "too large";
  if (!read_tag (&cursor, &tag) || !read_length (&cursor, &length))
    return "not DER";
  if (length != cursor.left)
    return "bytes after its end";
  cursor = (Cursor) { data, size };
  return check_values (&cursor, 0);
}

gboolean
clm_x509_der_check (const char *what, const void *data, gsize size, gsize max_size, GError **error)
{
  const char *problem = check_frame (data, size, max_size);

  if (!problem)
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s is malformed: %s", what, problem);
  return FALSE;
}
