/* SPDX-License-Identifier: Apache-2.0 */
/* The records by themselves: a connection is given segments and blocks at random, and a plain
 * array says what must come of it. */
#include "scoreboard.h"

#include <rte_mempool.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "eal.h"

enum { SEGMENTS = 4000, MSS = 100, ROUNDS = 200000, MANY = 16000 };

static struct tcp tcp;
static struct connection c;

static int begin(void **state)
{
	(void)state;
	tcp = (struct tcp){.config = {.packet_memory_bytes = 64 << 20, .name = "sb", .socket = -1}};
	c = (struct connection){.mss = MSS, .min_rtt_us = 1, .state = ESTABLISHED};
	c.snd_una = c.snd_nxt = 0U - 50 * MSS; /* wraps */
	return tcp_scoreboard_create(&tcp);
}

static int end(void **state)
{
	(void)state;
	tcp_scoreboard_clear(&tcp, &c);
	if (c.scoreboard != NULL || !rte_mempool_full(tcp.scoreboards) ||
	    !rte_mempool_full(tcp.chunks))
		return 1;
	tcp_scoreboard_destroy(&tcp);
	return 0;
}

static void send(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(tcp_scoreboard_room(&tcp, &c, 1), 1);
		tcp.now_us += 10;
		tcp_scoreboard_sent(&tcp, &c, MSS);
	}
}

static struct delivery ack(uint32_t bytes)
{
	struct delivery delivery = {.now_us = tcp.now_us};

	c.snd_una += bytes;
	tcp_scoreboard_acked(&tcp, &c, &delivery);
	tcp_scoreboard_settle(&tcp, &c);
	return delivery;
}

/* Offsets from snd_una. */
static struct delivery sack(uint32_t from, uint32_t to)
{
	struct delivery delivery = {.now_us = tcp.now_us};

	assert_true(tcp_scoreboard_take(&tcp, &c));
	tcp_scoreboard_sacked(&c, (struct sack_block){c.snd_una + from, c.snd_una + to}, &delivery);
	return delivery;
}

/* One or two segments in flight touch no pool; with nothing in flight nothing is held. */
static void few_are_in_the_connection(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		send(2);
		assert_null(c.scoreboard);
		assert_true(tcp_scoreboard_check(&c));
		assert_int_equal(ack(2 * MSS).bytes, 2 * MSS);
	}
	send(3);
	assert_non_null(c.scoreboard);
	assert_int_equal(c.pipe, 3 * MSS);
	assert_true(tcp_scoreboard_check(&c));
	ack(2 * MSS + 1);
	assert_int_equal(c.pipe, MSS - 1);
	assert_true(tcp_scoreboard_check(&c));
	ack(MSS - 1);
	assert_null(c.scoreboard);
	assert_true(rte_mempool_full(tcp.chunks));
}

static void a_record_covered_in_part_is_not_covered(void **state)
{
	(void)state;
	send(5);
	assert_int_equal(sack(MSS + 1, 3 * MSS - 1).bytes, 0);
	assert_int_equal(sack(1, 3 * MSS + 99).bytes, 2 * MSS);
	assert_int_equal(c.sacked_n, 2);
	assert_int_equal(c.pipe, 3 * MSS);
	/* Named again it is no news. */
	assert_int_equal(sack(MSS, 3 * MSS).bytes, 0);
	assert_true(tcp_scoreboard_check(&c));
	/* What was SACKed is not delivered a second time. */
	assert_int_equal(ack(5 * MSS).bytes, 3 * MSS);
}

static void lost_and_sent_again(void **state)
{
	(void)state;
	send(4);
	sack(2 * MSS, 3 * MSS);
	tcp_scoreboard_lose(&c, (c.record_first + 1) & RECORD_MASK);
	tcp_scoreboard_lose(&c, c.record_first);
	assert_int_equal(c.pipe, MSS);
	assert_int_equal(tcp_scoreboard_lost(&c), c.record_first);
	tcp_scoreboard_resent(&tcp, &c, c.record_first);
	assert_int_equal(tcp_scoreboard_lost(&c), c.record_first + 1);
	assert_int_equal(c.record_newest, c.record_first); /* by time it is the last */
	assert_true(tcp_scoreboard_check(&c));
	tcp_scoreboard_unlose(&c);
	assert_int_equal(c.lost_n, 0);
	assert_int_equal(c.pipe, 3 * MSS);
	assert_int_equal(c.record_oldest, c.record_first + 1); /* where it was */
	assert_true(tcp_scoreboard_check(&c));
}

/* RFC 8985 6.2 step 2: a copy that is acknowledged sooner than any round trip took, or by an echo
 * from before it was sent, says nothing about when. */
static void the_original_arrived_not_the_copy(void **state)
{
	struct delivery delivery = {.echo = true};

	(void)state;
	c.min_rtt_us = 1000;
	send(3);
	assert_true(tcp_scoreboard_take(&tcp, &c));
	tcp_scoreboard_resent(&tcp, &c, c.record_first);
	tcp.now_us += 999;
	sack(0, MSS);
	assert_false(c.scoreboard->rack_valid);
	tcp_scoreboard_resent(&tcp, &c, (c.record_first + 1) & RECORD_MASK);
	tcp.now_us += 9000;
	delivery.now_us = tcp.now_us;
	delivery.echo_ms = (tcp.now_us - 9000) / 1000 - 1;
	tcp_scoreboard_sacked(&c, (struct sack_block){c.snd_una + MSS, c.snd_una + 2 * MSS},
			      &delivery);
	assert_false(c.scoreboard->rack_valid);
	sack(2 * MSS, 3 * MSS);
	assert_true(c.scoreboard->rack_valid);
}

static void reneging_takes_it_all_back(void **state)
{
	(void)state;
	send(10);
	sack(0, 3 * MSS);
	sack(5 * MSS, 8 * MSS);
	tcp_scoreboard_renege(&c);
	assert_int_equal(c.sacked_n, 0);
	assert_int_equal(c.lost_n, 6);
	assert_int_equal(c.pipe, 4 * MSS);
	assert_int_equal(tcp_scoreboard_lost(&c), c.record_first);
	assert_true(tcp_scoreboard_check(&c));
}

/* What each segment of the stream should be. */
static uint8_t sacked[SEGMENTS];

static void like_a_plain_array(void **state)
{
	uint32_t una = 0, nxt = 0, x = 1;

	(void)state;
	memset(sacked, 0, sizeof(sacked));
	for (unsigned round = 0; round < ROUNDS && una < SEGMENTS; round++) {
		uint32_t n = 0, bytes = 0, a, b;

		x = x * 1664525 + 1013904223;
		a = una + (x >> 8) % (nxt - una + 1);
		b = una + (x >> 20) % (nxt - una + 1);
		if (x >> 30 == 0 && nxt < SEGMENTS && nxt - una < 700) {
			n = 1 + (x >> 4) % 70;
			n = n < SEGMENTS - nxt ? n : SEGMENTS - nxt;
			send(n);
			nxt += n;
		} else if (x >> 30 == 1 && (x >> 24 & 7) == 0) {
			for (; una < a; una++)
				bytes += sacked[una] ? 0 : MSS;
			assert_int_equal(ack((a * MSS + 0U - 50 * MSS) - c.snd_una).bytes, bytes);
		} else if (a < b) {
			for (uint32_t i = a; i < b; i++) {
				bytes += sacked[i] ? 0 : MSS;
				sacked[i] = 1;
			}
			assert_int_equal(sack((a - una) * MSS, (b - una) * MSS).bytes, bytes);
		} else if (c.pipe > 0 && c.scoreboard != NULL) {
			tcp.now_us += 10;
			if (x & 1 << 10)
				tcp_scoreboard_lose(&c, c.record_oldest);
			if (c.lost_n > 0 && x & 1 << 11)
				tcp_scoreboard_resent(&tcp, &c, tcp_scoreboard_lost(&c));
		}
		if (round % 16 == 0)
			assert_true(tcp_scoreboard_check(&c));
	}
	assert_int_equal(una, SEGMENTS);
}

/* Blocks that grow by one segment, each of which names everything that is known: twice as many may
 * cost no more than twice as much, not four times. Counted by what is visited: `newer` of the first
 * leads to the end. */
static void growing_blocks_are_linear(void **state)
{
	const struct record *second;

	(void)state;
	send(MANY);
	for (uint32_t i = 2; i <= MANY; i++)
		sack(MSS, i * MSS);
	assert_int_equal(c.sacked_n, MANY - 1);
	second = tcp_record(&c, (c.record_first + 1) & RECORD_MASK);
	assert_true(((second->newer - c.record_first) & RECORD_MASK) >= MANY - 1);
	/* Ten thousand repetitions from within: by the shortcut. */
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(sack((1 + i) * MSS, MANY * MSS).bytes, 0);
	assert_true(tcp_scoreboard_check(&c));
}

/* At the bound no more is sent; a record that goes makes room for another. */
static void bounded(void **state)
{
	(void)state;
	send(SCOREBOARD_RECORDS);
	assert_int_equal(tcp_scoreboard_room(&tcp, &c, 1), 0);
	ack(MSS);
	assert_int_equal(tcp_scoreboard_room(&tcp, &c, 10), 1);
}

/* A connection for which there is no scoreboard has two segments in flight. */
static void without_memory_two_at_a_time(void **state)
{
	static void *taken[4096];
	unsigned n = 0;

	(void)state;
	while (rte_mempool_get(tcp.scoreboards, &taken[n]) == 0)
		n++;
	send(2);
	assert_int_equal(tcp_scoreboard_room(&tcp, &c, 1), 0);
	assert_int_equal(tcp.stats.memory_dropped, 1);
	ack(MSS);
	assert_int_equal(tcp_scoreboard_room(&tcp, &c, 5), 1);
	ack(MSS);
	while (n > 0)
		rte_mempool_put(tcp.scoreboards, taken[--n]);
	while (rte_mempool_get(tcp.chunks, &taken[n]) == 0)
		n++;
	assert_int_equal(tcp_scoreboard_room(&tcp, &c, 5), 2);
	assert_null(c.scoreboard);
	while (n > 0)
		rte_mempool_put(tcp.chunks, taken[--n]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(few_are_in_the_connection),    TEST(a_record_covered_in_part_is_not_covered),
		TEST(lost_and_sent_again),	    TEST(the_original_arrived_not_the_copy),
		TEST(reneging_takes_it_all_back),   TEST(like_a_plain_array),
		TEST(growing_blocks_are_linear),    TEST(bounded),
		TEST(without_memory_two_at_a_time),
	};

	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
