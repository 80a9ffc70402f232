/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp.h"

#include <errno.h>
#include <rte_malloc.h>

#include "application.h"
#include "congestion.h"
#include "connection.h"
#include "listen.h"
#include "mtu.h"
#include "output.h"
#include "pieces.h"
#include "ports.h"
#include "scoreboard.h"
#include "send.h"
#include "source.h"
#include "timers.h"
#include "timewait.h"

enum {
	SHIFT_MAX = 14,
	RECEIVE_BYTES_MIN = 2048,
	RECEIVE_BYTES_MAX = 1 << 30, /* RFC 7323 2.3 */
	SEND_BYTES_MIN = 2 * STREAM_UNSENT_BYTES_MAX,
};

static bool config_valid(const struct tcp_config *config)
{
	return config->connections_max > 0 && config->listeners_max > 0 &&
	       config->syn_received_max > 0 && config->time_wait_max > 0 &&
	       config->time_wait_max < INT32_MAX &&
	       config->receive_bytes_max >= RECEIVE_BYTES_MIN &&
	       config->receive_bytes_max <= RECEIVE_BYTES_MAX &&
	       config->send_bytes_max >= SEND_BYTES_MIN &&
	       config->send_bytes_max <= RECEIVE_BYTES_MAX && config->quantum_ns > 0 &&
	       config->name != NULL;
}

/* The smallest shift with which the largest window can be said. */
static uint8_t window_shift(uint32_t bytes)
{
	uint8_t shift = 0;

	while (shift < SHIFT_MAX && bytes >> shift > UINT16_MAX)
		shift++;
	return shift;
}

static int parts_create(struct tcp *tcp)
{
	int status = tcp_connections_create(tcp);

	if (status == 0)
		status = tcp_listen_create(tcp);
	if (status == 0)
		status = tcp_source_create(tcp);
	if (status == 0)
		status = tcp_timewait_create(tcp);
	if (status == 0)
		status = tcp_send_create(tcp);
	if (status == 0)
		status = tcp_scoreboard_create(tcp);
	if (status == 0)
		status = tcp_pieces_create(tcp);
	if (status == 0)
		status = tcp_mtu_create(tcp);
	if (status != 0)
		return status;
	tcp->wheel = wheel_create(tcp->now_ns, tcp_timer_fired, tcp, tcp->config.socket);
	return tcp->wheel == NULL ? -ENOMEM : 0;
}

int tcp_create(const struct tcp_config *config, struct tcp_env *env, struct tcp **tcp_r)
{
	const struct congestion *congestion = tcp_congestion_find(config->congestion);
	struct tcp *tcp;
	int status;

	if (!config_valid(config))
		return -EINVAL;
	if (congestion == NULL)
		return -ENOTSUP;
	tcp = rte_zmalloc_socket("tcp", sizeof(*tcp), 64, config->socket);
	if (tcp == NULL)
		return -ENOMEM;
	tcp->transport.ops = &tcp_transport_ops;
	tcp->config = *config;
	tcp->env = env;
	tcp->congestion = congestion;
	tcp->rcv_shift = window_shift(config->receive_bytes_max);
	tcp_clock_take(tcp);
	status = parts_create(tcp);
	if (status != 0) {
		tcp_destroy(&tcp);
		return status;
	}
	*tcp_r = tcp;
	return 0;
}

void tcp_destroy(struct tcp **tcp_p)
{
	struct tcp *tcp = *tcp_p;

	*tcp_p = NULL;
	if (tcp == NULL)
		return;
	for (uint32_t i = 0; i < tcp->connections_fresh; i++)
		if (tcp->connections[i].state != CLOSED)
			tcp_connection_end(tcp, &tcp->connections[i], STREAM_ABORTED);
	wheel_destroy(&tcp->wheel);
	tcp_mtu_destroy(tcp);
	tcp_pieces_destroy(tcp);
	tcp_scoreboard_destroy(tcp);
	tcp_send_destroy(tcp);
	tcp_timewait_destroy(tcp);
	tcp_listen_destroy(tcp);
	tcp_connections_destroy(tcp);
	tcp_source_destroy(tcp);
	rte_free(tcp);
}

struct stream_transport *tcp_transport(struct tcp *tcp)
{
	return &tcp->transport;
}

void tcp_stats(const struct tcp *tcp, struct tcp_stats *stats_r)
{
	*stats_r = tcp->stats;
	stats_r->connections = tcp->established + tcp->syn_received;
	stats_r->syn_received = tcp->syn_received;
}

void tcp_drain(struct tcp *tcp, unsigned per_turn, uint32_t per_s)
{
	/* The core may have slept since its last turn: that time is not to be made up for. */
	tcp_clock_take(tcp);
	tcp->draining = true;
	tcp->drain_per_turn = per_turn;
	tcp->drain_step_ns = per_s > 0 ? tcp_s / per_s : 0;
	tcp->drain_ns = tcp->now_ns;
}

static bool drain_goes_on(const struct tcp *tcp)
{
	return tcp->draining && tcp->drain_next < tcp->connections_fresh;
}

static void drain_step(struct tcp *tcp)
{
	for (unsigned n = 0;
	     n < tcp->drain_per_turn && drain_goes_on(tcp) && tcp->drain_ns <= tcp->now_ns; n++)
		if (tcp_application_drain(tcp, &tcp->connections[tcp->drain_next++]))
			tcp->drain_ns += tcp->drain_step_ns;
}

void tcp_advance(struct tcp *tcp)
{
	tcp_clock_take(tcp);
	wheel_advance(tcp->wheel, tcp->now_ns, TCP_FIRES);
	tcp_timewait_advance(tcp);
	drain_step(tcp);
}

uint64_t tcp_next_ns(const struct tcp *tcp)
{
	uint64_t next_ns = wheel_next_ns(tcp->wheel), waiting_ns = tcp_timewait_next_ns(tcp);

	if (tcp->touched.first != NULL)
		return tcp->now_ns;
	if (drain_goes_on(tcp) && tcp->drain_ns < next_ns)
		next_ns = tcp->drain_ns > tcp->now_ns ? tcp->drain_ns : tcp->now_ns;
	if (waiting_ns < next_ns)
		next_ns = waiting_ns;
	if (tcp->starved.first != NULL && tcp->now_ns + TCP_STARVED_MS * tcp_ms < next_ns)
		next_ns = tcp->now_ns + TCP_STARVED_MS * tcp_ms;
	return next_ns;
}

int tcp_connect(struct tcp *tcp, const uint8_t local[16], uint16_t local_port,
		const uint8_t peer[16], uint16_t peer_port, struct stream_app *app,
		tcp_open_failed *failed, struct stream_ref *ref_r)
{
	struct tuple tuple = {.local_port = local_port, .peer_port = peer_port};
	struct connection *c;
	uint32_t hash;

	memcpy(tuple.local, local, sizeof(tuple.local));
	memcpy(tuple.peer, peer, sizeof(tuple.peer));
	tcp_clock_take(tcp);
	if (tcp_port_choose(tcp, &tuple, &hash) != 0)
		return -EADDRNOTAVAIL;
	c = tcp->draining ? NULL : tcp_connection_new(tcp, &tuple, hash, SYN_SENT);
	if (c == NULL)
		return -ENOBUFS;
	c->app = app;
	c->failed = failed;
	c->flags |= C_TIMESTAMPS | C_SACK;
	c->rcv_shift = tcp->rcv_shift;
	*ref_r = tcp_connection_ref(c);
	tcp_syn_send(tcp, c);
	return 0;
}
