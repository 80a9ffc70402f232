/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

/* A round trip of 20 ms until the window fills the path, then a queue. */
static void queue(struct path *path)
{
	uint32_t window = path->c.cwnd / MSS, path_segments = 100;

	path->rtt_us = 20000;
	if (window > path_segments)
		path->rtt_us += 20000 * (window - path_segments) / path_segments;
}

/* RFC 9406: slow start ends while the queue grows, long before it overflows. */
static void ends_before_the_queue_is_full(void **state)
{
	struct path path;

	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		path_begin(&path, which == 0 ? TCP_NEWRENO : TCP_CUBIC, 20000);
		for (unsigned i = 0; i < 20 && path.c.ssthresh == TCP_CWND_MAX; i++) {
			queue(&path);
			path_round(&path);
		}
		assert_int_equal(path.tcp.stats.hystart_exits, 1);
		assert_int_equal(path.c.ssthresh, path.c.cwnd);
		assert_in_range(path.c.cwnd, 100 * MSS, 600 * MSS);
	}
}

/* Whether a round trip that rises from one round to the next by that slows the growth. */
static bool slowed_by(uint32_t rtt_us, uint32_t rise_us)
{
	struct path path;

	path_begin(&path, TCP_NEWRENO, rtt_us);
	path_round(&path);
	path_round(&path);
	path.rtt_us += rise_us;
	path_round(&path);
	return path.c.start.rtt_slowed_us != 0;
}

/* RFC 9406 4.3: an eighth of the round trip, but 4 ms at least and 16 ms at most. */
static void by_how_much_it_must_rise(void **state)
{
	(void)state;
	assert_false(slowed_by(20000, 3999));
	assert_true(slowed_by(20000, 4000));
	assert_false(slowed_by(80000, 9999));
	assert_true(slowed_by(80000, 10000));
	assert_false(slowed_by(200000, 15999));
	assert_true(slowed_by(200000, 16000));
}

/* One late segment is no queue: eight samples must agree. */
static void needs_eight_samples(void **state)
{
	struct path path;

	(void)state;
	path_begin(&path, TCP_NEWRENO, 20000);
	path_round(&path);
	path.rtt_us = 40000;
	path_fill(&path);
	for (unsigned i = 0; i < 7; i++)
		path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.start.rtt_slowed_us, 0);
	path_ack(&path, 2 * MSS);
	assert_int_equal(path.c.start.rtt_slowed_us, 40000);
}

/* A round trip that grows slowly, or is not known, ends nothing. */
static void not_for_a_little_delay(void **state)
{
	struct path path;

	(void)state;
	path_begin(&path, TCP_NEWRENO, 20000);
	for (unsigned i = 0; i < 6; i++) {
		path.rtt_us = 20000 + 3900 * i / 6;
		path_round(&path);
	}
	assert_in_range(path.c.cwnd, 630 * MSS, 650 * MSS);
	/* No samples at all. */
	for (unsigned i = 0; i < 3; i++) {
		path.rtt_us = 0;
		path_round(&path);
	}
	assert_in_range(path.c.cwnd, 630 * 8 * MSS, 650 * 8 * MSS);
	assert_int_equal(path.c.ssthresh, TCP_CWND_MAX);
}

/* Growth is slowed to a quarter for five rounds; if the delay falls again it was noise. */
static void slowed_first_and_taken_back(void **state)
{
	struct path path;
	uint32_t before;

	(void)state;
	path_begin(&path, TCP_NEWRENO, 20000);
	for (unsigned i = 0; i < 3; i++)
		path_round(&path);
	path.rtt_us = 30000;
	path_round(&path);
	assert_int_not_equal(path.c.start.rtt_slowed_us, 0);
	before = path.c.cwnd;
	path_round(&path);
	assert_in_range(path.c.cwnd, before / 100 * 123, before / 100 * 127);
	path.rtt_us = 20000;
	path_round(&path);
	assert_int_equal(path.c.start.rtt_slowed_us, 0);
	before = path.c.cwnd;
	path_round(&path);
	assert_in_range(path.c.cwnd, 2 * before - 2 * MSS, 2 * before);
	assert_int_equal(path.tcp.stats.hystart_exits, 0);
	/* Again, and now for good: the round in which it began is the first of five. */
	path.rtt_us = 40000;
	for (unsigned i = 0; i < 5; i++) {
		path_round(&path);
		assert_int_equal(path.tcp.stats.hystart_exits, 0);
	}
	path_round(&path);
	assert_int_equal(path.tcp.stats.hystart_exits, 1);
}

/* RFC 9406 4.3: of one acknowledgement eight segments count, all where pacing spreads them. */
static void a_leap_counts_for_eight(void **state)
{
	struct path path;

	(void)state;
	path_begin(&path, TCP_NEWRENO, 1000);
	path_fill(&path);
	path_ack(&path, 10 * MSS);
	assert_int_equal(path.c.cwnd, 18 * MSS);
	path_begin(&path, TCP_NEWRENO, 20000);
	path_fill(&path);
	path_ack(&path, 10 * MSS);
	assert_int_equal(path.c.cwnd, 20 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_before_the_queue_is_full),
		cmocka_unit_test(by_how_much_it_must_rise),
		cmocka_unit_test(needs_eight_samples),
		cmocka_unit_test(not_for_a_little_delay),
		cmocka_unit_test(slowed_first_and_taken_back),
		cmocka_unit_test(a_leap_counts_for_eight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
