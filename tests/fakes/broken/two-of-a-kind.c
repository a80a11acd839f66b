/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two notifiers in one module. */
#include "certloom-plugin.h"

struct _First { ClmNotifier parent_instance; };
struct _Second { ClmNotifier parent_instance; };
G_DECLARE_FINAL_TYPE (First, first, TEST, FIRST, ClmNotifier)
G_DECLARE_FINAL_TYPE (Second, second, TEST, SECOND, ClmNotifier)
G_DEFINE_FINAL_TYPE (First, first, CLM_TYPE_NOTIFIER)
G_DEFINE_FINAL_TYPE (Second, second, CLM_TYPE_NOTIFIER)

static void
first_class_init (FirstClass *klass)
{
}

static void
first_init (First *self)
{
}

static void
second_class_init (SecondClass *klass)
{
}

static void
second_init (Second *self)
{
}

CLM_DEFINE_PLUGIN ("two-of-a-kind", "1", "Holds two notifiers", first_get_type, second_get_type)
