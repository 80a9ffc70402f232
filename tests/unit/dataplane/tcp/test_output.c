/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "eal.h"

/* Takes every segment sent so far as the next of the pattern; returns the bytes. */
static size_t take_all(struct rig *rig, size_t at)
{
	size_t total = 0;

	while (rig->sent_at < rig->sent_n) {
		const struct rig_segment *s = rig_expect(rig, ACK);

		assert_int_equal(s->seq, rig->peer_ack + total);
		assert_true(rig_pattern_at(s->bytes, s->len, at + total));
		total += s->len;
	}
	rig_forget_sent(rig);
	return total;
}

static void pump(struct rig *rig, struct rig_session *session)
{
	size_t at = 0;

	for (unsigned turns = 0; at < session->out_n; turns++) {
		size_t n;

		rig_turn(rig);
		n = take_all(rig, at);
		assert_true(n > 0);
		assert_true(turns < 10000);
		at += n;
		rig->peer_ack += (uint32_t)n;
		rig_next(rig, ACK, NULL, 0);
	}
	rig_turn(rig);
	rig_silent(rig);
}

static void one_short_answer_is_one_segment(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	const struct rig_segment *s;

	rig_say(rig, session, 100);
	rig_turn(rig);
	s = rig_expect(rig, ACK);
	assert_int_equal(s->len, 100);
	assert_true(s->flags & PSH);
	assert_true(rig_pattern_at(s->bytes, 100, 0));
	rig_silent(rig);
}

/* An acknowledgement beyond the window of the peer would not be looked at. */
static void a_window_taken_back_still_hears(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 5000);
	rig_turn(rig);
	take_all(rig, 0);
	rig->peer_window = 100;
	rig_next(rig, ACK, NULL, 0);
	rig_next(rig, ACK | PSH, "hello", 5);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 100);
	tcp_transport(rig->tcp)->ops->abort(tcp_transport(rig->tcp), session->ref);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, RST | ACK)->seq, rig->peer_ack + 100);
}

static void long_answers_come_through(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 250000);
	pump(rig, session);
}

/* A full queue stops new data, not acknowledgements; nothing is lost and the loop stays awake. */
static void a_full_wire_waits(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	unsigned produced = session->produced;

	rig->wire.full = 1;
	rig_say(rig, session, 3000);
	for (unsigned turns = 0; turns < 3; turns++) {
		tcp_advance(rig->tcp);
		assert_true(tcp_produce(rig->tcp, UINT64_MAX));
		rig_silent(rig);
	}
	assert_int_equal(session->produced, produced);
	rig_next(rig, ACK | PSH, "xy", 2);
	rig_next(rig, ACK | PSH, "xy", 2);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 0);
	rig_silent(rig);
	rig->wire.full = 0;
	pump(rig, session);
	assert_int_equal(rig_stats(rig).retransmit_segments, 0);
}

static void on_a_wire_without_chains(void **state)
{
	struct rig *rig = *state;

	rig_teardown(state);
	rig_segments_max = 1;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig_say(rig, rig_accept(rig), 100000);
	pump(rig, &rig->sessions[0]);
}

static void on_a_wire_with_short_chains(void **state)
{
	struct rig *rig = *state;

	rig_teardown(state);
	rig_segments_max = 3;
	rig_tso_bytes_max = 60000;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig_say(rig, rig_accept(rig), 100000);
	rig_turn(rig);
	for (; rig->sent_at < rig->sent_n; rig->sent_at++)
		assert_true(rig->sent[rig->sent_at].len > 0);
}

static void tso_segments_are_multiples(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;
	uint32_t total = 0;

	rig_teardown(state);
	rig_tso_bytes_max = 9000;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	session = rig_accept(rig);
	rig_say(rig, session, 14600);
	rig_turn(rig);
	while (total < 14600) {
		const struct rig_segment *s = rig_expect(rig, ACK);

		assert_int_equal(s->len % RIG_MSS, 0);
		assert_true(s->len <= 9000);
		total += s->len;
	}
	rig_silent(rig);
}

/* Ten segments at first (RFC 6928), then two for each one acknowledged. */
static void initial_window_and_slow_start(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 200000);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 10);
	rig_forget_sent(rig);
	rig->peer_ack += RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 2);
	rig_forget_sent(rig);
	/* One acknowledgement for nine counts for eight (RFC 9406, L = 8). */
	rig->peer_ack += 9 * RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 17);
}

static void idle_connections_start_again(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 100000);
	pump(rig, session);
	rig_sleep(rig, 5000);
	rig_forget_sent(rig);
	rig_say(rig, session, 100000);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 10);
}

static void never_beyond_the_peers_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->peer_window = 5000;
	session = rig_accept(rig);
	rig_say(rig, session, 20000);
	rig_turn(rig);
	assert_int_equal(take_all(rig, 0), 3 * RIG_MSS); /* no silly 620 bytes more */
	rig->peer_ack += RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	rig_silent(rig);
}

static void window_that_shrinks(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 40000);
	rig_turn(rig);
	rig_forget_sent(rig);
	rig->peer_window = 1000; /* less than what is in flight */
	rig->peer_ack += RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_silent(rig);
	rig->peer_window = 60000;
	rig->peer_ack += 9 * RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	assert_true(rig->sent_n > 0);
}

static void closed_window_is_probed(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->peer_window = 0;
	session = rig_accept(rig);
	rig_say(rig, session, 3000);
	rig_turn(rig);
	rig_silent(rig);
	rig_sleep(rig, 201);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack - 1);
	rig_next(rig, ACK, NULL, 0);
	rig_sleep(rig, 390);
	rig_silent(rig);
	rig_sleep(rig, 20);
	rig_expect(rig, ACK); /* backed off: 400 ms */
	rig->peer_window = 60000;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_forget_sent(rig);
	assert_int_equal(session->out_at, 3000);
	assert_int_equal(rig_stats(rig).window_probes, 2);
}

static void window_held_shut_for_ever(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;
	unsigned probes = 0;

	rig->peer_window = 0;
	session = rig_accept(rig);
	rig_say(rig, session, 3000);
	for (unsigned s = 0; s < 1200 && session->closed == 0; s++) {
		rig_sleep(rig, 1000);
		while (rig->sent_at < rig->sent_n && !(rig->sent[rig->sent_at].flags & RST)) {
			rig->sent_at++;
			probes++;
			rig_next(rig, ACK, NULL, 0);
		}
	}
	assert_int_equal(session->closed, 1);
	assert_int_equal(session->reason, STREAM_TIMEOUT);
	assert_int_equal(probes, 15);
	rig_expect(rig, RST | ACK);
}

/* A window that stays small is used in the end (RFC 9293 3.8.6.2.1). */
static void small_window_is_used_after_a_while(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig->peer_window = 500;
	rig_next(rig, ACK | PSH, "x", 1);
	rig_say(rig, session, 3000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 0);
	rig_sleep(rig, 201);
	assert_int_equal(rig_expect(rig, ACK)->len, 500);
	rig->peer_ack += 500;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_silent(rig);
}

/* A slow reader costs its window and the promised least, not the whole answer. */
static void produce_is_pulled(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig->peer_window = 3000;
	rig_next(rig, ACK | PSH, "x", 1);
	rig_say(rig, session, 200000);
	rig_turn(rig);
	assert_true(session->out_at <= 3000 + STREAM_BUDGET_BYTES_MIN);
	for (unsigned i = 0; i < 10; i++)
		rig_turn(rig);
	assert_true(session->out_at <= 3000 + STREAM_BUDGET_BYTES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(one_short_answer_is_one_segment),
		RIG_TEST(a_window_taken_back_still_hears),
		RIG_TEST(long_answers_come_through),
		RIG_TEST(a_full_wire_waits),
		RIG_TEST(on_a_wire_without_chains),
		RIG_TEST(on_a_wire_with_short_chains),
		RIG_TEST(tso_segments_are_multiples),
		RIG_TEST(initial_window_and_slow_start),
		RIG_TEST(idle_connections_start_again),
		RIG_TEST(never_beyond_the_peers_window),
		RIG_TEST(window_that_shrinks),
		RIG_TEST(closed_window_is_probed),
		RIG_TEST(window_held_shut_for_ever),
		RIG_TEST(small_window_is_used_after_a_while),
		RIG_TEST(produce_is_pulled),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
