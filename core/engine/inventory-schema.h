/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "database.h"

/** clm_inventory_schema: tables of `certloom.db`; steps are only added, at the end. */
extern const ClmSqlSchema clm_inventory_schema;
