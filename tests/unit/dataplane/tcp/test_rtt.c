/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6298, and the least round trip. */
#include "rtt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct tcp tcp;
static struct connection c;

static int begin(void **state)
{
	(void)state;
	tcp = (struct tcp){.now_ns = 1000000000000, .now_ms = 1000000};
	c = (struct connection){.snd_una = 1, .snd_nxt = 1001};
	return 0;
}

static void take(uint32_t oldest_us, uint32_t rtt_us)
{
	tcp_rtt_take(&tcp, &c,
		     &(const struct delivery){
			     .advanced = true, .oldest_us = oldest_us, .rtt_us = rtt_us});
}

/* 2.2, 2.3, 2.4 and 2.5. */
static void as_the_rfc_reckons(void **state)
{
	(void)state;
	tcp_rtt_sample(&tcp, &c, 400000);
	assert_int_equal(c.srtt_us, 400000);
	assert_int_equal(c.rttvar_us, 200000);
	assert_int_equal(c.rto_us, 1200000);
	tcp_rtt_sample(&tcp, &c, 800000);
	assert_int_equal(c.rttvar_us, (3 * 200000 + 400000) / 4);
	assert_int_equal(c.srtt_us, (7 * 400000 + 800000) / 8);
	assert_int_equal(c.rto_us, 450000 + 4 * 250000);
	for (unsigned i = 0; i < 100; i++)
		tcp_rtt_sample(&tcp, &c, 100);
	assert_int_equal(c.rto_us, TCP_RTO_MIN_MS * 1000);
	for (unsigned i = 0; i < 100; i++)
		tcp_rtt_sample(&tcp, &c, UINT32_MAX);
	assert_int_equal(c.rto_us, TCP_RTO_MAX_MS * 1000);
}

/* Once a round trip, whatever many acknowledgements say: 2.3's gains are for that. */
static void one_sample_a_round_trip(void **state)
{
	(void)state;
	for (c.snd_una = 2; c.snd_una <= 1001; c.snd_una += 100)
		take(100000, 100000);
	assert_int_equal(tcp.stats.rtt_samples, 1);
	c.snd_una = 1001;
	c.snd_nxt = 2001;
	take(100000, 100000);
	assert_int_equal(tcp.stats.rtt_samples, 1);
	c.snd_una = 1002;
	take(100000, 100000);
	assert_int_equal(tcp.stats.rtt_samples, 2);
}

/* Karn, and the way out that timestamps are (RFC 7323 4.1). */
static void the_repeated_by_timestamps_only(void **state)
{
	struct delivery delivery = {.advanced = true, .resent = true, .oldest_us = 500};

	(void)state;
	c.snd_una = 500;
	tcp_rtt_take(&tcp, &c, &delivery);
	assert_int_equal(tcp.stats.rtt_samples, 0);
	delivery.echo = true;
	delivery.echo_ms = tcp.now_ms - 70;
	tcp_rtt_take(&tcp, &c, &delivery);
	assert_int_equal(c.srtt_us, 70000);
	assert_true(c.loss & LOSS_SAMPLED);
	/* A block advances nothing, and times nothing for the RTO. */
	delivery.advanced = false;
	c.rtt_seq = 0;
	tcp_rtt_take(&tcp, &c, &delivery);
	assert_int_equal(tcp.stats.rtt_samples, 1);
}

static void the_least_of_late(void **state)
{
	(void)state;
	take(900, 800);
	take(900, 300);
	take(900, 500);
	assert_int_equal(c.min_rtt_us, 300);
	tcp.now_ms += 60000;
	take(900, 500);
	assert_int_equal(c.min_rtt_us, 300);
	tcp.now_ms += 1;
	take(900, 500);
	assert_int_equal(c.min_rtt_us, 500); /* another path, perhaps */
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_the_rfc_reckons),
		TEST(one_sample_a_round_trip),
		TEST(the_repeated_by_timestamps_only),
		TEST(the_least_of_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
