/* SPDX-License-Identifier: Apache-2.0 */
#include "sleep.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	NS_PER_US = 1000,
	/* A blind sleep is at most this part of the time since the last work. */
	BLIND_SHARE = 4,
	EVENTS = 8,
};

/* Edge-triggered: a descriptor that nobody reads wakes the core once per event. */
static int watch(const struct loop_sleeper *sleeper, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(sleeper->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int watch_queues(struct loop_sleeper *sleeper)
{
	for (unsigned k = 0; k < sleeper->queues_n; k++) {
		const struct loop_queue *queue = &sleeper->queues[k];
		int fd = port_interrupt_fd(queue->port, queue->queue);
		int status = fd < 0 ? 0 : watch(sleeper, fd);

		if (fd < 0)
			sleeper->blind = true;
		/* -EEXIST: queues that share a descriptor. */
		if (status != 0 && status != -EEXIST)
			return status;
	}
	return 0;
}

int loop_sleeper_open(struct loop_sleeper *sleeper, const struct loop_sleeper_config *config)
{
	int status;

	*sleeper = (struct loop_sleeper){
		.bell.eventfd = -1,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.queues = config->queues,
		.queues_n = config->queues_n,
		.blind = config->turn_called,
		.always = config->idle == LOOP_IDLE_POLL,
		.yields = config->idle != LOOP_IDLE_POLL || config->shares_cpu,
		.spin_ns = (uint64_t)config->spin_us * NS_PER_US,
		.blind_ns_max = (uint64_t)config->sleep_us * NS_PER_US,
	};
	status = sleeper->epoll < 0 ? -errno : loop_bell_open(&sleeper->bell);
	if (status == 0)
		status = watch(sleeper, sleeper->bell.eventfd);
	if (status == 0)
		status = watch_queues(sleeper);
	if (status != 0)
		loop_sleeper_close(sleeper);
	return status;
}

void loop_sleeper_close(struct loop_sleeper *sleeper)
{
	loop_bell_close(&sleeper->bell);
	if (sleeper->epoll >= 0)
		close(sleeper->epoll);
	sleeper->epoll = -1;
}

uint64_t loop_sleeper_ns(const struct loop_sleeper *sleeper, uint64_t now_ns, unsigned under_way,
			 uint64_t next_ns)
{
	const uint64_t idle_ns = now_ns - sleeper->worked_ns;
	const bool waits = under_way > 0 && sleeper->yields;
	uint64_t sleep_ns = LOOP_SLEEP_MS_MAX * 1000000ull;

	if (!waits && (sleeper->always || idle_ns < sleeper->spin_ns))
		return 0;
	if (next_ns <= now_ns)
		return 0;
	if (next_ns - now_ns < sleep_ns)
		sleep_ns = next_ns - now_ns;
	if (sleeper->blind) {
		uint64_t blind_ns = idle_ns / BLIND_SHARE;

		if (blind_ns < 2 * LOOP_SLEEP_NS_MIN)
			blind_ns = 2 * LOOP_SLEEP_NS_MIN;
		if (blind_ns > sleeper->blind_ns_max)
			blind_ns = sleeper->blind_ns_max;
		if (blind_ns < sleep_ns)
			sleep_ns = blind_ns;
	}
	return sleep_ns < LOOP_SLEEP_NS_MIN ? 0 : sleep_ns;
}

bool loop_sleeper_begin(struct loop_sleeper *sleeper)
{
	bool quiet = true;

	loop_bell_sleeping(&sleeper->bell);
	for (unsigned k = 0; k < sleeper->queues_n; k++) {
		const struct loop_queue *queue = &sleeper->queues[k];

		if (port_interrupt_arm(queue->port, queue->queue) > 0)
			quiet = false;
	}
	return quiet;
}

void loop_sleeper_wait(struct loop_sleeper *sleeper, uint64_t sleep_ns)
{
	const struct timespec limit = {.tv_sec = (time_t)(sleep_ns / 1000000000u),
				       .tv_nsec = (long)(sleep_ns % 1000000000u)};
	struct epoll_event events[EVENTS];

	/* What woke the core does not matter: a turn looks everywhere. */
	epoll_pwait2(sleeper->epoll, events, EVENTS, &limit, NULL);
}

void loop_sleeper_end(struct loop_sleeper *sleeper)
{
	loop_bell_awake(&sleeper->bell);
	for (unsigned k = 0; k < sleeper->queues_n; k++)
		port_interrupt_disarm(sleeper->queues[k].port, sleeper->queues[k].queue);
}
