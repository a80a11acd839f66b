/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clm-event.h"
#include "record.h"

G_BEGIN_DECLS

/**
 * ClmChange:
 *
 * What is to be written about one certificate, all of it or nothing. Collected on the main thread, applied by the inventory's
 * writer. Everything put into it is copied.
 */
typedef struct _ClmChange ClmChange;

ClmChange *clm_change_new (const char *name);
void       clm_change_free (ClmChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmChange, clm_change_free)

/** clm_change_put_record: Replaces the record; its revision is set by the writer. */
void clm_change_put_record (ClmChange *self, const ClmRecord *record);
/** clm_change_put_intent: @intent: (nullable): %NULL closes the open one. */
void clm_change_put_intent (ClmChange *self, const ClmIntent *intent);
/** clm_change_put_generation: Adds or replaces the row of one generation. */
void clm_change_put_generation (ClmChange *self, const ClmGenerationRow *row);
/** clm_change_drop_generation: Forgets it. */
void clm_change_drop_generation (ClmChange *self, guint64 number);
/** clm_change_put_delivery: Adds or replaces how one consumer stands. */
void clm_change_put_delivery (ClmChange *self, const ClmDeliveryRecord *delivery);
/** clm_change_drop_delivery: Forgets a consumer that the spec no longer names. */
void clm_change_drop_delivery (ClmChange *self, const char *delivery);
/** clm_change_put_spec: A certificate asked for over the bus: its spec as text (clm_spec_serialize()). */
void clm_change_put_spec (ClmChange *self, const char *template_name, const char *instance, guint32 owner, const char *text);
/** clm_change_remove: Forgets the certificate whole; its history stays. */
void clm_change_remove (ClmChange *self);
/** clm_change_add_event: Writes @event into the history in the same transaction. */
void clm_change_add_event (ClmChange *self, ClmEvent *event);

/* For the writer. */

typedef struct {
  char    *template_name, *instance, *text;
  guint32  owner;
} ClmSpecRow;

void clm_spec_row_free (ClmSpecRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmSpecRow, clm_spec_row_free)

struct _ClmChange {
  char       *name;
  ClmRecord  *record;            /* (nullable) */
  gboolean    has_intent;
  ClmIntent  *intent;            /* (nullable) */
  GPtrArray  *generations;       /* ClmGenerationRow */
  GArray     *dropped_generations; /* guint64 */
  GPtrArray  *deliveries;        /* ClmDeliveryRecord */
  GPtrArray  *dropped_deliveries;  /* char * */
  ClmSpecRow *spec;              /* (nullable) */
  gboolean    removed;
  GPtrArray  *events;            /* ClmEvent */
};

G_END_DECLS
