/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"

#include "connection.h"
#include "output.h"
#include "pacing.h"
#include "receive.h"
#include "send.h"
#include "timers.h"

enum {
	/* Rows and bytes of one produce(): some 20 us, so that quanta are kept without asking
	 * the clock for every row. */
	PRODUCE_ITEMS = 256,
	PRODUCE_BYTES = 65536,
	/* Connections between two looks at the clock. */
	VISITS = 8,
	/* Of those that starve, in a turn: a full wire has room for few, however many wait. */
	STARVED_VISITS = 64,
	/* What a connection may hold however small its window is. */
	SEND_LEAST = 65536,
};

static struct tcp *tcp_of(struct stream_transport *transport)
{
	return (struct tcp *)transport;
}

/* Whether the session still takes part. After STREAM_CLOSE it hears only of the end. */
static bool takes_part(const struct connection *c)
{
	return (c->flags & C_OPEN) && !(c->flags & (C_CLOSE | C_ABORT));
}

void tcp_application_want(struct tcp *tcp, struct connection *c)
{
	c->flags |= C_WANTS;
	tcp_connection_touch(tcp, c);
}

void tcp_application_starve(struct tcp *tcp, struct connection *c)
{
	if (c->flags & C_TOUCHED)
		return;
	c->flags |= C_TOUCHED;
	c->list_next = NULL;
	if (tcp->starved.first == NULL)
		tcp->starved.first = c;
	else
		tcp->starved.last->list_next = c;
	tcp->starved.last = c;
}

bool tcp_application_open(struct tcp *tcp, struct connection *c)
{
	struct stream_info info = {.peer_port = c->tuple.peer_port,
				   .local_port = c->tuple.local_port};
	struct stream_session *session = NULL;
	struct stream_app *app = c->app;

	memcpy(info.peer_addr, c->tuple.peer, sizeof(info.peer_addr));
	memcpy(info.local_addr, c->tuple.local, sizeof(info.local_addr));
	if (app->ops->open(app, &tcp->transport, tcp_connection_ref(c), &info, &session) != 0) {
		tcp->stats.connections_refused++;
		tcp_connection_reset(tcp, c, STREAM_ABORTED);
		return false;
	}
	ASSERT(session != NULL);
	c->session = session;
	c->failed = NULL;
	c->flags |= C_OPEN;
	tcp_application_want(tcp, c);
	/* It was half open when all others were told. */
	if (tcp->draining)
		tcp_application_drain(tcp, c);
	return true;
}

void tcp_application_end(struct tcp *tcp, struct connection *c)
{
	if (!takes_part(c))
		return;
	if (!(c->flags & C_UNSEEN))
		c->session->ops->end(c->session);
	tcp_application_want(tcp, c);
}

void tcp_application_closed(struct connection *c)
{
	struct stream_session *session = c->session;

	if (!(c->flags & C_OPEN))
		return;
	c->flags &= ~(uint32_t)(C_OPEN | C_WANTS | C_MORE);
	c->session = NULL;
	tcp_timer_clear(c, TIMER_SESSION);
	session->ops->closed(&session, STREAM_CLOSED);
}

void tcp_application_expire(struct tcp *tcp, struct connection *c)
{
	if (!takes_part(c))
		return;
	c->session->ops->expire(c->session);
	tcp_application_want(tcp, c);
}

bool tcp_application_drain(struct tcp *tcp, struct connection *c)
{
	if (!takes_part(c) || (c->flags & C_DRAINED))
		return false;
	c->flags |= C_DRAINED;
	c->session->ops->drain(c->session);
	tcp_application_want(tcp, c);
	return true;
}

/* Bytes held for a connection, sent and not acknowledged or not yet sent: twice its window as it
 * was before a loss halved it, for in recovery new data leaves while the old is not acknowledged.
 */
static uint32_t send_most(const struct tcp *tcp, const struct connection *c)
{
	uint64_t most = 4ULL * c->cwnd;

	if (most < SEND_LEAST)
		most = SEND_LEAST;
	return most < tcp->config.send_bytes_max ? (uint32_t)most : tcp->config.send_bytes_max;
}

/* What one produce() may write now; 0: it is not called. More than the window takes at once
 * only to reach the promised least: a slow reader costs no more than that. */
static uint32_t budget(const struct tcp *tcp, const struct connection *c)
{
	uint32_t usable = tcp_usable(c), unsent = tcp_unsent(c), held = c->snd_end - c->snd_una;
	uint32_t bytes = usable > unsent ? usable - unsent : 0;
	uint32_t most = send_most(tcp, c);

	if (bytes == 0 || held > most)
		return 0;
	most = most - held < PRODUCE_BYTES ? most - held : PRODUCE_BYTES;
	if (bytes < STREAM_BUDGET_BYTES_MIN)
		bytes = STREAM_BUDGET_BYTES_MIN;
	if (bytes > most)
		bytes = most;
	return bytes >= STREAM_BUDGET_BYTES_MIN ? bytes : 0;
}

static void close_begin(struct tcp *tcp, struct connection *c)
{
	c->flags |= C_CLOSE;
	c->flags &= ~(uint32_t)(C_WANTS | C_MORE);
	tcp_receive_close(tcp, c);
	tcp_timer_clear(c, TIMER_SESSION);
	tcp_connection_turn(tcp, c, c->state == CLOSE_WAIT ? LAST_ACK : FIN_WAIT_1);
}

/* Offers again what the session has left alone because it was busy, and the end behind it. */
static void offer_again(struct tcp *tcp, struct connection *c)
{
	bool waits = c->state == CLOSE_WAIT && (c->flags & C_UNSEEN);

	if (c->pieces == NULL || !takes_part(c))
		return;
	if (tcp_receive_offer(tcp, c) > 0)
		c->flags |= C_WANTS | C_MORE;
	if (waits && !(c->flags & C_UNSEEN))
		tcp_application_end(tcp, c);
}

/* One produce() and what follows from its verdict. */
static void produce(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	const struct stream_budget limits = {
		.bytes = bytes, .items = PRODUCE_ITEMS, .ns = tcp->config.quantum_ns};
	struct stream_verdict verdict;
	struct writer writer;

	/* Before the call: a wake from inside of it counts. */
	c->flags &= ~(uint32_t)(C_WANTS | C_MORE);
	tcp_send_begin(&writer, tcp, c, bytes);
	verdict = c->session->ops->produce(c->session, &writer.out, &limits);
	tcp_send_finish(&writer);
	switch (verdict.state) {
	case STREAM_MORE:
		c->flags |= C_WANTS | C_MORE;
		break;
	case STREAM_DONE:
		offer_again(tcp, c);
		break;
	case STREAM_WAIT:
		break;
	case STREAM_CLOSE:
		if (!(c->flags & C_ABORT))
			close_begin(tcp, c);
		break;
	}
}

/* Lets the session produce until it has no more to say, the window is full or its quantum is
 * over; then it comes again after all others. */
static void produce_some(struct tcp *tcp, struct connection *c)
{
	uint64_t until_ns = tcp->now_ns + tcp->config.quantum_ns;

	while ((c->flags & C_WANTS) && takes_part(c) && !tcp_pacing_waits(tcp, c)) {
		uint32_t bytes = budget(tcp, c);

		if (bytes == 0)
			break;
		if (tcp_wire_full(tcp, c) || !tcp_send_ready(tcp, c)) {
			tcp_application_starve(tcp, c);
			break;
		}
		produce(tcp, c, bytes);
		/* Less than that leaves with what the next call writes, in full segments. */
		if (tcp_unsent(c) >= STREAM_UNSENT_BYTES_MAX && !(c->flags & C_ABORT))
			tcp_output(tcp, c);
		if (!(c->flags & C_WANTS))
			break;
		tcp_clock_refresh(tcp);
		if (tcp->now_ns >= until_ns) {
			tcp_connection_touch(tcp, c);
			break;
		}
	}
}

/*
 * Received bytes were thrown away, which the peer is told by RST (RFC 1122 4.2.2.13, RFC 2525
 * 2.17), but not before it has acknowledged all that we said and, if it was sent, our FIN: the
 * last answer must reach a client that went on talking after its LOGOUT.
 */
static bool unread_due(const struct connection *c)
{
	return (c->flags & C_UNREAD) && (c->flags & C_CLOSE) && c->snd_una == c->snd_nxt &&
	       seq_ge(c->snd_una, c->snd_end);
}

static void visit(struct tcp *tcp, struct connection *c)
{
	if (c->state == CLOSED) {
		tcp_connection_free(tcp, c);
		return;
	}
	if (c->state >= ESTABLISHED) {
		produce_some(tcp, c);
		if (!(c->flags & C_ABORT) && !unread_due(c))
			tcp_output(tcp, c);
	}
	if (c->flags & C_ABORT) {
		tcp_connection_reset(tcp, c, STREAM_ABORTED);
	} else if (unread_due(c)) {
		tcp->stats.unread_resets++;
		tcp_connection_reset(tcp, c, STREAM_CLOSED);
	} else if (c->flags & C_ACK_NOW) {
		tcp_ack_send(tcp, c);
	}
}

/* Those that lacked memory, or room in a transmit queue, are looked at again, who has waited
 * longest first. */
static void starved_return(struct tcp *tcp)
{
	struct connection *first = tcp->starved.first, *last = first;

	if (first == NULL)
		return;
	for (unsigned n = 1; n < STARVED_VISITS && last != tcp->starved.last; n++)
		last = last->list_next;
	tcp->starved.first = last == tcp->starved.last ? NULL : last->list_next;
	last->list_next = tcp->touched.first;
	if (tcp->touched.first == NULL)
		tcp->touched.last = last;
	tcp->touched.first = first;
}

bool tcp_produce(struct tcp *tcp, uint64_t deadline_ns)
{
	unsigned visits = 0;

	tcp_clock_take(tcp);
	starved_return(tcp);
	while (tcp->touched.first != NULL && tcp->now_ns < deadline_ns) {
		struct connection *c = tcp->touched.first;

		tcp->touched.first = c->list_next;
		c->flags &= ~(uint32_t)C_TOUCHED;
		visit(tcp, c);
		if (++visits % VISITS == 0)
			tcp_clock_refresh(tcp);
	}
	/* A queue of the wire empties by itself, and soon. */
	return tcp->touched.first != NULL ||
	       (tcp->starved.first != NULL && tcp->env->wire->full > 0);
}

static struct connection *taking_part(struct stream_transport *transport, struct stream_ref ref)
{
	struct connection *c = tcp_connection_of(tcp_of(transport), ref);

	return c != NULL && takes_part(c) ? c : NULL;
}

static void wake(struct stream_transport *transport, struct stream_ref ref)
{
	struct connection *c = taking_part(transport, ref);

	if (c != NULL)
		tcp_application_want(tcp_of(transport), c);
}

static void timer(struct stream_transport *transport, struct stream_ref ref, uint32_t ms)
{
	struct connection *c = taking_part(transport, ref);
	struct tcp *tcp = tcp_of(transport);

	if (c == NULL)
		return;
	if (ms == 0)
		tcp_timer_clear(c, TIMER_SESSION);
	else
		tcp_timer_set(tcp, c, TIMER_SESSION, tcp->env->clock->mono_ns + ms * tcp_ms);
}

static void stop(struct stream_transport *transport, struct stream_ref ref)
{
	struct connection *c = tcp_connection_of(tcp_of(transport), ref);

	if (c == NULL)
		return;
	c->flags |= C_ABORT;
	tcp_connection_touch(tcp_of(transport), c);
}

static struct stream_session *find(struct stream_transport *transport, struct stream_ref ref)
{
	struct connection *c = tcp_connection_of(tcp_of(transport), ref);

	return c != NULL && (c->flags & C_OPEN) ? c->session : NULL;
}

const struct stream_transport_ops tcp_transport_ops = {wake, timer, stop, find};
