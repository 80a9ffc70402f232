/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP against a peer that is written by hand, segment by segment, with a clock that only the
 * test moves. What the TCP sends is kept in order and taken out by expectations.
 */
#ifndef WIREMAP_TESTS_TCP_RIG_H
#define WIREMAP_TESTS_TCP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "flags.h"
#include "options.h"
#include "tcp.h"

enum {
	RIG_PORT = 143,
	RIG_PEER_PORT = 40000,
	RIG_PEER_ISN = 1000,
	RIG_MSS = 1460,
	RIG_SENT_MAX = 4096,
	RIG_SESSIONS = 128,
	RIG_BYTES = 1 << 18,
};

struct rig_segment { /* as it left */
	uint32_t seq, ack, len;
	uint8_t peer[16];
	uint16_t window, port, peer_port;
	uint16_t cut; /* TSO: by the port, into so much each; else 0 */
	uint8_t flags, tos;
	struct options options;
	uint8_t bytes[4096];
};

struct rig_session {
	struct stream_session base; /* first */
	struct stream_ref ref;
	struct stream_info info;
	uint8_t in[RIG_BYTES];	/* what consume() took */
	uint8_t out[RIG_BYTES]; /* what produce() is to say */
	size_t in_n, out_n, out_at;
	size_t take_max;	   /* of one consume() */
	size_t seen;		   /* bytes that a consume() offered, taken or not */
	size_t seen_at_end;	   /* when end() came */
	enum stream_state finally; /* verdict when everything is said */
	unsigned opened, offers, produced, expired, drained, ended, closed;
	bool abort_in_consume;
	unsigned wakes_in_produce; /* how often produce() wakes itself */
	enum stream_reason reason;
};

struct rig {
	struct clock clock;
	struct tcp_wire wire;
	struct tcp_env env;
	struct tcp *tcp;
	struct stream_app app;
	struct rte_mempool *pool;
	struct rig_segment *sent;
	unsigned sent_n, sent_at;
	struct rig_session *sessions; /* in order of open() */
	unsigned sessions_n;
	unsigned asked_full; /* how often the wire was asked */
	bool refuse;	     /* open() fails */
	unsigned failures;   /* of active opens */
	enum stream_reason failure;
	uint32_t mtu;
	/* The peer. */
	uint8_t peer_addr[16]; /* rig_peer_addr at first */
	bool crowd;	       /* there are peers besides that one */
	uint16_t peer_port;
	uint32_t peer_seq, peer_ack; /* what it sends next, and expects next */
	uint32_t peer_window;
	uint8_t peer_tos;
	struct options peer_options; /* of its SYN; timestamps go into every segment */
};

/* cmocka fixtures: *state is the rig. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* The configuration of the next rig; rig_defaults() comes first in main(), and after each test. */
void rig_defaults(void);
extern struct tcp_config rig_config;
extern uint32_t rig_segments_max, rig_tso_bytes_max;

/* One packet from the peer, with these fields. */
void rig_segment(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack, const void *bytes,
		 size_t len);
/* The peer's next segment: moves peer_seq. */
void rig_next(struct rig *rig, uint8_t flags, const void *bytes, size_t len);
/* Timers and output of one turn. */
void rig_turn(struct rig *rig);
/* Time passes, in steps of what the TCP asks for. */
void rig_sleep(struct rig *rig, uint64_t ms);

/* The next segment sent; it must have exactly these flags (PSH is not looked at). */
const struct rig_segment *rig_expect(struct rig *rig, uint8_t flags);
/* Nothing more was sent. */
void rig_silent(struct rig *rig);
void rig_forget_sent(struct rig *rig);

/* A handshake from the peer; the session is the last of rig->sessions. */
struct rig_session *rig_accept(struct rig *rig);
/* The session says `len` bytes of a pattern in the next turn. */
void rig_say(struct rig *rig, struct rig_session *session, size_t len);
/* Whether `bytes` are the pattern from byte `at` on. */
bool rig_pattern_at(const uint8_t *bytes, size_t len, size_t at);
void rig_pattern(uint8_t *bytes_r, size_t len, size_t at);
struct tcp_stats rig_stats(const struct rig *rig);

/* One test with a rig of its own. */
#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

extern const uint8_t rig_addr[16], rig_peer_addr[16];

#endif
