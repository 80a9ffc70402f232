/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application of stream.h that sends a known stream and checks that it receives the peer's:
 * in moods, as its generator says. It takes part of what it is offered, takes pauses, says MORE
 * without writing, waits for wakes and timers, and wipes the memory of every span after produce().
 */
#ifndef WIREMAP_TESTS_SIM_TALKER_H
#define WIREMAP_TESTS_SIM_TALKER_H

#include "journal.h"
#include "random.h"
#include "stream.h"

struct talker {
	struct stream_app app; /* for tcp_connect() */
	struct stream_session session;
	struct stream_transport *transport;
	struct stream_ref ref;
	struct journal *journal;
	char name[16];
	struct random random;
	uint64_t send_bytes, sent;	  /* of our stream, `send_key` */
	uint64_t receive_bytes, received; /* of the peer's, `receive_key` */
	uint64_t seen;			  /* of those, what was offered so far */
	uint64_t send_key, receive_key;
	uint32_t receive_at; /* where in the peer's stream ours begins: it may lie about its SYN */
	const uint64_t *peer_sent; /* having heard the end, it stays until it has so much */
	bool closes; /* says CLOSE when both streams are through; else when the peer ends */
	bool echo;   /* sends no more than it has received: request and answer */
	bool picky;  /* leaves part of what it is offered; two of these may block each other */
	bool hasty;  /* closes when its own stream is through, whatever it has received */
	bool forked; /* each byte may be the peer's or its complement (adversary.h) */
	uint32_t pause_ms, bite; /* takes `bite` bytes, then nothing for so long; 0: no pauses */
	uint32_t allowance;
	bool opened, peer_ended, closed, waiting, pausing, done, drained;
	enum stream_reason reason;
	uint64_t closed_ns;
	uint8_t scratch[5000];
};

/* Makes `talker`; the two of a pair get each other's key and number of bytes. */
void talker_create(struct talker *talker, struct journal *journal, const char *name,
		   struct random random);

/* The session of a new connection: what the listener's open() returns. */
int talker_open(struct talker *talker, struct stream_transport *transport, struct stream_ref ref,
		struct stream_session **session_r);

/* For tcp_connect(). */
void talker_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason);

/* Everything was said and heard. */
bool talker_through(const struct talker *talker);

/* Byte `at` of the stream with `key`. */
uint8_t talker_byte(uint64_t key, uint64_t at);

#endif
