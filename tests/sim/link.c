/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <rte_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum {
	/* An Internet checksum finds every run of wrong bits that is shorter than it. */
	CORRUPT_BITS_MAX = 15,
	QUOTED_BYTES = 28, /* of the packet that was too big (RFC 792) */
	ICMP_BYTES = 8,
	UNREACHABLE = 3,
	FRAGMENTATION_NEEDED = 4,
};

/* The largest RTO, and once more: by then whoever has not given up has tried a clean path. */
static const uint64_t excused_ns = 125 * 1000000000ULL;
static const uint8_t router[16] = {[10] = 0xff, 0xff, 127, 0, 9, 9};

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

static bool during(uint64_t now_ns, uint64_t start_ns, uint64_t for_ns)
{
	return now_ns >= start_ns && now_ns - start_ns < for_ns;
}

static bool quiet(const struct link *link)
{
	return link->clock->mono_ns >= link->config.quiet_ns;
}

/* Asked always, so that one fault more does not change all that follow. */
static bool happens(struct link *link, unsigned per)
{
	return random_chance(&link->random, per) && !quiet(link);
}

static void packet_say(const struct link *link, unsigned to, uint8_t *bytes, uint16_t len,
		       const char *fate, uint64_t due_ns)
{
	char text[400];

	if (!link->journal->loud)
		return;
	packet_print(bytes, len, text, sizeof(text));
	if (due_ns != 0)
		journal_say(link->journal, "%c %s arrives %.3f%s", to == 0 ? '<' : '>', text,
			    (double)(due_ns - link->journal->start_ns) / 1e6, fate);
	else
		journal_say(link->journal, "%c %s %s", to == 0 ? '<' : '>', text, fate);
}

/* Puts a copy on its way. */
static void launch(struct link *link, unsigned to, const uint8_t *bytes, uint16_t len,
		   uint64_t due_ns, bool corrupted)
{
	struct link_packet packet = {due_ns, link->order++, malloc(len + (size_t)PACKET_SLACK),
				     len,    (uint8_t)to,   corrupted};

	ASSERT(packet.bytes != NULL);
	memcpy(packet.bytes, bytes, len);
	memset(packet.bytes + len, 0, PACKET_SLACK);
	if (corrupted) {
		uint64_t bit = random_below(&link->random, len * 8ULL);
		uint64_t bits = random_between(&link->random, 1, CORRUPT_BITS_MAX);

		/* The first always, so that something is wrong. */
		for (uint64_t i = 0; i < bits && bit + i < len * 8ULL; i++)
			if (i == 0 || random_once(&link->random, 2))
				packet.bytes[(bit + i) / 8] ^= (uint8_t)(0x80 >> (bit + i) % 8);
	}
	heap_push(link, packet);
}

static uint32_t mtu_now(const struct link *link)
{
	const struct link_config *config = &link->config;

	if (link->clock->mono_ns < config->mtu_ns || (config->black_hole && quiet(link)))
		return config->mtu;
	return config->mtu_later;
}

/* RFC 1191 4: the router tells whose packet it was. */
static void complain(struct link *link, unsigned to, const uint8_t *bytes)
{
	uint8_t packet[PACKET_IP_BYTES + ICMP_BYTES + QUOTED_BYTES + PACKET_SLACK] = {0};
	uint16_t len = PACKET_IP_BYTES + ICMP_BYTES + QUOTED_BYTES;
	uint32_t mtu = mtu_now(link);
	uint64_t due_ns = link->clock->mono_ns + link->config.paths[!to].delay_ns / 2 + 1;

	packet[PACKET_IP_BYTES] = UNREACHABLE;
	packet[PACKET_IP_BYTES + 1] = FRAGMENTATION_NEEDED;
	packet[PACKET_IP_BYTES + 6] = (uint8_t)(mtu >> 8);
	packet[PACKET_IP_BYTES + 7] = (uint8_t)mtu;
	memcpy(packet + PACKET_IP_BYTES + ICMP_BYTES, bytes, QUOTED_BYTES);
	packet_finish(packet, len, IPPROTO_ICMP, router, link->addrs[to], 0);
	packet_say(link, to, packet, len, "", due_ns);
	launch(link, to, packet, len, due_ns, false);
}

/* Whether the packet is lost to chance, and how. */
static const char *chance_loses(struct link *link, const struct link_path *path,
				struct link_way *way, uint8_t *bytes, uint16_t len)
{
	bool lost = happens(link, path->loss), bad = happens(link, path->loss_bad);
	bool ack = packet_is_pure_ack(bytes, len), ack_lost = happens(link, path->ack_loss);

	if (way->bad ? random_chance(&link->random, path->good)
		     : random_chance(&link->random, path->bad))
		way->bad = !way->bad;
	if (lost) {
		link->stats.lost++;
		return "lost";
	}
	if (way->bad && bad) {
		link->stats.lost_in_bursts++;
		return "lost in a burst";
	}
	if (ack && path->ack_every > 1)
		ack_lost |= ++way->acks % path->ack_every != 0 && !quiet(link);
	if (ack && ack_lost) {
		link->stats.lost_acks++;
		return "lost, an acknowledgement";
	}
	return NULL;
}

/* When a packet that is sent now leaves the bottleneck; 0: it finds no room there. */
static uint64_t bottleneck_ns(struct link *link, const struct link_path *path, struct link_way *way,
			      uint8_t *bytes, uint16_t len)
{
	uint64_t now_ns = link->clock->mono_ns, queued;
	struct rte_ipv4_hdr *ip = packet_ip(bytes);

	if (path->bytes_per_ms == 0)
		return now_ns;
	if (way->free_ns < now_ns)
		way->free_ns = now_ns;
	queued = (way->free_ns - now_ns) * path->bytes_per_ms / 1000000;
	/* Where nothing waits, one fits: the wire has it at once. */
	if (queued > 0 && queued + len > path->queue_bytes)
		return 0;
	if (path->marks && queued > path->queue_bytes / 4 &&
	    (ip->type_of_service & ECN_MASK) != ECN_NOT) {
		ip->type_of_service |= ECN_CE;
		packet_seal(bytes, len);
		link->stats.marked++;
	}
	way->free_ns += len * 1000000ULL / path->bytes_per_ms;
	return way->free_ns;
}

/* The way from the bottleneck to the other end. */
static uint64_t arrival_ns(struct link *link, const struct link_path *path, struct link_way *way,
			   uint64_t due_ns)
{
	const struct link_config *config = &link->config;
	uint64_t jitter_ns = random_below(&link->random, path->jitter_ns + 1);

	due_ns += path->delay_ns + (quiet(link) ? 0 : jitter_ns);
	if (during(link->clock->mono_ns, config->slow_ns, config->slow_for_ns))
		due_ns += config->slow_by_ns;
	if (path->grid_ns > 0 && !quiet(link))
		due_ns += path->grid_ns - due_ns % path->grid_ns;
	if (path->fifo && due_ns < way->last_ns)
		due_ns = way->last_ns;
	way->last_ns = due_ns;
	if (happens(link, path->reorder)) {
		link->stats.reordered++;
		due_ns += path->reorder_ns;
	}
	return due_ns;
}

static const char *refuse(struct link *link, unsigned from, const uint8_t *bytes, uint16_t len)
{
	const struct link_config *config = &link->config;

	if (link->dead || during(link->clock->mono_ns, config->gone_ns, config->gone_for_ns)) {
		link->stats.lost_while_gone++;
		return "lost, the path is gone";
	}
	if (len <= mtu_now(link))
		return NULL;
	link->stats.too_big++;
	if (!config->black_hole)
		complain(link, from, bytes);
	return "lost, too big";
}

void link_send(struct link *link, unsigned from, uint8_t *bytes, uint16_t len)
{
	const struct link_path *path = &link->config.paths[from];
	struct link_way *way = &link->ways[from];
	unsigned to = !from;
	const char *lost = refuse(link, from, bytes, len);
	uint64_t due_ns = 0;
	bool corrupted;

	link->stats.packets++;
	link->stats.mangled += middlebox_pass(&link->box, from, bytes, len, quiet(link));
	if (lost == NULL)
		lost = chance_loses(link, path, way, bytes, len);
	if (lost == NULL) {
		due_ns = bottleneck_ns(link, path, way, bytes, len);
		lost = due_ns == 0 ? "lost, no room in the queue" : NULL;
		link->stats.lost_in_queue += due_ns == 0;
	}
	if (lost != NULL) {
		packet_say(link, to, bytes, len, lost, 0);
		return;
	}
	due_ns = arrival_ns(link, path, way, due_ns);
	corrupted = happens(link, path->corrupt) && len >= PACKET_IP_BYTES + PACKET_TCP_BYTES;
	link->stats.corrupted += corrupted;
	packet_say(link, to, bytes, len, corrupted ? ", corrupted" : "", due_ns);
	launch(link, to, bytes, len, due_ns, corrupted);
	if (happens(link, path->duplicate)) {
		link->stats.duplicated++;
		due_ns += random_below(&link->random, 2000000);
		packet_say(link, to, bytes, len, ", a duplicate", due_ns);
		launch(link, to, bytes, len, due_ns, false);
	}
}

void link_forge(struct link *link, unsigned to, const uint8_t *bytes, uint16_t len,
		uint64_t delay_ns)
{
	uint8_t copy[PACKET_BYTES_MAX + PACKET_SLACK];

	memcpy(copy, bytes, len);
	memset(copy + len, 0, PACKET_SLACK);
	link->stats.forged++;
	packet_say(link, to, copy, len, ", forged", link->clock->mono_ns + delay_ns);
	launch(link, to, copy, len, link->clock->mono_ns + delay_ns, false);
}

bool link_take(struct link *link, unsigned to, struct link_packet *packet_r)
{
	while (link->heap_n > 0 && link->heap[0].to == to &&
	       link->heap[0].due_ns <= link->clock->mono_ns) {
		bool intact;

		*packet_r = heap_pop(link);
		intact = packet_intact(packet_r->bytes, packet_r->len);
		if (intact && packet_r->corrupted)
			journal_fail(link->journal, "a checksum did not see wrong bits");
		if (intact || (link->believing && packet_ip_intact(packet_r->bytes, packet_r->len)))
			return true;
		if (!packet_r->corrupted)
			journal_fail(link->journal, "a packet with a wrong checksum was sent");
		free(packet_r->bytes);
	}
	return false;
}

uint64_t link_next_ns(const struct link *link)
{
	return link->heap_n > 0 ? link->heap[0].due_ns : UINT64_MAX;
}

bool link_excuses(const struct link *link, uint64_t at_ns)
{
	return at_ns < link->config.quiet_ns + excused_ns || middlebox_fatal(&link->config.box);
}

void link_create(struct link *link, const struct clock *clock, struct journal *journal,
		 struct random random, const struct link_config *config)
{
	*link = (struct link){.config = *config,
			      .clock = clock,
			      .journal = journal,
			      .random = random,
			      .box.config = config->box};
	for (unsigned i = 0; i < 2; i++)
		memcpy(link->addrs[i],
		       (uint8_t[16]){[10] = 0xff, 0xff, 127, 0, 0, (uint8_t)(i + 1)}, 16);
}

void link_destroy(struct link *link)
{
	while (link->heap_n > 0)
		free(heap_pop(link).bytes);
	free(link->heap);
}
