/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "check.h"

/* Plain additions on the core's side; relaxed so that another thread reads whole values. */
static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static unsigned take_found(struct port_queue *queue, struct rte_mbuf **frames, unsigned n)
{
	const unsigned taken = RTE_MIN(n, queue->found_n);

	memcpy(frames, queue->found, taken * sizeof(frames[0]));
	queue->found_n -= taken;
	memmove(queue->found, queue->found + taken, queue->found_n * sizeof(queue->found[0]));
	return taken;
}

unsigned port_receive(struct port *port, unsigned queue_number, struct rte_mbuf **frames,
		      unsigned n)
{
	struct port_queue *queue = &port->queues[queue_number];
	const struct port_tap_filter *filter = tap_filter(port->tap);
	uint64_t bytes = 0;

	ASSERT(queue_number < port->queues_n && n <= PORT_BURST_MAX);
	n = queue->found_n == 0
		    ? rte_eth_rx_burst(port->id, (uint16_t)queue_number, frames, (uint16_t)n)
		    : take_found(queue, frames, n);
	if (n == 0)
		return 0;
	if (unlikely(filter != NULL))
		tap_take(port->tap, filter, port->id, queue_number, frames, n, TAP_IN);
	for (unsigned k = 0; k < n; k++)
		bytes += frames[k]->pkt_len;
	count(&queue->rx_frames, n);
	count(&queue->rx_bytes, bytes);
	return n;
}

/* Frames on their way to a queue, ready for the device. */
struct outgoing {
	struct port *port;
	struct port_queue *queue;
	unsigned queue_number;
	unsigned n;
	const struct port_tap_filter *filter; /* of a tap that captures, or NULL */
	bool prepare;			      /* some want rte_eth_tx_prepare() */
	struct rte_mbuf *frames[PORT_BURST_MAX];
};

static void drop(struct port_queue *queue, struct rte_mbuf *frame)
{
	rte_pktmbuf_free(frame);
	count(&queue->tx_dropped, 1);
}

/* Lets the device check and complete its offloads; leaves out what it refuses. */
static void outgoing_prepare(struct outgoing *out)
{
	unsigned ready = 0;

	while (ready < out->n) {
		ready += rte_eth_tx_prepare(out->port->id, (uint16_t)out->queue_number,
					    &out->frames[ready], (uint16_t)(out->n - ready));
		if (ready == out->n)
			break;
		drop(out->queue, out->frames[ready]);
		out->n--;
		memmove(&out->frames[ready], &out->frames[ready + 1],
			(out->n - ready) * sizeof(out->frames[0]));
	}
	out->prepare = false;
}

/* Hands frames to the device. Returns how many it took, maybe not all: then its queue is full. */
static unsigned device_send(const struct outgoing *out, struct rte_mbuf **frames, unsigned n)
{
	uint64_t bytes = 0, kept = 0;
	unsigned sent = 0;

	for (unsigned k = 0; k < n; k++)
		bytes += frames[k]->pkt_len;
	/* Some drivers take only so many at a time; nothing taken means that the queue is full. */
	while (sent < n) {
		unsigned taken = rte_eth_tx_burst(out->port->id, (uint16_t)out->queue_number,
						  &frames[sent], (uint16_t)(n - sent));

		if (taken == 0)
			break;
		sent += taken;
	}
	for (unsigned k = sent; k < n; k++)
		kept += frames[k]->pkt_len;
	count(&out->queue->tx_frames, sent);
	count(&out->queue->tx_bytes, bytes - kept);
	return sent;
}

/* Keeps frames for the next call, as many as there is room for. */
static void hold(struct port_queue *queue, struct rte_mbuf **frames, unsigned n)
{
	const unsigned room = RTE_MIN(n, PORT_HELD_MAX - queue->held_n);

	memcpy(&queue->held[queue->held_n], frames, room * sizeof(frames[0]));
	queue->held_n += room;
	for (unsigned k = room; k < n; k++)
		drop(queue, frames[k]);
}

/* Who waits longer goes first. */
static void held_send(const struct outgoing *out)
{
	struct port_queue *queue = out->queue;
	const unsigned sent = device_send(out, queue->held, queue->held_n);

	queue->held_n -= sent;
	memmove(queue->held, queue->held + sent, queue->held_n * sizeof(queue->held[0]));
}

static void outgoing_flush(struct outgoing *out)
{
	unsigned sent = 0;

	if (out->prepare)
		outgoing_prepare(out);
	if (out->queue->held_n == 0)
		sent = device_send(out, out->frames, out->n);
	if (sent < out->n)
		hold(out->queue, &out->frames[sent], out->n - sent);
	out->n = 0;
}

static void outgoing_add(struct outgoing *out, struct rte_mbuf *frame)
{
	if (unlikely(out->filter != NULL))
		tap_take(out->port->tap, out->filter, out->port->id, out->queue_number, &frame, 1,
			 TAP_OUT);
	if (frame->ol_flags & out->port->begin_flags) {
		frame_checksum_begin(frame);
		out->prepare |= (frame->ol_flags & out->port->prepare_flags) != 0;
	}
	out->frames[out->n++] = frame;
	if (out->n == PORT_BURST_MAX)
		outgoing_flush(out);
}

static void add_cut(struct outgoing *out, struct rte_mbuf *whole)
{
	struct frame_cutter cutter;

	frame_cutter_init(&cutter, whole);
	while (!frame_cutter_done(&cutter)) {
		struct rte_mbuf *frame = frame_cutter_next(&cutter, out->queue->spare);

		if (frame == NULL) {
			count(&out->queue->tx_dropped, 1);
			break;
		}
		frame_checksum(frame, out->port->software_flags);
		outgoing_add(out, frame);
	}
	rte_pktmbuf_free(whole);
}

/* What the device cannot do with this frame is done here. */
static void add_in_software(struct outgoing *out, struct rte_mbuf *frame)
{
	const struct port *port = out->port;
	const bool chained = frame->nb_segs > port->segments_max;

	if (frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG &&
	    (chained || port->software_flags & RTE_MBUF_F_TX_TCP_SEG)) {
		add_cut(out, frame);
		return;
	}
	if (chained) {
		count(&out->queue->tx_linearised, 1);
		frame = frame_linearise(frame, out->queue->spare);
		if (frame == NULL) {
			count(&out->queue->tx_dropped, 1);
			return;
		}
	}
	frame_checksum(frame, port->software_flags & FRAME_CHECKSUM_FLAGS);
	outgoing_add(out, frame);
}

unsigned port_transmit(struct port *port, unsigned queue_number, struct rte_mbuf **frames,
		       unsigned n)
{
	struct outgoing out = {.port = port,
			       .queue = &port->queues[queue_number],
			       .queue_number = queue_number,
			       .filter = tap_filter(port->tap)};

	ASSERT(queue_number < port->queues_n && n <= PORT_BURST_MAX);
	if (out.queue->held_n > 0)
		held_send(&out);
	for (unsigned k = 0; k < n; k++) {
		if (frames[k]->ol_flags & port->software_flags ||
		    frames[k]->nb_segs > port->segments_max)
			add_in_software(&out, frames[k]);
		else
			outgoing_add(&out, frames[k]);
	}
	if (out.n > 0)
		outgoing_flush(&out);
	return out.queue->held_n;
}

void port_stats(const struct port *port, struct port_stats *stats_r)
{
	struct rte_eth_stats device = {0};

	rte_eth_stats_get(port->id, &device);
	*stats_r = (struct port_stats){.rx_missed = device.imissed, .rx_no_mbuf = device.rx_nombuf};
	for (unsigned k = 0; k < port->queues_n; k++) {
		const struct port_queue *queue = &port->queues[k];

		stats_r->rx_frames += __atomic_load_n(&queue->rx_frames, __ATOMIC_RELAXED);
		stats_r->rx_bytes += __atomic_load_n(&queue->rx_bytes, __ATOMIC_RELAXED);
		stats_r->tx_frames += __atomic_load_n(&queue->tx_frames, __ATOMIC_RELAXED);
		stats_r->tx_bytes += __atomic_load_n(&queue->tx_bytes, __ATOMIC_RELAXED);
		stats_r->tx_dropped += __atomic_load_n(&queue->tx_dropped, __ATOMIC_RELAXED);
		stats_r->tx_linearised += __atomic_load_n(&queue->tx_linearised, __ATOMIC_RELAXED);
	}
}
