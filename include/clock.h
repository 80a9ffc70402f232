/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where time comes from. The dataplane and the IMAP engine never ask the system
 * for the time: they are handed a clock, so that a simulator can hand them
 * another. A clock belongs to one core and is read by that core only.
 */
#ifndef WIREMAP_CLOCK_H
#define WIREMAP_CLOCK_H

#include <stdint.h>

struct clock {
	/*
	 * Nanoseconds since an arbitrary start, never falling. Refreshed at least once a loop
	 * turn by the owner of the clock; reading it is a load.
	 */
	uint64_t mono_ns;
	/* Seconds since 1970-01-01 UTC, refreshed likewise; may jump. */
	int64_t wall_s;
	/* Reads the true clock now and stores it above; for quanta inside a turn. Never NULL. */
	void (*refresh)(struct clock *clock);
};

/* The time in nanoseconds after a refresh. */
static inline uint64_t clock_now_ns(struct clock *clock)
{
	clock->refresh(clock);
	return clock->mono_ns;
}

#endif
