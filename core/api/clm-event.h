/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include "clm-version.h"

G_BEGIN_DECLS

/**
 * ClmEventKind:
 *
 * What can happen: a closed vocabulary that fleets count by. Kinds are only added, at the end; each has a word, a message id and
 * a usual severity (clm_event_kind_get_nick() and so on). The table is in clm-event.c, the texts for people in the journal catalog.
 */
typedef enum {
  CLM_EVENT_STARTED,               /* daemon */
  CLM_EVENT_STOPPED,               /* daemon */
  CLM_EVENT_RECOVERED,             /* an interrupted rotation was rolled forward or dropped at start */
  CLM_EVENT_CONFIG_RELOADED,
  CLM_EVENT_CONFIG_REJECTED,
  CLM_EVENT_BACKEND_FAILED,        /* a plugin or an instance of it could not be loaded or started */
  CLM_EVENT_CLOCK_CHANGED,         /* trust in the clock changed, or it jumped */
  CLM_EVENT_ADDED,                 /* a certificate came under management */
  CLM_EVENT_REMOVED,
  CLM_EVENT_ENROLL_FAILED,
  CLM_EVENT_PENDING,               /* the CA will decide */
  CLM_EVENT_POLICY_REJECTED,       /* what the CA returned broke policy and was not used */
  CLM_EVENT_ISSUED,                /* first generation */
  CLM_EVENT_RENEWED,               /* later generation */
  CLM_EVENT_DELIVERED,
  CLM_EVENT_DELIVERY_FAILED,
  CLM_EVENT_ROLLED_BACK,
  CLM_EVENT_EXPIRING,              /* less than a third, a sixth, a day left */
  CLM_EVENT_EXPIRED,
  CLM_EVENT_REVOKED,
  CLM_EVENT_HELD,
  CLM_EVENT_RELEASED,              /* hold ended */
  CLM_EVENT_GENERATION_DAMAGED,    /* files on disk do not match their record */
  CLM_EVENT_KEY_CREATED,
  CLM_EVENT_KEY_DESTROYED,
  CLM_EVENT_KEY_UNAVAILABLE,
  CLM_EVENT_AUTHORITY_UNREACHABLE,
  CLM_EVENT_AUTHORITY_RECOVERED,
  CLM_EVENT_CRL_PUBLISHED,
  CLM_EVENT_CA_SIGNED,             /* a private CA signed a certificate */
  CLM_EVENT_ACCESS_DENIED,
  CLM_EVENT_STORAGE_FAILED,
  CLM_EVENT_STORAGE_RECOVERED,
  CLM_EVENT_NOTIFIER_FAILED,
  CLM_N_EVENT_KINDS
} ClmEventKind;

/** ClmSeverity: as syslog orders them, RFC 5424 §6.2.1 in reverse. */
typedef enum { CLM_SEVERITY_DEBUG, CLM_SEVERITY_INFO, CLM_SEVERITY_NOTICE, CLM_SEVERITY_WARNING, CLM_SEVERITY_CRITICAL } ClmSeverity;

/** clm_event_kind_get_nick: Returns: (transfer none): the word for @kind, e.g. "delivery-failed"; "unknown" outside the vocabulary. */
CLM_EXTERN const char *clm_event_kind_get_nick (ClmEventKind kind);
/** clm_event_kind_from_nick: @kind: (out). Returns: %FALSE for an unknown word. */
CLM_EXTERN gboolean clm_event_kind_from_nick (const char *nick, ClmEventKind *kind);
/** clm_event_kind_get_message_id: Returns: (transfer none): 32 hex digits, as journald's MESSAGE_ID. */
CLM_EXTERN const char *clm_event_kind_get_message_id (ClmEventKind kind);
/** clm_event_kind_get_severity: Returns: the usual severity. */
CLM_EXTERN ClmSeverity clm_event_kind_get_severity (ClmEventKind kind);
/** clm_severity_get_nick: Returns: (transfer none): "debug", "info", "notice", "warning" or "critical". */
CLM_EXTERN const char *clm_severity_get_nick (ClmSeverity severity);
/** clm_severity_from_nick: @severity: (out). Returns: %FALSE for an unknown word. */
CLM_EXTERN gboolean clm_severity_from_nick (const char *nick, ClmSeverity *severity);

/**
 * ClmEvent:
 *
 * What happened to what. Built once, then immutable by convention: fields are only added by the one who made it, before it is
 * emitted. Reference counted; any thread once emitted. Text is valid UTF-8, control characters are escaped and long values
 * are cut (message 2 KiB, field 4 KiB) at construction, so no sink needs to do it again.
 */
typedef struct _ClmEvent ClmEvent;

#define CLM_TYPE_EVENT (clm_event_get_type ())
CLM_EXTERN GType clm_event_get_type (void);

/**
 * clm_event_new:
 * @time: seconds since the epoch
 * @subject_kind: (nullable): "certificate", "authority", "keystore", "notifier", "plugin"; %NULL for the daemon itself
 * @subject: (nullable): its name
 * @format: the sentence, in English, without secrets
 * Returns: (transfer full): with the usual severity of @kind.
 */
CLM_EXTERN ClmEvent *clm_event_new (ClmEventKind kind, gint64 time, const char *subject_kind, const char *subject,
                                    const char *format, ...) G_GNUC_PRINTF (5, 6);
CLM_EXTERN ClmEvent *clm_event_ref (ClmEvent *self);
CLM_EXTERN void      clm_event_unref (ClmEvent *self);

/** clm_event_set_severity: Overrides the usual severity, before it is emitted. */
CLM_EXTERN void clm_event_set_severity (ClmEvent *self, ClmSeverity severity);
/** clm_event_add_field: @key: `[a-z][a-z0-9_]*`. @value: (nullable): %NULL adds nothing. */
CLM_EXTERN void clm_event_add_field (ClmEvent *self, const char *key, const char *value);
/** clm_event_add_error: Adds `error`, `error_code`, and `hint` where there is one. */
CLM_EXTERN void clm_event_add_error (ClmEvent *self, const GError *error);

/** clm_event_get_kind and its neighbours: What the event was made with. Any thread. */
CLM_EXTERN ClmEventKind clm_event_get_kind (ClmEvent *self);
CLM_EXTERN ClmSeverity  clm_event_get_severity (ClmEvent *self);
CLM_EXTERN gint64       clm_event_get_time (ClmEvent *self);
/** clm_event_get_subject_kind: Returns: (transfer none) (nullable). */
CLM_EXTERN const char  *clm_event_get_subject_kind (ClmEvent *self);
/** clm_event_get_subject: Returns: (transfer none) (nullable). */
CLM_EXTERN const char  *clm_event_get_subject (ClmEvent *self);
CLM_EXTERN const char  *clm_event_get_message (ClmEvent *self);
/** clm_event_get_field: Returns: (transfer none) (nullable). */
CLM_EXTERN const char  *clm_event_get_field (ClmEvent *self, const char *key);
/** clm_event_list_fields: Returns: (transfer full): the keys, in the order they were added. */
CLM_EXTERN GStrv        clm_event_list_fields (ClmEvent *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmEvent, clm_event_unref)

G_END_DECLS
