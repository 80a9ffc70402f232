/* SPDX-License-Identifier: Apache-2.0 */
/* Every pool runs empty once, and what waited for it goes on when it is filled again. */
#include "rig.h"

#include <rte_mempool.h>

#include "eal.h"
#include "state.h"

enum { OBJECTS = 8192 };

struct held {
	struct rte_mempool *pool;
	void *objects[OBJECTS];
	unsigned n;
};

static struct held held[4];
static unsigned held_n;

static void pool_empty(const char *name)
{
	struct held *h = &held[held_n++];

	h->pool = rte_mempool_lookup(name);
	assert_non_null(h->pool);
	for (h->n = 0; rte_mempool_get(h->pool, &h->objects[h->n]) == 0; h->n++)
		assert_true(h->n < OBJECTS - 1);
}

static void pools_fill(void)
{
	while (held_n > 0) {
		struct held *h = &held[--held_n];

		while (h->n > 0)
			rte_mempool_put(h->pool, h->objects[--h->n]);
	}
}

static void waits_and_goes_on(struct rig *rig, struct rig_session *session, size_t len)
{
	size_t got = 0;

	rig_say(rig, session, len);
	rig_turn(rig);
	rig_silent(rig);
	/* It is looked at again soon, but nobody polls for it. */
	assert_int_equal(tcp_next_ns(rig->tcp), rig->clock.mono_ns + 1000000);
	rig_sleep(rig, 3);
	rig_silent(rig);
	pools_fill();
	rig_sleep(rig, 2);
	while (rig->sent_at < rig->sent_n) {
		const struct rig_segment *s = rig_expect(rig, ACK);

		assert_true(rig_pattern_at(s->bytes, s->len, got));
		got += s->len;
	}
	assert_int_equal(got, len);
}

static void no_blocks(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	/* The greeting that was not said has taken one for later; it stays. */
	pool_empty("rig_large");
	pool_empty("rig_small");
	rig_say(rig, session, 14000);
	rig_turn(rig);
	assert_int_equal(session->out_at, 14000);
	rig_forget_sent(rig);
	rig->peer_ack += 14000;
	rig_next(rig, ACK, NULL, 0);
	pool_empty("rig_large");
	session->out_n = session->out_at = 0;
	waits_and_goes_on(rig, session, 5000);
}

static void no_headers(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	pool_empty("rig_headers");
	waits_and_goes_on(rig, session, 100);
	assert_true(rig_stats(rig).memory_dropped > 0);
}

/* It is not the peer who has to ask again. */
static void no_header_for_an_acknowledgement(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	pool_empty("rig_headers");
	rig_next(rig, ACK | PSH, "hello", 5);
	rig_turn(rig);
	rig_silent(rig);
	pools_fill();
	rig_sleep(rig, 2);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
}

static void no_slices(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	pool_empty("rig_slices");
	waits_and_goes_on(rig, session, 5000);
}

static int chains(void **state)
{
	rig_tso_bytes_max = 60000;
	return rig_setup(state);
}

/* What was taken to record a chain of three segments goes back when there is none. */
static void no_slices_for_a_chain(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	pool_empty("rig_slices");
	rig_say(rig, session, 3 * RIG_MSS);
	rig_turn(rig);
	rig_silent(rig);
	assert_true(rte_mempool_full(rte_mempool_lookup("rig_boards")));
	pools_fill();
}

static void no_pieces(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	pool_empty("rig_pieces");
	session->take_max = 2;
	rig_next(rig, ACK | PSH, "hello", 5);
	rig_turn(rig);
	/* As if the rest had been lost. */
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq - 3);
	pools_fill();
	session->take_max = 100;
	rig_segment(rig, ACK | PSH, rig->peer_seq - 3, rig->peer_ack, "llo", 3);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_memory_equal(session->in, "hello", 5);
}

/* No header for the answer to a SYN: the peer's retransmission finds one. */
static void no_header_for_a_handshake(void **state)
{
	struct rig *rig = *state;

	pool_empty("rig_headers");
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	rig_silent(rig);
	pools_fill();
	rig_sleep(rig, 1001);
	rig_expect(rig, SYN | ACK);
}

/* Of four that do not acknowledge none gets more than it leaves; a fifth still has its say. */
static void slow_readers_leave_a_share(void **state)
{
	enum { READERS = 4, BLOCK = 16384, BLOCKS = 64 };
	struct rig_session *sessions[READERS + 1];
	struct rig *rig;
	size_t total = 0;

	rig_teardown(state);
	rig_config.packet_memory_bytes = 1 << 20;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig->peer_options.scaling = true;
	rig->peer_options.shift = 8;
	for (unsigned i = 0; i <= READERS; i++) {
		rig->peer_port++;
		sessions[i] = rig_accept(rig);
		if (i < READERS) {
			rig->tcp->connections[i].cwnd = 1 << 20;
			rig->tcp->connections[i].sent_ns = rig->clock.mono_ns;
		}
		rig_say(rig, sessions[i], i < READERS ? RIG_BYTES : 10000);
		rig_turn(rig);
		total += sessions[i]->out_at;
		assert_true(i == 0 || i == READERS ||
			    sessions[i]->out_at <= sessions[i - 1]->out_at);
		rig_forget_sent(rig);
	}
	assert_int_equal(sessions[0]->out_at, RIG_BYTES);
	assert_true(sessions[READERS - 2]->out_at < RIG_BYTES);
	assert_true(sessions[READERS - 1]->out_at <= RIG_BYTES / 2);
	assert_true(total - 10000 <= (BLOCKS - BLOCKS / 8 + 1) * BLOCK);
	assert_int_equal(sessions[READERS]->out_at, 10000);
}

/* The peer SACKs all but the first segment, for ever: new data keeps leaving, but what is held
 * follows the congestion window. */
static void what_is_held_follows_the_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;
	uint32_t una, next;

	rig->peer_options.scaling = true;
	rig->peer_options.shift = 8;
	rig->peer_options.sack_permitted = true;
	session = rig_accept(rig);
	una = next = rig->peer_ack;
	rig_say(rig, session, RIG_BYTES);
	rig_turn(rig);
	rig->peer_options.blocks_n = 1;
	while (rig->sent_at < rig->sent_n) {
		const struct rig_segment *s = &rig->sent[rig->sent_at++];

		if (s->seq == una || s->seq + s->len == next)
			continue;
		next = s->seq + s->len;
		rig->peer_options.blocks[0] = (struct sack_block){una + RIG_MSS, next};
		rig_next(rig, ACK, NULL, 0);
		rig_turn(rig);
	}
	assert_in_range(session->out_at, 3 * 14600, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(no_blocks),
		RIG_TEST(no_headers),
		RIG_TEST(no_header_for_an_acknowledgement),
		RIG_TEST(no_slices),
		cmocka_unit_test_setup_teardown(no_slices_for_a_chain, chains, rig_teardown),
		RIG_TEST(no_pieces),
		RIG_TEST(no_header_for_a_handshake),
		RIG_TEST(slow_readers_leave_a_share),
		RIG_TEST(what_is_held_follows_the_window),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
