/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include <errno.h>
#include <rte_malloc.h>

#include "output.h"
#include "pieces.h"
#include "scoreboard.h"
#include "send.h"
#include "siphash.h"
#include "source.h"
#include "timers.h"
#include "timewait.h"
#include "window.h"

enum {
	ISN_TICK_BITS = 12, /* of nanoseconds: the 4 us clock of RFC 6528 3 */
	/* Above the last sequence of a tuple's former connection when the clock is not: more than
	 * a window without scale, so that nothing old is in the new one's first window. */
	ISN_ABOVE = 1 << 17,
};

int tcp_connections_create(struct tcp *tcp)
{
	uint64_t n = (uint64_t)tcp->config.connections_max + tcp->config.syn_received_max;
	int status;

	if (n > INT32_MAX)
		return -EINVAL;
	tcp->connections_n = (uint32_t)n;
	status = tcp_table_create(&tcp->table, tcp->connections_n, tcp->config.socket);
	if (status != 0)
		return status;
	tcp->connections = rte_zmalloc_socket("tcp_connections", n * sizeof(*tcp->connections), 64,
					      tcp->config.socket);
	return tcp->connections == NULL ? -ENOMEM : 0;
}

void tcp_connections_destroy(struct tcp *tcp)
{
	ASSERT(tcp->established == 0 && tcp->syn_received == 0);
	rte_free(tcp->connections);
	tcp->connections = NULL;
	tcp_table_destroy(&tcp->table);
}

/* What of an IPv4 tuple is hashed: what differs, a third of the work. The length keeps the two
 * kinds apart. */
struct keys {
	uint32_t local, peer;
	uint16_t local_port, peer_port;
};
_Static_assert(sizeof(struct keys) == 12, "no padding");

/* False: not IPv4, the tuple is hashed whole. */
static bool keys_of(const struct tuple *tuple, struct keys *keys_r)
{
	if (!tcp_address_is_mapped(tuple->local) || !tcp_address_is_mapped(tuple->peer))
		return false;
	memcpy(&keys_r->local, tuple->local + 12, sizeof(keys_r->local));
	memcpy(&keys_r->peer, tuple->peer + 12, sizeof(keys_r->peer));
	keys_r->local_port = tuple->local_port;
	keys_r->peer_port = tuple->peer_port;
	return true;
}

uint32_t tcp_tuple_hash(const struct tcp *tcp, const struct tuple *tuple)
{
	const uint8_t *key = tcp->config.secret;
	struct keys keys;

	if (keys_of(tuple, &keys))
		return (uint32_t)tcp_siphash13(key, &keys, sizeof(keys));
	return (uint32_t)tcp_siphash13(key, tuple, sizeof(*tuple));
}

uint64_t tcp_tuple_secret(const struct tcp *tcp, const struct tuple *tuple)
{
	const uint8_t *key = tcp->config.secret;
	struct keys keys;

	if (keys_of(tuple, &keys))
		return tcp_siphash24(key, &keys, sizeof(keys));
	return tcp_siphash24(key, tuple, sizeof(*tuple));
}

struct connection *tcp_connection_find(struct tcp *tcp, const struct tuple *tuple, uint32_t hash)
{
	uint32_t at = 0, number;

	while ((number = tcp_table_next(&tcp->table, hash, &at)) != TABLE_NONE) {
		struct connection *c = &tcp->connections[number];

		if (tcp_tuple_equal(&c->tuple, tuple))
			return c;
	}
	return NULL;
}

void tcp_connection_prefetch(const struct tcp *tcp, uint32_t hash)
{
	uint32_t at = 0, number = tcp_table_next(&tcp->table, hash, &at);

	if (number == TABLE_NONE)
		return;
	for (size_t byte = 0; byte < sizeof(struct connection); byte += RTE_CACHE_LINE_SIZE)
		rte_prefetch0((const uint8_t *)&tcp->connections[number] + byte);
}

void tcp_connection_prefetch_session(const struct tcp *tcp, uint32_t hash)
{
	uint32_t at = 0, number = tcp_table_next(&tcp->table, hash, &at);
	uintptr_t session;

	if (number == TABLE_NONE)
		return;
	/* Whichever of the union it is; perhaps none, which is no place to calculate from. */
	session = (uintptr_t)tcp->connections[number].session;
	rte_prefetch0((const void *)session);
	rte_prefetch0((const void *)(session + RTE_CACHE_LINE_SIZE));
	rte_prefetch0(tcp->connections[number].blocks);
}

struct connection *tcp_connection_of(struct tcp *tcp, struct stream_ref ref)
{
	struct connection *c;

	if (ref.index >= tcp->connections_fresh)
		return NULL;
	c = &tcp->connections[ref.index];
	return c->state != CLOSED && c->generation == ref.generation ? c : NULL;
}

struct stream_ref tcp_connection_ref(const struct connection *c)
{
	return (struct stream_ref){c->index, c->generation};
}

static struct connection *struct_take(struct tcp *tcp)
{
	struct connection *c = tcp->free.first;

	if (c != NULL) {
		tcp->free.first = c->list_next;
	} else {
		if (tcp->connections_fresh == tcp->connections_n)
			return NULL;
		c = &tcp->connections[tcp->connections_fresh];
		c->index = tcp->connections_fresh++;
	}
	return c;
}

void tcp_connection_free(struct tcp *tcp, struct connection *c)
{
	ASSERT(c->state == CLOSED && !(c->flags & C_TOUCHED));
	c->list_next = tcp->free.first;
	tcp->free.first = c;
}

/* One more, or one less, of those counted with the connection's state; of its `source`, too, if
 * it was the peer who opened. */
static void state_count(struct tcp *tcp, const struct connection *c, struct source_at source,
			int step)
{
	bool half_open = c->state == SYN_RECEIVED;

	*(half_open ? &tcp->syn_received : &tcp->established) += (uint32_t)step;
	if (!(c->flags & C_ACTIVE))
		tcp_source_count(source, half_open ? SOURCE_SYN_RECEIVED : SOURCE_CONNECTIONS,
				 step);
}

void tcp_connection_number(struct connection *c, uint32_t isn)
{
	c->snd_una = c->snd_nxt = isn;
	c->rtt_seq = isn;
	c->snd_end = isn + 1;
	c->recover = isn;
}

/* RFC 6528 3; above what a connection in TIME_WAIT has used (RFC 9293 3.4.3, RFC 6191 2). */
static uint32_t isn_choose(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
			   uint32_t keyed)
{
	uint32_t isn = keyed + (uint32_t)(tcp->now_ns >> ISN_TICK_BITS), used;

	if (tcp_timewait_take(tcp, tuple, hash, &used) && seq_lt(isn, used + ISN_ABOVE))
		return used + ISN_ABOVE;
	return isn;
}

struct connection *tcp_connection_new(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
				      enum tcp_state state)
{
	uint64_t secret = tcp_tuple_secret(tcp, tuple);
	uint32_t index, generation;
	struct connection *c;

	if (state == SYN_SENT && tcp->established >= tcp->config.connections_max)
		return NULL;
	c = struct_take(tcp);
	if (c == NULL)
		return NULL;
	index = c->index;
	generation = c->generation;
	memset(c, 0, sizeof(*c));
	c->index = index;
	c->generation = generation;
	c->tuple = *tuple;
	c->hash = hash;
	c->state = (uint8_t)state;
	tcp_connection_number(c, isn_choose(tcp, tuple, hash, (uint32_t)secret));
	c->ts_offset = tcp_secret_stamp(secret);
	c->heard_ns = tcp->now_ns;
	c->challenge_ms = tcp->now_ms - TCP_CHALLENGE_MS;
	if (state == SYN_SENT)
		c->flags = C_ACTIVE;
	tcp_window_start(tcp, c);
	tcp_table_insert(&tcp->table, hash, index);
	state_count(tcp, c, tcp_source_find(tcp, c->tuple.peer), 1);
	return c;
}

void tcp_connection_turn(struct tcp *tcp, struct connection *c, enum tcp_state state)
{
	struct source_at source;

	ASSERT(c->state != CLOSED && state != CLOSED);
	if ((c->state == SYN_RECEIVED) == (state == SYN_RECEIVED)) {
		c->state = (uint8_t)state;
		return;
	}
	source = tcp_source_find(tcp, c->tuple.peer);
	state_count(tcp, c, source, -1);
	c->state = (uint8_t)state;
	state_count(tcp, c, source, 1);
}

void tcp_connection_end(struct tcp *tcp, struct connection *c, enum stream_reason reason)
{
	struct stream_ref ref = tcp_connection_ref(c);
	bool was_open = c->flags & C_OPEN;
	struct stream_session *session = was_open ? c->session : NULL;

	ASSERT(c->state != CLOSED);
	state_count(tcp, c, tcp_source_find(tcp, c->tuple.peer), -1);
	tcp_timers_stop(tcp, c);
	tcp_scoreboard_clear(tcp, c);
	tcp_send_clear(tcp, c);
	tcp_pieces_clear(tcp, c);
	tcp_table_remove(&tcp->table, c->hash, c->index);
	c->state = CLOSED;
	c->generation++;
	tcp->stats.closed++;
	if (reason == STREAM_TIMEOUT)
		tcp->stats.timeouts++;
	/* A listed one is freed when its list comes to it. */
	if (!(c->flags & C_TOUCHED))
		tcp_connection_free(tcp, c);
	if (session != NULL)
		session->ops->closed(&session, reason);
	else if (!was_open && (c->flags & C_ACTIVE) && c->failed != NULL)
		c->failed(c->app, ref, reason);
}

void tcp_connection_reset(struct tcp *tcp, struct connection *c, enum stream_reason reason)
{
	tcp_reset_send(tcp, c);
	tcp_connection_end(tcp, c, reason);
}
