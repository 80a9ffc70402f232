/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYN cookies (RFC 4987 3.6): what a SYN said, kept by the peer instead of by us. The answer's
 * sequence number holds the MSS under a keyed hash; the low bits of its timestamp, which the peer
 * echoes, hold what needs more room: window scale, SACK, ECN. Pure functions, any thread.
 */
#ifndef WIREMAP_TCP_COOKIE_H
#define WIREMAP_TCP_COOKIE_H

#include "segment.h"

enum cookie_limits {
	/* A cookie is good in the step it was made in and in the next one: 64 to 128 s, which is
	 * longer than any peer repeats its SYN, and short for who collects them. */
	COOKIE_STEP_S = 64,
	COOKIE_STEPS = 2,
};

/*
 * The initial sequence number that answers `syn` of a tuple with this secret (tcp_tuple_secret()).
 * `*timestamp_r` is our clock where the peer would read it now; it goes back by less than 64 ms,
 * so it is never ahead of a later timestamp.
 */
uint32_t tcp_cookie_make(const uint8_t key[16], uint64_t secret, const struct segment *syn,
			 uint64_t now_ns, uint32_t *timestamp_r);

/*
 * Whether `ack` is the third step of a handshake whose second was a cookie of ours; one guess in
 * 2^28 passes. *syn_r is then the SYN that began it, as far as it was kept: its window is 0,
 * its timestamp that of `ack`.
 */
bool tcp_cookie_open(const uint8_t key[16], uint64_t secret, const struct segment *ack,
		     uint64_t now_ns, struct segment *syn_r);

#endif
