/* SPDX-License-Identifier: Apache-2.0 */
#include "mtu.h"

#include <errno.h>
#include <rte_malloc.h>

#include "connection.h"
#include "options.h"
#include "recovery.h"
#include "scoreboard.h"
#include "siphash.h"

enum {
	/* Destinations that are remembered, by core: two that fall on one place take turns. Only
	 * what a completed handshake, and data that came through afterwards, have shown gets in. */
	PATHS = 256,
	PATH_MS = 600000, /* RFC 1191 6.3 */
	/* Timeouts in a row of a full segment that mean a black hole (RFC 4821 7.7, RFC
	 * 8899 5.1.2): one would follow from any burst of losses. */
	BLACK_HOLE_TIMEOUTS = 2,
};

/* Below what is in use: every path of IPv6 takes 1,280, so tunnels do; 576 is what RFC 791 wants
 * every host to take. */
static const uint16_t black_hole_steps[] = {1280, 576};

/* RFC 1191 7, for routers older than it. */
static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, TCP_MTU_MIN};

struct path {
	uint8_t peer[16];
	uint64_t until_ns;
	uint16_t mtu;
};

int tcp_mtu_create(struct tcp *tcp)
{
	tcp->paths =
		rte_zmalloc_socket("tcp_paths", PATHS * sizeof(*tcp->paths), 0, tcp->config.socket);
	return tcp->paths == NULL ? -ENOMEM : 0;
}

void tcp_mtu_destroy(struct tcp *tcp)
{
	rte_free(tcp->paths);
	tcp->paths = NULL;
}

static struct path *path_of(struct tcp *tcp, const uint8_t peer[16])
{
	return &tcp->paths[tcp_siphash13(tcp->config.secret, peer, 16) % PATHS];
}

static uint32_t headers_of(const struct connection *c)
{
	return TCP_HEADERS + (c->flags & C_TIMESTAMPS ? OPTIONS_TIMESTAMP_BYTES : 0U);
}

void tcp_mtu_start(struct tcp *tcp, struct connection *c)
{
	const struct path *path = path_of(tcp, c->tuple.peer);
	uint32_t headers = headers_of(c);

	if (path->until_ns <= tcp->now_ns || memcmp(path->peer, c->tuple.peer, 16) != 0 ||
	    path->mtu - headers >= c->mss)
		return;
	c->mss = (uint16_t)(path->mtu - headers);
	tcp->stats.path_mtu_known++;
}

static void path_remember(struct tcp *tcp, const struct connection *c)
{
	struct path *path = path_of(tcp, c->tuple.peer);

	memcpy(path->peer, c->tuple.peer, sizeof(path->peer));
	path->mtu = (uint16_t)(c->mss + headers_of(c));
	path->until_ns = tcp->now_ns + PATH_MS * tcp_ms;
}

/* Smaller segments from now on, and what is in flight again, for none of it arrives. Nothing was
 * lost to congestion, so the window stays (RFC 1191 6.4). */
static void path_lower(struct tcp *tcp, struct connection *c, uint32_t payload)
{
	ASSERT(payload < c->mss && payload >= TCP_MSS_MIN);
	c->mss = (uint16_t)payload;
	if (c->mss_acked > c->mss)
		c->mss_acked = c->mss;
	c->mss_claimed = 0;
	c->flags |= C_LOWERED;
	c->path_seq = c->snd_nxt;
	tcp->stats.path_mtu_lowered++;
	tcp_recovery_shrunk(c);
	tcp_connection_touch(tcp, c);
}

/* The largest of the table below `mtu`. */
static uint32_t step_below(const uint16_t *steps, size_t n, uint32_t mtu)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i] < mtu)
			return steps[i];
	return 0;
}

/*
 * RFC 5927 7.2: where no segment so large was acknowledged, the claim is believed. Where some were,
 * it waits for a timeout of the segment that it names, and is forgotten when that arrives: a
 * path that shrinks stops the flow, a forger does not.
 */
void tcp_mtu_claim(struct tcp *tcp, struct connection *c, uint32_t mtu, uint32_t bytes,
		   uint32_t seq)
{
	uint32_t headers = headers_of(c), now = c->mss + headers;

	/* RFC 1191 5: below what it has refused, or says it has. */
	if (mtu == 0)
		mtu = step_below(plateaus, RTE_DIM(plateaus), bytes < now ? bytes : now);
	if (mtu < TCP_MTU_MIN)
		mtu = TCP_MTU_MIN;
	if (mtu >= now)
		return;
	if (mtu - headers < c->mss_acked && c->retransmits == 0) {
		c->flags &= ~(uint32_t)C_LOWERED;
		c->mss_claimed = (uint16_t)(mtu - headers);
		c->path_seq = seq;
		return;
	}
	path_lower(tcp, c, mtu - headers);
}

void tcp_mtu_acked(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	/* Perhaps two smaller ones at once: then a claim waits although it need not. */
	if (bytes >= c->mss && c->mss_acked < c->mss)
		c->mss_acked = c->mss;
	if (c->mss_claimed != 0 && seq_gt(c->snd_una, c->path_seq)) {
		c->mss_claimed = 0;
		tcp->stats.path_mtu_disbelieved++;
	}
	if ((c->flags & C_LOWERED) && seq_ge(c->snd_una, c->path_seq)) {
		c->flags &= ~(uint32_t)C_LOWERED;
		path_remember(tcp, c);
	}
}

/* Segments that are too large vanish and nobody says so (RFC 4821 7.7, RFC 2923 2.1). */
static void black_hole_leave(struct tcp *tcp, struct connection *c)
{
	uint32_t headers = headers_of(c), lost = tcp_record(c, c->record_first)->bytes;
	uint32_t mtu = step_below(black_hole_steps, RTE_DIM(black_hole_steps),
				  (lost < c->mss ? lost : c->mss) + headers);

	/* Either it is small enough for any path, or it is not for its size that it is lost. */
	if (mtu == 0)
		return;
	tcp->stats.mtu_black_holes++;
	path_lower(tcp, c, mtu - headers);
}

void tcp_mtu_timeout(struct tcp *tcp, struct connection *c)
{
	if (c->mss_claimed != 0)
		path_lower(tcp, c, c->mss_claimed);
	else if (tcp->config.path_mtu_probing && c->retransmits + 1 >= BLACK_HOLE_TIMEOUTS)
		black_hole_leave(tcp, c);
}
