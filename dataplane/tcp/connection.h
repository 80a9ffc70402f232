/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a core: where they live, how a tuple finds one, how one begins and ends.
 */
#ifndef WIREMAP_TCP_CONNECTION_H
#define WIREMAP_TCP_CONNECTION_H

#include "state.h"

int tcp_connections_create(struct tcp *tcp);
/* Every connection must be gone. */
void tcp_connections_destroy(struct tcp *tcp);

/* The keyed hash of a tuple, for every table of this core. */
uint32_t tcp_tuple_hash(const struct tcp *tcp, const struct tuple *tuple);

/* Two secrets of a tuple, a half each, so that who sees the one learns nothing of the other: for
 * its ISNs (RFC 6528), and where its timestamps start, which is the same for all its
 * connections, so they never go back. */
uint64_t tcp_tuple_secret(const struct tcp *tcp, const struct tuple *tuple);
static inline uint32_t tcp_secret_stamp(uint64_t secret)
{
	return (uint32_t)(secret >> 32);
}

/* The connection with `tuple`, or NULL. */
struct connection *tcp_connection_find(struct tcp *tcp, const struct tuple *tuple, uint32_t hash);
/* The connection `ref` names, or NULL when it is gone. */
struct connection *tcp_connection_of(struct tcp *tcp, struct stream_ref ref);
struct stream_ref tcp_connection_ref(const struct connection *c);

/* Asks the caches for the connections that may be under `hash`. */
void tcp_connection_prefetch(const struct tcp *tcp, uint32_t hash);
/* The same, when those are here, for what they will touch: the session, the oldest block. */
void tcp_connection_prefetch_session(const struct tcp *tcp, uint32_t hash);

/* A new connection in SYN_SENT or SYN_RECEIVED, in the table, with its initial sequence number (RFC
 * 6528) and its timestamps' start, or NULL. How many may be half-open is the caller's to know.
 * It takes over from one in TIME_WAIT. */
struct connection *tcp_connection_new(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
				      enum tcp_state state);
/* Gives it another initial sequence number before anything was sent. */
void tcp_connection_number(struct connection *c, uint32_t isn);
/* Changes the state and what is counted by state. Not to CLOSED. */
void tcp_connection_turn(struct tcp *tcp, struct connection *c, enum tcp_state state);

/*
 * The end of a connection: tells the application `reason`, gives all memory back, and makes
 * every ref to it old. Sends nothing. Not to be called from inside the application.
 */
void tcp_connection_end(struct tcp *tcp, struct connection *c, enum stream_reason reason);
/* The same after an RST to the peer (RFC 9293 3.10.5). */
void tcp_connection_reset(struct tcp *tcp, struct connection *c, enum stream_reason reason);

/* Gives back the struct of a connection that has ended, once no list holds it. */
void tcp_connection_free(struct tcp *tcp, struct connection *c);

/* Has the connection looked at in the produce phase of this turn. */
static inline void tcp_connection_touch(struct tcp *tcp, struct connection *c)
{
	if (c->flags & C_TOUCHED)
		return;
	c->flags |= C_TOUCHED;
	c->list_next = NULL;
	if (tcp->touched.first == NULL)
		tcp->touched.first = c;
	else
		tcp->touched.last->list_next = c;
	tcp->touched.last = c;
}

#endif
