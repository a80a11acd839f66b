/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mutates DER by its tree: one value changes, goes, is doubled or replaced by another one, and the lengths around it are put right.
 * libFuzzer alone breaks a length with almost every byte it puts in, and then sees nothing but the first check of it.
 */
#include "fuzz.h"

#include <string.h>

#define CONSTRUCTED 0x20
#define BIT_STRING 0x03
#define OCTET_STRING 0x04
#define MAX_DEPTH 24
#define MAX_VALUE 4096

gsize LLVMFuzzerMutate (guint8 *data, gsize size, gsize max_size);
gsize LLVMFuzzerCustomMutator (guint8 *data, gsize size, gsize max_size, unsigned int seed);

/* @unused: the first byte of a BIT STRING that holds DER; -1 elsewhere. @children: (nullable): else @value is it */
typedef struct _Node {
  guint8      tag;
  int         unused;
  GByteArray *value;
  GPtrArray  *children;
} Node;

static void
node_free (gpointer data)
{
  Node *node = data;

  g_clear_pointer (&node->value, g_byte_array_unref);
  g_clear_pointer (&node->children, g_ptr_array_unref);
  g_free (node);
}

static gboolean
read_head (ClmFuzzInput *in, guint8 *tag, gsize *size)
{
  guint octets;

  if (in->left < 2 || (in->at[0] & 0x1f) == 0x1f)
    return FALSE;
  *tag = clm_fuzz_take_byte (in);
  *size = clm_fuzz_take_byte (in);
  if (*size >= 0x80) {
    octets = *size & 0x7f;
    if (octets == 0 || octets > 3 || octets > in->left)
      return FALSE;
    for (*size = 0; octets > 0; octets--)
      *size = *size << 8 | clm_fuzz_take_byte (in);
  }
  return *size <= in->left;
}

static GPtrArray *parse (const guint8 *data, gsize size, guint depth);

static Node *
parse_node (guint8 tag, const guint8 *value, gsize size, guint depth)
{
  Node *node = g_new0 (Node, 1);
  gboolean wraps = (tag == OCTET_STRING && size > 2) || (tag == BIT_STRING && size > 3 && value[0] == 0);
  guint skip = tag == BIT_STRING && wraps ? 1 : 0;

  node->tag = tag;
  node->unused = skip > 0 ? value[0] : -1;
  if ((tag & CONSTRUCTED) || wraps)
    node->children = parse (value + skip, size - skip, depth + 1);
  if (node->children == NULL) {
    node->unused = -1;
    node->value = g_byte_array_append (g_byte_array_new (), value, (guint) size);
  }
  return node;
}

/* NULL where @data is no row of DER values. */
static GPtrArray *
parse (const guint8 *data, gsize size, guint depth)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func (node_free);
  ClmFuzzInput in = { data, size };

  while (in.left > 0) {
    guint8 tag;
    gsize length;
    if (depth > MAX_DEPTH || !read_head (&in, &tag, &length))
      return NULL;
    g_ptr_array_add (nodes, parse_node (tag, in.at, length, depth));
    in.at += length;
    in.left -= length;
  }
  return g_steal_pointer (&nodes);
}

static void write_nodes (GByteArray *out, GPtrArray *nodes);

static void
write_node (GByteArray *out, const Node *node)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  guint8 head[5] = { node->tag };
  guint used = 1;

  if (node->unused >= 0)
    g_byte_array_append (body, (guint8[]) { (guint8) node->unused }, 1);
  if (node->children != NULL)
    write_nodes (body, node->children);
  else if (node->value->len > 0)
    g_byte_array_append (body, node->value->data, node->value->len);
  if (body->len >= 0x80)
    head[used++] = body->len < 0x100 ? 0x81 : body->len < 0x10000 ? 0x82 : 0x83;
  for (int shift = body->len < 0x100 ? 0 : body->len < 0x10000 ? 8 : 16; shift >= 0; shift -= 8)
    head[used++] = (guint8) (body->len >> shift);
  g_byte_array_append (out, head, used);
  if (body->len > 0)
    g_byte_array_append (out, body->data, body->len);
}

static void
write_nodes (GByteArray *out, GPtrArray *nodes)
{
  for (guint i = 0; i < nodes->len; i++)
    write_node (out, nodes->pdata[i]);
}

/* Where a node stands. */
typedef struct {
  GPtrArray *list;
  guint      at;
} Place;

static void
collect (GPtrArray *nodes, GArray *places)
{
  for (guint i = 0; i < nodes->len; i++) {
    Place place = { nodes, i };
    const Node *node = nodes->pdata[i];
    g_array_append_val (places, place);
    if (node->children != NULL)
      collect (node->children, places);
  }
}

static Node *
copy_node (const Node *node)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GPtrArray) again = NULL;

  write_node (out, node);
  again = parse (out->data, out->len, 0);
  return again != NULL && again->len == 1 ? g_ptr_array_steal_index (again, 0) : NULL;
}

static void
put_copy (const Place *from, const Place *to, gboolean replace)
{
  Node *copy = copy_node (from->list->pdata[from->at]);

  if (copy == NULL)
    return;
  if (replace)
    g_ptr_array_remove_index (to->list, to->at);
  g_ptr_array_insert (to->list, (int) to->at, copy);
}

static void
mutate_value (Node *node)
{
  guint8 buffer[MAX_VALUE];
  gsize size;

  if (node->children != NULL || node->value->len > MAX_VALUE / 2) {
    node->tag ^= (guint8) (1u << g_random_int_range (0, 8));
    return;
  }
  if (node->value->len > 0)
    memcpy (buffer, node->value->data, node->value->len);
  size = LLVMFuzzerMutate (buffer, node->value->len, MIN (MAX_VALUE, node->value->len + 64));
  g_byte_array_set_size (node->value, 0);
  g_byte_array_append (node->value, buffer, (guint) size);
}

static void
mutate_tree (GPtrArray *nodes, GRand *rand)
{
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (Place));
  const Place *one, *other;

  collect (nodes, places);
  one = &g_array_index (places, Place, g_rand_int_range (rand, 0, (gint32) places->len));
  other = &g_array_index (places, Place, g_rand_int_range (rand, 0, (gint32) places->len));
  switch (g_rand_int_range (rand, 0, 8)) {
  case 0:
    g_ptr_array_remove_index (one->list, one->at);
    break;
  case 1:
    put_copy (one, one, FALSE);
    break;
  case 2:
    put_copy (one, other, TRUE);
    break;
  case 3:
    put_copy (one, other, FALSE);
    break;
  default:
    mutate_value (one->list->pdata[one->at]);
  }
}

gsize
LLVMFuzzerCustomMutator (guint8 *data, gsize size, gsize max_size, unsigned int seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  gsize head = MIN (clm_fuzz_head, size);
  g_autoptr (GPtrArray) nodes = parse (data + head, size - head, 0);

  g_random_set_seed (seed);
  if (nodes == NULL || nodes->len == 0 || g_rand_int_range (rand, 0, 8) == 0)
    return LLVMFuzzerMutate (data, size, max_size);
  mutate_tree (nodes, rand);
  write_nodes (out, nodes);
  if (head + out->len > max_size)
    return LLVMFuzzerMutate (data, size, max_size);
  if (out->len > 0)
    memcpy (data + head, out->data, out->len);
  if (head > 0 && g_rand_int_range (rand, 0, 8) == 0)
    LLVMFuzzerMutate (data, head, head);
  return head + out->len;
}
