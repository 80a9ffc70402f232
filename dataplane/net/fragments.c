/* SPDX-License-Identifier: Apache-2.0 */
#include "fragments.h"

#include <errno.h>
#include <rte_ip_frag.h>
#include <rte_malloc.h>
#include <rte_tcp.h>

#include "check.h"
#include "state.h"

enum {
	/* Of rte_ip_frag's table, which has room for twice as many packets as there are mbufs, in
	 * two buckets for each: mbufs run out first, and what is old can give way. */
	BUCKET_ENTRIES = 8,
	/* Sources share buckets of counts; a source may hold an eighth of the mbufs. */
	SOURCES = 4096,
	SOURCE_SHARE = 8,
	/* When the mbufs run out, those of packets older than this go first: the fragments of one
	 * packet follow each other closely, those of a flood wait for ever. */
	PRESSURE_NS = 50 * 1000 * 1000,
	/* Between two such sweeps, each of which looks at every packet under way. */
	SWEEP_NS = 10 * 1000 * 1000,
	OFFSET_UNIT = 8, /* RFC 791 3.1 */
};

struct fragments {
	struct rte_ip_frag_tbl *table;
	struct rte_mempool *pool;
	uint64_t hash_key;
	uint64_t timeout_ns;
	uint64_t sweep_ns; /* the next sweep, while something is held */
	uint64_t swept_ns; /* the last sweep for lack of mbufs */
	uint32_t held, held_max, source_max;
	uint16_t sources[SOURCES]; /* fragments held of them */
	struct rte_ip_frag_death_row dead;
};

static uint16_t *source_of(struct fragments *fragments, const struct rte_mbuf *frame)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(frame, const struct rte_ipv4_hdr *, frame->l2_len);

	return &fragments->sources[(ip->src_addr * fragments->hash_key) >> 32 & (SOURCES - 1)];
}

/* These fragments are held no longer. */
static void release(struct fragments *fragments, const struct rte_mbuf *frame)
{
	uint16_t *source = source_of(fragments, frame);

	ASSERT(fragments->held >= frame->nb_segs && *source >= frame->nb_segs);
	fragments->held -= frame->nb_segs;
	*source = (uint16_t)(*source - frame->nb_segs);
}

/* Frees what rte_ip_frag gave up. */
static void bury(struct fragments *fragments, struct net_stats *stats)
{
	for (uint32_t k = 0; k < fragments->dead.cnt; k++) {
		count(&stats->fragments_given_up, fragments->dead.row[k]->nb_segs);
		release(fragments, fragments->dead.row[k]);
	}
	rte_ip_frag_free_death_row(&fragments->dead, 0);
}

/* Gives up packets that began `age_ns` ago or before. */
static void sweep(struct fragments *fragments, uint64_t now_ns, uint64_t age_ns,
		  struct net_stats *stats)
{
	uint32_t dead;

	do {
		rte_ip_frag_table_del_expired_entries(fragments->table, &fragments->dead,
						      now_ns + fragments->timeout_ns - age_ns);
		dead = fragments->dead.cnt;
		bury(fragments, stats);
	} while (dead > 0);
}

int fragments_create(const struct net_config *config, uint32_t mtu, uint64_t hash_key,
		     struct fragments **fragments_r)
{
	const uint32_t held_max = config->fragments.held_max;
	const uint32_t room = RTE_PKTMBUF_HEADROOM + LINK_HEADER_BYTES_MAX + mtu;
	struct fragments *fragments = rte_zmalloc_socket("fragments", sizeof(*fragments),
							 RTE_CACHE_LINE_SIZE, config->socket);
	char name[RTE_MEMPOOL_NAMESIZE];

	*fragments_r = fragments;
	if (fragments == NULL)
		return -ENOMEM;
	fragments->hash_key = hash_key;
	fragments->timeout_ns = config->fragments.timeout_ms * 1000000ull;
	fragments->held_max = held_max;
	fragments->source_max = RTE_MAX(held_max / SOURCE_SHARE, 8u);
	snprintf(name, sizeof(name), "%s.fragments", config->name);
	/* A fragment is one part, so parts can be counted for fragments. */
	fragments->pool = rte_pktmbuf_pool_create(name, held_max, 0, 0,
						  (uint16_t)RTE_MIN(room, (uint32_t)UINT16_MAX),
						  config->socket);
	fragments->table =
		rte_ip_frag_table_create(RTE_MAX(held_max / BUCKET_ENTRIES, 1u), BUCKET_ENTRIES,
					 held_max, fragments->timeout_ns, config->socket);
	if (fragments->pool != NULL && fragments->table != NULL)
		return 0;
	fragments_destroy(fragments_r);
	return -ENOMEM;
}

void fragments_destroy(struct fragments **fragments)
{
	struct fragments *gone = *fragments;
	struct net_stats stats = {0};

	if (gone == NULL)
		return;
	*fragments = NULL;
	if (gone->table != NULL)
		sweep(gone, UINT64_MAX / 2, 0, &stats);
	rte_ip_frag_table_destroy(gone->table);
	/* Other cores may hold packets that were handed to them: then the pool stays. */
	if (gone->pool != NULL && rte_mempool_full(gone->pool))
		rte_mempool_free(gone->pool);
	rte_free(gone);
}

void fragments_advance(struct fragments *fragments, uint64_t now_ns, struct net_stats *stats)
{
	if (fragments->held == 0 || now_ns < fragments->sweep_ns)
		return;
	sweep(fragments, now_ns, fragments->timeout_ns, stats);
	fragments->sweep_ns = now_ns + fragments->timeout_ns;
}

uint64_t fragments_next_ns(const struct fragments *fragments)
{
	return fragments->held > 0 ? fragments->sweep_ns : UINT64_MAX;
}

/*
 * What no sender makes: nothing in it, an end beyond the longest packet ("ping of death"), a
 * middle that does not end where another can begin, a first one without the whole header (RFC
 * 1858 3: it hides the flags from filters).
 */
static bool is_sound(const struct rte_ipv4_hdr *ip, uint16_t ip_header_len)
{
	const uint32_t field = rte_be_to_cpu_16(ip->fragment_offset);
	const uint32_t offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * OFFSET_UNIT;
	const uint32_t len = rte_be_to_cpu_16(ip->total_length) - ip_header_len;

	return len > 0 && ip_header_len + offset + len <= UINT16_MAX &&
	       (len % OFFSET_UNIT == 0 || !(field & RTE_IPV4_HDR_MF_FLAG)) &&
	       (offset > 0 || len >= sizeof(struct rte_tcp_hdr));
}

/* Room for one more of this source. */
static bool has_room(struct fragments *fragments, const struct rte_mbuf *frame, uint64_t now_ns,
		     struct net_stats *stats)
{
	if (fragments->held >= fragments->held_max && now_ns >= fragments->swept_ns + SWEEP_NS) {
		fragments->swept_ns = now_ns;
		sweep(fragments, now_ns, RTE_MIN((uint64_t)PRESSURE_NS, fragments->timeout_ns),
		      stats);
	}
	return fragments->held < fragments->held_max &&
	       *source_of(fragments, frame) < fragments->source_max;
}

/* Into our own pool and one part: who sends fragments cannot keep the port's mbufs. */
static struct rte_mbuf *copy_of(struct fragments *fragments, struct rte_mbuf *frame,
				uint16_t link_len, uint16_t ip_header_len)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(frame, const struct rte_ipv4_hdr *, link_len);
	const uint32_t len = link_len + (uint32_t)rte_be_to_cpu_16(ip->total_length);
	struct rte_mbuf *copy = rte_pktmbuf_copy(frame, fragments->pool, 0, len);

	if (copy == NULL)
		return NULL;
	/* Longer than the link's MTU, which nobody may send. */
	if (copy->nb_segs > 1) {
		rte_pktmbuf_free(copy);
		return NULL;
	}
	copy->tx_offload = 0;
	copy->l2_len = link_len;
	copy->l3_len = ip_header_len;
	return copy;
}

/*
 * RFC 3168 5.3: a mark on any fragment is one on the packet. False: there is one, and another
 * fragment says that it could not be marked. The headers still stand before the parts' data.
 */
static bool marks_merge(struct rte_mbuf *whole)
{
	struct rte_ipv4_hdr *first =
		rte_pktmbuf_mtod_offset(whole, struct rte_ipv4_hdr *, whole->l2_len);
	bool marked = false, unmarkable = false;

	for (const struct rte_mbuf *part = whole; part != NULL; part = part->next) {
		const struct rte_ipv4_hdr *ip =
			part == whole ? first
				      : rte_pktmbuf_mtod_offset(part, const struct rte_ipv4_hdr *,
								-(int)part->l3_len);

		marked |= (ip->type_of_service & RTE_IPV4_HDR_ECN_MASK) == RTE_IPV4_HDR_ECN_CE;
		unmarkable |= (ip->type_of_service & RTE_IPV4_HDR_ECN_MASK) == 0;
	}
	if (marked)
		first->type_of_service |= RTE_IPV4_HDR_ECN_CE;
	return !marked || !unmarkable;
}

struct rte_mbuf *fragments_take(struct fragments *fragments, struct rte_mbuf *frame,
				uint16_t link_len, uint16_t ip_header_len, uint64_t now_ns,
				struct net_stats *stats)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(frame, struct rte_ipv4_hdr *, link_len);
	struct rte_mbuf *copy, *whole;

	frame->l2_len = link_len;
	if (!is_sound(ip, ip_header_len)) {
		drop(frame, &stats->fragments_malformed);
		return NULL;
	}
	copy = has_room(fragments, frame, now_ns, stats)
		       ? copy_of(fragments, frame, link_len, ip_header_len)
		       : NULL;
	if (copy == NULL) {
		drop(frame, &stats->fragments_limited);
		return NULL;
	}
	rte_pktmbuf_free(frame);
	count(&stats->fragments_in, 1);
	if (fragments->held++ == 0)
		fragments->sweep_ns = now_ns + fragments->timeout_ns;
	++*source_of(fragments, copy);
	ip = rte_pktmbuf_mtod_offset(copy, struct rte_ipv4_hdr *, link_len);
	whole = rte_ipv4_frag_reassemble_packet(fragments->table, &fragments->dead, copy, now_ns,
						ip);
	bury(fragments, stats);
	if (whole == NULL)
		return NULL;
	release(fragments, whole);
	if (!marks_merge(whole)) {
		drop(whole, &stats->fragments_malformed);
		return NULL;
	}
	whole->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
			     RTE_MBUF_F_TX_IP_CKSUM);
	whole->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	count(&stats->fragments_joined, 1);
	return whole;
}
