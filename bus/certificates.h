/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dispatcher.h"

G_BEGIN_DECLS

/*
 * Certificates as objects: one table for all of them, nothing is kept for any. What a call needs is read from the inventory.
 */

extern const ClmBusInterface clm_bus_certificates_interface;

/** CLM_BUS_ROW_TYPE: one row of a list, see Manager.ListCertificates() in the XML. */
#define CLM_BUS_ROW_TYPE "(osssssxxsxus)"

/** clm_bus_certificates_build_row: Returns: floating row of type %CLM_BUS_ROW_TYPE. */
GVariant *clm_bus_certificates_build_row (const ClmSummary *row);

/** clm_bus_certificates_describe: Returns: floating `a{sv}`: the properties that a record tells, without deliveries and generations. */
GVariant *clm_bus_certificates_describe (const ClmRecord *record);

/** clm_bus_certificates_emit: Tells the subscribers that these changed. @records: (element-type ClmRecord). */
void clm_bus_certificates_emit (ClmBusService *service, GPtrArray *records);

G_END_DECLS
