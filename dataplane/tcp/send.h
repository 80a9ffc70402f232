/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet memory, sending side: what a connection has produced and the peer has not yet
 * acknowledged, in reference-counted blocks that segments are slices of. A block is held by its
 * connection until its last byte is acknowledged and by every mbuf that is a slice of it until
 * the port has sent that. Bytes once produced are never written again.
 */
#ifndef WIREMAP_TCP_SEND_H
#define WIREMAP_TCP_SEND_H

#include "state.h"

enum {
	BLOCK_LARGE_BYTES = 16384,
	/* The block of a short answer: a tagged OK, a greeting, an untagged EXISTS. */
	BLOCK_SMALL_BYTES = 1024 - 64,
};

/* Where one produce() call writes. */
struct writer {
	struct stream_out out; /* first: room() gets this */
	struct tcp *tcp;
	struct connection *c;
};

int tcp_send_create(struct tcp *tcp);
void tcp_send_destroy(struct tcp *tcp);

/* Whether there is memory for one produce() of STREAM_BUDGET_BYTES_MIN of this connection. */
bool tcp_send_ready(struct tcp *tcp, struct connection *c);

/* Opens room for `bytes`, after tcp_send_ready(). */
void tcp_send_begin(struct writer *writer, struct tcp *tcp, struct connection *c, uint32_t bytes);
/* Takes what was written; it is before c->snd_end now. */
void tcp_send_finish(struct writer *writer);

/* Gives back the blocks that lie before c->snd_una. */
void tcp_send_acked(struct tcp *tcp, struct connection *c);
void tcp_send_clear(struct tcp *tcp, struct connection *c);

/*
 * Appends the bytes from `seq` on to `segment`, whose header is in place: as a copy when they
 * are few, else as slices. Returns how many it appended: at most `len`, fewer when the wire
 * takes no more parts, 0 when slices are out.
 */
uint32_t tcp_send_attach(struct tcp *tcp, struct connection *c, struct rte_mbuf *segment,
			 uint32_t seq, uint32_t len);

#endif
