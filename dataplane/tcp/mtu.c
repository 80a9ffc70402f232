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

	/* Connections that look for a larger MSS, by core; others that were lowered keep theirs. */
	SEARCHES = 1024,
	/* From a smaller MSS, a failed probe or the end of a search to the next probe (RFC 4821
	 * 7.3, RFC 1191 6.3); and where other losses leave open what the probe was lost for: more
	 * than a window has round trips (7.6.2). */
	SEARCH_MS = 600000,
	/* From a black hole that only timeouts have told of: the path may have been gone for a
	 * moment, whatever was sent over it. */
	SEARCH_SOON_MS = 1000,
	SEARCH_UNCLEAR_MS = 60000,
	/* A gain that is not worth a lost segment (7.3): some 2 % of the usual packet. */
	SEARCH_STEP = 32,
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

/* RFC 4821 7.1, in payload: c->mss is search_low and eff_pmtu. */
struct search {
	uint64_t next_ns;	    /* no probe before */
	uint32_t index, generation; /* of the connection, which has C_SEARCH */
	uint32_t seq;		    /* of the probe in flight */
	uint16_t size;		    /* and its size; 0: there is none */
	uint16_t next;		    /* of the next one */
	uint16_t high;		    /* search_high */
	uint16_t most;		    /* what interface and peer take: search_high at first */
};
_Static_assert(sizeof(struct search) == 32, "two in a cache line");

int tcp_mtu_create(struct tcp *tcp)
{
	int socket = tcp->config.socket;

	tcp->paths = rte_zmalloc_socket("tcp_paths", PATHS * sizeof(*tcp->paths), 0, socket);
	tcp->searches =
		rte_zmalloc_socket("tcp_searches", SEARCHES * sizeof(*tcp->searches), 0, socket);
	return tcp->paths == NULL || tcp->searches == NULL ? -ENOMEM : 0;
}

void tcp_mtu_destroy(struct tcp *tcp)
{
	rte_free(tcp->paths);
	rte_free(tcp->searches);
	tcp->paths = NULL;
	tcp->searches = NULL;
}

static struct path *path_of(struct tcp *tcp, const uint8_t peer[16])
{
	return &tcp->paths[tcp_siphash13(tcp->config.secret, peer, 16) % PATHS];
}

static uint32_t headers_of(const struct connection *c)
{
	return TCP_HEADERS + (c->flags & C_TIMESTAMPS ? OPTIONS_TIMESTAMP_BYTES : 0U);
}

static void path_remember(struct tcp *tcp, const struct connection *c)
{
	struct path *path = path_of(tcp, c->tuple.peer);

	memcpy(path->peer, c->tuple.peer, sizeof(path->peer));
	path->mtu = (uint16_t)(c->mss + headers_of(c));
	path->until_ns = tcp->now_ns + PATH_MS * tcp_ms;
}

/* --- Upwards (RFC 4821 7) --- */

static struct search *search_of(struct tcp *tcp, const struct connection *c)
{
	return &tcp->searches[c->index % SEARCHES];
}

/* Whether the connection that has the place is there no more, or searches no more. */
static bool search_is_free(const struct tcp *tcp, const struct search *s)
{
	const struct connection *c = &tcp->connections[s->index];

	return s->most == 0 || c->generation != s->generation || !(c->flags & C_SEARCH);
}

/* All anew, and not before `next_ns`: first whether the path takes all that the two sides do. */
static void search_rest(struct search *s, uint64_t next_ns)
{
	s->size = 0;
	s->high = s->next = s->most;
	s->next_ns = next_ns;
}

/* The MSS is about to be smaller than it is. */
static void search_begin(struct tcp *tcp, struct connection *c, uint64_t next_ns)
{
	struct search *s = search_of(tcp, c);

	if (!tcp->config.path_mtu_probing)
		return;
	if (!(c->flags & C_SEARCH)) {
		if (!search_is_free(tcp, s))
			return;
		c->flags |= C_SEARCH;
		*s = (struct search){
			.index = c->index, .generation = c->generation, .most = c->mss};
	}
	search_rest(s, next_ns);
}

/* RFC 4821 7.6.2: nothing above `high` arrives. `next` is tried when the path may have changed. */
static void search_failed(struct tcp *tcp, const struct connection *c, uint32_t high, uint32_t next)
{
	struct search *s = search_of(tcp, c);

	tcp->stats.mtu_probes_lost++;
	path_remember(tcp, c);
	search_rest(s, tcp->now_ns + SEARCH_MS * tcp_ms);
	if (high < (uint32_t)c->mss + SEARCH_STEP)
		return;
	s->high = (uint16_t)high;
	s->next = (uint16_t)next;
}

static uint32_t halfway(const struct connection *c, uint32_t high)
{
	return (c->mss + high + 1U) / 2;
}

/* RFC 4821 7.6.1. */
static void search_succeeded(struct tcp *tcp, struct connection *c)
{
	struct search *s = search_of(tcp, c);

	ASSERT(s->size > c->mss && s->size <= s->most);
	tcp->stats.path_mtu_raised++;
	c->mss = c->mss_acked = s->size;
	/* Both are in segments, of the new size. */
	c->cwnd = c->cwnd > c->mss ? c->cwnd : c->mss;
	c->ssthresh = c->ssthresh > 2U * c->mss ? c->ssthresh : 2U * c->mss;
	path_remember(tcp, c);
	s->size = 0;
	if (s->most < c->mss + SEARCH_STEP)
		c->flags &= ~(uint32_t)C_SEARCH;
	else if (s->high < c->mss + SEARCH_STEP)
		search_rest(s, tcp->now_ns + SEARCH_MS * tcp_ms);
	else
		s->next = (uint16_t)halfway(c, s->high);
}

/* RFC 4821 7.4. The three segments that make a loss known at once follow from what is there, or
 * from what the session is about to say. */
uint32_t tcp_mtu_probe(struct tcp *tcp, const struct connection *c)
{
	const struct search *s = search_of(tcp, c);
	uint32_t all = s->next + TCP_DUPLICATES * (uint32_t)c->mss, unsent = tcp_unsent(c);

	if (s->size != 0 || tcp->now_ns < s->next_ns || c->mss_claimed != 0 ||
	    (c->flags & (C_LOWERED | C_RECOVERY)) || (c->loss & LOSS_TIMEOUT) ||
	    c->retransmits > 0 || c->lost_n > 0 || c->sacked_n > 0 || c->duplicates > 0 ||
	    c->cwnd < all || c->snd_wnd < all)
		return 0;
	if (unsent < all && !((c->flags & C_MORE) && (unsent >= s->next || tcp_flight(c) > 0)))
		return 0;
	return s->next;
}

void tcp_mtu_probe_sent(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	struct search *s = search_of(tcp, c);

	/* Memory was out. */
	if (bytes <= c->mss)
		return;
	tcp_record(c, (c->record_first + c->records_n - 1U) & RECORD_MASK)->flags |= RECORD_PROBE;
	s->seq = c->snd_nxt - bytes;
	s->size = (uint16_t)bytes;
	tcp->stats.mtu_probes++;
}

void tcp_mtu_delivered(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	struct search *s = search_of(tcp, c);

	if (s->size == 0)
		return;
	if (delivery->probed) {
		search_succeeded(tcp, c);
	} else if (seq_ge(c->snd_una, s->seq + s->size)) {
		/* It came in other segments. If more was lost with it, nobody knows why (7.6.4). */
		if (c->recover - s->seq - 1 < c->snd_nxt - s->seq) {
			tcp->stats.mtu_probes_lost++;
			s->size = 0;
			s->next_ns = tcp->now_ns + SEARCH_UNCLEAR_MS * tcp_ms;
		} else {
			search_failed(tcp, c, s->size - 1U, halfway(c, s->size - 1U));
		}
	}
}

bool tcp_mtu_probe_lost(struct connection *c)
{
	return (c->flags & C_SEARCH) && c->lost_n == 1 &&
	       (tcp_record(c, tcp_scoreboard_lost(c))->flags & RECORD_PROBE);
}

/* A router has refused the probe: it says what it would take, or lies and stops no more than the
 * search (RFC 4821 7.6.2). */
static bool probe_refused(struct tcp *tcp, struct connection *c, uint32_t mtu, uint32_t seq)
{
	const struct search *s = search_of(tcp, c);
	uint32_t high;

	if (!(c->flags & C_SEARCH) || s->size == 0 || seq != s->seq)
		return false;
	if (mtu == 0) {
		search_failed(tcp, c, s->size - 1U, halfway(c, s->size - 1U));
		return true;
	}
	high = mtu > headers_of(c) ? mtu - headers_of(c) : 0;
	if (high < c->mss || high >= s->size)
		return false;
	search_failed(tcp, c, high, high);
	return true;
}

/* --- Downwards --- */

void tcp_mtu_start(struct tcp *tcp, struct connection *c)
{
	const struct path *path = path_of(tcp, c->tuple.peer);
	uint32_t headers = headers_of(c);

	if (path->until_ns <= tcp->now_ns || memcmp(path->peer, c->tuple.peer, 16) != 0 ||
	    path->mtu - headers >= c->mss)
		return;
	search_begin(tcp, c, path->until_ns);
	c->mss = (uint16_t)(path->mtu - headers);
	tcp->stats.path_mtu_known++;
}

/* Smaller segments from now on, and what is in flight again, for none of it arrives. Nothing was
 * lost to congestion, so the window stays (RFC 1191 6.4). */
static void path_lower(struct tcp *tcp, struct connection *c, uint32_t payload, uint64_t search_ms)
{
	ASSERT(payload < c->mss && payload >= TCP_MSS_MIN);
	search_begin(tcp, c, tcp->now_ns + search_ms * tcp_ms);
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

	if (probe_refused(tcp, c, mtu, seq))
		return;
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
	path_lower(tcp, c, mtu - headers, SEARCH_MS);
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
	path_lower(tcp, c, mtu - headers, SEARCH_SOON_MS);
	/* Nor is it remembered before a probe was lost as well. */
	c->flags &= ~(uint32_t)C_LOWERED;
}

void tcp_mtu_timeout(struct tcp *tcp, struct connection *c)
{
	const struct search *s = search_of(tcp, c);

	/* RFC 4821 7.6.3: all before it arrived; the window is reduced, for what was behind it is
	 * not known. */
	if ((c->flags & C_SEARCH) && s->size != 0 && s->seq == c->snd_una)
		search_failed(tcp, c, s->size - 1U, halfway(c, s->size - 1U));
	if (c->mss_claimed != 0)
		path_lower(tcp, c, c->mss_claimed, SEARCH_MS);
	else if (tcp->config.path_mtu_probing && c->retransmits + 1 >= BLACK_HOLE_TIMEOUTS)
		black_hole_leave(tcp, c);
}
