/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions for nothing: F-RTO (RFC 5682), Eifel (RFC 3522), D-SACK (RFC 3708); and recovery after
 * a timeout that was for something (RFC 2018 8, RFC 6675). */
#include "loss.h"

#include "eal.h"

/* Eight segments in flight, the timer runs out, the first goes again. */
static struct rig_session *timed_out(struct rig *rig)
{
	struct rig_session *session = loss_begin(rig, 10, true);

	loss_flight(rig, session, 8);
	rig_sleep(rig, 15); /* the probe */
	loss_expect(rig, 7);
	rig_say(rig, session, 10 * RIG_MSS);
	rig_forget_sent(rig);
	return session;
}

/* 3.1: two new segments, and then a receipt for what was sent once: the timeout was for nothing. */
static void frto_finds_it(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 8, true);

	loss_flight(rig, session, 8);
	loss_connection(rig)->loss &= (uint16_t)~LOSS_SAMPLED; /* no probe */
	rig_say(rig, session, 10 * RIG_MSS);
	rig_turn(rig);
	rig_silent(rig);
	rig_sleep(rig, 215);
	loss_expect(rig, 0);
	rig_silent(rig);
	ACKED(rig, 1);
	loss_expect(rig, 8);
	loss_expect(rig, 9);
	rig_silent(rig);
	ACKED(rig, 2);
	assert_int_equal(rig_stats(rig).rto_spurious, 1);
	assert_true(loss_connection(rig)->cwnd >= 8 * RIG_MSS);
	assert_int_equal(loss_connection(rig)->lost_n, 0);
	rig_forget_sent(rig);
}

/* 3.1 step 3a: a receipt for what is new says nothing of the kind. */
static void frto_goes_on(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 8, true);

	loss_flight(rig, session, 8);
	loss_connection(rig)->loss &= (uint16_t)~LOSS_SAMPLED;
	rig_say(rig, session, 10 * RIG_MSS);
	rig_turn(rig);
	rig_sleep(rig, 215);
	loss_expect(rig, 0);
	ACKED(rig, 1);
	loss_expect(rig, 8);
	loss_expect(rig, 9);
	SACKED(rig, 1, {8, 9});
	loss_expect(rig, 1);
	assert_int_equal(rig_stats(rig).rto_spurious, 0);
	assert_true(loss_connection(rig)->loss & LOSS_TIMEOUT);
}

/* RFC 3522: the first acknowledgement after a retransmission carries the original's time. */
static void eifel(struct rig *rig, bool original)
{
	struct rig_session *session;

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 7;
	session = loss_begin(rig, 10, true);
	rig_say(rig, session, 10 * (RIG_MSS - 12));
	rig_turn(rig);
	rig->peer_options.echo = rig_expect(rig, ACK)->options.value;
	rig_forget_sent(rig);
	loss_wait(rig, 5);
	SACKED(rig, 0, {5, 9});
	if (rig->sent_at == rig->sent_n)
		fail_msg("no recovery");
	if (!original)
		rig->peer_options.echo = rig_expect(rig, ACK)->options.value;
	assert_int_equal(rig_stats(rig).recoveries, 1);
	rig->peer_seq += 0;
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + 2 * (RIG_MSS - 12), NULL, 0);
	rig_turn(rig);
}

static void eifel_finds_it(void **state)
{
	eifel(*state, true);
	assert_int_equal(rig_stats(*state).recovery_spurious, 1);
	assert_true(loss_connection(*state)->cwnd >= 10 * (RIG_MSS - 12));
	assert_true(tcp_scoreboard_check(loss_connection(*state)));
}

static void eifel_sees_a_true_loss(void **state)
{
	eifel(*state, false);
	assert_int_equal(rig_stats(*state).recovery_spurious, 0);
	assert_true(loss_connection(*state)->flags & C_RECOVERY);
}

/* RFC 3708: everything that was sent again came twice. */
static void dsack_takes_it_back(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 10);
	SACKED(rig, 0, {1, 4});
	loss_expect(rig, 0);
	ACKED(rig, 4);
	assert_int_equal(rig_stats(rig).recovery_spurious, 0);
	SACKED(rig, 4, {0, 1});
	assert_int_equal(rig_stats(rig).recovery_spurious, 1);
	assert_true(loss_connection(rig)->cwnd >= 10 * RIG_MSS);
	assert_false(loss_connection(rig)->flags & C_RECOVERY);
	assert_true(loss_connection(rig)->loss & LOSS_REORDERING);
}

/* What is SACKed is not sent again after a timeout. */
static void the_scoreboard_outlives_a_timeout(void **state)
{
	struct rig *rig = *state;

	timed_out(rig);
	SACKED(rig, 0, {2, 3}, {4, 5});
	rig_forget_sent(rig);
	rig_sleep(rig, 450);
	rig_forget_sent(rig);
	assert_true(rig_stats(rig).retransmit_timeout >= 1);
	assert_int_equal(loss_connection(rig)->sacked_n, 2);
}

/* RFC 2018 8: a peer that acknowledges up to what it has SACKed has forgotten it. */
static void reneging(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 8);
	SACKED(rig, 0, {2, 8});
	rig_forget_sent(rig);
	ACKED(rig, 2);
	rig_forget_sent(rig);
	assert_int_equal(loss_connection(rig)->sacked_n, 6);
	rig_sleep(rig, 250);
	loss_expect(rig, 2);
	assert_int_equal(rig_stats(rig).reneged, 1);
	ACKED(rig, 3);
	loss_expect(rig, 3);
	loss_expect(rig, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(frto_finds_it),
		RIG_TEST(frto_goes_on),
		RIG_TEST(eifel_finds_it),
		RIG_TEST(eifel_sees_a_true_loss),
		RIG_TEST(dsack_takes_it_back),
		RIG_TEST(the_scoreboard_outlives_a_timeout),
		RIG_TEST(reneging),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
