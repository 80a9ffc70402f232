/* SPDX-License-Identifier: Apache-2.0 */
/* What is believed and what is not: RFC 9293 3.10.7.4, RFC 5961, RFC 7323. */
#include "rig.h"

#include "eal.h"

static void reset_only_at_the_next_sequence(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_segment(rig, RST, rig->peer_seq - 1, 0, NULL, 0);
	rig_segment(rig, RST, rig->peer_seq + 100000, 0, NULL, 0);
	rig_silent(rig);
	rig_segment(rig, RST, rig->peer_seq + 1, 0, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_int_equal(session->closed, 0);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->closed, 1);
	assert_int_equal(session->reason, STREAM_RESET);
	assert_int_equal(rig_stats(rig).connections, 0);
	rig_turn(rig);
	rig_silent(rig);
}

static void challenges_are_limited(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	for (unsigned i = 0; i < 100; i++) {
		rig_segment(rig, SYN, rig->peer_seq + 5, 0, NULL, 0);
		rig_segment(rig, RST, rig->peer_seq + 5, 0, NULL, 0);
		rig_segment(rig, ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
		rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + 100, NULL, 0);
	}
	rig_expect(rig, ACK);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).challenge_acks, 1);
	rig_sleep(rig, 201);
	rig_segment(rig, SYN, rig->peer_seq + 5, 0, NULL, 0);
	rig_expect(rig, ACK);
}

static void syn_never_resets(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_segment(rig, SYN, rig->peer_seq, 0, NULL, 0);
	rig_expect(rig, ACK);
	rig_sleep(rig, 300);
	rig_segment(rig, SYN | ACK, rig->peer_seq, rig->peer_ack, "x", 1);
	rig_expect(rig, ACK);
	assert_int_equal(session->in_n, 0);
	assert_int_equal(session->closed, 0);
}

/* RFC 5961 5.2: data with an acknowledgement out of range is not taken. */
static void forged_acknowledgements(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + 1, "x", 1);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack - 70000, "x", 1);
	rig_segment(rig, PSH, rig->peer_seq, 0, "x", 1);
	/* Of what lies before our first byte. */
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack - 1, "x", 1);
	assert_int_equal(session->in_n, 0);
	rig_forget_sent(rig);
	rig_say(rig, session, 100);
	rig_turn(rig);
	rig->peer_ack += rig_expect(rig, ACK)->len;
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, NULL, 0);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack - 101, "x", 1);
	assert_int_equal(session->in_n, 0);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack - 100, "x", 1);
	assert_int_equal(session->in_n, 1); /* merely old */
}

/* What is as far before as it is behind is neither: in no path may it count as new. */
static void acknowledgement_half_the_space_away(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + (1U << 31), "x", 1);
	assert_int_equal(session->in_n, 0);
	rig_forget_sent(rig);
	rig_say(rig, session, 100);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + (1U << 31), "x", 1);
	assert_int_equal(session->in_n, 0);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + 100, "x", 1);
	assert_int_equal(session->in_n, 1);
}

static void old_data_is_acknowledged_again(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_next(rig, ACK | PSH, "hello", 5);
	rig_turn(rig);
	rig_expect(rig, ACK);
	rig_segment(rig, ACK, rig->peer_seq - 5, rig->peer_ack, "hello", 5);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	/* Half old, half new. */
	rig_segment(rig, ACK, rig->peer_seq - 2, rig->peer_ack, "lo world", 8);
	assert_int_equal(session->in_n, 11);
	assert_memory_equal(session->in, "hello world", 11);
}

/* A request is acknowledged with its answer or at the end of the turn, never by timer. */
static void requests_are_acknowledged_in_their_turn(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_next(rig, ACK | PSH, "a noop", 6);
	rig_silent(rig);
	rig_say(rig, session, 100);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	rig_silent(rig);
	session->finally = STREAM_WAIT;
	rig_next(rig, ACK | PSH, "b noop", 6);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 0);
	rig_silent(rig);
}

static void every_second_full_segment(void **state)
{
	static const uint8_t full[RIG_MSS];
	struct rig *rig = *state;

	rig_accept(rig);
	for (unsigned i = 0; i < 16; i++) { /* at first each one */
		rig_next(rig, ACK, full, sizeof(full));
		rig_turn(rig);
		assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	}
	rig_next(rig, ACK, full, sizeof(full));
	rig_turn(rig);
	rig_silent(rig);
	rig_sleep(rig, 41);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	rig_next(rig, ACK, full, sizeof(full));
	rig_next(rig, ACK, full, sizeof(full));
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	rig_sleep(rig, 100);
	rig_silent(rig);
}

static void paws(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 1000;
	session = rig_accept(rig);
	rig->peer_options.value = 2000;
	rig_next(rig, ACK | PSH, "new", 3);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->options.echo, 2000);
	rig->peer_options.value = 1999;
	rig_segment(rig, ACK | PSH, rig->peer_seq, rig->peer_ack, "old", 3);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_int_equal(session->in_n, 3);
	assert_int_equal(rig_stats(rig).paws_dropped, 1);
	rig->peer_options.timestamps = false;
	rig_segment(rig, ACK | PSH, rig->peer_seq, rig->peer_ack, "bare", 4);
	assert_int_equal(session->in_n, 3);
	/* RST needs none (RFC 7323 3.2). */
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->closed, 1);
}

/* A segment ahead of a gap must not move the echoed value (RFC 7323 4.3). */
static void timestamp_of_the_first_unacknowledged(void **state)
{
	struct rig *rig = *state;

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 1000;
	rig_accept(rig);
	rig->peer_options.value = 1005;
	rig_segment(rig, ACK, rig->peer_seq + 10, rig->peer_ack, "ahead", 5);
	assert_int_equal(rig_expect(rig, ACK)->options.echo, 1000);
}

static void window_update_rules(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->peer_window = 2000;
	session = rig_accept(rig);
	/* A segment that starts before the last one does not bring its older window back. */
	rig_next(rig, ACK, "w", 1);
	rig_next(rig, ACK, "x", 1);
	rig->peer_window = 60000;
	rig_segment(rig, ACK, rig->peer_seq - 2, rig->peer_ack, "wxy", 3);
	assert_int_equal(session->in_n, 3);
	rig_turn(rig);
	rig_forget_sent(rig);
	rig_say(rig, session, 10000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	rig_silent(rig);
}

static void most_segments_are_predicted(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 10; i++) {
		rig_next(rig, ACK | PSH, "a fetch", 7);
		rig_say(rig, session, 1000);
		rig_turn(rig);
		rig->peer_ack = rig_expect(rig, ACK)->seq + 1000;
	}
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig_stats(rig).header_prediction, 11);
	assert_int_equal(session->in_n, 70);
}

/* A client that pipelines its commands: the next one waits, unread, while the answer leaves. */
static void acks_are_predicted_beside_unread_input(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	uint64_t before;

	session->take_max = 0;
	rig_next(rig, ACK | PSH, "unread", 6);
	rig_say(rig, session, RIG_MSS);
	rig_turn(rig);
	rig_forget_sent(rig);
	before = rig_stats(rig).header_prediction;
	rig->peer_ack += RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig_stats(rig).header_prediction, before + 1);
	rig_turn(rig);
	session->take_max = RIG_BYTES;
	rig_say(rig, session, 1);
	rig_turn(rig);
	assert_memory_equal(session->in, "unread", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(reset_only_at_the_next_sequence),
		RIG_TEST(challenges_are_limited),
		RIG_TEST(syn_never_resets),
		RIG_TEST(forged_acknowledgements),
		RIG_TEST(acknowledgement_half_the_space_away),
		RIG_TEST(old_data_is_acknowledged_again),
		RIG_TEST(requests_are_acknowledged_in_their_turn),
		RIG_TEST(every_second_full_segment),
		RIG_TEST(paws),
		RIG_TEST(timestamp_of_the_first_unacknowledged),
		RIG_TEST(window_update_rules),
		RIG_TEST(most_segments_are_predicted),
		RIG_TEST(acks_are_predicted_beside_unread_input),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
