/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of loss recovery have in common: a connection of full segments with a round trip
 * of a millisecond, numbered from 0, and acknowledgements that name segments.
 */
#ifndef WIREMAP_TESTS_TCP_LOSS_H
#define WIREMAP_TESTS_TCP_LOSS_H

#include "rig.h"
#include "scoreboard.h"

enum { RTT_MS = 1 /* below what is paced */ };

static inline uint32_t seq_of(const struct rig *rig, uint32_t segment)
{
	return rig->peer_ack + segment * RIG_MSS;
}

static inline struct connection *loss_connection(struct rig *rig)
{
	return &rig->tcp->connections[rig->sessions[0].ref.index];
}

/* Time passes, and the TCP does not look. */
static inline void loss_wait(struct rig *rig, uint64_t ms)
{
	rig->clock.mono_ns += ms * 1000000;
}

/* With SACK; the handshake takes a round trip. The window is `segments` and more is to be said. */
static inline struct rig_session *loss_begin(struct rig *rig, uint32_t segments, bool sack)
{
	struct rig_session *session;

	rig->peer_options.sack_permitted = sack;
	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	rig_turn(rig);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	loss_wait(rig, RTT_MS);
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_forget_sent(rig);
	session = &rig->sessions[0];
	loss_connection(rig)->cwnd = segments * RIG_MSS;
	return session;
}

/* All segments before `ack` have arrived, and what `blocks`, pairs of segments, name. */
static inline void loss_ack(struct rig *rig, uint32_t ack, const uint32_t (*blocks)[2], unsigned n)
{
	rig->peer_options.blocks_n = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		rig->peer_options.blocks[i] =
			(struct sack_block){seq_of(rig, blocks[i][0]), seq_of(rig, blocks[i][1])};
	rig_segment(rig, ACK, rig->peer_seq, seq_of(rig, ack), NULL, 0);
	rig->peer_options.blocks_n = 0;
	assert_true(tcp_scoreboard_check(loss_connection(rig)));
	rig_turn(rig);
	assert_true(tcp_scoreboard_check(loss_connection(rig)));
}

#define SACKED(rig, ack, ...)                                                                      \
	loss_ack(rig, ack, (const uint32_t[][2]){__VA_ARGS__},                                     \
		 sizeof((const uint32_t[][2]){__VA_ARGS__}) / sizeof(uint32_t[2]))
#define ACKED(rig, ack) loss_ack(rig, ack, NULL, 0)

/* The next segment sent is this one, whole. */
static inline void loss_expect(struct rig *rig, uint32_t segment)
{
	const struct rig_segment *s = rig_expect(rig, ACK);

	assert_int_equal((s->seq - rig->peer_ack) / RIG_MSS, segment);
	assert_int_equal(s->len, RIG_MSS);
	assert_true(rig_pattern_at(s->bytes, s->len, segment * RIG_MSS));
}

/* `n` segments are said and sent, and the clock stands a round trip later. */
static inline void loss_flight(struct rig *rig, struct rig_session *session, uint32_t n)
{
	uint32_t sent = 0;

	rig_say(rig, session, n * RIG_MSS);
	rig_turn(rig);
	while (rig->sent_at < rig->sent_n)
		sent += rig_expect(rig, ACK)->len;
	assert_int_equal(sent, n * RIG_MSS);
	rig_forget_sent(rig);
	loss_wait(rig, RTT_MS);
}

#endif
