/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "eal.h"
#include "pacing.h"

static const uint64_t ms = 1000000;

/* A connection over a path with this round trip. */
static struct rig_session *accepted(struct rig *rig, uint64_t rtt_ns)
{
	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	rig_turn(rig);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	rig->clock.mono_ns += rtt_ns;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_forget_sent(rig);
	return &rig->sessions[0];
}

static void acked(struct rig *rig, uint32_t segments)
{
	rig->peer_ack += segments * RIG_MSS;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
}

/* The first flight leaves at once; of the second, which slow start has doubled, ten segments
 * and then one in half a millisecond: twice the window in a round trip. */
static void leaves_at_twice_the_window_in_slow_start(void **state)
{
	const uint64_t step_ns = 16384; /* of the wheel */
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, 20 * ms);
	uint64_t left_ns;

	rig_say(rig, session, 200000);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 10);
	rig->clock.mono_ns += 20 * ms;
	rig_forget_sent(rig);
	acked(rig, 10);
	assert_in_range(rig->sent_n, 10, 11);
	for (unsigned sent = rig->sent_n; sent < 20; sent++) {
		left_ns = rig->clock.mono_ns;
		while (rig->sent_n == sent) {
			/* The loop may sleep that long, and no longer. */
			assert_true(tcp_next_ns(rig->tcp) <= left_ns + ms / 2 + step_ns);
			rig->clock.mono_ns += step_ns;
			rig_turn(rig);
		}
		assert_int_equal(rig->sent_n, sent + 1);
		assert_in_range(rig->clock.mono_ns - left_ns, ms / 2 - 2 * step_ns,
				ms / 2 + 2 * step_ns);
	}
	assert_in_range(rig_stats(rig).pacing_waits, 9, 10);
}

/* Nothing waits where the round trip is short, however large the window. */
static void short_paths_wait_for_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, ms);

	rig->peer_window = 65535;
	rig_say(rig, session, 200000);
	rig_turn(rig);
	for (unsigned flight = 10; flight < 40; flight += 8) {
		assert_int_equal(rig->sent_n, flight);
		rig->clock.mono_ns += ms;
		rig_forget_sent(rig);
		acked(rig, flight);
	}
	assert_int_equal(rig_stats(rig).pacing_waits, 0);
}

/* From which round trip on. */
static void long_paths_wait(void **state)
{
	struct tcp tcp = {.now_ns = 5000 * ms};
	struct connection c = {.cwnd = 100 * RIG_MSS, .mss = RIG_MSS, .snd_nxt = 50 * RIG_MSS};

	(void)state;
	for (c.srtt_us = TCP_PACED_RTT_US - 1; c.srtt_us <= TCP_PACED_RTT_US; c.srtt_us++) {
		tcp_pacing_begin(&tcp, &c);
		tcp_pacing_sent(&c, 200 * RIG_MSS);
		assert_int_equal(tcp_pacing_waits(&tcp, &c), c.srtt_us == TCP_PACED_RTT_US);
	}
}

/* What a late wake-up owes leaves with it, a millisecond's worth: the rate holds. */
static void late_wake_ups_cost_no_rate(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, 5 * ms);
	unsigned sent;

	rig_say(rig, session, 200000);
	rig_turn(rig);
	rig->clock.mono_ns += 5 * ms;
	acked(rig, 10);
	sent = rig->sent_n;
	assert_in_range(sent, 20, 21);
	rig->clock.mono_ns += ms + ms / 2;
	rig_turn(rig);
	assert_in_range(rig->sent_n - sent, 8, 9);
}

/* The session is not asked for what would only wait. */
static void production_waits_too(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, 20 * ms);

	rig_say(rig, session, 10 * RIG_MSS);
	rig_turn(rig);
	rig->clock.mono_ns += 20 * ms;
	acked(rig, 10);
	rig_say(rig, session, 12 * RIG_MSS);
	rig_turn(rig);
	rig_say(rig, session, 8 * RIG_MSS);
	rig_turn(rig);
	assert_int_equal(session->out_at, 22 * RIG_MSS);
	rig_sleep(rig, 10);
	assert_int_equal(session->out_at, 30 * RIG_MSS);
}

/* A chain for TSO is a millisecond of the rate: at 20 segments in 20 ms, twice, two of them. */
static void chains_are_cut_to_the_rate(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig_teardown(state);
	rig_tso_bytes_max = 65536;
	rig_segments_max = 40;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	session = accepted(rig, 20 * ms);
	rig_say(rig, session, 200000);
	rig_turn(rig);
	rig->clock.mono_ns += 20 * ms;
	rig_forget_sent(rig);
	acked(rig, 10);
	rig_sleep(rig, 15);
	assert_true(rig->sent_n >= 10);
	for (unsigned i = 0; i < rig->sent_n; i++)
		assert_true(rig->sent[i].len <= 2 * RIG_MSS);
}

/* The end of the stream waits behind its last bytes, and then does not. */
static void the_end_is_paced_like_its_bytes(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, 20 * ms);

	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 25 * RIG_MSS);
	rig_turn(rig);
	rig->clock.mono_ns += 20 * ms;
	acked(rig, 10);
	rig_forget_sent(rig);
	rig_sleep(rig, 15);
	assert_true(rig->sent_n > 0);
	assert_int_equal(rig->sent[rig->sent_n - 1].flags & FIN, FIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(leaves_at_twice_the_window_in_slow_start),
		RIG_TEST(short_paths_wait_for_nothing),
		cmocka_unit_test(long_paths_wait),
		RIG_TEST(late_wake_ups_cost_no_rate),
		RIG_TEST(production_waits_too),
		RIG_TEST(chains_are_cut_to_the_rate),
		RIG_TEST(the_end_is_paced_like_its_bytes),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
