/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection begins with what both sides take, or with what is remembered of the path. Then it
 * may need less, and later find that there is more:
 *
 *   - A router says so (RFC 1191). Where nothing so large has come through it is believed at once,
 *     else with the next timeout (RFC 5927 7.2).
 *   - Segments vanish for their size and nobody says why: a black hole (RFC 2923 2.1). A timeout
 *     tells nothing of sizes, for a path that is gone for a while, or a lost tail, looks the same;
 *     and where all segments are full, so does a black hole: silence. So it is tried: from the
 *     second timeout in a row on what is sent again is cut to 1,280 bytes, then to 576. That is the
 *     probe of RFC 4821, downwards, and carries data that must go anyway. That it arrives where the
 *     full one did not raises a suspicion and no more; the next segments are full again. Only when
 *     it has arrived several times and not one full segment between them is the MSS lowered.
 *     With random loss p that takes p to the fourth at least, and a path that comes back shows its
 *     size with the first full segment.
 *   - Whoever was lowered searches upwards (RFC 4821 7): a segment now and then that is larger than
 *     the MSS. After a black hole soon, and before others hear of it two of these must be lost.
 *
 * What a connection needs for that is a place in a table, which is in one of three states:
 *
 *       (none) --- second timeout, cut ---> SUSPECT --- three cut ones arrive ---> BELIEVED
 *         ^                                  |   ^                                   |   |
 *         +------- a full one arrives -------+   +--- (as from none) ----------------+   |
 *         |                                                                              |
 *         +--- a probe as large as both sides take arrives ---+------ (likewise) --------+
 *                                                             |                          |
 *       (none) --- a router, the memory ------------------> KNOWN <--- two probes lost --+
 *
 * A place that is SUSPECT or KNOWN may be taken by one that needs it more: the first finds a black
 * hole later or never, but what it sends is cut all the same; the second keeps an MSS that the path
 * does take. One that is BELIEVED may not: its MSS would stay low for what may have been chance.
 */
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
	/* Timeouts in a row before a smaller segment is tried: the first follows from any burst of
	 * losses. */
	TRIAL_TIMEOUTS = 2,
	/* Of these have to arrive, in place of full ones, before the MSS is lowered, and probes to
	 * be lost before it is remembered (RFC 8899 5.1.2, MAX_PROBES: three of the latter kind;
	 * there is no congestion control that hears of ours). */
	TRIALS_BELIEVED = 3,
	PROBES_REMEMBERED = 2,

	/* Connections with something to find out, by core: so many, or one in sixteen. */
	SEARCHES_MIN = 1024,
	SEARCHES_PART = 16,
	SEARCH_WAYS = 4, /* places that a connection may take */
	/* From a smaller MSS, a failed probe or the end of a search to the next probe (RFC 4821
	 * 7.3, RFC 1191 6.3); and where other losses leave open what the probe was lost for: more
	 * than a window has round trips (7.6.2). */
	SEARCH_MS = 600000,
	/* From a black hole that only losses have told of, and from the first probe that was lost
	 * there: more than a window of then has round trips (7.6.2). */
	SEARCH_SOON_MS = 1000,
	SEARCH_AGAIN_MS = 5000,
	SEARCH_UNCLEAR_MS = 60000,
	/* A gain that is not worth a lost segment (7.3): some 2 % of the usual packet. */
	SEARCH_STEP = 32,
};

/* What is tried in place of what vanishes: every path of IPv6 takes 1,280, so tunnels do; 576 is
 * what RFC 791 wants every host to take. */
static const uint16_t trial_steps[] = {1280, 576};

/* RFC 1191 7, for routers older than it. */
static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, TCP_MTU_MIN};

struct path {
	uint8_t peer[16];
	uint64_t until_ns;
	uint16_t mtu;
};

enum search_state {
	KNOWN,	  /* by a router, or by probes that were lost */
	SUSPECT,  /* the MSS is as it was; `count` smaller segments arrived where it did not */
	BELIEVED, /* a black hole; `count` probes were lost since */
};

/* RFC 4821 7.1, in payload: c->mss is search_low and eff_pmtu. Of a SUSPECT, `seq` and `size` are
 * of the trial, `next` is of the record that it was cut from and `high` of what vanished, which is
 * smaller than that where the record was sent as larger than the MSS. */
struct search {
	uint64_t next_ns;	    /* no probe before */
	uint32_t index, generation; /* of the connection, which has C_SEARCH */
	uint32_t seq;		    /* of the probe in flight */
	uint16_t size;		    /* and its size; 0: there is none */
	uint16_t next;		    /* of the next one */
	uint16_t high;		    /* search_high */
	uint16_t most;		    /* what interface and peer take: search_high at first */
	uint16_t arrived;	    /* the largest trial that did, of a SUSPECT */
	uint8_t state, count;
};
_Static_assert(sizeof(struct search) == 32, "two in a cache line");

static uint32_t searches_n(const struct tcp *tcp)
{
	uint32_t n = tcp->connections_n / SEARCHES_PART;

	return n > SEARCHES_MIN ? n - n % SEARCH_WAYS : SEARCHES_MIN;
}

int tcp_mtu_create(struct tcp *tcp)
{
	int socket = tcp->config.socket;

	tcp->paths = rte_zmalloc_socket("tcp_paths", PATHS * sizeof(*tcp->paths), 0, socket);
	tcp->searches = rte_zmalloc_socket("tcp_searches", searches_n(tcp) * sizeof(*tcp->searches),
					   0, socket);
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

/* --- Places in the table --- */

static bool search_is_of(const struct search *s, const struct connection *c)
{
	return s->most != 0 && s->index == c->index && s->generation == c->generation;
}

static struct search *search_set(struct tcp *tcp, const struct connection *c)
{
	return &tcp->searches[c->index % (searches_n(tcp) / SEARCH_WAYS) * SEARCH_WAYS];
}

/* Of a connection with C_SEARCH. */
static struct search *search_of(struct tcp *tcp, const struct connection *c)
{
	struct search *s = search_set(tcp, c), *end = s + SEARCH_WAYS;

	ASSERT(c->flags & C_SEARCH);
	while (!search_is_of(s, c))
		s++;
	ASSERT(s < end);
	return s;
}

static bool is_suspect(struct tcp *tcp, const struct connection *c)
{
	return (c->flags & C_SEARCH) && search_of(tcp, c)->state == SUSPECT;
}

/* Whether the connection that has the place is there no more, or searches no more. */
static bool search_is_free(const struct tcp *tcp, const struct search *s)
{
	const struct connection *c = &tcp->connections[s->index];

	return !search_is_of(s, c) || !(c->flags & C_SEARCH);
}

/* A place for what will be in `state`, one that another needs less if there is no other: NULL if
 * all are BELIEVED, or for what would come to be KNOWN only to displace its like. */
static struct search *search_find(struct tcp *tcp, const struct connection *c,
				  enum search_state state)
{
	struct search *set = search_set(tcp, c), *found = NULL;

	for (unsigned i = 0; i < SEARCH_WAYS; i++)
		if (search_is_free(tcp, &set[i]))
			return &set[i];
	for (unsigned i = 0; i < SEARCH_WAYS && state != KNOWN; i++)
		if (set[i].state == KNOWN || (set[i].state == SUSPECT && found == NULL))
			found = &set[i];
	if (found != NULL) {
		tcp->stats.mtu_searches_displaced++;
		tcp->connections[found->index].flags &= ~(uint32_t)C_SEARCH;
	}
	return found;
}

/* The connection's place, in `state` from now on, with whatever it was before forgotten but for
 * what interface and peer take; or NULL. The MSS is still that of before. */
static struct search *search_begin(struct tcp *tcp, struct connection *c, enum search_state state)
{
	struct search *s;

	if (!tcp->config.path_mtu_probing)
		return NULL;
	if (c->flags & C_SEARCH) {
		s = search_of(tcp, c);
	} else {
		s = search_find(tcp, c, state);
		if (s == NULL)
			return NULL;
		c->flags |= C_SEARCH;
		*s = (struct search){
			.index = c->index, .generation = c->generation, .most = c->mss};
	}
	s->state = (uint8_t)state;
	s->count = 0;
	s->size = s->arrived = 0;
	return s;
}

/* All anew, and not before `next_ns`: first whether the path takes all that the two sides do. */
static void search_rest(struct search *s, uint64_t next_ns)
{
	s->size = 0;
	s->high = s->next = s->most;
	s->next_ns = next_ns;
}

/* --- Upwards (RFC 4821 7) --- */

/* RFC 4821 7.6.2: nothing above `high` arrives. `next` is tried when the path may have changed. */
static void search_failed(struct tcp *tcp, const struct connection *c, uint32_t high, uint32_t next)
{
	struct search *s = search_of(tcp, c);

	tcp->stats.mtu_probes_lost++;
	if (s->state == BELIEVED && ++s->count < PROBES_REMEMBERED) {
		search_rest(s, tcp->now_ns + SEARCH_AGAIN_MS * tcp_ms);
		return;
	}
	tcp->stats.mtu_black_holes_proved += s->state == BELIEVED;
	s->state = KNOWN;
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
	s->state = KNOWN;
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

	if (s->state == SUSPECT || s->size != 0 || tcp->now_ns < s->next_ns ||
	    c->mss_claimed != 0 || (c->flags & (C_LOWERED | C_RECOVERY)) ||
	    (c->loss & LOSS_TIMEOUT) || c->retransmits > 0 || c->lost_n > 0 || c->sacked_n > 0 ||
	    c->duplicates > 0 || c->cwnd < all || c->snd_wnd < all)
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

bool tcp_mtu_probe_lost(struct connection *c)
{
	return (c->flags & C_SEARCH) && c->lost_n == 1 &&
	       (tcp_record(c, tcp_scoreboard_lost(c))->flags & RECORD_PROBE);
}

/* A router has refused the probe: it says what it would take, or lies and stops no more than the
 * search (RFC 4821 7.6.2). */
static bool probe_refused(struct tcp *tcp, struct connection *c, uint32_t mtu, uint32_t seq)
{
	struct search *s;
	uint32_t high;

	if (!(c->flags & C_SEARCH) || is_suspect(tcp, c))
		return false;
	s = search_of(tcp, c);
	if (s->size == 0 || seq != s->seq)
		return false;
	if (mtu == 0) {
		s->state = KNOWN;
		search_failed(tcp, c, s->size - 1U, halfway(c, s->size - 1U));
		return true;
	}
	high = mtu > headers_of(c) ? mtu - headers_of(c) : 0;
	if (high < c->mss || high >= s->size)
		return false;
	s->state = KNOWN;
	search_failed(tcp, c, high, high);
	return true;
}

/* --- Downwards --- */

void tcp_mtu_start(struct tcp *tcp, struct connection *c)
{
	const struct path *path = path_of(tcp, c->tuple.peer);
	uint32_t headers = headers_of(c);
	struct search *s;

	if (path->until_ns <= tcp->now_ns || memcmp(path->peer, c->tuple.peer, 16) != 0 ||
	    path->mtu - headers >= c->mss)
		return;
	s = search_begin(tcp, c, KNOWN);
	if (s != NULL)
		search_rest(s, path->until_ns);
	c->mss = (uint16_t)(path->mtu - headers);
	tcp->stats.path_mtu_known++;
}

/* Smaller segments from now on, and what is in flight again, for none of it arrives. Nothing was
 * lost to congestion, so the window stays (RFC 1191 6.4). */
static void path_lower(struct tcp *tcp, struct connection *c, uint32_t payload,
		       enum search_state state)
{
	struct search *s = search_begin(tcp, c, state);

	ASSERT(payload < c->mss && payload >= TCP_MSS_MIN);
	if (s != NULL)
		search_rest(s,
			    tcp->now_ns + (state == KNOWN ? SEARCH_MS : SEARCH_SOON_MS) * tcp_ms);
	c->mss = (uint16_t)payload;
	if (c->mss_acked > c->mss)
		c->mss_acked = c->mss;
	c->mss_claimed = 0;
	tcp->stats.path_mtu_lowered++;
	tcp_recovery_shrunk(c);
	tcp_connection_touch(tcp, c);
}

/* The router's word is taken for true, and remembered when what is sent now has come through. */
static void claim_believe(struct tcp *tcp, struct connection *c, uint32_t payload)
{
	path_lower(tcp, c, payload, KNOWN);
	c->flags |= C_LOWERED;
	c->path_seq = c->snd_nxt;
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
	claim_believe(tcp, c, mtu - headers);
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

/* --- Black holes (RFC 4821 7.7, RFC 8899 4.3) --- */

/* Whether a segment of `bytes` is known to have arrived behind what is missing. */
static bool is_sacked(struct connection *c, uint32_t bytes)
{
	for (uint32_t i = 0; i < c->records_n && c->sacked_n > 0; i++) {
		const struct record *record = tcp_record(c, (c->record_first + i) & RECORD_MASK);

		if ((record->flags & RECORD_SACKED) && record->bytes >= bytes)
			return true;
	}
	return false;
}

/* What a segment of `bytes` is cut to at the trial after `n` others in a row; 0: it is small enough
 * for any path, or it is not for its size that it is lost. */
static uint32_t trial_bytes(const struct connection *c, uint32_t bytes, uint32_t n)
{
	uint32_t headers = headers_of(c), mtu = bytes + headers, below = 0;

	do {
		mtu = step_below(trial_steps, RTE_DIM(trial_steps), mtu);
		below = mtu != 0 ? mtu : below;
	} while (mtu != 0 && n-- > 0);
	return below != 0 ? below - headers : 0;
}

uint32_t tcp_mtu_trial(struct tcp *tcp, struct connection *c)
{
	bool suspect = is_suspect(tcp, c);
	uint32_t least = suspect ? 1 : TRIAL_TIMEOUTS, timeouts = c->retransmits + 1U, bytes, most;
	uint32_t head = tcp_record(c, c->record_first)->bytes;
	struct search *s;

	if (!tcp->config.path_mtu_probing || c->mss_claimed != 0 || timeouts < least ||
	    is_sacked(c, head))
		return UINT32_MAX;
	/* Small records leave together. */
	bytes = trial_bytes(c, head, 0) != 0 ? head : tcp_flight(c);
	bytes = bytes < c->mss ? bytes : c->mss;
	most = trial_bytes(c, bytes, timeouts - least);
	if (most == 0)
		return UINT32_MAX;
	tcp->stats.mtu_trials++;
	if (head <= most)
		return most;
	s = suspect ? search_of(tcp, c) : search_begin(tcp, c, SUSPECT);
	if (s != NULL) {
		s->seq = c->snd_una;
		s->size = (uint16_t)most;
		s->high = (uint16_t)bytes;
		s->next = (uint16_t)head;
	}
	return most;
}

/* A segment of the size that seemed to vanish has arrived. */
static void suspicion_refuted(struct tcp *tcp, struct connection *c)
{
	struct search *s = search_of(tcp, c);

	tcp->stats.mtu_black_holes_refuted++;
	if (s->most < c->mss + SEARCH_STEP) {
		c->flags &= ~(uint32_t)C_SEARCH;
		return;
	}
	/* It was lowered before; that, too, is to be asked anew. */
	s->state = BELIEVED;
	s->count = 0;
	search_rest(s, tcp->now_ns + SEARCH_SOON_MS * tcp_ms);
}

static void black_hole_believe(struct tcp *tcp, struct connection *c, uint32_t payload)
{
	tcp->stats.mtu_black_holes++;
	/* What a router has said of larger ones is true all the same. */
	if (c->flags & C_LOWERED)
		path_remember(tcp, c);
	c->flags &= ~(uint32_t)C_LOWERED;
	path_lower(tcp, c, payload, BELIEVED);
}

/* The first bytes of a segment have arrived in a smaller one, and it has not. */
static void trial_arrived(struct tcp *tcp, struct connection *c)
{
	struct search *s = search_of(tcp, c);

	tcp->stats.mtu_trials_arrived++;
	/* The timeout was not spurious (RFC 5682), and the rest of it has not left again. */
	c->loss &= (uint16_t) ~(LOSS_FRTO | LOSS_FRTO_NEW);
	if (seq_lt(c->snd_una, s->seq + s->next) &&
	    !(tcp_record(c, c->record_first)->flags & (RECORD_SACKED | RECORD_LOST)))
		tcp_scoreboard_lose(c, c->record_first);
	if (s->arrived < s->size)
		s->arrived = s->size;
	s->size = 0;
	if (++s->count >= TRIALS_BELIEVED)
		black_hole_believe(tcp, c, s->arrived);
}

void tcp_mtu_timeout(struct tcp *tcp, struct connection *c)
{
	const struct search *s = c->flags & C_SEARCH ? search_of(tcp, c) : NULL;

	/* RFC 4821 7.6.3: all before it arrived; the window is reduced, for what was behind it is
	 * not known. */
	if (s != NULL && s->state != SUSPECT && s->size != 0 && s->seq == c->snd_una)
		search_failed(tcp, c, s->size - 1U, halfway(c, s->size - 1U));
	if (c->mss_claimed != 0)
		claim_believe(tcp, c, c->mss_claimed);
}

/* --- What an acknowledgement has brought --- */

static void suspect_delivered(struct tcp *tcp, struct connection *c, uint32_t largest)
{
	const struct search *s = search_of(tcp, c);

	if (largest >= s->high)
		suspicion_refuted(tcp, c);
	else if (s->size != 0 && seq_ge(c->snd_una, s->seq + s->size))
		trial_arrived(tcp, c);
}

void tcp_mtu_delivered(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	struct search *s = search_of(tcp, c);

	if (s->state == SUSPECT) {
		suspect_delivered(tcp, c, delivery->largest);
		return;
	}
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
