/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * ClmClockTrust:
 * @CLM_CLOCK_UNSET: the time is before this program was built: nobody has set the clock
 * @CLM_CLOCK_SUSPECT: possible, but nothing vouches for it
 * @CLM_CLOCK_TRUSTED: may decide about expiry and deletion
 */
typedef enum {
  CLM_CLOCK_UNSET,
  CLM_CLOCK_SUSPECT,
  CLM_CLOCK_TRUSTED
} ClmClockTrust;

/**
 * ClmClockMode:
 * @CLM_CLOCK_NTP: trusted once the kernel says that it is synchronised (`Clock=ntp`, the default)
 * @CLM_CLOCK_RTC: also trusted as the hardware clock left it, unless it is before the floor (`Clock=rtc`)
 * @CLM_CLOCK_ALWAYS: trusted whatever it shows (`Clock=always`)
 */
typedef enum {
  CLM_CLOCK_NTP,
  CLM_CLOCK_RTC,
  CLM_CLOCK_ALWAYS
} ClmClockMode;

/** clm_clock_mode_parse: @text: "ntp", "rtc" or "always". Fails with %CLM_ERROR_CONFIG. */
gboolean clm_clock_mode_parse (const char *text, ClmClockMode *mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_clock_trust_to_string: Returns: (transfer none): "unset", "suspect" or "trusted". */
const char *clm_clock_trust_to_string (ClmClockTrust trust);

/**
 * ClmClockSource:
 * @get_real_time: CLOCK_REALTIME in microseconds since the epoch
 * @get_boot_time: CLOCK_BOOTTIME in microseconds: goes on during suspend, is never set
 * @is_synchronised: whether the kernel says that something keeps its clock right (adjtimex(2))
 *
 * Where time comes from. @get_real_time is called in any thread.
 */
typedef struct {
  gint64   (*get_real_time)   (gpointer data);
  gint64   (*get_boot_time)   (gpointer data);
  gboolean (*is_synchronised) (gpointer data);
} ClmClockSource;

/** clm_clock_source_get_system: Returns: (transfer none): the kernel's clocks; its data is %NULL. */
const ClmClockSource *clm_clock_source_get_system (void);

/**
 * ClmClock:
 *
 * The one answer to "what time is it, and may I act on it". Main thread only.
 *
 * The floor is the latest time that is known to have passed: the later one of build time and last seen time. Once trusted, the
 * clock stays so while it runs on evenly, also when synchronisation is lost; a jump without synchronisation ends that. A trusted
 * time before the floor lowers the floor.
 *
 * Signal `changed (ClmClock *, gint64 jump_s)`: trust changed, or the clock was found to have jumped by @jump_s seconds (0: it did
 * not). Emitted from clm_clock_update() only.
 */
#define CLM_TYPE_CLOCK (clm_clock_get_type ())
G_DECLARE_FINAL_TYPE (ClmClock, clm_clock, CLM, CLOCK, GObject)

/**
 * clm_clock_new:
 * @mode: what makes it trusted
 * @build_time: seconds; no honest clock is before it
 * @last_seen: seconds as kept from clm_clock_get_last_seen(), or -1
 * @source: (nullable): %NULL: the kernel's clocks; else valid as long as the clock
 * @source_data: for @source
 */
ClmClock *clm_clock_new (ClmClockMode mode, gint64 build_time, gint64 last_seen, const ClmClockSource *source, gpointer source_data);

/** clm_clock_get_now: Returns: seconds since the epoch, as the system shows them. For deadlines that are waited for. Any thread. */
gint64 clm_clock_get_now (ClmClock *self);

/** clm_clock_get_time: Returns: seconds since the epoch, never before the floor, which runs on with CLOCK_BOOTTIME while the clock is behind it. For validation, records and decisions. */
gint64 clm_clock_get_time (ClmClock *self);

/** clm_clock_get_boot_time: Returns: microseconds of CLOCK_BOOTTIME. */
gint64 clm_clock_get_boot_time (ClmClock *self);

/** clm_clock_get_floor: Returns: seconds since the epoch. */
gint64 clm_clock_get_floor (ClmClock *self);

/** clm_clock_get_trust: Returns: the state that the last update found; cheap. */
ClmClockTrust clm_clock_get_trust (ClmClock *self);

/** clm_clock_is_trusted: Returns: whether the time may decide about expiry and deletion. */
gboolean clm_clock_is_trusted (ClmClock *self);

/** clm_clock_get_last_seen: Returns: what to keep for the next start, or -1 while the clock is not trusted. Kept with a write that happens anyway. */
gint64 clm_clock_get_last_seen (ClmClock *self);

/** clm_clock_set_mode: Changes `Clock=` after a reload, and updates. */
void clm_clock_set_mode (ClmClock *self, ClmClockMode mode);

/**
 * clm_clock_update: Reads the kernel's state again and says so when something changed. #ClmTimers does it when the clock was
 * set; the engine does it when the network changed. Idempotent.
 */
void clm_clock_update (ClmClock *self);

G_END_DECLS
