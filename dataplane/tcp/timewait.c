/* SPDX-License-Identifier: Apache-2.0 */
#include "timewait.h"

#include <errno.h>
#include <rte_malloc.h>

#include "connection.h"
#include "output.h"

enum { NONE = INT32_MAX, EXPIRES_PER_TURN = 256, REUSE_MS = 1000 };

struct time_wait {
	struct tuple tuple;
	uint32_t rcv_nxt, snd_nxt;
	uint32_t ts_recent, ts_offset;
	uint32_t until_ms; /* of tcp->now_ms */
	uint32_t newer;	   /* its time is over later; of a free entry: the next free one */
	uint32_t older : 31;
	uint32_t timestamps : 1;
};
_Static_assert(sizeof(struct time_wait) <= 64, "DESIGN.md 6: one cache line");

int tcp_timewait_create(struct tcp *tcp)
{
	uint32_t n = tcp->config.time_wait_max;

	tcp->waiting = rte_zmalloc_socket("tcp_time_wait", n * sizeof(*tcp->waiting), 64,
					  tcp->config.socket);
	if (tcp->waiting == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		tcp->waiting[i].newer = i + 1 < n ? i + 1 : NONE;
	tcp->waiting_free = 0;
	tcp->waiting_oldest = NONE;
	tcp->waiting_newest = NONE;
	return tcp_table_create(&tcp->waiting_table, n, tcp->config.socket);
}

void tcp_timewait_destroy(struct tcp *tcp)
{
	rte_free(tcp->waiting);
	tcp->waiting = NULL;
	tcp_table_destroy(&tcp->waiting_table);
}

/* The entry of `tuple`, or NONE. */
static uint32_t waiting_find(const struct tcp *tcp, const struct tuple *tuple, uint32_t hash)
{
	uint32_t at = 0, number;

	while ((number = tcp_table_next(&tcp->waiting_table, hash, &at)) != TABLE_NONE)
		if (tcp_tuple_equal(&tcp->waiting[number].tuple, tuple))
			return number;
	return NONE;
}

/* Takes an entry out of the order of age. */
static void waiting_unlink(struct tcp *tcp, uint32_t number)
{
	struct time_wait *w = &tcp->waiting[number];

	if (w->older != NONE)
		tcp->waiting[w->older].newer = w->newer;
	else
		tcp->waiting_oldest = w->newer;
	if (w->newer != NONE)
		tcp->waiting[w->newer].older = w->older;
	else
		tcp->waiting_newest = w->older;
}

/* Makes an entry the newest, with all its time before it. */
static void waiting_link(struct tcp *tcp, uint32_t number)
{
	struct time_wait *w = &tcp->waiting[number];

	w->until_ms = tcp->now_ms + TCP_TIME_WAIT_MS;
	w->newer = NONE;
	w->older = tcp->waiting_newest & NONE; /* 31 bits */
	if (tcp->waiting_newest != NONE)
		tcp->waiting[tcp->waiting_newest].newer = number;
	else
		tcp->waiting_oldest = number;
	tcp->waiting_newest = number;
}

static void waiting_forget(struct tcp *tcp, uint32_t number)
{
	struct time_wait *w = &tcp->waiting[number];

	tcp_table_remove(&tcp->waiting_table, tcp_tuple_hash(tcp, &w->tuple), number);
	waiting_unlink(tcp, number);
	w->newer = tcp->waiting_free;
	tcp->waiting_free = number;
}

void tcp_timewait_enter(struct tcp *tcp, const struct connection *c)
{
	uint32_t number;

	if (tcp->waiting_free == NONE) {
		waiting_forget(tcp, tcp->waiting_oldest);
		tcp->stats.time_wait_evicted++;
	}
	number = tcp->waiting_free;
	tcp->waiting_free = tcp->waiting[number].newer;
	tcp->waiting[number] = (struct time_wait){.tuple = c->tuple,
						  .rcv_nxt = c->rcv_nxt,
						  .snd_nxt = c->snd_nxt,
						  .ts_recent = c->ts_recent,
						  .ts_offset = c->ts_offset,
						  .timestamps = !!(c->flags & C_TIMESTAMPS)};
	waiting_link(tcp, number);
	tcp_table_insert(&tcp->waiting_table, c->hash, number);
	tcp->stats.time_wait++;
}

/* RFC 6191 2: a SYN that cannot be an old one, by timestamp or by sequence. */
static bool syn_is_new(const struct time_wait *w, const struct segment *s)
{
	if (w->timestamps && s->options.timestamps && s->options.value != w->ts_recent)
		return seq_gt(s->options.value, w->ts_recent);
	return seq_gt(s->seq, w->rcv_nxt);
}

bool tcp_timewait_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
			struct segment *s)
{
	uint32_t number = waiting_find(tcp, tuple, hash);
	struct options options = {0};
	struct time_wait *w;

	if (number == NONE)
		return false;
	w = &tcp->waiting[number];
	/* A late RST must not end the wait (RFC 1337). */
	if (s->flags & SEGMENT_RST) {
		tcp->stats.reset_ignored++;
		return true;
	}
	s->ends_wait = (s->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN && syn_is_new(w, s);
	if (s->ends_wait)
		return false;
	/* Only what carries something is answered: two sides that wait must not keep each
	 * other talking. */
	if (segment_end(s) == s->seq) {
		tcp->stats.time_wait_ignored++;
		return true;
	}
	if (s->flags & SEGMENT_FIN) {
		waiting_unlink(tcp, number);
		waiting_link(tcp, number);
	}
	options.timestamps = w->timestamps;
	options.value = tcp_timestamp(tcp, w->ts_offset);
	options.echo = w->ts_recent;
	tcp_bare_send(tcp, tuple, w->snd_nxt, w->rcv_nxt, SEGMENT_ACK, 0, &options);
	return true;
}

bool tcp_timewait_take(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, uint32_t *used_r)
{
	uint32_t number = waiting_find(tcp, tuple, hash);

	if (number == NONE)
		return false;
	*used_r = tcp->waiting[number].snd_nxt;
	waiting_forget(tcp, number);
	tcp->stats.time_wait_reused++;
	return true;
}

/* Its timestamps tell the connections apart once the clock has gone on, which a second makes
 * sure of also where the peer's clock ticks slowly (RFC 6191 2, seen from the other side). */
bool tcp_timewait_holds(const struct tcp *tcp, const struct tuple *tuple, uint32_t hash)
{
	uint32_t number = waiting_find(tcp, tuple, hash), waited_ms;

	if (number == NONE)
		return false;
	waited_ms = tcp->now_ms + TCP_TIME_WAIT_MS - tcp->waiting[number].until_ms;
	return !tcp->waiting[number].timestamps || waited_ms < REUSE_MS;
}

void tcp_timewait_advance(struct tcp *tcp)
{
	for (unsigned n = 0; n < EXPIRES_PER_TURN && tcp->waiting_oldest != NONE; n++) {
		uint32_t oldest = tcp->waiting_oldest;

		if ((int32_t)(tcp->waiting[oldest].until_ms - tcp->now_ms) > 0)
			return;
		waiting_forget(tcp, oldest);
	}
}

uint64_t tcp_timewait_next_ns(const struct tcp *tcp)
{
	int32_t left_ms;

	if (tcp->waiting_oldest == NONE)
		return UINT64_MAX;
	left_ms = (int32_t)(tcp->waiting[tcp->waiting_oldest].until_ms - tcp->now_ms);
	return left_ms > 0 ? tcp->now_ns + (uint64_t)left_ms * tcp_ms : tcp->now_ns;
}
