/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sleep.h"

enum { US = 1000, MS = 1000 * 1000 };

/* A port with one queue, played here. */
static int queue_fd;
static int queue_waiting; /* what arming finds */
static unsigned armed, disarmed;

int port_interrupt_fd(struct port *port, unsigned queue)
{
	(void)port;
	(void)queue;
	return queue_fd;
}

int port_interrupt_arm(struct port *port, unsigned queue)
{
	(void)port;
	(void)queue;
	armed++;
	return queue_waiting;
}

void port_interrupt_disarm(struct port *port, unsigned queue)
{
	(void)port;
	(void)queue;
	disarmed++;
}

static const struct loop_queue queue = {NULL, 0};
static struct loop_sleeper sleeper;

static void open_sleeper(enum loop_idle idle, bool shares_cpu, int fd)
{
	const struct loop_sleeper_config config = {
		.queues = &queue,
		.queues_n = 1,
		.idle = idle,
		.spin_us = 100,
		.sleep_us = 1000,
		.shares_cpu = shares_cpu,
	};

	queue_fd = fd;
	queue_waiting = 0;
	armed = disarmed = 0;
	assert_int_equal(loop_sleeper_open(&sleeper, &config), 0);
	sleeper.worked_ns = 1000 * MS;
}

static uint64_t sleep_after(uint64_t idle_ns, unsigned under_way, uint64_t next_in_ns)
{
	const uint64_t now_ns = sleeper.worked_ns + idle_ns;

	return loop_sleeper_ns(&sleeper, now_ns, under_way,
			       next_in_ns == UINT64_MAX ? UINT64_MAX : now_ns + next_in_ns);
}

static void test_spins_then_sleeps_to_the_deadline(void **state)
{
	(void)state;
	open_sleeper(LOOP_IDLE_ADAPTIVE, true, eventfd(0, 0));
	assert_int_equal(sleep_after(99 * US, 0, UINT64_MAX), 0);
	assert_int_equal(sleep_after(101 * US, 0, 30 * MS), 30 * MS);
	assert_int_equal(sleep_after(101 * US, 0, UINT64_MAX), LOOP_SLEEP_MS_MAX * (uint64_t)MS);
	assert_int_equal(sleep_after(101 * US, 0, 0), 0);
	assert_int_equal(sleep_after(101 * US, 0, LOOP_SLEEP_NS_MIN - 1), 0);
	/* Workers have jobs: they may need the CPU at once. */
	assert_int_equal(sleep_after(0, 1, 30 * MS), 30 * MS);
	loop_sleeper_close(&sleeper);
	close(queue_fd);
}

static void test_poll_never_sleeps_but_for_its_workers(void **state)
{
	(void)state;
	open_sleeper(LOOP_IDLE_POLL, false, -1);
	assert_int_equal(sleep_after(1000 * MS, 0, UINT64_MAX), 0);
	assert_int_equal(sleep_after(1000 * MS, 1, UINT64_MAX), 0);
	loop_sleeper_close(&sleeper);
	open_sleeper(LOOP_IDLE_POLL, true, -1);
	assert_int_equal(sleep_after(1000 * MS, 0, UINT64_MAX), 0);
	assert_true(sleep_after(1000 * MS, 1, UINT64_MAX) > 0);
	loop_sleeper_close(&sleeper);
}

/* Without a descriptor a sleep is a quarter of the idle time, within its bounds. */
static void test_blind_sleeps_are_short(void **state)
{
	(void)state;
	open_sleeper(LOOP_IDLE_ADAPTIVE, true, -1);
	assert_int_equal(sleep_after(400 * US, 0, UINT64_MAX), 100 * US);
	assert_int_equal(sleep_after(400 * US, 0, 20 * US), 20 * US);
	assert_int_equal(sleep_after(60 * 1000 * (uint64_t)MS, 0, UINT64_MAX), 1 * MS);
	assert_int_equal(sleep_after(0, 1, UINT64_MAX), 2 * LOOP_SLEEP_NS_MIN);
	loop_sleeper_close(&sleeper);
}

static void test_waiting_frames_forbid_sleep(void **state)
{
	(void)state;
	open_sleeper(LOOP_IDLE_ADAPTIVE, true, eventfd(0, 0));
	queue_waiting = 1;
	assert_false(loop_sleeper_begin(&sleeper));
	loop_sleeper_end(&sleeper);
	queue_waiting = 0;
	assert_true(loop_sleeper_begin(&sleeper));
	loop_sleeper_end(&sleeper);
	assert_int_equal(armed, 2);
	assert_int_equal(disarmed, 2);
	loop_sleeper_close(&sleeper);
	close(queue_fd);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t slept_ns(uint64_t sleep_ns)
{
	uint64_t start = now_ns();

	assert_true(loop_sleeper_begin(&sleeper));
	loop_sleeper_wait(&sleeper, sleep_ns);
	loop_sleeper_end(&sleeper);
	return now_ns() - start;
}

static void *ring_later(void *arg)
{
	const struct timespec pause = {.tv_nsec = 20 * MS};

	(void)arg;
	nanosleep(&pause, NULL);
	loop_bell_ring(&sleeper.bell);
	return NULL;
}

static void *frame_later(void *arg)
{
	const struct timespec pause = {.tv_nsec = 20 * MS};
	const uint64_t one = 1;

	(void)arg;
	nanosleep(&pause, NULL);
	assert_int_equal(write(queue_fd, &one, sizeof(one)), sizeof(one));
	return NULL;
}

/* Five seconds are never reached: something wakes the core each time, once per event. */
static void test_what_wakes_a_sleeper(void **state)
{
	const uint64_t long_ns = 5000 * (uint64_t)MS;
	void *(*const wakers[])(void *) = {ring_later, frame_later, ring_later, frame_later};

	(void)state;
	open_sleeper(LOOP_IDLE_ADAPTIVE, true, eventfd(0, 0));
	for (unsigned k = 0; k < 4; k++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, wakers[k], NULL), 0);
		assert_true(slept_ns(long_ns) < long_ns / 2);
		pthread_join(thread, NULL);
		/* An event that was seen does not wake again, though nobody has read it. */
		assert_true(slept_ns(10 * MS) >= 10 * MS);
	}
	/* Ringing one that is awake writes nothing. */
	loop_bell_ring(&sleeper.bell);
	assert_true(slept_ns(10 * MS) >= 10 * MS);
	loop_sleeper_close(&sleeper);
	close(queue_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spins_then_sleeps_to_the_deadline),
		cmocka_unit_test(test_poll_never_sleeps_but_for_its_workers),
		cmocka_unit_test(test_blind_sleeps_are_short),
		cmocka_unit_test(test_waiting_frames_forbid_sleep),
		cmocka_unit_test(test_what_wakes_a_sleeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
