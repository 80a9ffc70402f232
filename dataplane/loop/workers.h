/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker threads and work.h over rings: one bounded request ring per kind, shared by all
 * cores and all workers of the kind, and one answer ring per core. A core has at most
 * LOOP_JOBS_MAX jobs under way, which is the size of its answer ring, so an answer always fits.
 */
#ifndef LOOP_WORKERS_H
#define LOOP_WORKERS_H

#include "bell.h"
#include "log.h"
#include "work.h"

enum loop_workers_limits {
	LOOP_WORKERS_MAX = 256, /* threads of one kind */
	LOOP_JOBS_MAX = 4096,	/* under way per core; a session has at most one or two */
	/* Waiting for a worker, by kind. A password takes tens of milliseconds: who is further
	 * back than this in the line is told so rather than kept. */
	LOOP_JOBS_STORE_MAX = 4096,
	LOOP_JOBS_AUTH_MAX = 512,
};

struct loop_workers;

struct loop_workers_config {
	unsigned workers[WORK_KINDS]; /* 0: jobs of that kind are refused */
	const unsigned *cpus;	      /* they may run on; none: the caller's. Copied */
	unsigned cpus_n;
	struct loop_bell *const *bells; /* of each core that submits; they outlive the workers */
	unsigned cores_n;
};

/* Whether workers that may run on these CPUs (none: any) could want CPU `cpu`. */
bool loop_workers_share(const unsigned *cpus, unsigned cpus_n, unsigned cpu);

/* 0 and *workers_r; -EINVAL; -ENOMEM. Starts no thread. */
int loop_workers_create(const struct loop_workers_config *config, struct loop_workers **workers_r);
/* 0 or -errno, and then none runs. */
int loop_workers_start(struct loop_workers *workers);
/* The threads finish the job they have and end; waits for them. What waits stays in its ring. */
void loop_workers_stop(struct loop_workers *workers);
/*
 * Stops, then gives every job its done(), here, in the calling thread; a job that no worker took
 * is run here first. New jobs are refused from now on.
 */
void loop_workers_settle(struct loop_workers *workers);
/* Nothing may be under way. */
void loop_workers_destroy(struct loop_workers **workers);

/* The rest belongs to the core `core`. */
struct work_port *loop_workers_port(struct loop_workers *workers, unsigned core);
/* Calls done() of at most `jobs_max` answered jobs; how many. */
unsigned loop_workers_answers(struct loop_workers *workers, unsigned core, unsigned jobs_max);
bool loop_workers_answered(const struct loop_workers *workers, unsigned core);
/* Jobs taken whose done() was not called yet. */
unsigned loop_workers_under_way(const struct loop_workers *workers, unsigned core);
/* Jobs refused so far. */
uint64_t loop_workers_refused(const struct loop_workers *workers, unsigned core);

#endif
