/* SPDX-License-Identifier: Apache-2.0 */
/* The loss probe (RFC 8985 7). */
#include "loss.h"

#include "eal.h"

enum { WAIT_MS = 10, ACK_DELAY_MS = 60 };

/* The tail of a flight is lost: the last segment goes again long before the RTO, and what its
 * acknowledgement says is recovered without it. */
static void tail_is_probed_for(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 6);
	ACKED(rig, 3);
	rig_sleep(rig, WAIT_MS - 1);
	rig_silent(rig);
	rig_sleep(rig, 2);
	loss_expect(rig, 5);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).tlp_probes, 1);
	loss_wait(rig, RTT_MS);
	SACKED(rig, 3, {5, 6});
	loss_expect(rig, 3);
	loss_wait(rig, RTT_MS);
	ACKED(rig, 4);
	loss_expect(rig, 4);
	ACKED(rig, 6);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 0);
}

/* 7.3: new data, if there is any, rather than old; beyond the congestion window. */
static void new_data_is_the_better_probe(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 4, true);
	const struct rig_segment *s;

	/* The window has room for a part of the fifth, which waits for more. */
	loss_connection(rig)->cwnd += 1000;
	rig_say(rig, session, 9 * RIG_MSS);
	rig_turn(rig);
	for (uint32_t i = 0; i < 4; i++)
		loss_expect(rig, i);
	rig_silent(rig);
	rig_sleep(rig, WAIT_MS + 1);
	s = rig_expect(rig, ACK);
	assert_int_equal(s->seq, seq_of(rig, 4));
	assert_int_equal(s->len, 1000);
	rig_silent(rig);
	/* And it is one, until it is acknowledged; then comes the RTO. */
	rig_sleep(rig, 150);
	rig_silent(rig);
	rig_sleep(rig, 60);
	loss_expect(rig, 0);
	assert_int_equal(rig_stats(rig).tlp_probes, 1);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 1);
}

/* 7.2: one segment may be acknowledged late. */
static void one_segment_has_time(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 1);
	rig_sleep(rig, ACK_DELAY_MS);
	rig_silent(rig);
	rig_sleep(rig, 4);
	loss_expect(rig, 0);
}

/* 7.4.2: a probe that has repaired a loss alone is a loss all the same. */
static void repaired_by_the_probe(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 10, true);

	loss_flight(rig, session, 6);
	ACKED(rig, 5);
	rig_sleep(rig, ACK_DELAY_MS + 4);
	loss_expect(rig, 5);
	ACKED(rig, 6);
	rig_say(rig, session, RIG_MSS);
	rig_turn(rig);
	loss_expect(rig, 6);
	assert_int_equal(rig_stats(rig).tlp_recovered, 0);
	ACKED(rig, 7);
	assert_int_equal(rig_stats(rig).tlp_recovered, 1);
	assert_true(loss_connection(rig)->cwnd < 10 * RIG_MSS);
}

/* Case 1: a D-SACK says that the original had come. */
static void probe_for_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 10, true);

	loss_flight(rig, session, 6);
	ACKED(rig, 5);
	rig_sleep(rig, ACK_DELAY_MS + 4);
	loss_expect(rig, 5);
	ACKED(rig, 6);
	SACKED(rig, 6, {5, 6});
	rig_say(rig, session, RIG_MSS);
	rig_turn(rig);
	ACKED(rig, 7);
	assert_int_equal(rig_stats(rig).tlp_recovered, 0);
	assert_true(loss_connection(rig)->cwnd >= 10 * RIG_MSS);
}

/* 7.3: no second probe before a round trip was measured: the first is not timed. */
static void one_probe_a_sample(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 10, true);

	loss_flight(rig, session, 1);
	rig_sleep(rig, ACK_DELAY_MS + 4);
	loss_expect(rig, 0);
	ACKED(rig, 1);
	SACKED(rig, 1, {0, 1});
	loss_flight(rig, session, 1);
	rig_sleep(rig, ACK_DELAY_MS + 4);
	rig_silent(rig);
	rig_sleep(rig, 300);
	loss_expect(rig, 1);
	assert_int_equal(rig_stats(rig).tlp_probes, 1);
}

/* RACK-TLP needs SACK. */
static void without_sack_no_probe(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, false), 6);
	rig_sleep(rig, 190);
	rig_silent(rig);
	rig_sleep(rig, 20);
	loss_expect(rig, 0);
	assert_int_equal(rig_stats(rig).tlp_probes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(tail_is_probed_for),	 RIG_TEST(new_data_is_the_better_probe),
		RIG_TEST(one_segment_has_time),	 RIG_TEST(repaired_by_the_probe),
		RIG_TEST(probe_for_nothing),	 RIG_TEST(one_probe_a_sample),
		RIG_TEST(without_sack_no_probe),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
