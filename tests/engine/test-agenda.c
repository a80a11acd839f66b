/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agenda by itself: a real inventory, clock and timers, but the operations are this test's own. It sees what is begun, in which
 * order, and says when and how each ends.
 */
#include "agenda.h"

#include <signal.h>
#include <sys/resource.h>

#include "await.h"
#include "config-tree.h"
#include "virtual-clock.h"

#define NOW G_GINT64_CONSTANT (1900000000)
#define DAY 86400

/* What the agenda begins */

typedef struct {
  char         *name;
  ClmOperation  operation;
  GTask        *task;
  gulong        handler;
} Running;

static GPtrArray *running;   /* Running */
static GPtrArray *begun;     /* char *: "renew web" */
static guint most_running;

static void
running_free (Running *run)
{
  if (run->handler)
    g_signal_handler_disconnect (g_task_get_cancellable (run->task), run->handler);
  g_free (run->name);
  g_object_unref (run->task);
  g_free (run);
}

static Running *
find_running (const char *name)
{
  for (guint i = 0; i < running->len; i++) {
    Running *run = g_ptr_array_index (running, i);

    if (g_str_equal (run->name, name))
      return run;
  }
  return NULL;
}

static void
on_operation_cancelled (GCancellable *cancellable,
                        Running      *run)
{
  g_autoptr (GTask) task = g_object_ref (run->task);

  g_ptr_array_remove (running, run);
  g_assert_true (g_task_return_error_if_cancelled (task));
}

static const char *
describe (ClmOperationKind kind)
{
  static const char *const words[CLM_N_OPERATIONS] = { "renew", "deliver", "rollback", "revoke", "remove" };

  return words[kind];
}

/* In place of core/engine/operation.c, which is not linked then. */

void
clm_operation_run_async (ClmEngine           *engine,
                         const char          *name,
                         ClmSpec             *spec,
                         const ClmOperation  *operation,
                         ClmRotationProgress  progress,
                         gpointer             progress_data,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  Running *run = g_new0 (Running, 1);

  g_assert_null (find_running (name));
  run->name = g_strdup (name);
  run->operation = *operation;
  run->task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_check_cancellable (run->task, FALSE);
  run->handler = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_operation_cancelled), run);
  g_ptr_array_add (running, run);
  g_ptr_array_add (begun, g_strdup_printf ("%s %s", describe (operation->kind), name));
  most_running = MAX (most_running, running->len);
}

gboolean
clm_operation_run_finish (GAsyncResult *result,
                          GError      **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* The bench */

typedef struct {
  char            *root;
  ClmVirtualClock *time;
  ClmLayers       *layers;
  ClmEngine        engine;
  ClmAgenda       *agenda;
  GPtrArray       *events;   /* char *: nick of the kind */
  guint64          jobs;
} Bench;

static ClmSpec *
find_no_spec (const char *name,
              gpointer    user_data)
{
  return NULL;
}

static void
on_event (ClmEvents *events,
          ClmEvent  *event,
          Bench     *self)
{
  g_ptr_array_add (self->events, g_strdup (clm_event_kind_get_nick (clm_event_get_kind (event))));
}

static void
load_config (Bench *self,
             guint  max_concurrent)
{
  static ClmSpecifiers machine = { (char *) "gw", (char *) "m1", NULL };
  g_autofree char *text = g_strdup_printf ("[Daemon]\nMaxConcurrent=%u\n", max_concurrent);
  ClmConfigSource source;

  tree_write (self->root, "etc/certloom/certloom.conf", text);
  self->layers = clm_layers_new (self->root, getuid ());
  source = (ClmConfigSource) { self->layers, &machine, NULL, getuid () };
  self->engine.config = clm_config_load (&source, NULL);
  g_assert_cmpuint (clm_config_get_settings (self->engine.config)->max_concurrent, ==, max_concurrent);
}

static Bench *
bench_new_with (guint    max_concurrent,
                gboolean synchronised)
{
  Bench *self = g_new0 (Bench, 1);
  ClmEngine *engine = &self->engine;
  g_autoptr (GError) error = NULL;
  gboolean fresh;

  /* What goes wrong is told as a warning, and here it shall go wrong. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  running = g_ptr_array_new_with_free_func ((GDestroyNotify) running_free);
  begun = g_ptr_array_new_with_free_func (g_free);
  most_running = 0;
  self->events = g_ptr_array_new_with_free_func (g_free);
  self->root = tree_new ();
  load_config (self, max_concurrent);
  self->time = clm_virtual_clock_new (NOW);
  clm_virtual_clock_set_synchronised (self->time, synchronised);
  engine->state_dir = g_strdup (self->root);
  engine->machine_id = g_strdup ("m1");
  engine->clock = clm_virtual_clock_create_clock (self->time, CLM_CLOCK_NTP, 0, -1);
  clm_clock_update (engine->clock);
  engine->timers = clm_virtual_clock_create_timers (self->time, engine->clock);
  engine->inventory = clm_inventory_open (self->root, &fresh, &error);
  g_assert_no_error (error);
  engine->events = clm_events_new ();
  clm_events_set_inventory (engine->events, engine->inventory);
  g_signal_connect (engine->events, "event", G_CALLBACK (on_event), self);
  self->agenda = clm_agenda_new (engine, find_no_spec, NULL);
  return self;
}

static Bench *
bench_new (guint max_concurrent)
{
  return bench_new_with (max_concurrent, TRUE);
}

/* Runs what is ready and waits for what is being written; what is in flight stays so. */
static void
settle (Bench *self)
{
  clm_await_idle ();
  while (clm_inventory_is_writing (self->engine.inventory)) {
    g_main_context_iteration (NULL, TRUE);
    clm_await_idle ();
  }
}

static void
bench_stop (Bench *self)
{
  g_autoptr (GAsyncResult) result = NULL;

  clm_agenda_stop_async (self->agenda, clm_await_done, &result);
  g_assert_true (clm_agenda_stop_finish (self->agenda, clm_await (&result), NULL));
  g_clear_object (&result);
  clm_await_idle ();
}

static void
bench_free (Bench *self)
{
  ClmEngine *engine = &self->engine;

  if (self->agenda)
    bench_stop (self);
  settle (self);
  if (self->agenda)
    g_assert_finalize_object (self->agenda);
  clm_events_set_inventory (engine->events, NULL);
  clm_inventory_close (engine->inventory);
  g_clear_object (&engine->inventory);
  g_clear_object (&engine->events);
  clm_virtual_clock_settle (self->time);
  g_assert_finalize_object (engine->timers);
  g_assert_finalize_object (engine->clock);
  clm_virtual_clock_free (self->time);
  clm_config_unref (engine->config);
  clm_layers_unref (self->layers);
  g_free (engine->state_dir);
  g_free (engine->machine_id);
  g_ptr_array_unref (self->events);
  g_assert_cmpuint (running->len, ==, 0);
  g_clear_pointer (&running, g_ptr_array_unref);
  g_clear_pointer (&begun, g_ptr_array_unref);
  tree_remove (self->root);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bench, bench_free)

static void
put (Bench     *self,
     ClmRecord *record)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  ClmChange *change = clm_change_new (record->name);

  clm_change_put_record (change, record);
  clm_inventory_apply_async (self->engine.inventory, change, NULL, clm_await_done, &result);
  g_assert_cmpuint (clm_inventory_apply_finish (self->engine.inventory, clm_await (&result), &error), >, 0);
  g_assert_no_error (error);
}

static gint64
now (Bench *self)
{
  return clm_clock_get_time (self->engine.clock);
}

/* A certificate that expires in @left seconds, due at @due. */
static void
add (Bench      *self,
     const char *name,
     gint64      left,
     gint64      due,
     gboolean    clock_bound)
{
  g_autoptr (ClmRecord) record = clm_record_new (name);

  record->state = CLM_STATE_READY;
  record->generation = 1;
  record->not_before = NOW - 10 * DAY;
  record->not_after = NOW + left;
  record->next_action = CLM_ACTION_RENEW;
  record->next_time = due;
  record->clock_bound = clock_bound;
  put (self, record);
}

static ClmRecord *
get (Bench      *self,
     const char *name)
{
  g_autoptr (GError) error = NULL;
  ClmRecord *record = clm_inventory_get_record (self->engine.inventory, name, &error);

  g_assert_no_error (error);
  return record;
}

static ClmJob *
ask (Bench           *self,
     const char      *name,
     ClmOperationKind kind)
{
  ClmOperation operation = { .kind = kind };
  ClmJob *job = clm_job_new (++self->jobs, describe (kind), name, 0, 1, NOW);

  clm_agenda_push (self->agenda, name, &operation, job);
  return job;
}

/* Ends what runs on @name: with @error (transfer full) or well; and with @next_time in the record, or without a word there (0). */
static void
end (Bench      *self,
     const char *name,
     gint64      next_time,
     GError     *error)
{
  Running *run = find_running (name);
  g_autoptr (GTask) task = NULL;

  g_assert_nonnull (run);
  if (next_time != 0) {
    g_autoptr (ClmRecord) record = get (self, name);

    record->next_action = CLM_ACTION_RENEW;
    record->next_time = next_time;
    put (self, record);
  }
  task = g_object_ref (run->task);
  g_ptr_array_remove (running, run);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  settle (self);
}

static void
assert_begun (const char *expected)
{
  g_autofree char *text = NULL;

  g_ptr_array_add (begun, NULL);
  text = g_strjoinv (", ", (char **) begun->pdata);
  g_ptr_array_set_size (begun, (int) begun->len - 1);
  g_assert_cmpstr (text, ==, expected);
}

static guint
count_events (Bench      *self,
              const char *nick)
{
  guint n = 0;

  for (guint i = 0; i < self->events->len; i++)
    n += g_str_equal (g_ptr_array_index (self->events, i), nick);
  return n;
}

/* When */

static void
test_soonest_expiry_first (void)
{
  g_autoptr (Bench) bench = bench_new (1);
  g_autoptr (ClmJob) job = NULL;

  add (bench, "late", 60 * DAY, NOW - 500, TRUE);
  add (bench, "soon", 2 * DAY, NOW - 1, TRUE);
  add (bench, "mid", 20 * DAY, NOW - 9, TRUE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  assert_begun ("renew soon");
  /* What somebody waits for has the next free place. */
  job = ask (bench, "late", CLM_OPERATION_DELIVER);
  settle (bench);
  end (bench, "soon", NOW + DAY, NULL);
  assert_begun ("renew soon, deliver late");
  end (bench, "late", 0, NULL);
  assert_begun ("renew soon, deliver late, renew mid");
  end (bench, "mid", NOW + DAY, NULL);
}

static void
test_begins_when_due (void)
{
  g_autoptr (Bench) bench = bench_new (4);

  add (bench, "web", 60 * DAY, NOW + 100, TRUE);
  add (bench, "mail", 60 * DAY, NOW + 300, TRUE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  clm_virtual_clock_advance (bench->time, 99);
  assert_begun ("");
  clm_virtual_clock_advance (bench->time, 1);
  assert_begun ("renew web");
  clm_virtual_clock_advance (bench->time, 200);
  assert_begun ("renew web, renew mail");
  end (bench, "web", NOW + DAY, NULL);
  end (bench, "mail", NOW + DAY, NULL);
  g_assert_true (clm_agenda_is_quiet (bench->agenda));
}

/* A deadline of the calendar means nothing to a clock that nobody vouches for; a span does. */
static void
test_untrusted_clock (void)
{
  g_autoptr (Bench) bench = bench_new_with (4, FALSE);

  g_assert_false (clm_clock_is_trusted (bench->engine.clock));
  add (bench, "calendar", 60 * DAY, NOW - 1, TRUE);
  add (bench, "span", 60 * DAY, NOW - 1, FALSE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  assert_begun ("renew span");
  clm_virtual_clock_set_synchronised (bench->time, TRUE);
  clm_clock_update (bench->engine.clock);
  clm_agenda_update (bench->agenda);
  settle (bench);
  assert_begun ("renew span, renew calendar");
}

/* What a crash interrupted: the record alone says what is to be done. */
static void
add_action (Bench      *self,
            const char *name,
            ClmAction   action,
            const char *reason)
{
  g_autoptr (ClmRecord) record = clm_record_new (name);

  record->next_action = action;
  record->next_time = NOW;
  clm_record_set (&record->reason, reason);
  put (self, record);
}

static void
test_action_of_the_record (void)
{
  g_autoptr (Bench) bench = bench_new (8);

  add_action (bench, "enroll", CLM_ACTION_ENROLL, "");
  add_action (bench, "poll", CLM_ACTION_POLL, "authority-pending");
  add_action (bench, "deliver", CLM_ACTION_DELIVER, "delivery");
  add_action (bench, "remove", CLM_ACTION_REMOVE, CLM_OPERATION_REMOVING);
  add_action (bench, "keep", CLM_ACTION_REMOVE, CLM_OPERATION_REMOVING_KEEP_KEY);
  add_action (bench, "nothing", CLM_ACTION_NONE, "");
  clm_agenda_start (bench->agenda);
  settle (bench);
  g_assert_cmpuint (begun->len, ==, 5);
  g_assert_cmpint (find_running ("enroll")->operation.kind, ==, CLM_OPERATION_RENEW);
  g_assert_cmpint (find_running ("poll")->operation.kind, ==, CLM_OPERATION_RENEW);
  g_assert_cmpint (find_running ("deliver")->operation.kind, ==, CLM_OPERATION_DELIVER);
  g_assert_cmpint (find_running ("remove")->operation.kind, ==, CLM_OPERATION_REMOVE);
  g_assert_false (find_running ("remove")->operation.keep_key);
  g_assert_cmpint (find_running ("keep")->operation.kind, ==, CLM_OPERATION_REMOVE);
  g_assert_true (find_running ("keep")->operation.keep_key);
}

/* An alarm is raised once, and before what is due begins, which then finds the record as it is. */
static void
test_alarm (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmRecord) before = clm_record_new ("web");
  g_autoptr (ClmRecord) after = NULL;

  before->state = CLM_STATE_FAILING;
  before->generation = 1;
  before->not_before = NOW - 30 * DAY;
  before->not_after = NOW - 1;
  before->alarm_time = NOW - 1;
  before->next_action = CLM_ACTION_RENEW;
  before->next_time = NOW - 1;
  put (bench, before);
  clm_agenda_start (bench->agenda);
  while (!clm_inventory_is_writing (bench->engine.inventory))
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (clm_agenda_is_busy (bench->agenda, "web"));
  clm_agenda_update (bench->agenda);
  settle (bench);
  g_assert_cmpuint (count_events (bench, "expired"), ==, 1);
  after = get (bench, "web");
  g_assert_cmpint (after->state, ==, CLM_STATE_EXPIRED);
  g_assert_cmpint (after->alarm_time, ==, 0);
  assert_begun ("renew web");
  end (bench, "web", NOW + 60, NULL);
  clm_virtual_clock_advance (bench->time, 30);
  g_assert_cmpuint (count_events (bench, "expired"), ==, 1);
}

/* How many */

static void
test_one_thing_for_a_name (void)
{
  g_autoptr (Bench) bench = bench_new (8);
  g_autoptr (ClmJob) renew = NULL;
  g_autoptr (ClmJob) again = NULL;
  g_autoptr (ClmJob) deliver = NULL;
  ClmOperation operation = { .kind = CLM_OPERATION_RENEW };

  add (bench, "web", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  renew = ask (bench, "web", CLM_OPERATION_RENEW);
  deliver = ask (bench, "web", CLM_OPERATION_DELIVER);
  settle (bench);
  assert_begun ("renew web");
  /* The same is joined, in flight as well as waiting. */
  again = ask (bench, "web", CLM_OPERATION_RENEW);
  g_assert_true (clm_agenda_find_job (bench->agenda, "web", &operation) == renew);
  operation.rekey = TRUE;
  g_assert_null (clm_agenda_find_job (bench->agenda, "web", &operation));
  operation = (ClmOperation) { .kind = CLM_OPERATION_DELIVER };
  g_assert_true (clm_agenda_find_job (bench->agenda, "web", &operation) == deliver);
  end (bench, "web", NOW + DAY, NULL);
  g_assert_true (clm_job_is_completed (renew) && clm_job_is_completed (again));
  g_assert_false (clm_job_is_completed (deliver));
  assert_begun ("renew web, deliver web");
  end (bench, "web", 0, NULL);
  g_assert_true (clm_job_is_completed (deliver));
  g_assert_false (clm_agenda_is_busy (bench->agenda, "web"));
  g_assert_true (clm_agenda_is_quiet (bench->agenda));
}

static void
test_cap (void)
{
  g_autoptr (Bench) bench = bench_new (3);
  g_autoptr (ClmJob) job = clm_job_new (1, "renew", "", 0, 10, NOW);
  ClmOperation operation = { .kind = CLM_OPERATION_RENEW };

  for (guint i = 0; i < 10; i++) {
    g_autofree char *due = g_strdup_printf ("due%u", i);
    g_autofree char *asked = g_strdup_printf ("asked%u", i);

    add (bench, due, 60 * DAY, NOW - 1, TRUE);
    add (bench, asked, 60 * DAY, NOW + DAY, TRUE);
    clm_agenda_push (bench->agenda, asked, &operation, job);
  }
  clm_agenda_start (bench->agenda);
  settle (bench);
  for (guint ended = 0; ended < 20; ended++) {
    g_autofree char *name = NULL;
    guint expected = MIN (3, 20 - ended);

    /* Never more, and never fewer while anything waits. */
    g_assert_cmpuint (running->len, ==, expected);
    name = g_strdup (((Running *) g_ptr_array_index (running, ended % expected))->name);
    end (bench, name, NOW + DAY, ended % 4 == 0 ? g_error_new (CLM_ERROR, CLM_ERROR_UNREACHABLE, "away") : NULL);
  }
  g_assert_cmpuint (most_running, ==, 3);
  g_assert_cmpuint (begun->len, ==, 20);
  g_assert_true (clm_job_is_completed (job));
  g_assert_cmpuint (clm_job_get_done (job), ==, 10);
  g_assert_error (clm_job_get_error (job), CLM_ERROR, CLM_ERROR_UNREACHABLE);
  g_assert_true (clm_agenda_is_quiet (bench->agenda));
}

/* How it ends */

/* An operation that leaves its record as it was would be due again at once, and for ever. */
static void
test_put_off (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (ClmRecord) second = NULL;

  add (bench, "web", 60 * DAY, NOW - 1, TRUE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  end (bench, "web", 0, NULL);
  record = get (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_FAILING);
  g_assert_cmpstr (record->reason, ==, "failed");
  g_assert_cmpstr (record->message, ==, "there was nothing that could be done");
  g_assert_cmpint (record->next_time, >=, NOW + 30);
  assert_begun ("renew web");
  /* With what it failed with, where it says that. */
  clm_virtual_clock_advance (bench->time, record->next_time - NOW);
  assert_begun ("renew web, renew web");
  end (bench, "web", 0, g_error_new (CLM_ERROR, CLM_ERROR_CONFIG, "no such thing"));
  second = get (bench, "web");
  g_assert_cmpstr (second->reason, ==, "configuration");
  g_assert_cmpstr (second->message, ==, "no such thing");
  g_assert_cmpuint (second->attempts, ==, record->attempts + 1);
  g_assert_cmpint (second->next_time, >, now (bench));
}

/* What was not due and was only asked for may end without a word. */
static void
test_not_put_off (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmRecord) record = NULL;
  g_autoptr (ClmJob) job = NULL;

  add (bench, "web", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  job = ask (bench, "web", CLM_OPERATION_ROLLBACK);
  settle (bench);
  end (bench, "web", 0, g_error_new (CLM_ERROR, CLM_ERROR_CONFLICT, "none is left"));
  g_assert_error (clm_job_get_error (job), CLM_ERROR, CLM_ERROR_CONFLICT);
  record = get (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  g_assert_cmpint (record->next_time, ==, NOW + DAY);
}

/* What says of itself that there is more to do at once is believed. */
static void
test_due_again (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmRecord) record = NULL;

  add (bench, "web", 60 * DAY, NOW - 1, TRUE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  end (bench, "web", NOW - 1, NULL);
  assert_begun ("renew web, renew web");
  record = get (bench, "web");
  g_assert_cmpint (record->state, ==, CLM_STATE_READY);
  end (bench, "web", NOW + DAY, NULL);
}

static guint settled;

static void
on_settled (ClmAgenda  *agenda,
            const char *name,
            Bench      *self)
{
  settled++;
  g_assert_cmpstr (name, ==, "web");
  g_assert_null (find_running ("web"));
  /* The name is free for who waited for that, and stays so until it is given back. */
  g_assert_true (clm_agenda_lock (agenda, name));
  g_assert_false (clm_agenda_lock (agenda, name));
  g_signal_handlers_disconnect_by_func (agenda, on_settled, self);
}

static void
test_settled (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmJob) renew = NULL;
  g_autoptr (ClmJob) deliver = NULL;

  add (bench, "web", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  settled = 0;
  g_signal_connect (bench->agenda, "settled", G_CALLBACK (on_settled), bench);
  renew = ask (bench, "web", CLM_OPERATION_RENEW);
  deliver = ask (bench, "web", CLM_OPERATION_DELIVER);
  settle (bench);
  g_assert_false (clm_agenda_lock (bench->agenda, "web"));
  end (bench, "web", NOW + DAY, NULL);
  g_assert_cmpuint (settled, ==, 1);
  assert_begun ("renew web");
  clm_agenda_unlock (bench->agenda, "web");
  settle (bench);
  assert_begun ("renew web, deliver web");
  end (bench, "web", 0, NULL);
}

/* Whether the disk takes anything: no file may grow, for root neither. */
static void
set_disk_full (gboolean full)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = full ? 0 : limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

/* Where not even the time of the next try can be written, trying on at once would only spin. */
static void
test_storage_pause (void)
{
  g_autoptr (Bench) bench = bench_new (2);
  g_autoptr (ClmJob) job = NULL;

  add (bench, "a", 60 * DAY, NOW - 1, TRUE);
  add (bench, "b", 70 * DAY, NOW - 1, TRUE);
  add (bench, "c", 80 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  settle (bench);
  assert_begun ("renew a, renew b");
  set_disk_full (TRUE);
  end (bench, "a", 0, g_error_new (CLM_ERROR, CLM_ERROR_STORAGE, "no room"));
  end (bench, "b", 0, g_error_new (CLM_ERROR, CLM_ERROR_STORAGE, "no room"));
  g_assert_cmpuint (count_events (bench, "storage-failed"), ==, 1);
  /* Who asks has a turn, once, and an answer. */
  job = ask (bench, "c", CLM_OPERATION_RENEW);
  settle (bench);
  assert_begun ("renew a, renew b, renew c");
  end (bench, "c", 0, g_error_new (CLM_ERROR, CLM_ERROR_STORAGE, "no room"));
  g_assert_error (clm_job_get_error (job), CLM_ERROR, CLM_ERROR_STORAGE);
  clm_virtual_clock_advance (bench->time, 29);
  assert_begun ("renew a, renew b, renew c");
  /* Still full: one round, and told again. */
  clm_virtual_clock_advance (bench->time, 1);
  settle (bench);
  assert_begun ("renew a, renew b, renew c, renew a, renew b");
  end (bench, "a", 0, g_error_new (CLM_ERROR, CLM_ERROR_STORAGE, "no room"));
  end (bench, "b", 0, g_error_new (CLM_ERROR, CLM_ERROR_STORAGE, "no room"));
  g_assert_cmpuint (count_events (bench, "storage-failed"), ==, 2);
  set_disk_full (FALSE);
  clm_virtual_clock_advance (bench->time, 30);
  settle (bench);
  end (bench, "a", NOW + DAY, NULL);
  end (bench, "b", NOW + DAY, NULL);
  g_assert_true (clm_agenda_is_quiet (bench->agenda));
}

/* Cancelling */

static void
test_cancel_waiting (void)
{
  g_autoptr (Bench) bench = bench_new (1);
  g_autoptr (ClmJob) first = NULL;
  g_autoptr (ClmJob) second = NULL;
  g_autoptr (ClmJob) third = NULL;

  add (bench, "a", 60 * DAY, NOW + DAY, TRUE);
  add (bench, "b", 60 * DAY, NOW + DAY, TRUE);
  add (bench, "c", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  first = ask (bench, "a", CLM_OPERATION_RENEW);
  second = ask (bench, "b", CLM_OPERATION_RENEW);
  third = ask (bench, "c", CLM_OPERATION_RENEW);
  settle (bench);
  g_cancellable_cancel (clm_job_get_cancellable (second));
  settle (bench);
  g_assert_error (clm_job_get_error (second), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (clm_agenda_is_busy (bench->agenda, "b"));
  end (bench, "a", NOW + DAY, NULL);
  assert_begun ("renew a, renew c");
  end (bench, "c", NOW + DAY, NULL);
  g_assert_no_error (clm_job_get_error (first));
  g_assert_no_error (clm_job_get_error (third));
}

/* Two wait for the same: the last who gives up ends it. */
static void
test_cancel_joined (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmJob) one = NULL;
  g_autoptr (ClmJob) other = NULL;
  g_autoptr (ClmJob) later = NULL;
  GCancellable *cancellable;

  add (bench, "web", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  one = ask (bench, "web", CLM_OPERATION_RENEW);
  other = ask (bench, "web", CLM_OPERATION_RENEW);
  settle (bench);
  cancellable = g_task_get_cancellable (find_running ("web")->task);
  g_cancellable_cancel (clm_job_get_cancellable (one));
  settle (bench);
  g_assert_false (g_cancellable_is_cancelled (cancellable));
  g_assert_nonnull (find_running ("web"));
  g_cancellable_cancel (clm_job_get_cancellable (other));
  settle (bench);
  g_assert_null (find_running ("web"));
  g_assert_error (clm_job_get_error (one), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (clm_job_get_error (other), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  later = ask (bench, "web", CLM_OPERATION_RENEW);
  settle (bench);
  assert_begun ("renew web, renew web");
  end (bench, "web", NOW + DAY, NULL);
  g_assert_no_error (clm_job_get_error (later));
}

/* What is being cancelled is joined by nobody who comes after. */
static void
test_cancelled_is_not_joined (void)
{
  g_autoptr (Bench) bench = bench_new (4);
  g_autoptr (ClmJob) one = NULL;
  g_autoptr (ClmJob) later = NULL;
  Running *run;

  add (bench, "web", 60 * DAY, NOW + DAY, TRUE);
  clm_agenda_start (bench->agenda);
  one = ask (bench, "web", CLM_OPERATION_RENEW);
  settle (bench);
  /* It takes its time to obey. */
  run = find_running ("web");
  g_signal_handler_disconnect (g_task_get_cancellable (run->task), run->handler);
  run->handler = 0;
  g_cancellable_cancel (clm_job_get_cancellable (one));
  later = ask (bench, "web", CLM_OPERATION_RENEW);
  settle (bench);
  assert_begun ("renew web");
  end (bench, "web", 0, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled"));
  g_assert_error (clm_job_get_error (one), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (clm_job_is_completed (later));
  assert_begun ("renew web, renew web");
  end (bench, "web", NOW + DAY, NULL);
  g_assert_no_error (clm_job_get_error (later));
}

/* Stopping */

static void
test_stop (void)
{
  g_autoptr (Bench) bench = bench_new (1);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (ClmJob) flying = NULL;
  g_autoptr (ClmJob) waiting = NULL;
  Running *run;

  add (bench, "a", 60 * DAY, NOW + DAY, TRUE);
  add (bench, "b", 60 * DAY, NOW + 2, TRUE);
  clm_agenda_start (bench->agenda);
  flying = ask (bench, "a", CLM_OPERATION_RENEW);
  waiting = ask (bench, "b", CLM_OPERATION_RENEW);
  settle (bench);
  run = find_running ("a");
  g_signal_handler_disconnect (g_task_get_cancellable (run->task), run->handler);
  run->handler = 0;
  clm_agenda_stop_async (bench->agenda, clm_await_done, &result);
  settle (bench);
  g_assert_error (clm_job_get_error (waiting), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (g_cancellable_is_cancelled (g_task_get_cancellable (run->task)));
  /* Not before what is in flight has ended. */
  g_assert_null (result);
  g_assert_false (clm_job_is_completed (flying));
  end (bench, "a", NOW - 1, NULL);
  g_assert_nonnull (result);
  g_assert_true (clm_agenda_stop_finish (bench->agenda, result, NULL));
  g_assert_true (clm_job_is_completed (flying));
  clm_virtual_clock_advance (bench->time, 10);
  assert_begun ("renew a");
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&bench->agenda));
}

static gboolean
on_terminated (gpointer user_data)
{
  Bench *bench = user_data;

  bench->engine.stopping = TRUE;
  clm_agenda_stop_async (bench->agenda, clm_await_done, g_object_get_data (G_OBJECT (bench->agenda), "result"));
  return G_SOURCE_REMOVE;
}

/* As by SIGTERM, in a callback of the main loop, with as many in flight as there may be. */
static void
test_stop_many (void)
{
  g_autoptr (Bench) bench = bench_new (64);
  g_autoptr (GAsyncResult) result = NULL;

  for (guint i = 0; i < 64; i++) {
    g_autofree char *name = g_strdup_printf ("c%u", i);

    add (bench, name, 60 * DAY, NOW - 1, TRUE);
  }
  clm_agenda_start (bench->agenda);
  settle (bench);
  g_assert_cmpuint (running->len, ==, 64);
  g_object_set_data (G_OBJECT (bench->agenda), "result", &result);
  g_idle_add (on_terminated, bench);
  settle (bench);
  g_assert_cmpuint (running->len, ==, 0);
  g_assert_nonnull (result);
  g_assert_cmpuint (begun->len, ==, 64);
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&bench->agenda));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agenda/safety-54-soonest-expiry-first", test_soonest_expiry_first);
  g_test_add_func ("/agenda/begins-when-due", test_begins_when_due);
  g_test_add_func ("/agenda/untrusted-clock", test_untrusted_clock);
  g_test_add_func ("/agenda/action-of-the-record", test_action_of_the_record);
  g_test_add_func ("/agenda/alarm", test_alarm);
  g_test_add_func ("/agenda/one-thing-for-a-name", test_one_thing_for_a_name);
  g_test_add_func ("/agenda/safety-54-cap", test_cap);
  g_test_add_func ("/agenda/put-off", test_put_off);
  g_test_add_func ("/agenda/not-put-off", test_not_put_off);
  g_test_add_func ("/agenda/due-again", test_due_again);
  g_test_add_func ("/agenda/settled", test_settled);
  g_test_add_func ("/agenda/storage-pause", test_storage_pause);
  g_test_add_func ("/agenda/cancel-waiting", test_cancel_waiting);
  g_test_add_func ("/agenda/cancel-joined", test_cancel_joined);
  g_test_add_func ("/agenda/cancelled-is-not-joined", test_cancelled_is_not_joined);
  g_test_add_func ("/agenda/stop", test_stop);
  g_test_add_func ("/agenda/stop-many", test_stop_many);
  return g_test_run ();
}
