/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "application.h"
#include "congestion.h"
#include "connection.h"
#include "listen.h"
#include "output.h"
#include "rtt.h"
#include "timers.h"
#include "timewait.h"

enum {
	HEADER_BYTES = sizeof(struct rte_tcp_hdr),
	/* Segments whose connection has arrived from memory, and whose session is asked for. */
	SESSIONS_AHEAD = 4,
};

/* Who sends to whom; found before anything else of the packet is looked at. */
struct arrival {
	struct tuple tuple;
	uint32_t hash;
	const struct rte_tcp_hdr *header; /* in the packet or in `copy`; NULL: it is not there */
	struct rte_tcp_hdr copy;	  /* where it is cut */
};

static void arrival_read(const struct tcp *tcp, const struct rte_mbuf *packet,
			 struct arrival *arrival_r)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(packet, const struct rte_ipv4_hdr *);
	const struct rte_tcp_hdr *header = NULL;

	if (packet->l3_len >= sizeof(*ip))
		header = rte_pktmbuf_read(packet, packet->l3_len, HEADER_BYTES, &arrival_r->copy);
	arrival_r->header = header;
	if (header == NULL)
		return;
	tcp_address_map(arrival_r->tuple.local, ip->dst_addr);
	tcp_address_map(arrival_r->tuple.peer, ip->src_addr);
	arrival_r->tuple.local_port = rte_be_to_cpu_16(header->dst_port);
	arrival_r->tuple.peer_port = rte_be_to_cpu_16(header->src_port);
	arrival_r->hash = tcp_tuple_hash(tcp, &arrival_r->tuple);
	tcp_table_prefetch(&tcp->table, arrival_r->hash);
	if (header->tcp_flags & SEGMENT_SYN)
		tcp_table_prefetch(&tcp->waiting_table, arrival_r->hash);
}

/* False: the header does not hold together. */
static bool segment_read(const struct rte_mbuf *packet, const struct rte_tcp_hdr *header,
			 struct segment *s)
{
	uint8_t options_copy[OPTIONS_BYTES_MAX];
	uint32_t bytes = (header->data_off >> 4) * 4U, options = bytes - HEADER_BYTES;
	bool syn = header->tcp_flags & SEGMENT_SYN;

	if (bytes < HEADER_BYTES || packet->l3_len + bytes > packet->pkt_len)
		return false;
	s->mbuf = packet;
	s->payload = packet->l3_len + bytes;
	s->len = packet->pkt_len - s->payload;
	s->seq = rte_be_to_cpu_32(header->sent_seq);
	s->ack = rte_be_to_cpu_32(header->recv_ack);
	s->window = rte_be_to_cpu_16(header->rx_win);
	s->flags = header->tcp_flags;
	s->ends_wait = false;
	s->repeated = (struct sack_block){0};
	s->ecn = rte_pktmbuf_mtod(packet, const struct rte_ipv4_hdr *)->type_of_service & ECN_MASK;
	if (options == 0) {
		s->options = (struct options){0};
		return true;
	}
	return tcp_options_parse(
		rte_pktmbuf_read(packet, packet->l3_len + HEADER_BYTES, options, options_copy),
		options, syn, &s->options);
}

void tcp_establish(struct tcp *tcp, struct connection *c, struct segment *s)
{
	bool repeated = c->retransmits > 0;

	if (!repeated && c->sent_ns != 0) {
		uint64_t us = (tcp->now_ns - c->sent_ns) / 1000;

		tcp_rtt_sample(tcp, c, us > 0 ? (uint32_t)us : 1);
		c->loss |= LOSS_SAMPLED;
	}
	c->snd_una = s->ack;
	c->retransmits = 0;
	tcp_timer_clear(c, TIMER_RETRANSMIT);
	tcp_congestion_start(tcp, c);
	if (repeated) {
		/* RFC 5681 3.1 and RFC 6298 5.7: the path has lost a SYN already. */
		c->cwnd = c->mss;
		c->rto_us = 3 * TCP_RTO_FIRST_MS * 1000;
	}
	tcp_connection_turn(tcp, c, ESTABLISHED);
	tcp_timer_keepalive(tcp, c);
	if (c->flags & C_ECN)
		tcp->stats.ecn_connections++;
	if (c->flags & C_ACTIVE)
		tcp->stats.opened_active++;
	else
		tcp->stats.opened_passive++;
	if (tcp_application_open(tcp, c))
		tcp_established_take(tcp, c, s);
}

/* RFC 9293 3.10.7.3. */
static void syn_sent_input(struct tcp *tcp, struct connection *c, struct segment *s)
{
	bool ack = s->flags & SEGMENT_ACK;

	if ((s->flags & SEGMENT_RST) && (!ack || s->ack != c->snd_nxt)) {
		tcp->stats.reset_ignored++;
		return;
	}
	if (ack && s->ack != c->snd_nxt) {
		tcp_bare_send(tcp, &c->tuple, s->ack, 0, SEGMENT_RST, 0, NULL);
		return;
	}
	if (s->flags & SEGMENT_RST) {
		tcp->stats.reset_received++;
		tcp_connection_end(tcp, c, STREAM_REFUSED);
		return;
	}
	if (!(s->flags & SEGMENT_SYN)) {
		tcp->stats.flags_dropped++;
		return;
	}
	tcp_syn_learn(tcp, c, s);
	if (!ack) {
		/* Both open at once (RFC 9293 3.5, figure 7). */
		if (tcp->syn_received == tcp->config.syn_received_max) {
			tcp->stats.syn_dropped++;
			return;
		}
		tcp_connection_turn(tcp, c, SYN_RECEIVED);
		tcp_syn_send(tcp, c);
		return;
	}
	/* What is left of the segment follows its SYN. ECE with that was an answer, no echo. */
	s->flags &= (uint8_t) ~(SEGMENT_SYN | SEGMENT_ECE | SEGMENT_CWR);
	s->seq++;
	c->flags |= C_ACK_NOW;
	tcp_establish(tcp, c, s);
}

/* The connection of a segment, or NULL. Segments come in trains: `last` is that of the one before,
 * or NULL. */
static struct connection *connection_of(struct tcp *tcp, const struct arrival *arrival,
					struct connection *last)
{
	if (last != NULL && last->state != CLOSED && tcp_tuple_equal(&last->tuple, &arrival->tuple))
		return last;
	return tcp_connection_find(tcp, &arrival->tuple, arrival->hash);
}

static void segment_input(struct tcp *tcp, struct connection *c, const struct arrival *arrival,
			  struct segment *s)
{
	tcp->stats.segments_in++;
	tcp->stats.bytes_in += s->len;
	if (c != NULL && c->state != SYN_SENT)
		tcp_established_input(tcp, c, s);
	else if (c != NULL)
		syn_sent_input(tcp, c, s);
	else if (!tcp_timewait_input(tcp, &arrival->tuple, arrival->hash, s) &&
		 !tcp_listen_input(tcp, &arrival->tuple, arrival->hash, s))
		tcp_refuse(tcp, &arrival->tuple, s);
}

/*
 * In stages, each of which asks for the memory that the next one needs, for the whole burst: what
 * the tables know of a tuple, the connection, what its session has of it.
 */
static void burst_input(struct tcp *tcp, struct rte_mbuf *const *packets, unsigned n)
{
	struct arrival arrivals[TCP_BURST];
	struct rte_mbuf *done[TCP_BURST];
	struct connection *c = NULL;
	struct segment s;

	for (unsigned i = 0; i < n; i++)
		arrival_read(tcp, packets[i], &arrivals[i]);
	for (unsigned i = 0; i < n; i++)
		if (arrivals[i].header != NULL)
			tcp_connection_prefetch(tcp, arrivals[i].hash);
	for (unsigned i = 0; i < n; i++) {
		if (i + SESSIONS_AHEAD < n && arrivals[i + SESSIONS_AHEAD].header != NULL)
			tcp_connection_prefetch_session(tcp, arrivals[i + SESSIONS_AHEAD].hash);
		if (arrivals[i].header == NULL ||
		    !segment_read(packets[i], arrivals[i].header, &s)) {
			tcp->stats.malformed++;
			continue;
		}
		c = connection_of(tcp, &arrivals[i], c);
		segment_input(tcp, c, &arrivals[i], &s);
	}
	memcpy(done, packets, n * sizeof(done[0]));
	rte_pktmbuf_free_bulk(done, n);
}

void tcp_input(struct tcp *tcp, struct rte_mbuf *const *packets, unsigned n)
{
	tcp_clock_take(tcp);
	for (unsigned done = 0; done < n; done += TCP_BURST)
		burst_input(tcp, packets + done, n - done < TCP_BURST ? n - done : TCP_BURST);
}
