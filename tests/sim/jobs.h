/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers in virtual time: a job that was submitted runs, and is answered, some milliseconds
 * later, as the seed says; at times the ring is full.
 */
#ifndef WIREMAP_TESTS_SIM_JOBS_H
#define WIREMAP_TESTS_SIM_JOBS_H

#include "clock.h"
#include "work.h"

enum { JOBS_MAX = 64 };

struct jobs {
	struct work_port port; /* first */
	const struct clock *clock;
	uint64_t random;
	struct {
		struct work *work;
		uint64_t due_ns;
	} waiting[JOBS_MAX];
	unsigned waiting_n;
	uint64_t run;
};

void jobs_create(struct jobs *jobs, const struct clock *clock, uint64_t seed);
/* When jobs_run() has something to do; UINT64_MAX: never. */
uint64_t jobs_next_ns(const struct jobs *jobs);
/* Runs and answers what is due; returns how many. */
unsigned jobs_run(struct jobs *jobs);

#endif
