/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application of stream.h that sends a known stream and checks that it receives the peer's:
 * in moods, as its generator says. It takes part of what it is offered, says MORE without
 * writing, waits for wakes and timers, and wipes the memory of every span after produce().
 */
#ifndef WIREMAP_TESTS_SIM_TALKER_H
#define WIREMAP_TESTS_SIM_TALKER_H

#include "stream.h"

struct talker {
	struct stream_app app; /* first; one connection only */
	struct stream_session session;
	struct stream_transport *transport;
	struct stream_ref ref;
	uint64_t random;
	uint64_t send_bytes, sent;	  /* of our stream, `send_key` */
	uint64_t receive_bytes, received; /* of the peer's, `receive_key` */
	uint64_t send_key, receive_key;
	bool closes; /* says CLOSE when both streams are through; else when the peer ends */
	bool echo;   /* sends no more than it has received: request and answer */
	bool picky;  /* leaves part of what it is offered; two of these may block each other */
	bool opened, peer_ended, closed, waiting, done;
	enum stream_reason reason;
	const char *wrong; /* what was wrong, or NULL */
	uint8_t scratch[5000];
};

/* Makes `talker`; the two of a pair get each other's key and number of bytes. */
void talker_create(struct talker *talker, uint64_t seed, uint64_t send_key, uint64_t send_bytes,
		   uint64_t receive_key, uint64_t receive_bytes);

/* For tcp_connect(). */
void talker_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason);

#endif
