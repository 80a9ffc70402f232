/* SPDX-License-Identifier: Apache-2.0 */
#include "timers.h"

#include "application.h"
#include "connection.h"
#include "output.h"
#include "rack.h"
#include "recovery.h"

static uint32_t rto_us(const struct connection *c)
{
	uint64_t most_us = (uint64_t)TCP_RTO_MAX_MS * 1000;
	uint64_t us = c->rto_us != 0 ? c->rto_us : (uint64_t)TCP_RTO_FIRST_MS * 1000;

	us <<= c->retransmits;
	return (uint32_t)(us < most_us ? us : most_us);
}

void tcp_timer_retransmit(struct tcp *tcp, struct connection *c)
{
	if (c->waits != WAIT_WINDOW)
		c->waits = WAIT_RTO;
	c->restart_us = tcp->now_us;
	tcp_timer_set(tcp, c, TIMER_RETRANSMIT, tcp->now_ns + rto_us(c) * 1000ULL);
}

void tcp_timer_loss(struct tcp *tcp, struct connection *c)
{
	uint32_t since_us = tcp->now_us - c->restart_us, us = rto_us(c), probe_us;

	if (c->waits == WAIT_REORDER)
		return;
	us = us > since_us ? us - since_us : 0;
	c->waits = WAIT_RTO;
	if (tcp_tlp_allowed(c)) {
		/* Where the RTO would come first, the probe takes its time (RFC 8985 7.2). */
		probe_us = tcp_tlp_wait_us(c);
		us = probe_us < us ? probe_us : us;
		c->waits = WAIT_PROBE;
	}
	tcp_timer_set(tcp, c, TIMER_RETRANSMIT, tcp->now_ns + us * 1000ULL);
}

void tcp_timer_reorder(struct tcp *tcp, struct connection *c, uint32_t wait_us)
{
	c->waits = WAIT_REORDER;
	tcp_timer_set(tcp, c, TIMER_RETRANSMIT, tcp->now_ns + wait_us * 1000ULL);
}

void tcp_timer_keepalive(struct tcp *tcp, struct connection *c)
{
	tcp_timer_set(tcp, c, TIMER_LIFE, tcp->now_ns + TCP_KEEPALIVE_IDLE_MS * tcp_ms);
}

void tcp_timers_stop(struct tcp *tcp, struct connection *c)
{
	wheel_disarm(tcp->wheel, &c->timer);
	memset(c->deadline_ns, 0, sizeof(c->deadline_ns));
}

static void syn_timeout(struct tcp *tcp, struct connection *c)
{
	uint8_t most = c->state == SYN_SENT ? TCP_RETRANSMITS_SYN : TCP_RETRANSMITS_SYN_RECEIVED;

	tcp->stats.retransmit_timeout++;
	if (c->retransmits >= most) {
		tcp_connection_end(tcp, c, STREAM_TIMEOUT);
		return;
	}
	c->retransmits++;
	tcp_syn_send(tcp, c);
}

/*
 * The persist timer (RFC 9293 3.8.6.1): nothing is in flight and the window does not let what
 * there is leave. A window that is open but small is used now, to end the wait for a
 * better one; one that is closed is asked after.
 */
static void probe_timeout(struct tcp *tcp, struct connection *c)
{
	if (tcp_usable(c) > 0) {
		if (tcp_unsent(c) > 0)
			tcp_output_force(tcp, c);
		tcp_connection_touch(tcp, c);
		return;
	}
	if (c->retransmits >= TCP_PROBES) {
		tcp_connection_reset(tcp, c, STREAM_TIMEOUT);
		return;
	}
	c->retransmits++;
	tcp->stats.window_probes++;
	tcp_probe_send(tcp, c);
	tcp_timer_retransmit(tcp, c);
}

/* A peer that has closed its window over what is in flight answers what is sent again as it answers
 * probes, and is as much alive (RFC 1122 4.2.2.16 and 17). */
static uint8_t retransmits_most(const struct tcp *tcp, const struct connection *c)
{
	bool alive = tcp->now_ns - c->heard_ns < 2 * TCP_RTO_MAX_MS * tcp_ms;

	return c->snd_wnd == 0 && alive ? TCP_PROBES : TCP_RETRANSMITS;
}

static void retransmit_timeout(struct tcp *tcp, struct connection *c)
{
	if (c->state == SYN_SENT || c->state == SYN_RECEIVED) {
		syn_timeout(tcp, c);
	} else if (c->waits == WAIT_WINDOW) {
		probe_timeout(tcp, c);
	} else if (c->waits == WAIT_REORDER) {
		tcp_recovery_settle(tcp, c);
	} else if (c->waits == WAIT_PROBE) {
		tcp_tlp_send(tcp, c);
		tcp_timer_retransmit(tcp, c);
	} else {
		tcp->stats.retransmit_timeout++;
		if (c->retransmits >= retransmits_most(tcp, c)) {
			tcp_connection_reset(tcp, c, STREAM_TIMEOUT);
			return;
		}
		tcp_recovery_timeout(tcp, c);
	}
}

/* Keepalive (RFC 9293 3.8.4), and the end of a FIN_WAIT_2 whose peer has nothing to say. */
static void life_timeout(struct tcp *tcp, struct connection *c)
{
	uint64_t idle_ns = tcp->now_ns - c->heard_ns;

	if (c->state == FIN_WAIT_2) {
		tcp_connection_end(tcp, c, STREAM_TIMEOUT);
		return;
	}
	if (idle_ns < TCP_KEEPALIVE_IDLE_MS * tcp_ms) {
		tcp_timer_set(tcp, c, TIMER_LIFE, c->heard_ns + TCP_KEEPALIVE_IDLE_MS * tcp_ms);
		return;
	}
	if (idle_ns >=
	    (TCP_KEEPALIVE_IDLE_MS + (uint64_t)TCP_KEEPALIVES * TCP_KEEPALIVE_STEP_MS) * tcp_ms) {
		tcp_connection_reset(tcp, c, STREAM_TIMEOUT);
		return;
	}
	if (tcp_flight(c) == 0) {
		tcp->stats.keepalives++;
		tcp_probe_send(tcp, c);
	}
	tcp_timer_set(tcp, c, TIMER_LIFE, tcp->now_ns + TCP_KEEPALIVE_STEP_MS * tcp_ms);
}

static void ack_timeout(struct tcp *tcp, struct connection *c)
{
	tcp->stats.acks_delayed++;
	tcp_ack_send(tcp, c);
}

static void pace_timeout(struct tcp *tcp, struct connection *c)
{
	tcp_connection_touch(tcp, c);
}

void tcp_timer_fired(void *owner, struct wheel_timer *timer)
{
	static void (*const expired[TIMERS])(struct tcp *, struct connection *) = {
		[TIMER_RETRANSMIT] = retransmit_timeout,
		[TIMER_ACK] = ack_timeout,
		[TIMER_LIFE] = life_timeout,
		[TIMER_SESSION] = tcp_application_expire,
		[TIMER_PACE] = pace_timeout,
	};
	struct tcp *tcp = owner;
	struct connection *c =
		(struct connection *)((uint8_t *)timer - offsetof(struct connection, timer));
	uint32_t generation = c->generation;
	uint64_t next_ns = UINT64_MAX;

	ASSERT(c->state != CLOSED);
	for (unsigned kind = 0; kind < TIMERS; kind++) {
		if (c->deadline_ns[kind] == 0 || c->deadline_ns[kind] > tcp->now_ns)
			continue;
		c->deadline_ns[kind] = 0;
		expired[kind](tcp, c);
		if (c->generation != generation)
			return;
	}
	for (unsigned kind = 0; kind < TIMERS; kind++)
		if (c->deadline_ns[kind] != 0 && c->deadline_ns[kind] < next_ns)
			next_ns = c->deadline_ns[kind];
	if (next_ns != UINT64_MAX)
		wheel_arm(tcp->wheel, &c->timer, next_ns);
}
