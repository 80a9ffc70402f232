/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our acknowledgements say of data beyond a gap (RFC 2018) and of data that came twice
 * (RFC 2883). What the peer's say of ours is recovery.c's.
 */
#ifndef WIREMAP_TCP_SACK_H
#define WIREMAP_TCP_SACK_H

#include "segment.h"

/*
 * Puts blocks into the options of an acknowledgement that has `room` bytes for them: first
 * `repeated`, unless it is empty or NULL, then the run that grew last, then those before it
 * (RFC 2018 4). Nothing when the peer did not offer to read them.
 */
void tcp_sack_put(struct tcp *tcp, const struct connection *c, const struct sack_block *repeated,
		  uint32_t room, struct options *options_r);

#endif
