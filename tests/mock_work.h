/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A work port without threads: jobs wait in a row until the test runs them, one after another, on
 * its own thread. A test decides when a job runs and when its answer comes. Header-only, so that
 * every test can use it.
 */
#ifndef WIREMAP_MOCK_WORK_H
#define WIREMAP_MOCK_WORK_H

#include <errno.h>
#include <stdbool.h>

#include "check.h"
#include "work.h"

enum { MOCK_WORK_MAX = 1024 };

struct mock_work {
	struct work_port port;
	struct work *queued[MOCK_WORK_MAX]; /* a ring */
	unsigned first, n;
	unsigned submitted; /* ever */
	unsigned room;	    /* jobs taken at once; 0: none, as if the ring were full */
};

static inline int mock_work_submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	struct mock_work *mock = (struct mock_work *)port;

	(void)kind;
	if (mock->n >= mock->room)
		return -EAGAIN;
	mock->queued[(mock->first + mock->n++) % MOCK_WORK_MAX] = work;
	mock->submitted++;
	return 0;
}

static inline void mock_work_init(struct mock_work *mock)
{
	*mock = (struct mock_work){.port = {.submit = mock_work_submit}, .room = MOCK_WORK_MAX};
}

/* Runs the oldest job and hands its answer over. False: there is none. */
static inline bool mock_work_run_one(struct mock_work *mock)
{
	struct work *work;

	if (mock->n == 0)
		return false;
	work = mock->queued[mock->first];
	mock->first = (mock->first + 1) % MOCK_WORK_MAX;
	mock->n--;
	work->run(work);
	work->done(work);
	return true;
}

/* Until nothing is left, jobs that others submit meanwhile included. How many ran. */
static inline unsigned mock_work_run(struct mock_work *mock)
{
	unsigned ran = 0;

	while (mock_work_run_one(mock))
		ran++;
	return ran;
}

#endif
