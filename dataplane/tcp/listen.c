/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <rte_malloc.h>

#include "connection.h"
#include "cookie.h"
#include "ecn.h"
#include "input.h"
#include "mtu.h"
#include "output.h"
#include "source.h"
#include "timewait.h"

enum { RESET_STEP_NS = 1000000000 / TCP_RESETS_PER_S, RESET_BURST_NS = 100 * RESET_STEP_NS };

static const uint8_t any_addr[16];

/* Listeners are found by their port alone: nobody outside chooses it, and few share one. */
static uint32_t port_hash(uint16_t port)
{
	return port * 0x9e3779b1U;
}

int tcp_listen_create(struct tcp *tcp)
{
	int status = tcp_table_create(&tcp->listeners_table, tcp->config.listeners_max,
				      tcp->config.socket);

	if (status != 0)
		return status;
	tcp->listeners = rte_zmalloc_socket("tcp_listeners",
					    tcp->config.listeners_max * sizeof(*tcp->listeners), 0,
					    tcp->config.socket);
	return tcp->listeners == NULL ? -ENOMEM : 0;
}

void tcp_listen_destroy(struct tcp *tcp)
{
	rte_free(tcp->listeners);
	tcp->listeners = NULL;
	tcp_table_destroy(&tcp->listeners_table);
}

int tcp_listen(struct tcp *tcp, const uint8_t addr[16], uint16_t port, struct stream_app *app)
{
	uint32_t at = 0, number, hash = port_hash(port);
	struct listener *listener;

	while ((number = tcp_table_next(&tcp->listeners_table, hash, &at)) != TABLE_NONE)
		if (memcmp(tcp->listeners[number].addr, addr, sizeof(any_addr)) == 0)
			return -EADDRINUSE;
	if (tcp->listeners_n == tcp->config.listeners_max)
		return -ENOSPC;
	tcp_table_insert(&tcp->listeners_table, hash, tcp->listeners_n);
	listener = &tcp->listeners[tcp->listeners_n++];
	memcpy(listener->addr, addr, sizeof(listener->addr));
	listener->port = port;
	listener->app = app;
	return 0;
}

bool tcp_listen_has(const struct tcp *tcp, uint16_t port)
{
	uint32_t at = 0;

	return tcp_table_next(&tcp->listeners_table, port_hash(port), &at) != TABLE_NONE;
}

/* One that names the address comes before one that takes any. */
static struct listener *listener_find(struct tcp *tcp, const struct tuple *tuple)
{
	uint32_t at = 0, number, hash = port_hash(tuple->local_port);
	struct listener *found = NULL;

	while ((number = tcp_table_next(&tcp->listeners_table, hash, &at)) != TABLE_NONE) {
		struct listener *listener = &tcp->listeners[number];

		if (memcmp(listener->addr, tuple->local, sizeof(any_addr)) == 0)
			return listener;
		if (memcmp(listener->addr, any_addr, sizeof(any_addr)) == 0)
			found = listener;
	}
	return found;
}

void tcp_syn_learn(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	const struct options *options = &s->options;
	uint16_t mss = options->mss != 0 ? options->mss : TCP_MSS_DEFAULT;
	uint16_t path = tcp_path_mss(tcp, c->tuple.peer);
	bool offered = c->flags & C_TIMESTAMPS || c->state == SYN_RECEIVED;
	bool sack = c->flags & C_SACK || c->state == SYN_RECEIVED;

	if (mss < TCP_MSS_MIN)
		mss = TCP_MSS_MIN;
	if (mss > path)
		mss = path;
	c->flags &= ~(uint32_t)(C_TIMESTAMPS | C_SCALING | C_SACK | C_ECN);
	if (tcp_ecn_agreed(tcp, c, s))
		c->flags |= C_ECN;
	if (options->sack_permitted && sack)
		c->flags |= C_SACK;
	if (options->timestamps && offered) {
		c->flags |= C_TIMESTAMPS;
		c->ts_recent = options->value;
		mss = (uint16_t)(mss - OPTIONS_TIMESTAMP_BYTES);
	}
	c->mss = mss;
	tcp_mtu_start(tcp, c);
	c->rcv_mss = mss;
	if (options->scaling)
		c->flags |= C_SCALING;
	c->snd_shift = options->scaling ? options->shift : 0;
	c->rcv_shift = options->scaling ? tcp->rcv_shift : 0;
	c->rcv_nxt = s->seq + 1;
	c->rcv_user = c->measure_seq = c->rcv_nxt;
	c->rcv_acked = c->rcv_nxt;
	/* The window of a SYN, ours as theirs, is never scaled (RFC 7323 2.2). */
	c->rcv_adv = c->rcv_nxt + tcp_syn_window(tcp);
	c->snd_wnd = s->window;
	c->snd_wnd_max = s->window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
}

/* RFC 9293 3.9.2.3 and RFC 1122 4.2.3.10: nobody who could answer has such an address (IPv4's
 * networks 0 and from 224 on, IPv6's ff00::/8); nor do we talk to ourselves (LAND). */
static bool peer_is_host(const struct tuple *tuple)
{
	const uint8_t *peer = tuple->peer;
	bool host = tcp_address_is_mapped(peer) ? peer[12] != 0 && peer[12] < 224 : peer[0] != 0xff;

	return host && memcmp(peer, tuple->local, sizeof(tuple->peer)) != 0;
}

/* No more than a line a minute: who floods us must not fill the log, too. */
static void full_log(struct tcp *tcp, const char *what)
{
	if (tcp->full_logged_ns != 0 && tcp->now_ns - tcp->full_logged_ns < TCP_LOG_MS * tcp_ms)
		return;
	tcp->full_logged_ns = tcp->now_ns;
	log_line(tcp->env->log, LOG_LEVEL_WARNING, "tcp: %s; %u connections, %u half-open", what,
		 tcp->established, tcp->syn_received);
}

bool tcp_listen_full(struct tcp *tcp, struct source_at source)
{
	if (tcp->established >= tcp->config.connections_max) {
		tcp->stats.connections_refused++;
		full_log(tcp, "connections_max is reached, new ones are reset");
		return true;
	}
	if (tcp_source_full(tcp, source, SOURCE_CONNECTIONS)) {
		tcp->stats.source_refused++;
		full_log(tcp, "source_connections_max is reached, new ones of a source are reset");
		return true;
	}
	return false;
}

/* Too many wait for their third step, or too many of this source. */
static bool syn_presses(const struct tcp *tcp, struct source_at source)
{
	return tcp->syn_received >= tcp->config.syn_received_max ||
	       tcp_source_full(tcp, source, SOURCE_SYN_RECEIVED);
}

/* Answers a SYN and forgets it (RFC 4987 3.6). */
static void cookie_send(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
			const struct segment *s)
{
	uint64_t secret = tcp_tuple_secret(tcp, tuple);
	uint32_t timestamp = tcp_timestamp(tcp, tcp_secret_stamp(secret)), used;
	uint32_t cookie = tcp_cookie_make(tcp->config.secret, secret, s, tcp->now_ns, &timestamp);

	/* The tuple must not still be waiting when the third step comes. */
	if (s->ends_wait)
		tcp_timewait_take(tcp, tuple, hash, &used);
	if (!tcp_cookie_emit(tcp, tuple, s, cookie, timestamp))
		return;
	tcp->stats.cookies_sent++;
	tcp->cookies_until_ns =
		tcp->now_ns + (uint64_t)COOKIE_STEPS * COOKIE_STEP_S * 1000 * tcp_ms;
	full_log(tcp, "SYNs are answered with cookies");
}

/*
 * The third step of a handshake that we may have forgotten. False: to be refused. While cookies are
 * about, nothing that brings none is: the segment before it, which does, may be late or lost.
 */
static bool cookie_take(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
			struct segment *s, struct stream_app *app)
{
	struct connection *c;
	struct segment syn;

	/* While none is about, an ACK out of nowhere costs no hash and has nothing to guess. */
	if (tcp->now_ns >= tcp->cookies_until_ns)
		return false;
	if (!tcp_cookie_open(tcp->config.secret, tcp_tuple_secret(tcp, tuple), s, tcp->now_ns,
			     &syn)) {
		tcp->stats.cookies_failed++;
		return true;
	}
	if (tcp_listen_full(tcp, tcp_source_find(tcp, tuple->peer)))
		return false;
	c = tcp_connection_new(tcp, tuple, hash, SYN_RECEIVED);
	if (c == NULL)
		return false;
	tcp->stats.cookies_accepted++;
	c->app = app;
	tcp_syn_learn(tcp, c, &syn);
	tcp_connection_number(c, s->ack - 1);
	c->snd_nxt = s->ack;
	tcp_established_input(tcp, c, s);
	ASSERT(c->state != SYN_RECEIVED);
	return true;
}

/* False: to be refused. */
static bool syn_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
		      const struct segment *s, struct stream_app *app)
{
	struct source_at source = tcp_source_find(tcp, tuple->peer);
	struct connection *c;

	if (!tcp_source_syn(tcp, source)) {
		tcp->stats.syn_limited++;
		full_log(tcp, "source_syns_per_s is reached, SYNs of a source are dropped");
		return true;
	}
	if (tcp_listen_full(tcp, source))
		return false;
	if (syn_presses(tcp, source)) {
		cookie_send(tcp, tuple, hash, s);
		return true;
	}
	c = tcp_connection_new(tcp, tuple, hash, SYN_RECEIVED);
	if (c == NULL) {
		tcp->stats.syn_dropped++;
		return true;
	}
	c->app = app;
	tcp_syn_learn(tcp, c, s);
	tcp_syn_send(tcp, c);
	return true;
}

bool tcp_listen_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, struct segment *s)
{
	struct listener *listener = listener_find(tcp, tuple);

	if (listener == NULL)
		return false;
	if (s->flags & SEGMENT_RST) {
		tcp->stats.reset_ignored++;
		return true;
	}
	if (!peer_is_host(tuple)) {
		tcp->stats.source_invalid++;
		return true;
	}
	if (s->flags & SEGMENT_ACK)
		return !(s->flags & SEGMENT_SYN) && !tcp->draining &&
		       cookie_take(tcp, tuple, hash, s, listener->app);
	/* A SYN that ends at once comes from nobody who wants an answer. */
	if (!(s->flags & SEGMENT_SYN) || (s->flags & SEGMENT_FIN)) {
		tcp->stats.malformed++;
		return true;
	}
	if (tcp->draining)
		return false;
	return syn_input(tcp, tuple, hash, s, listener->app);
}

void tcp_refuse(struct tcp *tcp, const struct tuple *tuple, const struct segment *s)
{
	if (s->flags & SEGMENT_RST) {
		tcp->stats.reset_ignored++;
		return;
	}
	/* `resets_ns` is when the next one is due if they come evenly; a burst may run ahead. */
	if (tcp->resets_ns + RESET_BURST_NS < tcp->now_ns)
		tcp->resets_ns = tcp->now_ns - RESET_BURST_NS;
	if (tcp->resets_ns > tcp->now_ns) {
		tcp->stats.resets_limited++;
		return;
	}
	tcp->resets_ns += RESET_STEP_NS;
	if (s->flags & SEGMENT_ACK)
		tcp_bare_send(tcp, tuple, s->ack, 0, SEGMENT_RST, 0, NULL);
	else
		tcp_bare_send(tcp, tuple, 0, segment_end(s), SEGMENT_RST | SEGMENT_ACK, 0, NULL);
}
