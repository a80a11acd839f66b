/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was done to the watched files, in an order in which it may have been done. Files are told by their inode, so that their names
 * may come and go. A line for each operation that succeeded:
 *
 *     create DIRECTORY NAME FILE MODE       mkdir DIRECTORY NAME FILE MODE      symlink DIRECTORY NAME FILE TARGET
 *     link DIRECTORY NAME FILE              unlink DIRECTORY NAME FILE          rmdir DIRECTORY NAME FILE
 *     rename DIRECTORY NAME DIRECTORY NAME  exchange DIRECTORY NAME DIRECTORY NAME
 *     write FILE OFFSET SIZE WHERE          (WHERE: in the file of data)        truncate FILE SIZE      mode FILE MODE
 *     begin ID fsync|fdatasync|syncfs FILE  end ID                              a sync, and that it is over
 *     map FILE PATH                         unknown CALL PATH                   what cannot be replayed
 *
 * The fields are separated by tabs.
 */
#pragma once

#include "tracee.h"

/* record_open: begins it. Returns: 0 where the files cannot be made. Without it nothing is recorded. */
int record_open (const char *path);
/* record_set_linger: how long a sync takes at least, in milliseconds, so that others have the time to do something meanwhile. */
void record_set_linger (long milliseconds);
int record_is_open (void);
/* record_wants: whether a call may be one for the record. */
int record_wants (const Call *call);
/*
 * record_call: follows a call to its end; others wait meanwhile, so that the order is one that was. A sync is not waited for: what
 * others do until it is over may be missed by it. Returns: whether it goes on until record_finish().
 */
int record_call (const Call *call, const char *name, const char *path);
/* record_is_waiting: whether a thread is in such a sync, so that its end must be told. */
int record_is_waiting (pid_t thread);
/* record_finish: a sync is over, but its thread still has to linger. */
void record_finish (pid_t thread);
/* record_is_lingering: whether one does. */
int record_is_lingering (void);
/* record_release: lets go those that did so for long enough. */
void record_release (void);
