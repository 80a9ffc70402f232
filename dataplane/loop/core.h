/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dataplane core: its net, its TCP, its clock, and the turn that drives them. Created and
 * destroyed by the control thread; in between only its own thread touches it, but for the
 * mailbox, the bell and the counters.
 */
#ifndef LOOP_CORE_H
#define LOOP_CORE_H

#include "loop.h"
#include "mailbox.h"
#include "plan.h"
#include "sleep.h"
#include "tsc_clock.h"
#include "workers.h"

enum loop_core_limits {
	/* No turn exceeds this (DESIGN section 2); producing stops at it. */
	LOOP_TURN_NS_MAX = 1000 * 1000,
	/* But producing gets this much, however long receiving took: no starving. */
	LOOP_PRODUCE_NS_MIN = 200 * 1000,
	LOOP_ENDING_NS = 5 * 1000 * 1000,
	LOOP_ANSWERS_PER_TURN_MAX = 32,
	LOOP_NEIGHBOURS_PER_TURN_MAX = 16,
	LOOP_DRAINED_PER_TURN_MAX = 64,
	LOOP_NAME_BYTES_MAX = 16, /* of a core's pools */
};

/* What an orderly end asks of the cores; all atomic, written by loop_stop(). */
struct loop_ending {
	unsigned asked; /* how often; 0: not. Published after the others */
	unsigned grace_ms;
	unsigned core_per_s; /* sessions told, of one core; 0: no limit */
};

/* Frames for one other core, collected over a burst. */
struct loop_outbox {
	struct loop_frame frames[PORT_BURST_MAX];
	unsigned n;
};

struct loop_core {
	struct loop_clock clock;
	struct net *net;
	struct tcp *tcp;
	const struct loop_queue *queues;
	unsigned queues_n;
	unsigned number;
	unsigned cores_n;
	int socket;
	struct loop_workers *workers;
	struct loop_core *const *cores; /* all, this one included */
	struct loop_outbox *outboxes;	/* one per core */
	uint64_t random_state;
	uint64_t drain_until_ns; /* 0: not ending */
	unsigned ending_seen;	 /* loop_ending.asked that is being followed */
	bool ended;		 /* atomic: its thread has returned */
	const struct loop_ending *ending;
	struct loop_sleeper sleeper;
	struct loop_mailbox mailbox;
	struct net_env net_env;
	struct tcp_env tcp_env;
	char name[LOOP_NAME_BYTES_MAX];
	bool (*turn)(struct loop_core *core, unsigned number, void *arg);
	void *arg;
	struct log *log;
	struct loop_stats stats; /* written with relaxed stores, read by any thread */
};

struct loop_core_config {
	const struct loop_config *config;
	const struct loop_plan *plan;
	struct loop_core *const *cores;
	const struct loop_ending *ending;
	unsigned number;
	unsigned instance; /* of the loop, in the process */
};

/* All but the workers, which are made from the bells of all cores. 0; -errno with a text. */
int loop_core_create(const struct loop_core_config *config, struct loop_core **core_r,
		     struct port_error *error_r);
/* The sessions end; no thread runs any more. */
void loop_core_close_sessions(struct loop_core *core);
void loop_core_destroy(struct loop_core **core);

/* Thread main of a core; `core` is the struct loop_core. */
void *loop_core_main(void *core);

/* One turn. True when there was work, or more is to do at once. For tests, too. */
bool loop_core_run_turn(struct loop_core *core);

#endif
