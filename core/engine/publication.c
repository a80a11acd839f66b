/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publication.h"

#include <string.h>
#include "disk-lane.h"
#include "durable-file.h"

struct _ClmPublication {
  GObject     parent_instance;
  ClmEngine  *engine;
  GHashTable *crls;     /* authority → GBytes DER */
  GHashTable *anchors;  /* authority → GBytes PEM */
  GQueue      waiting;  /* FileWork: written one after the other, so that the newest is the last */
  gboolean    writing;
};

enum { SIGNAL_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ClmPublication, clm_publication, G_TYPE_OBJECT)

ClmPublication *
clm_publication_new (ClmEngine *engine)
{
  ClmPublication *self = g_object_new (CLM_TYPE_PUBLICATION, NULL);

  self->engine = engine;
  return self;
}

GBytes *
clm_publication_get_crl (ClmPublication *self,
                         const char     *authority)
{
  return g_hash_table_lookup (self->crls, authority);
}

GBytes *
clm_publication_get_anchors (ClmPublication *self,
                             const char     *authority)
{
  return g_hash_table_lookup (self->anchors, authority);
}

/* Files, in a worker */

typedef struct {
  char       *state_dir;
  char       *authority;
  const char *names[2];
  GBytes     *contents[2];   /* (nullable) */
} FileWork;

static void
file_work_free (FileWork *work)
{
  g_free (work->state_dir);
  g_free (work->authority);
  for (guint i = 0; i < G_N_ELEMENTS (work->contents); i++)
    g_clear_pointer (&work->contents[i], g_bytes_unref);
  g_free (work);
}

static gboolean
write_files (FileWork *work,
             GError  **error)
{
  clm_autofd root = clm_durable_open_root (work->state_dir, error);
  clm_autofd authorities = root < 0 ? -1 : clm_durable_ensure_directory (root, "authorities", 0755, NULL, error);
  clm_autofd directory = authorities < 0 ? -1 : clm_durable_ensure_directory (authorities, work->authority, 0755, NULL, error);

  if (directory < 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (work->contents); i++) {
    gsize size;
    const void *data;

    if (!work->contents[i])
      continue;
    data = g_bytes_get_data (work->contents[i], &size);
    if (!clm_durable_replace (directory, work->names[i], data, size, 0644, NULL, error))
      return FALSE;
  }
  return TRUE;
}

static void
write_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  GError *error = NULL;

  if (write_files (task_data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void write_next (ClmPublication *self);

static void
on_files_written (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  ClmPublication *self = CLM_PUBLICATION (source);
  FileWork *work = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_warning ("[authority %s] could not be published: %s", work->authority, error->message);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0, work->authority);
  self->writing = FALSE;
  write_next (self);
}

static void
write_next (ClmPublication *self)
{
  FileWork *work = self->writing ? NULL : g_queue_pop_head (&self->waiting);
  g_autoptr (GTask) task = NULL;

  if (!work)
    return;
  self->writing = TRUE;
  task = g_task_new (self, NULL, on_files_written, NULL);
  g_task_set_source_tag (task, write_next);
  g_task_set_task_data (task, work, (GDestroyNotify) file_work_free);
  clm_disk_lane_run (task, write_in_thread);
}

static FileWork *
file_work_new (ClmPublication *self,
               const char     *authority)
{
  FileWork *work = g_new0 (FileWork, 1);

  work->state_dir = g_strdup (self->engine->state_dir);
  work->authority = g_strdup (authority);
  return work;
}

static void
write_files_later (ClmPublication *self,
                   FileWork       *work)
{
  g_queue_push_tail (&self->waiting, work);
  write_next (self);
}

/* CRLs */

static GBytes *
wrap_pem (const char *label,
          GBytes     *der)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gsize size;
  const guint8 *data = g_bytes_get_data (der, &size);
  g_autofree char *base64 = g_base64_encode (data, size);

  g_string_append_printf (text, "-----BEGIN %s-----\n", label);
  for (const char *line = base64; *line; line += MIN (strlen (line), 64))
    g_string_append_printf (text, "%.64s\n", line);
  g_string_append_printf (text, "-----END %s-----\n", label);
  return g_string_free_to_bytes (g_steal_pointer (&text));
}

/* All in one text, because a server that checks clients needs the list of each CA of their chain. */
static GBytes *
all_to_pem (const char *label,
            GPtrArray  *ders)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < ders->len; i++) {
    g_autoptr (GBytes) pem = wrap_pem (label, g_ptr_array_index (ders, i));

    g_string_append_len (text, g_bytes_get_data (pem, NULL), (gssize) g_bytes_get_size (pem));
  }
  return g_string_free_to_bytes (text);
}

static void
on_crls_fetched (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (ClmPublication) self = user_data;
  const char *name = clm_backend_get_name (CLM_BACKEND (source));
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) crls = clm_authority_fetch_crls_finish (CLM_AUTHORITY (source), result, &error);
  FileWork *work;

  if (!crls || crls->len == 0) {
    if (error && !g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_SUPPORTED) && !g_error_matches (error, CLM_ERROR, CLM_ERROR_NOT_FOUND))
      g_message ("[authority %s] gives no CRL: %s", name, error->message);
    return;
  }
  g_hash_table_replace (self->crls, g_strdup (name), g_bytes_ref (g_ptr_array_index (crls, 0)));
  work = file_work_new (self, name);
  work->names[0] = "crl.der";
  work->contents[0] = g_bytes_ref (g_ptr_array_index (crls, 0));
  work->names[1] = "crl.pem";
  work->contents[1] = all_to_pem ("X509 CRL", crls);
  write_files_later (self, work);
}

static void
on_crl_changed (ClmRegistry    *registry,
                ClmAuthority   *authority,
                ClmPublication *self)
{
  if (clm_authority_can_fetch_crls (authority))
    clm_authority_fetch_crls_async (authority, NULL, on_crls_fetched, g_object_ref (self));
}

/* Anchors */

static void
on_anchors_fetched (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  g_autoptr (ClmPublication) self = user_data;
  const char *name = clm_backend_get_name (CLM_BACKEND (source));
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) anchors = clm_authority_fetch_anchors_finish (CLM_AUTHORITY (source), result, &error);
  FileWork *work;

  if (!anchors) {
    g_message ("[authority %s] gives no trust anchors: %s", name, error->message);
    return;
  }
  work = file_work_new (self, name);
  work->names[0] = "anchors.pem";
  work->contents[0] = all_to_pem ("CERTIFICATE", anchors);
  g_hash_table_replace (self->anchors, g_strdup (name), g_bytes_ref (work->contents[0]));
  write_files_later (self, work);
}

static void
on_anchors_changed (ClmRegistry    *registry,
                    ClmAuthority   *authority,
                    ClmPublication *self)
{
  if (clm_authority_can_fetch_anchors (authority))
    clm_authority_fetch_anchors_async (authority, NULL, on_anchors_fetched, g_object_ref (self));
}

void
clm_publication_watch (ClmPublication *self,
                       ClmRegistry    *registry)
{
  g_signal_connect_object (registry, "crl-changed", G_CALLBACK (on_crl_changed), self, 0);
  g_signal_connect_object (registry, "anchors-changed", G_CALLBACK (on_anchors_changed), self, 0);
}

static void
clm_publication_init (ClmPublication *self)
{
  self->crls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->anchors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
}

static void
clm_publication_finalize (GObject *object)
{
  ClmPublication *self = CLM_PUBLICATION (object);

  g_queue_clear_full (&self->waiting, (GDestroyNotify) file_work_free);
  g_hash_table_unref (self->crls);
  g_hash_table_unref (self->anchors);
  G_OBJECT_CLASS (clm_publication_parent_class)->finalize (object);
}

static void
clm_publication_class_init (ClmPublicationClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = clm_publication_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", CLM_TYPE_PUBLICATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_STRING);
}
