/* SPDX-License-Identifier: Apache-2.0 */
#include "planted.h"

#include <rte_mempool.h>
#include <string.h>

#include "check.h"
#include "connection.h"
#include "state.h"
#include "world.h"

/* Turns between two attempts: the fault finds connections at work. */
enum { EVERY = 64 };

enum planted planted_find(const char *name)
{
	static const char *const names[] = {
#define PLANTED_TEXT(name) #name,
		PLANTED_FAULTS(PLANTED_TEXT)
#undef PLANTED_TEXT
	};
	unsigned at = 0;

	while (at < PLANTED_N && strcmp(names[at], name) != 0)
		at++;
	return (enum planted)at;
}

/* A connection with data in flight, or NULL. */
static struct connection *victim(struct tcp *tcp)
{
	for (uint32_t i = 0; i < tcp->connections_fresh; i++) {
		struct connection *c = &tcp->connections[i];

		if (c->state == ESTABLISHED && tcp_flight(c) > 0)
			return c;
	}
	return NULL;
}

static void connection_spoil(enum planted planted, struct tcp *tcp, struct connection *c)
{
	switch (planted) {
	case PLANTED_timer:
		c->deadline_ns[TIMER_RETRANSMIT] = 0;
		break;
	case PLANTED_sequence:
		c->snd_nxt++;
		break;
	case PLANTED_giveup:
		tcp_connection_reset(tcp, c, STREAM_TIMEOUT);
		break;
	case PLANTED_window:
		c->cwnd *= 2;
		break;
	case PLANTED_shrink:
		c->rcv_adv -= 8;
		break;
	case PLANTED_count:
		tcp->established++;
		break;
	case PLANTED_skip:
		c->rcv_nxt++;
		c->rcv_user++;
		break;
	default:
		break;
	}
}

void planted_commit(struct world *world)
{
	struct link *link = &world->link;
	struct tcp *tcp = world->hosts[0].tcp;
	struct connection *c;
	void *object;

	if (world->planted == PLANTED_none || world->turns % EVERY != 0)
		return;
	link->believing = world->planted == PLANTED_checksum;
	link->dead = world->planted == PLANTED_stall && world->turns > EVERY;
	c = victim(tcp);
	if (c != NULL)
		connection_spoil(world->planted, tcp, c);
	if (world->planted == PLANTED_leak && world->turns == EVERY)
		ASSERT(rte_mempool_get(tcp->headers, &object) == 0);
}
