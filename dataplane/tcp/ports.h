/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which local port an active open leaves from (RFC 6056 3.3.4): a keyed hash of the other three
 * parts of the tuple says where to begin, a counter how far its sequence has come. A port
 * is not seen again before all others were, strangers cannot foresee it, and a free one is
 * found at the first try as long as the counter has not gone round. One core.
 */
#ifndef WIREMAP_TCP_PORTS_H
#define WIREMAP_TCP_PORTS_H

#include "state.h"

/*
 * Completes `tuple` with a local port that this core owns, that no connection of the tuple uses
 * and on which nobody listens; one that is given is only examined. *hash_r is the tuple's. 0 or
 * -EADDRNOTAVAIL.
 */
int tcp_port_choose(struct tcp *tcp, struct tuple *tuple, uint32_t *hash_r);

#endif
