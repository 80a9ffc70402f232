/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME_WAIT (RFC 9293 3.3.2, 3.10.7.4): 64 bytes each, in a table of their own, oldest out first.
 */
#ifndef WIREMAP_TCP_TIMEWAIT_H
#define WIREMAP_TCP_TIMEWAIT_H

#include "segment.h"

int tcp_timewait_create(struct tcp *tcp);
void tcp_timewait_destroy(struct tcp *tcp);

/* Both FINs are acknowledged or about to be: remembers the tuple. The connection is then to be
 * ended by the caller. When the table is full the oldest is forgotten. */
void tcp_timewait_enter(struct tcp *tcp, const struct connection *c);

/* A segment of no connection. True: it belonged to one in TIME_WAIT and is dealt with. False:
 * it did not, or is a SYN that may open the tuple anew (RFC 6191), which `ends_wait` says. */
bool tcp_timewait_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
			struct segment *s);

/* The tuple is used again: forgets that it waits. True: it did, and *used_r is after the last
 * sequence it has sent. */
bool tcp_timewait_take(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, uint32_t *used_r);

/* Whether the tuple waits and may not yet be opened from our side. */
bool tcp_timewait_holds(const struct tcp *tcp, const struct tuple *tuple, uint32_t hash);

/* Forgets those whose time is over, and says when the next one's is; UINT64_MAX: none. */
void tcp_timewait_advance(struct tcp *tcp);
uint64_t tcp_timewait_next_ns(const struct tcp *tcp);

#endif
