/* SPDX-License-Identifier: Apache-2.0 */
/* What a script may set, do and look at. */
#include "host_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "timewait.h"

void host_defaults(struct setup *setup_r)
{
	*setup_r = (struct setup){
		.tcp = {.connections_max = 64,
			.listeners_max = 2,
			.syn_received_max = 64,
			.time_wait_max = 64,
			.receive_bytes_max = 65535,
			.send_bytes_max = 1 << 20,
			.packet_memory_bytes = 4 << 20,
			.quantum_ns = 50000,
			.congestion = TCP_NEWRENO,
			.socket = -1,
			.secret = {1, 2, 3, 4},
			.name = "packet"},
		.mtu = 1500,
		.segments_max = 8,
		.peer_isn = HOST_PEER_ISN,
		.peer_timestamp = HOST_PEER_TIMESTAMP,
	};
}

bool host_config(struct setup *setup, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint32_t *number;
		bool *set;
	} numbers[] = {
		{"connections_max", &setup->tcp.connections_max, NULL},
		{"listeners_max", &setup->tcp.listeners_max, NULL},
		{"syn_received_max", &setup->tcp.syn_received_max, NULL},
		{"time_wait_max", &setup->tcp.time_wait_max, NULL},
		{"source_syn_received_max", &setup->tcp.source_syn_received_max, NULL},
		{"source_connections_max", &setup->tcp.source_connections_max, NULL},
		{"source_syns_per_s", &setup->tcp.source_syns_per_s, NULL},
		{"receive_bytes_max", &setup->tcp.receive_bytes_max, NULL},
		{"send_bytes_max", &setup->tcp.send_bytes_max, NULL},
		{"packet_memory_bytes", &setup->tcp.packet_memory_bytes, NULL},
		{"mtu", &setup->mtu, NULL},
		{"tso", &setup->tso_bytes_max, NULL},
		{"peer_isn", &setup->peer_isn, NULL},
		{"peer_timestamp", &setup->peer_timestamp, NULL},
		{"our_isn", &setup->our_isn, &setup->our_isn_set},
		{"our_timestamp", &setup->our_timestamp, &setup->our_timestamp_set},
	};
	static const struct {
		const char *name, *value;
		unsigned number;
	} choices[] = {
		{"congestion", "newreno", TCP_NEWRENO},
		{"congestion", "cubic", TCP_CUBIC},
		{"ecn", "passive", TCP_ECN_PASSIVE},
		{"ecn", "on", TCP_ECN_ON},
		{"ecn", "off", TCP_ECN_OFF},
		{"path_mtu_probing", "on", true},
		{"path_mtu_probing", "off", false},
	};
	char *end;
	unsigned long long number = strtoull(value, &end, 0);

	for (unsigned i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(name, choices[i].name) != 0 || strcmp(value, choices[i].value) != 0)
			continue;
		if (choices[i].name[0] == 'c')
			setup->tcp.congestion = (enum tcp_congestion)choices[i].number;
		else if (choices[i].name[0] == 'p')
			setup->tcp.path_mtu_probing = choices[i].number;
		else
			setup->tcp.ecn = (enum tcp_ecn)choices[i].number;
		return true;
	}
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		*numbers[i].number = (uint32_t)number;
		if (numbers[i].set != NULL)
			*numbers[i].set = true;
		return *end == 0 && number <= UINT32_MAX;
	}
	return false;
}

int host_listen(struct host *host)
{
	int status = tcp_listen(host->tcp, (const uint8_t[16]){0}, HOST_PORT, &host->app);

	return status == -EADDRINUSE ? 0 : status;
}

int host_connect(struct host *host, unsigned number)
{
	struct peer *peer = &host->peers[number];
	struct stream_ref ref = {UINT32_MAX, 0};
	int status = tcp_connect(host->tcp, host_addr, HOST_PORT, peer->addr, peer->port,
				 &host->app, host_open_failed, &ref);

	if (status == 0)
		peer->session.ref = ref;
	return status;
}

static void wake(struct host *host, const struct session *session)
{
	struct stream_transport *transport = tcp_transport(host->tcp);

	if (session->opened && !session->closed)
		transport->ops->wake(transport, session->ref);
}

void host_write(struct host *host, unsigned number, uint64_t n, enum stream_state finally)
{
	struct session *session = &host->peers[number].session;

	session->out_n += n;
	session->finally = finally;
	wake(host, session);
}

void host_abort(struct host *host, unsigned number)
{
	struct stream_transport *transport = tcp_transport(host->tcp);

	transport->ops->abort(transport, host->peers[number].session.ref);
}

void host_read(struct host *host, unsigned number, uint64_t n)
{
	struct session *session = &host->peers[number].session;

	if (n == 0 || n == UINT64_MAX || session->allowance == UINT64_MAX)
		session->allowance = n;
	else
		session->allowance += n;
	wake(host, session);
}

static struct tuple tuple_of(const struct host *host, unsigned number)
{
	const struct peer *peer = &host->peers[number];
	struct tuple tuple = {.local_port = HOST_PORT, .peer_port = peer->port};

	memcpy(tuple.local, host_addr, 16);
	memcpy(tuple.peer, peer->addr, 16);
	return tuple;
}

static struct connection *connection_of(struct host *host, unsigned number)
{
	struct tuple tuple = tuple_of(host, number);

	return tcp_connection_find(host->tcp, &tuple, tcp_tuple_hash(host->tcp, &tuple));
}

const char *host_state(struct host *host, unsigned number)
{
	static const char *const names[TCP_STATES] = {"CLOSED",	     "SYN_SENT",   "SYN_RECEIVED",
						      "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1",
						      "FIN_WAIT_2",  "CLOSING",	   "LAST_ACK"};
	const struct connection *c = connection_of(host, number);
	struct tuple tuple = tuple_of(host, number);
	uint32_t at = 0;

	if (c != NULL)
		return names[c->state];
	/* By the hash alone: no script has two of one. */
	return tcp_table_next(&host->tcp->waiting_table, tcp_tuple_hash(host->tcp, &tuple), &at) !=
			       TABLE_NONE
		       ? "TIME_WAIT"
		       : "CLOSED";
}

bool host_value(struct host *host, unsigned number, const char *name, uint64_t *value_r)
{
	const struct connection *c = connection_of(host, number);

	if (c == NULL)
		return false;
	if (strcmp(name, "cwnd") == 0)
		*value_r = c->cwnd;
	else if (strcmp(name, "ssthresh") == 0)
		*value_r = c->ssthresh;
	else if (strcmp(name, "mss") == 0)
		*value_r = c->mss;
	else if (strcmp(name, "srtt_us") == 0)
		*value_r = c->srtt_us;
	else if (strcmp(name, "rto_us") == 0)
		*value_r = c->rto_us;
	else
		return false;
	return true;
}

bool host_counter(const struct host *host, const char *name, uint64_t *value_r)
{
#define COUNTER_NAME(field) {#field, offsetof(struct tcp_stats, field)},
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {TCP_COUNTERS(COUNTER_NAME) COUNTER_NAME(connections)};
#undef COUNTER_NAME
	struct tcp_stats stats;

	tcp_stats(host->tcp, &stats);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) != 0)
			continue;
		memcpy(value_r, (const uint8_t *)&stats + names[i].offset, sizeof(*value_r));
		return true;
	}
	return false;
}
