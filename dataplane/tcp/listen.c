/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <errno.h>
#include <rte_malloc.h>

#include "connection.h"
#include "output.h"

enum { RESET_STEP_NS = 1000000000 / TCP_RESETS_PER_S, RESET_BURST_NS = 100 * RESET_STEP_NS };

static const uint8_t any_addr[16];

int tcp_listen_create(struct tcp *tcp)
{
	tcp->listeners = rte_zmalloc_socket("tcp_listeners",
					    tcp->config.listeners_max * sizeof(*tcp->listeners), 0,
					    tcp->config.socket);
	return tcp->listeners == NULL ? -ENOMEM : 0;
}

void tcp_listen_destroy(struct tcp *tcp)
{
	rte_free(tcp->listeners);
	tcp->listeners = NULL;
}

int tcp_listen(struct tcp *tcp, const uint8_t addr[16], uint16_t port, struct stream_app *app)
{
	struct listener *listener;

	for (uint32_t i = 0; i < tcp->listeners_n; i++)
		if (tcp->listeners[i].port == port &&
		    memcmp(tcp->listeners[i].addr, addr, sizeof(any_addr)) == 0)
			return -EADDRINUSE;
	if (tcp->listeners_n == tcp->config.listeners_max)
		return -ENOSPC;
	listener = &tcp->listeners[tcp->listeners_n++];
	memcpy(listener->addr, addr, sizeof(listener->addr));
	listener->port = port;
	listener->app = app;
	return 0;
}

/* One that names the address comes before one that takes any. */
static struct listener *listener_find(struct tcp *tcp, const struct tuple *tuple)
{
	struct listener *found = NULL;

	for (uint32_t i = 0; i < tcp->listeners_n; i++) {
		struct listener *listener = &tcp->listeners[i];

		if (listener->port != tuple->local_port)
			continue;
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
	c->flags &= ~(uint32_t)(C_TIMESTAMPS | C_SCALING | C_SACK);
	if (options->sack_permitted && sack)
		c->flags |= C_SACK;
	if (options->timestamps && offered) {
		c->flags |= C_TIMESTAMPS;
		c->ts_recent = options->value;
		mss = (uint16_t)(mss - OPTIONS_TIMESTAMP_BYTES);
	}
	c->mss = mss;
	c->rcv_mss = mss;
	if (options->scaling)
		c->flags |= C_SCALING;
	c->snd_shift = options->scaling ? options->shift : 0;
	c->rcv_shift = options->scaling ? tcp->rcv_shift : 0;
	c->rcv_nxt = s->seq + 1;
	c->rcv_user = c->rcv_nxt;
	c->rcv_acked = c->rcv_nxt;
	/* The window of a SYN, ours as theirs, is never scaled (RFC 7323 2.2). */
	c->rcv_adv = c->rcv_nxt + tcp_syn_window(tcp);
	c->snd_wnd = s->window;
	c->snd_wnd_max = s->window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
}

static void syn_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
		      const struct segment *s, struct stream_app *app)
{
	struct connection *c = tcp_connection_new(tcp, tuple, hash, SYN_RECEIVED);

	if (c == NULL) {
		tcp->stats.syn_dropped++;
		return;
	}
	c->app = app;
	tcp_syn_learn(tcp, c, s);
	tcp_syn_send(tcp, c);
}

bool tcp_listen_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
		      const struct segment *s)
{
	struct listener *listener = listener_find(tcp, tuple);

	if (listener == NULL)
		return false;
	if (s->flags & SEGMENT_RST)
		return true;
	if (s->flags & SEGMENT_ACK)
		return false;
	/* A SYN that ends at once comes from nobody who wants an answer. */
	if (!(s->flags & SEGMENT_SYN) || (s->flags & SEGMENT_FIN)) {
		tcp->stats.malformed++;
		return true;
	}
	if (tcp->draining)
		return false;
	syn_input(tcp, tuple, hash, s, listener->app);
	return true;
}

void tcp_refuse(struct tcp *tcp, const struct tuple *tuple, const struct segment *s)
{
	if (s->flags & SEGMENT_RST)
		return;
	/* `resets_ns` is when the next one is due if they come evenly; a burst may run ahead. */
	if (tcp->resets_ns + RESET_BURST_NS < tcp->now_ns)
		tcp->resets_ns = tcp->now_ns - RESET_BURST_NS;
	if (tcp->resets_ns > tcp->now_ns)
		return;
	tcp->resets_ns += RESET_STEP_NS;
	if (s->flags & SEGMENT_ACK)
		tcp_bare_send(tcp, tuple, s->ack, 0, SEGMENT_RST, 0, NULL);
	else
		tcp_bare_send(tcp, tuple, 0, segment_end(s), SEGMENT_RST | SEGMENT_ACK, 0, NULL);
}
