/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** clm_revocation_reasons: (array zero-terminated=1): the words of the bus for RFC 5280 §5.3.1. */
extern const char *const clm_revocation_reasons[];
