/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_ring.h>

#include "check.h"
#include "device.h"

enum {
	/* 8 MiB set aside: 3 ms of full frames at 10 Gb/s, 30,000 headers. */
	COPIES = 4095,
	COPY_BYTES = 2048, /* of frame in one buffer; a longer frame takes more */
	BURST = 64,
	PORTS_BYTES = 4, /* source and destination, at the start of TCP and UDP */
};

int port_tap_create(struct port_tap **tap_r)
{
	struct port_tap *tap = rte_zmalloc("port_tap", sizeof(*tap), 0);

	*tap_r = NULL;
	if (tap == NULL)
		return -ENOMEM;
	tap->copies =
		rte_pktmbuf_pool_create("port_tap", COPIES, 0, 0,
					(uint16_t)rte_pcapng_mbuf_size(COPY_BYTES), SOCKET_ID_ANY);
	tap->ring = rte_ring_create("port_tap", COPIES + 1, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (tap->copies == NULL || tap->ring == NULL)
		port_tap_destroy(&tap);
	*tap_r = tap;
	return tap == NULL ? -ENOMEM : 0;
}

/* Empties the ring. */
static void copies_drop(struct port_tap *tap)
{
	struct rte_mbuf *copies[BURST];
	unsigned n;

	while ((n = rte_ring_dequeue_burst(tap->ring, (void **)copies, BURST, NULL)) > 0)
		rte_pktmbuf_free_bulk(copies, n);
}

void port_tap_destroy(struct port_tap **tap)
{
	struct port_tap *gone = *tap;

	*tap = NULL;
	if (gone == NULL)
		return;
	ASSERT(gone->file == NULL);
	if (gone->ring != NULL)
		copies_drop(gone);
	rte_ring_free(gone->ring);
	rte_mempool_free(gone->copies);
	rte_free(gone);
}

void port_tap_attach(struct port_tap *tap, struct port *port)
{
	ASSERT(port->tap == NULL);
	port->tap = tap;
}

int port_tap_start(struct port_tap *tap, const struct port_tap_filter *filter, int fd)
{
	struct port_tap_filter *mine = &tap->filters[tap->starts % 2];

	if (tap->file != NULL)
		return -EBUSY;
	/* It closes what it was given. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	tap->file = rte_pcapng_fdopen(fd, NULL, NULL, "wiremapd", NULL);
	if (tap->file == NULL) {
		close(fd);
		return -EIO;
	}
	copies_drop(tap); /* a core may have been at it when the last capture ended */
	tap->starts++;
	tap->written = 0;
	__atomic_store_n(&tap->dropped, 0, __ATOMIC_RELAXED);
	*mine = *filter;
	__atomic_store_n(&tap->filter, mine, __ATOMIC_RELEASE);
	return 0;
}

int port_tap_write(struct port_tap *tap, unsigned packets_max)
{
	struct rte_mbuf *copies[BURST];
	unsigned n = rte_ring_dequeue_burst(tap->ring, (void **)copies,
					    RTE_MIN(packets_max, (unsigned)BURST), NULL);
	ssize_t bytes;

	if (n == 0)
		return 0;
	bytes = rte_pcapng_write_packets(tap->file, copies, (uint16_t)n);
	rte_pktmbuf_free_bulk(copies, n);
	if (bytes < 0)
		return errno != 0 ? -errno : -EIO;
	tap->written += n;
	return (int)n;
}

void port_tap_stop(struct port_tap *tap)
{
	__atomic_store_n(&tap->filter, NULL, __ATOMIC_RELEASE);
}

void port_tap_finish(struct port_tap *tap, struct port_tap_stats *stats_r)
{
	ASSERT(tap->filter == NULL && tap->file != NULL);
	copies_drop(tap);
	rte_pcapng_close(tap->file);
	tap->file = NULL;
	*stats_r = (struct port_tap_stats){
		.captured = tap->written,
		.dropped = __atomic_load_n(&tap->dropped, __ATOMIC_RELAXED),
	};
}

/* --- The cores' side --- */

static bool ports_match(const struct rte_mbuf *frame, uint32_t offset, uint16_t port)
{
	uint16_t copy[2];
	const uint16_t *ports = rte_pktmbuf_read(frame, offset, PORTS_BYTES, copy);

	return ports != NULL &&
	       (ports[0] == rte_cpu_to_be_16(port) || ports[1] == rte_cpu_to_be_16(port));
}

/* Foreign bytes: what does not hold together matches only a filter that takes everything. */
static bool matches(const struct port_tap_filter *filter, const struct rte_mbuf *frame)
{
	struct rte_ether_hdr ether_copy;
	struct rte_ipv4_hdr ip_copy;
	const struct rte_ether_hdr *ether = rte_pktmbuf_read(frame, 0, sizeof(*ether), &ether_copy);
	uint32_t offset = sizeof(*ether);
	const struct rte_ipv4_hdr *ip;

	if (filter->host == 0 && filter->port == 0)
		return true;
	if (ether == NULL)
		return false;
	if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN))
		offset += sizeof(struct rte_vlan_hdr);
	else if (ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return false;
	ip = rte_pktmbuf_read(frame, offset, sizeof(*ip), &ip_copy);
	if (ip == NULL || ip->version_ihl >> 4 != 4)
		return false;
	if (filter->host != 0 && ip->src_addr != filter->host && ip->dst_addr != filter->host)
		return false;
	if (filter->port == 0)
		return true;
	return (ip->next_proto_id == IPPROTO_TCP || ip->next_proto_id == IPPROTO_UDP) &&
	       (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0 &&
	       ports_match(frame, offset + (ip->version_ihl & 0xfU) * 4, filter->port);
}

void tap_take(struct port_tap *tap, const struct port_tap_filter *filter, uint16_t port_id,
	      unsigned queue, struct rte_mbuf *const *frames, unsigned n,
	      enum tap_direction direction)
{
	const uint64_t now = rte_get_tsc_cycles();

	for (unsigned k = 0; k < n; k++) {
		struct rte_mbuf *copy;

		if (!matches(filter, frames[k]))
			continue;
		copy = rte_pcapng_copy(port_id, queue, frames[k], tap->copies, UINT16_MAX, now,
				       direction == TAP_IN ? RTE_PCAPNG_DIRECTION_IN
							   : RTE_PCAPNG_DIRECTION_OUT);
		if (copy != NULL && rte_ring_enqueue(tap->ring, copy) == 0)
			continue;
		rte_pktmbuf_free(copy);
		__atomic_fetch_add(&tap->dropped, 1, __ATOMIC_RELAXED);
	}
}
