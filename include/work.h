/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a dataplane core has something done that may block: it hands a job to a
 * worker thread and hears of it in a later loop turn. The loop implements this
 * over bounded rings and eventfds, the simulator in virtual time, a unit test
 * inline. A core never waits for a job.
 *
 * A job is embedded in a larger object that its owner keeps alive until done()
 * was called; there is no cancelling of a job that was taken, only ignoring its
 * answer (answers name a connection by index and generation, see stream.h).
 */
#ifndef WIREMAP_WORK_H
#define WIREMAP_WORK_H

#include <stdint.h>

enum work_kind {
	WORK_STORE, /* opens and maps files, pages in cold data, prepares messages */
	WORK_AUTH,  /* asks the auth helper; password hashing takes milliseconds */
	WORK_KINDS
};

struct work_port;

struct work {
	/* On a worker thread; may block. Must not touch what the core owns. */
	void (*run)(struct work *work);
	/* On the core that submitted, in its loop, outside of any session call. */
	void (*done)(struct work *work);
	struct work_port *port; /* set by work_submit */
};

struct work_port {
	/*
	 * 0: taken, done() will be called exactly once. -EAGAIN: the ring is full, nothing
	 * happens; the caller tries again in a later turn or answers with a temporary error.
	 */
	int (*submit)(struct work_port *port, enum work_kind kind, struct work *work);
};

static inline int work_submit(struct work_port *port, enum work_kind kind, struct work *work)
{
	work->port = port;
	return port->submit(port, kind, work);
}

#endif
