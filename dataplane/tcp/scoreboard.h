/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in flight: one record for each segment that was sent and is not acknowledged, in order of
 * sequence, without a gap from snd_una to snd_nxt. A record is in the network (counted in
 * c->pipe, linked by time of sending), SACKed (RFC 2018) or lost and waiting to be sent again.
 *
 * The first two records are in the connection itself; a third, or trouble with the first, takes a
 * `struct scoreboard` from a pool. It goes back when nothing is in flight, with all that is known
 * about the present trouble.
 */
#ifndef WIREMAP_TCP_SCOREBOARD_H
#define WIREMAP_TCP_SCOREBOARD_H

#include "options.h"
#include "state.h"

enum scoreboard_limits {
	CHUNK_RECORDS = 64,
	SCOREBOARD_CHUNKS = 256,
	/* Segments in flight of one connection: 23 MB of full ones. More wait. */
	SCOREBOARD_RECORDS = (SCOREBOARD_CHUNKS - 1) * CHUNK_RECORDS,
	RECORD_MASK = 0x7fff, /* numbers of records; twice as many as there may be */
	RECORD_NONE = 0xffff,
};

enum record_flags {
	RECORD_SACKED = 1 << 0,
	RECORD_LOST = 1 << 1,	/* and not sent again since */
	RECORD_RESENT = 1 << 2, /* more than once on its way: Karn, RFC 8985 6.1 */
	RECORD_PROBE = 1 << 3,	/* larger than the path is known to take (RFC 4821) */
};

struct chunk {
	struct record records[CHUNK_RECORDS];
};

/* Reordering, recovery and regret; zero when taken from the pool. */
struct scoreboard {
	/* rack.c (RFC 8985): RACK.xmit_ts, RACK.end_seq, RACK.rtt, RACK.fack */
	uint32_t rack_us, rack_end, rack_rtt_us, fack;
	uint32_t dsack_round;
	bool rack_valid, fack_valid, dsack_round_valid;

	/* congestion.c and its algorithms: before the last reduction; cwnd 0: none */
	struct {
		uint32_t cwnd, ssthresh;
		uint32_t w_max, reno;
	} undo;

	/* prr.c (RFC 6937) */
	uint32_t prr_delivered, prr_out, prr_flight;

	/* spurious.c */
	bool undo_valid, undo_stamped, undo_judged;
	uint32_t undo_seq;	/* snd_una when the window was reduced */
	uint32_t undo_resent;	/* segments sent again since, that no D-SACK has named */
	uint32_t undo_stamp_ms; /* of the first of them */

	uint16_t lost_first;			 /* no record before it is lost */
	struct chunk *chunks[SCOREBOARD_CHUNKS]; /* of record n: n / CHUNK_RECORDS, modulo */
};

/* What one acknowledgement has brought. */
struct delivery {
	uint64_t now_us;
	uint32_t echo_ms;   /* our clock when the segment left that caused it, with `echo` */
	uint32_t bytes;	    /* newly acknowledged or SACKed */
	uint32_t largest;   /* record among them */
	uint32_t pipe;	    /* before it */
	uint32_t oldest_us; /* since the first sent of what was acknowledged once sent; 0: none */
	uint32_t rtt_us;    /* since the last sent of what was delivered once sent; 0: none */
	bool echo;
	bool advanced;	 /* snd_una */
	bool resent;	 /* by something that had been sent again */
	bool reordered;	 /* an original came after a later one (RFC 8985 6.2 step 3) */
	bool sacked;	 /* something was newly SACKed */
	bool probed;	 /* a RECORD_PROBE arrived as it was sent */
	bool duplicate;	 /* RFC 5681 2 */
	uint8_t dsack_n; /* RFC 2883: 0 or 1 */
	struct sack_block dsack;
};

int tcp_scoreboard_create(struct tcp *tcp);
void tcp_scoreboard_destroy(struct tcp *tcp);

static inline struct record *tcp_record(struct connection *c, uint32_t number)
{
	if (c->scoreboard == NULL)
		return &c->records[number % RECORDS_INLINE];
	return &c->scoreboard->chunks[number / CHUNK_RECORDS % SCOREBOARD_CHUNKS]
			->records[number % CHUNK_RECORDS];
}

static inline uint32_t tcp_record_end(const struct record *record)
{
	return record->seq + record->bytes;
}

/* Takes a scoreboard if there is none yet. False: the pool is empty. */
bool tcp_scoreboard_take(struct tcp *tcp, struct connection *c);
/* Gives it back when nothing is in flight. */
void tcp_scoreboard_settle(struct tcp *tcp, struct connection *c);
/* The connection ends. */
void tcp_scoreboard_clear(struct tcp *tcp, struct connection *c);

/* How many of `wanted` records more there is memory for. */
uint32_t tcp_scoreboard_room(struct tcp *tcp, struct connection *c, uint32_t wanted);
/* Behind snd_nxt `bytes` of sequence space were sent, room for the record was asked for. */
void tcp_scoreboard_sent(struct tcp *tcp, struct connection *c, uint32_t bytes);
/* The record was sent again. */
void tcp_scoreboard_resent(struct tcp *tcp, struct connection *c, uint16_t number);

/* Everything before snd_una is acknowledged. */
void tcp_scoreboard_acked(struct tcp *tcp, struct connection *c, struct delivery *delivery);
/* What the block covers has been received. It lies within snd_una and snd_nxt. */
void tcp_scoreboard_sacked(struct connection *c, struct sack_block block,
			   struct delivery *delivery);
/* The record, which is in the network, is taken for lost. */
void tcp_scoreboard_lose(struct connection *c, uint16_t number);
/* The first lost record; there is one. */
uint16_t tcp_scoreboard_lost(struct connection *c);
/* The peer has forgotten what it SACKed (RFC 2018 8): all of that is lost. */
void tcp_scoreboard_renege(struct connection *c);
/* Nothing was lost after all: what is marked and was not sent again is in the network. */
void tcp_scoreboard_unlose(struct connection *c);

/* Recounts everything; whether it is as it is kept. For tests. */
bool tcp_scoreboard_check(const struct connection *c);

#endif
