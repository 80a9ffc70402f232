/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a run: so many connections, one scenario, a warm-up and a measured time. The control
 * thread; blocks.
 */
#ifndef WIREMAP_LOAD_STEP_H
#define WIREMAP_LOAD_STEP_H

#include "engine.h"

enum step_limits {
	STEP_OPENING_S_MAX = 60, /* for all connections to reach their mailbox */
	STEP_ENDING_S_MAX = 20,
};

struct step {
	enum load_scenario scenario;
	unsigned connections;
	unsigned seconds, warmup_ms;
	int server_cpu;				    /* -1: unknown */
	uint64_t (*busy_ns)(const void *transport); /* of the load generator's core */
	const void *transport;
};

struct step_result {
	double seconds; /* measured */
	struct load_counts counts;
	double busy_load;   /* 0..1 */
	double busy_server; /* 0..1; negative: unknown */
	uint64_t p50_ns, p90_ns, p99_ns, max_ns;
	uint64_t samples; /* requests that began and ended in the measured time, or began before */
};

/* 0, or -errno with the reason in why_r: connections did not open, errors happened. What was
 * measured is in *result_r all the same. */
int step_run(struct load_engine *engine, const struct step *step, struct step_result *result_r,
	     char why_r[ENGINE_WHY_BYTES_MAX]);

#endif
