/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"

#include <errno.h>

#include "connection.h"
#include "listen.h"
#include "siphash.h"
#include "timewait.h"

enum {
	/* RFC 6056 3.2: as many as one can, above those of the system. */
	PORTS_FIRST = 1024,
	PORTS_N = 65536 - PORTS_FIRST,
};

static bool owned(const struct tcp *tcp, const struct tuple *tuple)
{
	const struct tcp_config *config = &tcp->config;

	return config->owns == NULL || config->owns(config->owner, tuple->local, tuple->local_port,
						    tuple->peer, tuple->peer_port);
}

/* The owner is asked first: with several cores most ports are another's, and asking costs less
 * than a look into the tables. */
static bool usable(struct tcp *tcp, const struct tuple *tuple, uint32_t *hash_r)
{
	if (!owned(tcp, tuple))
		return false;
	*hash_r = tcp_tuple_hash(tcp, tuple);
	return tcp_connection_find(tcp, tuple, *hash_r) == NULL &&
	       !tcp_timewait_holds(tcp, tuple, *hash_r);
}

int tcp_port_choose(struct tcp *tcp, struct tuple *tuple, uint32_t *hash_r)
{
	uint32_t start, *next;
	uint64_t hash;

	if (tuple->local_port != 0)
		return usable(tcp, tuple, hash_r) ? 0 : -EADDRNOTAVAIL;
	/* F and G of RFC 6056 3.3.4, of one hash: where the sequence starts, and whose counter. */
	hash = tcp_siphash24(tcp->config.secret, tuple, sizeof(*tuple));
	start = (uint32_t)hash % PORTS_N;
	next = &tcp->ports_next[(hash >> 32) % TCP_PORT_COUNTERS];
	for (unsigned tries = 0; tries < PORTS_N; tries++) {
		tuple->local_port = (uint16_t)(PORTS_FIRST + (start + (*next)++) % PORTS_N);
		if (!tcp_listen_has(tcp, tuple->local_port) && usable(tcp, tuple, hash_r))
			return 0;
	}
	return -EADDRNOTAVAIL;
}
