/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper.h"

#include "clm-error.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ALL_FILES                                                                                                                 \
  "[Delivery]\nFor=web*\nCertificate=@OUT@/%n.crt\nFullChain=@OUT@/%n.full\nChain=@OUT@/%n.chain\nKey=@OUT@/%n.key\n"             \
  "Combined=@OUT@/%n.all\nMode=0640\nKeyMode=0400\n"
#define TWO_FILES "[Delivery]\nFor=*\nFullChain=@OUT@/%n.pem\nKey=@OUT@/%n.key\n"
#define COUNTING TWO_FILES "[Action]\nCommand=/bin/sh -c \"echo told >> @OUT@/told\"\n"

typedef struct {
  Helper  helper;
  Sample *sample;
  Sample *next;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  helper_start (&fixture->helper);
  fixture->sample = sample_new ("web");
  fixture->next = sample_new ("web");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  helper_stop (&fixture->helper, TRUE);
  sample_free (fixture->sample);
  sample_free (fixture->next);
}

static guint
get_mode (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->helper.out, name, NULL);
  struct stat st;

  g_assert_cmpint (lstat (path, &st), ==, 0);
  return st.st_mode & 07777;
}

static void
assert_content (Fixture *fixture, const char *name, const char *a, const char *b, const char *c)
{
  g_autofree char *expected = g_strconcat (a, b, c, NULL);
  g_autofree char *there = sample_read (fixture->helper.out, name);

  g_assert_cmpstr (there, ==, expected);
}

/* Delivers and expects it to fail so; nothing may be left behind. */
static void
assert_refused (Fixture *fixture, const char *delivery, const Sample *sample, int code, const char *stage, const char *part)
{
  g_auto (ClmDeliverReply) reply = {0};

  helper_ask (&fixture->helper, delivery, "web", sample, FALSE, &reply);
  g_assert_false (reply.ok);
  g_assert_cmpstr (clm_error_code_to_nick (reply.code), ==, clm_error_code_to_nick (code));
  g_assert_cmpstr (reply.stage, ==, stage);
  g_assert_nonnull (strstr (reply.message, part));
  g_assert_false (reply.changed);
}

static void
deliver_ok (Fixture *fixture, const char *delivery, const Sample *sample, gboolean changed, gboolean acted)
{
  g_auto (ClmDeliverReply) reply = {0};

  helper_ask (&fixture->helper, delivery, "web", sample, FALSE, &reply);
  g_assert_cmpstr (reply.message, ==, "");
  g_assert_true (reply.ok);
  g_assert_cmpint (reply.changed, ==, changed);
  g_assert_cmpint (reply.acted, ==, acted);
}

static void
test_forms_and_modes (Fixture *fixture, gconstpointer data)
{
  const Sample *s = fixture->sample;

  helper_recipe (&fixture->helper, "all", ALL_FILES);
  deliver_ok (fixture, "all", s, TRUE, FALSE);
  assert_content (fixture, "web.crt", s->leaf_pem, NULL, NULL);
  assert_content (fixture, "web.full", s->leaf_pem, s->chain_pem, NULL);
  assert_content (fixture, "web.chain", s->chain_pem, NULL, NULL);
  assert_content (fixture, "web.key", s->key_pem, NULL, NULL);
  assert_content (fixture, "web.all", s->leaf_pem, s->chain_pem, s->key_pem);
  g_assert_cmphex (get_mode (fixture, "web.crt"), ==, 0640);
  g_assert_cmphex (get_mode (fixture, "web.key"), ==, 0400);
  g_assert_cmphex (get_mode (fixture, "web.all"), ==, 0400);
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 5);
}

static void
test_directory_is_made (Fixture *fixture, gconstpointer data)
{
  helper_recipe (&fixture->helper, "deep", "[Delivery]\nFor=*\nFullChain=@OUT@/a/b/%n.pem\n");
  deliver_ok (fixture, "deep", fixture->sample, TRUE, FALSE);
  g_assert_cmphex (get_mode (fixture, "a"), ==, 0755);
  assert_content (fixture, "a/b/web.pem", fixture->sample->leaf_pem, fixture->sample->chain_pem, NULL);
}

static void
test_unchanged_tells_nobody (Fixture *fixture, gconstpointer data)
{
  g_auto (ClmDeliverReply) reply = {0};

  helper_recipe (&fixture->helper, "count", COUNTING);
  deliver_ok (fixture, "count", fixture->sample, TRUE, TRUE);
  deliver_ok (fixture, "count", fixture->sample, FALSE, FALSE);
  assert_content (fixture, "told", "told\n", NULL, NULL);
  helper_ask (&fixture->helper, "count", "web", fixture->sample, TRUE, &reply);
  g_assert_true (reply.ok && reply.acted && !reply.changed);
  assert_content (fixture, "told", "told\n", "told\n", NULL);
}

static void
test_mode_is_put_right (Fixture *fixture, gconstpointer data)
{
  g_autofree char *key = g_build_filename (fixture->helper.out, "web.key", NULL);

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  deliver_ok (fixture, "two", fixture->sample, TRUE, FALSE);
  g_assert_cmpint (chmod (key, 0644), ==, 0);
  deliver_ok (fixture, "two", fixture->sample, TRUE, FALSE);
  g_assert_cmphex (get_mode (fixture, "web.key"), ==, 0600);
}

static void
test_attributes_are_kept (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->helper.out, "web.pem", NULL);
  char value[16] = "";

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  deliver_ok (fixture, "two", fixture->sample, TRUE, FALSE);
  if (setxattr (path, "user.note", "mine", 4, 0) < 0) {
    g_test_skip ("no extended attributes on this file system");
    return;
  }
  deliver_ok (fixture, "two", fixture->next, TRUE, FALSE);
  g_assert_cmpint (getxattr (path, "user.note", value, sizeof value), ==, 4);
  g_assert_cmpstr (value, ==, "mine");
}

/* Rolling back is delivering the older generation. */
static void
test_rollback (Fixture *fixture, gconstpointer data)
{
  helper_recipe (&fixture->helper, "count", COUNTING);
  deliver_ok (fixture, "count", fixture->sample, TRUE, TRUE);
  deliver_ok (fixture, "count", fixture->next, TRUE, TRUE);
  deliver_ok (fixture, "count", fixture->sample, TRUE, TRUE);
  assert_content (fixture, "web.key", fixture->sample->key_pem, NULL, NULL);
  assert_content (fixture, "web.pem", fixture->sample->leaf_pem, fixture->sample->chain_pem, NULL);
  assert_content (fixture, "told", "told\n", "told\n", "told\n");
}

static void
test_failed_action_is_repeated (Fixture *fixture, gconstpointer data)
{
  helper_recipe (&fixture->helper, "moody", TWO_FILES "[Action]\nCommand=/bin/sh -c \"test -e @OUT@/mood\"\n");
  {
    g_auto (ClmDeliverReply) reply = {0};
    helper_ask (&fixture->helper, "moody", "web", fixture->sample, FALSE, &reply);
    g_assert_false (reply.ok);
    g_assert_cmpstr (reply.stage, ==, "action");
    g_assert_cmpint (reply.code, ==, CLM_ERROR_DELIVERY);
    g_assert_true (reply.changed);
  }
  sample_write (fixture->helper.out, "mood", "good");
  deliver_ok (fixture, "moody", fixture->sample, FALSE, TRUE);
  deliver_ok (fixture, "moody", fixture->sample, FALSE, FALSE);
}

static void
test_command_check (Fixture *fixture, gconstpointer data)
{
  g_auto (ClmDeliverReply) reply = {0};

  helper_recipe (&fixture->helper, "check", TWO_FILES "[Check]\nCommand=/bin/sh -c \"echo no good; exit 3\"\nWithin=0\nOnFailure=keep\n");
  helper_ask (&fixture->helper, "check", "web", fixture->sample, FALSE, &reply);
  g_assert_false (reply.ok);
  g_assert_cmpstr (reply.stage, ==, "check");
  g_assert_nonnull (strstr (reply.message, "status 3"));
  g_assert_cmpstr (reply.output, ==, "no good\n");
  g_assert_false (reply.check.rollback);
  g_assert_cmpint (reply.check.kind, ==, CLM_DELIVER_CHECK_COMMAND);
}

static void
test_key_mismatch (Fixture *fixture, gconstpointer data)
{
  G_GNUC_UNUSED g_autofree char *key = fixture->sample->key_pem;

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  fixture->sample->key_pem = g_strdup (fixture->next->key_pem);
  assert_refused (fixture, "two", fixture->sample, CLM_ERROR_INVALID_DATA, "material", "does not belong");
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 0);
}

static void
test_not_for_this_certificate (Fixture *fixture, gconstpointer data)
{
  helper_recipe (&fixture->helper, "mail", "[Delivery]\nFor=mail smtp-*\nFullChain=@OUT@/x.pem\n");
  assert_refused (fixture, "mail", fixture->sample, CLM_ERROR_ACCESS_DENIED, "recipe", "does not take");
  assert_refused (fixture, "nothing", fixture->sample, CLM_ERROR_NOT_FOUND, "recipe", "no delivery \"nothing\"");
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 0);
}

static void
test_recipe_of_others (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->helper.root, "etc/certloom/deliveries.d/two.delivery", NULL);

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  g_assert_cmpint (chmod (path, 0666), ==, 0);
  assert_refused (fixture, "two", fixture->sample, CLM_ERROR_CONFIG, "recipe", "two.delivery");
}

static void
test_recipe_in_run_is_not_heard (Fixture *fixture, gconstpointer data)
{
  sample_write (fixture->helper.root, "run/certloom/deliveries.d/two.delivery", "%s", TWO_FILES);
  assert_refused (fixture, "two", fixture->sample, CLM_ERROR_NOT_FOUND, "recipe", "no delivery");
}

static void
test_no_key_came (Fixture *fixture, gconstpointer data)
{
  ClmDeliverRequest request = {
    .delivery = (char *) "two", .certificate = (char *) "web", .n_files = 1, .files = {CLM_DELIVER_LEAF},
  };
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&request);
  g_auto (ClmDeliverReply) reply = {0};
  int fd = sample_fd (fixture->sample->leaf_pem);

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  helper_send (&fixture->helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &fd, 1);
  g_assert_true (helper_receive (&fixture->helper, &reply));
  g_assert_cmpint (reply.code, ==, CLM_ERROR_NOT_SUPPORTED);
  close (fd);
}

/* A leaf signed by a root directly has an empty chain; anchors that nobody wants are not looked at. */
static void
test_empty_chain (Fixture *fixture, gconstpointer data)
{
  ClmDeliverRequest request = {
    .delivery = (char *) "plain", .certificate = (char *) "web", .n_files = 3, .files = {CLM_DELIVER_LEAF, CLM_DELIVER_CHAIN, CLM_DELIVER_ANCHORS},
  };
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&request);
  g_auto (ClmDeliverReply) reply = {0};
  int fds[] = {sample_fd (fixture->sample->leaf_pem), sample_fd (""), sample_fd ("junk")};

  helper_recipe (&fixture->helper, "plain", "[Delivery]\nFor=*\nFullChain=@OUT@/%n.pem\nChain=@OUT@/%n.chain\n");
  helper_send (&fixture->helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), fds, 3);
  g_assert_true (helper_receive (&fixture->helper, &reply));
  g_assert_cmpstr (reply.message, ==, "");
  assert_content (fixture, "web.pem", fixture->sample->leaf_pem, NULL, NULL);
  assert_content (fixture, "web.chain", "", NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

static void
plant (Fixture *fixture, const char *what, const char *path)
{
  g_autofree char *bait = g_build_filename (fixture->helper.root, "bait", NULL);

  sample_write (fixture->helper.root, "bait", "untouched");
  if (g_str_equal (what, "symlink"))
    g_assert_cmpint (symlink (bait, path), ==, 0);
  else if (g_str_equal (what, "dangling"))
    g_assert_cmpint (symlink ("/nonexistent/x", path), ==, 0);
  else if (g_str_equal (what, "hardlink"))
    g_assert_cmpint (link (bait, path), ==, 0);
  else if (g_str_equal (what, "fifo"))
    g_assert_cmpint (mkfifo (path, 0666), ==, 0);
  else if (g_str_equal (what, "directory"))
    g_assert_cmpint (mkdir (path, 0755), ==, 0);
}

/* The certificate's target comes after the key's: the key must not be in place either. */
static void
test_planted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->helper.out, "web.pem", NULL);
  g_autofree char *bait = NULL;

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  plant (fixture, data, path);
  assert_refused (fixture, "two", fixture->sample, CLM_ERROR_DELIVERY, "files", "web.pem");
  bait = sample_read (fixture->helper.root, "bait");
  g_assert_cmpstr (bait, ==, "untouched");
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 1);
}

static void
test_parent_is_symlink (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link_path = g_build_filename (fixture->helper.out, "dir", NULL);

  helper_recipe (&fixture->helper, "linked", "[Delivery]\nFor=*\nFullChain=@OUT@/dir/%n.pem\n");
  g_assert_cmpint (symlink (fixture->helper.root, link_path), ==, 0);
  assert_refused (fixture, "linked", fixture->sample, CLM_ERROR_DELIVERY, "files", "symlink");
}

static void
test_leftovers_go (Fixture *fixture, gconstpointer data)
{
  helper_recipe (&fixture->helper, "two", TWO_FILES);
  sample_write (fixture->helper.out, ".web.key.certloom-0123456789ab", "half a key");
  sample_write (fixture->helper.out, ".web.key.certloom-notours", "of somebody else");
  deliver_ok (fixture, "two", fixture->sample, TRUE, FALSE);
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 3);
}

/* A descriptor that could block, or be without end, is refused unread. */
static void
assert_fd_refused (Fixture *fixture, int fd)
{
  ClmDeliverRequest request = {
    .delivery = (char *) "two", .certificate = (char *) "web", .n_files = 1, .files = {CLM_DELIVER_LEAF},
  };
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&request);
  g_auto (ClmDeliverReply) reply = {0};

  g_assert_cmpint (fd, >=, 0);
  helper_send (&fixture->helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &fd, 1);
  g_assert_true (helper_receive (&fixture->helper, &reply));
  g_assert_false (reply.ok);
  g_assert_cmpint (reply.code, ==, CLM_ERROR_INVALID_DATA);
  g_assert_cmpstr (reply.stage, ==, "material");
  close (fd);
}

static void
test_strange_descriptors (Fixture *fixture, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (fixture->helper.root, "fifo", NULL);
  g_autofree char *sparse = g_build_filename (fixture->helper.root, "sparse", NULL);
  g_autofree char *plain = g_build_filename (fixture->helper.root, "plain", NULL);
  int fd;

  helper_recipe (&fixture->helper, "two", TWO_FILES);
  sample_write (fixture->helper.root, "plain", "%s", fixture->sample->leaf_pem);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_fd_refused (fixture, open (fifo, O_RDWR | O_CLOEXEC));
  assert_fd_refused (fixture, socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  assert_fd_refused (fixture, open (fixture->helper.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  assert_fd_refused (fixture, open ("/dev/zero", O_RDONLY | O_CLOEXEC));
  assert_fd_refused (fixture, open (plain, O_PATH | O_CLOEXEC));
  assert_fd_refused (fixture, open (plain, O_WRONLY | O_CLOEXEC));
  fd = open (sparse, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (ftruncate (fd, G_GINT64_CONSTANT (4) << 30), ==, 0);
  assert_fd_refused (fixture, fd);
  assert_fd_refused (fixture, sample_fd (""));
  assert_fd_refused (fixture, sample_fd ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
  assert_fd_refused (fixture, sample_fd (fixture->sample->key_pem));
  g_assert_cmpuint (sample_count (fixture->helper.out, "."), ==, 0);
}

/* Whatever the names of a certificate hold reaches a command as data on its standard input, and is valid JSON there. */
static void
test_injection (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Sample) evil = sample_new ("; touch /tmp/x\n$IFS`id`\"\\ -rf");
  g_autofree char *told = NULL;

  helper_recipe (&fixture->helper, "hook",
                 TWO_FILES "[Action]\nCommand=/bin/sh -c \"cat > @OUT@/told; echo args $# >> @OUT@/told; env >> @OUT@/told\"\n");
  deliver_ok (fixture, "hook", evil, TRUE, TRUE);
  told = sample_read (fixture->helper.out, "told");
  g_assert_true (g_str_has_prefix (told, "{\"version\":1,\"delivery\":\"hook\",\"certificate\":\"web\",\"subject\":\""));
  g_assert_nonnull (strstr (told, "}\nargs 0\n"));
  g_assert_cmpint (strchr (told, '\n')[1], ==, 'a'); /* one line of JSON, whatever the name holds */
  g_assert_nonnull (strstr (told, "\nCERTLOOM_CERTIFICATE=web\n"));
  g_assert_null (strstr (told, "G_TEST")); /* the environment is not ours */
}

static void
test_list_and_describe (Fixture *fixture, gconstpointer data)
{
  ClmDeliverRequest list = {.verb = CLM_DELIVER_LIST, .serial = 1};
  ClmDeliverRequest describe = {.verb = CLM_DELIVER_DESCRIBE, .serial = 2, .delivery = (char *) "own", .certificate = (char *) "web"};
  g_autoptr (GBytes) list_bytes = clm_deliver_request_encode (&list);
  g_autoptr (GBytes) describe_bytes = clm_deliver_request_encode (&describe);
  g_auto (ClmDeliverReply) names = {0};
  g_auto (ClmDeliverReply) check = {0};

  sample_write (fixture->helper.root, "usr/share/certloom/deliveries.d/preset.delivery",
                "[Delivery]\nFor=web\nOrder=7\nFullChain=/x/%%n.pem\n[Check]\nTls=127.0.0.1:443\nWithin=20s\nOnFailure=keep\n");
  helper_recipe (&fixture->helper, "own", "[Delivery]\nPreset=preset\n[Check]\nTls=[::1]:8443\nServerName=web.example\n");
  helper_send (&fixture->helper, g_bytes_get_data (list_bytes, NULL), g_bytes_get_size (list_bytes), NULL, 0);
  g_assert_true (helper_receive (&fixture->helper, &names));
  g_assert_cmpstr (names.names[0], ==, "own");
  g_assert_cmpstr (names.names[1], ==, "preset");
  g_assert_null (names.names[2]);
  g_assert_false (names.more);
  helper_send (&fixture->helper, g_bytes_get_data (describe_bytes, NULL), g_bytes_get_size (describe_bytes), NULL, 0);
  g_assert_true (helper_receive (&fixture->helper, &check));
  g_assert_cmpstr (check.message, ==, "");
  g_assert_cmpint (check.check.kind, ==, CLM_DELIVER_CHECK_TLS);
  g_assert_cmpstr (check.check.address, ==, "[::1]:8443");
  g_assert_cmpstr (check.check.server_name, ==, "web.example");
  g_assert_cmpint (check.check.within_s, ==, 20);
  g_assert_cmpint (check.check.order, ==, 7);
  g_assert_false (check.check.rollback);
}

static void
test_trust (Fixture *fixture, gconstpointer data)
{
  ClmDeliverRequest request = {
    .delivery = (char *) "trust", .certificate = (char *) "web", .n_files = 2, .files = {CLM_DELIVER_LEAF, CLM_DELIVER_ANCHORS},
  };
  g_autoptr (GBytes) bytes = clm_deliver_request_encode (&request);
  int fds[] = {sample_fd (fixture->sample->leaf_pem), sample_fd (fixture->sample->chain_pem)};
  const Sample *pinned[] = {fixture->next, fixture->sample};

  helper_recipe (&fixture->helper, "trust", "[Delivery]\nFor=*\nTrust=@OUT@/ca.pem\nTrustAnchors=@OUT@/../pinned.pem\n");
  assert_refused (fixture, "trust", NULL, CLM_ERROR_CONFIG, "recipe", "TrustAnchors");
  g_autofree char *text = g_strdup_printf ("[Delivery]\nFor=*\nTrust=@OUT@/ca.pem\nTrustAnchors=%s/pinned.pem\n", fixture->helper.root);
  helper_recipe (&fixture->helper, "trust", text);
  for (guint i = 0; i < 2; i++) {
    g_auto (ClmDeliverReply) reply = {0};
    sample_write (fixture->helper.root, "pinned.pem", "%s", pinned[i]->chain_pem);
    helper_send (&fixture->helper, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), fds, 2);
    g_assert_true (helper_receive (&fixture->helper, &reply));
    g_assert_cmpint (reply.ok, ==, i == 1);
    if (i == 0)
      g_assert_cmpint (reply.code, ==, CLM_ERROR_REJECTED);
  }
  assert_content (fixture, "ca.pem", fixture->sample->chain_pem, NULL, NULL);
  close (fds[0]);
  close (fds[1]);
}

/* Ten certificates of one server, told by one init script that takes its time: far fewer runs than certificates. */
static void
test_coalescing (Fixture *fixture, gconstpointer data)
{
  Helper others[5];
  g_autofree char *script = g_build_filename (fixture->helper.out, "init", NULL);
  g_autofree char *told = NULL;
  g_auto (GStrv) lines = NULL;

  sample_write (fixture->helper.out, "init", "#!/bin/sh\nsleep 0.3\necho run >> %s/runs\n", fixture->helper.out);
  g_assert_cmpint (chmod (script, 0755), ==, 0);
  helper_recipe (&fixture->helper, "many", TWO_FILES "[Action]\nInitScript=@OUT@/init reload\n");
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    helper_join (&others[i], &fixture->helper);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autofree char *name = g_strdup_printf ("web%u", i);
    helper_send_sample (&others[i], "many", name, fixture->sample, FALSE);
  }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_auto (ClmDeliverReply) reply = {0};
    g_assert_true (helper_receive (&others[i], &reply));
    g_assert_true (reply.ok && reply.changed && reply.acted);
  }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    helper_stop (&others[i], FALSE);
  told = sample_read (fixture->helper.out, "runs");
  lines = g_strsplit (told, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines) - 1, <, G_N_ELEMENTS (others));
  g_assert_cmpuint (g_strv_length (lines) - 1, >=, 1);
}

/* Two connections, one recipe, one certificate: one after the other, and a matching pair in the end. */
static void
test_lock (Fixture *fixture, gconstpointer data)
{
  Helper other;
  g_auto (ClmDeliverReply) first = {0};
  g_auto (ClmDeliverReply) second = {0};
  g_autofree char *marks = NULL;

  helper_recipe (&fixture->helper, "slow", TWO_FILES "[Action]\nCommand=/bin/sh -c \"echo in >> @OUT@/marks; sleep 0.2; echo out >> @OUT@/marks\"\n");
  helper_join (&other, &fixture->helper);
  helper_send_sample (&fixture->helper, "slow", "web", fixture->sample, FALSE);
  helper_send_sample (&other, "slow", "web", fixture->next, FALSE);
  g_assert_true (helper_receive (&fixture->helper, &first) && first.ok);
  g_assert_true (helper_receive (&other, &second) && second.ok);
  marks = sample_read (fixture->helper.out, "marks");
  g_assert_cmpstr (marks, ==, "in\nout\nin\nout\n");
  helper_stop (&other, FALSE);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  static const char *const planted[] = {"symlink", "dangling", "hardlink", "fifo", "directory"};

  g_test_init (&argc, &argv, NULL);
  ADD ("/deliver/forms-and-modes", test_forms_and_modes);
  ADD ("/deliver/missing-directory-is-made", test_directory_is_made);
  ADD ("/deliver/unchanged-tells-nobody", test_unchanged_tells_nobody);
  ADD ("/deliver/mode-is-put-right", test_mode_is_put_right);
  ADD ("/deliver/attributes-are-kept", test_attributes_are_kept);
  ADD ("/deliver/rollback-is-redelivery", test_rollback);
  ADD ("/deliver/failed-action-is-repeated", test_failed_action_is_repeated);
  ADD ("/deliver/command-check", test_command_check);
  ADD ("/deliver/key-mismatch-is-refused", test_key_mismatch);
  ADD ("/deliver/only-for-its-certificates", test_not_for_this_certificate);
  ADD ("/deliver/recipe-writable-by-others-is-refused", test_recipe_of_others);
  ADD ("/deliver/recipe-in-run-is-not-heard", test_recipe_in_run_is_not_heard);
  ADD ("/deliver/key-that-did-not-come", test_no_key_came);
  ADD ("/deliver/empty-chain", test_empty_chain);
  for (guint i = 0; i < G_N_ELEMENTS (planted); i++) {
    g_autofree char *path = g_strdup_printf ("/deliver/safety-14-planted-%s-is-refused", planted[i]);
    g_test_add (path, Fixture, planted[i], set_up, test_planted, tear_down);
  }
  ADD ("/deliver/symlinked-parent-is-refused", test_parent_is_symlink);
  ADD ("/deliver/leftovers-of-a-crash-go", test_leftovers_go);
  ADD ("/deliver/safety-9-strange-descriptors-are-refused", test_strange_descriptors);
  ADD ("/deliver/safety-49-names-are-only-data", test_injection);
  ADD ("/deliver/list-and-describe", test_list_and_describe);
  ADD ("/deliver/only-pinned-anchors", test_trust);
  ADD ("/deliver/one-reload-for-many", test_coalescing);
  ADD ("/deliver/one-at-a-time", test_lock);
  return g_test_run ();
}
