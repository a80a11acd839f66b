/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "clm-error.h"

G_BEGIN_DECLS

/*
 * What a target, fuzz-NOUN.c, and its two drivers have in common: corpus-driver.c runs it over its seeds, in the ordinary suite and
 * with any compiler; engine-driver.c hands it to libFuzzer.
 */

/* What a target has */

/** clm_fuzz_one: One input. Asserts whatever is promised of what is accepted, and of what is refused; aborts otherwise. */
void clm_fuzz_one (const guint8 *data, gsize size);

/** clm_fuzz_make_seeds: Calls clm_fuzz_seed() for each seed that is better made than stored, such as one with signatures. The same ones each time. */
void clm_fuzz_make_seeds (void);

/** clm_fuzz_head: How many bytes stand before the DER; for der-mutator.c, so only of targets that use it. */
extern const gsize clm_fuzz_head;

/* What a driver gives */

/** clm_fuzz_accept: This input was accepted. */
void clm_fuzz_accept (void);
/** clm_fuzz_seed: @name: of a file; the input is one that is accepted, or, where the name begins with "refused-", one that is not. */
void clm_fuzz_seed (const char *name, const void *data, gsize size);

/* Taking an input apart */

/** ClmFuzzInput: Where a target reads. Plain data on the stack. */
typedef struct {
  const guint8 *at;
  gsize         left;
} ClmFuzzInput;

/** clm_fuzz_take_byte: Returns: the next byte, 0 at the end. */
guint8 clm_fuzz_take_byte (ClmFuzzInput *input);
/** clm_fuzz_take_int64: Returns: the next eight bytes, little endian; bytes that are missing are 0. */
gint64 clm_fuzz_take_int64 (ClmFuzzInput *input);
/** clm_fuzz_take_text: Returns: (transfer full): bytes up to the next NUL, which is taken too, or to the end. Any bytes. */
char *clm_fuzz_take_text (ClmFuzzInput *input);
/** clm_fuzz_take_utf8: The same, made valid, as text is that has come through D-Bus or a checked file. */
char *clm_fuzz_take_utf8 (ClmFuzzInput *input);
/** clm_fuzz_take_line: The same without control characters, as the value of a key in a file is. */
char *clm_fuzz_take_line (ClmFuzzInput *input);
/** clm_fuzz_take_rest: Returns: (transfer full): what is left. */
GBytes *clm_fuzz_take_rest (ClmFuzzInput *input);
/** clm_fuzz_take_der: Returns: (transfer full) (nullable): the next DER value with its head, by its own length; the rest where that is too long; %NULL at the end. */
GBytes *clm_fuzz_take_der (ClmFuzzInput *input);

/* Asserting */

/** clm_fuzz_assert_error: That @error is one a person can be shown: of our domain, a sentence, valid UTF-8 without control characters but tabs, not endless. */
void clm_fuzz_assert_error (const GError *error);
/** clm_fuzz_assert_text: That @text is valid UTF-8 without control characters but tabs, which a file may hold. */
void clm_fuzz_assert_text (const char *text);

/** clm_fuzz_get_folder: Returns: (transfer none): an empty folder of this process, removed when it ends; in memory where the machine has such a place. */
const char *clm_fuzz_get_folder (void);

G_END_DECLS
