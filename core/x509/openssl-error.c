/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "openssl-error.h"

#include "openssl-memory.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

/* Room for a few RSA-4096 keys in use at once; libcrypto fails rather than fall back when it is full. */
#define SECURE_HEAP_SIZE (256 * 1024)
#define SECURE_HEAP_BLOCK 32

#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_LEAK__)
#define LEAK_CHECKED TRUE
#elif defined (__has_feature)
#define LEAK_CHECKED __has_feature (address_sanitizer)
#else
#define LEAK_CHECKED FALSE
#endif

/* A store's error in the queue's free-form data: MARK DOMAIN SEP CODE SEP RETRY_AFTER SEP MESSAGE SEP HINT */
#define MARK "clm-error"
#define SEPARATOR "\x1f"
#define N_FIELDS 6

/* LeakSanitizer does not look into mapped memory, so it would call lost what only the secure heap points to; and it would call
 * lost what libcrypto holds for a pool's thread that happens to end while the process does. A thread that waits is seen. */
static void
keep_threads (void)
{
  g_thread_pool_set_max_unused_threads (-1);
  g_thread_pool_set_max_idle_time (0);
}

void
clm_x509_init (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;

  clm_x509_wipe_freed_memory ();
  /* No clean-up at exit: a thread of a key store may still be inside OpenSSL when main() returns. */
  OPENSSL_init_crypto (OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
  if (LEAK_CHECKED)
    keep_threads ();
  else if (!CRYPTO_secure_malloc_initialized ())
    CRYPTO_secure_malloc_init (SECURE_HEAP_SIZE, SECURE_HEAP_BLOCK);
  g_once_init_leave (&done, 1);
}

void
clm_x509_raise_error (const GError *error)
{
  const char *hint = error->domain == CLM_ERROR ? clm_error_get_hint (error) : NULL;

  ERR_raise_data (ERR_LIB_PROV, ERR_R_OPERATION_FAIL,
                  MARK SEPARATOR "%s" SEPARATOR "%d" SEPARATOR "%" G_GINT64_FORMAT SEPARATOR "%s" SEPARATOR "%s",
                  g_quark_to_string (error->domain), error->code,
                  error->domain == CLM_ERROR ? clm_error_get_retry_after (error) : -1, error->message, hint ? hint : "");
}

static GError *
parse_store_error (const char *data)
{
  g_auto (GStrv) fields = g_strsplit (data, SEPARATOR, N_FIELDS);
  GError *error;

  if (g_strv_length (fields) < N_FIELDS || !g_str_equal (fields[0], MARK))
    return NULL;

  error = g_error_new_literal (g_quark_from_string (fields[1]), (int) g_ascii_strtoll (fields[2], NULL, 10), fields[4]);
  if (error->domain == CLM_ERROR) {
    gint64 retry_after = g_ascii_strtoll (fields[3], NULL, 10);

    if (retry_after >= 0)
      clm_error_set_retry_after (error, retry_after);
    if (fields[5][0])
      clm_error_set_hint (error, "%s", fields[5]);
  }
  return error;
}

/* Takes everything off the queue: the first reason is the cause, what follows are its callers. */
static const char *
drain (GError **store_error)
{
  const char *reason = NULL, *data;
  unsigned long code;
  int flags;

  while ((code = ERR_get_error_all (NULL, NULL, NULL, &data, &flags))) {
    if (!reason)
      reason = ERR_reason_error_string (code);
    if (!*store_error && (flags & ERR_TXT_STRING) && data && g_str_has_prefix (data, MARK SEPARATOR))
      *store_error = parse_store_error (data);
  }
  return reason;
}

void
clm_x509_set_error (GError **error, ClmError code, const char *format, ...)
{
  g_autoptr (GError) store_error = NULL;
  g_autofree char *message = NULL;
  const char *reason = drain (&store_error);
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);

  if (store_error)
    g_propagate_prefixed_error (error, g_steal_pointer (&store_error), "%s: ", message);
  else if (reason)
    g_set_error (error, CLM_ERROR, code, "%s: %s", message, reason);
  else
    g_set_error_literal (error, CLM_ERROR, code, message);
}
