/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture that runs: a thread of its own takes copies of frames out of the port's tap and writes
 * them, as slowly as the file lets it. Control thread but for that.
 */
#ifndef WIREMAPD_CAPTURE_H
#define WIREMAPD_CAPTURE_H

#include <pthread.h>
#include <stdbool.h>

#include "port.h"

struct capture_limits {
	unsigned seconds; /* 0: none */
	uint64_t packets; /* 0: none */
};

struct capture {
	bool running;
	pthread_t thread;
	struct port_tap *tap;
	int fd;	   /* of the file; the capture's */
	int done;  /* eventfd: the thread has come to an end; -1: never opened */
	bool stop; /* atomic */
	struct capture_limits limits;
	/* The thread's, until it is done. */
	struct port_tap_stats stats;
	int status;
};

/* Takes over `fd` when it returns 0; else -EBUSY, -errno. */
int capture_start(struct capture *capture, struct port_tap *tap,
		  const struct port_tap_filter *filter, const struct capture_limits *limits,
		  int fd);
/* Asks the thread to end; `done` becomes readable. */
void capture_stop(struct capture *capture);
/* Waits for the end; `stats` and `status` (0 or what writing failed with) are then there. */
void capture_join(struct capture *capture);

#endif
