/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <errno.h>

static uint64_t jobs_random(struct jobs *jobs, uint64_t below)
{
	jobs->random = jobs->random * 6364136223846793005u + 1442695040888963407u;
	return (jobs->random >> 33) % below;
}

static int submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	struct jobs *jobs = (struct jobs *)port;
	uint64_t most_us = kind == WORK_AUTH ? 30000 : 8000;

	if (jobs->waiting_n == JOBS_MAX || jobs_random(jobs, 10) == 0)
		return -EAGAIN;
	jobs->waiting[jobs->waiting_n].work = work;
	jobs->waiting[jobs->waiting_n++].due_ns =
		jobs->clock->mono_ns + jobs_random(jobs, most_us) * 1000;
	return 0;
}

void jobs_create(struct jobs *jobs, const struct clock *clock, uint64_t seed)
{
	*jobs = (struct jobs){.port.submit = submit, .clock = clock, .random = seed};
}

/* The first that is due, or waiting_n. */
static unsigned earliest(const struct jobs *jobs)
{
	unsigned first = 0;

	for (unsigned i = 1; i < jobs->waiting_n; i++)
		if (jobs->waiting[i].due_ns < jobs->waiting[first].due_ns)
			first = i;
	return first;
}

uint64_t jobs_next_ns(const struct jobs *jobs)
{
	return jobs->waiting_n == 0 ? UINT64_MAX : jobs->waiting[earliest(jobs)].due_ns;
}

unsigned jobs_run(struct jobs *jobs)
{
	unsigned n = 0;

	while (jobs_next_ns(jobs) <= jobs->clock->mono_ns) {
		unsigned first = earliest(jobs);
		struct work *work = jobs->waiting[first].work;

		jobs->waiting[first] = jobs->waiting[--jobs->waiting_n];
		work->run(work);
		work->done(work);
		jobs->run++;
		n++;
	}
	return n;
}
