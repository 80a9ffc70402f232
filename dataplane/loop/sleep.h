/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and how a core sleeps. It polls while there is work and for a while after; then it sleeps
 * in epoll until a queue has frames (where the port has a descriptor for that), another thread
 * rings its bell, or its next deadline. While workers have jobs of it and nothing arrives it
 * sleeps at once, because they may need its CPU. Where a queue has no descriptor the sleep is
 * short: a quarter of the time the core has been idle, up to a limit, so that a wake-up is late by
 * at most that share.
 */
#ifndef LOOP_SLEEP_H
#define LOOP_SLEEP_H

#include <stdint.h>

#include "bell.h"
#include "loop.h"

enum loop_sleep_limits {
	/* A core looks around at least so often, whatever it was told: milliseconds. */
	LOOP_SLEEP_MS_MAX = 1000,
	/* Shorter than this is not worth the system call: nanoseconds. */
	LOOP_SLEEP_NS_MIN = 5000,
};

struct loop_sleeper {
	struct loop_bell bell;
	int epoll;
	const struct loop_queue *queues; /* polled by this core */
	unsigned queues_n;
	bool blind;  /* some queue cannot wake the core: sleep only briefly */
	bool always; /* LOOP_IDLE_POLL: never sleeps of its own accord */
	bool yields; /* sleeps while workers have jobs, as they may need its CPU */
	uint64_t spin_ns;
	uint64_t blind_ns_max;
	uint64_t worked_ns; /* when there was work last */
};

struct loop_sleeper_config {
	const struct loop_queue *queues; /* borrowed until the close */
	unsigned queues_n;
	enum loop_idle idle;
	uint32_t spin_us;
	uint32_t sleep_us;
	bool turn_called; /* core_turn is set: who knows what it polls */
	bool shares_cpu;  /* with workers */
};

/* 0 or -errno. Control thread. */
int loop_sleeper_open(struct loop_sleeper *sleeper, const struct loop_sleeper_config *config);
void loop_sleeper_close(struct loop_sleeper *sleeper);

/*
 * How long the core may sleep now, nanoseconds; 0: not at all. `under_way`: jobs at workers.
 * `next_ns`: the next deadline.
 */
uint64_t loop_sleeper_ns(const struct loop_sleeper *sleeper, uint64_t now_ns, unsigned under_way,
			 uint64_t next_ns);

/*
 * To sleep: begin, look into every ring, and wait unless there was something. Begin returns false
 * when frames are waiting. End, always, when begin was called.
 */
bool loop_sleeper_begin(struct loop_sleeper *sleeper);
void loop_sleeper_wait(struct loop_sleeper *sleeper, uint64_t sleep_ns);
void loop_sleeper_end(struct loop_sleeper *sleeper);

#endif
