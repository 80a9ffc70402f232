/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a connection from every state (RFC 9293 3.6, figures 12 and 13). */
#include "rig.h"

#include "eal.h"

static struct rig_session *closing(struct rig *rig)
{
	struct rig_session *session = rig_accept(rig);
	struct stream_transport *transport = tcp_transport(rig->tcp);

	session->finally = STREAM_CLOSE;
	transport->ops->wake(transport, session->ref);
	rig_turn(rig);
	return session;
}

static void we_close_first(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = closing(rig);

	assert_int_equal(rig_expect(rig, FIN | ACK)->seq, rig->peer_ack);
	rig->peer_ack++;
	assert_int_equal(session->closed, 0);
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(session->closed, 1);
	assert_int_equal(session->reason, STREAM_CLOSED);
	rig_next(rig, FIN | ACK, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig_stats(rig).time_wait, 1);
	rig_turn(rig);
	rig_silent(rig);
}

/* Nobody reads what comes in FIN_WAIT_2, and the peer is told so (RFC 1122 4.2.2.13). */
static void data_after_the_close_is_reset(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = closing(rig);

	rig_expect(rig, FIN | ACK);
	rig->peer_ack++;
	rig_next(rig, ACK, NULL, 0);
	rig_next(rig, ACK | PSH, "late", 4);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, RST | ACK)->seq, rig->peer_ack);
	assert_int_equal(session->in_n, 0);
	assert_int_equal(rig_stats(rig).unread_resets, 1);
	assert_int_equal(rig_stats(rig).connections, 0);
	rig_silent(rig);
}

/* LOGOUT with more behind it: the answer and the FIN are acknowledged before the RST leaves. */
static void the_last_answer_comes_before_the_reset(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->finally = STREAM_CLOSE;
	session->take_max = 6;
	rig_say(rig, session, 3000);
	rig_next(rig, ACK | PSH, "LOGOUTgarbage", 13);
	rig_turn(rig);
	assert_int_equal(session->in_n, 6);
	rig_expect(rig, ACK);
	rig_expect(rig, ACK);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 3000 - 2 * RIG_MSS);
	rig_next(rig, ACK | PSH, "more", 4);
	rig_turn(rig);
	rig_expect(rig, ACK);
	rig->peer_ack += 3000;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_silent(rig);
	rig->peer_ack++;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(session->reason, STREAM_CLOSED);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, RST | ACK)->seq, rig->peer_ack);
	assert_int_equal(rig_stats(rig).unread_resets, 1);
}

/* Nothing said is under way: there is nothing that a RST could lose. */
static void unread_data_at_the_close_is_reset(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->finally = STREAM_CLOSE;
	session->take_max = 0;
	rig_next(rig, ACK | PSH, "unread", 6);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, RST | ACK)->seq, rig->peer_ack);
	rig_silent(rig);
	assert_int_equal(session->reason, STREAM_CLOSED);
	assert_int_equal(rig_stats(rig).connections, 0);
}

static void peer_closes_first(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_next(rig, FIN | ACK, "bye", 3);
	assert_int_equal(session->in_n, 3);
	assert_int_equal(session->ended, 1);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	/* CLOSE_WAIT: we may go on talking. */
	rig_say(rig, session, 100);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 100);
	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 50);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 50);
	rig->peer_ack += 151;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(session->reason, STREAM_CLOSED);
	assert_int_equal(session->closed, 1);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig_stats(rig).time_wait, 0);
}

/* A FIN in front of bytes that have come already is none. */
static void fin_before_what_was_received_lies(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	uint64_t malformed = rig_stats(rig).malformed;

	rig_segment(rig, ACK, rig->peer_seq + 10, rig->peer_ack, "kept bytes", 10);
	rig_segment(rig, FIN | ACK, rig->peer_seq + 5, rig->peer_ack, NULL, 0);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, "first come", 10);
	rig_turn(rig);
	assert_int_equal(rig_stats(rig).malformed, malformed + 1);
	assert_int_equal(session->in_n, 20);
	assert_int_equal(session->ended, 0);
	rig->peer_seq += 20;
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_turn(rig);
	assert_int_equal(session->ended, 1);
}

/* Both FINs cross: CLOSING, then TIME_WAIT. */
static void both_close_at_once(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = closing(rig);

	rig_expect(rig, FIN | ACK);
	rig_next(rig, FIN | ACK, NULL, 0); /* does not acknowledge ours */
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_int_equal(session->closed, 0);
	rig->peer_ack++;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(session->closed, 1);
	assert_int_equal(rig_stats(rig).time_wait, 1);
	rig_turn(rig);
	rig_silent(rig);
}

/* One segment acknowledges our FIN and brings theirs. */
static void fin_with_the_acknowledgement(void **state)
{
	struct rig *rig = *state;

	closing(rig);
	rig_expect(rig, FIN | ACK);
	rig->peer_ack++;
	rig_next(rig, FIN | ACK, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	assert_int_equal(rig_stats(rig).time_wait, 1);
}

static void close_waits_for_the_last_byte(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 20000);
	rig_turn(rig);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	rig_silent(rig);
	rig->peer_ack += 10 * RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	for (unsigned i = 0; i < 3; i++)
		rig_expect(rig, ACK);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 20000 - 13 * RIG_MSS);
	rig_silent(rig);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_RESET);
}

static void fin_goes_through_a_closed_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig->peer_window = 0;
	session = rig_accept(rig);
	session->finally = STREAM_CLOSE;
	rig_next(rig, ACK | PSH, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK);
	/* Nothing can be produced; not even the verdict is asked for. */
	assert_int_equal(session->closed, 0);
	rig->peer_window = 1000;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_expect(rig, FIN | ACK);
}

/* RST in each state with a connection. */
static void reset_in_every_state(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	session = closing(rig); /* FIN_WAIT_1 */
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_RESET);
	rig->peer_port++;
	rig_forget_sent(rig);
	session = closing(rig); /* FIN_WAIT_2 */
	rig->peer_ack++;
	rig_next(rig, ACK, NULL, 0);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_CLOSED);
	rig->peer_port++;
	rig_forget_sent(rig);
	session = closing(rig); /* CLOSING */
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_RESET);
	rig->peer_port++;
	rig_turn(rig);
	rig_forget_sent(rig);
	session = rig_accept(rig); /* CLOSE_WAIT */
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_RESET);
	rig->peer_port++;
	rig_turn(rig);
	rig_forget_sent(rig);
	session = rig_accept(rig); /* LAST_ACK */
	session->finally = STREAM_CLOSE;
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_turn(rig);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_int_equal(session->reason, STREAM_RESET);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig_stats(rig).reset_received, 5);
}

static void fin_wait_2_ends(void **state)
{
	struct rig *rig = *state;

	closing(rig);
	rig->peer_ack++;
	rig_next(rig, ACK, NULL, 0);
	rig_sleep(rig, 59000);
	assert_int_equal(rig_stats(rig).connections, 1);
	rig_sleep(rig, 2000);
	assert_int_equal(rig_stats(rig).connections, 0);
}

/* A peer that vanishes while we close. */
static void nobody_acknowledges_the_fin(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = closing(rig);

	rig_sleep(rig, 300000);
	assert_int_equal(session->reason, STREAM_TIMEOUT);
	assert_int_equal(rig_stats(rig).connections, 0);
}

static void fin_repeated_is_acknowledged_again(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_turn(rig);
	rig_expect(rig, ACK);
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, "beyond", 6);
	rig_turn(rig);
	rig_silent(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(we_close_first),
		RIG_TEST(data_after_the_close_is_reset),
		RIG_TEST(the_last_answer_comes_before_the_reset),
		RIG_TEST(unread_data_at_the_close_is_reset),
		RIG_TEST(peer_closes_first),
		RIG_TEST(fin_before_what_was_received_lies),
		RIG_TEST(both_close_at_once),
		RIG_TEST(fin_with_the_acknowledgement),
		RIG_TEST(close_waits_for_the_last_byte),
		RIG_TEST(fin_goes_through_a_closed_window),
		RIG_TEST(reset_in_every_state),
		RIG_TEST(fin_wait_2_ends),
		RIG_TEST(nobody_acknowledges_the_fin),
		RIG_TEST(fin_repeated_is_acknowledged_again),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
