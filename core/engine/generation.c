/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation.h"

#include "clm-error.h"
#include "durable-file.h"
#include "generation-meta.h"

#define FILE_SIZE_MAX (1024 * 1024)
#define NAME_LENGTH_MAX 64
#define CURRENT "current"
#define CURRENT_NEW "current.new"
#define META "meta"
#define META_NEW "meta.new"
#define RETIRED "retired"

#define MODE_DIRECTORY 0755
#define MODE_PUBLIC 0644
#define MODE_SECRET 0600

static const char *const public_files[] = { "cert.pem", "chain.pem", "fullchain.pem", "trust.pem" };

struct _ClmGenerationStore {
  gatomicrefcount refs;
  int             certificates;
};

/* One certificate's directories, held while one function works on them */
typedef struct {
  int certificate; /* NAME */
  int gen; /* NAME/gen */
} Place;

static void
place_close (Place *place)
{
  clm_durable_clear_fd (&place->certificate);
  clm_durable_clear_fd (&place->gen);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_close)

#define PLACE_NONE { -1, -1 }

/* names and numbers */

static gboolean
is_name (const char *name)
{
  if (!g_ascii_islower (name[0]) && !g_ascii_isdigit (name[0]))
    return FALSE;
  return strlen (name) <= NAME_LENGTH_MAX && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen (name);
}

static gboolean
check_name (const char *name, GError **error)
{
  if (is_name (name))
    return TRUE;
  g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "not a certificate's name");
  return FALSE;
}

static char *
number_to_name (guint number)
{
  return g_strdup_printf ("%06u", number);
}

/* Only the one way of writing a number that number_to_name() uses; 0: no number */
static guint
number_from_name (const char *name)
{
  guint64 number = 0;
  g_autofree char *written = NULL;

  if (!g_ascii_string_to_unsigned (name, 10, 1, G_MAXUINT, &number, NULL))
    return 0;
  written = number_to_name ((guint) number);
  return g_str_equal (written, name) ? (guint) number : 0;
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint x = *(const guint *) a, y = *(const guint *) b;

  return (x > y) - (x < y);
}

static gboolean
is_not_found (const GError *error)
{
  return g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND);
}

/* Always FALSE */
static gboolean
conflict (GError **error, const char *why)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_CONFLICT, "%s", why);
  return FALSE;
}

/* the generation's own data */

ClmGeneration *
clm_generation_new (const char *name, guint number)
{
  ClmGeneration *generation = g_new0 (ClmGeneration, 1);

  generation->name = g_strdup (name);
  generation->number = number;
  generation->chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  generation->anchors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  return generation;
}

void
clm_generation_free (ClmGeneration *generation)
{
  if (generation == NULL)
    return;
  g_free (generation->name);
  g_free (generation->authority);
  g_free (generation->spec_digest);
  g_free (generation->request);
  g_free (generation->key_uri);
  g_free (generation->serial);
  g_free (generation->fingerprint);
  g_clear_pointer (&generation->spki, g_bytes_unref);
  g_clear_pointer (&generation->leaf, g_bytes_unref);
  g_ptr_array_unref (generation->chain);
  g_ptr_array_unref (generation->anchors);
  g_free (generation);
}

/* A public key stands in its certificate byte for byte (RFC 5280 §4.1), so no parser is needed to see that they belong together. */
static gboolean
is_pair (GBytes *leaf, GBytes *spki)
{
  gsize leaf_size, spki_size;
  const void *leaf_data = g_bytes_get_data (leaf, &leaf_size);
  const void *spki_data = g_bytes_get_data (spki, &spki_size);

  return spki_size > 0 && memmem (leaf_data, leaf_size, spki_data, spki_size) != NULL;
}

/* the store and its directories */

ClmGenerationStore *
clm_generation_store_open (const char *state_dir, GError **error)
{
  clm_autofd state = clm_durable_open_root (state_dir, error);
  ClmGenerationStore *self;
  int certificates;

  if (state < 0)
    return NULL;
  /* 0711: consumers may go through to the names they know, not list them. */
  certificates = clm_durable_ensure_directory (state, "certificates", 0711, NULL, error);
  if (certificates < 0)
    return NULL;
  self = g_new0 (ClmGenerationStore, 1);
  g_atomic_ref_count_init (&self->refs);
  self->certificates = certificates;
  return self;
}

ClmGenerationStore *
clm_generation_store_ref (ClmGenerationStore *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
clm_generation_store_unref (ClmGenerationStore *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->refs))
    return;
  clm_durable_clear_fd (&self->certificates);
  g_free (self);
}

GStrv
clm_generation_store_list_names (ClmGenerationStore *self, GError **error)
{
  g_auto (GStrv) all = NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  g_return_val_if_fail (self != NULL, NULL);

  all = clm_durable_list (self->certificates, error);
  if (all == NULL)
    return NULL;
  for (guint i = 0; all[i] != NULL; i++)
    if (is_name (all[i]))
      g_strv_builder_add (names, all[i]);
  return g_strv_builder_end (names);
}

static gboolean
open_place (ClmGenerationStore *self, const char *name, Place *place, GError **error)
{
  if (!check_name (name, error))
    return FALSE;
  place->certificate = clm_durable_open_directory (self->certificates, name, error);
  if (place->certificate < 0)
    return FALSE;
  place->gen = clm_durable_open_directory (place->certificate, "gen", error);
  return place->gen >= 0;
}

static gboolean
ensure_place (ClmGenerationStore *self, const char *name, Place *place, ClmBarrier *barrier, GError **error)
{
  if (!check_name (name, error))
    return FALSE;
  place->certificate = clm_durable_ensure_directory (self->certificates, name, MODE_DIRECTORY, barrier, error);
  if (place->certificate < 0)
    return FALSE;
  place->gen = clm_durable_ensure_directory (place->certificate, "gen", MODE_DIRECTORY, barrier, error);
  return place->gen >= 0;
}

static int
open_number (const Place *place, guint number, GError **error)
{
  g_autofree char *name = number_to_name (number);

  return clm_durable_open_directory (place->gen, name, error);
}

/* Whether the directory has a `meta`, whatever is in it: it was completed once. */
static gboolean
has_meta (int directory, gboolean *has, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_autofd fd = clm_durable_open_file (directory, META, FILE_SIZE_MAX, NULL, &local);

  *has = fd >= 0 || g_error_matches (local, CLM_ERROR, CLM_ERROR_INVALID_DATA);
  if (*has || is_not_found (local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/*
 * Removes gen/NUMBER, `meta` first: from then on it is a leftover, whatever interrupts us. That the rest is gone need not be durable:
 * what comes back is a leftover again.
 */
static gboolean
remove_number (const Place *place, guint number, GError **error)
{
  g_autofree char *name = number_to_name (number);
  clm_autofd directory = open_number (place, number, error);
  g_autoptr (ClmBarrier) barrier = NULL;
  g_auto (GStrv) files = NULL;

  if (directory < 0)
    return FALSE;
  barrier = clm_barrier_begin (directory);
  if (!clm_durable_remove (directory, META, error) || !clm_durable_remove (directory, META_NEW, error))
    return FALSE;
  clm_barrier_add (barrier, directory);
  if (!clm_durable_wait (barrier, error))
    return FALSE;
  files = clm_durable_list (directory, error);
  if (files == NULL)
    return FALSE;
  for (guint i = 0; files[i] != NULL; i++)
    if (!clm_durable_remove (directory, files[i], error))
      return FALSE;
  return clm_durable_remove_directory (place->gen, name, error);
}

/* writing */

/* One directory that is being filled */
typedef struct {
  int         directory;
  ClmBarrier *barrier;
  GHashTable *files;   /* name → hash of its content */
} Filling;

static gboolean
write_file (Filling *filling, const char *name, const void *data, gsize size, mode_t mode, GError **error)
{
  char *hash = clm_durable_hash_data (data, size, error);

  if (hash == NULL)
    return FALSE;
  g_hash_table_insert (filling->files, g_strdup (name), hash);
  return clm_durable_write (filling->directory, name, data, size, mode, filling->barrier, error);
}

static gboolean
write_secret (Filling *filling, const char *name, ClmSecret *secret, GError **error)
{
  gsize size;
  const void *data = clm_secret_peek (secret, &size);

  return write_file (filling, name, data, size, MODE_SECRET, error);
}

typedef struct {
  ClmSecret     *key;
  const GString *certificates;
} Combination;

static void
fill_combined (void *data, gsize size, gpointer user_data)
{
  const Combination *combination = user_data;
  gsize key_size;
  const void *key = clm_secret_peek (combination->key, &key_size);

  memcpy (data, key, key_size);
  ((char *) data)[key_size] = '\n';
  memcpy ((char *) data + (size - combination->certificates->len), combination->certificates->str, combination->certificates->len);
}

/* Key, leaf and chain in one file: a consumer that opens one file once sees one generation. */
static ClmSecret *
make_combined (ClmSecret *key, const GString *fullchain)
{
  Combination combination = { key, fullchain };
  gsize key_size;
  const char *text = clm_secret_peek (key, &key_size);
  gsize newline = key_size > 0 && text[key_size - 1] == '\n' ? 0 : 1;

  return clm_secret_new_sized (key_size + newline + fullchain->len, fill_combined, &combination);
}

static void
append_all (GString *pem, GPtrArray *certificates)
{
  for (guint i = 0; i < certificates->len; i++)
    clm_generation_pem_append (pem, certificates->pdata[i]);
}

static gboolean
write_key (Filling *filling, ClmSecret *key_pem, const GString *fullchain, GError **error)
{
  g_autoptr (ClmSecret) combined = make_combined (key_pem, fullchain);

  return write_secret (filling, "key.pem", key_pem, error) && write_secret (filling, "combined.pem", combined, error);
}

static gboolean
write_certificates (Filling *filling, ClmGeneration *generation, ClmSecret *key_pem, GError **error)
{
  GString *texts[] = { g_string_new (NULL), g_string_new (NULL), g_string_new (NULL), g_string_new (NULL) };
  gboolean good = TRUE;

  clm_generation_pem_append (texts[0], generation->leaf);
  append_all (texts[1], generation->chain);
  g_string_append_len (texts[2], texts[0]->str, (gssize) texts[0]->len);
  g_string_append_len (texts[2], texts[1]->str, (gssize) texts[1]->len);
  append_all (texts[3], generation->anchors);
  if (key_pem != NULL)
    good = write_key (filling, key_pem, texts[2], error);
  for (guint i = 0; i < G_N_ELEMENTS (public_files); i++) {
    good = good && write_file (filling, public_files[i], texts[i]->str, texts[i]->len, MODE_PUBLIC, error);
    g_string_free (texts[i], TRUE);
  }
  return good;
}

/* `meta` gets its name when everything is durable: where it is, everything is. The name itself is durable before `current` is. */
static gboolean
write_files (int directory, ClmGeneration *generation, ClmSecret *key_pem, ClmBarrier *barrier, GError **error)
{
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Filling filling = { directory, barrier, files };
  g_autofree char *meta = NULL;

  if (!write_certificates (&filling, generation, key_pem, error))
    return FALSE;
  meta = clm_generation_meta_encode (generation, files, error);
  return meta != NULL && clm_durable_write (directory, META_NEW, meta, strlen (meta), MODE_PUBLIC, barrier, error) &&
         clm_durable_wait (barrier, error) && clm_durable_rename (directory, META_NEW, META, barrier, error);
}

/* A directory of that number: what an interrupted write left makes room, a complete generation does not. */
static gboolean
clear_number (const Place *place, guint number, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_autofd directory = open_number (place, number, &local);
  gboolean has = FALSE;

  if (directory < 0 && is_not_found (local))
    return TRUE;
  if (directory < 0) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!has_meta (directory, &has, error))
    return FALSE;
  if (!has)
    return remove_number (place, number, error);
  g_set_error (error, CLM_ERROR, CLM_ERROR_EXISTS, "there is a generation of that number");
  return FALSE;
}

static gboolean
prepare_generation (ClmGeneration *generation, ClmSecret *key_pem, GError **error)
{
  gsize size;
  const void *leaf = g_bytes_get_data (generation->leaf, &size);

  if (!is_pair (generation->leaf, generation->spki)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_ARGUMENT, "the certificate is not of this key");
    return FALSE;
  }
  g_free (generation->fingerprint);
  generation->fingerprint = clm_durable_hash_data (leaf, size, error);
  generation->has_key = key_pem != NULL;
  return generation->fingerprint != NULL;
}

static gboolean
write_generation (ClmGenerationStore *self, ClmGeneration *generation, ClmSecret *key_pem, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  g_autofree char *name = number_to_name (generation->number);
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (self->certificates);
  clm_autofd directory = -1;

  if (!prepare_generation (generation, key_pem, error) || !ensure_place (self, generation->name, &place, barrier, error) ||
      !clear_number (&place, generation->number, error))
    return FALSE;
  directory = clm_durable_make_directory (place.gen, name, MODE_DIRECTORY, barrier, error);
  if (directory < 0)
    return FALSE;
  if (write_files (directory, generation, key_pem, barrier, error))
    return TRUE;
  /* What cannot be removed now is removed by clm_generation_collect(). */
  if (!remove_number (&place, generation->number, NULL))
    g_info ("[cert %s] generation %u: leftovers stay until later", generation->name, generation->number);
  return FALSE;
}

static gboolean
with_context (gboolean good, const char *name, guint number, GError **error)
{
  if (!good && error != NULL && *error != NULL && is_name (name))
    g_prefix_error (error, "certificate %s, generation %u: ", name, number);
  return good;
}

gboolean
clm_generation_write (ClmGenerationStore *self, ClmGeneration *generation, ClmSecret *key_pem, GError **error)
{
  g_return_val_if_fail (self != NULL && generation != NULL && generation->number > 0, FALSE);
  g_return_val_if_fail (generation->leaf != NULL && generation->spki != NULL && generation->key_uri != NULL, FALSE);

  return with_context (write_generation (self, generation, key_pem, error), generation->name, generation->number, error);
}

/* reading */

static guint
read_current (const Place *place, GError **error)
{
  g_autofree char *target = clm_durable_read_link (place->certificate, CURRENT, error);
  guint number;

  if (target == NULL)
    return 0;
  number = g_str_has_prefix (target, "gen/") ? number_from_name (target + 4) : 0;
  if (number == 0)
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "current points to no generation");
  return number;
}

/* As read_current(), where having none is no error: 0 then */
static gboolean
find_current (const Place *place, guint *number, GError **error)
{
  g_autoptr (GError) local = NULL;

  *number = read_current (place, &local);
  if (local == NULL || is_not_found (local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

guint
clm_generation_get_current (ClmGenerationStore *self, const char *name, GError **error)
{
  g_auto (Place) place = PLACE_NONE;

  g_return_val_if_fail (self != NULL && name != NULL, 0);

  if (!check_name (name, error))
    return 0;
  place.certificate = clm_durable_open_directory (self->certificates, name, error);
  return place.certificate >= 0 ? read_current (&place, error) : 0;
}

static GArray *
list_numbers (const Place *place, gboolean complete, GError **error)
{
  g_auto (GStrv) names = clm_durable_list (place->gen, error);
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; names != NULL && names[i] != NULL; i++) {
    guint number = number_from_name (names[i]);
    clm_autofd directory = -1;
    gboolean has = FALSE;

    if (number == 0)
      continue;
    directory = open_number (place, number, error);
    if (directory < 0 || !has_meta (directory, &has, error))
      return NULL;
    if (has == complete)
      g_array_append_val (numbers, number);
  }
  g_array_sort (numbers, compare_numbers);
  return names != NULL ? g_steal_pointer (&numbers) : NULL;
}

GArray *
clm_generation_list (ClmGenerationStore *self, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (Place) place = PLACE_NONE;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (open_place (self, name, &place, &local))
    return list_numbers (&place, TRUE, error);
  if (is_not_found (local))
    return g_array_new (FALSE, FALSE, sizeof (guint));
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

static gboolean
check_files (int directory, GHashTable *files, GError **error)
{
  GHashTableIter iter;
  gpointer name, hash;

  for (guint i = 0; i < G_N_ELEMENTS (public_files); i++)
    if (!g_hash_table_contains (files, public_files[i])) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "meta does not name %s", public_files[i]);
      return FALSE;
    }
  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &name, &hash)) {
    g_autofree char *found = clm_durable_hash (directory, name, FILE_SIZE_MAX, error);

    if (found == NULL)
      return FALSE;
    if (g_strcmp0 (found, hash) != 0) {
      g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "%s is damaged", (const char *) name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
read_certificates (int directory, const char *file, GPtrArray *certificates, GError **error)
{
  g_autoptr (GBytes) pem = clm_durable_read (directory, file, FILE_SIZE_MAX, error);
  g_autoptr (GPtrArray) found = pem != NULL ? clm_generation_pem_decode (pem, error) : NULL;

  if (found == NULL)
    return FALSE;
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add (certificates, g_bytes_ref (found->pdata[i]));
  return TRUE;
}

static gboolean
read_content (int directory, ClmGeneration *generation, GError **error)
{
  g_autoptr (GPtrArray) leaf = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  if (!read_certificates (directory, "cert.pem", leaf, error) ||
      !read_certificates (directory, "chain.pem", generation->chain, error) ||
      !read_certificates (directory, "trust.pem", generation->anchors, error))
    return FALSE;
  if (leaf->len != 1 || !is_pair (leaf->pdata[0], generation->spki)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_INVALID_DATA, "certificate and public key do not belong together");
    return FALSE;
  }
  generation->leaf = g_bytes_ref (leaf->pdata[0]);
  return TRUE;
}

static ClmGeneration *
read_meta (int directory, const char *name, guint number, GHashTable **files, GError **error)
{
  g_autoptr (GBytes) text = clm_durable_read (directory, META, FILE_SIZE_MAX, error);

  return text != NULL ? clm_generation_meta_decode (text, name, number, files, error) : NULL;
}

static ClmGeneration *
read_generation (const Place *place, const char *name, guint number, GError **error)
{
  clm_autofd directory = open_number (place, number, error);
  g_autoptr (ClmGeneration) generation = NULL;
  g_autoptr (GHashTable) files = NULL;

  if (directory < 0)
    return NULL;
  generation = read_meta (directory, name, number, &files, error);
  if (generation == NULL || !check_files (directory, files, error) || !read_content (directory, generation, error))
    return NULL;
  return g_steal_pointer (&generation);
}

ClmGeneration *
clm_generation_read (ClmGenerationStore *self, const char *name, guint number, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  g_autoptr (ClmGeneration) generation = NULL;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (open_place (self, name, &place, error))
    generation = read_generation (&place, name, number, error);
  return with_context (generation != NULL, name, number, error) ? g_steal_pointer (&generation) : NULL;
}

gboolean
clm_generation_verify (ClmGenerationStore *self, const char *name, guint number, GError **error)
{
  g_autoptr (ClmGeneration) generation = clm_generation_read (self, name, number, error);

  return generation != NULL;
}

ClmGeneration *
clm_generation_read_meta (ClmGenerationStore *self, const char *name, guint number, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  g_autoptr (ClmGeneration) generation = NULL;
  clm_autofd directory = -1;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (open_place (self, name, &place, error))
    directory = open_number (&place, number, error);
  if (directory >= 0)
    generation = read_meta (directory, name, number, NULL, error);
  return with_context (generation != NULL, name, number, error) ? g_steal_pointer (&generation) : NULL;
}

/* publishing */

/* @now: negative: not known */
static gboolean
write_retired (const Place *place, guint number, gint64 now, ClmBarrier *barrier, GError **error)
{
  clm_autofd directory = open_number (place, number, error);
  g_autofree char *text = now >= 0 ? g_strdup_printf ("%" G_GINT64_FORMAT "\n", now) : g_strdup ("unknown\n");

  return directory >= 0 && clm_durable_replace (directory, RETIRED, text, strlen (text), MODE_PUBLIC, barrier, error);
}

/* @marked: whether it was ever retired; @time: when, or -1 where that is not known */
static gboolean
read_retired (const Place *place, guint number, gboolean *marked, gint64 *time, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_autofd directory = open_number (place, number, error);
  g_autoptr (GBytes) text = NULL;
  g_autofree char *word = NULL;

  *marked = FALSE;
  *time = -1;
  if (directory < 0)
    return FALSE;
  text = clm_durable_read (directory, RETIRED, 64, &local);
  if (text == NULL && !is_not_found (local)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (text == NULL)
    return TRUE;
  *marked = TRUE;
  word = g_strchomp (g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text)));
  if (!g_ascii_string_to_signed (word, 10, 0, G_MAXINT64, time, NULL))
    *time = -1;
  return TRUE;
}

/* The mark goes before the switch, so that nothing which was ever current lacks one; on the current one it means nothing. A full
 * disk must not stand in the way of a rollback: without a mark, or with half of one, the generation is only kept for longer. */
static void
retire (const Place *place, const char *name, guint number, gint64 now, ClmBarrier *barrier)
{
  g_autoptr (GError) error = NULL;

  if (number != 0 && !write_retired (place, number, now, barrier, &error))
    g_message ("[cert %s] generation %u: not marked as retired: %s", name, number, error->message);
}

/* The names on the way to the generation may be as new as itself, made by a process that was killed before it could sync them. */
static gboolean
add_names (ClmGenerationStore *self, const Place *place, guint number, ClmBarrier *barrier, GError **error)
{
  clm_autofd directory = open_number (place, number, error);

  if (directory < 0)
    return FALSE;
  clm_barrier_add (barrier, directory);
  clm_barrier_add (barrier, place->gen);
  clm_barrier_add (barrier, place->certificate);
  clm_barrier_add (barrier, self->certificates);
  return TRUE;
}

static gboolean
publish (ClmGenerationStore *self, const char *name, guint number, gint64 now, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  g_autoptr (ClmBarrier) barrier = clm_barrier_begin (self->certificates);
  g_autoptr (ClmGeneration) generation = NULL;
  g_autofree char *number_name = number_to_name (number);
  g_autofree char *target = g_strconcat ("gen/", number_name, NULL);
  guint before = 0;

  if (!open_place (self, name, &place, error) || !find_current (&place, &before, error) ||
      !add_names (self, &place, number, barrier, error))
    return FALSE;
  /* Switched, but perhaps interrupted before it was durable. */
  if (before == number)
    return clm_durable_wait (barrier, error);
  generation = read_generation (&place, name, number, error);
  if (generation == NULL)
    return FALSE;
  retire (&place, name, before, now, barrier);
  return clm_durable_replace_link (place.certificate, CURRENT, target, barrier, error);
}

gboolean
clm_generation_publish (ClmGenerationStore *self, const char *name, guint number, gint64 now, GError **error)
{
  g_return_val_if_fail (self != NULL && name != NULL && number > 0, FALSE);

  return with_context (publish (self, name, number, now, error), name, number, error);
}

/* handing out */

static gboolean
open_one (int directory, const char *file, int *fd, GError **error)
{
  *fd = clm_durable_open_file (directory, file, FILE_SIZE_MAX, NULL, error);
  return *fd >= 0;
}

static ClmGenerationFds *
open_files (const Place *place, guint number, gboolean with_key, GError **error)
{
  clm_autofd directory = open_number (place, number, error);
  g_autoptr (ClmGenerationFds) fds = g_new (ClmGenerationFds, 1);
  g_autoptr (GError) local = NULL;

  *fds = (ClmGenerationFds) { number, -1, -1, -1, -1, -1, -1 };
  if (directory < 0)
    return NULL;
  if (!open_one (directory, "cert.pem", &fds->cert, error) || !open_one (directory, "chain.pem", &fds->chain, error) ||
      !open_one (directory, "fullchain.pem", &fds->fullchain, error) || !open_one (directory, "trust.pem", &fds->trust, error))
    return NULL;
  if (with_key && (!open_one (directory, "key.pem", &fds->key, &local) || !open_one (directory, "combined.pem", &fds->combined, &local)) &&
      !is_not_found (local)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  return g_steal_pointer (&fds);
}

ClmGenerationFds *
clm_generation_open_fds (ClmGenerationStore *self, const char *name, gboolean with_key, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  guint number;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (!open_place (self, name, &place, error))
    return NULL;
  number = read_current (&place, error);
  return number != 0 ? open_files (&place, number, with_key, error) : NULL;
}

ClmGenerationFds *
clm_generation_open_fds_of (ClmGenerationStore *self, const char *name, guint number, gboolean with_key, GError **error)
{
  g_auto (Place) place = PLACE_NONE;

  g_return_val_if_fail (self != NULL && name != NULL && number > 0, NULL);

  return open_place (self, name, &place, error) ? open_files (&place, number, with_key, error) : NULL;
}

void
clm_generation_fds_free (ClmGenerationFds *fds)
{
  int *const all[] = { &fds->cert, &fds->chain, &fds->fullchain, &fds->trust, &fds->key, &fds->combined };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    clm_durable_clear_fd (all[i]);
  g_free (fds);
}

/* removing */

/* Whether it ceased to be current long enough ago. A mark that is missing, or of a time that has not come, begins anew. */
static gboolean
is_past_grace (const Place *place, guint number, gint64 now, gboolean *past, GError **error)
{
  gboolean marked;
  gint64 retired;

  *past = FALSE;
  if (!read_retired (place, number, &marked, &retired, error))
    return FALSE;
  if (retired < 0 || retired > now)
    return write_retired (place, number, now, NULL, error);
  *past = now - retired >= CLM_GENERATION_GRACE_S;
  return TRUE;
}

static gboolean
contains (GArray *numbers, guint number)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index (numbers, guint, i) == number)
      return TRUE;
  return FALSE;
}

static gboolean
remove_retired (const Place *place, guint number, guint keep, gint64 now, GError **error)
{
  g_autoptr (GArray) complete = NULL;
  guint current = 0;
  gboolean past = FALSE;

  if (!find_current (place, &current, error))
    return FALSE;
  if (current == number)
    return conflict (error, "it is the current one");
  complete = list_numbers (place, TRUE, error);
  if (complete == NULL)
    return FALSE;
  if (!contains (complete, number))
    return remove_number (place, number, error);
  if (complete->len <= MAX (keep, CLM_GENERATION_KEEP_MIN))
    return conflict (error, "no more than the generations to keep are left");
  if (!is_past_grace (place, number, now, &past, error))
    return FALSE;
  return past ? remove_number (place, number, error) : conflict (error, "it was current until a short while ago");
}

/* Opens what is to be removed; @there: whether there is anything. */
static gboolean
find_number (ClmGenerationStore *self, const char *name, guint number, Place *place, gboolean *there, GError **error)
{
  g_autoptr (GError) local = NULL;
  clm_autofd directory = -1;

  if (open_place (self, name, place, &local))
    directory = open_number (place, number, &local);
  *there = directory >= 0;
  if (*there || is_not_found (local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
clm_generation_remove (ClmGenerationStore *self, const char *name, guint number, guint keep, gint64 now, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  gboolean there = FALSE, good;

  g_return_val_if_fail (self != NULL && name != NULL && number > 0, FALSE);

  good = find_number (self, name, number, &place, &there, error) && (!there || remove_retired (&place, number, keep, now, error));
  return with_context (good, name, number, error);
}

static gboolean
drop (const Place *place, guint number, GError **error)
{
  guint current = 0;
  gboolean marked;
  gint64 retired;

  if (!find_current (place, &current, error) || !read_retired (place, number, &marked, &retired, error))
    return FALSE;
  if (number <= current || marked)
    return conflict (error, "it is or was current");
  return remove_number (place, number, error);
}

gboolean
clm_generation_drop (ClmGenerationStore *self, const char *name, guint number, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  gboolean there = FALSE, good;

  g_return_val_if_fail (self != NULL && name != NULL && number > 0, FALSE);

  good = find_number (self, name, number, &place, &there, error) && (!there || drop (&place, number, error));
  return with_context (good, name, number, error);
}

static GArray *
list_removable (const Place *place, guint keep, gint64 now, GError **error)
{
  g_autoptr (GArray) complete = list_numbers (place, TRUE, error);
  g_autoptr (GArray) removable = g_array_new (FALSE, FALSE, sizeof (guint));
  guint current = 0;

  if (complete == NULL || !find_current (place, &current, error))
    return NULL;
  for (guint i = 0; i < complete->len && complete->len - removable->len > MAX (keep, CLM_GENERATION_KEEP_MIN); i++) {
    guint number = g_array_index (complete, guint, i);
    gint64 retired;
    gboolean marked, past = FALSE;

    if (number == current)
      continue;
    if (!read_retired (place, number, &marked, &retired, error))
      return NULL;
    /* A candidate that was never current is not ours to judge. */
    if (!marked && number > current)
      continue;
    if (!is_past_grace (place, number, now, &past, error))
      return NULL;
    if (past)
      g_array_append_val (removable, number);
  }
  return g_steal_pointer (&removable);
}

GArray *
clm_generation_list_removable (ClmGenerationStore *self, const char *name, guint keep, gint64 now, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (Place) place = PLACE_NONE;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (open_place (self, name, &place, &local))
    return list_removable (&place, keep, now, error);
  if (is_not_found (local))
    return g_array_new (FALSE, FALSE, sizeof (guint));
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

static gboolean
remove_numbers (const Place *place, gboolean complete, guint except, guint *removed, GError **error)
{
  g_autoptr (GArray) numbers = list_numbers (place, complete, error);

  for (guint i = 0; numbers != NULL && i < numbers->len; i++) {
    if (g_array_index (numbers, guint, i) == except)
      continue;
    if (!remove_number (place, g_array_index (numbers, guint, i), error))
      return FALSE;
    *removed += 1;
  }
  return numbers != NULL;
}

static gboolean
remove_place (ClmGenerationStore *self, const char *name, Place *place, GError **error)
{
  return clm_durable_remove_directory (place->certificate, "gen", error) &&
         clm_durable_remove_directory (self->certificates, name, error) &&
         clm_durable_sync_directory (self->certificates, name, error);
}

static gboolean
remove_all (ClmGenerationStore *self, const char *name, GError **error)
{
  g_auto (Place) place = PLACE_NONE;
  guint removed = 0;

  place.certificate = clm_durable_open_directory (self->certificates, name, error);
  if (place.certificate < 0)
    return FALSE;
  if (!clm_durable_remove (place.certificate, CURRENT, error) || !clm_durable_remove (place.certificate, CURRENT_NEW, error) ||
      !clm_durable_sync_directory (place.certificate, name, error))
    return FALSE;
  place.gen = clm_durable_ensure_directory (place.certificate, "gen", MODE_DIRECTORY, NULL, error);
  return place.gen >= 0 && remove_numbers (&place, TRUE, 0, &removed, error) && remove_numbers (&place, FALSE, 0, &removed, error) &&
         remove_place (self, name, &place, error);
}

gboolean
clm_generation_remove_all (ClmGenerationStore *self, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;

  g_return_val_if_fail (self != NULL && name != NULL, FALSE);

  if (!check_name (name, error))
    return FALSE;
  if (remove_all (self, name, &local) || is_not_found (local))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "certificate %s: ", name);
  return FALSE;
}

/* What is to be relied on was perhaps never synced: the one who wrote it was killed. */
static gboolean
sync_files (int directory, GHashTable *files, ClmBarrier *barrier, GError **error)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &name, NULL)) {
    clm_autofd fd = clm_durable_open_file (directory, name, FILE_SIZE_MAX, NULL, error);

    if (fd < 0)
      return FALSE;
    clm_barrier_add (barrier, fd);
  }
  clm_barrier_add (barrier, directory);
  return clm_durable_wait (barrier, error);
}

/*
 * Everything was written, but `meta` had not got its name for good: interrupted just before the switch, or even behind it where the
 * file system kept the one and not the other. What verifies is whole, and becomes complete now.
 */
static gboolean
adopt (const Place *place, const char *name, guint number, GError **error)
{
  clm_autofd directory = open_number (place, number, error);
  g_autoptr (GHashTable) files = NULL;
  g_autoptr (GBytes) text = NULL;
  g_autoptr (ClmGeneration) generation = NULL;
  g_autoptr (ClmBarrier) barrier = NULL;

  if (directory < 0)
    return FALSE;
  text = clm_durable_read (directory, META_NEW, FILE_SIZE_MAX, NULL);
  generation = text != NULL ? clm_generation_meta_decode (text, name, number, &files, NULL) : NULL;
  if (generation == NULL || !check_files (directory, files, NULL))
    return TRUE;
  barrier = clm_barrier_begin (directory);
  return sync_files (directory, files, barrier, error) && clm_durable_rename (directory, META_NEW, META, barrier, error) &&
         clm_durable_wait (barrier, error);
}

static gboolean
adopt_all (const Place *place, const char *name, GError **error)
{
  g_autoptr (GArray) numbers = list_numbers (place, FALSE, error);

  for (guint i = 0; numbers != NULL && i < numbers->len; i++)
    if (!adopt (place, name, g_array_index (numbers, guint, i), error))
      return FALSE;
  return numbers != NULL;
}

/* Temporary names inside a complete generation, of a mark that was not finished */
static gboolean
collect_temporary (const Place *place, GError **error)
{
  g_autoptr (GArray) numbers = list_numbers (place, TRUE, error);

  for (guint i = 0; numbers != NULL && i < numbers->len; i++) {
    clm_autofd directory = open_number (place, g_array_index (numbers, guint, i), error);

    if (directory < 0 || !clm_durable_remove (directory, RETIRED ".new", error))
      return FALSE;
  }
  return numbers != NULL;
}

gboolean
clm_generation_collect (ClmGenerationStore *self, const char *name, guint *removed, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (Place) place = PLACE_NONE;
  guint current = 0, n = 0;
  gboolean good;

  g_return_val_if_fail (self != NULL && name != NULL, FALSE);

  good = open_place (self, name, &place, &local) && find_current (&place, &current, &local) &&
         clm_durable_remove (place.certificate, CURRENT_NEW, &local) && adopt_all (&place, name, &local) &&
         collect_temporary (&place, &local) && remove_numbers (&place, FALSE, current, &n, &local);
  if (removed != NULL)
    *removed = n;
  if (good || is_not_found (local))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "certificate %s: ", name);
  return FALSE;
}
