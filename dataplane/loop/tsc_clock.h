/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of one core (clock.h) on the CPU's time-stamp counter where it counts at a fixed
 * rate, else on CLOCK_MONOTONIC. EAL must be initialised: it knows the counter's rate.
 */
#ifndef LOOP_TSC_CLOCK_H
#define LOOP_TSC_CLOCK_H

#include "clock.h"

struct loop_clock {
	struct clock clock;
	uint64_t base_ns;
	uint64_t base_tsc;
	uint64_t ns_per_tick; /* 32.32 fixed point */
	uint64_t wall_due_ns; /* when wall_s is read next */
};

/* Starts at about CLOCK_MONOTONIC. */
void loop_clock_init(struct loop_clock *clock);

#endif
