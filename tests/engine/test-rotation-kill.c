/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon is killed at every step, and at any moment; then it starts again and everything must be in order. */
#include "bench.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rotation.h"

#define ROUNDS 40   /* kills at any moment */

static const char *program;

/* The child: does one thing and is killed on the way, by itself or by its parent */

static const char *last_step;

static void
die_there (const char *certificate,
           const char *step)
{
  if (g_str_equal (step, last_step))
    raise (SIGKILL);
}

static int
run_child (const char *root,
           const char *goal,
           const char *step)
{
  Bench *bench = bench_open (root);
  GError *error = NULL;

  last_step = step;
  if (g_str_equal (goal, "first"))
    clm_rotation_set_probe (die_there);
  bench_start (bench);
  bench_settle (bench);
  clm_rotation_set_probe (die_there);
  if (g_str_equal (goal, "renew"))
    error = bench_try_renew (bench, "web", FALSE);
  else if (g_str_equal (goal, "rollback"))
    error = bench_run (bench, clm_manager_rollback (bench->manager, NULL, "web", NULL));
  else if (g_str_equal (goal, "deliver"))
    error = bench_run (bench, clm_manager_deliver (bench->manager, NULL, "web", NULL));
  g_clear_error (&error);
  bench_close (bench);
  return 0;
}

/* Returns whether it was killed. @after_ms: kill it then; 0: it does so itself, or not. */
static gboolean
spawn (Bench      *bench,
       const char *goal,
       const char *step,
       guint       after_ms)
{
  const char *argv[] = { program, "--child", bench->root, goal, step, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;
  int status;

  g_spawn_async (NULL, (char **) argv, NULL,
                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  if (after_ms) {
    g_usleep (after_ms * 1000);
    kill (pid, SIGKILL);
  }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (!WIFSIGNALED (status))
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return WIFSIGNALED (status);
}

static Bench *
make_bench (void)
{
  Bench *bench = bench_new (FALSE);

  bench_write (bench, "deliveries.d/files.delivery", "[Delivery]\nFor=*\nCombined=@OUT@/%%n.pem\n");
  bench_certificate (bench, "web", "[Delivery]\nDeliver=files\n");
  return bench;
}

static void
assert_delivered (Bench *bench)
{
  g_autofree char *out = bench_read (bench, "out/web.pem");
  g_autofree char *current = bench_read (bench, "state/certificates/web/current/fullchain.pem");
  g_autoptr (ClmRecord) record = bench_record (bench, "web");

  g_assert_nonnull (out);
  g_assert_nonnull (strstr (out, current));
  g_assert_cmpint (record->delivery_state, ==, CLM_DELIVERY_DELIVERED);
  g_assert_cmpuint (record->candidate, ==, 0);
}

/* Starts again and looks; @issued: how many the CA may have issued at most. */
static void
recover (Bench *bench,
         guint  issued)
{
  guint number;

  bench_start (bench);
  bench_settle (bench);
  number = bench_assert_published (bench, "web");
  g_assert_cmpuint (number, >, 0);
  assert_delivered (bench);
  g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), <=, issued);
  bench_renew (bench, "web");
  g_assert_cmpuint (bench_assert_published (bench, "web"), >, number);
  assert_delivered (bench);
  bench_assert_no_leftovers (bench, "web");
}

static guint
count_complete (Bench *bench)
{
  g_autoptr (GPtrArray) rows = clm_manager_get_generations (bench->manager, "web", NULL);

  return rows->len;
}

static void
kill_at (const char *goal,
         const char *step)
{
  g_autoptr (Bench) bench = make_bench ();
  guint issued = 1;

  g_test_message ("%s, killed at %s", goal, step);
  if (!g_str_equal (goal, "first"))
    g_assert_false (spawn (bench, "first", "", 0));
  if (g_str_equal (goal, "rollback"))
    g_assert_false (spawn (bench, "renew", "", 0));
  issued = bench_count_ledger (bench, "fake", "issued");
  if (!spawn (bench, goal, step, 0))
    g_test_message ("this goal has no such step");
  recover (bench, issued + (g_str_equal (goal, "rollback") || g_str_equal (goal, "deliver") ? 0 : 2));
  /* One key for each generation, at most one beside. */
  g_assert_cmpuint (bench_count_keys (bench), <=, count_complete (bench) + 1);
}

static void
test_every_step (gconstpointer goal)
{
  const char *const *steps = clm_rotation_list_steps ();

  for (guint i = 0; steps[i]; i++)
    kill_at (goal, steps[i]);
}

static void
test_any_moment (void)
{
  g_autoptr (Bench) bench = make_bench ();
  guint kills = 0;

  g_assert_false (spawn (bench, "first", "", 0));
  for (guint i = 0; i < ROUNDS; i++) {
    guint before = bench_count_ledger (bench, "fake", "issued");

    kills += spawn (bench, i % 7 == 6 ? "deliver" : "renew", "", (guint) g_test_rand_int_range (5, 120));
    g_assert_cmpuint (bench_count_ledger (bench, "fake", "issued"), <=, before + 2);
    bench_assert_published (bench, "web");
  }
  g_test_message ("%u of %u were killed", kills, ROUNDS);
  recover (bench, G_MAXUINT);
  g_assert_cmpuint (bench_count_keys (bench), <=, count_complete (bench) + 1);
}

int
main (int   argc,
      char *argv[])
{
  if (argc == 5 && g_str_equal (argv[1], "--child"))
    return run_child (argv[2], argv[3], argv[4]);
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/rotation-kill/first", "first", test_every_step);
  g_test_add_data_func ("/rotation-kill/renew", "renew", test_every_step);
  g_test_add_data_func ("/rotation-kill/deliver", "deliver", test_every_step);
  g_test_add_data_func ("/rotation-kill/rollback", "rollback", test_every_step);
  g_test_add_func ("/rotation-kill/safety-20-any-moment", test_any_moment);
  return g_test_run ();
}
