/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <sched.h>

#include "eal.h"
#include "mailbox.h"

enum { FRAMES = 32767, POSTERS = 2, POSTS = 15000 };

static struct rte_mempool *pool;
static struct loop_bell bell;
static struct loop_mailbox mailbox;

/* Ports are only compared here, never asked. */
static struct port *port_of(unsigned k)
{
	static char ports[4];

	return (struct port *)&ports[k];
}

static int open_mailbox(void **state)
{
	(void)state;
	if (loop_bell_open(&bell) != 0)
		return -1;
	return loop_mailbox_open(&mailbox, &bell, -1);
}

static int close_mailbox(void **state)
{
	(void)state;
	loop_mailbox_close(&mailbox);
	loop_bell_close(&bell);
	/* Whatever happened, no frame is lost. */
	return rte_mempool_avail_count(pool) == FRAMES ? 0 : -1;
}

static struct rte_mbuf *frame_make(unsigned number)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);

	assert_non_null(frame);
	frame->hash.usr = number;
	return frame;
}

static void test_frames_come_in_order_and_by_port(void **state)
{
	struct loop_frame in[5];
	struct rte_mbuf *out[PORT_BURST_MAX];
	struct port *port;

	(void)state;
	assert_true(loop_mailbox_empty(&mailbox));
	for (unsigned k = 0; k < 5; k++)
		in[k] = (struct loop_frame){port_of(k / 3), frame_make(k)};
	assert_int_equal(loop_mailbox_put_frames(&mailbox, in, 5), 0);
	assert_false(loop_mailbox_empty(&mailbox));
	assert_int_equal(loop_mailbox_frames(&mailbox, &port, out, PORT_BURST_MAX), 3);
	assert_ptr_equal(port, port_of(0));
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(out[k]->hash.usr, k);
		rte_pktmbuf_free(out[k]);
	}
	assert_int_equal(loop_mailbox_frames(&mailbox, &port, out, 1), 1);
	assert_ptr_equal(port, port_of(1));
	assert_int_equal(out[0]->hash.usr, 3);
	rte_pktmbuf_free(out[0]);
	/* Number 4 stays: closing frees it. */
}

static void test_full_ring_drops_the_rest(void **state)
{
	struct loop_frame in[PORT_BURST_MAX];
	unsigned put = 0, dropped = 0;

	(void)state;
	while (dropped == 0) {
		for (unsigned k = 0; k < PORT_BURST_MAX; k++)
			in[k] = (struct loop_frame){port_of(0), frame_make(k)};
		dropped = loop_mailbox_put_frames(&mailbox, in, PORT_BURST_MAX);
		put += PORT_BURST_MAX - dropped;
	}
	assert_int_equal(put, LOOP_FRAMES_MAX);
	assert_int_equal(rte_mempool_avail_count(pool), FRAMES - LOOP_FRAMES_MAX);
}

static void test_neighbours_are_bounded(void **state)
{
	struct net_neighbour neighbour = {.ip = 0x0a000000, .port = port_of(2)};
	unsigned put = 0;

	(void)state;
	while (loop_mailbox_put_neighbour(&mailbox, &neighbour)) {
		neighbour.ip++;
		put++;
		assert_true(put <= LOOP_NEIGHBOURS_MAX);
	}
	assert_int_equal(put, LOOP_NEIGHBOURS_MAX);
	for (unsigned k = 0; k < put; k++) {
		assert_true(loop_mailbox_neighbour(&mailbox, &neighbour));
		assert_int_equal(neighbour.ip, 0x0a000000 + k);
		assert_ptr_equal(neighbour.port, port_of(2));
	}
	assert_false(loop_mailbox_neighbour(&mailbox, &neighbour));
}

/* Posters write the same ring at once; each poster's frames stay in its order. Frames are made
 * before and freed after, so that nothing but the mailbox carries them from thread to thread. */
static struct rte_mbuf *frames_of[POSTERS][POSTS];
static unsigned dropped_by[POSTERS];

static void *poster(void *arg)
{
	const unsigned who = (unsigned)(uintptr_t)arg;

	for (unsigned k = 0; k < POSTS; k++) {
		struct loop_frame post = {port_of(who), frames_of[who][k]};

		post.frame->hash.usr = k;
		if (loop_mailbox_put_frames(&mailbox, &post, 1) == 0)
			continue;
		dropped_by[who]++;
		sched_yield(); /* the reader may want this CPU */
	}
	return NULL;
}

/* Reads until every poster has ended and nothing is left; keeps the frames in kept[]. */
static unsigned read_all(pthread_t *threads, struct rte_mbuf **kept)
{
	struct rte_mbuf *out[PORT_BURST_MAX];
	int64_t last[POSTERS] = {-1, -1};
	unsigned running = POSTERS, total = 0;
	bool last_look = false;

	for (;;) {
		struct port *port;
		unsigned n = loop_mailbox_frames(&mailbox, &port, out, PORT_BURST_MAX);

		for (unsigned k = 0; k < n; k++) {
			unsigned who = port == port_of(1);

			assert_true((int64_t)out[k]->hash.usr > last[who]);
			last[who] = out[k]->hash.usr;
			kept[total++] = out[k];
		}
		if (n == 0 && last_look)
			return total;
		if (n == 0 && running > 0 && pthread_tryjoin_np(threads[running - 1], NULL) == 0)
			running--;
		last_look = running == 0;
	}
}

static void test_many_posters_one_reader(void **state)
{
	static struct rte_mbuf *kept[POSTERS * POSTS];
	pthread_t threads[POSTERS];
	unsigned total, dropped = 0;

	(void)state;
	for (unsigned who = 0; who < POSTERS; who++)
		for (unsigned k = 0; k < POSTS; k++)
			frames_of[who][k] = frame_make(k);
	for (uintptr_t who = 0; who < POSTERS; who++)
		assert_int_equal(pthread_create(&threads[who], NULL, poster, (void *)who), 0);
	total = read_all(threads, kept);
	for (unsigned who = 0; who < POSTERS; who++)
		dropped += dropped_by[who];
	assert_int_equal(total + dropped, POSTERS * POSTS);
	assert_true(total >= LOOP_FRAMES_MAX);
	for (unsigned k = 0; k < total; k++)
		rte_pktmbuf_free(kept[k]);
}

static int setup(void **state)
{
	(void)state;
	if (eal_start(128) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("frames", FRAMES, 0, 0, 256, 0);
	return pool == NULL ? -1 : 0;
}

int main(void)
{
#define WITH_MAILBOX(test) cmocka_unit_test_setup_teardown(test, open_mailbox, close_mailbox)
	const struct CMUnitTest tests[] = {
		WITH_MAILBOX(test_frames_come_in_order_and_by_port),
		WITH_MAILBOX(test_full_ring_drops_the_rest),
		WITH_MAILBOX(test_neighbours_are_bounded),
		WITH_MAILBOX(test_many_posters_one_reader),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
