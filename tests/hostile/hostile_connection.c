/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on a connection: by the blind, who guess; and by a peer who plays by no rules. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

/* Who does not see our segments speaks in the witness's name. */
static void as_witness(struct hostile *h, uint8_t flags, uint32_t seq, uint32_t ack,
		       const void *bytes, size_t len)
{
	hostile_segment(h, &h->witness, flags, seq, ack, bytes, len);
}

/* A frame whose source is its destination, addresses and ports: CERT CA-1997-28. */
static void land(void **state)
{
	struct hostile *h = *state;
	struct plug ourselves = hostile_attacker(SERVICE, SERVICE);

	ourselves.ip = US;
	hostile_segment(h, &ourselves, SYN, 1, 0, NULL, 0);
	hostile_segment(h, &ourselves, ACK, 1, 1, NULL, 0);
	assert_int_equal(h->sent_n, 0);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

/* RFC 5961 3.2: in the window is not enough. */
static void blind_resets(void **state)
{
	struct hostile *h = *state;

	for (uint32_t off = 1; off < WINDOW + 5; off += 97) {
		as_witness(h, RST, h->witness.seq + off, 0, NULL, 0);
		as_witness(h, RST | ACK, h->witness.seq + off, h->witness.ack, NULL, 0);
		as_witness(h, RST, h->witness.seq - off, 0, NULL, 0);
	}
	assert_int_equal(hostile_grown(h).reset_received, 0);
	assert_in_range(h->sent_n, 1, 2); /* challenge ACKs, 200 ms apart */
}

static void blind_syns(void **state)
{
	struct hostile *h = *state;

	for (uint32_t k = 0; k < 1000; k++)
		as_witness(h, SYN, hostile_random(), 0, NULL, 0);
	as_witness(h, SYN, h->witness.seq, 0, NULL, 0);
	as_witness(h, SYN | ACK, h->witness.seq, h->witness.ack, NULL, 0);
	assert_int_equal(hostile_grown(h).closed, 0);
	assert_in_range(h->sent_n, 1, 2);
}

/* RFC 5961 5.2: data in the window with an acknowledgement that cannot be. */
static void blind_data(void **state)
{
	struct hostile *h = *state;

	for (uint32_t k = 1; k < 2000; k++) {
		as_witness(h, ACK, h->witness.seq, h->witness.ack + k * 2000000, "evil", 4);
		as_witness(h, ACK, h->witness.seq, h->witness.ack - 70000 - k * 2000000, "evil", 4);
	}
	hostile_witness(h);
}

/* Without ACK, nothing of a segment is to be believed. */
static void data_without_ack(void **state)
{
	struct hostile *h = *state;

	as_witness(h, 0, h->witness.seq, 0, "evil", 4);
	as_witness(h, PSH | URG, h->witness.seq, 0, "evil", 4);
	as_witness(h, FIN, h->witness.seq, 0, NULL, 0);
	hostile_witness(h);
}

/* Two sides that each think the other wrong must not talk for ever. */
static void ack_storm(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 10000; k++)
		as_witness(h, ACK, h->witness.seq - 100000, h->witness.ack, NULL, 0);
	assert_in_range(h->sent_n, 1, 2);
}

static void old_segments_answered_within_reason(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 10000; k++)
		as_witness(h, ACK, h->witness.seq + 10000000 + k, h->witness.ack, NULL, 0);
	assert_in_range(h->sent_n, 1, 2);
}

/* Savage et al., 1999: acknowledging what has not come. */
static void optimistic_acks(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 65535;
	hostile_open(h, &attacker);
	for (uint32_t k = 1; k < 2000; k++)
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack + k * 65536, NULL, 0);
	/* The first window and nothing more: none of those was believed. */
	assert_true(h->sent_bytes < 40000);
}

/* Acknowledging one byte at a time grows the window by bytes, not by acknowledgements. */
static void ack_division(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 65535;
	hostile_open(h, &attacker);
	hostile_listen(h, NULL);
	h->sent_bytes = 0;
	for (uint32_t k = 1; k <= 1460; k++)
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack + k, NULL, 0);
	assert_true(h->sent_bytes < 6 * 1600);
}

/* A thousand duplicates let out one window, not a thousand segments. */
static void duplicate_ack_spoofing(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 65535;
	hostile_open(h, &attacker);
	hostile_listen(h, NULL);
	h->sent_bytes = 0;
	for (unsigned k = 0; k < 1000; k++)
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
	assert_true(h->sent_bytes < 2 * 65536 + 20000);
}

/* Never opens: probes back off, and the connection ends (sockstress). */
static void a_window_closed_for_ever(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	unsigned minutes = 0;

	attacker.window = 0;
	hostile_open(h, &attacker);
	while (hostile_grown(h).connections > h->before.connections && minutes++ < 60) {
		for (unsigned k = 0; k < 60; k++) {
			hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
			hostile_sleep(h, 1000);
		}
		hostile_listen(h, NULL);
	}
	assert_in_range(minutes, 1, 30);
	assert_true(h->sent_n < 2000);
}

/* A window of one byte, opened a byte at a time. */
static void a_silly_window(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 1;
	hostile_open(h, &attacker);
	hostile_listen(h, NULL);
	h->sent_n = 0;
	for (unsigned k = 0; k < 1000; k++)
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
	hostile_sleep(h, 1000);
	assert_true(h->sent_n < 20);
}

static void a_window_that_shrinks(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 14600;
	hostile_open(h, &attacker);
	hostile_listen(h, NULL);
	for (unsigned k = 0; k < 100; k++) {
		attacker.window = (uint16_t)(14600 - k * 146);
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
		hostile_sleep(h, 10);
	}
	assert_true(h->sent_bytes < 200000);
}

/* The first copy wins: who guesses a sequence cannot change what was said. */
static void overlaps_with_other_bytes(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct got *got;
	uint8_t heard[64];
	size_t heard_n = 0;

	hostile_open(h, &attacker);
	hostile_segment(h, &attacker, ACK, attacker.seq + 10, attacker.ack, "BBBBBBBBBB", 10);
	hostile_segment(h, &attacker, ACK, attacker.seq + 5, attacker.ack, "xxxxxxxxxxxxxxxxxxxx",
			20);
	hostile_segment(h, &attacker, ACK, attacker.seq + 12, attacker.ack, "yyy", 3);
	hostile_segment(h, &attacker, ACK | PSH, attacker.seq, attacker.ack, "AAAAAAAAAAAA", 12);
	while ((got = hostile_got(h)) != NULL) {
		memcpy(heard + heard_n, got->bytes, got->len);
		heard_n += got->len;
	}
	assert_int_equal(heard_n, 25);
	assert_memory_equal(heard, "AAAAAxxxxxBBBBBBBBBBxxxxx", 25);
}

/* Every second byte of the window, each in a segment of its own, in an order that hurts. */
static void a_comb_of_single_bytes(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	hostile_open(h, &attacker);
	hostile_listen(h, NULL);
	for (uint32_t k = 0; k < 20000; k++)
		hostile_segment(h, &attacker, ACK, attacker.seq + 1 + k * 7919 % (WINDOW / 2) * 2,
				attacker.ack, "x", 1);
	hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void a_fin_beyond_the_window(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	hostile_open(h, &attacker);
	hostile_segment(h, &attacker, FIN | ACK, attacker.seq + 200000, attacker.ack, NULL, 0);
	hostile_segment(h, &attacker, FIN | ACK, attacker.seq + WINDOW - 1, attacker.ack, "xyz", 3);
	hostile_segment(h, &attacker, ACK | PSH, attacker.seq, attacker.ack, "a", 1);
	attacker.seq++;
	hostile_segment(h, &attacker, FIN | ACK, attacker.seq, attacker.ack + 1, NULL, 0);
}

/* Nothing follows a FIN. */
static void data_after_a_fin(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	hostile_open(h, &attacker);
	hostile_segment(h, &attacker, FIN | ACK, attacker.seq + 3, attacker.ack, NULL, 0);
	hostile_segment(h, &attacker, ACK, attacker.seq + 4, attacker.ack, "evil", 4);
	hostile_segment(h, &attacker, FIN | ACK, attacker.seq + 8, attacker.ack, NULL, 0);
	hostile_listen(h, &attacker);
	hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, "abcdefgh", 8);
	assert_int_equal(hostile_got(h)->ack, attacker.seq + 4);
}

/* A connection whose peer reads blocks, and says so: with this MSS. */
static void sack_open(struct hostile *h, struct plug *plug, uint16_t mss)
{
	const uint8_t offered[] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 4, 2, 1, 1};

	hostile_open_with(h, plug, offered, sizeof(offered));
}

/* An acknowledgement of nothing new, with a block. */
static void sack_say(struct hostile *h, struct plug *plug, uint32_t start, uint32_t end)
{
	static const uint8_t kind[] = {1, 1, 5, 10};

	memcpy(plug->options, kind, sizeof(kind));
	bytes_put32(plug->options + 4, start);
	bytes_put32(plug->options + 8, end);
	plug->options_n = 12;
	hostile_segment(h, plug, ACK, plug->seq, plug->ack, NULL, 0);
	plug->options_n = 0;
}

/* CVE-2019-11477 and 11478: the smallest segments, every other of them SACKed, from the end on. */
static void sack_comb(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	const uint32_t bytes = 216; /* what an MSS of 8 counts as */
	uint32_t segments;

	attacker.window = 65535;
	sack_open(h, &attacker, 8);
	for (unsigned k = 0; k < 2; k++) {
		const struct got *got;

		while ((got = hostile_got(h)) != NULL)
			attacker.ack = got->seq + (uint32_t)got->len;
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
	}
	hostile_listen(h, NULL);
	h->sent_bytes = 0;
	segments = 65535 / bytes;
	for (uint32_t at = segments - 1; at >= 2; at -= 2)
		sack_say(h, &attacker, attacker.ack + at * bytes, attacker.ack + (at + 1) * bytes);
	hostile_witness(h);
	/* One recovery: what is missing goes once more, and as much that is new. */
	assert_int_equal(hostile_grown(h).recoveries, 1);
	assert_in_range(h->sent_bytes, bytes, 80 * (bytes + 54));
	hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

/* Everything but the first segment is said to be there, for ever. */
static void a_peer_that_only_sacks(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	unsigned minutes = 0;

	attacker.window = 65535;
	sack_open(h, &attacker, 1460);
	hostile_listen(h, NULL);
	h->sent_bytes = 0;
	while (hostile_grown(h).connections > h->before.connections && minutes++ < 60)
		for (unsigned k = 0; k < 60; k++) {
			sack_say(h, &attacker, attacker.ack + 1460, attacker.ack + 14600);
			hostile_sleep(h, 1000);
		}
	assert_in_range(minutes, 1, 10);
	assert_in_range(h->sent_bytes, 1460, 65536);
}

/* D-SACKs of what came once only: reductions are taken back, the window is not made larger. */
static void duplicates_that_never_were(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 65535;
	sack_open(h, &attacker, 1460);
	hostile_listen(h, NULL);
	h->sent_bytes = 0;
	for (unsigned k = 0; k < 5000; k++) {
		sack_say(h, &attacker, attacker.ack + 1460, attacker.ack + 2 * 1460);
		sack_say(h, &attacker, attacker.ack - 100, attacker.ack);
	}
	assert_in_range(h->sent_bytes, 1460, 65536);
	hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
}

/* CVE-2016-5696: what an attacker's own connection was answered says nothing of another's. */
static void challenges_are_counted_apart(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	hostile_open(h, &attacker);
	for (unsigned k = 0; k < 1000; k++)
		hostile_segment(h, &attacker, SYN, attacker.seq, 0, NULL, 0);
	assert_int_equal(hostile_grown(h).challenge_acks, 1);
	as_witness(h, SYN, h->witness.seq, 0, NULL, 0);
	assert_int_equal(hostile_grown(h).challenge_acks, 2);
	hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
}

/* The answer to our SYN-ACK is another SYN, as if we had asked: nobody changes sides. */
static void split_handshake(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct got *got;

	hostile_listen(h, &attacker);
	hostile_segment(h, &attacker, SYN, attacker.seq, 0, NULL, 0);
	got = hostile_got(h);
	assert_non_null(got);
	attacker.ack = got->seq + 1;
	for (unsigned k = 0; k < 100; k++)
		hostile_segment(h, &attacker, SYN, 90000 + k, 0, NULL, 0);
	hostile_segment(h, &attacker, SYN | ACK, 90000, attacker.ack, NULL, 0);
	assert_int_equal(hostile_grown(h).opened_passive, 0);
	hostile_listen(h, NULL);
	hostile_sleep(h, 60000);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

/* SACK blocks of what was never sent, upside down, and of everything at once. */
static void sack_outside_the_window(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	attacker.window = 30000;
	sack_open(h, &attacker, 1460);
	hostile_listen(h, NULL);
	attacker.options_n = 36;
	for (unsigned k = 0; k < 20000; k++) {
		attacker.options[0] = attacker.options[1] = 1;
		attacker.options[2] = 5;
		attacker.options[3] = 34;
		for (unsigned block = 0; block < 4; block++) {
			uint32_t start = attacker.ack + hostile_random() % 100000 - 20000;

			bytes_put32(attacker.options + 4 + 8 * block, start);
			bytes_put32(attacker.options + 8 + 8 * block,
				    start + hostile_random() % 60000 - 20000);
		}
		hostile_segment(h, &attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
	}
	assert_in_range(h->sent_bytes, 1460, 2 * 30000);
	attacker.options_n = 0;
	hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

/* One forged timestamp must not make the true ones old (RFC 7323 5.3: only in order counts). */
static void a_timestamp_from_the_future(void **state)
{
	static const uint8_t stamps[] = {1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct got *got;

	memcpy(attacker.options, stamps, sizeof(stamps));
	attacker.options_n = sizeof(stamps);
	hostile_open(h, &attacker);
	bytes_put32(attacker.options + 4, 0x7fffffff);
	hostile_segment(h, &attacker, ACK, attacker.seq + 60, attacker.ack, "evil", 4);
	bytes_put32(attacker.options + 4, 0x101);
	hostile_listen(h, &attacker);
	hostile_segment(h, &attacker, ACK | PSH, attacker.seq, attacker.ack, "good", 4);
	got = hostile_got(h);
	assert_non_null(got);
	assert_int_equal(got->ack, attacker.seq + 4);
}

/* FIN and RST in the wrong places: nothing stays. */
static void segments_to_what_is_closing(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 500; k++) {
		struct plug attacker = hostile_attacker((uint16_t)(3000 + k), SERVICE);

		hostile_open(h, &attacker);
		hostile_segment(h, &attacker, FIN | ACK, attacker.seq, attacker.ack, NULL, 0);
		for (unsigned n = 0; n < 6; n++)
			hostile_segment(h, &attacker, (uint8_t)hostile_random() & 0x3f,
					attacker.seq + hostile_random() % 4,
					attacker.ack + hostile_random() % 4, "x",
					hostile_random() % 2);
	}
	hostile_listen(h, NULL);
	/* LAST_ACK gives up after its retransmissions, what was opened anew is not kept alive. */
	for (unsigned hour = 0; hour < 3; hour++) {
		hostile_sleep(h, 3600000);
		hostile_witness(h);
	}
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		CASE(land),
		CASE(blind_resets),
		CASE(blind_syns),
		CASE(blind_data),
		CASE(data_without_ack),
		CASE(ack_storm),
		CASE(old_segments_answered_within_reason),
		CASE(optimistic_acks),
		CASE(ack_division),
		CASE(duplicate_ack_spoofing),
		CASE(a_window_closed_for_ever),
		CASE(a_silly_window),
		CASE(a_window_that_shrinks),
		CASE(overlaps_with_other_bytes),
		CASE(a_comb_of_single_bytes),
		CASE(a_fin_beyond_the_window),
		CASE(data_after_a_fin),
		CASE(sack_outside_the_window),
		CASE(sack_comb),
		CASE(a_peer_that_only_sacks),
		CASE(duplicates_that_never_were),
		CASE(challenges_are_counted_apart),
		CASE(split_handshake),
		CASE(a_timestamp_from_the_future),
		CASE(segments_to_what_is_closing),
	};

	return fixture_main("hostile connection", cases, sizeof(cases) / sizeof(cases[0]));
}
