/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * The wire between the daemon and root's hand, `certloom-deliver`. A SOCK_SEQPACKET unix socket; one message per datagram; one
 * message is one GVariant `a{sv}` in normal form, little endian, at most %CLM_DELIVER_MAX_MESSAGE bytes; descriptors of a request
 * travel as SCM_RIGHTS beside it, in the order its `files` names them. A connection carries one request at a time: request, reply,
 * request, reply. Everything here is pure: no descriptor is touched, no file read. Any thread.
 *
 * The daemon names a recipe, a certificate and a number, and hands over bytes; it never names a path or a command.
 */

/** CLM_DELIVER_PROTOCOL_VERSION: both sides must speak the same; daemon and helper come from one package. */
#define CLM_DELIVER_PROTOCOL_VERSION 1
/** CLM_DELIVER_MAX_MESSAGE: bytes of one datagram, either way. */
#define CLM_DELIVER_MAX_MESSAGE (128 * 1024)
/** CLM_DELIVER_MAX_FILE: bytes behind one descriptor. */
#define CLM_DELIVER_MAX_FILE (64 * 1024)
/** CLM_DELIVER_MAX_OUTPUT: bytes of an action's output that come back. */
#define CLM_DELIVER_MAX_OUTPUT (64 * 1024)
/** CLM_DELIVER_MAX_LIST: recipes in one page of a list. */
#define CLM_DELIVER_MAX_LIST 200
/** CLM_DELIVER_SOCKET: where the helper listens by default. */
#define CLM_DELIVER_SOCKET "/run/certloom/deliver.socket"

/**
 * ClmDeliverVerb:
 * @CLM_DELIVER_DELIVER: write the files of `delivery` for `certificate`, act, run the recipe's command check.
 * @CLM_DELIVER_DESCRIBE: only say what the recipe checks, in which order it comes, and whether it takes `certificate`.
 * @CLM_DELIVER_LIST: names of the recipes, a page at a time.
 */
typedef enum {
  CLM_DELIVER_DELIVER,
  CLM_DELIVER_DESCRIBE,
  CLM_DELIVER_LIST,
  CLM_N_DELIVER_VERBS
} ClmDeliverVerb;

/**
 * ClmDeliverFile: what a descriptor is. Full chain and combined file are put together by the helper from what it has parsed,
 * so that nothing reaches a consumer but certificates and the key.
 */
typedef enum {
  CLM_DELIVER_LEAF,    /* PEM, one certificate */
  CLM_DELIVER_CHAIN,   /* PEM, the issuers, without the leaf; may be absent */
  CLM_DELIVER_KEY,     /* PEM, PKCS#8; absent where the store does not export it */
  CLM_DELIVER_ANCHORS, /* PEM, trust bundle; only for recipes with `Trust=` */
  CLM_N_DELIVER_FILES
} ClmDeliverFile;

/** ClmDeliverRequest: plain data. Strings are never %NULL after decoding. */
typedef struct {
  ClmDeliverVerb verb;
  guint64        serial;       /* of the sender's choice, comes back in the reply */
  char          *delivery;     /* recipe; for a list: names after this one, "" from the start */
  char          *certificate;  /* "" for a list; may be "" for describe */
  guint64        generation;
  gboolean       force;        /* act even where no file changed */
  guint          n_files;      /* descriptors that come along */
  ClmDeliverFile files[CLM_N_DELIVER_FILES]; /* each at most once */
} ClmDeliverRequest;

/** ClmDeliverCheckKind: how a recipe proves that the consumer took the certificate. */
typedef enum {
  CLM_DELIVER_CHECK_NONE,
  CLM_DELIVER_CHECK_TLS,     /* the daemon's part: a handshake must show the new leaf */
  CLM_DELIVER_CHECK_COMMAND, /* done by the helper before it answers */
  CLM_N_DELIVER_CHECKS
} ClmDeliverCheckKind;

/** ClmDeliverCheck: the part of a recipe that the daemon acts on. Plain data. */
typedef struct {
  ClmDeliverCheckKind kind;
  char    *address;      /* "127.0.0.1:443"; "" unless TLS */
  char    *server_name;  /* for SNI; "": none */
  gint64   delay_s;      /* before the first try */
  gint64   within_s;     /* tries go on until this long after the first */
  gboolean rollback;     /* `OnFailure=rollback`, the default; %FALSE: keep */
  gint64   order;        /* `Order=`; lower first */
} ClmDeliverCheck;

/** ClmDeliverReply: plain data. Strings are never %NULL after decoding. */
typedef struct {
  guint64         serial;
  gboolean        ok;
  char           *stage;     /* "request", "recipe", "material", "files", "action", "check"; how far it came */
  int             code;      /* ClmError; meaningless where @ok */
  char           *message;   /* fragment for an error; "" where @ok */
  char           *hint;      /* what a person can do; "" */
  char           *output;    /* of action or check, UTF-8, capped; "" */
  gboolean        changed;   /* a file was replaced */
  gboolean        acted;     /* the action ran (or was shared with another certificate's) */
  ClmDeliverCheck check;     /* deliver and describe */
  GStrv           names;     /* (nullable): list only */
  gboolean        more;      /* list only: ask again after the last name */
} ClmDeliverReply;

void clm_deliver_request_clear (ClmDeliverRequest *self);
void clm_deliver_check_clear (ClmDeliverCheck *self);
void clm_deliver_check_copy (ClmDeliverCheck *self, const ClmDeliverCheck *from);
void clm_deliver_reply_clear (ClmDeliverReply *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmDeliverRequest, clm_deliver_request_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmDeliverReply, clm_deliver_reply_clear)

/** clm_deliver_name_is_valid: Returns: whether @name may name a certificate or a recipe: `[a-z0-9][a-z0-9._-]{0,63}`. */
gboolean clm_deliver_name_is_valid (const char *name);

/** clm_deliver_address_is_valid: Returns: whether @address is HOST:PORT, "127.0.0.1:443", "[::1]:443" or "web.example:443"; no look-up is done. */
gboolean clm_deliver_address_is_valid (const char *address);

/** clm_deliver_request_encode: %NULL strings count as "". Returns: (transfer full): the datagram. */
GBytes *clm_deliver_request_encode (const ClmDeliverRequest *self);

/** clm_deliver_request_decode: @data: (array length=size): untrusted. @self: (out caller-allocates): to be cleared, also after a failure.
 * Strict: unknown keys, wrong types, bad names, a doubled file kind are %CLM_ERROR_INVALID_DATA; another version is %CLM_ERROR_NOT_SUPPORTED. */
gboolean clm_deliver_request_decode (ClmDeliverRequest *self, const void *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_deliver_reply_encode: Texts are made valid and cut so that the datagram stays within %CLM_DELIVER_MAX_MESSAGE. Returns: (transfer full). */
GBytes *clm_deliver_reply_encode (const ClmDeliverReply *self);

/** clm_deliver_reply_decode: The other direction; unknown keys are ignored. @self: (out caller-allocates): to be cleared, also after a failure. */
gboolean clm_deliver_reply_decode (ClmDeliverReply *self, const void *data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_deliver_text_cut: Returns: (transfer full): @text (@length bytes, -1: to its end) as valid UTF-8 of at most @max bytes. */
char *clm_deliver_text_cut (const char *text, gssize length, gsize max);

G_END_DECLS
