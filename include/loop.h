/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataplane: one loop per core that receives, runs TCP, lets connections
 * produce and transmits; worker threads beside it; and the cross-core rings. The
 * program (wiremapd, wiremap-load, a test) describes it once, gets a stream
 * application per core from its own callback, and starts it.
 *
 * Everything is created by the control thread before loop_start(). What a loop owns only
 * that loop touches.
 */
#ifndef WIREMAP_LOOP_H
#define WIREMAP_LOOP_H

#include "clock.h"
#include "log.h"
#include "net.h"
#include "port.h"
#include "stream.h"
#include "tcp.h"
#include "work.h"

struct loop;	  /* all cores together */
struct loop_core; /* one of them */

enum loop_idle {
	/* Never sleeps: lowest latency, burns its core. But while workers that share its CPU
	 * have jobs of it, it lets them run. */
	LOOP_IDLE_POLL,
	LOOP_IDLE_ADAPTIVE, /* polls while there is work; then rx interrupts or short sleeps */
};

struct loop_queue {
	struct port *port;
	unsigned queue;
};

struct loop_config {
	const unsigned *cores; /* CPU of each loop */
	unsigned cores_n;
	/* queues[i] for i < queues_n is polled by core queue_core[i]. */
	const struct loop_queue *queues;
	const unsigned *queue_core;
	unsigned queues_n;
	const struct net_address *addresses; /* net.h */
	unsigned addresses_n;
	struct net_fragments fragments;
	struct tcp_config tcp; /* the same for each core; name, owner and secret are set here */
	enum loop_idle idle;
	uint32_t idle_spin_us;	      /* keeps polling this long after the last work */
	uint32_t idle_sleep_us;	      /* longest sleep where the port has no rx interrupts */
	unsigned workers[WORK_KINDS]; /* threads; 0: jobs of that kind are refused */
	/* CPUs the workers may run on; none: where the caller of loop_start() may. */
	const unsigned *worker_cpus;
	unsigned worker_cpus_n;
	struct log *log;
	/* Called once per core before the loops run, in the control thread: makes the core's
	 * applications and listens. 0 or -errno, which fails loop_create(). */
	int (*core_start)(struct loop_core *core, unsigned number, void *arg);
	/* Called once per core by loop_destroy(), after the sessions of all cores were closed and
	 * their TCP is gone. */
	void (*core_stop)(struct loop_core *core, unsigned number, void *arg);
	/* Called by each core once a turn, cheap; returns true when there is work at once. May be
	 * NULL. wiremap-load opens its connections here. */
	bool (*core_turn)(struct loop_core *core, unsigned number, void *arg);
	void *arg;
};

int loop_create(const struct loop_config *config, struct loop **loop_r, struct port_error *error_r);
/* Starts worker and core threads; returns at once. */
int loop_start(struct loop *loop);
/* Begins an orderly end: every session is told, `per_s` of them a second on all cores together (0:
 * at once), and when none is left, or after `grace_ms`, the cores return. Called again it changes
 * both, from then on. */
void loop_stop(struct loop *loop, unsigned grace_ms, unsigned per_s);
/* Whether all cores have returned: loop_join() will not wait for them. */
bool loop_ended(const struct loop *loop);
/* Waits for the threads. Sessions that outlived the grace are closed by loop_destroy(). */
void loop_join(struct loop *loop);
void loop_destroy(struct loop **loop);

/* For core_start and the applications of a core. */
struct clock *loop_core_clock(struct loop_core *core);
struct work_port *loop_core_work(struct loop_core *core);
struct tcp *loop_core_tcp(struct loop_core *core);
int loop_core_socket(const struct loop_core *core);

/* Counters of a core; read by any thread, each value is whole but not all of one moment. */
#define LOOP_COUNTERS(X)                                                                           \
	X(turns)                                                                                   \
	X(turns_busy)                                                                              \
	X(busy_ns)                                                                                 \
	X(sleeps)                                                                                  \
	X(slept_ns)                                                                                \
	X(turn_ns_max)                                                                             \
	X(frames_in)                                                                               \
	X(frames_out)                                                                              \
	X(frames_handed_over)                                                                      \
	X(hand_over_dropped)                                                                       \
	X(neighbours_dropped)                                                                      \
	X(jobs)                                                                                    \
	X(jobs_refused)

struct loop_stats {
#define LOOP_COUNTER_FIELD(name) uint64_t name;
	LOOP_COUNTERS(LOOP_COUNTER_FIELD)
#undef LOOP_COUNTER_FIELD
};

unsigned loop_cores(const struct loop *loop);
void loop_stats(const struct loop *loop, unsigned core, struct loop_stats *stats_r);
void loop_tcp_stats(const struct loop *loop, unsigned core, struct tcp_stats *stats_r);
void loop_net_stats(const struct loop *loop, unsigned core, struct net_stats *stats_r);

#endif
