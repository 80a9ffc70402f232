/* SPDX-License-Identifier: Apache-2.0 */
/* Floods: so much of one thing that something runs out. Never the witness. */
#include "rig.h"

#include <string.h>

enum { FLOOD = 50000, BURST = 64 };

/* From anywhere in the world, by way of the gateway. */
static struct plug stranger(void)
{
	struct plug plug = hostile_attacker((uint16_t)hostile_random(), SERVICE);

	plug.ip = 0x0b000000 | (hostile_random() >> 8);
	return plug;
}

/* Turns as often as a busy loop has them: once a burst, and a millisecond of time in 64 of them. */
static void pause_after(struct hostile *h, unsigned k)
{
	if (k % BURST == 0)
		hostile_turn(h);
	if (k % (BURST * BURST) == 0)
		hostile_sleep(h, 1);
}

static void flood(struct hostile *h, uint8_t flags, size_t len)
{
	static const uint8_t zeros[PAYLOAD_MAX];

	for (unsigned k = 1; k <= FLOOD; k++) {
		const struct plug plug = stranger();
		const struct bytes frame =
			hostile_tcp(&plug, flags, hostile_random(), hostile_random(), zeros, len);

		hostile_frame(h, &frame);
		pause_after(h, k);
	}
}

static void syn_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, SYN, 0);
	/* One answer each at most: nobody gets more than he sent. */
	assert_true(h->sent_n <= FLOOD + 100);
	hostile_witness(h);
}

/* In the middle of it somebody honest comes, and gets in. */
static void an_honest_client_in_a_syn_flood(void **state)
{
	struct hostile *h = *state;

	for (unsigned round = 0; round < 20; round++) {
		struct plug honest = hostile_attacker((uint16_t)(4000 + round), SERVICE);
		const struct got *got;

		for (unsigned k = 0; k < 1000; k++) {
			const struct plug plug = stranger();
			const struct bytes frame =
				hostile_tcp(&plug, SYN, hostile_random(), 0, NULL, 0);

			hostile_frame(h, &frame);
			pause_after(h, k);
		}
		hostile_turn(h);
		hostile_open(h, &honest);
		hostile_segment(h, &honest, ACK | PSH, honest.seq, honest.ack, "ping", 4);
		got = hostile_got(h);
		assert_non_null(got);
		assert_int_equal(got->len, 4);
		hostile_listen(h, NULL);
	}
}

static void ack_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, ACK, 0);
	assert_true(h->sent_n < FLOOD / 5); /* resets are limited */
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void rst_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, RST, 0);
	assert_int_equal(h->sent_n, 0);
}

static void fin_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, FIN | ACK, 0);
	assert_true(h->sent_n < FLOOD / 5);
}

static void syn_ack_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, SYN | ACK, 0);
	assert_true(h->sent_n < FLOOD / 5);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void data_flood_to_nobody(void **state)
{
	struct hostile *h = *state;

	flood(h, ACK | PSH, 1000);
	assert_true(h->sent_n < FLOOD / 5);
}

static void xmas_flood(void **state)
{
	struct hostile *h = *state;

	flood(h, FIN | URG | PSH, 0);
	flood(h, 0, 0);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

/* One host opens all it can: others still get in, for limits are per source. */
static void connections_from_one_source(void **state)
{
	struct hostile *h = *state;
	struct plug honest = {.ip = WITNESS, .port = 51000, .service = SERVICE, .window = WINDOW};

	for (unsigned k = 0; k < 3 * CONNECTIONS_MAX; k++) {
		struct plug plug = hostile_attacker((uint16_t)(1024 + k), SERVICE);
		const struct got *got;

		hostile_listen(h, &plug);
		hostile_segment(h, &plug, SYN, 1, 0, NULL, 0);
		got = hostile_got(h);
		if (got != NULL && (got->flags & SYN))
			hostile_segment(h, &plug, ACK, 2, got->seq + 1, NULL, 0);
		if (k % 64 == 0)
			hostile_sleep(h, 1);
	}
	hostile_open(h, &honest);
	hostile_listen(h, NULL);
	hostile_segment(h, &honest, RST, honest.seq, 0, NULL, 0);
}

/* Connections that take much and read nothing hold what they hold, and no more. */
static void readers_that_never_read(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 300; k++) {
		struct plug plug = hostile_attacker((uint16_t)(1024 + k), SAYS);
		const struct got *got;

		hostile_listen(h, &plug);
		hostile_segment(h, &plug, SYN, 1, 0, NULL, 0);
		got = hostile_got(h);
		hostile_listen(h, NULL);
		if (got != NULL && (got->flags & SYN))
			hostile_segment(h, &plug, ACK, 2, got->seq + 1, NULL, 0);
	}
	hostile_sleep(h, 3000);
	hostile_witness(h);
}

/* Out of order on many connections at once: in-order data of the witness still finds room. */
static void gaps_on_every_connection(void **state)
{
	static const uint8_t zeros[PAYLOAD_MAX];
	struct hostile *h = *state;

	for (unsigned k = 0; k < 400; k++) {
		struct plug plug = hostile_attacker((uint16_t)(1024 + k), SERVICE);

		hostile_open(h, &plug);
		hostile_listen(h, NULL);
		for (uint32_t n = 0; n < 20; n++)
			hostile_segment(h, &plug, ACK, plug.seq + 1 + n * 3000, plug.ack, zeros,
					sizeof(zeros));
		if (k % 32 == 0)
			hostile_witness(h);
	}
}

/* A byte at a time, each pushed, on many connections. */
static void forty_byte_segments(void **state)
{
	struct hostile *h = *state;
	struct plug plugs[32];

	for (unsigned k = 0; k < 32; k++) {
		plugs[k] = hostile_attacker((uint16_t)(1024 + k), SERVICE);
		hostile_open(h, &plugs[k]);
	}
	hostile_listen(h, NULL);
	for (unsigned n = 0; n < 500; n++)
		for (unsigned k = 0; k < 32; k++) {
			hostile_segment(h, &plugs[k], ACK | PSH, plugs[k].seq, plugs[k].ack, "x",
					1);
			plugs[k].seq++;
			plugs[k].ack++;
		}
	assert_true(hostile_grown(h).memory_dropped == 0);
}

static void half_open_for_ever(void **state)
{
	struct hostile *h = *state;

	flood(h, SYN, 0);
	hostile_sleep(h, 120000);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		CASE(syn_flood),
		CASE(an_honest_client_in_a_syn_flood),
		CASE(ack_flood),
		CASE(rst_flood),
		CASE(fin_flood),
		CASE(syn_ack_flood),
		CASE(data_flood_to_nobody),
		CASE(xmas_flood),
		CASE(connections_from_one_source),
		CASE(readers_that_never_read),
		CASE(gaps_on_every_connection),
		CASE(forty_byte_segments),
		CASE(half_open_for_ever),
	};

	return fixture_main("hostile flood", cases, sizeof(cases) / sizeof(cases[0]));
}
