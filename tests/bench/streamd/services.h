/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services of streamd on one core, by port. A line "N\n" asks for N bytes of the file: a
 * connection reads it from its beginning, on from where the last answer ended, and around.
 */
#ifndef STREAMD_SERVICES_H
#define STREAMD_SERVICES_H

#include "tcp.h"

enum service_port {
	SERVICE_ECHO = 7,
	SERVICE_DISCARD = 9,
	SERVICE_BULK = 19,
	SERVICE_CLOSE = 20, /* answers one line, and closes first */
	SERVICE_WAIT = 21,  /* as BULK: the peer closes first */
};

struct services;

#define SERVICES_COUNTERS(X)                                                                       \
	X(opened)                                                                                  \
	X(closed)                                                                                  \
	X(lost)                                                                                    \
	X(requests)                                                                                \
	X(malformed)                                                                               \
	X(bytes_taken)                                                                             \
	X(bytes_said)

struct services_stats {
#define SERVICES_COUNTER_FIELD(name) uint64_t name;
	SERVICES_COUNTERS(SERVICES_COUNTER_FIELD)
#undef SERVICES_COUNTER_FIELD
};

/* `file` outlives them; with `spread` connections begin all over it. 0 and *services_r, or -ENOMEM.
 */
int services_create(unsigned connections_max, struct span file, bool spread,
		    struct services **services_r);
/* After the tcp they listen at is gone. */
void services_destroy(struct services **services);

/* 0, or what tcp_listen() says. */
int services_listen(struct services *services, struct tcp *tcp);

/* Any thread; each value is whole. */
void services_stats(const struct services *services, struct services_stats *stats_r);

#endif
