/* SPDX-License-Identifier: Apache-2.0 */
/* TCP headers and options that do not hold together, or ask for what they should not get. */
#include "rig.h"

#include <string.h>

enum { TCP = 34 };

/* The checksum of the segment in the frame made right again. */
static void sum_again(struct bytes *frame)
{
	uint8_t *at = frame->at + TCP, pseudo[12];
	const size_t len = frame->len - TCP;

	memcpy(pseudo, frame->at + TCP - 8, 8);
	bytes_put16(pseudo + 8, 6);
	bytes_put16(pseudo + 10, (uint16_t)len);
	bytes_put16(at + 16, 0);
	bytes_put16(at + 16, (uint16_t)~plain_sum(at, len, plain_sum(pseudo, 12, 0)));
}

static void syn_with_options(struct hostile *h, const void *options, size_t len)
{
	struct plug attacker =
		hostile_attacker((uint16_t)(1000 + hostile_random() % 60000), SERVICE);

	memcpy(attacker.options, options, len);
	attacker.options_n = len;
	hostile_segment(h, &attacker, SYN, 1, 0, NULL, 0);
}

static void data_offsets_that_lie(void **state)
{
	struct hostile *h = *state;

	for (unsigned words = 0; words < 16; words++) {
		struct plug attacker = hostile_attacker(1000, SERVICE);
		struct bytes frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);

		if (words == 5)
			continue;
		frame.at[TCP + 12] = (uint8_t)(words << 4);
		sum_again(&frame);
		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void a_checksum_that_is_wrong(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	for (unsigned bit = 0; bit < 16; bit++) {
		struct bytes frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);

		frame.at[TCP + 16 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).tcp_checksum, 16);
	assert_int_equal(h->sent_n, 0);
}

/* Every bit of a whole segment flipped in turn: none of it gets through. */
static void every_bit_flipped(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct bytes whole = hostile_tcp(&attacker, SYN, 1, 0, "hello", 5);

	for (size_t bit = TCP * 8; bit < whole.len * 8; bit++) {
		struct bytes frame = whole;

		frame.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void ports_of_zero(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(0, SERVICE);

	hostile_segment(h, &attacker, SYN, 1, 0, NULL, 0);
	attacker.port = 1;
	attacker.service = 0;
	hostile_segment(h, &attacker, SYN, 1, 0, NULL, 0);
	attacker.port = 0;
	hostile_segment(h, &attacker, SYN, 1, 0, NULL, 0);
}

/* All 256 of them, to a listener: only a SYN that is one opens anything. */
static void every_combination_of_flags_to_a_listener(void **state)
{
	struct hostile *h = *state;

	for (unsigned flags = 0; flags < 256; flags++) {
		struct plug attacker = hostile_attacker((uint16_t)(2000 + flags), SERVICE);
		const uint64_t before = hostile_grown(h).connections;
		const bool opens = (flags & (SYN | ACK | RST | FIN)) == SYN;

		hostile_segment(h, &attacker, (uint8_t)flags, 1, 1, NULL, 0);
		assert_int_equal(hostile_grown(h).connections - before, opens);
	}
}

/* And to a connection, at the very next sequence: it lives, or ends as RFC 9293 has it. */
static void every_combination_of_flags_to_a_connection(void **state)
{
	struct hostile *h = *state;

	for (unsigned flags = 0; flags < 256; flags++) {
		struct plug attacker = hostile_attacker((uint16_t)(2000 + flags), SERVICE);

		hostile_open(h, &attacker);
		hostile_segment(h, &attacker, (uint8_t)flags, attacker.seq, attacker.ack, "x", 1);
		hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
		hostile_segment(h, &attacker, RST, attacker.seq + 1, 0, NULL, 0);
		hostile_segment(h, &attacker, RST, attacker.seq + 2, 0, NULL, 0);
	}
}

static void syn_with_data_and_fin(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);

	hostile_segment(h, &attacker, SYN | FIN, 1, 0, "data", 4);
	hostile_segment(h, &attacker, SYN | RST, 1, 0, "data", 4);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
	hostile_segment(h, &attacker, SYN, 1, 0, "data", 4);
	assert_int_equal(hostile_grown(h).connections, h->before.connections + 1);
}

static void options_of_length_zero(void **state)
{
	static const uint8_t zero[] = {8, 0, 0, 0}, unknown[] = {99, 0, 99, 0};
	struct hostile *h = *state;

	syn_with_options(h, zero, sizeof(zero));
	syn_with_options(h, unknown, sizeof(unknown));
	assert_int_equal(hostile_grown(h).malformed, 2);
}

static void options_of_length_one(void **state)
{
	static const uint8_t one[] = {2, 1, 5, 0xb4};
	struct hostile *h = *state;

	syn_with_options(h, one, sizeof(one));
	assert_int_equal(hostile_grown(h).malformed, 1);
}

static void options_beyond_the_header(void **state)
{
	static const uint8_t mss[] = {1, 1, 2, 4}, stamps[] = {8, 10, 1, 2, 3, 4, 5, 6},
			     sack[] = {5, 255, 1, 2};
	struct hostile *h = *state;

	syn_with_options(h, mss, sizeof(mss));
	syn_with_options(h, stamps, sizeof(stamps));
	syn_with_options(h, sack, sizeof(sack));
	assert_int_equal(hostile_grown(h).malformed, 3);
}

static void an_option_cut_after_its_kind(void **state)
{
	static const uint8_t cut[] = {1, 1, 1, 8};
	struct hostile *h = *state;

	syn_with_options(h, cut, sizeof(cut));
	assert_int_equal(hostile_grown(h).malformed, 1);
}

static void forty_bytes_of_every_kind(void **state)
{
	struct hostile *h = *state;

	for (unsigned kind = 0; kind < 256; kind++) {
		uint8_t options[OPTIONS_MAX];

		for (unsigned len = 0; len <= OPTIONS_MAX; len += 4) {
			memset(options, (int)kind, sizeof(options));
			options[1] = (uint8_t)len;
			syn_with_options(h, options, sizeof(options));
		}
	}
}

static void options_at_random(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 20000; k++) {
		uint8_t options[OPTIONS_MAX];

		for (size_t i = 0; i < sizeof(options); i++)
			options[i] = (uint8_t)hostile_random();
		options[0] = (uint8_t)(hostile_random() % 10);
		options[1] = (uint8_t)(hostile_random() % 12);
		syn_with_options(h, options, sizeof(options));
	}
}

/* A tiny MSS makes headers most of what is sent: 216 is the least we use. */
static void mss_of_nothing(void **state)
{
	static const uint8_t sizes[][2] = {{0, 0}, {0, 1}, {0, 8}, {0, 64}};
	struct hostile *h = *state;

	for (unsigned k = 0; k < 4; k++) {
		struct plug attacker = hostile_attacker((uint16_t)(1000 + k), SAYS);
		const uint8_t mss[] = {2, 4, sizes[k][0], sizes[k][1]};
		const struct got *got;

		attacker.window = 10000;
		hostile_open_with(h, &attacker, mss, sizeof(mss));
		got = hostile_got(h);
		assert_non_null(got);
		assert_true(got->len >= 216);
		hostile_segment(h, &attacker, RST, attacker.seq, 0, NULL, 0);
	}
}

static void mss_of_everything(void **state)
{
	static const uint8_t mss[] = {2, 4, 255, 255};
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	const struct got *got;

	hostile_open_with(h, &attacker, mss, sizeof(mss));
	while ((got = hostile_got(h)) != NULL)
		assert_true(got->len <= 1460);
}

/* RFC 7323 2.3: more than 14 counts as 14. */
static void window_scale_of_255(void **state)
{
	static const uint8_t scale[] = {3, 3, 255, 1};
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);

	hostile_open_with(h, &attacker, scale, sizeof(scale));
	hostile_sleep(h, 1000);
	assert_true(h->sent_bytes < 2 * SAYS_BYTES);
}

/* RFC 9293 3.8.5: what is urgent is said in order, like everything else. */
static void urgent_pointers_anywhere(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct got *got;

	hostile_open(h, &attacker);
	for (unsigned pointer = 0; pointer < 65536; pointer += 4369) {
		struct bytes frame = hostile_tcp(&attacker, ACK | URG | PSH, attacker.seq,
						 attacker.ack, "ab", 2);

		bytes_put16(frame.at + TCP + 18, (uint16_t)pointer);
		sum_again(&frame);
		hostile_frame(h, &frame);
		hostile_turn(h);
		got = hostile_got(h);
		assert_non_null(got);
		assert_int_equal(got->len, 2);
		assert_memory_equal(got->bytes, "ab", 2);
		attacker.seq += 2;
		attacker.ack += 2;
	}
}

static void reserved_bits(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	struct bytes frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);

	frame.at[TCP + 12] |= 0x0f;
	sum_again(&frame);
	hostile_frame(h, &frame);
	hostile_turn(h);
	assert_int_equal(hostile_grown(h).connections, h->before.connections + 1);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		CASE(data_offsets_that_lie),
		CASE(a_checksum_that_is_wrong),
		CASE(every_bit_flipped),
		CASE(ports_of_zero),
		CASE(every_combination_of_flags_to_a_listener),
		CASE(every_combination_of_flags_to_a_connection),
		CASE(syn_with_data_and_fin),
		CASE(options_of_length_zero),
		CASE(options_of_length_one),
		CASE(options_beyond_the_header),
		CASE(an_option_cut_after_its_kind),
		CASE(forty_bytes_of_every_kind),
		CASE(options_at_random),
		CASE(mss_of_nothing),
		CASE(mss_of_everything),
		CASE(window_scale_of_255),
		CASE(urgent_pointers_anywhere),
		CASE(reserved_bits),
	};

	return fixture_main("hostile header", cases, sizeof(cases) / sizeof(cases[0]));
}
