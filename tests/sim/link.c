/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

enum {
	POOL_MBUFS = 2047,
	POOL_ROOM = RTE_MBUF_DEFAULT_BUF_SIZE,
	BURST = 32,
	IP_BYTES = sizeof(struct rte_ipv4_hdr),
	PER = 10000,
};

static void clock_still(struct clock *clock)
{
	(void)clock; /* virtual time moves between turns only */
}

/* splitmix64 */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t link_random(struct link *link, uint64_t below)
{
	return random_next(&link->random) % below;
}

static uint64_t end_random(struct tcp_env *env)
{
	struct link_end *end = (struct link_end *)((uint8_t *)env - offsetof(struct link_end, env));

	return random_next(&end->link->random);
}

static bool before(const struct link_packet *a, const struct link_packet *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

static void heap_push(struct link *link, struct link_packet packet)
{
	size_t at = link->heap_n++;

	if (link->heap_n > link->heap_room) {
		link->heap_room = link->heap_n * 2;
		link->heap = realloc(link->heap, link->heap_room * sizeof(*link->heap));
		ASSERT(link->heap != NULL);
	}
	for (; at > 0 && before(&packet, &link->heap[(at - 1) / 2]); at = (at - 1) / 2)
		link->heap[at] = link->heap[(at - 1) / 2];
	link->heap[at] = packet;
}

static struct link_packet heap_pop(struct link *link)
{
	struct link_packet first = link->heap[0], last = link->heap[--link->heap_n];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < link->heap_n) {
		if (child + 1 < link->heap_n && before(&link->heap[child + 1], &link->heap[child]))
			child++;
		if (!before(&link->heap[child], &last))
			break;
		link->heap[at] = link->heap[child];
		at = child;
	}
	link->heap[at] = last;
	return first;
}

static bool happens(struct link *link, unsigned per)
{
	/* Asked always, so that one fault more does not change all that follow. */
	bool yes = link_random(link, PER) < per;

	return yes && link->clock.mono_ns < link->quiet_ns;
}

/* Puts a copy on its way to the other end. */
static void packet_launch(struct link *link, unsigned to, const uint8_t *bytes, uint16_t len,
			  uint64_t due_ns)
{
	struct link_packet packet = {due_ns, link->packets++, malloc(len), len, (uint8_t)to};

	ASSERT(packet.bytes != NULL);
	memcpy(packet.bytes, bytes, len);
	if (happens(link, link->faults.corrupt)) {
		uint64_t bit = link_random(link, len * 8ULL);

		packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	if (happens(link, link->faults.reorder))
		packet.due_ns += link->faults.reorder_ns;
	heap_push(link, packet);
}

/* When a packet that is sent now leaves the bottleneck; 0: it finds no room there. */
static uint64_t bottleneck_ns(struct link *link, struct link_end *from, uint16_t len)
{
	uint64_t now_ns = link->clock.mono_ns, each_ns;

	if (link->faults.bytes_per_ms == 0)
		return now_ns;
	each_ns = len * 1000000ULL / link->faults.bytes_per_ms;
	if (from->free_ns < now_ns)
		from->free_ns = now_ns;
	if ((from->free_ns - now_ns) / (each_ns + 1) > link->faults.queue_packets)
		return 0;
	from->free_ns += each_ns;
	return from->free_ns;
}

static void packet_print(const struct link *link, unsigned from, const uint8_t *bytes, uint16_t len,
			 const char *fate)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(bytes + IP_BYTES);
	static const char names[] = "FSRPA";
	char flags[6] = ".....";

	for (unsigned i = 0; i < 5; i++)
		if (tcp->tcp_flags & 1U << i)
			flags[i] = names[i];
	printf("%10.3f ms %c %s seq %10u len %5u ack %10u window %5u%s\n",
	       (double)link->clock.mono_ns / 1e6, 'a' + (int)from, flags,
	       rte_be_to_cpu_32(tcp->sent_seq), len - IP_BYTES - (tcp->data_off >> 4) * 4U,
	       rte_be_to_cpu_32(tcp->recv_ack), rte_be_to_cpu_16(tcp->rx_win), fate);
}

/* One IPv4 packet onto the wire. */
static void packet_send(struct link_end *from, const uint8_t *bytes, uint16_t len)
{
	struct link *link = from->link;
	unsigned to = from == &link->ends[0];
	uint64_t due_ns = bottleneck_ns(link, from, len);
	bool lost = happens(link, link->faults.loss);

	if (link->trace)
		packet_print(link, !to, bytes, len, due_ns == 0 || lost ? " lost" : "");
	if (due_ns == 0 || lost)
		return;
	due_ns += link->faults.delay_ns + link_random(link, link->faults.jitter_ns + 1);
	packet_launch(link, to, bytes, len, due_ns);
	if (happens(link, link->faults.duplicate))
		packet_launch(link, to, bytes, len, due_ns + link_random(link, 2000000));
}

/* IPv4 header and TCP checksum, as net/ and a port's offload make them. */
static void headers_finish(uint8_t *packet, uint16_t len, const uint8_t src[16],
			   const uint8_t dst[16])
{
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16(len),
				  .time_to_live = 64,
				  .next_proto_id = IPPROTO_TCP};
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(packet + IP_BYTES);

	memcpy(&ip.src_addr, src + 12, 4);
	memcpy(&ip.dst_addr, dst + 12, 4);
	memcpy(packet, &ip, sizeof(ip));
	ASSERT(tcp->cksum == 0);
	tcp->cksum = rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)packet, tcp);
}

/* Cuts a segment of several MSS as a port's TSO would. */
static void segment_cut(struct link_end *from, const uint8_t *segment, uint32_t header,
			uint32_t payload, uint32_t mss, const uint8_t src[16],
			const uint8_t dst[16])
{
	uint32_t done = 0;

	do {
		uint32_t n = payload - done < mss ? payload - done : mss;
		uint8_t packet[65536];
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(packet + IP_BYTES);
		uint16_t len = (uint16_t)(IP_BYTES + header + n);

		ASSERT(len <= from->link->faults.mtu);
		memcpy(packet + IP_BYTES, segment, header);
		memcpy(packet + IP_BYTES + header, segment + header + done, n);
		tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + done);
		done += n;
		if (done < payload)
			tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		headers_finish(packet, len, src, dst);
		packet_send(from, packet, len);
	} while (done < payload);
}

static void end_send(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
		     const uint8_t dst[16], uint8_t tos)
{
	struct link_end *from = (struct link_end *)wire;
	uint8_t bytes[65536];
	uint32_t len = segment->pkt_len, header = segment->l4_len, mss = len - header;
	const void *read;

	(void)tos;
	ASSERT(len <= sizeof(bytes) && header >= sizeof(struct rte_tcp_hdr));
	ASSERT(segment->nb_segs <= wire->segments_max || wire->segments_max == 1);
	read = rte_pktmbuf_read(segment, 0, len, bytes);
	ASSERT(read != NULL);
	if (read != bytes)
		memcpy(bytes, read, len);
	if (segment->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		ASSERT(len - header <= wire->tso_bytes_max);
		mss = segment->tso_segsz;
	}
	rte_mbuf_sanity_check(segment, 1);
	segment_cut(from, bytes, header, len - header, mss, src, dst);
	rte_pktmbuf_free(segment);
}

static uint32_t end_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)dst;
	return ((struct link_end *)wire)->link->faults.mtu;
}

void link_create(struct link *link, uint64_t seed, const struct link_faults *faults)
{
	static unsigned made;
	char name[32];

	*link = (struct link){.clock = {.mono_ns = 1000000000, .refresh = clock_still},
			      .faults = *faults,
			      .random = seed,
			      .quiet_ns = UINT64_MAX};
	snprintf(name, sizeof(name), "link%u", made++);
	link->pool = rte_pktmbuf_pool_create(name, POOL_MBUFS, 0, 0, POOL_ROOM, -1);
	ASSERT(link->pool != NULL);
	for (unsigned i = 0; i < 2; i++) {
		struct link_end *end = &link->ends[i];

		end->wire = (struct tcp_wire){.send = end_send,
					      .mtu = end_mtu,
					      .tso_bytes_max = faults->tso_bytes_max,
					      .segments_max = faults->segments_max};
		end->link = link;
		end->env = (struct tcp_env){
			.clock = &link->clock, .wire = &end->wire, .random = end_random};
		memcpy(end->addr, (uint8_t[16]){[10] = 0xff, 0xff, 127, 0, 0, (uint8_t)(i + 1)},
		       16);
	}
}

void link_destroy(struct link *link)
{
	while (link->heap_n > 0)
		free(heap_pop(link).bytes);
	free(link->heap);
	ASSERT(rte_mempool_full(link->pool));
	rte_mempool_free(link->pool);
}

struct link_faults link_faults_of(uint64_t seed)
{
	static const uint64_t rates[] = {0, 0, 125, 1250, 12500};
	uint64_t state = seed ^ 0x6c696e6b;
	struct link_faults faults = {
		.loss = (unsigned)(random_next(&state) % 4 == 0 ? 0 : random_next(&state) % 1501),
		.duplicate = (unsigned)(random_next(&state) % 500),
		.corrupt = (unsigned)(random_next(&state) % 300),
		.reorder = (unsigned)(random_next(&state) % 1000),
		.delay_ns = random_next(&state) % 50000000,
		.jitter_ns = random_next(&state) % 4 * (random_next(&state) % 5000000),
		.reorder_ns = random_next(&state) % 20000000,
		.bytes_per_ms = rates[random_next(&state) % 5],
		.queue_packets = (unsigned)(10 + random_next(&state) % 200),
		.mtu = random_next(&state) % 4 == 0 ? (uint32_t)(576 + random_next(&state) % 8000)
						    : 1500,
		.segments_max = (uint32_t)(random_next(&state) % 3 == 0 ? 1 : 2 + seed % 7),
		.tso_bytes_max = (uint32_t)(random_next(&state) % 3 == 0 ? 32768 : 0)};

	return faults;
}

/* Whether net/ would let it through. */
static bool packet_intact(const struct link *link, const uint8_t *bytes, uint16_t len)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)bytes;
	uint16_t total = rte_be_to_cpu_16(ip->total_length);

	return len == total && ip->version_ihl == RTE_IPV4_VHL_DEF &&
	       ip->next_proto_id == IPPROTO_TCP &&
	       (link->believing || rte_ipv4_udptcp_cksum_verify(ip, bytes + IP_BYTES) == 0);
}

/* Into a packet as tcp_input() wants it, at times in two parts. */
static struct rte_mbuf *packet_mbuf(struct link *link, const struct link_packet *packet)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(link->pool), *last = head;
	uint32_t done = 0;

	ASSERT(head != NULL);
	while (done < packet->len) {
		uint32_t n = packet->len - done;

		if (done == 0 && link_random(link, 8) == 0 && n > IP_BYTES)
			n = IP_BYTES + (uint32_t)link_random(link, n - IP_BYTES);
		if (n > rte_pktmbuf_tailroom(last))
			n = rte_pktmbuf_tailroom(last);
		memcpy(rte_pktmbuf_mtod(last, uint8_t *), packet->bytes + done, n);
		last->data_len = (uint16_t)n;
		done += n;
		if (done == packet->len)
			break;
		last->next = rte_pktmbuf_alloc(link->pool);
		last = last->next;
		ASSERT(last != NULL);
		head->nb_segs++;
	}
	head->pkt_len = packet->len;
	head->l3_len = IP_BYTES;
	return head;
}

/* Delivers what is due to one end as one burst. */
static void end_receive(struct link *link, unsigned to)
{
	struct rte_mbuf *burst[BURST];
	unsigned n = 0;

	while (n < BURST && link->heap_n > 0 && link->heap[0].to == to &&
	       link->heap[0].due_ns <= link->clock.mono_ns) {
		struct link_packet packet = heap_pop(link);

		if (packet_intact(link, packet.bytes, packet.len))
			burst[n++] = packet_mbuf(link, &packet);
		free(packet.bytes);
	}
	tcp_input(link->ends[to].tcp, burst, n);
}

bool link_turn(struct link *link)
{
	bool more = false;

	for (unsigned i = 0; i < 2; i++) {
		struct tcp *tcp = link->ends[i].tcp;

		end_receive(link, i);
		tcp_advance(tcp);
		more |= tcp_produce(tcp, UINT64_MAX);
	}
	return more || link_next_ns(link) <= link->clock.mono_ns;
}

uint64_t link_next_ns(const struct link *link)
{
	uint64_t next_ns = link->heap_n > 0 ? link->heap[0].due_ns : UINT64_MAX;

	for (unsigned i = 0; i < 2; i++)
		if (tcp_next_ns(link->ends[i].tcp) < next_ns)
			next_ns = tcp_next_ns(link->ends[i].tcp);
	return next_ns;
}

void link_advance(struct link *link, uint64_t now_ns)
{
	ASSERT(now_ns >= link->clock.mono_ns);
	link->clock.mono_ns = now_ns;
	link->clock.wall_s = (int64_t)(now_ns / 1000000000);
}
