/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet memory, receiving side: copies of bytes that the session has not taken, in pieces of
 * one size, linked in order of sequence. What a connection holds is counted in pieces, not in
 * bytes: a segment of one byte beyond a gap costs a whole one.
 */
#ifndef WIREMAP_TCP_PIECES_H
#define WIREMAP_TCP_PIECES_H

#include "runs.h"
#include "segment.h"

enum { PIECE_BYTES = 2048 - 24 };

struct piece {
	struct piece *next, *prev;
	uint32_t seq;	/* of the first byte that is still here */
	uint16_t start; /* where that is in `bytes` */
	uint16_t len;
	uint8_t bytes[PIECE_BYTES];
};
_Static_assert(sizeof(struct piece) == 2048, "two to a page");
_Static_assert(sizeof(struct runs) <= sizeof(struct piece), "an index takes the room of a piece");

int tcp_pieces_create(struct tcp *tcp);
void tcp_pieces_destroy(struct tcp *tcp);

/*
 * Appends `n` bytes of the payload, from `run->end` on, to `run`, which moves. Memory is short:
 * returns fewer than `n`. What is in order may have all there is and takes it from what came
 * out of order; that may have no more than is left for others.
 */
uint32_t tcp_pieces_append(struct tcp *tcp, struct connection *c, struct run *run,
			   const struct segment *s, uint32_t n);

/* `next`, which begins where `run` ends, becomes part of it. What fits into one piece at the seam
 * is moved there: two neighbours of one run always hold more than one piece. */
void tcp_pieces_join(struct tcp *tcp, struct connection *c, struct run *run,
		     const struct run *next);

/* Removes the first `n` bytes of all. */
void tcp_pieces_take(struct tcp *tcp, struct connection *c, uint32_t n);

/* The index of runs, made when the first gap opens; NULL: there is no memory. */
struct runs *tcp_pieces_index(struct tcp *tcp, struct connection *c);
/* No gap is left. */
void tcp_pieces_index_end(struct tcp *tcp, struct connection *c);

void tcp_pieces_clear(struct tcp *tcp, struct connection *c);

#endif
