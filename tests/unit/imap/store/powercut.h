/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts. A disk that records what is written to a directory tree's files, and then makes the
 * states a cut at some moment could have left: what was synced is there; of the rest any part is,
 * in any order, torn at sectors. Names count apart from bytes: a rename, a new name or an unlink
 * may be lost until the directory was synced, those of one directory in their order.
 * One thread; one directory, without mkdir.
 */
#ifndef WIREMAP_STORE_POWERCUT_H
#define WIREMAP_STORE_POWERCUT_H

#include "disk.h"

enum { POWERCUT_SECTOR_BYTES = 512 };

struct powercut;

/* Records over the system's own disk. Never NULL. */
struct powercut *powercut_create(void);
void powercut_destroy(struct powercut **powercut);
struct store_disk *powercut_disk(struct powercut *powercut);

/* Calls recorded so far: a moment. */
unsigned powercut_moment(const struct powercut *powercut);

/* From now on every `every`th sync of a file lies: it does nothing and says that it did. 0: none.
 * This is the planted fault. */
void powercut_skip_sync(struct powercut *powercut, unsigned every);

/* Fills the empty directory `path` with what a cut at `moment` may have left; the seed decides. */
void powercut_state_make(const struct powercut *powercut, unsigned moment, uint64_t seed,
			 const char *path);

#endif
