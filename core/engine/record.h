/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmState: the public state of one certificate; the words of clm_state_get_nick() are what bus, command line and history show.
 */
typedef enum {
  CLM_STATE_WAITING,    /* clock, network or a prerequisite is missing */
  CLM_STATE_ENROLLING,  /* the first generation is on its way */
  CLM_STATE_PENDING,    /* the CA will decide */
  CLM_STATE_READY,
  CLM_STATE_RENEWING,
  CLM_STATE_FAILING,    /* renewal or delivery fails; what is published may still be valid */
  CLM_STATE_EXPIRED,
  CLM_STATE_REVOKED,
  CLM_STATE_HELD,
  CLM_N_STATES
} ClmState;

/** ClmDeliveryState: whether the consumers have the current generation; "renewed but never deployed" is %CLM_DELIVERY_FAILING. */
typedef enum {
  CLM_DELIVERY_NONE,        /* nothing to deliver */
  CLM_DELIVERY_PENDING,
  CLM_DELIVERY_DELIVERED,
  CLM_DELIVERY_FAILING,     /* tried again with back-off */
  CLM_DELIVERY_ROLLED_BACK, /* consumers have the previous generation; the candidate is tried again */
  CLM_N_DELIVERY_STATES
} ClmDeliveryState;

/** ClmAction: what happens next to a certificate, by itself. */
typedef enum {
  CLM_ACTION_NONE,
  CLM_ACTION_ENROLL,
  CLM_ACTION_POLL,      /* ask the CA for its decision */
  CLM_ACTION_RENEW,
  CLM_ACTION_DELIVER,
  CLM_ACTION_REMOVE,
  CLM_N_ACTIONS
} ClmAction;

/** clm_state_get_nick: Returns: (transfer none): "ready". Any thread, like the five below. */
const char *clm_state_get_nick (ClmState state);
gboolean    clm_state_from_nick (const char *nick, ClmState *state);
const char *clm_delivery_state_get_nick (ClmDeliveryState state);
gboolean    clm_delivery_state_from_nick (const char *nick, ClmDeliveryState *state);
const char *clm_action_get_nick (ClmAction action);
gboolean    clm_action_from_nick (const char *nick, ClmAction *action);

/* Why a certificate waits without anything failing: ClmRecord.reason in state "waiting". */
#define CLM_REASON_DISABLED "disabled"
#define CLM_REASON_UNDESCRIBED "undescribed"

/** ClmDeliveryRecord: how one consumer of one certificate stands. */
typedef struct {
  char    *delivery;    /* name of the recipe */
  guint64  generation;  /* delivered last with success; 0: none */
  gboolean failing;
  guint    attempts;    /* since the last success */
  gint64   time;        /* of the last try; 0: never */
  char    *error;       /* (nullable) */
} ClmDeliveryRecord;

/**
 * ClmRecord:
 *
 * What is known of one certificate, as a row of the inventory. Plain data; strings are never %NULL unless said so; times are
 * seconds since the epoch, 0 where there is none (not_after of a certificate not yet issued).
 */
typedef struct {
  char            *name;
  ClmState         state;
  char            *reason;        /* machine-readable word, e.g. "authority-unreachable"; "" in state ready */
  char            *message;       /* the sentence for a person; "" where there is nothing to say */
  char            *hint;          /* what to do; "" */
  char            *error;         /* CamelCase error code of the last failure, "" after a success */
  ClmAction        next_action;
  gint64           next_time;     /* 0: no time (waits for an event) */
  ClmDeliveryState delivery_state;
  guint64          revision;
  guint64          generation;    /* current; 0: none */
  guint64          candidate;     /* issued, not (or no longer) current, to be delivered again; 0: none */
  guint            attempts;      /* failed ones in a row */
  gboolean         held;
  gboolean         clock_bound;   /* next_time is a calendar deadline; else a span kept over clock changes */

  char            *origin;        /* "file" or "request" */
  char            *template_name; /* "" */
  char            *authority;     /* the one that issued, else the first configured */
  char            *key_store;
  char            *key_uri;       /* of the current generation; "" */
  char            *key_type;      /* "" until issued */
  char            *subject;       /* of the current generation; "" */
  char            *issuer;
  char            *serial;        /* hex, lower case; "" */
  char            *fingerprint;   /* SHA-256 hex of the leaf; "" */
  char            *alt_names;     /* "DNS:a, IP:1.2.3.4"; "" */
  gint64           not_before;
  gint64           not_after;
  gint64           issued;        /* when the current generation became current */
  char            *issue_digest;  /* of the spec the current generation was issued for */
  guint            alarm;         /* expiry alarms given for the current generation: 0 none … 3 last day, 4 expired */
  gint64           alarm_time;    /* when the next one is due; 0: none */
  gint64           hint_start;    /* when the CA would like to see the renewal; 0: it said nothing */
  gint64           hint_end;
  gint64           revoked;       /* 0: not */
} ClmRecord;

ClmRecord *clm_record_new (const char *name);
ClmRecord *clm_record_copy (const ClmRecord *self);
void       clm_record_free (ClmRecord *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmRecord, clm_record_free)

/** clm_record_set: Replaces a string member: `clm_record_set (&record->message, "text")`; %NULL becomes "". */
void clm_record_set (char **member, const char *value);

/**
 * ClmSummary:
 *
 * What lists show of one certificate. Plain data for the stack; the strings belong to whoever made it (a #ClmRecord, a #ClmPage).
 */
typedef struct {
  const char      *name;
  ClmState         state;
  ClmDeliveryState delivery_state;
  const char      *authority;
  const char      *key_store;
  gint64           not_before;
  gint64           not_after;
  ClmAction        next_action;
  gint64           next_time;
  guint            attempts;
  const char      *message;
  guint64          revision;
} ClmSummary;

/** clm_record_summarize: Returns: a view on @self, valid as long as it is unchanged. */
ClmSummary clm_record_summarize (const ClmRecord *self);

ClmDeliveryRecord *clm_delivery_record_new (const char *delivery);
void               clm_delivery_record_free (ClmDeliveryRecord *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmDeliveryRecord, clm_delivery_record_free)

/**
 * ClmIntent:
 *
 * What a rotation has begun and not yet ended: written before anything outside happens, so that a crash at any point is
 * followed by going on, never by a second key or a second certificate.
 */
typedef struct {
  guint64   number;             /* of the generation to be */
  char     *authority;
  char     *authority_identity; /* a ticket of another identity is worthless */
  char     *issue_digest;       /* of the spec it is for */
  char     *key_store;
  char     *key_label;          /* the engine chose it before the key was made */
  char     *key_uri;            /* "" until the key is there */
  GBytes   *ticket;             /* (nullable) */
  gboolean  key_owned;          /* made for this intent: goes with it when the intent is dropped */
  gint64    started;
} ClmIntent;

ClmIntent *clm_intent_new (guint64 number);
ClmIntent *clm_intent_copy (const ClmIntent *self);
void       clm_intent_free (ClmIntent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmIntent, clm_intent_free)

/** ClmHistoryRow: one event as history keeps it. */
typedef struct {
  guint64 sequence;
  gint64  time;
  char   *kind;          /* nick of ClmEventKind */
  char   *severity;
  char   *subject_kind;  /* "" for the daemon */
  char   *subject;
  char   *message;
  GVariant *fields;      /* a{ss} */
} ClmHistoryRow;

void clm_history_row_free (ClmHistoryRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmHistoryRow, clm_history_row_free)

/* ClmGenerationRow.status where the files are gone, but the key could not be destroyed yet: something has to name it. */
#define CLM_GENERATION_REMOVED "removed"

/** ClmGenerationRow: one kept generation. */
typedef struct {
  guint64 number;
  char   *status;        /* "current", "candidate" (failed a consumer), "previous", "revoked", "removed" */
  char   *serial;
  char   *fingerprint;
  char   *authority;
  char   *key_uri;
  gint64  not_before, not_after;
  gint64  created, retired;   /* retired: when it ceased to be current; 0: it did not */
} ClmGenerationRow;

ClmGenerationRow *clm_generation_row_new (guint64 number);
void clm_generation_row_free (ClmGenerationRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmGenerationRow, clm_generation_row_free)

G_END_DECLS
