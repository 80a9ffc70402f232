/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4, fragments and ICMP: lengths that lie, addresses nobody has, errors nobody caused. */
#include "rig.h"

#include <string.h>

enum { IP = 14, TCP = 34 };

/* A SYN whose IPv4 header was written to at `at`; its checksum is right again. */
static void syn_with(struct hostile *h, size_t at, const void *bytes, size_t len)
{
	struct plug attacker = hostile_attacker(1000, SERVICE);
	struct bytes frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);

	memcpy(frame.at + IP + at, bytes, len);
	bytes_ipv4_checksum(frame.at + IP);
	hostile_frame(h, &frame);
	hostile_turn(h);
}

static void nothing_opened(struct hostile *h)
{
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
	assert_int_equal(h->sent_n, 0);
}

static void versions_other_than_four(void **state)
{
	struct hostile *h = *state;

	for (unsigned version = 0; version < 16; version++) {
		uint8_t byte = (uint8_t)(version << 4 | 5);

		if (version != 4)
			syn_with(h, 0, &byte, 1);
	}
	assert_int_equal(hostile_net(h).ip_malformed, 15);
	nothing_opened(h);
}

static void header_lengths_that_lie(void **state)
{
	struct hostile *h = *state;

	for (unsigned words = 0; words < 16; words++) {
		uint8_t byte = (uint8_t)(0x40 | words);

		if (words != 5)
			syn_with(h, 0, &byte, 1);
	}
	nothing_opened(h);
}

static void total_lengths_that_lie(void **state)
{
	struct hostile *h = *state;

	for (unsigned total = 0; total < 40; total++) {
		uint8_t bytes[2] = {0, (uint8_t)total};

		syn_with(h, 2, bytes, 2);
	}
	syn_with(h, 2, "\x00\x29", 2); /* one more than there is */
	syn_with(h, 2, "\xff\xff", 2);
	nothing_opened(h);
}

/* Ethernet pads: what is behind the packet is none of it. */
static void padding_is_not_payload(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	struct bytes frame;

	hostile_open(h, &attacker);
	frame = hostile_tcp(&attacker, ACK, attacker.seq, attacker.ack, NULL, 0);
	memset(frame.at + frame.len, 'x', 400);
	frame.len += 400;
	hostile_frame(h, &frame);
	hostile_turn(h);
	assert_int_equal(hostile_grown(h).bytes_in, 0);
}

static void a_checksum_that_is_wrong(void **state)
{
	struct hostile *h = *state;

	for (unsigned bit = 0; bit < 16; bit++) {
		struct bytes frame = tcp_frame(10);

		frame.at[IP + 10 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).ip_checksum, 16);
	nothing_opened(h);
}

/* The net lies about nobody: sources that no host may have. */
static void sources_no_host_has(void **state)
{
	static const uint32_t sources[] = {0,	       0x7f000001, 0xe0000001, 0xefffffff,
					   0xffffffff, 0x0a0000ff, 0x0a000000, US};
	struct hostile *h = *state;

	for (size_t k = 0; k < sizeof(sources) / sizeof(sources[0]); k++) {
		struct plug attacker = hostile_attacker(1000, SERVICE);
		struct bytes frame;

		attacker.ip = sources[k];
		frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);
		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_int_equal(hostile_net(h).ip_source, sizeof(sources) / sizeof(sources[0]));
	nothing_opened(h);
}

static void destinations_that_are_not_ours(void **state)
{
	static const uint8_t others[][4] = {{10, 0, 0, 2},
					    {10, 0, 0, 255},
					    {255, 255, 255, 255},
					    {224, 0, 0, 1},
					    {127, 0, 0, 1}};
	struct hostile *h = *state;

	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
		syn_with(h, 16, others[k], 4);
	nothing_opened(h);
}

/* RFC 7126: a source route, a record route, options whose lengths lie. */
static void ip_options(void **state)
{
	static const uint8_t options[][8] = {
		{131, 7, 4, 10, 0, 0, 9, 0},  {137, 7, 4, 10, 0, 0, 9, 0},
		{7, 7, 4, 0, 0, 0, 0, 0},     {68, 0, 5, 0, 0, 0, 0, 0},
		{131, 255, 4, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 131}};
	struct hostile *h = *state;

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		struct plug attacker = hostile_attacker(1000, SERVICE);
		struct bytes frame = hostile_tcp(&attacker, SYN, 1, 0, NULL, 0);

		memmove(frame.at + TCP + 8, frame.at + TCP, 20);
		memcpy(frame.at + TCP, options[k], 8);
		frame.len += 8;
		frame.at[IP] = 0x47;
		bytes_put16(frame.at + IP + 2, 48);
		bytes_ipv4_checksum(frame.at + IP);
		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_true(hostile_net(h).ip_options >= 2);
}

static void every_other_protocol(void **state)
{
	struct hostile *h = *state;

	for (unsigned protocol = 0; protocol < 256; protocol++) {
		uint8_t byte = (uint8_t)protocol;

		if (protocol != 1 && protocol != 6)
			syn_with(h, 9, &byte, 1);
	}
	assert_int_equal(hostile_net(h).protocol_other, 254);
	assert_int_equal(hostile_net(h).tcp_in, 0);
}

/* --- Fragments: dropped and counted by default --- */

static void fragment(struct hostile *h, uint16_t field, uint16_t id, size_t len)
{
	struct bytes frame = {.len = 0};

	bytes_ethernet(&frame, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&frame, PEER, US, 6, len);
	memset(frame.at + frame.len, 0, len);
	frame.len += len;
	bytes_put16(frame.at + IP + 4, id);
	bytes_put16(frame.at + IP + 6, field);
	bytes_ipv4_checksum(frame.at + IP);
	hostile_frame(h, &frame);
}

static void first_middle_and_last_fragment(void **state)
{
	struct hostile *h = *state;

	fragment(h, 0x2000, 1, 64);
	fragment(h, 0x2008, 1, 64);
	fragment(h, 0x0010, 1, 64);
	assert_int_equal(hostile_net(h).fragments, 3);
	nothing_opened(h);
}

static void tiny_fragments(void **state)
{
	struct hostile *h = *state;

	for (uint16_t at = 0; at < 5; at++)
		fragment(h, (uint16_t)((at < 4 ? 0x2000 : 0) | at), 2, 8);
	assert_int_equal(hostile_net(h).fragments, 5);
	nothing_opened(h);
}

static void teardrop(void **state)
{
	struct hostile *h = *state;

	fragment(h, 0x2000, 3, 64);
	fragment(h, 0x0001, 3, 8);
	assert_int_equal(hostile_net(h).fragments, 2);
	nothing_opened(h);
}

static void ping_of_death(void **state)
{
	struct hostile *h = *state;

	fragment(h, 0x1fff, 4, 64);
	fragment(h, 0x3fff, 4, 1400);
	assert_int_equal(hostile_net(h).fragments, 2);
	nothing_opened(h);
}

static void fragment_flood(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 50000; k++)
		fragment(h, (uint16_t)(0x2000 | (hostile_random() & 0x1fff)), (uint16_t)k, 32);
	nothing_opened(h);
}

/* --- ICMP --- */

static void icmp(struct hostile *h, uint8_t type, uint8_t code, uint16_t mtu, const void *quoted,
		 size_t len)
{
	struct bytes frame = {.len = 0};
	uint8_t *at;

	bytes_ethernet(&frame, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&frame, PEER, US, 1, 8 + len);
	at = frame.at + frame.len;
	memset(at, 0, 8);
	at[0] = type;
	at[1] = code;
	bytes_put16(at + 6, mtu);
	if (len > 0)
		memcpy(at + 8, quoted, len);
	bytes_put16(at + 2, (uint16_t)~plain_sum(at, 8 + len, 0));
	frame.len += 8 + len;
	hostile_frame(h, &frame);
	hostile_turn(h);
}

/* What a router would quote of a segment of ours to `plug`. */
static size_t quote(const struct plug *plug, uint32_t seq, uint8_t *quoted)
{
	struct bytes bytes = {.len = 0};

	bytes_ipv4(&bytes, US, plug->ip, 6, 20);
	bytes_tcp(&bytes, US, plug->ip, plug->service, plug->port, 0);
	bytes_put32(bytes.at + 20 + 4, seq);
	memcpy(quoted, bytes.at, 28);
	return 28;
}

static void icmp_quotes_cut_at_every_byte(void **state)
{
	struct hostile *h = *state;
	uint8_t quoted[28];
	size_t len = quote(&h->witness, h->witness.ack, quoted);

	for (size_t n = 0; n < len; n++)
		icmp(h, 3, 4, 576, quoted, n);
	hostile_witness(h);
}

static void icmp_about_what_was_never_sent(void **state)
{
	struct hostile *h = *state;
	uint8_t quoted[28];

	for (uint32_t k = 0; k < 1000; k++) {
		size_t len = quote(&h->witness, h->witness.ack + 1 + k * 4000000, quoted);

		icmp(h, 3, 4, 68, quoted, len);
		icmp(h, 3, 3, 0, quoted, len);
	}
	assert_int_equal(hostile_grown(h).closed, 0);
	hostile_witness(h);
}

/* RFC 5927 5.2: hard errors do not end a connection, not even about what is on its way. */
static void icmp_unreachable_in_the_window(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	uint8_t quoted[28];
	size_t len;

	attacker.window = 20000;
	hostile_open(h, &attacker);
	len = quote(&attacker, attacker.ack, quoted);
	for (uint8_t code = 0; code < 16; code++)
		if (code != 4)
			icmp(h, 3, code, 0, quoted, len);
	assert_int_equal(hostile_grown(h).closed, 0);
}

/* A path of 68 bytes: segments do not get so small that headers are most of the traffic. */
static void icmp_that_makes_segments_tiny(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SAYS);
	const struct got *got;
	uint8_t quoted[28];
	size_t len, bytes = 0;
	unsigned n = 0;

	attacker.window = 20000;
	hostile_open(h, &attacker);
	len = quote(&attacker, attacker.ack, quoted);
	hostile_listen(h, &attacker);
	icmp(h, 3, 4, 68, quoted, len);
	hostile_sleep(h, 3000);
	/* What was sent in one is sent again in two, of which the second is what is left. */
	for (; n < 4 && (got = hostile_got(h)) != NULL; n++)
		bytes += got->len;
	assert_true(n > 0 && bytes >= n * 216);
}

static void icmp_storm(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 20000; k++) {
		uint8_t quoted[28];
		size_t len;
		struct plug ghost = hostile_attacker((uint16_t)hostile_random(), SERVICE);

		ghost.ip = hostile_random();
		len = quote(&ghost, hostile_random(), quoted);
		icmp(h, (uint8_t)hostile_random(), (uint8_t)hostile_random(),
		     (uint16_t)hostile_random(), quoted, len);
	}
	assert_true(h->sent_n < 2000);
}

/* We are no mirror: echo is limited, and broadcast pings have no answer (smurf). */
static void icmp_echo_flood(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 20000; k++)
		icmp(h, 8, 0, 1, "0123456789", 10);
	assert_true(h->sent_n < 2000);
	assert_true(hostile_net(h).icmp_limited > 18000);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		CASE(versions_other_than_four),
		CASE(header_lengths_that_lie),
		CASE(total_lengths_that_lie),
		CASE(padding_is_not_payload),
		CASE(a_checksum_that_is_wrong),
		CASE(sources_no_host_has),
		CASE(destinations_that_are_not_ours),
		CASE(ip_options),
		CASE(every_other_protocol),
		CASE(first_middle_and_last_fragment),
		CASE(tiny_fragments),
		CASE(teardrop),
		CASE(ping_of_death),
		CASE(fragment_flood),
		CASE(icmp_quotes_cut_at_every_byte),
		CASE(icmp_about_what_was_never_sent),
		CASE(icmp_unreachable_in_the_window),
		CASE(icmp_that_makes_segments_tiny),
		CASE(icmp_storm),
		CASE(icmp_echo_flood),
	};

	return fixture_main("hostile ip", cases, sizeof(cases) / sizeof(cases[0]));
}
