/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <errno.h>
#include <jansson.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <sched.h>
#include <stdio.h>

enum {
	TIMESTAMP_BYTES = 12,
	L4_BYTES = sizeof(struct rte_tcp_hdr) + TIMESTAMP_BYTES,
	HEADER_BYTES = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + L4_BYTES,
	MSS = 1500 - sizeof(struct rte_ipv4_hdr) - L4_BYTES,
	TSO_SEGMENTS = 45,
	QUESTION_BYTES = 64,
	/* Few, so that they stay in cache (DESIGN section 6); the ring holds 1024 of them. */
	FRAMES = 4095,
	FRAMES_CACHE = 256,
	PART_BYTES = 16384, /* of a chain, as a block of the TCP */
	LOOK_TURNS = 4096,  /* between two looks for a signal */
	FIRST_FRAME_S_MAX = 30,
};

struct sender {
	const struct options *options;
	struct port *port;
	struct rte_mempool *headers, *parts;
	struct span file;
	size_t at;
	uint8_t header[HEADER_BYTES];
};

/* EAL's main thread has the pools' caches; it runs where the loop would. */
static void pin(const struct options *options)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(options->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void header_make(struct sender *sender)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)(void *)sender->header;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)(ethernet + 1);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);

	memset(ethernet->dst_addr.addr_bytes, 0xff, RTE_ETHER_ADDR_LEN);
	port_mac(sender->port, ethernet->src_addr.addr_bytes);
	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = RTE_BE16(1500);
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	tcp->data_off = L4_BYTES / 4 << 4;
}

static void fill(struct sender *sender, uint8_t *to, size_t n)
{
	while (n > 0) {
		struct span from = span_cut(sender->file, sender->at, n);

		memcpy(to, from.ptr, from.len);
		to += from.len;
		n -= from.len;
		sender->at = sender->at + from.len == sender->file.len ? 0 : sender->at + from.len;
	}
}

static void part_append(struct sender *sender, struct rte_mbuf *frame, struct rte_mbuf *part,
			uint16_t bytes)
{
	uint8_t *to = rte_pktmbuf_mtod_offset(part, uint8_t *, part->data_len);

	if (sender->options->copy)
		fill(sender, to, bytes);
	part->data_len = (uint16_t)(part->data_len + bytes);
	frame->pkt_len += bytes;
}

static bool chain_make(struct sender *sender, struct rte_mbuf *frame)
{
	struct rte_mbuf *last = frame;
	uint32_t left = TSO_SEGMENTS * MSS;

	frame->l2_len = RTE_ETHER_HDR_LEN;
	frame->l3_len = sizeof(struct rte_ipv4_hdr);
	frame->l4_len = L4_BYTES;
	frame->tso_segsz = MSS;
	frame->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
			   RTE_MBUF_F_TX_TCP_CKSUM;
	while (left > 0) {
		uint16_t bytes = left < PART_BYTES ? (uint16_t)left : PART_BYTES;

		last->next = rte_pktmbuf_alloc(sender->parts);
		if (last->next == NULL)
			return false;
		last = last->next;
		frame->nb_segs++;
		part_append(sender, frame, last, bytes);
		left -= bytes;
	}
	return true;
}

static unsigned frames_make(struct sender *sender, struct rte_mbuf **frames)
{
	unsigned n = 0;

	if (rte_pktmbuf_alloc_bulk(sender->headers, frames, PORT_BURST_MAX) != 0)
		return 0;
	while (n < PORT_BURST_MAX) {
		struct rte_mbuf *frame = frames[n];

		frame->data_len = HEADER_BYTES;
		frame->pkt_len = HEADER_BYTES;
		memcpy(rte_pktmbuf_mtod(frame, void *), sender->header, HEADER_BYTES);
		if (!sender->options->tso)
			part_append(sender, frame, frame, MSS);
		else if (!chain_make(sender, frame))
			break;
		n++;
	}
	if (n < PORT_BURST_MAX)
		rte_pktmbuf_free_bulk(frames + n, PORT_BURST_MAX - n);
	return n;
}

static uint64_t end_of(const struct options *options)
{
	return options->seconds == 0 ? UINT64_MAX
				     : patience_now_ns() + options->seconds * 1000000000ull;
}

int frames_send(const struct options *options, const struct wire *wire, struct span file,
		struct patience *patience, struct log *log)
{
	struct sender sender = {.options = options, .port = wire->port, .file = file};
	const uint64_t until_ns = end_of(options);
	struct rte_mbuf *frames[PORT_BURST_MAX];

	sender.headers = rte_pktmbuf_pool_create("frames", FRAMES, FRAMES_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (options->tso)
		sender.parts =
			rte_pktmbuf_pool_create("parts", FRAMES, FRAMES_CACHE, 0,
						PART_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (sender.headers == NULL || (options->tso && sender.parts == NULL)) {
		log_line(log, LOG_LEVEL_ERROR, "no memory for frames");
		return -ENOMEM;
	}
	header_make(&sender);
	pin(options);
	while (patience_wait_ms(patience, 0) && patience_now_ns() < until_ns) {
		for (unsigned k = 0; k < LOOK_TURNS; k++) {
			/* What did not fit waits in the port, and nothing more is made meanwhile.
			 */
			if (port_transmit(sender.port, 0, NULL, 0) == 0)
				port_transmit(sender.port, 0, frames, frames_make(&sender, frames));
		}
	}
	return 0;
}

struct tally {
	uint64_t at_ns, frames, bytes;
};

/* Receives until `until_ns`, or until there is a frame, and what comes it frees or, with `asks`,
 * sends again. */
static bool receive(struct port *port, uint64_t until_ns, bool first, bool asks,
		    struct tally *tally, struct patience *patience)
{
	struct rte_mbuf *frames[PORT_BURST_MAX];

	while (patience_wait_ms(patience, 0) && (tally->at_ns = patience_now_ns()) < until_ns) {
		for (unsigned turn = 0; turn < LOOK_TURNS; turn++) {
			unsigned n = port_receive(port, 0, frames, PORT_BURST_MAX);

			for (unsigned k = 0; k < n; k++)
				tally->bytes += frames[k]->pkt_len;
			tally->frames += n;
			if (asks)
				port_transmit(port, 0, frames, n);
			else
				rte_pktmbuf_free_bulk(frames, n);
		}
		if (first && tally->frames > 0)
			return true;
	}
	return !first && !patience->ended;
}

static int tally_write(const struct options *options, const struct tally *from,
		       const struct tally *to)
{
	double seconds = (double)(to->at_ns - from->at_ns) / 1e9;
	double frames = (double)(to->frames - from->frames);
	double payload = (double)(to->bytes - from->bytes) - frames * HEADER_BYTES;
	json_t *result = json_pack("{s:f, s:f, s:f}", "seconds", seconds, "frames_per_s",
				   frames / seconds, "bytes_per_s", payload / seconds);
	int status = options->json == NULL ? json_dumpf(result, stdout, JSON_INDENT(1))
					   : json_dump_file(result, options->json, JSON_INDENT(1));

	json_decref(result);
	return status == 0 ? 0 : -EIO;
}

/* From the first frame on, through the warm-up. */
static int tally_make(const struct options *options, struct port *port, bool asks,
		      struct patience *patience, struct log *log)
{
	struct tally from = {0}, to;

	if (!receive(port, patience_now_ns() + FIRST_FRAME_S_MAX * 1000000000ull, true, asks, &from,
		     patience)) {
		log_line(log, LOG_LEVEL_ERROR, "no frame came");
		return -ETIMEDOUT;
	}
	receive(port, patience_now_ns() + options->warmup_ms * 1000000ull, false, asks, &from,
		patience);
	to = from;
	if (!receive(port, from.at_ns + options->seconds * 1000000000ull, false, asks, &to,
		     patience))
		return -EINTR;
	return tally_write(options, &from, &to);
}

int frames_receive(const struct options *options, const struct wire *wire,
		   struct patience *patience, struct log *log)
{
	pin(options);
	return tally_make(options, wire->port, false, patience, log);
}

int frames_reflect(const struct options *options, const struct wire *wire,
		   struct patience *patience)
{
	const uint64_t until_ns = end_of(options);
	struct rte_mbuf *frames[PORT_BURST_MAX];

	pin(options);
	while (patience_wait_ms(patience, 0) && patience_now_ns() < until_ns)
		for (unsigned k = 0; k < LOOK_TURNS; k++)
			port_transmit(wire->port, 0, frames,
				      port_receive(wire->port, 0, frames, PORT_BURST_MAX));
	return 0;
}

static bool ask_one(struct sender *sender)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(sender->headers);

	if (frame == NULL)
		return false;
	frame->data_len = frame->pkt_len = HEADER_BYTES + QUESTION_BYTES;
	memcpy(rte_pktmbuf_mtod(frame, void *), sender->header, HEADER_BYTES);
	port_transmit(sender->port, 0, &frame, 1);
	return true;
}

int frames_ask(const struct options *options, const struct wire *wire, struct patience *patience,
	       struct log *log)
{
	struct sender sender = {.options = options, .port = wire->port};
	struct tally tally = {0};

	sender.headers = rte_pktmbuf_pool_create("frames", FRAMES, FRAMES_CACHE, 0,
						 RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (sender.headers == NULL)
		return -ENOMEM;
	pin(options);
	header_make(&sender);
	/* What the other end gets while it begins it loses: one after the other until one returns.
	 */
	for (unsigned k = 0; k < FIRST_FRAME_S_MAX && tally.frames == 0; k++) {
		ask_one(&sender);
		receive(sender.port, patience_now_ns() + 1000000000, true, true, &tally, patience);
	}
	for (unsigned k = 1; k < options->outstanding; k++)
		if (!ask_one(&sender))
			return -ENOMEM;
	return tally_make(options, wire->port, true, patience, log);
}
