/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile frames against the whole way in: net and TCP of one core, on a port that is not there
 * (tests/unit/dataplane/net/fixture.h), with a clock set by hand. A case sends what an attacker
 * would; a witness, who has had a connection all along, must notice nothing, and at the end
 * every buffer is home.
 */
#ifndef TESTS_HOSTILE_RIG_H
#define TESTS_HOSTILE_RIG_H

#include "../unit/dataplane/net/fixture.h"

#include "flags.h"
#include "tcp.h"

enum {
	WITNESS = 0x0a000009,
	SERVICE = 143, /* echoes; closes after the peer */
	SAYS = 144,    /* says SAYS_BYTES and closes */
	SAYS_BYTES = 1 << 20,
	PAYLOAD_MAX = 1460,
	OPTIONS_MAX = 40,
	CONNECTIONS_MAX = 2048,
	SYN_RECEIVED_MAX = 256,
	PACKET_MEMORY = 16 << 20,
	WINDOW = 65535,
};

/* One end of a connection, or of none, that the test speaks for. */
struct plug {
	uint32_t ip;
	uint16_t port, service;
	uint32_t seq, ack;
	uint16_t window;
	/* Sent behind the next segments' headers as they are; padded with what is there. */
	uint8_t options[OPTIONS_MAX];
	size_t options_n;
};

/* A segment of ours. */
struct got {
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	size_t len;
	uint8_t bytes[PAYLOAD_MAX];
	uint8_t options[OPTIONS_MAX];
	size_t options_n;
};

struct hostile {
	struct world *world;
	struct tcp *tcp;
	struct tcp_env tcp_env;
	struct stream_app echo, says;
	struct plug witness;
	struct tcp_stats before;
	uint64_t witnessed; /* bytes echoed to the witness */
	unsigned sent_n;    /* frames of ours since a case cleared it */
	size_t sent_bytes;
	struct got got[64]; /* the last to the plug that hostile_listen() named */
	unsigned got_n, got_at;
	uint32_t listened_ip; /* 0: nobody listens */
	uint16_t listened_port;
};

int hostile_setup(void **state);
/* The witness is well, everything ends, nothing is left. */
int hostile_teardown(void **state);

/* Frames in; turns run after every burst of 64 and at the end. */
void hostile_frame(struct hostile *h, const struct bytes *bytes);
/* Timers and output; what is sent is counted, and kept for the plug that listens. */
void hostile_turn(struct hostile *h);
/* Time passes. */
void hostile_sleep(struct hostile *h, uint64_t ms);

/* A TCP frame of a plug as it stands; the checksum is right. */
struct bytes hostile_tcp(const struct plug *plug, uint8_t flags, uint32_t seq, uint32_t ack,
			 const void *bytes, size_t len);
/* The same, sent, and a turn. */
void hostile_segment(struct hostile *h, const struct plug *plug, uint8_t flags, uint32_t seq,
		     uint32_t ack, const void *bytes, size_t len);
/* Keeps what is sent to this plug from now on; NULL: nothing. */
void hostile_listen(struct hostile *h, const struct plug *plug);
/* The next segment to the plug that listens, or NULL. */
const struct got *hostile_got(struct hostile *h);

/* A connection of `plug`, established; it listens from then on. */
void hostile_open(struct hostile *h, struct plug *plug);
/* The same; its SYN has these options, and what follows has none. */
void hostile_open_with(struct hostile *h, struct plug *plug, const uint8_t *options, size_t n);
struct plug hostile_attacker(uint16_t port, uint16_t service);
/* The witness says something and hears it again. Nobody listens afterwards. */
void hostile_witness(struct hostile *h);

struct net_stats hostile_net(const struct hostile *h);
struct tcp_stats hostile_grown(const struct hostile *h);

/* In case the machine that builds it is slow: the same seed, the same flood. */
uint32_t hostile_random(void);

#define CASE(function) cmocka_unit_test_setup_teardown(function, hostile_setup, hostile_teardown)

#endif
