/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "change.h"

void
clm_spec_row_free (ClmSpecRow *row)
{
  if (!row)
    return;
  g_free (row->template_name);
  g_free (row->instance);
  g_free (row->text);
  g_free (row);
}

ClmChange *
clm_change_new (const char *name)
{
  ClmChange *self = g_new0 (ClmChange, 1);

  self->name = g_strdup (name);
  self->generations = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_generation_row_free);
  self->dropped_generations = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->deliveries = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_delivery_record_free);
  self->dropped_deliveries = g_ptr_array_new_with_free_func (g_free);
  self->events = g_ptr_array_new_with_free_func ((GDestroyNotify) clm_event_unref);
  return self;
}

void
clm_change_free (ClmChange *self)
{
  if (!self)
    return;
  g_free (self->name);
  clm_record_free (self->record);
  clm_intent_free (self->intent);
  g_ptr_array_unref (self->generations);
  g_array_unref (self->dropped_generations);
  g_ptr_array_unref (self->deliveries);
  g_ptr_array_unref (self->dropped_deliveries);
  clm_spec_row_free (self->spec);
  g_ptr_array_unref (self->events);
  g_free (self);
}

void
clm_change_put_record (ClmChange       *self,
                       const ClmRecord *record)
{
  clm_record_free (self->record);
  self->record = clm_record_copy (record);
}

void
clm_change_put_intent (ClmChange       *self,
                       const ClmIntent *intent)
{
  clm_intent_free (self->intent);
  self->intent = intent ? clm_intent_copy (intent) : NULL;
  self->has_intent = TRUE;
}

void
clm_change_put_generation (ClmChange              *self,
                           const ClmGenerationRow *row)
{
  ClmGenerationRow *copy = clm_generation_row_new (row->number);

  clm_record_set (&copy->status, row->status);
  clm_record_set (&copy->serial, row->serial);
  clm_record_set (&copy->fingerprint, row->fingerprint);
  clm_record_set (&copy->authority, row->authority);
  clm_record_set (&copy->key_uri, row->key_uri);
  copy->not_before = row->not_before;
  copy->not_after = row->not_after;
  copy->created = row->created;
  copy->retired = row->retired;
  g_ptr_array_add (self->generations, copy);
}

void
clm_change_drop_generation (ClmChange *self,
                            guint64    number)
{
  g_array_append_val (self->dropped_generations, number);
}

void
clm_change_put_delivery (ClmChange               *self,
                         const ClmDeliveryRecord *delivery)
{
  ClmDeliveryRecord *copy = clm_delivery_record_new (delivery->delivery);

  copy->generation = delivery->generation;
  copy->failing = delivery->failing;
  copy->attempts = delivery->attempts;
  copy->time = delivery->time;
  copy->error = g_strdup (delivery->error);
  g_ptr_array_add (self->deliveries, copy);
}

void
clm_change_drop_delivery (ClmChange  *self,
                          const char *delivery)
{
  g_ptr_array_add (self->dropped_deliveries, g_strdup (delivery));
}

void
clm_change_put_spec (ClmChange  *self,
                     const char *template_name,
                     const char *instance,
                     guint32     owner,
                     const char *text)
{
  clm_spec_row_free (self->spec);
  self->spec = g_new0 (ClmSpecRow, 1);
  self->spec->template_name = g_strdup (template_name);
  self->spec->instance = g_strdup (instance);
  self->spec->owner = owner;
  self->spec->text = g_strdup (text);
}

void
clm_change_remove (ClmChange *self)
{
  self->removed = TRUE;
}

void
clm_change_add_event (ClmChange *self,
                      ClmEvent  *event)
{
  g_ptr_array_add (self->events, clm_event_ref (event));
}
